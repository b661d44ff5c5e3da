"""A real core process, and a client that feeds it columns over its socket as sense would."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from anlan.bus.link import Link
from anlan.bus.wire import Client
from anlan.model.clock import Clock
from anlan.model.errors import AnlanError
from anlan.model.readings import Readings
from anlan.node.layout import NodeFolder

READY_SECONDS = 300.0
"""A kernel that was just changed is compiled first."""
PAUSE = 0.01


class CoreProcess:
    """`python -m anlan.node.core` on a folder; what it says goes to run/core.log."""

    def __init__(self, folder: NodeFolder) -> None:
        self.folder = folder

    def start(self) -> None:
        self.output = (self.folder.run / "core.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "anlan.node.core", str(self.folder.root)], stdout=self.output, stderr=self.output
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def said(self) -> str:
        return (self.folder.run / "core.log").read_text(encoding="utf-8")[-3000:]

    def stop(self) -> None:
        """At the end of a measurement; orderly if it can be."""
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.output.close()


async def connected(folder: NodeFolder) -> Client:
    """A connection to the core of `folder` as soon as it serves."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(AnlanError):
            return await Client.connect(folder.socket)
        await asyncio.sleep(PAUSE)
    raise SystemExit(f"core did not answer within {READY_SECONDS} s")


class Feeder:
    """Columns of one source at a steady rate, each part sent at its due time, acknowledged in order, sent again until it is.

    `points` in turn, `rows` a part. `shape(readings, seq)` may change the values of a part before it goes.
    """

    def __init__(
        self,
        folder: NodeFolder,
        clock: Clock,
        *,
        source: int,
        points: np.ndarray,
        rows: int,
        rate: float,
        values: Callable[[int, int], np.ndarray],
        most_waiting: int = 64,
    ) -> None:
        self._clock, self._source, self._points, self._rows, self._rate = clock, source, points, rows, rate
        self._values = values
        self._waiting: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(most_waiting)
        self._quality = np.zeros(rows, np.uint16)
        self.link = Link(folder.socket)
        self.epoch = clock.now()
        self.sent = self.acknowledged = self.refused = 0
        self.on_sent: Callable[[int, int, float], None] | None = None
        """Called with (first seq, rows, perf_counter) right before a part is handed to the socket."""

    async def run(self) -> None:
        """Until cancelled."""
        linking = asyncio.ensure_future(self.link.run())
        try:
            await self.link.wait_connected()
            began = time.perf_counter()
            first = self.sent
            while True:
                await self._until(began + (self.sent - first) / self._rate)
                await self._room.acquire()
                self._send()
        finally:
            linking.cancel()
            for task in list(self._waiting):
                task.cancel()
            await asyncio.gather(linking, *self._waiting, return_exceptions=True)

    async def _until(self, due: float) -> None:
        ahead = due - time.perf_counter()
        await asyncio.sleep(max(0.0, ahead))

    def _send(self) -> None:
        seq, self.sent = self.sent, self.sent + self._rows
        task = asyncio.ensure_future(self._deliver(seq))
        self._waiting.add(task)
        task.add_done_callback(self._delivered)

    def _delivered(self, task: asyncio.Task[None]) -> None:
        self._waiting.discard(task)
        self._room.release()

    def readings(self, seq: int) -> Readings:
        """Rows seq … of the load: point and time follow from the number, the value from `values`."""
        rows = np.arange(seq, seq + self._rows, dtype=np.int64)
        time_us = self.epoch + (rows * (1e6 / self._rate)).astype(np.int64)
        return Readings(self._points[rows % len(self._points)], time_us, self._values(seq, self._rows), self._quality)

    async def _deliver(self, seq: int) -> None:
        body = self.readings(seq).to_bytes()
        while True:
            head = self._head(seq)
            if self.on_sent is not None:
                self.on_sent(seq, self._rows, time.perf_counter())
            try:
                await self.link.request("append", body, **head)
                break
            except AnlanError:
                self.refused += 1
                await asyncio.sleep(PAUSE)
        self.acknowledged += self._rows

    def _head(self, seq: int) -> dict[str, Any]:
        return {
            "source": self._source,
            "epoch": self.epoch,
            "first_seq": seq,
            "received_at": self._clock.now(),
            "rows": self._rows,
            "redelivered": False,
        }


def steady(points: int, rows: int, seed: int = 7) -> Callable[[int, int], np.ndarray]:
    """Values that stay within their limits: drawn once, used again after a while."""
    drawn = np.round(np.random.default_rng(seed).normal(50, 3, 8 * max(points, rows)), 2)
    drawn = np.concatenate([drawn, drawn[:rows]])

    def values(seq: int, rows: int) -> np.ndarray:
        start = seq % (len(drawn) - rows)
        return drawn[start : start + rows]

    return values


def new_folder(root: Path) -> NodeFolder:
    return NodeFolder(root).prepare()
