"""The engine's inner loop, compiled by Numba: readings or points go in, transitions come out. No clock, no I/O, no allocation.

Its entrances may stop early when the table of transitions is full, and say where to go on:

    take_readings   one part of readings, in arrival order
    take_tick       the node's time has moved: absence rules of points, and delays of values that silence holds
    take_views      the same for the rules of sources
    view_changed    sources went down or came up
    reconsider      the rules have changed
    calculate       what waits to be calculated from readings and ticks; after each of the above

Two clocks (DOMAIN.md 1). *Data time* is the source's stamp; value and quality rules run on it. *Node time* `u` is counted from
ticks and never jumps (`node_time`); absence rules run on it. A point's now is its newest data time plus the node time that has
passed since that reading arrived.

A delay runs only while the value is known. A cyclic value is known for its deadline after each usable reading: a longer gap counts
as the deadline, no more, and never fires by itself. An on-change value is known through silence while its source is in view
(flag HELD). What a gap leaves uncovered is added to `since`.

A calculated point gets its readings from a program (`machine`). Readings of its inputs only mark it as waiting; it is evaluated once
for a run of rows with equal time, so that values read together are seen together, and then decided on like any other.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # publishes none
from numba import types
from numba.extending import intrinsic

from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.quality import FLAG_MASK, REASON_MASK, Flag, Reason, Severity, quality
from anlan.monitor.compiled import fast
from anlan.monitor.layout import BLOCK, LEVELS, NEVER, NOT_DUE, Phase, PointFlag, ProgramFlag, RuleFlag, Tally, View
from anlan.monitor.machine import evaluate
from anlan.monitor.program import Op
from anlan.monitor.states import REFUSED

# Numba reads enum members as slow objects, plain integers as constants.
_PRESENT, _ON_CHANGE, _HELD = int(PointFlag.PRESENT), int(PointFlag.ON_CHANGE), int(PointFlag.HELD)
_STALE, _PENDING = int(PointFlag.STALE), int(PointFlag.PENDING)
_LATCHES, _OVER_LATCHED = int(PointFlag.LATCHES), int(PointFlag.OVER_LATCHED)
_INHIBITED, _CALIBRATING = int(PointFlag.INHIBITED), int(PointFlag.CALIBRATING)
_CALCULATED, _FEEDS, _GOVERNS = int(PointFlag.CALCULATED), int(PointFlag.FEEDS), int(PointFlag.GOVERNS)
_BY_ITSELF, _POINT_OP = int(ProgramFlag.BY_ITSELF), int(Op.POINT)
_LATCHING, _ENABLED = int(RuleFlag.LATCHING), int(RuleFlag.ENABLED)
_QUIET, _RISING, _STANDING, _FALLING = int(Phase.QUIET), int(Phase.RISING), int(Phase.STANDING), int(Phase.FALLING)
_UP, _DOWN = int(View.UP), int(View.DOWN)
_ON, _OFF, _NOTHING = int(Trigger.CONDITION_ON), int(Trigger.CONDITION_OFF), 0
_LOW_LOW, _LOW, _HIGH, _HIGH_HIGH = int(AlarmKind.LOW_LOW), int(AlarmKind.LOW), int(AlarmKind.HIGH), int(AlarmKind.HIGH_HIGH)
_STATE, _BAD_QUALITY, _STALE_KIND = int(AlarmKind.STATE), int(AlarmKind.BAD_QUALITY), int(AlarmKind.STALE)
_SUPPRESS, _UNSUPPRESS = int(Trigger.SUPPRESS), int(Trigger.UNSUPPRESS)
_UNACKNOWLEDGED, _SUPPRESSED = int(AlarmState.UNACKNOWLEDGED), int(AlarmState.SUPPRESSED)
_OUT, _DUPLICATE, _LATE = int(Tally.OUT), int(Tally.DUPLICATE), int(Tally.LATE)
_UNKNOWN_POINT, _CLOCK_BAD, _APPLIED = int(Tally.UNKNOWN_POINT), int(Tally.CLOCK_BAD), int(Tally.APPLIED)

_BAD = int(quality(Severity.BAD))
_NOT_A_NUMBER = int(quality(Severity.BAD, Reason.NOT_A_NUMBER))
_COMMUNICATION = int(quality(Severity.BAD, Reason.COMMUNICATION))
_OVER_RANGE_LATCHED = int(quality(Severity.BAD, Reason.OVER_RANGE_LATCHED))
_IN_MAINTENANCE = int(quality(Severity.BAD, Reason.MAINTENANCE))
_IN_CALIBRATION = int(quality(Severity.BAD, Reason.CALIBRATION))
_OVER, _OVER_AND_LATCHED, _UNDER = int(Reason.OVER_RANGE), int(Reason.OVER_RANGE_LATCHED), int(Reason.UNDER_RANGE)
_STALE_QUALITY = int(quality(Severity.BAD, Reason.STALE))
_CLOCK_BAD_FLAG, _NOT_LIVE = int(Flag.CLOCK_BAD), int(Flag.BACKFILL | Flag.MANUAL)
_NOT_FLAGS = 0xFFFF & ~FLAG_MASK

CLOCK_TOLERANCE = 5_000_000
"""µs. A stamp further ahead of its arrival is a wrong clock (DESIGN.md §4)."""
_MS = 1_000
_AHEAD = 24
"""Rows from which a point's cache line is asked for in advance: at a million points in random order 28 → 46 million readings/s."""


