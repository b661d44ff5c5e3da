"""The difference between two plants, in words a person can judge: which points, limits, places and sources, from what to what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from anlan.model.languages import translate
from anlan.plant.description import Plant
from anlan.plant.field_words import field_word


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs. `what`: point, alarm, alarm class, calculated point, vote, trip, place, area, post, shift, source, document, camera, hazard unit,
    hazard content, setting. Of a changed one, `key` is what changed.

    `before` and `after` are plain JSON values; None is "not there" or "not given".
    """

    what: str
    id: str
    key: str = ""
    before: Any = None
    after: Any = None

    def text(self, language: str = "en") -> str:
        what = translate(self.what, language)
        if self.key:
            facts = {
                "what": what,
                "id": self.id,
                "key": field_word(self.key, language),
                "before": _shown(self.before),
                "after": _shown(self.after),
            }
            return translate("{what} {id}: {key} {before} → {after}", language).format(**facts)
        message = "{what} {id} added" if self.before is None else "{what} {id} removed"
        return translate(message, language).format(what=what, id=self.id)


def differences(before: Plant, after: Plant) -> list[Change]:
    """What must change for `before` to become `after`; empty for equal plants."""
    changes = [*_settings(before, after)]
    for what, read in _PARTS.items():
        changes += _compare(what, read(before), read(after))
    order = [p.id for p in before.points] != [p.id for p in after.points]
    if not changes and before.digest != after.digest:
        changes.append(Change("setting", "points" if order else "plant", "order", "", ""))
    return changes


def _settings(before: Plant, after: Plant) -> Iterator[Change]:
    for section in ("site", "alarms", "data", "safety", "detectors", "hazards"):
        old, new = getattr(before, section), getattr(after, section)
        own = _TOLD_ONE_BY_ONE.get(section, set())
        before_, after_ = ({k: v for k, v in _flat(one).items() if k not in own} for one in (old, new))
        yield from _fields("setting", "plant" if section == "site" else section, before_, after_)


def _keyed(items: Iterable[BaseModel], key: str) -> dict[str, BaseModel]:
    return {getattr(item, key): item for item in items}


_TOLD_ONE_BY_ONE = {"alarms": {"classes"}, "safety": {"causes", "effects"}, "hazards": {"units"}}
_PARTS: Mapping[str, Any] = {
    "post": lambda plant: _keyed(plant.posts, "id"),
    "shift": lambda plant: _keyed(plant.shifts, "id"),
    "place": lambda plant: _keyed(plant.places[1:], "path"),
    "area": lambda plant: _keyed(plant.areas, "id"),
    "source": lambda plant: _keyed(plant.sources, "id"),
    "point": lambda plant: _keyed(plant.points, "id"),
    "alarm": lambda plant: _keyed(plant.rules, "id"),
    "calculated point": lambda plant: _keyed(plant.calculated, "id"),
    "vote": lambda plant: _keyed(plant.votes, "id"),
    "alarm class": lambda plant: _keyed(plant.alarms.classes, "id"),
    "cause": lambda plant: _keyed(plant.safety.causes, "id"),
    "effect": lambda plant: _keyed(plant.safety.effects, "id"),
    "document": lambda plant: _keyed(plant.documents, "id"),
    "camera": lambda plant: _keyed(plant.cameras, "id"),
    "drawing": lambda plant: _keyed(plant.drawings, "id"),
    "hazard unit": lambda plant: {one.id: one.model_copy(update={"contents": ()}) for one in plant.hazards.units},
    "hazard content": lambda plant: {f"{unit.id}/{one.id}": one for unit in plant.hazards.units for one in unit.contents},
    "trip": lambda plant: _keyed(plant.trips, "point"),
}


def _compare(what: str, before: Mapping[str, BaseModel], after: Mapping[str, BaseModel]) -> Iterator[Change]:
    """Only what differs is written out: of a large plant almost nothing does, and most of it is the very same object."""
    for identifier in [*before, *(i for i in after if i not in before)]:
        old, new = before.get(identifier), after.get(identifier)
        if old is None or new is None:
            yield Change(what, identifier, "", *(None if one is None else _flat(one) for one in (old, new)))
        elif old is not new and old != new:
            yield from _fields(what, identifier, _flat(old), _flat(new))


def _fields(what: str, identifier: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for key in [*before, *(k for k in after if k not in before)]:
        if before.get(key) != after.get(key):
            yield Change(what, identifier, key, before.get(key), after.get(key))


def _flat(item: BaseModel) -> dict[str, Any]:
    """Fields one level deep, named with a dot: `name.zh`, `reporting.period`."""
    flat: dict[str, Any] = {}
    for key, value in item.model_dump(mode="json", exclude_defaults=True).items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": v for inner, v in value.items()}
        else:
            flat[key] = value
    return flat


def _shown(value: Any) -> str:
    text = "—" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 60 else text[:57] + "…"
