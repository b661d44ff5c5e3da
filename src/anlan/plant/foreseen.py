"""What a change would do to the alarms that stand now, as far as that can be told before the engine decides: which end, which begin.

An alarm that is gone or off ends. A limit is held against the newest good value; its delay still runs. Of what looks at more than one
reading nobody can say before it runs: told as not known, never as nothing.
"""

from __future__ import annotations

from typing import Any

from anlan.model.events.alarms import AlarmKind, AlarmState
from anlan.model.quality import Severity, severity_of
from anlan.monitor.config import LIMIT_KINDS, AlarmRule
from anlan.monitor.service import AlarmService
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.web.context import Context

DECIDING = (
    "limit",
    "states",
    "dead_band",
    "enabled",
    "window",
    "per",
    "direction",
    "against",
    "when",
    "suppress_when",
    "kind",
    "point",
)
_HIGHS = frozenset({AlarmKind.HIGH, AlarmKind.HIGH_HIGH})
_STANDS = frozenset({AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED})


def foreseen(context: Context, before: Plant, after: Plant) -> list[dict[str, Any]]:
    """{alarm, stands, then: "ends" | "begins" | "goes on" | "unknown"} of each alarm that the change decides otherwise. On the event loop."""
    old = {rule.id: rule for rule in all_rules(before) if rule.enabled}
    new = {rule.id: rule for rule in all_rules(after) if rule.enabled}
    found = []
    for alarm in sorted({*old, *new}):
        was, becomes = old.get(alarm), new.get(alarm)
        if was is not None and becomes is not None and all(getattr(was, name) == getattr(becomes, name) for name in DECIDING):
            continue
        stands = _stands(context, alarm)
        then = _then(context, becomes, stands)
        if then:
            found.append({"alarm": alarm, "stands": stands, "then": then})
    return found


def _stands(context: Context, alarm: str) -> bool:
    number = context.plant.rule_numbers.get(alarm)
    standing = AlarmService.of(context).board.standing.get(number) if number is not None else None
    return standing is not None and standing.last.after in _STANDS


def _then(context: Context, becomes: AlarmRule | None, stands: bool) -> str:
    if becomes is None:
        return "ends" if stands else ""
    on = _on(context, becomes)
    if on is None:
        return "unknown"
    if on:
        return "goes on" if stands else "begins"
    return "ends" if stands else ""


def _on(context: Context, rule: AlarmRule) -> bool | None:
    """Whether its condition holds on the newest value; None where that cannot be told."""
    number = context.plant.point_numbers.get(rule.point)
    live = context.live
    if number is None or number >= len(live) or rule.suppress_when or severity_of(int(live.quality[number])) is not Severity.GOOD:
        return None
    value = float(live.value[number])
    if rule.kind is AlarmKind.STATE:
        return value in rule.states
    if rule.kind not in LIMIT_KINDS or rule.limit is None:
        return None
    return value >= rule.limit if rule.kind in _HIGHS else value <= rule.limit