# ------------------------------------------------------------------------------------------------------------- readings


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
        if i + _AHEAD < len(point) and point[i + _AHEAD] < count:
            _prefetch(w.points, point[i + _AHEAD])  # type: ignore[call-arg]  # Numba passes the first
        if p >= count:
            w.tally[_UNKNOWN_POINT] += 1
            continue
        r = w.points[p]
        t = time[i]
        v = value[i]
        q = quality[i]
        if t > r.time and t <= newest_allowed and q < _BAD and v >= r.quiet_low and v <= r.quiet_high:
            r.time = t
            r.value = v
            r.quality = q
            r.heard = u
            r.touched = frame
            if r.flags & _FEEDS:
                _feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, t)
                waits = True
            continue
        if not r.flags & _PRESENT:
            w.tally[_UNKNOWN_POINT] += 1
            continue
        if not _has_room(w, r.rule_count):
            return i
        _take_with_care(w, p, t, v, q, i, frame, received_at, u, late_rows)
        waits = waits or bool(r.flags & _FEEDS)
    return len(point)


@intrinsic
def _prefetch(context, array, index):  # type: ignore[no-untyped-def]
    """Ask memory for the cache line of `array[index]`, to be written soon."""

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, args[0]).data
        at = context.cast(builder, args[1], signature.args[1], types.intp)
        line = builder.bitcast(builder.gep(data, [at]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [line.type, word, word, word])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [line.type], form)
        builder.call(prefetch, [line, word(1), word(3), word(1)])  # for writing, to be kept, data
        return context.get_dummy_value()

    return types.void(array, index), generate


@fast
def _has_room(w, rules):  # type: ignore[no-untyped-def]
    """A rule can come on by its delay and go off by the reading that ends it: two transitions each."""
    return w.tally[_OUT] + 2 * np.int64(rules) <= len(w.out)


@fast
def _take_with_care(w, p, t, v, q, row, frame, received_at, u, late_rows):  # type: ignore[no-untyped-def]
    """The whole story for one reading: is it new, is it usable, what do the rules say."""
    r = w.points[p]
    if r.flags & _CALCULATED:
        w.tally[_UNKNOWN_POINT] += 1  # no source reads it
        return
    if v != v and q < _BAD:  # noqa: PLR0124  (NaN)
        q = (q & FLAG_MASK) | _NOT_A_NUMBER
    if t > received_at + CLOCK_TOLERANCE or (t < r.time and _stamped_by_a_clock_set_back(r, t, q, received_at)):
        # Never before the point's own now: a node clock set back must not make every reading late.
        t = max(received_at, _now(r, u)) if r.time != NEVER else received_at
        q |= _CLOCK_BAD_FLAG
        w.tally[_CLOCK_BAD] += 1
        q = _as_it_counts(r, q)
    elif t < r.time:
        # The live state never moves for late data: `late` corrects the record from these rows.
        late_rows[w.tally[_LATE]] = row
        w.tally[_LATE] += 1
        return
    else:
        q = _as_it_counts(r, q)
        if t == r.time and _same(v, r.value) and (q & _NOT_FLAGS) == (r.quality & _NOT_FLAGS):
            w.tally[_DUPLICATE] += 1
            return
    _run_on_until(w, p, t, frame, received_at)
    _decide(w, p, t, v, q, frame, received_at, u)
    r.time = t
    r.value = v
    r.quality = q
    r.heard = u
    r.touched = frame
    r.flags &= ~_STALE
    if w.sources[r.source].state == _UP:
        r.flags |= _HELD
    else:
        r.flags &= ~_HELD
    _settle(w, p)
    if r.flags & _FEEDS:
        _feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, t)


