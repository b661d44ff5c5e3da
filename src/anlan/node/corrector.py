"""Late readings (迟到) set right in the record: a job of core, beside the engine and never in its way.

    the engine notes a late reading ─▶ two seconds later its point's past is read and decided again in an engine of its own
    ─▶ what differs from the journal goes into the log ─▶ the engine writes it, moving no alarm

Nothing is kept here that matters: which points wait stands in the engine's state, and comparing again finds the same. So it may die at any moment,
and while the history is not open, or can't be read, the points simply wait.
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

from anlan.model.clock import SECOND, Clock
from anlan.model.errors import AnlanError
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.journal import JournalReader
from anlan.monitor.late.pending import Waiting
from anlan.monitor.memory import give_back
from anlan.monitor.reader import EngineReader
from anlan.node.past import Past
from anlan.store.log import Log

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
ALIKE = 4
"""One whose episode is still open is looked at again after a quarter of the time that has passed since its late reading."""

log = structlog.get_logger()


@dataclass(slots=True)
class Schedule:
    """When each waiting point is looked at next, in the monotonic seconds of the clock. By point number."""

    due: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    frame: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Frame of the late reading that it was planned for."""

    def positions_due(self, waiting: Waiting, now: float) -> npt.NDArray[np.int64]:
        """Positions in `waiting`, earliest late reading first, at most `TOGETHER`."""
        self._hold(int(waiting.points.max(initial=-1)))
        fresh = self.frame[waiting.points] != waiting.frame
        points = waiting.points[fresh]
        self.due[points] = np.where(self.due[points] > now, np.minimum(self.due[points], now + GATHER), now + GATHER)
        self.frame[points] = waiting.frame[fresh]
        return np.flatnonzero(self.due[waiting.points] <= now)[:TOGETHER]

    def put_off(self, point: int, until: float) -> None:
        self.due[point] = until

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
        self.fault: str | None = None
        self._looks = self._rows = 0
        self._waiting = 0
        self._thread = threading.Thread(target=self._run, name="late-readings", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        self._thread.join()

    def counters(self) -> dict[str, Any]:
        """Plain facts for status."""
        return {"waiting": self._waiting, "looks": self._looks, "corrections": self._rows, "fault": self.fault}

    def _run(self) -> None:
        wait = LOOK_EVERY
        while not self._closing.wait(wait):
            begun = self._clock.monotonic()
            try:
                looked = self._look()
            except Exception as error:
                # Whatever it is: alarms go on without corrections, the points wait, and status says why.
                self._fail(error.text("en") if isinstance(error, AnlanError) else f"{type(error).__name__}: {error}", error)
                wait = RETRY_AFTER
                continue
            self.fault = None
            wait = max(LOOK_EVERY, SHARE * (self._clock.monotonic() - begun)) if looked else LOOK_EVERY

    def _fail(self, why: str, error: Exception) -> None:
        if self.fault != why:
            log.error("late readings not compared", error=why, exc_info=not isinstance(error, AnlanError))
        self.fault = why

    def _look(self) -> bool:
        """Look at the points that are due; False when there are none."""
        look, body = self._reader.late_look()
        self._waiting = len(look.waiting)
        if not self._waiting:
            self._let_go()
            return False
        due = self._schedule.positions_due(look.waiting, self._clock.monotonic())
        if not len(due) or self._past.cursor is None:
            return False
        self._compare(look, self._config_of(body), due)
        return True

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
        """In this order: see `monitor.late.comparison`."""
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

    def _read(self, made: Plan) -> tuple[Readings, Readings]:
        whole = self._past.whole()
        points = made.few.points
        before = Readings.from_arrow(whole.latest(points, made.start))
        return before, Readings.from_arrow(whole.read(points, made.start, made.end))

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
