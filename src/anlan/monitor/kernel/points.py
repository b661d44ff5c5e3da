"""One point: every rule of it against a new value, delays that run on through silence, the quiet band, and when a tick must look again."""

from __future__ import annotations

import numpy as np

from anlan.monitor.compiled import fast
from anlan.monitor.kernel.conditions import (
    beyond,
    delay_ends,
    drive,
    expire,
    is_fault,
    is_met,
    move_alarm,
    unseen_with_its_inputs,
)
from anlan.monitor.kernel.numbers import (
    BAD,
    BAD_QUALITY,
    CALCULATED,
    DOWN,
    ENABLED,
    FALLING,
    HELD,
    HIGH,
    HIGH_HIGH,
    LATCHES,
    LOW,
    LOW_LOW,
    MS,
    NOTHING,
    ON_CHANGE,
    OVERDUE,
    PENDING,
    QUIET,
    RISING,
    STALE,
    STALE_KIND,
    STANDING,
    STATE,
    UP,
)
from anlan.monitor.layout import BLOCK, NEVER, NOT_DUE


@fast
def data_now(r, u):  # type: ignore[no-untyped-def]
    """The point's now in data time. `u` can lie a little before `heard`: an arrival is stamped between two ticks."""
    return r.time + max(0, u - r.heard)


@fast
def same_value(a, b):  # type: ignore[no-untyped-def]
    return a == b or (a != a and b != b)  # noqa: PLR0124  (two NaN are the same reading)


@fast
def decide(w, p, t, v, q, frame, received_at, u):  # type: ignore[no-untyped-def]
    """Every rule of the point against a new reading at data time `t`."""
    r = w.points[p]
    usable = q < BAD
    in_view = w.sources[r.source].state != DOWN and not unseen_with_its_inputs(w, p, q)
    uncovered = _uncovered(w, p, t) if usable else 0
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        rule = w.rules[k]
        if rule.kind == STALE_KIND:
            # A running off-delay ends at a tick, so that it does not matter which readings the quiet band lets by.
            trigger = drive(w, k, False, u) if w.status[k].phase != FALLING else NOTHING
            at = received_at
        elif rule.kind == BAD_QUALITY:
            bad = is_fault(q) and bool(rule.flags & ENABLED)
            trigger = drive(w, k, bad and (in_view or w.status[k].phase != QUIET), t)
            at = t
        elif usable:
            w.status[k].since += uncovered
            trigger = drive(w, k, is_met(w, k, v), t)
            at = t
        elif beyond(rule.kind, q):
            trigger = drive(w, k, bool(rule.flags & ENABLED), t)
            at = t
        else:
            continue  # a bad value is no evidence: the rule keeps what it last knew
        if trigger != NOTHING:
            move_alarm(w, k, trigger, at, received_at, frame, v, q)
    if usable or beyond(HIGH, q) or beyond(LOW, q):
        w.known[p] = t
    elif r.flags & ON_CHANGE and r.flags & HELD and r.quality < BAD:
        w.known[p] = t  # the value held until the source said it no longer knows


@fast
def _uncovered(w, p, t):  # type: ignore[no-untyped-def]
    """Data time before `t` in which nobody knew the value; running delays don't count it."""
    r = w.points[p]
    if not r.flags & PENDING:
        return 0
    if r.flags & ON_CHANGE:
        return 0 if r.flags & HELD and r.quality < BAD else max(0, t - w.known[p])
    if r.deadline == 0:
        return 0
    return max(0, t - w.known[p] - np.int64(r.deadline) * MS)


@fast
def run_on_until(w, p, until, frame, noticed_at):  # type: ignore[no-untyped-def]
    """Let delays run on data time up to `until` on what the point is known to hold; fire those that end."""
    r = w.points[p]
    if not r.flags & PENDING:
        return
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        if _runs_by_itself(w, p, k):
            at = delay_ends(w, k)
            trigger = expire(w, k, until)
            if trigger != NOTHING:
                move_alarm(w, k, trigger, at, noticed_at, frame, r.value, r.quality)