@fast
def _as_it_counts(r, q):  # type: ignore[no-untyped-def]
    """The quality after what people have said of the point, and after a range that was once left."""
    if r.flags & _LATCHES and (q & REASON_MASK) == _OVER:
        r.flags |= _OVER_LATCHED  # a catalytic detector above the explosive range can read low again
    if r.flags & _CALIBRATING:
        return (q & FLAG_MASK) | _IN_CALIBRATION
    if r.flags & _INHIBITED:
        return (q & FLAG_MASK) | _IN_MAINTENANCE
    if r.flags & _OVER_LATCHED:
        return (q & FLAG_MASK) | _OVER_RANGE_LATCHED
    return q


@fast
def _stamped_by_a_clock_set_back(r, t, q, received_at):  # type: ignore[no-untyped-def]
    """Fresh by the node's clock, while that clock says that the point's newest reading is yet to come: it is the node's that was set,
    and what it stamps (a polled device stamps nothing) must not be late for as long as it was set back by."""
    fresh = t >= received_at - CLOCK_TOLERANCE and not q & _NOT_LIVE
    return fresh and received_at < r.time - CLOCK_TOLERANCE


@fast
def _same(a, b):  # type: ignore[no-untyped-def]
    return a == b or (a != a and b != b)  # noqa: PLR0124  (two NaN are the same reading)


@fast
def _now(r, u):  # type: ignore[no-untyped-def]
    """The point's now in data time. `u` can lie a little before `heard`: an arrival is stamped between two ticks."""
    return r.time + max(0, u - r.heard)


@fast
def _decide(w, p, t, v, q, frame, received_at, u):  # type: ignore[no-untyped-def]
    """Every rule of the point against a new reading at data time `t`."""
    r = w.points[p]
    usable = q < _BAD
    in_view = w.sources[r.source].state != _DOWN
    uncovered = _uncovered(w, p, t) if usable else 0
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        rule = w.rules[k]
        if rule.kind == _STALE_KIND:
            # A running off-delay ends at a tick, so that it does not matter which readings the quiet band lets by.
            trigger = _drive(w, k, False, u) if w.status[k].phase != _FALLING else _NOTHING
            at = received_at
        elif rule.kind == _BAD_QUALITY:
            bad = not usable and bool(rule.flags & _ENABLED)
            trigger = _drive(w, k, bad and (in_view or w.status[k].phase != _QUIET), t)
            at = t
        elif usable:
            w.status[k].since += uncovered
            trigger = _drive(w, k, _met(w, k, v), t)
            at = t
        elif _beyond(rule.kind, q):
            trigger = _drive(w, k, bool(rule.flags & _ENABLED), t)
            at = t
        else:
            continue  # a bad value is no evidence: the rule keeps what it last knew
        if trigger != _NOTHING:
            _move(w, k, trigger, at, received_at, frame, v, q)
    if usable or _beyond(_HIGH, q) or _beyond(_LOW, q):
        w.known[p] = t
    elif r.flags & _ON_CHANGE and r.flags & _HELD and r.quality < _BAD:
        w.known[p] = t  # the value held until the source said it no longer knows


@fast
def _beyond(kind, q):  # type: ignore[no-untyped-def]
    """Whether a bad reading still tells that a limit is passed: what is over the range is over every high limit within it."""
    reason = q & REASON_MASK
    if kind in (_HIGH, _HIGH_HIGH):
        return reason in (_OVER, _OVER_AND_LATCHED)
    return kind in (_LOW, _LOW_LOW) and reason == _UNDER


