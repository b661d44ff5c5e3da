"""From the log into the history: one thread that takes the frames behind the history's position and appends them in large, sorted files.

A reading enters the history in the same commit that moves the position past its frame, so none is lost or doubled, whenever the
process dies. After an error nothing that was believed counts: a new handle, the position as it is on disk, and the frames again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from threading import Event, Thread

import structlog

from anlan.model.clock import HOUR, Clock
from anlan.model.errors import AnlanError, Corrupt
from anlan.model.frames import Frame
from anlan.store.history import History
from anlan.store.history_files import day_of
from anlan.store.history_tail import FRAMES_A_READ, LogSource, readings_of
from anlan.store.memory import give_back
from anlan.store.shelf import Gap

_log = structlog.get_logger()

LOOK_EVERY = 0.25
"""How long to wait for a frame before looking at the time. [s]"""
IDLE_SPAN = 60.0
"""Frames without readings move the position this often, so that the log may let go of them. [s]"""
RETRY_AFTER = (0.2, 1.0, 5.0)
"""Waits between attempts; the last one repeats. [s]"""
SMALL_FILES = 32
"""So many small files of a day are merged, when there is time: a query would have to open each."""
DAY_IS_FULL = HOUR
"""So long after midnight (UTC) a day's readings have come, all but a few; its small files are then merged, however few they are."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Frames first … last that the log had let go of before the history contained them."""

    first: int
    last: int


class HistoryWriter:
    """`needs`, `fault` and the counts may be read from any thread."""

    def __init__(self, log: LogSource, history: History, *, flush_rows: int, flush_span: float, clock: Clock) -> None:
        self.fault: str | None = None
        """What is wrong now, in English; None while all is well. Frames missing and days damaged for good stay."""
        self.missing: list[Missing] = []
        self.rows_written = 0
        self._log, self._history, self._clock = log, history, clock
        self._flush_rows, self._flush_span = flush_rows, flush_span
        self._small = history.settings.merged_rows // 2
        self._cursor = self._taken = history.follow(log.incarnation)
        self._pending: list[Frame] = []
        self._rows = 0
        self._since = clock.monotonic()
        self._failures = 0
        self._must_start_over = False
        self._unmergeable: dict[date, str] = {}
        self._finished_before: date | None = None
        """Days before this one have been merged as finished; None: not looked at since the start."""
        self._closing = Event()
        self._thread = Thread(target=self._run, name="history-writer", daemon=True)

    @classmethod
    def start(
        cls, log: LogSource, history: History, *, flush_rows: int = 2_000_000, flush_span: float = 10.0, clock: Clock
    ) -> HistoryWriter:
        """Begin behind the history's position. A commit after `flush_rows` readings or `flush_span` seconds, whichever comes first."""
        writer = cls(log, history, flush_rows=flush_rows, flush_span=flush_span, clock=clock)
        writer._thread.start()
        return writer

    @property
    def cursor(self) -> int:
        """The last position whose readings are durable in the history."""
        return self._cursor

    @property
    def taken(self) -> int:
        """The last position read from the log; what lies behind `cursor` is not durable in the history yet."""
        return self._taken

    @property
    def needs(self) -> int:
        """The oldest frame that may have to be read again."""
        return self._cursor + 1

    def close(self) -> None:
        """Commit what has been taken and stop. What can't be committed stays in the log for the next start."""
        self._closing.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._attempt(self._take_and_flush)
        self._attempt(self._flush)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Whatever goes wrong becomes the fault, and the next attempt starts over from what is on disk."""
        try:
            if self._must_start_over:
                self._start_over()
            step()
        except Exception as failure:
            self._failed(failure)

    def _take_and_flush(self) -> None:
        self._take()
        if self._is_due():
            in_a_hurry = self._rows >= self._flush_rows
            self._flush()
            if not in_a_hurry:
                self._merge_small_files()

    def _take(self) -> None:
        try:
            frames = self._log.read(self._taken, FRAMES_A_READ)
        except Gap as gap:
            self._note_missing(gap)
            return
        if not frames:
            self._log.wait(self._taken, LOOK_EVERY)
            return
        rows = sum(f.rows for f in frames)
        if not self._pending or (rows and not self._rows):
            # By the first frame or the first reading that waits: the node's tick of each second must not put it off for ever.
            self._since = self._clock.monotonic()
        self._pending += frames
        self._taken = frames[-1].n
        self._rows += rows

    def _is_due(self) -> bool:
        waited = self._clock.monotonic() - self._since
        if self._rows:
            return self._rows >= self._flush_rows or waited >= self._flush_span
        return self._taken > self._cursor and waited >= IDLE_SPAN

    def _flush(self) -> None:
        if self._taken > self._cursor:
            self._history.append(readings_of(self._pending), self._taken)
            self.rows_written += self._rows
            self._cursor = self._taken
        self._forget_pending()
        self._recovered()

    def _forget_pending(self) -> None:
        self._pending, self._rows, self._taken = [], 0, self._cursor
        self._since = self._clock.monotonic()

    def _merge_small_files(self) -> None:
        today = day_of(self._clock.now() - DAY_IS_FULL)
        due = self._days_of_small_files(today)
        for day in due:
            self._merge(day)
        self._finished_before = today
        if due:
            self._history.sweep()
            give_back()

    def _days_of_small_files(self, today: date) -> list[date]:
        """Any day with many; and, when `today` has just begun, each day before it with two. What comes late for a finished day waits
        for the next, else every late reading would write its whole day anew."""
        small = Counter(f.day for f in self._history.files() if f.rows < self._small)
        begun = today != self._finished_before
        return [
            day
            for day, files in small.items()
            if files >= (2 if begun and day < today else SMALL_FILES) and day not in self._unmergeable
        ]

    def _merge(self, day: date) -> None:
        """A day with a damaged file is left as it is: what can be read of it is read where it lies."""
        try:
            self._history.optimize_day(day, below_rows=self._small)
        except Corrupt as damage:
            _log.error("history day can't be merged", day=day.isoformat(), error=damage.text("en"))
            self._unmergeable[day] = damage.text("en")
            self.fault = self._standing_fault()

    def _start_over(self) -> None:
        self._history.reopen()
        self._cursor = self._history.follow(self._log.incarnation)
        self._forget_pending()
        self._must_start_over = False

    def _note_missing(self, gap: Gap) -> None:
        """Go on with what there is; that something is missing is said until the node ends, and stands in the log of faults."""
        lost = Missing(self._taken + 1, gap.first - 1)
        self.missing.append(lost)
        _log.error("history misses frames that the log let go of", first=lost.first, last=lost.last)
        self._taken = lost.last

    def _failed(self, failure: Exception) -> None:
        text = failure.text("en") if isinstance(failure, AnlanError) else f"{type(failure).__name__}: {failure}"
        if text != self.fault:
            _log.error("history writer", error=text, exc_info=not isinstance(failure, AnlanError))
        self.fault = text
        self._closing.wait(RETRY_AFTER[min(self._failures, len(RETRY_AFTER) - 1)])
        self._failures += 1
        self._must_start_over = True

    def _recovered(self) -> None:
        if self._failures:
            _log.info("history writer goes on", after_failures=self._failures)
            self._failures = 0
        self.fault = self._standing_fault()

    def _standing_fault(self) -> str | None:
        """What no retry mends."""
        spans = ", ".join(f"{m.first}–{m.last}" for m in self.missing)
        gone = [f"The log let go of frames {spans} before the history contained them"] if spans else []
        return "; ".join([*gone, *self._unmergeable.values()]) or None