@fast
def _runs_by_itself(w, p, k):  # type: ignore[no-untyped-def]
    """Whether the rule's delay runs on without a new reading."""
    phase = w.status[k].phase
    if phase not in (RISING, FALLING):
        return False
    r = w.points[p]
    kind = w.rules[k].kind
    if kind == STALE_KIND:
        return False  # on node time, in the tick
    if kind == BAD_QUALITY and phase == RISING:
        # Silence is no good value either, even if the source was away meanwhile.
        return bool(r.flags & HELD) or w.sources[r.source].state == UP
    known = r.quality < BAD or beyond(kind, r.quality)
    return bool(r.flags & HELD) and bool(r.flags & ON_CHANGE) and known


@fast
def forget_delay(w, k):  # type: ignore[no-untyped-def]
    s = w.status[k]
    if s.phase == RISING:
        s.phase = QUIET
    elif s.phase == FALLING:
        s.phase = STANDING


@fast
def settle(w, p):  # type: ignore[no-untyped-def]
    """After any change of the point or its rules: the quiet band, whether delays run, and when a tick must look again."""
    r = w.points[p]
    low = -np.inf
    high = np.inf
    pending = False
    for k in range(r.rule_first, r.rule_first + r.rule_count):
        kind = w.rules[k].kind
        phase = w.status[k].phase
        running = phase in (RISING, FALLING)
        pending = pending or running
        if kind == STALE_KIND:
            # Any reading ends it; its off-delay then runs on ticks.
            low = np.inf if phase in (RISING, STANDING) else low
        elif running or (kind == BAD_QUALITY and phase != QUIET):
            low = np.inf
        elif kind == STATE:
            low = max(low, r.value)
            high = min(high, r.value)
        elif kind in (HIGH, HIGH_HIGH):
            if phase == STANDING:
                low = max(low, w.rules[k].clear)
            elif w.rules[k].flags & ENABLED:
                high = min(high, np.nextafter(w.rules[k].limit, -np.inf))
        elif kind in (LOW, LOW_LOW):
            if phase == STANDING:
                high = min(high, w.rules[k].clear)
            elif w.rules[k].flags & ENABLED:
                low = max(low, np.nextafter(w.rules[k].limit, np.inf))
    looked_at = r.flags & (STALE | LATCHES | OVERDUE) or not r.flags & HELD
    if looked_at or r.quality >= BAD or r.time == NEVER:
        low = np.inf
    r.quiet_low = low
    r.quiet_high = high
    if pending:
        r.flags |= PENDING
    else:
        r.flags &= ~PENDING
    b = p // BLOCK
    w.due[b] = min(w.due[b], next_due(w, p))


@fast
def next_due(w, p):  # type: ignore[no-untyped-def]
    """Node time before which no tick can move anything of the point. New readings only move it later."""
    r = w.points[p]
    source = w.sources[r.source]
    if source.state != UP:
        return NOT_DUE
    due = NOT_DUE
    if r.deadline > 0 and not r.flags & (STALE | CALCULATED):
        due = max(r.heard, source.up_since) + np.int64(r.deadline) * MS
    if r.flags & (PENDING | STALE):
        for k in range(r.rule_first, r.rule_first + r.rule_count):
            due = min(due, _rule_due(w, p, k))
    return due


@fast
def _rule_due(w, p, k):  # type: ignore[no-untyped-def]
    r = w.points[p]
    phase = w.status[k].phase
    if w.rules[k].kind == STALE_KIND:
        if r.flags & STALE and w.rules[k].flags & ENABLED and phase in (QUIET, FALLING):
            return np.int64(0)  # a rule that came after the silence
        return delay_ends(w, k) if phase in (RISING, FALLING) else NOT_DUE
    if _runs_by_itself(w, p, k):
        return r.heard + delay_ends(w, k) - r.time
    return NOT_DUE