@fast
def _uncovered(w, p, t):  # type: ignore[no-untyped-def]
    """Data time before `t` in which nobody knew the value; running delays don't count it."""
    r = w.points[p]
    if not r.flags & _PENDING:
        return 0
    if r.flags & _ON_CHANGE:
        return 0 if r.flags & _HELD and r.quality < _BAD else max(0, t - w.known[p])
    if r.deadline == 0:
        return 0
    return max(0, t - w.known[p] - np.int64(r.deadline) * _MS)


@fast
def _met(w, k, v):  # type: ignore[no-untyped-def]
    """Whether `v` meets the rule's condition, dead-band included: a condition that is on stays on until `clear` is passed."""
    rule = w.rules[k]
    if not rule.flags & _ENABLED:
        return False
    on = w.status[k].phase == _RISING or w.status[k].phase == _STANDING
    if rule.kind in (_HIGH, _HIGH_HIGH):
        return v >= (rule.clear if on else rule.limit)
    if rule.kind in (_LOW, _LOW_LOW):
        return v <= (rule.clear if on else rule.limit)
    return _listed(w, rule, v)


@fast
def _listed(w, rule, v):  # type: ignore[no-untyped-def]
    for j in range(np.int64(rule.limit), np.int64(rule.clear)):  # noqa: SIM110  (Numba compiles no generator)
        if w.pool[j] == v:
            return True
    return False


# --------------------------------------------------------------------------------------------------- a rule's condition


@fast
def _drive(w, k, met, at):  # type: ignore[no-untyped-def]
    """Move the rule's phase by what is known at `at`; returns the trigger that follows, if any."""
    s = w.status[k]
    if met:
        if s.phase == _QUIET:
            s.phase = _RISING
            s.since = at
        elif s.phase == _FALLING:
            s.phase = _STANDING  # back within its off-delay: the same episode goes on
    elif s.phase == _RISING:
        s.phase = _QUIET
    elif s.phase == _STANDING:
        s.phase = _FALLING
        s.since = at
    return _expire(w, k, at)


@fast
def _expire(w, k, until):  # type: ignore[no-untyped-def]
    """End the rule's running delay if it ends by `until`."""
    s = w.status[k]
    if s.phase == _RISING and _ends(w, k) <= until:
        s.phase = _STANDING
        return _ON
    if s.phase == _FALLING and _ends(w, k) <= until:
        s.phase = _QUIET
        return _OFF
    return _NOTHING


@fast
def _ends(w, k):  # type: ignore[no-untyped-def]
    """When the running delay ends, on the clock of the rule; only in RISING or FALLING."""
    s = w.status[k]
    delay = w.rules[k].on_delay if s.phase == _RISING else w.rules[k].off_delay
    return s.since + np.int64(delay) * _MS


@fast
def _move(w, k, trigger, happened_at, noticed_at, frame, v, q):  # type: ignore[no-untyped-def]
    """Move the alarm by the state table and write the transition; nothing when the table keeps the state."""
    rule = w.rules[k]
    s = w.status[k]
    latching = 1 if rule.flags & _LATCHING else 0
    after = w.table[s.state, trigger, latching, 1 if s.phase >= _STANDING else 0]
    if after == s.state or after == REFUSED:  # noqa: PLR1714  (Numba has no `in` over two types)
        return
    if after == _UNACKNOWLEDGED:
        s.episode += 1
    row = w.out[w.tally[_OUT]]
    w.tally[_OUT] += 1
    row.frame = frame
    row.alarm = rule.number
    row.episode = s.episode
    row.trigger = trigger
    row.before = s.state
    row.after = after
    row.happened_at = happened_at
    row.noticed_at = noticed_at
    row.value = v
    row.quality = q
    row.limit = _limit(w, k, v)
    s.state = after


@fast
def _limit(w, k, v):  # type: ignore[no-untyped-def]
    """What to show as the limit: that of a limit rule; the state itself for STATE; none else."""
    kind = w.rules[k].kind
    if kind <= _HIGH_HIGH:
        return w.rules[k].limit
    return v if kind == _STATE else np.nan


# ------------------------------------------------------------------------------------------------------- running delays


