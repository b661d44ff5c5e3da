"""The measures in plain Python, one alarm and one second after the other: slow, written from the words of the standards."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from itertools import pairwise
from statistics import median
from typing import Any

from anlan.model.clock import DAY, HOUR, MINUTE, SECOND
from anlan.model.events.alarms import AlarmState, AlarmTransition, Trigger
from anlan.monitor.kpi import Facts
from anlan.monitor.states import HIDDEN, after

STANDING = {s for s in AlarmState if s is not AlarmState.NORMAL and s not in HIDDEN}
STEPS = {Trigger.ACKNOWLEDGE, Trigger.RESET, Trigger.SHELVE, Trigger.REMOVE_FROM_SERVICE}
OPEN = {AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.LATCHED_UNACKNOWLEDGED}


def walk(seed: int, length: int, *, alarms: int = 6, most_seconds: int = 120, start: int = 0) -> list[AlarmTransition]:
    """Transitions that the state table allows, of several alarms mixed, in whole seconds."""
    rng = random.Random(seed)
    state, active = dict.fromkeys(range(1, alarms + 1), AlarmState.NORMAL), dict.fromkeys(range(1, alarms + 1), False)
    found: list[AlarmTransition] = []
    now = start
    while len(found) < length:
        now += (
            rng.choice((0, 1, rng.randint(0, most_seconds), rng.randint(0, 10 * most_seconds) if rng.random() < 0.02 else 3))
            * SECOND
        )
        alarm, trigger = rng.randint(1, alarms), rng.choice(list(Trigger))
        if trigger in {Trigger.CONDITION_ON, Trigger.CONDITION_OFF}:
            if active[alarm] == (trigger is Trigger.CONDITION_ON):
                continue
            active[alarm] = not active[alarm]
        elif (
            trigger in {Trigger.SUPPRESS, Trigger.SHELVE, Trigger.REMOVE_FROM_SERVICE, Trigger.CONFIGURATION}
            and rng.random() < 0.8
        ):
            continue
        to = after(state[alarm], trigger, latching=alarm % 2 == 0, active=active[alarm])
        if to is None:
            continue
        found.append(AlarmTransition(n=len(found) + 1, frame=1, alarm=alarm, episode=1, trigger=trigger, before=state[alarm], after=to, happened_at=now - rng.randint(0, 2) * SECOND // 2, noticed_at=now, value=0.0, quality=0, limit=0.0))  # fmt: skip
        state[alarm] = to
        active[alarm] &= trigger is not Trigger.CONFIGURATION
    return found


def reference(
    transitions: list[AlarmTransition], facts: Mapping[int, Facts], start: int, end: int, post: str | None
) -> dict[str, Any]:
    """Everything up to `end` is given; only start ≤ time < end is measured."""
    mine = [t for t in transitions if t.noticed_at < end and (post is None or (t.alarm in facts and facts[t.alarm].post == post))]
    lives = _lives(mine)
    told = [life for life in lives if start <= life["at"] < end]
    at = sorted(life["at"] for life in told)
    spans = _spans(mine, end)
    stood = [span for span in spans if span["kind"] == "standing" and span["end"] > start]
    acknowledged = [(life["acknowledged"] - life["at"]) / SECOND for life in told if life["acknowledged"] is not None]
    gone = [(life["gone"] - life["at"]) / SECOND for life in told if life["gone"] is not None]
    whole = {width: (end - start) // width for width in (10 * MINUTE, HOUR)}
    in_period = {width: Counter((one - start) // width for one in at) for width in whole}

    def above(width: int, n: int) -> float | None:
        return sum(in_period[width][i] > n for i in range(whole[width])) / whole[width] if whole[width] else None

    return {
        "count": len(at),
        "per_hour": len(at) / ((end - start) / HOUR) if end - start >= HOUR else None,
        "peak_10_min": max(in_period[10 * MINUTE].values(), default=0),
        "peak_10_min_any": max((sum(one - 10 * MINUTE < other <= one for other in at) for one in at), default=0),
        "peak_minute": max((sum(one - MINUTE < other <= one for other in at) for one in at), default=0),
        "periods_above": {n: above(10 * MINUTE, n) for n in (1, 2, 5, 10)},
        "hours_above": {n: above(HOUR, n) for n in (6, 12, 30)},
        "priorities": dict(Counter(facts.get(life["alarm"], Facts()).priority for life in told)),
        "fleeting": sum(life["gone"] is not None and not life["step_first"] and life["gone"] - life["at"] < 10 * SECOND for life in told),
        "index": _indices(told),
        "actors": sorted(Counter(life["alarm"] for life in told).items(), key=lambda one: (-one[1], one[0]))[:10],
        "acknowledge": (len(acknowledged), median(acknowledged) if acknowledged else None, _p90(acknowledged), max(acknowledged, default=None)),
        "respond": (len(gone), median(gone) if gone else None, _p90(gone), max(gone, default=None)),
        "never": sum(life["acknowledged"] is None and not life["waiting"] for life in told),
        "waiting": sum(life["waiting"] for life in told),
        "in_time": _in_time(told, facts, end),
        "average": sum(min(s["end"], end) - max(s["begin"], start) for s in stood) / (end - start),
        "most": max((sum(s["begin"] <= max(one["begin"], start) < s["end"] for s in stood) for one in stood), default=0),
        "at_end": sum(s["open"] for s in stood),
        "stale": sorted({s["alarm"] for s in stood if s["end"] - s["begin"] > DAY and s["end"] > max(start, s["begin"] + DAY)}),
        "hidden": {
            kind: (
                sum(start <= s["begin"] for s in spans if s["kind"] == kind),
                sum(min(s["end"], end) - max(s["begin"], start) for s in spans if s["kind"] == kind and s["end"] > start) / SECOND,
                sum(s["open"] for s in spans if s["kind"] == kind),
            )
            for kind in ("shelved", "suppressed", "out_of_service")
        },
    }  # fmt: skip


def _lives(transitions: list[AlarmTransition]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    current: dict[int, dict[str, Any]] = {}
    for one in transitions:
        if (
            one.after is AlarmState.UNACKNOWLEDGED
            and one.before is not AlarmState.UNACKNOWLEDGED
            and one.trigger is not Trigger.LATE_DATA
        ):
            current[one.alarm] = {
                "alarm": one.alarm,
                "at": one.noticed_at,
                "happened": one.happened_at,
                "acknowledged": None,
                "gone": None,
                "step": False,
                "step_first": False,
            }
            found.append(current[one.alarm])
        life = current.get(one.alarm)
        if life is None:
            continue
        if one.trigger is Trigger.ACKNOWLEDGE and life["acknowledged"] is None:
            life["acknowledged"] = one.noticed_at
        if one.trigger is Trigger.CONDITION_OFF and life["gone"] is None:
            life["gone"], life["step_first"] = one.noticed_at, life["step"]
        life["step"] = life["step"] or one.trigger in STEPS
        life["state"] = one.after
    for life in found:
        life["waiting"] = life is current[life["alarm"]] and life["acknowledged"] is None and life["state"] in OPEN
    return found


def _spans(transitions: list[AlarmTransition], end: int) -> list[dict[str, Any]]:
    names = {AlarmState.SHELVED: "shelved", AlarmState.SUPPRESSED: "suppressed", AlarmState.OUT_OF_SERVICE: "out_of_service"}
    open_spans: dict[int, dict[str, Any]] = {}
    found: list[dict[str, Any]] = []
    for one in transitions:
        kind = "standing" if one.after in STANDING else names.get(one.after, "normal")
        running = open_spans.get(one.alarm)
        if running is not None and running["kind"] != kind:
            running.update(end=one.noticed_at, open=False)
            del open_spans[one.alarm]
            running = None
        if running is None and kind != "normal":
            open_spans[one.alarm] = {"alarm": one.alarm, "kind": kind, "begin": one.noticed_at, "end": end, "open": True}
            found.append(open_spans[one.alarm])
    return found


def _indices(told: list[dict[str, Any]]) -> dict[int, float]:
    """Ψ = Σ P_r / r from the distribution of run lengths, written out."""
    found = {}
    for alarm in {life["alarm"] for life in told}:
        seconds = sorted(life["happened"] // SECOND for life in told if life["alarm"] == alarm)
        runs = Counter(max(1, b - a) for a, b in pairwise(seconds))
        total = sum(runs.values())
        if total:
            found[alarm] = sum(count / total / r for r, count in runs.items())
    return found


def _in_time(told: list[dict[str, Any]], facts: Mapping[int, Facts], end: int) -> tuple[int, float | None]:
    good = decided = 0
    for life in told:
        allowed = facts.get(life["alarm"], Facts()).time_to_respond
        if not allowed:
            continue
        if life["gone"] is not None:
            decided, good = decided + 1, good + (life["gone"] - life["at"] <= allowed)
        elif end - life["at"] > allowed:
            decided += 1
    return decided, good / decided if decided else None


def _p90(values: list[float]) -> float | None:
    """Between the two nearest ranks, by their distance."""
    if not values:
        return None
    ranked, place = sorted(values), 0.9 * (len(values) - 1)
    low = int(place)
    return ranked[low] + (ranked[min(low + 1, len(ranked) - 1)] - ranked[low]) * (place - low)
