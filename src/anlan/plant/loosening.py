"""Whether a change makes a safety alarm weaker: later, quieter, rarer or gone. Pure: two plants in, what is loosened out.

DOMAIN.md 16: loosening or disabling a safety limit, a gas or fire point needs two persons; tightening one. Concerned are the alarms of points
that are safety-related or detect a hazard, and the loss of view of sources. A field that nobody has judged here counts as loosened when it
changes: a later release must not open a way past the second person by adding one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from anlan.model.errors import Forbidden
from anlan.model.events.alarms import AlarmKind
from anlan.model.kinds import kinds
from anlan.model.points import Point
from anlan.model.words import Label, translate
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant

SHOWN = 5
HIGHS = frozenset(
    {AlarmKind.HIGH, AlarmKind.HIGH_HIGH, AlarmKind.RATE, AlarmKind.DEVIATION, AlarmKind.TIME_IN_STATE, AlarmKind.COUNT}
)
"""Kinds that are on at or above their limit: the higher it is, the later they come."""
LOWS = frozenset({AlarmKind.LOW, AlarmKind.LOW_LOW, AlarmKind.FROZEN})

NEUTRAL = frozenset(
    {
        "id",
        "dead_band",
        "off_delay",
        "consequence",
        "corrective_action",
        "time_to_respond",
        "cause",
        "basis",
        "severity",
        "rationalised",
    }
)
"""A dead-band or off-delay moves when an alarm ends, never when it begins; the others are words and records."""


@dataclass(frozen=True, slots=True)
class Loosened:
    """One alarm made weaker. `field` is "" for one that is gone."""

    alarm: str
    field: str = ""
    before: Any = None
    after: Any = None

    def text(self, language: str = "en") -> str:
        if not self.field:
            return translate("{alarm} removed", language).format(alarm=self.alarm)
        return translate("{alarm}: {field} {before} → {after}", language).format(
            alarm=self.alarm, field=self.field, before=self.before, after=self.after
        )


class SecondPersonNeeded(Forbidden):
    """One person may tighten a safety limit, not loosen it; `loosened` says what would be."""

    code = "second-person-needed"

    def __init__(self, loosened: list[Loosened]) -> None:
        self.loosened = tuple(loosened)
        more = f" … +{len(loosened) - SHOWN}" if len(loosened) > SHOWN else ""
        super().__init__(
            "this loosens safety alarms, which takes two persons, and the second signature is not built yet; tightening takes one: {what}",
            what="; ".join(one.text() for one in loosened[:SHOWN]) + more,
            alarms=[one.alarm for one in loosened],
        )

    def text(self, language: str = "en") -> str:
        more = f" … +{len(self.loosened) - SHOWN}" if len(self.loosened) > SHOWN else ""
        what = "; ".join(one.text(language) for one in self.loosened[:SHOWN]) + more
        return translate(self.message, language).format(**{**self.facts, "what": what})


def loosened(before: Plant, after: Plant) -> list[Loosened]:
    """What the change from `before` to `after` makes weaker, by alarm; empty when one person may make it."""
    rules = {rule.id: rule for rule in all_rules(after)}
    classes_before, classes_after = ({c.id: c for c in plant.alarms.classes} for plant in (before, after))
    found: list[Loosened] = []
    for rule in all_rules(before):
        if not is_guarded(rule, before.points_by_id.get(rule.point)):
            continue
        new = rules.get(rule.id)
        found += loosened_rule(rule, new)
        if new is not None and new.enabled:
            found += _loosened_class(rule.id, classes_before.get(rule.alarm_class), classes_after.get(new.alarm_class))
    return found + _recalculated(before, after)


def _recalculated(before: Plant, after: Plant) -> list[Loosened]:
    """Alarms stand on calculated points and votes: what another formula does to them nobody can tell from its text."""
    found = []
    for section in ("calculated", "votes"):
        new = {one.id: one for one in getattr(after, section)}
        for old in getattr(before, section):
            if old != new.get(old.id):
                found.append(Loosened(old.id, section, _plain(old), _plain(new.get(old.id))))
    return found


def is_guarded(rule: AlarmRule, point: Point | None) -> bool:
    """Whether loosening this alarm takes two persons."""
    if point is None:
        return True  # loss of view of a source, with whatever safety points it carries
    return point.safety or point.kind in _hazards()


@cache
def _hazards() -> frozenset[str]:
    return frozenset(kind.id for kind in kinds().values() if kind.hazard)


def loosened_rule(before: AlarmRule, after: AlarmRule | None) -> list[Loosened]:
    """Of one alarm; None is an alarm that is gone."""
    if not before.enabled:
        return []  # it decided nothing, so nothing can be weaker
    if after is None:
        return [Loosened(before.id)]
    found = []
    for name in type(before).model_fields:
        old, new = getattr(before, name), getattr(after, name)
        if old != new and name not in NEUTRAL and _WEAKER.get(name, _always)(before, old, new):
            found.append(Loosened(before.id, name, _plain(old), _plain(new)))
    return found


def _loosened_class(alarm: str, before: AlarmClass | None, after: AlarmClass | None) -> list[Loosened]:
    """Whether the demands of the class that holds after are less than those that held before. No class: shelving to the end of the shift."""
    free = AlarmClass(id="none", name=Label())
    old, new = before or free, after or free
    if old.id != new.id and after is None:
        return []  # told as the rule's own field
    found = []
    if new.shelvable and not old.shelvable:
        found.append(Loosened(alarm, "shelvable", False, True))
    elif new.shelvable and old.max_shelving and (not new.max_shelving or new.max_shelving > old.max_shelving):
        found.append(Loosened(alarm, "max_shelving", old.max_shelving, new.max_shelving))
    if old.comment_required and not new.comment_required:
        found.append(Loosened(alarm, "comment_required", True, False))
    return found


def _always(rule: AlarmRule, old: Any, new: Any) -> bool:
    return True


def _limit(rule: AlarmRule, old: float | None, new: float | None) -> bool:
    if old is None or new is None:
        return True
    return new > old if rule.kind in HIGHS else new < old if rule.kind in LOWS else True


_WEAKER: Mapping[str, Callable[[AlarmRule, Any, Any], bool]] = {
    "limit": _limit,
    "states": lambda rule, old, new: not set(old) <= set(new),
    "on_delay": lambda rule, old, new: new > old,
    "latching": lambda rule, old, new: old and not new,
    "priority": lambda rule, old, new: new > old,
    "post": lambda rule, old, new: not new,
    "enabled": lambda rule, old, new: old and not new,
    "alarm_class": lambda rule, old, new: not new,
}


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value.model_dump(mode="json") if hasattr(value, "model_dump") else value
