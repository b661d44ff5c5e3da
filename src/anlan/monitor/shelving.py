"""Which alarms a person may put aside, and for how long (DOMAIN.md 3, 16). Pure; asked by the service and, as a flag of each rule,
by the engine.

Shelving is the operator's own step against a nuisance: it ends within the running shift. What warns of fire, of gas at its second
level, of a demand on the safety system, of a call for help or of blindness can't be shelved at all. Taking such an alarm, or any of
a safety point, out of service takes two people.
"""

from __future__ import annotations

from typing import Protocol

from anlan.model.clock import HOUR, Micros
from anlan.model.events.alarms import AlarmKind

LONGEST: Micros = 12 * HOUR
"""No shelving is longer, whatever the shifts are."""

_SAFETY_SYSTEM = (
    "vote",
    "sif",
    "trip",
    "first.out",
    "bypass",
    "esd.button",
    "esd.valve.open",
    "esd.valve.closed",
    "esd.valve.discrepancy",
)
_CALLS = ("person.sos", "person.still")
_SECOND_LEVEL = {AlarmKind.HIGH_HIGH}
_SECOND_LEVEL_OF_OXYGEN = {AlarmKind.HIGH_HIGH, AlarmKind.LOW_LOW}


class Rule(Protocol):
    """What is asked of a rule (`monitor.config.AlarmRule` is one)."""

    @property
    def kind(self) -> AlarmKind: ...


class Point(Protocol):
    """What is asked of a point (`model.points.Point` is one)."""

    @property
    def kind(self) -> str: ...
    @property
    def safety(self) -> bool: ...


def may_shelve(rule: Rule, point: Point | None) -> str | None:
    """None if the alarm may be shelved, else why not: a msgid. `point` is None for an alarm of a source."""
    if rule.kind is AlarmKind.LOSS_OF_VIEW:
        return "loss of view can't be shelved: nobody would know that its points are not seen"
    if point is None:
        return None
    if point.kind.startswith("fire."):
        return "fire alarms can't be shelved"
    if point.kind in _SAFETY_SYSTEM:
        return "alarms of the safety system can't be shelved"
    if point.kind in _CALLS:
        return "a person's call for help can't be shelved"
    second = _SECOND_LEVEL_OF_OXYGEN if point.kind == "gas.oxygen" else _SECOND_LEVEL
    if point.kind.startswith("gas.") and rule.kind in second:
        return "gas alarms of the second level can't be shelved"
    return None


def may_remove(rule: Rule, point: Point | None) -> str | None:
    """None if one person may take the alarm out of service, else why not: a msgid."""
    if may_shelve(rule, point) is None and not (point is not None and (point.safety or point.kind.startswith("gas."))):
        return None
    return "this alarm guards safety: two persons take it out of use, under Configuration, where one asks and another approves"
