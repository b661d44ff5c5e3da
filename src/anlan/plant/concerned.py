"""What a change of the plant concerns beyond itself: places, at all of which who asks and who approves must hold the right; sources that are
read anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.difference import Change, differences


def places_concerned(before: Plant, after: Plant, changes: Iterable[Change] | None = None) -> tuple[str, ...]:
    """Paths, each once; the enterprise's own for what belongs to no place (a class, a source, a setting)."""
    root = before.places[0].path
    found: dict[str, None] = {}
    for change in differences(before, after) if changes is None else changes:
        places = [place for plant in (before, after) for place in _places(plant, change)]
        found |= dict.fromkeys(places or [root])
    return tuple(found)


def _places(plant: Plant, change: Change) -> list[str]:
    points = plant.points_by_id
    if change.what == "point":
        return [points[change.id].place] if change.id in points else []
    if change.what == "alarm":
        rule = next((rule for rule in all_rules(plant) if rule.id == change.id), None)
        return [points[rule.point].place] if rule is not None and rule.point in points else []
    return []


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