@fast
def _run_on_until(w, p, until, frame, noticed_at):  # type: ignore[no-untyped-def]
    """Let delays run on data time up to `until` on what the point is known to hold; fire those that end."""
    r = w.points[p]
    if not r.flags & _PENDING:
        return
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if _runs_by_itself(w, p, k):
            at = _ends(w, k)
            trigger = _expire(w, k, until)
            if trigger != _NOTHING:
                _move(w, k, trigger, at, noticed_at, frame, r.value, r.quality)


@fast
def _runs_by_itself(w, p, k):  # type: ignore[no-untyped-def]
    """Whether the rule's delay runs on without a new reading."""
    phase = w.status[k].phase
    if phase not in (_RISING, _FALLING):
        return False
    r = w.points[p]
    kind = w.rules[k].kind
    if kind == _STALE_KIND:
        return False  # on node time, in the tick
    if kind == _BAD_QUALITY and phase == _RISING:
        # Silence is no good value either, even if the source was away meanwhile.
        return bool(r.flags & _HELD) or w.sources[r.source].state == _UP
    known = r.quality < _BAD or _beyond(kind, r.quality)
    return bool(r.flags & _HELD) and bool(r.flags & _ON_CHANGE) and known


@fast
def _settle(w, p):  # type: ignore[no-untyped-def]
    """After any change of the point or its rules: the quiet band, whether delays run, and when a tick must look again."""
    r = w.points[p]
    low = -np.inf
    high = np.inf
    pending = False
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        kind = w.rules[k].kind
        phase = w.status[k].phase
        running = phase in (_RISING, _FALLING)
        pending = pending or running
        if kind == _STALE_KIND:
            # Any reading ends it; its off-delay then runs on ticks.
            low = np.inf if phase in (_RISING, _STANDING) else low
        elif running or (kind == _BAD_QUALITY and phase != _QUIET):
            low = np.inf
        elif kind == _STATE:
            low = max(low, r.value)
            high = min(high, r.value)
        elif kind in (_HIGH, _HIGH_HIGH):
            if phase == _STANDING:
                low = max(low, w.rules[k].clear)
            elif w.rules[k].flags & _ENABLED:
                high = min(high, np.nextafter(w.rules[k].limit, -np.inf))
        elif kind in (_LOW, _LOW_LOW):
            if phase == _STANDING:
                high = min(high, w.rules[k].clear)
            elif w.rules[k].flags & _ENABLED:
                low = max(low, np.nextafter(w.rules[k].limit, np.inf))
    looked_at = r.flags & (_STALE | _LATCHES) or not r.flags & _HELD
    if looked_at or r.quality >= _BAD or r.time == NEVER:
        low = np.inf
    r.quiet_low = low
    r.quiet_high = high
    if pending:
        r.flags |= _PENDING
    else:
        r.flags &= ~_PENDING
    b = p // BLOCK
    w.due[b] = min(w.due[b], _next_due(w, p))


@fast
def _next_due(w, p):  # type: ignore[no-untyped-def]
    """Node time before which no tick can move anything of the point. New readings only move it later."""
    r = w.points[p]
    source = w.sources[r.source]
    if source.state != _UP:
        return NOT_DUE
    due = NOT_DUE
    if r.deadline > 0 and not r.flags & (_STALE | _CALCULATED):
        due = max(r.heard, source.up_since) + np.int64(r.deadline) * _MS
    if r.flags & (_PENDING | _STALE):
        for k in range(r.rule_first, r.rule_first + r.rule_count):
            due = min(due, _rule_due(w, p, k))
    return due


@fast
def _rule_due(w, p, k):  # type: ignore[no-untyped-def]
    r = w.points[p]
    phase = w.status[k].phase
    if w.rules[k].kind == _STALE_KIND:
        if r.flags & _STALE and w.rules[k].flags & _ENABLED and phase in (_QUIET, _FALLING):
            return np.int64(0)  # a rule that came after the silence
        return _ends(w, k) if phase in (_RISING, _FALLING) else NOT_DUE
    if _runs_by_itself(w, p, k):
        return r.heard + _ends(w, k) - r.time
    return NOT_DUE


