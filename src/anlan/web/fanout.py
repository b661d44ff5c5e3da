"""Live values to many viewers: each changed value is encoded once a tick, each frame once for all viewers of the same set of points.

A viewer holds no state here but its set and the last tick it was given; one that is slow skips ticks and then gets everything that
moved since, because what it missed is in the arrays of `LiveView`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Clock
from anlan.web.answers import dumps
from anlan.web.live import LiveView

MOST_POINTS = 5_000
"""In one set: ten times what a page shows."""

Numbers = npt.NDArray[np.int64]


class LiveFanout:
    """`ids` tells a point's id by number. `run` paces all viewers together, at most `hz` frames a second."""

    def __init__(self, live: LiveView, ids: Callable[[int], str], clock: Clock, hz: float) -> None:
        self._live, self._ids, self._clock, self._period = live, ids, clock, 1 / hz
        self._sets: dict[bytes, Numbers] = {}
        self._rows: dict[int, tuple[int, bytes]] = {}
        self._frames: dict[tuple[bytes, int, int], bytes] = {}
        self._tick = 0
        self._paced = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled: after each change let viewers go on together, then hold for one period."""
        while True:
            self._tick = await self._live.wait(self._tick)
            self._frames.clear()
            self._paced.set()
            self._paced = asyncio.Event()
            await asyncio.sleep(self._period)

    def number_set(self, numbers: Iterable[int]) -> Numbers:
        """One shared array for all who watch the same points."""
        wanted = np.unique(np.fromiter(numbers, np.int64))
        if len(wanted):
            self._live.reserve(int(wanted[-1]) + 1)
        if len(self._sets) > 1000:
            self._sets.clear()
        return self._sets.setdefault(wanted.tobytes(), wanted)

    async def frames(self, points: Numbers) -> AsyncIterator[tuple[int, bytes]]:
        """(tick, rows) for ever: first all of `points`, then what moved. Rows: `[["AT-203",time,value|null,quality,received],…]`."""
        seen = -1
        while True:
            tick = self._live.tick
            rows = self.rows_since(points, seen)
            if rows or seen < 0:
                yield tick, rows
            seen = tick
            await self.wait(seen)

    def rows_since(self, points: Numbers, seen: int) -> bytes:
        """JSON rows of those of `points` that moved after tick `seen`, without the brackets; b"" if none did."""
        key = (points.tobytes(), seen, self._live.tick)
        frame = self._frames.get(key)
        if frame is None:
            moved = points if seen < 0 else self._live.changed_since(seen, points)
            frame = b",".join(self._rows_of(moved))
            self._frames[key] = frame
        return frame

    async def wait(self, seen: int) -> None:
        """Until the next paced tick beyond `seen`."""
        while self._live.tick <= seen or self._tick <= seen:
            await self._paced.wait()

    def _rows_of(self, numbers: Numbers) -> list[bytes]:
        """One JSON row each, encoded once for all who see the point. Columns are taken at once: twenty viewers of two hundred points
        make four thousand rows a tick, and while they are made no alarm goes out."""
        live, known = self._live, self._rows
        changed = live.changed[numbers].tolist()
        rows = [
            row[1] if (row := known.get(n)) is not None and row[0] == at else b""
            for n, at in zip(numbers.tolist(), changed, strict=True)
        ]
        missing = numbers[[not row for row in rows]]
        if len(missing):
            fresh = iter(self._encoded(missing))
            rows = [row or next(fresh) for row in rows]
        return rows

    def _encoded(self, numbers: Numbers) -> list[bytes]:
        live, ids = self._live, self._ids
        columns = (
            live.time[numbers],
            live.value[numbers],
            live.quality_now(numbers),
            live.received[numbers],
            live.changed[numbers],
        )
        values = [column.tolist() for column in columns]
        rows = []
        for number, time, value, quality, received, changed in zip(numbers.tolist(), *values, strict=True):
            row = dumps([ids(number), time, value, quality, received])
            self._rows[number] = (changed, row)
            rows.append(row)
        return rows
