"""plant.yaml section by section into the draft; each entry remembers its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FolderPath
from typing import Any, TypeVar

from pydantic import BaseModel

from anlan.model.drawings import DrawingEntry
from anlan.model.errors import DriverError, InputError, NotFound
from anlan.model.links import Camera, Document
from anlan.model.places import Area, Level, Place
from anlan.model.shifts import Shift
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.detectors.config import DetectorSettings
from anlan.monitor.safety.config import SafetySystem
from anlan.plant.description import (
    AlarmSettings,
    CalculatedPoint,
    Calculation,
    DataSettings,
    PlaceEntry,
    Post,
    Site,
    Vote,
    enterprise,
)
from anlan.plant.draft import Draft, PlaceIndex
from anlan.plant.findings import Findings, Where
from anlan.plant.hazards_section import read_hazards
from anlan.plant.validation import shown, unknown_key, validated
from anlan.plant.yaml_file import Located, Path
from anlan.sense.config import SourceConfig

M = TypeVar("M", bound=BaseModel)
C = TypeVar("C", bound=Calculation)

SECTIONS = (
    "plant",
    "posts",
    "shifts",
    "places",
    "areas",
    "sources",
    "calculated",
    "votes",
    "safety",
    "detectors",
    "documents",
    "cameras",
    "drawings",
    "hazards",
    "alarms",
    "data",
)
SOURCE_KEYS = frozenset(SourceConfig.model_fields) - {"options"}
"""Keys of a source that are ours; all others are its driver's options."""


