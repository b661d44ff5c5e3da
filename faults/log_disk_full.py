"""A disk that fills up at full rate, stays full for a while, and gets room again.

One round, on a small tmpfs of its own: readings pour in until the disk is full; while it is, every commit of readings must be refused
with LogFull and an alarm of it stand, while the node's ticks go on; then room comes back (the disk grows, or the readers catch up and
old segments go) and readings must flow again within 10 s, without a restart, and the alarm end by itself.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

from anlan.model.clock import SystemClock
from anlan.model.errors import LogFull
from anlan.model.frames import Frame, Part
from anlan.store import space
from anlan.store.appender import Appender
from anlan.store.disk import Disk
from anlan.store.log import Log, LogSettings
from faults._ledger import Ledger, make_part, make_tick
from faults._report import Report, run
from faults._small_disk import resize, small_disk

MIB = 1 << 20
SMALL, LARGE = 32 * MIB, 64 * MIB
SETTINGS = LogSettings(segment_bytes=4 * MIB, reserve_bytes=6 * MIB, ring_bytes=MIB)
ROWS = 2_000
IN_FLIGHT = 4
RESUME_WITHIN = 10.0  # s
TICKS_WHILE_FULL = 100  # in however short a time; the node makes one a second


class Plant:
    """One source at full rate with a window of parts in flight, and the node's ticks."""

    def __init__(self, appender: Appender, ledger: Ledger, source: int, tick: float) -> None:
        self._appender, self._ledger, self._source, self._tick = appender, ledger, source, tick
        self._flight: deque[tuple[Part, Future[int]]] = deque()
        self._refused: deque[Part] = deque()
        self._seq = 0
        self._ticks = 0
        self._tick_due = 0.0
        self.refusals = 0
        self.wrong: list[str] = []
        self.ticks_refused = 0

    def work(self, until: Callable[[], bool], limit: float) -> bool:
        """Go on until the condition holds; whether it did within `limit` seconds."""
        deadline = time.monotonic() + limit
        while not until():
            if time.monotonic() > deadline:
                return False
            self._fill_window()
            self._tick_if_due()
            self._settle_one()
        return True

    def drain(self) -> None:
        while self._flight:
            self._settle_one()

    def _fill_window(self) -> None:
        while len(self._flight) < IN_FLIGHT:
            part = self._refused.popleft() if self._refused else self._next()
            self._ledger.offer(part)
            self._flight.append((part, self._appender.submit(part)))

    def _next(self) -> Part:
        part = make_part(self._source, 9, self._seq, ROWS)
        self._seq += ROWS
        return part

    def _tick_if_due(self) -> None:
        if time.monotonic() >= self._tick_due:
            self._tick_due = time.monotonic() + self._tick
            self.tick()

    def tick(self) -> None:
        self._ticks += 1
        part = make_tick(self._source * 1_000_000 + self._ticks)
        self._ledger.offer(part)
        error = self._appender.submit(part).exception()
        if error is None:
            self._ledger.acknowledge(part)
        else:
            self.ticks_refused += 1

    def _settle_one(self) -> None:
        part, future = self._flight.popleft()
        error = future.exception()
        if error is None:
            self._ledger.acknowledge(part)
            return
        self._refused.append(part)
        self.refusals += 1
        time.sleep(0.002)  # a refused driver does not spin
        if not isinstance(error, LogFull):
            self.wrong.append(f"readings were refused by {type(error).__name__}: {error}")


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    with ExitStack() as planted:
        for change in BUGS.get(args.plant, list)():
            planted.enter_context(change)
        for number in range(args.rounds):
            with small_disk(SMALL) as folder:
                _round(report, folder, number, args.seconds)
            report.rounds += 1


def _round(report: Report, folder: Path, number: int, seconds: float) -> None:
    log = Log.open(folder / "log", SystemClock(), SETTINGS)
    appender = Appender.start(log)
    ledger = Ledger()
    frames: dict[int, Frame] = {}
    plant = Plant(appender, ledger, number + 1, seconds / TICKS_WHILE_FULL)
    where = f"round {number}"
    try:
        _fill(report, log, plant, where)
        _stay_full(report, log, plant, seconds, where)
        _make_room(folder, log, frames, by_trimming=number % 2 == 1)
        _resume(report, log, plant, where)
        plant.drain()
    finally:
        appender.close()
        _collect(log, frames)
        log.close()
    for text in plant.wrong[:3]:
        report.violation(f"{where}: {text}")
    ledger.compare((frames[n] for n in sorted(frames)), report, where)


def _fill(report: Report, log: Log, plant: Plant, where: str) -> None:
    if log.fault is not None:
        report.false_alarms += 1
        report.violation(f"{where}: {log.fault}")
    if not plant.work(lambda: plant.refusals > 0 or log.fault is not None, 60):
        report.violation(f"{where}: the disk never became full")


def _stay_full(report: Report, log: Log, plant: Plant, seconds: float, where: str) -> None:
    if log.fault is None:
        report.missed_alarms += 1
        report.violation(f"{where}: the disk is full and no fault stands")
    end = time.monotonic() + seconds
    plant.work(lambda: time.monotonic() >= end, seconds + 10)
    if plant.ticks_refused:
        report.violation(f"{where}: {plant.ticks_refused} ticks were refused while the disk was full")


def _make_room(folder: Path, log: Log, frames: dict[int, Frame], *, by_trimming: bool) -> None:
    if by_trimming:
        _collect(log, frames)
        log.trim(log.last)
    else:
        resize(folder, LARGE)


def _resume(report: Report, log: Log, plant: Plant, where: str) -> None:
    acknowledged = log.last
    if not plant.work(lambda: log.last > acknowledged + 50 and log.fault is None, RESUME_WITHIN):
        report.violation(f"{where}: readings did not flow again within {RESUME_WITHIN:.0f} s ({log.fault})")
        report.false_alarms += log.fault is not None


def _collect(log: Log, frames: dict[int, Frame]) -> None:
    after = max(frames, default=0)
    while batch := log.read(after, 100):
        after = batch[-1].n
        frames |= {frame.n: frame for frame in batch}


def _no_reserve() -> list[object]:
    """The reserve is kept for ever, so there is nothing to give to the alarms."""
    real = Disk.unlink
    return [patch.object(Disk, "unlink", lambda self, path: None if path.name == space.RESERVE else real(self, path))]


def _acknowledge_refused() -> list[object]:
    def give_up(batch: list[tuple[Part, Future[int]]], error: Exception) -> None:
        for _, future in batch:
            future.set_result(0)

    return [patch("anlan.store.appender._give_up", give_up)]


def _stay_short() -> list[object]:
    """Once full, always full: a restart would be needed."""
    return [patch.object(space.Space, "_restore", lambda self: None)]


def _silent() -> list[object]:
    return [patch("anlan.store.troubles.Troubles.raise_condition", lambda self, name, error, each=False: None)]


BUGS: dict[str, Callable[[], list[object]]] = {
    "no-reserve": _no_reserve,
    "acknowledge-refused": _acknowledge_refused,
    "stay-short": _stay_short,
    "silent": _silent,
}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, default=5.0, help="how long the disk stays full in each round")


if __name__ == "__main__":
    sys.exit(run("log_disk_full", play, rounds=2, bugs=list(BUGS), options=_options))
