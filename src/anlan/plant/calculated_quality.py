"""A calculation that comes to nothing raises no alarm. So each calculated point that an alarm stands on has an alarm of its own bad quality.

    TI-101.ROC       →  TI-101.ROC.BAD      the point that is calculated for an alarm (ROC, DEV, FRZ, DIS, TIS, CNT, IF)
    TDI-101.H        →  TDI-101.BAD         a point of `calculated:` with an alarm on its value
    AV-300.ST        →  AV-300.BAD          a voting group

Its on-delay covers what the calculation needs until it has a first result, so that a node that starts, or a window that fills anew after a
gap, raises none. Conditions of suppression have none: unknown ones suppress nothing, and nothing is missed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

from anlan.model.events.alarms import AlarmKind
from anlan.model.points import Point
from anlan.model.units import unit
from anlan.model.words import Label
from anlan.monitor.companions import is_suppressor
from anlan.monitor.config import LIMIT_KINDS, SUFFIX, AlarmRule
from anlan.monitor.expressions import ExpressionError
from anlan.monitor.expressions.parser import parse_text
from anlan.monitor.expressions.syntax import Node, PointName, Window
from anlan.plant.calculated import made, tanks_of
from anlan.plant.description import Plant

RESPONSE_SECONDS = 1800.0
"""How long the instrument shift has to bring the calculation back; shown, not enforced."""
LONGEST = 604_800.0
"""s; the longest on-delay that a rule takes."""
OVER_CHANGE = frozenset({"rate", "delta", "spread"})
"""Windows whose result is bad until they are full."""
_BAD = SUFFIX[AlarmKind.BAD_QUALITY]
_ON_VALUES = LIMIT_KINDS | {AlarmKind.STATE}


def calculated_quality_rules(plant: Plant, rules: Sequence[AlarmRule]) -> list[AlarmRule]:
    """One rule for each calculated point that one of `rules` stands on; that of the most urgent alarm says whose post it is."""
    texts = {one.point.id: (one.point, one.text) for one in made(plant, rules) if not is_suppressor(one.point.id)}
    own = {one.id for one in (*plant.calculated, *tanks_of(plant))} | {one.id for one in plant.votes}
    behind: dict[str, list[AlarmRule]] = {}
    for rule in rules:
        if rule.watches_calculated and rule.id in texts:
            behind.setdefault(rule.id, []).append(rule)
        elif rule.point in own and rule.kind in _ON_VALUES:
            behind.setdefault(rule.point, []).append(rule)
    first = FirstResult(plant.points_by_id, {identifier: text for identifier, (_, text) in texts.items()})
    return [_rule(plant, texts[identifier][0], alarms, first.seconds(identifier)) for identifier, alarms in behind.items()]


def windows(node: Node) -> Iterator[Window]:
    """Every function over time in a tree."""
    return (one for one in _nodes(node) if isinstance(one, Window))


def names(node: Node) -> Iterator[str]:
    """Every point in a tree."""
    return (one.id for one in _nodes(node) if isinstance(one, PointName))


def width_of(window: Window) -> float:
    """s."""
    assert window.width.unit is not None  # the parser asks for one
    return window.width.value * unit(window.width.unit.form.unit).factor


class FirstResult:
    """How long a calculated point may take until it has a result, s: its cyclic inputs' periods and its windows, along the longest way."""

    def __init__(self, measured: Mapping[str, Point], texts: Mapping[str, str]) -> None:
        self._measured, self._texts = measured, texts
        self._known: dict[str, float] = {}

    def seconds(self, point: str) -> float:
        if point not in self._known:
            self._known[point] = 0.0  # one that stands on itself is a mistake that the check tells
            self._known[point] = self._of(point)
        return self._known[point]

    def _of(self, point: str) -> float:
        if point not in self._texts:
            found = self._measured.get(point)
            return found.reporting.period if found is not None and found.reporting.mode == "cyclic" else 0.0
        try:
            tree = parse_text(self._texts[point], lambda name: name in self._measured or name in self._texts)
        except ExpressionError:
            return 0.0  # told by the check
        return self._along(tree)

    def _along(self, node: Node) -> float:
        if isinstance(node, PointName):
            return self.seconds(node.id)
        own = width_of(node) if isinstance(node, Window) and node.name in OVER_CHANGE else 0.0
        return own + max(map(self._along, _children(node)), default=0.0)


def _rule(plant: Plant, point: Point, alarms: Sequence[AlarmRule], first_result: float) -> AlarmRule:
    urgent = min(alarms, key=lambda rule: (rule.priority, rule.id))
    which = ", ".join(sorted(rule.id for rule in alarms))
    return AlarmRule(
        id=f"{point.id}.{_BAD}",
        point=point.id,
        kind=AlarmKind.BAD_QUALITY,
        priority=plant.alarms.quality_priority,
        post=urgent.post or plant.post_of(point.place),
        on_delay=min(LONGEST, plant.alarms.quality_delay + first_result),
        enabled=any(rule.enabled for rule in alarms),
        consequence=Label(zh=f"无法计算,报警 {which} 不会发出", en=f"It cannot be calculated: the alarm {which} cannot come"),
        corrective_action=Label(
            zh="查计算所用测点的仪表与通信;恢复前现场看护",
            en="Check the instruments and links of the points it is calculated from; watch on site until they are back",
        ),
        time_to_respond=RESPONSE_SECONDS,
    )


def _nodes(node: Node) -> Iterator[Node]:
    """Not by recursion: a sum of a thousand terms is a thousand deep."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(_children(one))


def _children(node: Node) -> Iterator[Node]:
    for one in fields(node):
        if one.name != "at":
            yield from _inside(getattr(node, one.name))


def _inside(value: object) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, tuple):
        for one in value:
            yield from _inside(one)
