"""Sources went down or came up: what is still known of their points."""

from __future__ import annotations

from anlan.monitor.compiled import fast
from anlan.monitor.kernel.calculated import feed
from anlan.monitor.kernel.conditions import drive, has_room, is_fault, move_alarm
from anlan.monitor.kernel.numbers import (
    BAD,
    BAD_QUALITY,
    DOWN,
    ENABLED,
    FEEDS,
    HELD,
    NOTHING,
    ON_CHANGE,
    PRESENT,
    QUIET,
    STALE,
    STALE_KIND,
)
from anlan.monitor.kernel.points import data_now, forget_delay, run_on_until, settle
from anlan.monitor.layout import NEVER


@fast
def view_changed(w, changed, start, frame, now, u):  # type: ignore[no-untyped-def]
    """`changed[source]` is 1 for sources whose state has just been set in `w.sources`; returns the point to go on from.

    Down: delays that silence has carried so far may still end, then the value is no longer known. Value alarms keep their last
    adverse state; quality delays begin anew, because while nothing is seen the one alarm of the source speaks for all.
    """
    for p in range(start, len(w.points)):
        r = w.points[p]
        if not r.flags & PRESENT or not changed[r.source]:
            continue
        if not has_room(w, r.rule_count):
            return p
        r.touched = frame
        if w.sources[r.source].state == DOWN:
            _lose_sight(w, p, frame, now, u)
        else:
            _regain_sight(w, p, frame, now, u)
        settle(w, p)
        if r.flags & FEEDS and r.time != NEVER:
            feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, data_now(r, u))
    return len(w.points)


@fast
def _lose_sight(w, p, frame, now, u):  # type: ignore[no-untyped-def]
    r = w.points[p]
    if r.time != NEVER and r.flags & HELD:
        run_on_until(w, p, data_now(r, u), frame, now)
        if r.flags & ON_CHANGE and r.quality < BAD:
            w.known[p] = data_now(r, u)
    r.flags &= ~HELD
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if w.rules[k].kind == BAD_QUALITY or w.rules[k].kind == STALE_KIND:
            forget_delay(w, k)


@fast
def _regain_sight(w, p, frame, now, u):  # type: ignore[no-untyped-def]
    """Silence is counted anew, and so is a value that was bad when last heard of. What stands waits for a reading."""
    r = w.points[p]
    r.flags &= ~STALE
    if r.time == NEVER or not is_fault(r.quality):
        return
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if w.rules[k].kind == BAD_QUALITY and w.rules[k].flags & ENABLED and w.status[k].phase == QUIET:
            at = data_now(r, u)
            trigger = drive(w, k, True, at)
            if trigger != NOTHING:
                move_alarm(w, k, trigger, at, now, frame, r.value, r.quality)
