"""A change that was made on an older version, brought onto the current one: possible only where nobody has touched the same meanwhile.

In: the plant it was made on, the plant it proposes, the current plant. Out: the current plant with the change, or what stands in its way.
Judged by whole things (an alarm, a point, a class), not by fields: of an alarm whose limit and delay were changed by two people neither has
seen what comes of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from anlan.plant.description import Plant
from anlan.plant.difference import Change, differences

KEYS = ("id", "path", "point")
"""What a part of a plant is known by, the first that it has."""


class Moved(Exception):
    """What the change touches has moved on. `changes`: what was done to it meanwhile."""

    def __init__(self, changes: list[Change]) -> None:
        super().__init__("; ".join(change.text() for change in changes))
        self.changes = tuple(changes)


def rebased(base: Plant, proposed: Plant, current: Plant) -> Plant:
    """`current` with what `proposed` changes in `base`. Raises Moved."""
    if base is current or base == current:
        return proposed
    meanwhile = differences(base, current)
    touched = _touched(base, proposed)
    in_the_way = [change for change in meanwhile if (change.what, change.id) in touched]
    if in_the_way:
        raise Moved(in_the_way)
    try:
        return proposed.model_copy(update=_merged(base, proposed, current))
    except _Both as both:
        raise Moved([Change("setting", "plant", str(both), "", "")]) from both


class _Both(Exception):
    """Both sides changed one thing that `differences` does not tell apart."""


def _touched(base: Plant, proposed: Plant) -> set[tuple[str, str]]:
    """(what, id) of all that the change is about: also the point and class of an alarm, the alarms of a point, the source of a point."""
    found = {(change.what, change.id) for change in differences(base, proposed)}
    for plant in (base, proposed):
        for rule in plant.rules:
            if ("alarm", rule.id) in found:
                found |= {("point", rule.point), ("alarm class", rule.alarm_class)}
        points = {identifier for what, identifier in found if what == "point"}
        found |= {("source", point.source) for point in plant.points if point.id in points}
    return found


def _merged(base: BaseModel, proposed: BaseModel, current: BaseModel) -> dict[str, Any]:
    """Every field of the three, put together."""
    return {
        name: _one(name, getattr(base, name), getattr(proposed, name), getattr(current, name)) for name in type(base).model_fields
    }


def _one(name: str, base: Any, proposed: Any, current: Any) -> Any:
    if proposed == base:
        return current
    if current in (base, proposed):
        return proposed
    if isinstance(base, tuple) and all(map(_key, (*base, *proposed, *current))):
        return _items(name, *({_key(item): item for item in side} for side in (base, proposed, current)))
    if isinstance(base, BaseModel):
        return base.model_copy(update=_merged(base, proposed, current))
    raise _Both(name)


def _items(name: str, base: Mapping[str, Any], proposed: Mapping[str, Any], current: Mapping[str, Any]) -> tuple[Any, ...]:
    """In the order of the current ones, new ones behind them; rules by their ids, as a folder gives them."""
    found = []
    for key in [*current, *(key for key in proposed if key not in current)]:
        old, new, now = base.get(key), proposed.get(key), current.get(key)
        kept = now if new == old else new
        if new not in (old, now) and now != old:
            raise _Both(key)
        if kept is not None:
            found.append(kept)
    return tuple(sorted(found, key=lambda rule: rule.id)) if name == "rules" else tuple(found)


def _key(item: Any) -> str:
    return next((str(getattr(item, name)) for name in KEYS if hasattr(item, name)), "")