# ---------------------------------------------------------------------------------------------------------------- ticks


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
        if not _has_room(w, rules):
            return b
        w.due[b] = NOT_DUE
        for p in range(first, last):
            if w.points[p].flags & _PRESENT and w.sources[w.points[p].source].state == _UP:
                _look_at(w, p, frame, now, u)
    return len(w.due)


@fast
def _look_at(w, p, frame, now, u):  # type: ignore[no-untyped-def]
    """One point at a tick: has silence made it stale, and which delays end."""
    r = w.points[p]
    due = _next_due(w, p)
    if due > u:
        b = p // BLOCK
        w.due[b] = min(w.due[b], due)
        return
    stale_at = max(r.heard, w.sources[r.source].up_since) + np.int64(r.deadline) * _MS
    if r.deadline > 0 and not r.flags & (_STALE | _CALCULATED) and stale_at <= u:
        r.flags |= _STALE
        r.touched = frame
        if r.flags & _FEEDS and r.time != NEVER:  # of one that never spoke nothing new is known, and it has no data time
            _feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, _now(r, u))
    if r.time != NEVER:
        _run_on_until(w, p, _now(r, u), frame, now)
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if w.rules[k].kind == _STALE_KIND:
            _absence(w, p, k, stale_at, frame, now, u)
    _settle(w, p)


@fast
def _absence(w, p, k, stale_at, frame, now, u):  # type: ignore[no-untyped-def]
    """A STALE rule at a tick. Silence became staleness at `stale_at`, not at the tick that found it."""
    if w.points[p].flags & _STALE and w.rules[k].flags & _ENABLED:
        _move_absence(w, p, k, _expire(w, k, stale_at), frame, now, u)
        _move_absence(w, p, k, _drive(w, k, True, stale_at), frame, now, u)
    _move_absence(w, p, k, _expire(w, k, u), frame, now, u)


@fast
def _move_absence(w, p, k, trigger, frame, now, u):  # type: ignore[no-untyped-def]
    if trigger != _NOTHING:
        _move(w, k, trigger, _wall_of_end(w, k, trigger, now, u), now, frame, w.points[p].value, _quality_shown(w, p))


@fast
def _wall_of_end(w, k, trigger, now, u):  # type: ignore[no-untyped-def]
    """Wall time at which the delay ended that `trigger` follows from, counted back from the tick's `now` in node time."""
    delay = w.rules[k].on_delay if trigger == _ON else w.rules[k].off_delay
    return now - (u - w.status[k].since - np.int64(delay) * _MS)


@fast
def _quality_shown(w, p):  # type: ignore[no-untyped-def]
    r = w.points[p]
    return _STALE_QUALITY | (r.quality & FLAG_MASK) if r.flags & _STALE else r.quality


@fast
def take_views(w, start, frame, now, u):  # type: ignore[no-untyped-def]
    """LOSS_OF_VIEW rules of the sources from `start` at a tick; returns the source to go on from."""
    for s in range(start, len(w.sources)):
        source = w.sources[s]
        if not _has_room(w, source.rule_count):
            return s
        for k in range(source.rule_first, source.rule_first + source.rule_count):
            down = source.state == _DOWN and bool(w.rules[k].flags & _ENABLED)
            trigger = _drive(w, k, down, u)
            if trigger != _NOTHING:
                at = _wall_of_end(w, k, trigger, now, u)
                _move(w, k, trigger, at, now, frame, np.nan, _COMMUNICATION if trigger == _ON else 0)
    return len(w.sources)


# -------------------------------------------------------------------------------------------------- sources in and out of view


@fast
def view_changed(w, changed, start, frame, now, u):  # type: ignore[no-untyped-def]
    """`changed[source]` is 1 for sources whose state has just been set in `w.sources`; returns the point to go on from.

    Down: delays that silence has carried so far may still end, then the value is no longer known. Value alarms keep their last
    adverse state; quality delays begin anew, because while nothing is seen the one alarm of the source speaks for all.
    """
    for p in range(start, len(w.points)):
        r = w.points[p]
        if not r.flags & _PRESENT or not changed[r.source]:
            continue
        if not _has_room(w, r.rule_count):
            return p
        r.touched = frame
        if w.sources[r.source].state == _DOWN:
            _lose_sight(w, p, frame, now, u)
        else:
            _regain_sight(w, p, frame, now, u)
        _settle(w, p)
        if r.flags & _FEEDS and r.time != NEVER:
            _feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, p, _now(r, u))
    return len(w.points)


