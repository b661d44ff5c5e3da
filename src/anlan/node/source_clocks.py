"""Whether the clock that stamps a source's readings was set back.

Then its readings come with times that have passed already. If it is a device's clock, the engine counts them as late and keeps showing
what it knew before, for as long as the clock was set back by; if it is the node's own, which stamps what polled devices send, the engine
judges them as of now, but trends hold two readings of one time. One late reading is nothing; a point that for a while gives only such is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anlan.model.clock import SECOND, Clock
from anlan.model.quality import Flag
from anlan.model.readings import Readings

BEHIND = 5 * SECOND
"""Less is jitter between a device's ways."""
EVIDENCE_SECONDS = 10.0
"""A point must have given nothing but passed times for this long."""
MOST_POINTS = 1 << 24
_NEVER = np.iinfo(np.int64).min
_NOT_LIVE = np.uint16(Flag.BACKFILL | Flag.MANUAL)


@dataclass(frozen=True, slots=True)
class SetBack:
    points: int
    seconds: float
    """How far the furthest point is behind its own newest time."""
    node: bool = False
    """Whether it was the node's own clock: the readings are fresh by it."""


class SourceClocks:
    """Monotonic in its own time: a node's wall clock that is set is told, as any other, by the readings it stamps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest = np.full(0, _NEVER, np.int64)
        self._latest = np.zeros(0, np.int64)
        self._since = np.full(0, np.nan)
        """Monotonic s of the first of only passed times; NaN while time goes on."""
        self._last = np.zeros(0)
        self._source = np.zeros(0, np.uint32)
        self._fresh = np.zeros(0, np.bool_)
        self._suspect = False
        """Whether any point may be behind: mostly none is, and nobody has to look."""

    def know(self, live: Readings) -> None:
        """What the points' newest times were when core was started."""
        live = self._usable(live)
        self._newest[live.point] = live.time

    def hear(self, source: int, readings: Readings, received_at: int) -> None:
        readings = self._usable(readings)
        point, time = readings.point, readings.time
        newest = self._newest[point]
        on = time > newest
        # A time in the future is no news of the point's clock: the engine takes the node's instead.
        news = on & (time <= received_at + BEHIND)
        self._newest[point[news]] = time[news]
        self._since[point[on]] = np.nan
        passed = ~on & (newest - time > BEHIND)
        if passed.any():
            self._suspect = True
            behind, now = point[passed], self._clock.monotonic()
            self._since[behind] = np.fmin(self._since[behind], now)
            self._last[behind], self._latest[behind], self._source[behind] = now, time[passed], source
            self._fresh[behind] = time[passed] >= received_at - BEHIND

    def set_back(self) -> dict[int, SetBack]:
        """Source → what of it gives only times that have passed."""
        if not self._suspect:
            return {}
        self._suspect = bool(np.isfinite(self._since).any())
        points = np.flatnonzero(self._last - self._since >= EVIDENCE_SECONDS)
        by = (self._newest[points] - self._latest[points]) / SECOND
        sources, fresh = self._source[points], self._fresh[points]
        return {
            int(source): SetBack(
                int(np.count_nonzero(sources == source)), float(by[sources == source].max()), bool(fresh[sources == source].all())
            )
            for source in np.unique(sources)
        }

    def _usable(self, readings: Readings) -> Readings:
        """Live readings of points there can be; the arrays hold them afterwards."""
        live = ((readings.quality & _NOT_LIVE) == 0) & (readings.point < MOST_POINTS)
        if not live.all():
            readings = Readings(readings.point[live], readings.time[live], readings.value[live], readings.quality[live])
        most = int(readings.point.max()) + 1 if len(readings) else 0
        if most > len(self._newest):
            more = most * 5 // 4 - len(self._newest)
            self._newest = np.append(self._newest, np.full(more, _NEVER, np.int64))
            self._since = np.append(self._since, np.full(more, np.nan))
            self._latest = np.append(self._latest, np.zeros(more, np.int64))
            self._last = np.append(self._last, np.zeros(more))
            self._source = np.append(self._source, np.zeros(more, np.uint32))
            self._fresh = np.append(self._fresh, np.zeros(more, np.bool_))
        return readings
