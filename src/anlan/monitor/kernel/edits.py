"""The rules have changed: what the last value says by the new ones."""

from __future__ import annotations

from anlan.monitor.compiled import fast
from anlan.monitor.kernel.conditions import (
    beyond,
    drive,
    has_room,
    is_fault,
    is_met,
    met_anew,
    move_alarm,
    unseen_with_its_inputs,
)
from anlan.monitor.kernel.numbers import BAD, BAD_QUALITY, DOWN, ENABLED, HELD, NOTHING, ON_CHANGE, PRESENT, STALE_KIND
from anlan.monitor.kernel.points import data_now, settle
from anlan.monitor.layout import NEVER


@fast
def reconsider(w, anew, start, frame, now, u):  # type: ignore[no-untyped-def]
    """After a configuration change. `anew[rule]`: 1 for a new rule or a moved limit, judged on the last value as if for the first
    time; 2 for a changed delay. Settles every point; returns the point to go on from."""
    for p in range(start, len(w.points)):
        r = w.points[p]
        if not r.flags & PRESENT:
            continue
        if not has_room(w, r.rule_count):
            return p
        for k in range(r.rule_first, r.rule_first + r.rule_count):
            if anew[k]:
                _judge_last_value(w, p, k, anew[k], frame, now, u)
        settle(w, p)
    return len(w.points)


@fast
def _judge_last_value(w, p, k, how, frame, now, u):  # type: ignore[no-untyped-def]
    r = w.points[p]
    if r.time == NEVER or w.rules[k].kind == STALE_KIND:
        return  # absence is looked at by the next tick
    at = data_now(r, u) if r.flags & HELD and r.flags & ON_CHANGE else r.time
    if w.rules[k].kind == BAD_QUALITY:
        in_view = w.sources[r.source].state != DOWN and not unseen_with_its_inputs(w, p, r.quality)
        met = is_fault(r.quality) and bool(w.rules[k].flags & ENABLED) and in_view
    elif r.quality < BAD:
        met = met_anew(w, k, r.value) if how == 1 else is_met(w, k, r.value)
    elif beyond(w.rules[k].kind, r.quality):
        met = bool(w.rules[k].flags & ENABLED)
    else:
        return
    if r.quality < BAD and (r.flags & HELD or not r.flags & ON_CHANGE):
        w.known[p] = at  # readings inside the quiet band did not keep it
    trigger = drive(w, k, met, at)
    if trigger != NOTHING:
        move_alarm(w, k, trigger, now, now, frame, r.value, r.quality)