@fast
def _lose_sight(w, p, frame, now, u):  # type: ignore[no-untyped-def]
    r = w.points[p]
    if r.time != NEVER and r.flags & _HELD:
        _run_on_until(w, p, _now(r, u), frame, now)
        if r.flags & _ON_CHANGE and r.quality < _BAD:
            w.known[p] = _now(r, u)
    r.flags &= ~_HELD
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if w.rules[k].kind == _BAD_QUALITY or w.rules[k].kind == _STALE_KIND:
            _forget_delay(w, k)


@fast
def _regain_sight(w, p, frame, now, u):  # type: ignore[no-untyped-def]
    """Silence is counted anew, and so is a value that was bad when last heard of. What stands waits for a reading."""
    r = w.points[p]
    r.flags &= ~_STALE
    if r.time == NEVER or r.quality < _BAD:
        return
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if w.rules[k].kind == _BAD_QUALITY and w.rules[k].flags & _ENABLED and w.status[k].phase == _QUIET:
            at = _now(r, u)
            trigger = _drive(w, k, True, at)
            if trigger != _NOTHING:
                _move(w, k, trigger, at, now, frame, r.value, r.quality)


@fast
def _forget_delay(w, k):  # type: ignore[no-untyped-def]
    s = w.status[k]
    if s.phase == _RISING:
        s.phase = _QUIET
    elif s.phase == _FALLING:
        s.phase = _STANDING


# ------------------------------------------------------------------------------------------------------- configuration


@fast
def reconsider(w, anew, start, frame, now, u):  # type: ignore[no-untyped-def]
    """After a configuration change. `anew[rule]`: 1 for a new rule or a moved limit, judged on the last value as if for the first
    time; 2 for a changed delay. Settles every point; returns the point to go on from."""
    for p in range(start, len(w.points)):
        r = w.points[p]
        if not r.flags & _PRESENT:
            continue
        if not _has_room(w, r.rule_count):
            return p
        for k in range(r.rule_first, r.rule_first + r.rule_count):
            if anew[k]:
                _judge_last_value(w, p, k, anew[k], frame, now, u)
        _settle(w, p)
    return len(w.points)


@fast
def _judge_last_value(w, p, k, how, frame, now, u):  # type: ignore[no-untyped-def]
    r = w.points[p]
    if r.time == NEVER or w.rules[k].kind == _STALE_KIND:
        return  # absence is looked at by the next tick
    at = _now(r, u) if r.flags & _HELD and r.flags & _ON_CHANGE else r.time
    if w.rules[k].kind == _BAD_QUALITY:
        met = r.quality >= _BAD and bool(w.rules[k].flags & _ENABLED) and w.sources[r.source].state != _DOWN
    elif r.quality < _BAD:
        met = _met_anew(w, k, r.value) if how == 1 else _met(w, k, r.value)
    elif _beyond(w.rules[k].kind, r.quality):
        met = bool(w.rules[k].flags & _ENABLED)
    else:
        return
    if r.quality < _BAD and (r.flags & _HELD or not r.flags & _ON_CHANGE):
        w.known[p] = at  # readings inside the quiet band did not keep it
    trigger = _drive(w, k, met, at)
    if trigger != _NOTHING:
        _move(w, k, trigger, now, now, frame, r.value, r.quality)


@fast
def _met_anew(w, k, v):  # type: ignore[no-untyped-def]
    """The condition without the memory of its dead-band: the old limit has nothing to say about the new one."""
    rule = w.rules[k]
    if not rule.flags & _ENABLED:
        return False
    if rule.kind in (_HIGH, _HIGH_HIGH):
        return v >= rule.limit
    if rule.kind in (_LOW, _LOW_LOW):
        return v <= rule.limit
    return _listed(w, rule, v)


# --------------------------------------------------------------------------------------------------- calculated points


