"""The stack machine of calculated points, compiled by Numba: one program in, one value with its quality out.

    evaluate     run program `j` at data time `t`
    worse        the quality word of two operands together

What an operation means stands in docs/expressions.md. Memory of windows and dead-bands is the program's share of `m`,
float64 words that begin at 0; instants in them are µs, which a float64 holds exactly until the year 2255.

A window is kept in steps of a thirtieth of it, so that its memory is bounded whatever the source sends.
"""

from __future__ import annotations

import numpy as np

from anlan.model.quality import FLAG_MASK, REASON_MASK, SEVERITY_SHIFT, Reason, Severity, quality
from anlan.monitor.compiled import fast
from anlan.monitor.layout import NEVER, PointFlag, View
from anlan.monitor.program import RING, STEPS, WITH_CONSTANT, Op

_CONST, _POINT = int(Op.CONST), int(Op.POINT)
_ADD, _SUB, _MUL, _DIV, _MIN, _MAX, _POW = (int(o) for o in (Op.ADD, Op.SUB, Op.MUL, Op.DIV, Op.MIN, Op.MAX, Op.POW))
_NEG, _ABS, _SQRT, _LN, _EXP = (int(o) for o in (Op.NEG, Op.ABS, Op.SQRT, Op.LN, Op.EXP))
_LT, _LE, _GT, _GE, _EQ, _NE = (int(o) for o in (Op.LT, Op.LE, Op.GT, Op.GE, Op.EQ, Op.NE))
_AND, _OR, _NOT, _IF = int(Op.AND), int(Op.OR), int(Op.NOT), int(Op.IF)
_GOOD, _IS_BAD, _IS_UNCERTAIN, _REASON = int(Op.GOOD), int(Op.BAD), int(Op.UNCERTAIN), int(Op.REASON)
_ABOVE, _BELOW, _VOTE = int(Op.ABOVE), int(Op.BELOW), int(Op.VOTE)
_AVG, _LOWEST, _HIGHEST, _SPREAD = int(Op.AVG), int(Op.LOWEST), int(Op.HIGHEST), int(Op.SPREAD)
_DELTA, _RATE, _COUNT, _HOLD, _DURATION = (int(o) for o in (Op.DELTA, Op.RATE, Op.COUNT, Op.HOLD, Op.DURATION))

_BAD = int(quality(Severity.BAD))
_BAD_SEVERITY = int(Severity.BAD)
_NOT_A_NUMBER = int(quality(Severity.BAD, Reason.NOT_A_NUMBER))
_COMMUNICATION = int(quality(Severity.BAD, Reason.COMMUNICATION))
_STALE_WORD = int(quality(Severity.BAD, Reason.STALE))
_NO_DATA_YET = int(quality(Severity.BAD, Reason.NO_DATA_YET))
_NOT_FULL_YET = int(quality(Severity.UNCERTAIN, Reason.NO_DATA_YET))
_LAST_USABLE = int(quality(Severity.BAD, Reason.LAST_USABLE))
_NOBODY_VOTES = int(quality(Severity.BAD, Reason.CONFIGURATION))
_UNSEEN = (int(Reason.COMMUNICATION), int(Reason.NO_DATA_YET), int(Reason.LAST_USABLE))
_CALIBRATION, _MAINTENANCE = int(Reason.CALIBRATION), int(Reason.MAINTENANCE)
_NOT_FLAGS = 0xFFFF & ~FLAG_MASK
_STALE, _HELD, _DOWN = int(PointFlag.STALE), int(PointFlag.HELD), int(View.DOWN)
_S = 1e6


@fast
def worse(a, b):  # type: ignore[no-untyped-def]
    """The worse word of two by severity, the first where they are equal, with the flags of both."""
    word = a if (a >> SEVERITY_SHIFT) >= (b >> SEVERITY_SHIFT) else b
    return (word & _NOT_FLAGS) | ((a | b) & FLAG_MASK)


