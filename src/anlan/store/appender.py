"""Group commit: frames made of what many sources give, each part acknowledged when its frame is durable.

When to commit: a lone part goes at once; while parts keep coming, a frame is begun at most every 2 ms and takes up to 10,000 readings.
Waiting always would add 2 ms to every command; never waiting makes a commit of every few readings, and each costs a sync and three
pages whatever its size: 50 sources of 10 readings every 10 ms made 1,600 commits/s, 75 MB/s of WAL for 1 MB/s of readings. With the
window there are at most 500. Full-size frames do not wait at all.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future

import structlog

from anlan.model.errors import LogFull, StoreError
from anlan.model.frames import Frame, Kind, Part
from anlan.store.log import Log

_log = structlog.get_logger()

FRAME_ROWS = 10_000
WINDOW = 0.002  # s
PENDING_BYTES = 256 << 20

OnFrame = Callable[[Frame], None]
_Waiting = tuple[Part, "Future[int]"]


class Appender:
    """One thread that commits; `submit` from any thread. It survives every error of the log and goes on when the log does."""

    def __init__(self, log: Log, on_frame: OnFrame | None) -> None:
        self._to = log
        self._on_frame = on_frame
        self._waiting: deque[_Waiting] = deque()
        self._rows = self._bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._begun = 0.0
        self.duplicate_rows = 0
        self._thread = threading.Thread(target=self._run, name="log-appender", daemon=True)

    @classmethod
    def start(cls, log: Log, on_frame: OnFrame | None = None) -> Appender:
        """`on_frame` is called with each frame, in order, right after its commit and before its parts are acknowledged."""
        appender = cls(log, on_frame)
        appender._thread.start()
        return appender

    def submit(self, part: Part) -> Future[int]:
        """The position of the frame that holds the part, once it is durable; for rows that the log had already, the last position.
        The future carries LogFull or StoreError when it was not written: then nothing of it is in the log."""
        future: Future[int] = Future()
        # An asker that goes away must not take back what is being written: a cancelled future would end the writing thread.
        future.set_running_or_notify_cancel()
        with self._changed:
            refusal = self._refusal()
            if refusal is None:
                self._waiting.append((part, future))
                self._rows += part.rows
                self._bytes += len(part.body)
                self._changed.notify()
        if refusal is not None:
            future.set_exception(refusal)
        return future

    def _refusal(self) -> StoreError | None:
        if self._closing:
            return StoreError("The log is being closed.")
        if self._bytes > PENDING_BYTES:
            return LogFull(
                "{size} MiB are waiting to be written: the disk is too slow for what comes in.", size=self._bytes >> 20
            )
        return None

    def close(self) -> None:
        """Commit what is waiting, then stop."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._gather():
            self._commit(batch)

    def _gather(self) -> list[_Waiting]:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            pause = self._begun + WINDOW - time.monotonic()
            if pause > 0:
                self._changed.wait_for(lambda: self._rows >= FRAME_ROWS or self._closing, pause)
            self._begun = time.monotonic()
            return self._take()

    def _take(self) -> list[_Waiting]:
        batch: list[_Waiting] = []
        rows = 0
        while self._waiting and (not batch or rows + self._waiting[0][0].rows <= FRAME_ROWS):
            batch.append(self._waiting.popleft())
            rows += batch[-1][0].rows
        self._rows -= rows
        self._bytes -= sum(len(part.body) for part, _ in batch)
        return batch

    def _commit(self, batch: list[_Waiting]) -> None:
        try:
            self._append(batch)
        except LogFull as full:
            self._save_the_small(batch, full)
        except Exception as error:
            _give_up(batch, error)

    def _append(self, batch: list[_Waiting]) -> None:
        parts = [part for part, _ in batch]
        frame = self._to.append_fresh(parts)
        if frame is not None:
            self._tell(frame)
        written = frame.rows if frame is not None else 0
        self.duplicate_rows += sum(part.rows for part in parts if part.kind is Kind.READINGS) - written
        position = frame.n if frame is not None else self._to.last
        for _, future in batch:
            future.set_result(position)

    def _save_the_small(self, batch: list[_Waiting], full: LogFull) -> None:
        """Readings of devices are refused; what the node itself writes and shared their frame still has room."""
        small = [waiting for waiting in batch if not waiting[0].bulk]
        if len(small) in {0, len(batch)}:
            _give_up(batch, full)
            return
        _give_up([waiting for waiting in batch if waiting[0].bulk], full)
        self._commit(small)

    def _tell(self, frame: Frame) -> None:
        if self._on_frame is None:
            return
        try:
            self._on_frame(frame)
        except Exception:
            # The frame is durable and its reader reads on from its own position; this was only the wake-up.
            _log.exception("the listener to new frames failed", n=frame.n)


def _give_up(batch: list[_Waiting], error: Exception) -> None:
    for _, future in batch:
        future.set_exception(error)
