"""Power cuts under the log: what was acknowledged before must be there after, and the log must start again.

Two methods. `snapshot` runs the log on a real ext4 whose image is copied while it is written to (needs root, XFS and loop devices).
`states` runs it on a disk model and lays out what a cut at any of its writes could leave, lost, reordered and torn; some rounds kill
the process first, start it again on what the kernel still has in its cache, let the source send again what it is unsure of, and cut
the power only then. `--method auto` takes snapshots where it can. `--plant no-sync` is the control: it must lose.
"""

from __future__ import annotations

import argparse
import os
import random
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from anlan.model.clock import SECOND, ManualClock, SystemClock
from anlan.model.errors import StoreError
from anlan.model.frames import Frame, Part
from anlan.store.log import Log, LogSettings
from anlan.store.recovery import Recovered
from faults._crash_disk import CrashDisk, Model
from faults._cut_image import CutDisk, cut_disk
from faults._ledger import Ledger, make_part, make_tick
from faults._report import Report, Skip, run

ROWS = 200
SNAPSHOT_SETTINGS = LogSettings(segment_bytes=4 << 20, reserve_bytes=4 << 20)
STATES_SETTINGS = LogSettings(segment_bytes=150_000, reserve_bytes=1 << 12, background=False)
CUTS_PER_DISK = 10
STATES_PER_STORY = 60
PARTS_PER_STORY = 24


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    if args.write is not None:
        _write_for_ever(args.write, args.plant)
    with ExitStack() as planted:
        for change in BUGS.get(args.plant, list)():
            planted.enter_context(change)
        if args.method == "states" or (args.method == "auto" and not _can_snapshot()):
            _play_states(report, args, chance)
        else:
            _play_snapshots(report, args, chance)


def _can_snapshot() -> bool:
    try:
        with tempfile.TemporaryDirectory() as name, cut_disk(Path(name)):
            return True
    except Skip as reason:
        print(f"no snapshots here ({reason}); states instead", file=sys.stderr)
        return False


# ── snapshots of a real file system ──────────────────────────────────────────────────────────────────────────────────────────────


