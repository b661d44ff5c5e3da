"""One part of readings, in arrival order: the quiet band lets nearly all of them by, the others are looked at with care."""

from __future__ import annotations

from anlan.model.quality import FLAG_MASK, REASON_MASK
from anlan.monitor.compiled import fast
from anlan.monitor.kernel.calculated import calculate, feed
from anlan.monitor.kernel.conditions import has_room
from anlan.monitor.kernel.memory import prefetch
from anlan.monitor.kernel.numbers import (
    BAD,
    CALCULATED,
    CALIBRATING,
    CLOCK_BAD,
    CLOCK_BAD_FLAG,
    CLOCK_TOLERANCE,
    DUPLICATE,
    FEEDS,
    HELD,
    IN_CALIBRATION,
    IN_MAINTENANCE,
    INHIBITED,
    LATCHES,
    LATE,
    NOT_A_NUMBER,
    NOT_FLAGS,
    NOT_LIVE,
    OVER,
    OVER_LATCHED,
    OVER_RANGE_LATCHED,
    OVERDUE,
    OVERDUE_QUALITY,
    PRESENT,
    STALE,
    UNCERTAIN,
    UNKNOWN_POINT,
    UP,
)
from anlan.monitor.kernel.points import data_now, decide, run_on_until, same_value, settle
from anlan.monitor.layout import NEVER

AHEAD = 24
"""Rows from which a point's cache line is asked for in advance: at a million points in random order 28 → 46 million readings/s."""


@fast
def take_readings(w, point, time, value, quality, start, frame, received_at, u, late_rows):  # type: ignore[no-untyped-def]
    """Decide on rows start … of one part; returns the row to go on from (the number of rows when done).

    `late_rows` receives the rows older than their point's newest reading, as many as tally[LATE] says.
    """
    newest_allowed = received_at + CLOCK_TOLERANCE
    count = len(w.points)
    waits = w.waited[:, 0].any()
    for i in range(start, len(point)):
        if waits and time[i] != time[max(i - 1, 0)]:
            if not calculate(w, frame, received_at, u):
                return i
            waits = False
        p = point[i]
        if i + AHEAD < len(point) and point[i + AHEAD] < count:
            prefetch(w.points, point[i + AHEAD])
        if p >= count:
            w.tally[UNKNOWN_POINT] += 1
            continue
        r = w.points[p]
        t = time[i]
        v = value[i]
        q = quality[i]
        if t > r.time and t <= newest_allowed and q < BAD and not q & CLOCK_BAD_FLAG and v >= r.quiet_low and v <= r.quiet_high:
            r.time = t
            r.value = v
            r.quality = q
            r.heard = u
            r.touched = frame
            if r.flags & FEEDS:
                feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, t)
                waits = True
            continue
        if not r.flags & PRESENT:
            w.tally[UNKNOWN_POINT] += 1
            continue
        if not has_room(w, r.rule_count):
            return i
        _take_with_care(w, p, t, v, q, i, frame, received_at, u, late_rows)
        waits = waits or bool(r.flags & FEEDS)
    return len(point)


@fast
def _take_with_care(w, p, t, v, q, row, frame, received_at, u, late_rows):  # type: ignore[no-untyped-def]
    """The whole story for one reading: is it new, is it usable, what do the rules say."""
    r = w.points[p]
    if r.flags & CALCULATED:
        w.tally[UNKNOWN_POINT] += 1  # no source reads it
        return
    if v != v and q < BAD:  # noqa: PLR0124  (NaN)
        q = (q & FLAG_MASK) | NOT_A_NUMBER
    wrong = q & CLOCK_BAD_FLAG and not q & NOT_LIVE  # as the node found, over a while (`node.source_clocks`)
    if wrong or t > received_at + CLOCK_TOLERANCE or (t < r.time and _stamped_by_a_clock_set_back(r, t, q, received_at)):
        # Never before the point's own now: a node clock set back must not make every reading late.
        t = max(received_at, data_now(r, u)) if r.time != NEVER else received_at
        q |= CLOCK_BAD_FLAG
        w.tally[CLOCK_BAD] += 1
        q = _as_it_counts(r, q)
    elif t < r.time:
        # The live state never moves for late data: `late` corrects the record from these rows.
        late_rows[w.tally[LATE]] = row
        w.tally[LATE] += 1
        return
    else:
        q = _as_it_counts(r, q)
        if t == r.time and same_value(v, r.value) and (q & NOT_FLAGS) == (r.quality & NOT_FLAGS):
            w.tally[DUPLICATE] += 1
            return
    run_on_until(w, p, t, frame, received_at)
    decide(w, p, t, v, q, frame, received_at, u)
    r.time = t
    r.value = v
    r.quality = q
    r.heard = u
    r.touched = frame
    r.flags &= ~STALE
    if w.sources[r.source].state == UP:
        r.flags |= HELD
    else:
        r.flags &= ~HELD
    settle(w, p)
    if r.flags & FEEDS:
        feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, t)


@fast
def _as_it_counts(r, q):  # type: ignore[no-untyped-def]
    """The quality after what people have said of the point, after a range that was once left, and after the date of its
    calibration."""
    if r.flags & LATCHES and (q & REASON_MASK) == OVER:
        r.flags |= OVER_LATCHED  # a catalytic detector above the explosive range can read low again
    if r.flags & CALIBRATING:
        return (q & FLAG_MASK) | IN_CALIBRATION
    if r.flags & INHIBITED:
        return (q & FLAG_MASK) | IN_MAINTENANCE
    if r.flags & OVER_LATCHED:
        return (q & FLAG_MASK) | OVER_RANGE_LATCHED
    if r.flags & OVERDUE and q < UNCERTAIN:
        return (q & FLAG_MASK) | OVERDUE_QUALITY
    return q


@fast
def _stamped_by_a_clock_set_back(r, t, q, received_at):  # type: ignore[no-untyped-def]
    """Fresh by the node's clock, while that clock says that the point's newest reading is yet to come: it is the node's that was set,
    and what it stamps (a polled device stamps nothing) must not be late for as long as it was set back by."""
    fresh = t >= received_at - CLOCK_TOLERANCE and not q & NOT_LIVE
    return fresh and received_at < r.time - CLOCK_TOLERANCE