@fast
def effective(points, sources, p):  # type: ignore[no-untyped-def]
    """What the newest value of the point is worth for a calculation now. Stricter than what is shown (`live`): a value from before its
    source was lost is shown as uncertain, but nothing is concluded from it."""
    r = points[p]
    q = np.int64(r.quality)
    flags = q & FLAG_MASK
    if sources[r.source].state == _DOWN:
        return _COMMUNICATION | flags
    if r.time == NEVER:
        return np.int64(_NO_DATA_YET)
    if r.flags & _STALE:
        return _STALE_WORD | flags
    if q < _BAD and not r.flags & _HELD:
        return _LAST_USABLE | flags  # its source was away since: nobody knows what it is now
    return q


@fast
def evaluate(programs, code, cells, points, sources, v, q, j, t):  # type: ignore[no-untyped-def]
    """Value and quality of program `j` at data time `t`; the value under a bad quality is NaN. `v`, `q`: room for the stack.

    The arrays come one by one, and inner functions get only those they touch: a call passes every array by its seven words.
    """
    program = programs[j]
    n = 0
    for i in range(program.first, program.first + program.count):
        step = code[i]
        op = step.op
        if op == _POINT:
            v[n], q[n] = points[step.a].value, effective(points, sources, step.a)
            n += 1
        elif op > WITH_CONSTANT:
            v[n - 1] = _combined(op - WITH_CONSTANT, v[n - 1], step.x)
        elif op == _CONST:
            v[n], q[n] = step.x, 0
            n += 1
        elif op <= _POW or (op >= _LT and op <= _OR):
            n -= 1
            _two(op, v, q, n - 1)
        elif op == _IF:
            n -= 2
            _choose(v, q, n - 1)
        elif op == _VOTE:
            members = step.a & 0xFF
            n -= members - 1
            _vote(step.a, v, q, n - 1)
        elif op in (_ABOVE, _BELOW):
            n -= 1
            _with_dead_band(cells, program.cell + step.a, op, step.x, v, q, n - 1)
        elif op >= _AVG:
            _over_time(cells, program.cell + step.a, op, step.x, np.int64(program.max_age) * 1000, t, v, q, n - 1)
        else:
            _one(op, step.x, v, q, n - 1)
        _tidy(v, q, n - 1)
    return v[0], q[0]


@fast
def _tidy(v, q, i):  # type: ignore[no-untyped-def]
    """A usable value is a finite number; what is not usable has none."""
    if q[i] < _BAD and not np.isfinite(v[i]):
        q[i] = _NOT_A_NUMBER | (q[i] & FLAG_MASK)
    if q[i] >= _BAD:
        v[i] = np.nan


# ------------------------------------------------------------------------------------------------ one, two, three operands


@fast
def _one(op, x, v, q, i):  # type: ignore[no-untyped-def]
    if op == _NEG:
        v[i] = -v[i]
    elif op == _ABS:
        v[i] = abs(v[i])
    elif op == _SQRT:
        v[i] = np.sqrt(v[i])
    elif op == _LN:
        v[i] = np.log(v[i])
    elif op == _EXP:
        v[i] = np.exp(v[i])
    elif op == _NOT:
        v[i] = 1.0 if v[i] == 0 else 0.0
    else:
        severity = q[i] >> SEVERITY_SHIFT
        if op == _GOOD:
            true = severity == 0
        elif op == _IS_UNCERTAIN:
            true = severity == 1
        elif op == _IS_BAD:
            true = severity >= _BAD_SEVERITY
        else:
            true = (q[i] & REASON_MASK) == np.int64(x)
        v[i] = 1.0 if true else 0.0
        q[i] = q[i] & FLAG_MASK


@fast
def _two(op, v, q, i):  # type: ignore[no-untyped-def]
    a, b = v[i], v[i + 1]
    if op in (_AND, _OR):
        _logic(op, v, q, i)
        return
    q[i] = worse(q[i], q[i + 1])
    v[i] = _combined(op, a, b)


