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

    conditions   one rule: its condition, its delays, the alarm's move
    points       one point: all its rules against a value, the quiet band, what a tick must look at
    calculated   programs that wait, and their results; machine: the stack machine that evaluates them
    memory       asking for what will be touched next
"""

from __future__ import annotations

from anlan.monitor.kernel.calculated import calculate, feed_by_itself, feed_those
from anlan.monitor.kernel.edits import reconsider
from anlan.monitor.kernel.numbers import CLOCK_TOLERANCE
from anlan.monitor.kernel.readings import take_readings
from anlan.monitor.kernel.ticks import take_tick, take_views
from anlan.monitor.kernel.views import view_changed

__all__ = [
    "CLOCK_TOLERANCE",
    "calculate",
    "feed_by_itself",
    "feed_those",
    "reconsider",
    "take_readings",
    "take_tick",
    "take_views",
    "view_changed",
]
