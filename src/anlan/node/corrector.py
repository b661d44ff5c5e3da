"""Late readings (迟到) set right in the record: a job of core, beside the engine and never in its way.

    the engine notes a late reading ─▶ two seconds later its point's past is read and decided again in an engine of its own
    ─▶ what differs from the journal goes into the log ─▶ the engine writes it, moving no alarm

Nothing is kept here that matters: which points wait stands in the engine's state, and comparing again finds the same. So it may die at any moment,
and while the history is not open, or can't be read, the points simply wait. A point that can't be compared waits by itself, longer each time, and
status names it; the others go on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import structlog

from anlan.model.clock import HOUR, SECOND, Clock, Micros, isoformat
from anlan.model.errors import AnlanError, Unavailable
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.journal import JournalReader
from anlan.monitor.late.pending import Waiting
from anlan.monitor.reader import EngineReader
from anlan.node.past import Past
from anlan.store.log import Log
from anlan.store.memory import give_back

if TYPE_CHECKING:
    from anlan.monitor.late.comparison import Look, Outcome, Plan

LOOK_EVERY = 0.5
"""s."""
GATHER = 2.0
"""s from the first late reading of a point to the look at it: what comes late comes in company."""
TOGETHER = 32
"""Points looked at in one go."""
SHARE = 2
"""A look that took s is followed by none for 2 s: what comes late by the thousand leaves the processor to what comes in time."""
WAIT_FOR_ENGINE = 30.0
RETRY_AFTER = 5.0
RETRY_AFTER_MOST = 600.0
"""s that a point which can't be compared waits at most; it begins with `RETRY_AFTER` and is doubled each time."""
MOST_ROWS = 2_000_000
"""Readings of one look, some 200 MB while they are decided again: core decides alarms, and its memory is not for the past. A point that needs
more is not compared, because half of its readings would tell another story."""
SLICE: Micros = HOUR
"""Read at once, so that what is too much is noticed before it is in memory."""
MOST_NAMED = 100
ALIKE = 4
"""One whose episode is still open is looked at again after a quarter of the time that has passed since its late reading."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Trouble:
    """A point could not be compared: it is tried again `wait` s later, at `until` on the monotonic clock."""

    why: str
    wait: float
    until: float


@dataclass(slots=True)
class Schedule:
    """When each waiting point is looked at next, in the monotonic seconds of the clock. By point number."""

    due: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    frame: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Frame of the late reading that it was planned for."""
    troubles: dict[int, Trouble] = field(default_factory=dict)
    """Points whose last comparison failed."""

    def positions_due(self, waiting: Waiting, now: float) -> npt.NDArray[np.int64]:
        """Positions in `waiting`, earliest late reading first, at most `TOGETHER`."""
        self._forget(waiting.points)
        self._hold(int(waiting.points.max(initial=-1)))
        fresh = self.frame[waiting.points] != waiting.frame
        points = waiting.points[fresh]
        self.due[points] = np.where(self.due[points] > now, np.minimum(self.due[points], now + GATHER), now + GATHER)
        self.frame[points] = waiting.frame[fresh]
        held = np.array([point for point, trouble in self.troubles.items() if trouble.until > now], np.int64)
        return np.flatnonzero((self.due[waiting.points] <= now) & ~np.isin(waiting.points, held))[:TOGETHER]

    def put_off(self, point: int, until: float) -> None:
        self.due[point] = until

    def failed(self, point: int, why: str, now: float) -> Trouble:
        """Another late reading does not make it come sooner: what could not be compared can't be either with one more."""
        before = self.troubles.get(point)
        wait = RETRY_AFTER if before is None else min(2 * before.wait, RETRY_AFTER_MOST)
        self.troubles[point] = trouble = Trouble(why, wait, now + wait)
        return trouble

    def compared(self, points: npt.NDArray[np.int64]) -> None:
        for point in points.tolist():
            self.troubles.pop(point, None)

    def _forget(self, waiting: npt.NDArray[np.int64]) -> None:
        """Those that wait no more."""
        if self.troubles:
            still = set(waiting.tolist())
            self.troubles = {point: trouble for point, trouble in self.troubles.items() if point in still}

    def _hold(self, highest: int) -> None:
        missing = highest + 1 - len(self.due)
        if missing > 0:
            self.due = np.concatenate([self.due, np.zeros(missing)])
            self.frame = np.concatenate([self.frame, np.full(missing, -1, np.int64)])