@fast
def _combined(op, a, b):  # type: ignore[no-untyped-def]
    """Arithmetic or comparison."""
    if op == _ADD:
        return a + b
    if op == _SUB:
        return a - b
    if op == _MUL:
        return a * b
    if op == _DIV:
        return a / b
    if op == _MIN:
        return a if a < b else b  # of two zeros the second: what Numba's own gives depends on where it is inlined
    if op == _MAX:
        return a if a > b else b
    if op == _POW:
        return a**b
    return 1.0 if _compared(op, a, b) else 0.0


@fast
def _compared(op, a, b):  # type: ignore[no-untyped-def]
    if op == _LT:
        return a < b
    if op == _LE:
        return a <= b
    if op == _GT:
        return a > b
    if op == _GE:
        return a >= b
    return a == b if op == _EQ else a != b


@fast
def _logic(op, v, q, i):  # type: ignore[no-untyped-def]
    """Kleene's: one usable operand that settles the matter settles it, whatever is unknown of the other."""
    settles = 0.0 if op == _AND else 1.0
    for k in (i, i + 1):
        if q[k] < _BAD and (1.0 if v[k] != 0 else 0.0) == settles:
            v[i], q[i] = settles, q[k]
            return
    v[i], q[i] = 1.0 - settles, worse(q[i], q[i + 1])


@fast
def _choose(v, q, i):  # type: ignore[no-untyped-def]
    if q[i] >= _BAD:
        return
    chosen = i + 1 if v[i] != 0 else i + 2
    v[i], q[i] = v[chosen], worse(q[i], q[chosen])


@fast
def _with_dead_band(m, c, op, band, v, q, i):  # type: ignore[no-untyped-def]
    """ABOVE, BELOW: once true, true until the value has left the limit by the band."""
    word = worse(q[i], q[i + 1])
    if word < _BAD:
        margin = v[i] - v[i + 1] if op == _ABOVE else v[i + 1] - v[i]
        m[c] = 1.0 if margin >= (-band if m[c] != 0 else 0.0) else 0.0
        v[i] = m[c]
    q[i] = word


@fast
def _vote(packed, v, q, i):  # type: ignore[no-untyped-def]
    """k of n: what faulty and calibrating members count as is the group's own choice."""
    members, k = packed & 0xFF, (packed >> 8) & 0xFF
    fault_votes, calibration_leaves = (packed >> 16) & 1, (packed >> 17) & 1
    votes, left, unseen, flags = 0, 0, 0, 0
    for m in range(i, i + members):
        flags |= q[m] & FLAG_MASK
        reason = q[m] & REASON_MASK
        if reason in (_CALIBRATION, _MAINTENANCE):
            left += calibration_leaves
            votes += 1 - calibration_leaves
        elif q[m] >= _BAD and fault_votes and reason in _UNSEEN:
            unseen += 1
        elif q[m] >= _BAD:
            votes += fault_votes
            left += 1 - fault_votes
        elif v[m] != 0:
            votes += 1
    needed = max(1, k - left)
    # Who is not seen supports a vote that another has begun, and begins none: a lost source raises one alarm, its own (DOMAIN.md 3, 6).
    if left == members:
        q[i] = _NOBODY_VOTES | flags
    elif votes == 0 and unseen >= needed:
        q[i] = _COMMUNICATION | flags
    else:
        v[i], q[i] = 1.0 if votes > 0 and votes + unseen >= needed else 0.0, flags


# ------------------------------------------------------------------------------------------------------------- over time


@fast
def _over_time(m, c, op, x, known_for, t, v, q, i):  # type: ignore[no-untyped-def]
    """`x`: the window or the time to hold, µs; `known_for`: µs for which a value is known after it was last heard, 0: until changed."""
    now = np.float64(t)
    if op in (_HOLD, _DURATION):
        _lasting(m, c, op, x, np.float64(known_for), now, v, q, i)
    elif op == _AVG:
        _mean(m, c, x, np.float64(known_for), now, v, q, i)
    elif q[i] >= _BAD:
        return
    elif op == _COUNT:
        _edges(m, c, x, now, v, i)
    elif op in (_DELTA, _RATE):
        _change(m, c, op, x, now, v, q, i)
    else:
        _extremes(m, c, op, x, now, v, q, i)


