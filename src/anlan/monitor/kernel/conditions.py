"""One rule: whether its condition is met, how its delays run, and how the alarm moves by the state table."""

from __future__ import annotations

import numpy as np

from anlan.model.quality import REASON_MASK
from anlan.monitor.compiled import fast
from anlan.monitor.kernel.numbers import (
    ACKNOWLEDGED,
    BAD,
    CALCULATED,
    CALIBRATION,
    DOWN,
    ENABLED,
    FALLING,
    HIGH,
    HIGH_HIGH,
    LATCHED_ACKNOWLEDGED,
    LATCHED_UNACKNOWLEDGED,
    LATCHING,
    LOST,
    LOW,
    LOW_LOW,
    MAINTENANCE,
    MS,
    NOT_YET,
    NOTHING,
    OFF,
    ON,
    OUT,
    OVER,
    OVER_AND_LATCHED,
    QUIET,
    RISING,
    SHELVED,
    STANDING,
    STATE,
    UNACKNOWLEDGED,
    UNDER,
)
from anlan.monitor.states import REFUSED


@fast
def has_room(w, rules):  # type: ignore[no-untyped-def]
    """A rule can come on by its delay and go off by the reading that ends it: two transitions each."""
    return w.tally[OUT] + 2 * np.int64(rules) <= len(w.out)


@fast
def is_met(w, k, v):  # type: ignore[no-untyped-def]
    """Whether `v` meets the rule's condition, dead-band included: a condition that is on stays on until `clear` is passed."""
    rule = w.rules[k]
    if not rule.flags & ENABLED:
        return False
    on = w.status[k].phase == RISING or w.status[k].phase == STANDING
    if rule.kind in (HIGH, HIGH_HIGH):
        return v >= (rule.clear if on else rule.limit)
    if rule.kind in (LOW, LOW_LOW):
        return v <= (rule.clear if on else rule.limit)
    return _listed(w, rule, v)


@fast
def met_anew(w, k, v):  # type: ignore[no-untyped-def]
    """The condition without the memory of its dead-band: the old limit has nothing to say about the new one."""
    rule = w.rules[k]
    if not rule.flags & ENABLED:
        return False
    if rule.kind in (HIGH, HIGH_HIGH):
        return v >= rule.limit
    if rule.kind in (LOW, LOW_LOW):
        return v <= rule.limit
    return _listed(w, rule, v)


@fast
def _listed(w, rule, v):  # type: ignore[no-untyped-def]
    for j in range(np.int64(rule.limit), np.int64(rule.clear)):  # noqa: SIM110  (Numba compiles no generator)
        if w.pool[j] == v:
            return True
    return False


@fast
def is_fault(q):  # type: ignore[no-untyped-def]
    """Whether a quality is worth an alarm: bad, and not because people work on the instrument, which they know and every page shows."""
    return q >= BAD and (q & REASON_MASK) not in (CALIBRATION, MAINTENANCE)


@fast
def unseen_with_its_inputs(w, p, q):  # type: ignore[no-untyped-def]
    """Whether a calculated point is bad because nothing is seen of its inputs: a lost source's own alarm stands for all that it hides,
    and a point that has not spoken yet is unknown, which the start of every node is full of; if it never speaks, `node.unheard` tells it."""
    reason = q & REASON_MASK
    if not w.points[p].flags & CALCULATED or reason not in (LOST, NOT_YET):
        return False
    if reason == NOT_YET:
        return True
    for s in range(len(w.sources)):  # noqa: SIM110  (Numba compiles no generator)
        if w.sources[s].state == DOWN:
            return True
    return False


@fast
def beyond(kind, q):  # type: ignore[no-untyped-def]
    """Whether a bad reading still tells that a limit is passed: what is over the range is over every high limit within it."""
    reason = q & REASON_MASK
    if kind in (HIGH, HIGH_HIGH):
        return reason in (OVER, OVER_AND_LATCHED)
    return kind in (LOW, LOW_LOW) and reason == UNDER


@fast
def drive(w, k, met, at):  # type: ignore[no-untyped-def]
    """Move the rule's phase by what is known at `at`; returns the trigger that follows, if any."""
    s = w.status[k]
    if met:
        if s.phase == QUIET:
            s.phase = RISING
            s.since = at
        elif s.phase == FALLING:
            s.phase = STANDING  # back within its off-delay: the same episode goes on
    elif s.phase == RISING:
        s.phase = QUIET
    elif s.phase == STANDING:
        s.phase = FALLING
        s.since = at
    return expire(w, k, at)


@fast
def expire(w, k, until):  # type: ignore[no-untyped-def]
    """End the rule's running delay if it ends by `until`."""
    s = w.status[k]
    if s.phase == RISING and delay_ends(w, k) <= until:
        s.phase = STANDING
        return ON
    if s.phase == FALLING and delay_ends(w, k) <= until:
        s.phase = QUIET
        return OFF
    return NOTHING


@fast
def delay_ends(w, k):  # type: ignore[no-untyped-def]
    """When the running delay ends, on the clock of the rule; only in RISING or FALLING."""
    s = w.status[k]
    delay = w.rules[k].on_delay if s.phase == RISING else w.rules[k].off_delay
    return s.since + np.int64(delay) * MS


@fast
def move_alarm(w, k, trigger, happened_at, noticed_at, frame, v, q):  # type: ignore[no-untyped-def]
    """Move the alarm by the state table and write the transition; nothing when the table keeps the state."""
    rule = w.rules[k]
    s = w.status[k]
    latching = 1 if rule.flags & LATCHING else 0
    if s.state >= SHELVED:
        if trigger == ON:
            s.latched = latching
        latching = s.latched
    after = w.table[s.state, trigger, latching, 1 if s.phase >= STANDING else 0]
    if after == s.state or after == REFUSED:  # noqa: PLR1714  (Numba has no `in` over two types)
        return
    if after == UNACKNOWLEDGED:
        s.episode += 1
    row = w.out[w.tally[OUT]]
    w.tally[OUT] += 1
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
    if after < SHELVED:
        s.latched = 0
    elif s.state < SHELVED:
        s.latched = latching if s.state in (UNACKNOWLEDGED, ACKNOWLEDGED, LATCHED_UNACKNOWLEDGED, LATCHED_ACKNOWLEDGED) else 0
    s.state = after


@fast
def _limit(w, k, v):  # type: ignore[no-untyped-def]
    """What to show as the limit: that of a limit rule; the state itself for STATE; none else."""
    kind = w.rules[k].kind
    if kind <= HIGH_HIGH:
        return w.rules[k].limit
    return v if kind == STATE else np.nan
