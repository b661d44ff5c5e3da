"""What the lines of a sheet are about, looked up in the plant in force and among the studies that are kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from anlan.model.words import Label
from anlan.risk.worksheets.sheet import Sheet, links_of
from anlan.web.context import PlantView


@dataclass(frozen=True, slots=True)
class Linked:
    """`found`: True, False (gone, or never there), None where nobody can tell. `place`: where it stands, "" if nowhere."""

    kind: str
    id: str
    found: bool | None
    name: Label
    place: str = ""

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, "id": self.id, "found": self.found, "name": self.name.model_dump(), "place": self.place}


class Elements:
    """`studies`: id → (kind, name) of those that are kept; None when they cannot be read. `barriers`: of each bow-tie that computes here, its
    barriers by id."""

    def __init__(
        self,
        plant: PlantView,
        studies: Mapping[str, tuple[str, Label]] | None,
        barriers: Mapping[str, Mapping[str, Label]] | None = None,
    ) -> None:
        self._plant, self._studies, self._barriers = plant, studies, barriers or {}

    def look(self, kind: str, id: str) -> Linked:
        plant = self._plant
        if kind == "place":
            place = plant.places.get(id)
            return _told(kind, id, place is not None, place.name if place else None, id)
        if kind == "point":
            number = plant.point_numbers.get(id)
            point = plant.points[number] if number is not None else None
            return _told(kind, id, point is not None, point.name if point else None, point.place if point else "")
        if kind == "document":
            document = next((one for one in plant.documents if one.id == id), None)
            return _told(kind, id, document is not None, document.name if document else None, document.place if document else "")
        if self._studies is None:
            return _told(kind, id, None, None)
        name, _, barrier = id.partition("/")
        study = self._studies.get(id if kind == "study" else name)
        if kind == "study" or study is None or study[0] != "bow-tie":
            return _told(kind, id, kind == "study" and study is not None, study[1] if study is not None else None)
        # A barrier is named by its bow-tie: STUDY/BARRIER. A bow-tie that does not compute tells none of its barriers.
        known = self._barriers.get(name)
        return _told(kind, id, None if known is None else barrier in known, (known or {}).get(barrier))

    def all(self, sheet: Sheet) -> list[Linked]:
        """Each once, in the order of the lines."""
        return [self.look(kind, id) for kind, id in dict.fromkeys(linked(sheet))]


def _told(kind: str, id: str, found: bool | None, name: Label | None, place: str = "") -> Linked:
    return Linked(kind, id, found, name or Label(zh=id, en=id), place if found else "")


def linked(sheet: Sheet) -> Iterable[tuple[str, str]]:
    """(kind, id) of every link of every line."""
    names = [one.name for one in sheet.columns if one.type == "links"]
    for line in sheet.lines:
        for name in names:
            yield from links_of(line.cells.get(name, ""))
