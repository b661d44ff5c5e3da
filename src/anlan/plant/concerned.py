"""What a change of the plant concerns beyond itself: places, at all of which who asks and who approves must hold the right, and of which alone
others are told; sources that are read anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from anlan.guard.principal import Principal
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.difference import Change


def every(places: Iterable[Iterable[str]]) -> list[str]:
    """Each place once."""
    return list(dict.fromkeys(place for some in places for place in some))


def concerned(before: Plant, after: Plant, changes: Iterable[Change]) -> list[tuple[Change, list[str]]]:
    """Each change with its places."""
    return list(_of_each(before, after, changes))


def loosened_at(before: Plant, after: Plant, names: Iterable[str]) -> list[list[str]]:
    """The places of each thing that is made weaker: of an alarm, or of a point by whose id it is told."""
    points = {id for plant in (before, after) for id in plant.points_by_id}
    told = (Change("point" if name in points else "alarm", name, "", None, None) for name in names)
    return [places for _, places in _of_each(before, after, told)]


def sees(by: Principal, places: Iterable[str]) -> bool:
    """Whether this person may be told of what concerns all these places."""
    return all(by.allows("alarm.view", place) for place in places)


def seen_by(by: Principal, before: Plant, after: Plant, changes: Iterable[Change]) -> list[Change]:
    """Those at whose places this person may see alarms."""
    return [change for change, places in concerned(before, after, changes) if sees(by, places)]


def wired(change: Change) -> bool:
    """Whether something new is read from the field, or from elsewhere than before: adding it takes `source.configure` too."""
    new = change.key == "" and change.before is None
    moved = change.what == "point" and change.key in {"source", "address"}
    return change.what == "source" or (change.what == "point" and new) or moved


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
