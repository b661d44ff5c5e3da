"""What a change means for the readings that are kept already: said before it is made, since history is not changed with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from anlan.model.languages import translate
from anlan.model.points import Point
from anlan.monitor.units_then import step_between
from anlan.plant.description import Plant
from anlan.plant.point_past import ended


@dataclass(frozen=True, slots=True)
class HistoryEffect:
    """Of one point; a message with its facts."""

    message: str
    facts: dict[str, Any] = field(default_factory=dict)

    def text(self, language: str = "en") -> str:
        return translate(self.message, language).format(**self.facts)


def history_effects(before: Plant, after: Plant) -> list[HistoryEffect]:
    """Of each point that goes, or whose readings will be meant otherwise."""
    known = {point.id for point in before.points}
    fresh = {(point.source, point.address): point.id for point in after.points if point.id not in known and not point.was}
    own = known | {one.id for one in before.calculated}
    found = []
    for point, becomes in ended(before, after):
        if point.id not in own:
            continue  # what the node makes of the plant's points goes and comes with them
        if becomes is None:
            found.append(_gone(point, fresh.get((point.source, point.address))))
        elif (effect := _meant_otherwise(point, becomes)) is not None:
            found.append(effect)
    return found


def _gone(point: Point, renamed: str | None) -> HistoryEffect:
    if renamed is None:
        return HistoryEffect("{point} goes: its readings stay, under this id", {"point": point.id})
    return HistoryEffect(
        "{point} goes and {new} reads the same address: if it is the same point, write was: {point}, else its readings stay apart under the old id",
        {"point": point.id, "new": renamed},
    )


def _meant_otherwise(point: Point, becomes: Point) -> HistoryEffect | None:
    if point.states.keys() != becomes.states.keys():
        return HistoryEffect(
            "{point}: it has other states from now on; trends leave out the readings so far", {"point": becomes.id}
        )
    same = (point.unit, point.pressure_basis, point.flow_basis, point.gas) == (
        becomes.unit,
        becomes.pressure_basis,
        becomes.flow_basis,
        becomes.gas,
    )
    if same:
        return None
    facts = {"point": becomes.id, "then": _written(point), "now": _written(becomes)}
    if step_between(point, becomes) is None:
        return HistoryEffect(
            "{point}: the readings so far stay in {then}; they do not become {now} exactly, trends leave them out", facts
        )
    return HistoryEffect("{point}: the readings so far stay in {then}; trends convert them to {now}", facts)


def _written(point: Point) -> str:
    return " ".join(part for part in (point.unit, point.pressure_basis or point.flow_basis, point.gas) if part) or "—"
