"""Which clocks that stamp readings are wrong: set back, ahead, or behind. Their points are decided on by the time of receipt (CLOCK_BAD).

Set back: readings come with times that have passed already. One such is late, no more; a point that for a while gives nothing else would show
what was known before for as long as its clock was set back by. If it is the node's own clock, which stamps what polled devices send, the engine
judges them as of now, but trends hold two readings of one time.

Ahead or behind: every reading comes as long before, or after, the time it is stamped with. What a device or broker held back, and gives again
faster than it arose, comes ever closer to now, and is no clock.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from anlan.model.clock import MINUTE, SECOND, Clock
from anlan.model.quality import Flag
from anlan.model.readings import Readings

BEHIND = 5 * SECOND
"""Less is jitter between a device's ways."""
EVIDENCE_SECONDS = 10.0
"""A point must have given nothing but passed times for this long."""
LAG = 5 * MINUTE
"""Less is a slow way."""
LAG_SECONDS = 30.0
"""A point's times must have been as far from now for this long."""
MOST_POINTS = 1 << 24
_NEVER = np.iinfo(np.int64).min
_NOT_LIVE = np.uint16(Flag.BACKFILL | Flag.MANUAL)


class Wrong(StrEnum):
    BACK = "back"
    NODE = "node"
    """The node's own was set back: the readings are fresh by it."""
    AHEAD = "ahead"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class WrongClock:
    points: int
    seconds: float
    """How far the furthest point is behind its own newest time, or from now."""
    how: Wrong = Wrong.BACK


class SourceClocks:
    """Monotonic in its own time: a node's wall clock that is set is told, as any other, by the readings it stamps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._newest = np.full(0, _NEVER, np.int64)
        self._latest = np.zeros(0, np.int64)
        self._since = np.full(0, np.nan)
        """Monotonic s of the first of only passed times; NaN while time goes on."""
        self._last = np.zeros(0)
        self._lag = np.zeros(0, np.int64)
        """How long after its time a reading came that was far from now, negative for before it. [µs]"""
        self._lag_since, self._lag_last = np.full(0, np.nan), np.zeros(0)
        """Monotonic s of the first and last of readings as far from now; NaN while they are near."""
        self._source = np.zeros(0, np.uint32)
        self._fresh = np.zeros(0, np.bool_)
        self._suspect = False
        """Whether any clock may be wrong: mostly none is, and nobody has to look."""

    def know(self, live: Readings) -> None:
        """What the points' newest times were when core was started."""
        live = self._usable(live)[0]
        self._newest[live.point] = live.time

    def hear(self, source: int, readings: Readings, received_at: int) -> Readings:
        """The readings as they count: those of a clock that is known to be wrong bear CLOCK_BAD, by which the engine goes by their receipt."""
        usable, rows = self._usable(readings)
        point, time, now = usable.point, usable.time, self._clock.monotonic()
        newest = self._newest[point]
        on = time > newest
        # A time in the future is no news of the point's clock: the engine takes the node's instead.
        news = on & (time <= received_at + BEHIND)
        self._newest[point[news]] = time[news]
        self._since[point[on]] = np.nan
        passed = ~on & (newest - time > BEHIND)
        lag = received_at - time
        far = (lag > LAG) | (lag < -BEHIND)
        if not (passed.any() or far.any() or self._suspect):
            return readings
        self._suspect = True
        behind = point[passed]
        self._since[behind] = np.fmin(self._since[behind], now)
        self._last[behind], self._latest[behind] = now, time[passed]
        self._fresh[behind] = time[passed] >= received_at - BEHIND
        self._source[point] = source
        self._note_lags(point, lag, far, now)
        wrong = now - self._since[point] >= EVIDENCE_SECONDS
        wrong |= now - self._lag_since[point] >= LAG_SECONDS
        if not wrong.any():
            return readings
        # As the engine has it from now on: what comes next is measured against the receipt of this.
        self._newest[point[wrong]] = np.maximum(self._newest[point[wrong]], received_at)
        marked = readings.quality.copy()
        marked[rows[wrong]] |= np.uint16(Flag.CLOCK_BAD)
        return Readings(readings.point, readings.time, readings.value, marked)

    def _note_lags(
        self, point: npt.NDArray[np.uint32], lag: npt.NDArray[np.int64], far: npt.NDArray[np.bool_], now: float
    ) -> None:
        distant, by = point[far], lag[far]
        begins = np.isnan(self._lag_since[distant]) | (np.abs(self._lag[distant] - by) > BEHIND)
        self._lag[distant[begins]], self._lag_since[distant[begins]] = by[begins], now
        self._lag_last[distant] = now
        self._lag_since[point[~far]] = np.nan

    def wrong(self) -> dict[int, WrongClock]:
        """Source → what of it is stamped by a wrong clock."""
        if not self._suspect:
            return {}
        self._suspect = bool(np.isfinite(self._since).any() or np.isfinite(self._lag_since).any())
        back = self._last - self._since >= EVIDENCE_SECONDS
        far = ~back & (self._lag_last - self._lag_since >= LAG_SECONDS)
        by = np.where(back, self._newest - self._latest, self._lag)
        found = {}
        for source in np.unique(self._source[back | far]):
            own_back, own_far = back & (self._source == source), far & (self._source == source)
            points = own_back if own_back.any() else own_far
            furthest = int(by[points][np.abs(by[points]).argmax()])
            found[int(source)] = WrongClock(int(np.count_nonzero(points)), abs(furthest) / SECOND, self._how(own_back, furthest))
        return found

    def _how(self, back: npt.NDArray[np.bool_], by: int) -> Wrong:
        if back.any():
            return Wrong.NODE if self._fresh[back].all() else Wrong.BACK
        return Wrong.BEHIND if by > 0 else Wrong.AHEAD

    def _usable(self, readings: Readings) -> tuple[Readings, npt.NDArray[np.intp]]:
        """Live readings of points there can be, and their rows; the arrays hold them afterwards."""
        live = ((readings.quality & _NOT_LIVE) == 0) & (readings.point < MOST_POINTS)
        rows = np.flatnonzero(live)
        if len(rows) < len(readings):
            readings = Readings(readings.point[live], readings.time[live], readings.value[live], readings.quality[live])
        most = int(readings.point.max()) + 1 if len(readings) else 0
        if most > len(self._newest):
            more = most * 5 // 4 - len(self._newest)
            self._newest = np.append(self._newest, np.full(more, _NEVER, np.int64))
            for name in ("_since", "_lag_since"):
                setattr(self, name, np.append(getattr(self, name), np.full(more, np.nan)))
            for name in ("_latest", "_last", "_lag", "_lag_last", "_source", "_fresh"):
                column = getattr(self, name)
                setattr(self, name, np.append(column, np.zeros(more, column.dtype)))
        return readings, rows
