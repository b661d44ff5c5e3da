"""The last value of every point, for pages and routes: arrays by point number, and a way to wait for the next change."""

from __future__ import annotations

import asyncio

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.quality import BAD_COMMUNICATION, NO_DATA_YET


class LiveView:
    """Arrays indexed by point number: time int64 µs, value float64, quality uint16 (effective), received int64 µs, changed int64 (tick).

    Written by one task of the app's event loop, read from the same loop: no lock. `tick` counts updates from 1.
    While `connected` is false nothing here is live: `quality_now` then says communication lost whatever was last heard.
    """

    def __init__(self, size: int = 1024) -> None:
        self.tick = 0
        self.connected = False
        self.updated_at: Micros = 0
        self.time: npt.NDArray[np.int64] = np.zeros(size, np.int64)
        self.value: npt.NDArray[np.float64] = np.full(size, np.nan)
        self.quality: npt.NDArray[np.uint16] = np.full(size, NO_DATA_YET, np.uint16)
        self.received: npt.NDArray[np.int64] = np.zeros(size, np.int64)
        self.changed: npt.NDArray[np.int64] = np.zeros(size, np.int64)
        self._moved = asyncio.Event()

    def __len__(self) -> int:
        return len(self.time)

    def update(
        self,
        point: npt.NDArray[np.uint32],
        time: npt.NDArray[np.int64],
        value: npt.NDArray[np.float64],
        quality: npt.NDArray[np.uint16],
        at: Micros,
        received: npt.NDArray[np.int64] | None = None,
    ) -> None:
        """Take over the core's state of these points, each at most once, and wake whoever waits. `received` defaults to `at`."""
        if len(point):
            self._grow(int(point.max()) + 1)
            self.time[point], self.value[point], self.quality[point] = time, value, quality
            self.received[point] = at if received is None else received
            self.changed[point] = self.tick + 1
        self.updated_at = at
        self._wake()

    def link(self, connected: bool) -> None:
        """The connection to the core came or went."""
        if connected != self.connected:
            self.connected = connected
            self.changed[:] = self.tick + 1
            self._wake()

    def quality_now(self, points: npt.NDArray[np.int64]) -> npt.NDArray[np.uint16]:
        """Effective quality of these points as of now, whether or not the core can be heard."""
        heard = self.quality[points]
        return heard if self.connected else np.where(heard == NO_DATA_YET, heard, np.uint16(BAD_COMMUNICATION))

    def changed_since(self, tick: int, points: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Those of `points` that moved after `tick`."""
        return points[self.changed[points] > tick]

    def reserve(self, numbers: int) -> None:
        """Make room for point numbers below `numbers`, so that a point without data yet can be asked for."""
        self._grow(numbers)

    async def wait(self, tick: int) -> int:
        """Return the current tick as soon as it lies beyond `tick`."""
        while self.tick <= tick:
            await self._moved.wait()
        return self.tick

    def _wake(self) -> None:
        self.tick += 1
        self._moved.set()
        self._moved = asyncio.Event()

    def _grow(self, size: int) -> None:
        have = len(self.time)
        if size <= have:
            return
        extra = max(size, 2 * have) - have
        self.time = np.concatenate([self.time, np.zeros(extra, np.int64)])
        self.value = np.concatenate([self.value, np.full(extra, np.nan)])
        self.quality = np.concatenate([self.quality, np.full(extra, NO_DATA_YET, np.uint16)])
        self.received = np.concatenate([self.received, np.zeros(extra, np.int64)])
        self.changed = np.concatenate([self.changed, np.zeros(extra, np.int64)])