class Corrector:
    """Start it once the engine runs; every member may be used from any thread."""

    def __init__(
        self, reader: EngineReader, past: Past, frames: Log, journal: Path, clock: Clock, write: Callable[[bytes], int]
    ) -> None:
        """`write` puts a correction into the log, waits until it is durable, and returns its frame."""
        self._reader, self._past, self._frames, self._journal, self._clock = reader, past, frames, journal, clock
        self._write = write
        self._closing = threading.Event()
        self._schedule = Schedule()
        self._config: tuple[bytes, EngineConfig] | None = None
        self._fault: str | None = None
        self._troubles: dict[int, Trouble] = {}
        """Of the schedule, as status reads them."""
        self._looks = self._rows = 0
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="late-readings", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def counters(self) -> dict[str, Any]:
        """Plain facts for status. `put_off`: numbers of the points that could not be compared, a hundred at most."""
        put_off = sorted(self._troubles)[:MOST_NAMED]
        return {
            "waiting": self._waiting,
            "looks": self._looks,
            "corrections": self._rows,
            "fault": self.fault,
            "put_off": put_off,
        }

    @property
    def fault(self) -> str | None:
        """Why nothing is compared, or else which points are not and why."""
        troubles = self._troubles
        if self._fault is not None or not troubles:
            return self._fault
        point, first = min(troubles.items())
        others = f" (and {len(troubles) - 1} more points)" if len(troubles) > 1 else ""
        return f"late readings of point {point}{others} are not compared: {first.why}; tried again after {first.wait:g} s"

    def _run(self) -> None:
        wait = LOOK_EVERY
        while not self._closing.wait(wait):
            begun = self._clock.monotonic()
            try:
                looked = self._look()
            except Exception as error:
                # Whatever it is: alarms go on without corrections, the points wait, and status says why.
                self._fail(_words(error), error)
                wait = RETRY_AFTER
                continue
            self._fault = None
            wait = max(LOOK_EVERY, SHARE * (self._clock.monotonic() - begun)) if looked else LOOK_EVERY

    def _fail(self, why: str, error: Exception) -> None:
        if self._fault != why:
            log.error("late readings not compared", error=why, exc_info=not isinstance(error, AnlanError))
        self._fault = why

    def _look(self) -> bool:
        """Look at the points that are due; False when there are none."""
        look, body = self._reader.late_look()
        self._waiting = len(look.waiting)
        if not self._waiting:
            self._schedule.troubles, self._troubles = {}, {}
            self._let_go()
            return False
        due = self._schedule.positions_due(look.waiting, self._clock.monotonic())
        self._troubles = dict(self._schedule.troubles)
        if not len(due) or self._past.cursor is None:
            return False
        self._compare_each(look, self._config_of(body), due)
        self._troubles = dict(self._schedule.troubles)
        return True

    def _compare_each(self, look: Look, config: EngineConfig, due: npt.NDArray[np.int64]) -> None:
        """Together; if that fails, each by itself, so that one that can't be compared keeps none of the others from it."""
        if len(due) > 1:
            try:
                self._compare(look, config, due)
            except Exception as error:
                # Whose fault it is shows when each is tried alone.
                log.warning("late readings not compared together", points=len(due), error=_words(error))
            else:
                return
        for one in due:
            if self._closing.is_set():
                return
            self._compare_one(look, config, np.array([one]))

    def _compare_one(self, look: Look, config: EngineConfig, position: npt.NDArray[np.int64]) -> None:
        point = int(look.waiting.points[position[0]])
        try:
            self._compare(look, config, position)
        except Exception as error:
            # Whatever it is: this point waits, longer each time, and status says which one and why.
            before = self._schedule.troubles.get(point)
            trouble = self._schedule.failed(point, _words(error), self._clock.monotonic())
            if before is None or before.why != trouble.why:
                known = isinstance(error, AnlanError)
                log.error("late readings of a point not compared", point=point, error=trouble.why, exc_info=not known)

    def _config_of(self, body: bytes) -> EngineConfig:
        """Read once for as long as anything waits: a large plant's takes a second."""
        if self._config is None or self._config[0] is not body:
            self._config = body, EngineConfig.from_bytes(body, ids=False)
        return self._config[1]

    def _let_go(self) -> None:
        if self._config is not None:
            self._config = None
            give_back()

    def _compare(self, look: Look, config: EngineConfig, due: npt.NDArray[np.int64]) -> None:
        """In this order: see `monitor.late.comparison`. Nothing comes of it while the engine is behind; the points stay due."""
        from anlan.monitor.late.comparison import follow, plan

        through = self._frames.last
        made = plan(config, look, due)
        before, rows = self._read(made)
        if not self._decided(self._frames.last):
            return
        journal = JournalReader.open(self._journal)
        try:
            outcome = follow(made, before, rows, journal.story, through, config.late_window * 1000)
        finally:
            journal.close()
        self._looks += 1
        self._conclude(look, outcome)
        self._schedule.compared(made.points)

    def _read(self, made: Plan) -> tuple[Readings, Readings]:
        whole = self._past.whole()
        points = made.few.points
        before = Readings.from_arrow(whole.latest(points, made.start))
        parts: list[Readings] = []
        left = MOST_ROWS
        for start in range(made.start, made.end, SLICE):
            table = whole.read(points, start, min(start + SLICE, made.end), limit=left + 1)
            left -= len(table)
            if left < 0:
                raise Unavailable(
                    "the {points} points needed have more than {most} readings since {start}, more than core looks at",
                    points=len(points),
                    most=MOST_ROWS,
                    start=isoformat(made.start),
                )
            parts.append(Readings.from_arrow(table))
        return before, Readings.concat(parts)

    def _decided(self, frame: int) -> bool:
        """Wait until the journal holds what follows from this frame."""
        end = self._clock.monotonic() + WAIT_FOR_ENGINE
        while self._reader.done < frame:
            if self._clock.monotonic() > end or self._closing.wait(0.05):
                return False
        return True

    def _conclude(self, look: Look, outcome: Outcome) -> None:
        """Into the log with what was found; what is still open is looked at again later."""
        now = self._clock.monotonic()
        passed = dict(zip(look.waiting.points.tolist(), (look.now - look.waiting.latest).tolist(), strict=True))
        for point, rest in outcome.again_at.items():
            self._schedule.put_off(point, now + max(rest, passed[point] / ALIKE) / SECOND)
        found = outcome.correction
        if not found.rows and not found.points:
            return
        frame = self._write(found.to_bytes())
        self._rows += len(found.rows)
        if found.rows:
            log.info("record corrected by late readings", rows=len(found.rows), points=len(found.points))
        self._decided(frame)


def _words(error: Exception) -> str:
    return error.text("en") if isinstance(error, AnlanError) else f"{type(error).__name__}: {error}"
