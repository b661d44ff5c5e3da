"""An I/O error at every call that the log makes of its disk: writes, syncs, opens, reads, renames, locks, one after another.

One round fails one call (or a few in a row, or all calls for a while) of a fixed story: open, append from two sources with parts in
flight, roll through several segments, read, trim, seal, close, open again. Checked: acknowledged rows are all there once, no row is
made up, no handle is written after a write or sync on it failed, and an operator hears of each failed commit.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from unittest.mock import patch

import apsw

from anlan.model.clock import SECOND, ManualClock
from anlan.model.errors import StoreError
from anlan.model.frames import Frame, Kind, Part
from anlan.store.log import Log, LogSettings
from anlan.store.segments import Segment
from anlan.store.sequences import Sequences
from anlan.store.tip import Tip
from anlan.store.troubles import Troubles
from faults._faulty_disk import FaultyDisk
from faults._ledger import Ledger, make_part, make_tick
from faults._report import Report, run

SETTINGS = LogSettings(segment_bytes=300_000, reserve_bytes=1 << 16, ring_bytes=4_000, background=False)
PARTS = 30
ROWS = 40
TRIES = 70


class Story:
    """What the node does with its log, told the same way each time; errors are answered as the node answers them."""

    def __init__(self, folder: Path, disk: FaultyDisk) -> None:
        self.folder, self.disk = folder, disk
        self.clock = ManualClock()
        self.ledger = Ledger()
        self.delivered: dict[int, Frame] = {}
        self.missed: list[str] = []
        self.false: list[str] = []
        self.log: Log | None = None

    def tell(self) -> None:
        self._open()
        flight: list[Part] = []
        for number in range(PARTS):
            flight.append(make_part(1 + number % 2, 5, number // 2 * ROWS, ROWS))
            flight.append(make_tick(number))
            # A part that failed is sent again behind the one that followed it, as a window of several in flight does.
            flight = self._send(flight)
            if number % 6 == 5:
                self._look_around()
            if number == PARTS // 2:
                self._restart()
        for _ in range(TRIES):
            flight = self._send(flight)
        self._close()

    def _open(self) -> None:
        for _ in range(TRIES):
            try:
                self.log = Log.open(self.folder, self.clock, SETTINGS, disk=self.disk)
                return
            except StoreError:
                continue  # the supervisor starts the process again
        raise AssertionError("the log never opened")

    def _send(self, flight: list[Part]) -> list[Part]:
        unacknowledged = []
        for part in flight:
            self.ledger.offer(part)
            if not self._append(part):
                # A tick is not sent again: the next one says more.
                unacknowledged += [part] if part.kind is Kind.READINGS else []
            elif part.first_seq == 4 * ROWS:
                self._append(part)  # the acknowledgement was lost on its way
        return unacknowledged

    def _append(self, part: Part) -> bool:
        assert self.log is not None
        before = self.disk.hits["commit"]
        try:
            self.log.append_fresh([part])
        except StoreError:
            return False
        self.ledger.acknowledge(part)
        if self.disk.hits["commit"] > before and self.log.fault is None:
            self.missed.append("a commit failed and no fault was raised")
        return True

    def _look_around(self) -> None:
        """Read on, let go what was read but for the last few, let the keeper work."""
        assert self.log is not None
        try:
            while frames := self.log.read(max(self.delivered, default=0), 7):
                self.delivered |= {frame.n: frame for frame in frames}
        except StoreError:
            return  # the reader comes again
        self.log.trim(max(self.delivered, default=0) - 20)
        self.clock.advance(200 * SECOND)
        self.log.tend()

    def _restart(self) -> None:
        self._close()
        self._open()

    def _close(self) -> None:
        assert self.log is not None
        if not self.disk.hits and self.log.faults:
            self.false.append(self.log.faults[0].error.text())
        self.log.close()


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    with ExitStack() as planted:
        # An error that SQLite swallows (it could not delete a journal) is printed by apsw as unraisable.
        planted.enter_context(patch.object(sys, "excepthook", lambda *error: None))
        for change in BUGS.get(args.plant, list)():
            planted.enter_context(change)
        _sweep(report, args, chance)


def _sweep(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    calls = _one(report, lambda index: False, "no fault")
    rounds = min(args.rounds, calls) if args.rounds else calls
    for number in range(rounds):
        at = number * calls // rounds
        # One call; a few calls, so that the second try fails too; a disk that is away for a while.
        for length in (1, chance.randint(2, 6), chance.randint(7, 60)):
            _one(report, lambda index, at=at, length=length: at <= index < at + length, f"calls {at}–{at + length - 1} failed")
    report.rounds = 3 * rounds


def _one(report: Report, fails: Callable[[int], bool], where: str) -> int:
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        story = Story(Path(name) / "log", FaultyDisk(fails))
        story.tell()
        _compare(story, report, where)
    report.missed_alarms += len(story.missed)
    report.false_alarms += len(story.false)
    for text in [*story.missed, *story.false, *(f"written after an error: {what}" for what in story.disk.touched_again)]:
        report.violation(f"{where}: {text}")
    return story.disk.calls


def _compare(story: Story, report: Report, where: str) -> None:
    """What was delivered before it was trimmed, and what a healthy disk gives afterwards."""
    log = Log.open(story.folder, story.clock, SETTINGS)
    after = log.first - 1
    while frames := log.read(after, 100):
        after = frames[-1].n
        for frame in frames:
            if story.delivered.setdefault(frame.n, frame) != frame:
                report.violation(f"{where}: frame {frame.n} changed after it was delivered")
    log.close()
    story.ledger.compare((story.delivered[n] for n in sorted(story.delivered)), report, where)


def _memory() -> str | None:
    """Errors are injected, so nothing here needs a real disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _retry_handle() -> list[object]:
    return [patch.object(Tip, "_discard_handle", lambda self: None)]


def _ignore_error() -> list[object]:
    real = Segment.append

    def append(self: Segment, raw: object, known: object) -> None:
        with suppress(apsw.Error):
            real(self, raw, known)  # type: ignore[arg-type]

    return [patch.object(Segment, "append", append)]


def _silent() -> list[object]:
    return [patch.object(Troubles, "raise_condition", lambda self, name, error, each=False: None)]


def _highest_seq() -> list[object]:
    """Known = the highest seq seen, as one would write it first."""

    def note(self: Sequences, source: int, epoch: int, start: int, end: int) -> None:
        self._known.setdefault(source, self._copied(source))[epoch] = [(0, end)]

    return [patch.object(Sequences, "_note", note)]


def _always_fresh() -> list[object]:
    return [patch.object(Sequences, "pieces", lambda self, part: [part])]


BUGS: dict[str, Callable[[], list[object]]] = {
    "retry-handle": _retry_handle,
    "ignore-error": _ignore_error,
    "silent": _silent,
    "highest-seq": _highest_seq,
    "always-fresh": _always_fresh,
}

if __name__ == "__main__":
    sys.exit(run("log_io_error", play, rounds=0, bugs=list(BUGS)))
