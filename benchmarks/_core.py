"""A real core process, and a client that feeds it columns over its socket as sense would."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
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


async def connected(core: CoreProcess) -> Client:
    """A connection to `core` as soon as it serves."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        with contextlib.suppress(AnlanError):
            return await Client.connect(core.folder.socket)
        if core.process.poll() is not None:
            raise SystemExit(f"core ended:\n{core.said()}")
        await asyncio.sleep(PAUSE)
    raise SystemExit(f"core did not answer within {READY_SECONDS} s")


class Feeder:
    """Columns of one source at a steady rate, each part sent at its due time and, until it is acknowledged, again; always in order.

    `points` in turn, `rows` a part; `values(seq, rows)` gives their values.
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
        on_connect: Callable[[Client], Awaitable[None]] | None = None,
    ) -> None:
        self._clock, self._source, self._points, self._rows, self._rate = clock, source, points, rows, rate
        self._values = values
        self._tasks: set[asyncio.Task[None]] = set()
        self._refused: dict[int, bytes] = {}
        """First row → body of parts that have to go again."""
        self._room = asyncio.Semaphore(most_waiting)
        self._quality = np.zeros(rows, np.uint16)
        self.link = Link(folder.socket, on_connect=on_connect)
        self.epoch = clock.now()
        self.sent = self.acknowledged = self.refusals = 0
        self.on_sent: Callable[[int], None] | None = None
        """Called with the first row right before a part is handed to the socket."""

    async def run(self) -> None:
        """Until cancelled."""
        others = [asyncio.ensure_future(self.link.run()), asyncio.ensure_future(self._send_again())]
        try:
            await self.link.wait_connected()
            began = time.perf_counter()
            while True:
                await asyncio.sleep(max(0.0, began + self.sent / self._rate - time.perf_counter()))
                await self._room.acquire()
                self._send()
        finally:
            for task in (*others, *self._tasks):
                task.cancel()
            await asyncio.gather(*others, *self._tasks, return_exceptions=True)

    def _send(self) -> None:
        seq, self.sent = self.sent, self.sent + self._rows
        body = self.readings(seq).to_bytes()
        if self._refused:
            self._refused[seq] = body  # nothing may overtake what has to go again
        else:
            self._start(seq, body)

    async def _send_again(self) -> None:
        """All that was refused, in order and without waiting for one another, as soon as there is a core."""
        while True:
            await asyncio.sleep(PAUSE)
            await self.link.wait_connected()
            again, self._refused = sorted(self._refused.items()), {}
            for seq, body in again:
                self._start(seq, body)

    def _start(self, seq: int, body: bytes) -> None:
        task = asyncio.ensure_future(self._deliver(seq, body))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def readings(self, seq: int) -> Readings:
        """Rows seq … of the load: point and time follow from the number, the value from `values`."""
        rows = np.arange(seq, seq + self._rows, dtype=np.int64)
        return Readings(self._points[rows % len(self._points)], self.time_of(rows), self._values(seq, self._rows), self._quality)

    def time_of(self, rows: np.ndarray) -> np.ndarray:
        return self.epoch + (rows * (1e6 / self._rate)).astype(np.int64)

    async def _deliver(self, seq: int, body: bytes) -> None:
        if self.on_sent is not None:
            self.on_sent(seq)
        try:
            await self.link.request("append", body, **self._head(seq))
        except AnlanError:
            self.refusals += 1
            self._refused[seq] = body
            return
        self.acknowledged += self._rows
        self._room.release()

    def _head(self, seq: int) -> dict[str, Any]:
        return {
            "source": self._source,
            "epoch": self.epoch,
            "first_seq": seq,
            "received_at": self._clock.now(),
            "rows": self._rows,
            "redelivered": False,
        }


async def as_sense(client: Client, source: int) -> None:
    """For a feeder that is the node's sense."""
    await client.request("sense")
    await client.request("link", source=source, state="up", reason="")


def steady(points: int, rows: int, seed: int = 7) -> Callable[[int, int], np.ndarray]:
    """Values that stay within their limits: drawn once, used again after a few million."""
    drawn = np.round(np.random.default_rng(seed).normal(50, 3, max(3_000_017, 2 * points)), 2)
    drawn = np.concatenate([drawn, drawn[:rows]])

    def values(seq: int, rows: int) -> np.ndarray:
        start = seq % (len(drawn) - rows)
        return drawn[start : start + rows]

    return values


def new_folder(root: Path) -> NodeFolder:
    return NodeFolder(root).prepare()