@fast
def _feed(feeds_first, feeds, programs, marked, waiting, waited, p, t):  # type: ignore[no-untyped-def]
    """The programs that read the point wait for their evaluation, at `t` or later."""
    for i in range(feeds_first[p], feeds_first[p + 1]):
        _let_wait(programs, marked, waiting, waited, feeds[i], t)


@fast
def _let_wait(programs, marked, waiting, waited, j, t):  # type: ignore[no-untyped-def]
    program = programs[j]
    program.at = max(program.at, t)
    if not marked[j]:
        marked[j] = 1
        waiting[program.level, waited[program.level, 0]] = j
        waited[program.level, 0] += 1


@fast
def feed_those(w, which, u):  # type: ignore[no-untyped-def]
    """Let the programs wait of which `which` is 1, at the newest now of their inputs; those that have none yet have nothing to say."""
    for j in range(len(w.programs)):
        if which[j]:
            t = _newest_input(w, j, u)
            if t != NEVER:
                _let_wait(w.programs, w.marked, w.waiting, w.waited, j, t)


@fast
def feed_by_itself(w, u):  # type: ignore[no-untyped-def]
    """At a tick: what moves on with time alone."""
    for j in range(len(w.programs)):
        if w.programs[j].flags & _BY_ITSELF:
            t = _newest_input(w, j, u)
            if t != NEVER:
                _let_wait(w.programs, w.marked, w.waiting, w.waited, j, t)


@fast
def _newest_input(w, j, u):  # type: ignore[no-untyped-def]
    program = w.programs[j]
    newest = NEVER
    for i in range(program.first, program.first + program.count):
        if w.code[i].op == _POINT_OP:
            r = w.points[w.code[i].a]
            if r.time != NEVER:
                newest = max(newest, _now(r, u))
    return newest


@fast
def calculate(w, frame, noticed_at, u):  # type: ignore[no-untyped-def]
    """Evaluate what waits, inputs before what reads them; False when the table of transitions is full, to be called again."""
    for level in range(LEVELS):
        while w.waited[level, 1] < w.waited[level, 0]:
            j = w.waiting[level, w.waited[level, 1]]
            c = w.programs[j].target
            if not _has_room(w, w.points[c].rule_count + w.governs_first[c + 1] - w.governs_first[c]):
                return False
            w.waited[level, 1] += 1
            w.marked[j] = 0
            t = w.programs[j].at
            v, q = evaluate(w.programs, w.code, w.cells, w.points, w.sources, w.stack_values, w.stack_words, j, t)
            r = w.points[c]
            if t == r.time and _same(v, r.value) and q == r.quality:
                continue
            if t > r.time and q < _BAD and v >= r.quiet_low and v <= r.quiet_high:
                r.time = t
                r.value = v
                r.quality = q
                r.heard = u
                r.touched = frame
            else:
                _take_result(w, c, t, v, q, frame, noticed_at, u)
            if r.flags & _GOVERNS:
                _suppress(w, c, q < _BAD and v != 0, t, q, frame, noticed_at)
            if r.flags & _FEEDS:
                _feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, c, t)
        w.waited[level, 0] = 0
        w.waited[level, 1] = 0
    return True


@fast
def _take_result(w, c, t, v, q, frame, noticed_at, u):  # type: ignore[no-untyped-def]
    """A program's result as a reading of its point, with every rule looked at."""
    r = w.points[c]
    if r.time != NEVER:
        _run_on_until(w, c, t, frame, noticed_at)
    _decide(w, c, t, v, q, frame, noticed_at, u)
    r.time = t
    r.value = v
    r.quality = q
    r.heard = u
    r.touched = frame
    if q < _BAD:
        r.flags |= _HELD
    else:
        r.flags &= ~_HELD
    _settle(w, c)


@fast
def _suppress(w, c, met, t, q, frame, noticed_at):  # type: ignore[no-untyped-def]
    """Suppression by design of the alarms that the point governs. A condition that nobody knows suppresses nothing."""
    for i in range(w.governs_first[c], w.governs_first[c + 1]):
        k = w.governs[i]
        hidden = w.status[k].state == _SUPPRESSED
        if met != hidden and w.rules[k].flags & _ENABLED:
            _move(w, k, _SUPPRESS if met else _UNSUPPRESS, t, noticed_at, frame, np.nan, q)
