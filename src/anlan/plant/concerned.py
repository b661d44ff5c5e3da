"""What a change of the plant concerns beyond itself: places, at all of which who asks and who approves must hold the right; sources that are
read anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from anlan.guard.principal import Principal
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.difference import Change, differences


def places_concerned(before: Plant, after: Plant, changes: Iterable[Change] | None = None) -> tuple[str, ...]:
    """Paths, each once; the enterprise's own for what belongs to no place (a class, a source, a setting)."""
    found = _of_each(before, after, differences(before, after) if changes is None else changes)
    return tuple(dict.fromkeys(place for _, places in found for place in places))


def seen_by(by: Principal, before: Plant, after: Plant, changes: Iterable[Change]) -> list[Change]:
    """Those at whose places this person may see alarms."""
    found = _of_each(before, after, changes)
    return [change for change, places in found if all(by.allows("alarm.view", place) for place in places)]


def _of_each(before: Plant, after: Plant, changes: Iterable[Change]) -> Iterator[tuple[Change, list[str]]]:
    root = before.places[0].path
    alarms = [{rule.id: rule.point for rule in all_rules(plant)} for plant in (before, after)]
    for change in changes:
        places = [
            place for plant, points in zip((before, after), alarms, strict=True) for place in _places(plant, points, change)
        ]
        yield change, places or [root]


def _places(plant: Plant, alarms: Mapping[str, str], change: Change) -> list[str]:
    """`alarms`: alarm → its point."""
    identifier = change.id if change.what == "point" else alarms.get(change.id, "") if change.what == "alarm" else ""
    point = plant.points_by_id.get(identifier)
    return [point.place] if point is not None else []


def sources_read_anew(before: Plant, after: Plant) -> list[str]:
    """Ids of sources that begin, end, or are opened again because they or their points change; the others are read on."""
    return [
        one
        for one in sorted({s.id for plant in (before, after) for s in plant.sources})
        if _wiring(before, one) != _wiring(after, one)
    ]


def _wiring(plant: Plant, source: str) -> Mapping[str, Any]:
    own = [one for one in plant.sources if one.id == source]
    return {"source": own, "points": [point for point in plant.points if point.source == source], "demo": plant.site.demo}
