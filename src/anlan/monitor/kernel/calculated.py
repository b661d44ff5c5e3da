"""Calculated points: which programs a reading lets wait, their evaluation in order, and what their results decide and suppress.

A calculated point gets its readings from a program (`machine`). Readings of its inputs only mark it as waiting; it is evaluated once
for a run of rows with equal time, so that values read together are seen together, and then decided on like any other.
"""

from __future__ import annotations

import numpy as np

from anlan.monitor.compiled import fast
from anlan.monitor.kernel.conditions import has_room, move_alarm
from anlan.monitor.kernel.machine import evaluate
from anlan.monitor.kernel.memory import prefetch
from anlan.monitor.kernel.numbers import BAD, BY_ITSELF, ENABLED, FEEDS, GOVERNS, HELD, POINT_OP, SUPPRESS, SUPPRESSED, UNSUPPRESS
from anlan.monitor.kernel.points import data_now, decide, run_on_until, same_value, settle
from anlan.monitor.layout import LEVELS, NEVER

SOON, NEXT = 12, 8
"""Programs ahead of the one that is evaluated: at 100,000 points their memory is far larger than any cache."""


@fast
def feed(feeds_first, feeds, programs, marked, waiting, waited, p, t):  # type: ignore[no-untyped-def]
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
        if w.programs[j].flags & BY_ITSELF:
            t = _newest_input(w, j, u)
            if t != NEVER:
                _let_wait(w.programs, w.marked, w.waiting, w.waited, j, t)


@fast
def _newest_input(w, j, u):  # type: ignore[no-untyped-def]
    program = w.programs[j]
    newest = NEVER
    for i in range(program.first, program.first + program.count):
        if w.code[i].op == POINT_OP:
            r = w.points[w.code[i].a]
            if r.time != NEVER:
                newest = max(newest, data_now(r, u))
    return newest


@fast
def calculate(w, frame, noticed_at, u):  # type: ignore[no-untyped-def]
    """Evaluate what waits, inputs before what reads them; False when the table of transitions is full, to be called again."""
    for level in range(LEVELS):
        while w.waited[level, 1] < w.waited[level, 0]:
            j = w.waiting[level, w.waited[level, 1]]
            _ask_ahead(w, level)
            c = w.programs[j].target
            if not has_room(w, w.points[c].rule_count + w.governs_first[c + 1] - w.governs_first[c]):
                return False
            w.waited[level, 1] += 1
            w.marked[j] = 0
            t = w.programs[j].at
            v, q = evaluate(w.programs, w.code, w.cells, w.points, w.sources, w.stack_values, w.stack_words, j, t)
            r = w.points[c]
            if t == r.time and same_value(v, r.value) and q == r.quality:
                continue
            if t > r.time and q < BAD and v >= r.quiet_low and v <= r.quiet_high:
                r.time = t
                r.value = v
                r.quality = q
                r.heard = u
                r.touched = frame
            else:
                _take_result(w, c, t, v, q, frame, noticed_at, u)
            if r.flags & GOVERNS:
                _suppress(w, c, q < BAD and v != 0, t, q, frame, noticed_at)
            if r.flags & FEEDS:
                feed(w.feeds_first, w.feeds, w.programs, w.marked, w.waiting, w.waited, c, t)
        w.waited[level, 0] = 0
        w.waited[level, 1] = 0
    return True


@fast
def _ask_ahead(w, level):  # type: ignore[no-untyped-def]
    """Let memory bring what programs further on will touch: first the programs themselves, then what they say they need."""
    done, count = w.waited[level, 1], w.waited[level, 0]
    if done + SOON < count:
        prefetch(w.programs, w.waiting[level, done + SOON])
    if done + NEXT < count:
        j = w.waiting[level, done + NEXT]
        prefetch(w.cells, w.programs[j].cell)
        prefetch(w.points, w.programs[j].target)
        prefetch(w.code, w.programs[j].first)


@fast
def _take_result(w, c, t, v, q, frame, noticed_at, u):  # type: ignore[no-untyped-def]
    """A program's result as a reading of its point, with every rule looked at."""
    r = w.points[c]
    if r.time != NEVER:
        run_on_until(w, c, t, frame, noticed_at)
    decide(w, c, t, v, q, frame, noticed_at, u)
    r.time = t
    r.value = v
    r.quality = q
    r.heard = u
    r.touched = frame
    if q < BAD:
        r.flags |= HELD
    else:
        r.flags &= ~HELD
    settle(w, c)


@fast
def _suppress(w, c, met, t, q, frame, noticed_at):  # type: ignore[no-untyped-def]
    """Suppression by design of the alarms that the point governs. A condition that nobody knows suppresses nothing."""
    for i in range(w.governs_first[c], w.governs_first[c + 1]):
        k = w.governs[i]
        hidden = w.status[k].state == SUPPRESSED
        if met != hidden and w.rules[k].flags & ENABLED:
            move_alarm(w, k, SUPPRESS if met else UNSUPPRESS, t, noticed_at, frame, np.nan, q)