@fast
def _change(m, c, op, window, now, v, q, i):  # type: ignore[no-untyped-def]
    """DELTA, RATE against the newest kept value that is at least a window old. Cells: count, head, ring of (time, value)."""
    ring, n, head = c + 2, int(m[c]), int(m[c + 1])
    if n > 0 and now - m[_at(ring, head, n - 1, 2)] > 2 * window:
        n = 0
    while n >= 2 and m[_at(ring, head, 1, 2)] <= now - window:
        n, head = n - 1, head + 1
    if n == 0 or _steps_on(now - m[_at(ring, head, n - 1, 2)], window):
        if n >= RING:
            n, head = n - 1, head + 1
        e = _at(ring, head, n, 2)
        m[e], m[e + 1] = now, v[i]
        n += 1
    m[c], m[c + 1] = n, head & (RING - 1)
    oldest = _at(ring, head, 0, 2)
    if m[oldest] > now - window:
        q[i] = _NO_DATA_YET | (q[i] & FLAG_MASK)
        return
    change = v[i] - m[oldest + 1]
    v[i] = change if op == _DELTA else change / ((now - m[oldest]) / _S)


@fast
def _extremes(m, c, op, window, now, v, q, i):  # type: ignore[no-untyped-def]
    """LOWEST, HIGHEST, SPREAD. Cells: count, head, filled from, last usable, low, high, ring of (start, low, high).

    The extremes are looked for again only when the step that held one of them has left the window.
    """
    ring, n, head = c + 6, int(m[c]), int(m[c + 1])
    low, high, value, lost = m[c + 4], m[c + 5], v[i], False
    if n == 0 or now - m[c + 3] > 2 * window:
        n, m[c + 2], low, high = 0, now, np.inf, -np.inf
    m[c + 3] = now
    while n >= 2 and m[_at(ring, head, 1, 3)] <= now - window:
        e = _at(ring, head, 0, 3)
        lost = lost or m[e + 1] <= low or m[e + 2] >= high
        n, head = n - 1, head + 1
    if n == 0 or _steps_on(now - m[_at(ring, head, n - 1, 3)], window):
        if n >= RING:
            n, head = n - 1, head + 1
        e = _at(ring, head, n, 3)
        m[e], m[e + 1], m[e + 2] = now, value, value
        n += 1
    else:
        e = _at(ring, head, n - 1, 3)
        m[e + 1], m[e + 2] = min(m[e + 1], value), max(m[e + 2], value)
    low, high = min(low, value), max(high, value)
    if lost:
        low, high = np.inf, -np.inf
        for k in range(n):
            e = _at(ring, head, k, 3)
            low, high = min(low, m[e + 1]), max(high, m[e + 2])
    m[c], m[c + 1], m[c + 4], m[c + 5] = n, head & (RING - 1), low, high
    v[i] = low if op == _LOWEST else high if op == _HIGHEST else high - low
    if now - m[c + 2] < window:
        q[i] = worse(q[i], _NO_DATA_YET if op == _SPREAD else _NOT_FULL_YET)