def _play_snapshots(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    while report.rounds < args.rounds:
        with (
            tempfile.TemporaryDirectory() as name,
            cut_disk(Path(name)) as disk,
            _Writer(disk.folder / "log", args.plant) as writer,
        ):
            for _ in range(min(CUTS_PER_DISK, args.rounds - report.rounds)):
                time.sleep(chance.uniform(0.05, 0.5))
                _cut(report, disk, writer)


class _Writer:
    """A process that appends for ever and tells each part once it is acknowledged."""

    def __init__(self, folder: Path, plant: str | None) -> None:
        command = [sys.executable, "-m", "faults.log_power_cut", "--write", str(folder)]
        self._process = subprocess.Popen(command + (["--plant", plant] if plant else []), stdout=subprocess.PIPE)
        self._rest = b""
        self.acknowledged = 0
        self._until(lambda: self.acknowledged > 0)

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            self.listen(1.0)
            if self._process.poll() is not None:
                raise AssertionError("the writer ended")

    def listen(self, timeout: float = 0.0) -> int:
        """How many parts it has told of by now."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while select.select([descriptor], [], [], timeout)[0]:
            timeout = 0.0
            data = os.read(descriptor, 1 << 16)
            if not data:
                break
            *lines, self._rest = (self._rest + data).split(b"\n")
            self.acknowledged = int(lines[-1]) if lines else self.acknowledged
        return self.acknowledged


def _cut(report: Report, disk: CutDisk, writer: _Writer) -> None:
    report.rounds += 1
    ledger = Ledger()
    for number in range(writer.listen()):  # told before the cut
        ledger.acknowledge(_part(number))
    with disk.cut() as place:
        for number in range(writer.listen() + 1_000):  # what may have been on its way
            ledger.offer(_part(number))
        _start_twice(report, place / "log", ledger, f"cut {report.rounds}")


def _start_twice(report: Report, folder: Path, ledger: Ledger, where: str) -> None:
    """A node that starts after a cut goes on, and starts again after that."""
    for start in ("first start", "second start"):
        try:
            log = Log.open(folder, SystemClock(), SNAPSHOT_SETTINGS)
            tick = make_tick(1 if start == "first start" else 2)
            ledger.offer(tick)
            log.append([tick])
            ledger.acknowledge(tick)
            frames = _all(log)
            log.close()
        except StoreError as error:
            report.violation(f"{where}, {start}: {error}")
            return
    ledger.compare(frames, report, where)


def _write_for_ever(folder: Path, plant: str | None) -> None:
    with ExitStack() as planted:
        for change in BUGS.get(plant, list)():
            planted.enter_context(change)
        log = Log.open(folder, SystemClock(), replace(SNAPSHOT_SETTINGS, durable=plant != "no-sync"))
        for number in range(10_000_000):
            early = plant == "acknowledge-early"
            if early:
                _tell(number)
            log.append([_part(number)])
            if not early:
                _tell(number)


def _tell(number: int) -> None:
    os.write(1, b"%d\n" % (number + 1))


def _part(number: int) -> Part:
    return make_part(1, 5, number * ROWS, ROWS)


# ── states of a modelled disk ────────────────────────────────────────────────────────────────────────────────────────────────────


def _play_states(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    settings = replace(STATES_SETTINGS, durable=args.plant != "no-sync")
    while report.rounds < args.rounds:
        wanted = min(STATES_PER_STORY, args.rounds - report.rounds)
        for moment in _tell_story(settings, wanted, chance):
            report.rounds += 1
            _cut_at(moment, report, chance, settings)


class _Moment:
    """The disk at one point of the story, and what had been acknowledged by then."""

    def __init__(self, disk: Model, acknowledged: int, trimmed: dict[int, Frame]) -> None:
        self.disk, self.acknowledged, self.trimmed = disk, acknowledged, dict(trimmed)


def _tell_story(settings: LogSettings, moments: int, chance: random.Random) -> list[_Moment]:
    """Append, roll, read, trim, seal, restart, on a disk that is photographed at `moments` random changes."""
    changes = _count_changes(settings)
    chosen = {chance.randrange(changes) for _ in range(moments)}
    found: list[_Moment] = []
    story = _Story(settings)

    def look() -> None:
        if story.changes in chosen:
            found.append(_Moment(story.disk.snapshot(), story.acknowledged, story.trimmed))

    story.tell(look)
    return found


def _count_changes(settings: LogSettings) -> int:
    story = _Story(settings)
    story.tell(lambda: None)
    return story.changes


class _Story:
    early = False  # a planted bug: acknowledged before it is written

    def __init__(self, settings: LogSettings) -> None:
        self.settings = settings
        self.disk = CrashDisk()
        self.clock = ManualClock()
        self.changes = 0
        self.acknowledged = 0
        self.trimmed: dict[int, Frame] = {}

    def tell(self, look: Callable[[], None]) -> None:
        def changed() -> None:
            look()
            self.changes += 1

        self.disk.after_change = changed
        with tempfile.TemporaryDirectory(dir=_memory()) as name:
            log = Log.open(Path(name) / "log", self.clock, self.settings, disk=self.disk)
            for number in range(PARTS_PER_STORY):
                self.acknowledged += self.early
                log.append([_part(number)])
                self.acknowledged = number + 1
                if number % 9 == 8:
                    self._tidy(log)
                if number == PARTS_PER_STORY // 2:
                    log.close()
                    log = Log.open(Path(name) / "log", self.clock, self.settings, disk=self.disk)
            log.close()
            self.disk.after_change = lambda: None

    def _tidy(self, log: Log) -> None:
        for frame in _all(log):
            self.trimmed[frame.n] = frame
        log.trim(log.last - 8)
        self.clock.advance(200 * SECOND)
        log.tend()


def _cut_at(moment: _Moment, report: Report, chance: random.Random, settings: LogSettings) -> None:
    ledger = Ledger()
    for number in range(PARTS_PER_STORY + 1):
        ledger.offer(_part(number))
    for number in range(moment.acknowledged):
        ledger.acknowledge(_part(number))
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        disk = moment.disk
        if chance.random() < 0.3:
            disk = _killed_and_started(Path(name) / "killed", moment, ledger, chance, settings)
        disk.lay_out(Path(name) / "cut", chance, chance.choice(["nothing", "some", "some"]))
        _check_state(Path(name) / "cut", moment, ledger, report)


def _killed_and_started(folder: Path, moment: _Moment, ledger: Ledger, chance: random.Random, settings: LogSettings) -> Model:
    """The process dies, the machine lives: a new process sees all of the cache, of which the disk still has only what was synced."""
    moment.disk.lay_out(folder, chance, "everything")
    disk = CrashDisk(moment.disk)
    log = Log.open(folder, ManualClock(), settings, disk=disk)
    for number in range(max(0, moment.acknowledged - 2), moment.acknowledged + 1):
        log.append_fresh([_part(number)])  # the source sends again; whatever is known counts as acknowledged
        ledger.acknowledge(_part(number))
    photograph = disk.snapshot()
    log.close()
    return photograph


def _check_state(folder: Path, moment: _Moment, ledger: Ledger, report: Report) -> None:
    where = f"state {report.rounds}"
    frames = dict(moment.trimmed)
    try:
        log = Log.open(folder, ManualClock(), STATES_SETTINGS)
        log.append([make_tick(1)])
        frames |= {frame.n: frame for frame in _all(log)}
        log.close()
    except StoreError as error:
        report.violation(f"{where}: {error}")
    ledger.offer(make_tick(1))
    ledger.compare((frames[n] for n in sorted(frames)), report, where)


def _all(log: Log) -> list[Frame]:
    frames: list[Frame] = []
    after = log.first - 1
    while batch := log.read(after, 200):
        after = batch[-1].n
        frames += batch
    return frames


def _memory() -> str | None:
    """The cut is modelled, so nothing here needs a real disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _no_folder_sync() -> list[object]:
    return [
        patch("anlan.store.disk.Disk.sync_folder", lambda self, folder: None),
        patch("faults._crash_disk.CrashDisk.sync_folder", lambda self, folder: None),
        # SQLite's own sync of the folder would cover for it.
        patch("faults._crash_disk.Model.sync_names", lambda self: None),
    ]


def _no_tail() -> list[object]:
    """A start believes what it reads in the cache, without writing it again."""
    return [patch.object(Recovered, "tail", property(lambda self: None, lambda self, value: None))]


BUGS: dict[str, Callable[[], list[object]]] = {
    "no-sync": list,  # durable=False, set where the log is opened
    "acknowledge-early": lambda: [patch.object(_Story, "early", True)],  # for snapshots: the writer tells before it appends
    "no-folder-sync": _no_folder_sync,
    "no-tail": _no_tail,
}


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--method", choices=["auto", "snapshot", "states"], default="auto")
    parser.add_argument("--write", type=Path, default=None, help=argparse.SUPPRESS)


if __name__ == "__main__":
    sys.exit(run("log_power_cut", play, rounds=30, bugs=list(BUGS), options=_options))