@dataclass(slots=True)
class Sections:
    """Reads `located`, whose value is a mapping, into `draft`."""

    located: Located
    draft: Draft
    findings: Findings
    folder: FolderPath | None = None
    """Where strapping tables of their own lie."""
    drawings: list[DrawingEntry] = field(default_factory=list)
    """What the section `drawings` says; their pictures are looked at by `drawings.reading`."""

    def read(self) -> None:
        """Everything but the alarm rules, which may speak of points."""
        for key in self.located.value:
            if key not in SECTIONS:
                unknown_key(key, SECTIONS, self.located.where((key,)), self.findings)
        self._site()
        self.draft.posts += [post for post, where in self._entries(Post, "posts") if self._note("post", post.id, where)]
        self.draft.shifts += [shift for shift, where in self._entries(Shift, "shifts") if self._note("shift", shift.id, where)]
        self._places()
        self.draft.areas += [area for area, where in self._entries(Area, "areas") if self._note("area", area.id, where)]
        self._sources()
        self.draft.calculated += self._points_of(CalculatedPoint, "calculated")
        self.draft.votes += self._points_of(Vote, "votes")
        self.draft.where["safety", ""] = self.located.where(("safety",))
        self.draft.safety = self._valid(SafetySystem, self._mapping("safety"), ("safety",)) or self.draft.safety
        self.draft.detectors = self._valid(DetectorSettings, self._mapping("detectors"), ("detectors",)) or self.draft.detectors
        self.draft.documents += [
            one for one, where in self._entries(Document, "documents") if self._note("document", one.id, where)
        ]
        self.draft.cameras += [one for one, where in self._entries(Camera, "cameras") if self._note("camera", one.id, where)]
        self.drawings += [one for one, where in self._entries(DrawingEntry, "drawings") if self._note("drawing", one.id, where)]
        read_hazards(self.located, self._mapping("hazards"), self.folder, self.draft, self.findings)
        alarms = {key: value for key, value in self._mapping("alarms").items() if key != "rules"}
        self.draft.where["escalation", ""] = self.located.where(("alarms", "escalation"))
        self.draft.alarms = self._valid(AlarmSettings, alarms, ("alarms",)) or self.draft.alarms
        self.draft.data = self._valid(DataSettings, self._mapping("data"), ("data",)) or self.draft.data

    def read_rules(self, places: PlaceIndex) -> None:
        """The rules written out one by one; each replaces the one of the same id that a point's line gave."""
        self.draft.calculated = [_placed(one, places, self.draft, self.findings) for one in self.draft.calculated]
        self.draft.votes = [_placed(one, places, self.draft, self.findings) for one in self.draft.votes]
        alarms = self._mapping("alarms", quiet=True)
        lines = {key: where for key, where in self.draft.where.items() if key[0] != "rule"}
        from_points = self.draft.where
        place_of = {p.id: p.place for p in self.draft.points}
        place_of |= {p.id: p.place for p in self.draft.calculated} | {v.id: v.place for v in self.draft.votes}
        self.draft.where = lines
        for i, entry in enumerate(self._listed(alarms.get("rules"), ("alarms", "rules"))):
            path: Path = ("alarms", "rules", i)
            rule = self._valid(AlarmRule, _with_id(entry), path)
            if rule is not None and self._note("rule", rule.id, self.located.where((*path, "id"))):
                # As in a point's line, the post of the place is meant unless another (or none: "") is written.
                post = rule.post if "post" in entry else places.post_of(place_of.get(rule.point, ""))
                self.draft.rules[rule.id] = rule.model_copy(update={"post": post})
        self.draft.where = from_points | self.draft.where

    def _site(self) -> None:
        if "plant" not in self.located.value:
            self.findings.mistake("missing-key", "the key {key} is missing", Where(self.located.file, 1), key="plant")
            return
        self.draft.site = self._valid(Site, self.located.value["plant"], ("plant",))
        for key in ("zone", "region", "credit_code"):
            self.draft.where["plant", key] = self.located.where(("plant", key))

    # --- places ------------------------------------------------------------------------------------------------------------

    def _places(self) -> None:
        # Without the enterprise's id there are no paths, but the entries' own mistakes are still worth telling.
        entries = [
            self._valid(PlaceEntry, e, ("places", i))
            for i, e in enumerate(self._listed(self.located.value.get("places"), ("places",)))
        ]
        # Also under a section `plant` with mistakes: else every point's place would be called unknown as well.
        root = enterprise(self.draft.site or Site(id="plant", name=Label(en="?")))
        self.draft.places.append(root)
        self.draft.where["place", root.path] = self.located.where(("plant",))
        for i, entry in enumerate(entries):
            if entry is not None:
                self._grow(entry, root, ("places", i))

    def _grow(self, entry: PlaceEntry, parent: Place, path: Path) -> None:
        usual = Level.UNIT if parent.level < Level.UNIT else Level.EQUIPMENT
        place = Place(
            id=entry.id,
            name=entry.name,
            level=Level[entry.level.upper()] if entry.level else usual,
            parent=parent.path,
            position=entry.position,
            post=entry.post,
            sector=entry.sector,
        )
        if self._note("place", place.path, self.located.where((*path, "id"))):
            self.draft.places.append(place)
        for i, below in enumerate(entry.places):
            self._grow(below, place, (*path, "places", i))

    # --- sources -----------------------------------------------------------------------------------------------------------

    def _sources(self) -> None:
        for i, entry in enumerate(self._listed(self.located.value.get("sources"), ("sources",))):
            source = self._valid(SourceConfig, _with_options(entry), ("sources", i))
            if source is not None and self._note("source", source.id, self.located.where(("sources", i, "id"))):
                self.draft.sources.append(source)
                self._check_options(source, ("sources", i))

    def _check_options(self, source: SourceConfig, path: Path) -> None:
        from anlan.sense.registry import driver

        try:
            config = driver(source.driver).Config
        except (NotFound, DriverError) as wrong:
            self.findings.wrong("unknown-driver", InputError(wrong.message, **wrong.facts), self.located.where((*path, "driver")))
        else:
            self._valid(config, source.options, path)

    # --- calculated points -------------------------------------------------------------------------------------------------

    def _points_of(self, model: type[C], key: str) -> list[C]:
        return [one for one, where in self._entries(model, key) if self._note("point", one.id, where)]

    # --- entries -----------------------------------------------------------------------------------------------------------

    def _entries(self, model: type[M], key: str) -> list[tuple[M, Where]]:
        """The valid entries of a list section, each with the line of its id."""
        found = [
            (self._valid(model, entry, (key, i)), self.located.where((key, i, "id")))
            for i, entry in enumerate(self._listed(self.located.value.get(key), (key,)))
        ]
        return [(entry, where) for entry, where in found if entry is not None]

    def _note(self, kind: str, identifier: str, where: Where) -> bool:
        """Remember where an id stands; False and a mistake if it stands elsewhere already."""
        first = self.draft.where.setdefault((kind, identifier), where)
        if first is not where:
            message = "the {kind} {id} stands here a second time; the first is in line {first}"
            self.findings.mistake("duplicate-id", message, where, kind=kind, id=identifier, first=first.line)
        return first is where

    def _valid(self, model: type[M], value: Any, path: Path) -> M | None:
        return validated(model, value, self.located, path, self.findings)

    def _listed(self, value: Any, path: Path) -> list[Any]:
        if value is None or isinstance(value, list):
            return value or []
        message = "{key} was {found}; a list was expected"
        self.findings.mistake("value", message, self.located.where(path), key=path[-1], found=shown(value))
        return []

    def _mapping(self, key: str, *, quiet: bool = False) -> Mapping[str, Any]:
        value = self.located.value.get(key)
        if value is None or isinstance(value, dict):
            return value or {}
        if not quiet:
            message = "{key} was {found}; keys with values was expected"
            self.findings.mistake("value", message, self.located.where((key,)), key=key, found=shown(value))
        return {}


def _placed(one: C, places: PlaceIndex, draft: Draft, findings: Findings) -> C:
    """With its full place; the enterprise's own where none is written."""
    try:
        path = places.resolve(one.place) if one.place else places.root
    except InputError as wrong:
        findings.wrong("unknown-place", wrong, draft.where["point", one.id])
        return one
    return one.model_copy(update={"place": path})


def _with_id(entry: Any) -> Any:
    """A rule's id follows from its point and kind."""
    if isinstance(entry, dict) and "id" not in entry and {"point", "kind"} <= entry.keys():
        return {"id": f"{entry['point']}.{entry['kind']}", **entry}
    return entry


def _with_options(entry: Any) -> Any:
    if not isinstance(entry, dict):
        return entry
    options = {key: value for key, value in entry.items() if key not in SOURCE_KEYS}
    return {**{key: entry[key] for key in SOURCE_KEYS & entry.keys()}, "options": options}