@fast
def _mean(m, c, window, known_for, now, v, q, i):  # type: ignore[no-untyped-def]
    """AVG, weighted with the time for which each value was known. Cells: count, head, integral, covered s, last usable, last value
    (NaN when the last evaluation was not usable), ring of (time, integral, covered)."""
    if q[i] >= _BAD:
        m[c + 5] = np.nan
        return
    ring, n, head = c + 6, int(m[c]), int(m[c + 1])
    integral, covered = m[c + 2], m[c + 3]
    if n > 0 and now - m[c + 4] > 2 * window:
        n, integral, covered = 0, 0.0, 0.0
    elif n > 0 and not np.isnan(m[c + 5]):
        cover = now - m[c + 4]
        if known_for > 0:
            cover = min(cover, known_for)
        integral += m[c + 5] * (cover / _S)
        covered += cover / _S
    while n >= 2 and m[_at(ring, head, 1, 3)] <= now - window:
        n, head = n - 1, head + 1
    if n == 0 or _steps_on(now - m[_at(ring, head, n - 1, 3)], window):
        if n >= RING:
            n, head = n - 1, head + 1
        e = _at(ring, head, n, 3)
        m[e], m[e + 1], m[e + 2] = now, integral, covered
        n += 1
    m[c], m[c + 1], m[c + 2], m[c + 3], m[c + 4], m[c + 5] = n, head & (RING - 1), integral, covered, now, v[i]
    first = _at(ring, head, 0, 3)
    within = covered - m[first + 2]
    if within > 0:
        v[i] = (integral - m[first + 1]) / within
    if m[first] > now - window:
        q[i] = worse(q[i], _NOT_FULL_YET)


@fast
def _edges(m, c, window, now, v, i):  # type: ignore[no-untyped-def]
    """COUNT of rising edges. Cells: count, head, previous truth, ever, edges in the window, ring of (start, edges)."""
    ring, n, head = c + 5, int(m[c]), int(m[c + 1])
    edges, true = m[c + 4], 1.0 if v[i] != 0 else 0.0
    rises = m[c + 3] != 0 and m[c + 2] == 0 and true != 0
    while n >= 1 and m[_at(ring, head, 0, 2)] <= now - window:
        edges -= m[_at(ring, head, 0, 2) + 1]
        n, head = n - 1, head + 1
    if rises:
        if n == 0 or _steps_on(now - m[_at(ring, head, n - 1, 2)], window):
            if n >= RING:
                n, head = n - 1, head + 1
            e = _at(ring, head, n, 2)
            m[e], m[e + 1] = now, 1.0
            n += 1
        else:
            m[_at(ring, head, n - 1, 2) + 1] += 1.0
        edges += 1.0
    m[c], m[c + 1], m[c + 2], m[c + 3], m[c + 4] = n, head & (RING - 1), true, 1.0, edges
    v[i] = edges


@fast
def _lasting(m, c, op, hold, known_for, now, v, q, i):  # type: ignore[no-untyped-def]
    """HOLD, DURATION. Cells: truth, since, last usable; negative once it became unknown at that time. Time that nobody knew about does
    not count: a cyclic value is known for `known_for` after it was heard, one on change until it is said to be unknown."""
    if q[i] >= _BAD:
        if known_for == 0 and m[c + 2] > 0:
            m[c + 2] = -now
        return
    if v[i] == 0:
        m[c] = 0.0
    elif m[c] == 0:
        m[c], m[c + 1] = 1.0, now
    elif m[c + 2] < 0:
        m[c + 1] += now + m[c + 2]
    elif known_for > 0:
        m[c + 1] += max(0.0, now - m[c + 2] - known_for)
    m[c + 2] = now
    lasted = now - m[c + 1] if m[c] != 0 else 0.0
    if op == _DURATION:
        v[i] = lasted / _S
    else:
        v[i] = 1.0 if m[c] != 0 and lasted >= hold else 0.0


@fast
def _at(ring, head, k, width):  # type: ignore[no-untyped-def]
    """Where the `k`-th oldest entry of a ring stands. Count and head are kept as numbers of the float64 words around them, and used as
    whole ones: the way through a float costs more than all else here."""
    return ring + width * ((head + k) & (RING - 1))


@fast
def _steps_on(age, window):  # type: ignore[no-untyped-def]
    """Whether the newest entry has lasted a step, so that another begins. Both are whole µs: no product of theirs is rounded."""
    return age * STEPS >= window
