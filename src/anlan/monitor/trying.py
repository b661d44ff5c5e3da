"""Other limits, dead-bands, delays or priorities for a few alarms, tried on the node's own past: what `what_if` then compares.

Both rule sets go through the same past: the same readings, the same lost sources, and what people did to points at the same times. A detector
that was inhibited then is no evidence for either.

Blocking, and as long as a second for a million readings: called in a worker thread, one at a time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from anlan.model.clock import MINUTE, SECOND, Micros
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.past import OwnPast
from anlan.monitor.what_if import LEAD, TRIP_KINDS, Facts, Incident, ReplayedEffect, RuleSet, what_if
from anlan.web.answers import finite

MOST_EPISODES = 2_000
"""Drawn for each alarm and rule set."""
RUN_UP: Micros = 10 * MINUTE
"""Replayed before the window, so that what stood at its beginning stands in the replay."""


@dataclass(frozen=True, slots=True)
class Tried:
    """`rows`: of each alarm its activations (begin, end or None) before and after. `cut_at`: the end of what was replayed, if it was cut.
    `links_from`: whether a source was in view, or a point evidence, before this is not known, because the journal holds too much of it.
    `history_from`: the first reading, if the span begins before it."""

    effect: ReplayedEffect
    rows: dict[str, dict[str, list[tuple[Micros, Micros | None]]]]
    readings: int
    cut_at: Micros | None
    version: int
    links_from: Micros | None = None
    history_from: Micros | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "effect": self.effect.as_json(),
            "alarms": self.rows,
            "readings": self.readings,
            "cut_at": self.cut_at,
            "version": self.version,
            "links_from": self.links_from,
            "history_from": self.history_from,
        }


def tried(
    past: OwnPast,
    alarms: Sequence[int],
    changes: Mapping[int, Mapping[str, Any]],
    start: Micros,
    end: Micros,
    incidents: Sequence[Incident] | None = None,
    lead: Micros = LEAD,
) -> Tried:
    """`changes`: alarm → fields of `AlarmRule` with other values. Raises InputError for one that the rule can't have."""
    from anlan.monitor.replay import Episodes, replayed
    from anlan.monitor.sub_plant import changed, longest_window

    rules = past.plant.rules
    other = {number: _checked(rules[number], fields) for number, fields in changes.items()}
    about = list(dict.fromkeys([*alarms, *changes]))
    config = past.part(*past.subjects(about))
    longest = max((max(rules[n].on_delay, rules[n].off_delay) for n in about), default=0.0)
    begin = start - max(RUN_UP, round(2 * longest * SECOND), 2 * longest_window(config))
    window = past.window(config, begin, end)
    until = end if window.cut_at is None else window.cut_at
    sets, standing = [], past.standing(about, begin)
    for one in (config, changed(config, {number: _columns(fields) for number, fields in changes.items()})):
        episodes = Episodes()
        episodes.add(replayed(one, window.past, until, standing))
        sets.append([e for e in episodes.all if e.alarm in about and e.begins >= start])
    old, new = (
        RuleSet({n: _facts(past, n, int(chosen.get(n, rules[n]).priority)) for n in about}, episodes)
        for chosen, episodes in zip(({}, other), sets, strict=True)
    )
    drawn = {
        rules[n].id: {
            "before": [(e.begins, e.ends) for e in sets[0] if e.alarm == n][:MOST_EPISODES],
            "after": [(e.begins, e.ends) for e in sets[1] if e.alarm == n][:MOST_EPISODES],
        }
        for n in about
    }
    readings = window.past.readings
    first = int(readings.time.min()) if len(readings) else None
    return Tried(
        what_if(old, new, incidents, lead=lead),
        drawn,
        len(readings),
        window.cut_at,
        config.version,
        window.told_from,
        first if first is not None and first > start else None,
    )


def _facts(past: OwnPast, number: int, priority: int) -> Facts:
    rule, plant = past.plant.rules[number], past.plant
    point = plant.point_of_rule(rule)
    trip = point is not None and point.kind in TRIP_KINDS and rule.kind is AlarmKind.STATE
    return Facts(rule.id, rule.point, plant.place_of_rule(rule), rule.kind, priority, trip)


def _checked(rule: Any, fields: Mapping[str, Any]) -> Any:
    """The rule with these fields, by its own model: it says what a kind takes."""
    assert isinstance(rule, BaseModel)
    try:
        return type(rule).model_validate({**rule.model_dump(), **fields})
    except ValidationError as failure:
        first = failure.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError("{alarm}: {field} {why}", alarm=rule.id, field=where, why=first["msg"]) from failure  # type: ignore[attr-defined]


def _columns(fields: Mapping[str, Any]) -> dict[str, Any]:
    """As the engine's columns: delays in ms, never shorter than written."""
    return {
        name: math.ceil(value * 1000 - 1e-6) if name in {"on_delay", "off_delay"} else value
        for name, value in fields.items()
        if not isinstance(value, float) or finite(value) is not None
    }
