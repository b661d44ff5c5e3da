"""The clock of absence: how long a source has been silent, whatever the wall clock does meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from anlan.model.clock import Micros


@dataclass(slots=True)
class NodeTime:
    """Node time: microseconds counted from ticks, which neither jumps nor stands still when the wall clock does.

    A step between two ticks outside 0 … 2.5 s is a clock that was set, or a node that was away and did not listen: it counts as
    one tick of 1 s, so neither makes every point stale at once. An arrival between ticks is placed by its wall time after the last
    tick, and never before an earlier arrival.
    """

    u: Micros = 0
    wall: Micros = 0
    """Wall time of the last tick; 0 before the first."""
    newest: Micros = 0
    """The latest arrival placed so far; can lie ahead of `u`."""

    LONGEST_STEP: ClassVar[Micros] = 2_500_000
    TICK: ClassVar[Micros] = 1_000_000

    def tick(self, now: Micros) -> None:
        step = now - self.wall
        if not self.wall:
            pass
        elif 0 <= step <= self.LONGEST_STEP:
            self.u += step
        else:
            self.u = max(self.u + self.TICK, self.newest)
        self.wall = now
        self.newest = max(self.newest, self.u)

    def skip(self, now: Micros) -> None:
        """As if a tick had come each second up to `now`; for a replay that knows that none of them would move anything."""
        self.u += now - self.wall
        self.wall = now
        self.newest = max(self.newest, self.u)

    def at(self, received_at: Micros) -> Micros:
        after_tick = min(max(received_at - self.wall, 0), self.LONGEST_STEP) if self.wall else 0
        self.newest = max(self.newest, self.u + after_tick)
        return self.newest
