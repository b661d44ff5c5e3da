"""The node's time has moved: silence becomes staleness, delays that silence carries end, sources out of view alarm."""

from __future__ import annotations

import numpy as np

from anlan.model.quality import FLAG_MASK
from anlan.monitor.compiled import fast
from anlan.monitor.kernel.calculated import feed
from anlan.monitor.kernel.conditions import drive, expire, has_room, move_alarm
from anlan.monitor.kernel.numbers import (
    CALCULATED,
    COMMUNICATION,
    DOWN,
    ENABLED,
    FEEDS,
    MS,
    NOTHING,
    ON,
    PRESENT,
    STALE,
    STALE_KIND,
    STALE_QUALITY,
    UP,
)
from anlan.monitor.kernel.points import data_now, next_due, run_on_until, settle
from anlan.monitor.layout import BLOCK, NEVER, NOT_DUE


@fast
def take_tick(w, start, frame, now, u):  # type: ignore[no-untyped-def]
    """The node's time is `u`, its wall clock says `now`. Looks into the blocks of points from block `start` where something is
    due; returns the block to go on from (the number of blocks when done)."""
    for b in range(start, len(w.due)):
        if w.due[b] > u:
            continue
        first = b * BLOCK
        last = min(first + BLOCK, len(w.points))
        rules = 0
        for p in range(first, last):
            rules += w.points[p].rule_count
        if not has_room(w, rules):
            return b
        w.due[b] = NOT_DUE
        for p in range(first, last):
            if w.points[p].flags & PRESENT and w.sources[w.points[p].source].state == UP:
                _look_at(w, p, frame, now, u)
    return len(w.due)


@fast
def _look_at(w, p, frame, now, u):  # type: ignore[no-untyped-def]
    """One point at a tick: has silence made it stale, and which delays end."""
    r = w.points[p]
    due = next_due(w, p)
    if due > u:
        b = p // BLOCK
        w.due[b] = min(w.due[b], due)
        return
    stale_at = max(r.heard, w.sources[r.source].up_since) + np.int64(r.deadline) * MS
    if r.deadline > 0 and not r.flags & (STALE | CALCULATED) and stale_at <= u:
        r.flags |= STALE
        r.touched = frame
        if r.flags & FEEDS and r.time != NEVER:  # of one that never spoke nothing new is known, and it has no data time
            feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, data_now(r, u))
    if r.time != NEVER:
        run_on_until(w, p, data_now(r, u), frame, now)
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if w.rules[k].kind == STALE_KIND:
            _absence(w, p, k, stale_at, frame, now, u)
    settle(w, p)


@fast
def _absence(w, p, k, stale_at, frame, now, u):  # type: ignore[no-untyped-def]
    """A STALE rule at a tick. Silence became staleness at `stale_at`, not at the tick that found it."""
    if w.points[p].flags & STALE and w.rules[k].flags & ENABLED:
        _move_absence(w, p, k, expire(w, k, stale_at), frame, now, u)
        _move_absence(w, p, k, drive(w, k, True, stale_at), frame, now, u)
    _move_absence(w, p, k, expire(w, k, u), frame, now, u)


@fast
def _move_absence(w, p, k, trigger, frame, now, u):  # type: ignore[no-untyped-def]
    if trigger != NOTHING:
        move_alarm(w, k, trigger, _wall_of_end(w, k, trigger, now, u), now, frame, w.points[p].value, _quality_shown(w, p))


@fast
def _wall_of_end(w, k, trigger, now, u):  # type: ignore[no-untyped-def]
    """Wall time at which the delay ended that `trigger` follows from, counted back from the tick's `now` in node time."""
    delay = w.rules[k].on_delay if trigger == ON else w.rules[k].off_delay
    return now - (u - w.status[k].since - np.int64(delay) * MS)


@fast
def _quality_shown(w, p):  # type: ignore[no-untyped-def]
    r = w.points[p]
    return STALE_QUALITY | (r.quality & FLAG_MASK) if r.flags & STALE else r.quality


@fast
def take_views(w, start, frame, now, u):  # type: ignore[no-untyped-def]
    """LOSS_OF_VIEW rules of the sources from `start` at a tick; returns the source to go on from."""
    for s in range(start, len(w.sources)):
        source = w.sources[s]
        if not has_room(w, source.rule_count):
            return s
        for k in range(source.rule_first, source.rule_first + source.rule_count):
            down = source.state == DOWN and bool(w.rules[k].flags & ENABLED)
            trigger = drive(w, k, down, u)
            if trigger != NOTHING:
                at = _wall_of_end(w, k, trigger, now, u)
                move_alarm(w, k, trigger, at, now, frame, np.nan, COMMUNICATION if trigger == ON else 0)
    return len(w.sources)
