"""From the log into the history: nothing lost, nothing doubled, whatever fails and whenever the process dies."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from anlan.model.clock import DAY, HOUR, SECOND, ManualClock, SystemClock
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.model.readings import Readings
from anlan.store import history_writer
from anlan.store.history import History, HistorySettings
from anlan.store.history_scan import Scanner, Wanted
from anlan.store.history_tail import WholeHistory, readings_of
from anlan.store.history_writer import HistoryWriter, Missing
from anlan.store.log import Log, LogSettings

START = 1_767_225_600 * SECOND
ALL_TIME = (-(2**63), 2**63)
LOG = LogSettings(durable=False, reserve_bytes=1 << 16, background=False)
Row = tuple[int, int, float, int]


def eventually(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


def readings(n: int, rows: int = 10) -> Part:
    batch = Readings.of([(p, START + n * SECOND + p, n + p / 100, 0) for p in range(rows)])
    return Part.of_readings(1, 1, n * rows, START, batch)


def tick() -> Part:
    return Part(Kind.TICK, NODE_SOURCE, 1, 0, START, 0, b'{"now": 0, "sources": {}}')


def rows(batch: Readings) -> Iterator[Row]:
    return zip(batch.point.tolist(), batch.time.tolist(), batch.value.tolist(), batch.quality.tolist(), strict=True)


def rows_of_log(log: Log) -> Counter[Row]:
    frames, after = [], log.first - 1
    while more := log.read(after):
        frames += more
        after = more[-1].n
    return Counter(rows(readings_of(frames)))


def rows_of_files(history: History) -> Counter[Row]:
    """As they lie on disk, repeats and all."""
    scanner = Scanner(history.root)
    return Counter(row for file in history.files() for row in rows(scanner.rows(file, Wanted()).readings()))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log.open(tmp_path / "log", ManualClock(), LOG)
    yield log
    log.close()


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    history = History.open(tmp_path / "history")
    yield history
    history.close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_writer, "LOOK_EVERY", 0.01)
    monkeypatch.setattr(history_writer, "RETRY_AFTER", (0.01,))


def test_what_is_in_the_log_comes_into_the_history(log: Log, history: History) -> None:
    for n in range(50):
        log.append([readings(n), tick()])
    writer = HistoryWriter.start(log, history, flush_rows=100, clock=ManualClock())
    eventually(lambda: writer.cursor == 50)
    assert rows_of_files(history) == rows_of_log(log)
    assert (writer.needs, writer.fault, writer.rows_written) == (51, None, 500)
    writer.close()


def test_a_span_ends_a_batch_too(log: Log, history: History) -> None:
    clock = ManualClock()
    writer = HistoryWriter.start(log, history, flush_span=10.0, clock=clock)
    log.append([readings(0)])
    time.sleep(0.1)
    assert (writer.cursor, writer.needs, history.rows()) == (0, 1, 0)
    clock.advance(10 * SECOND)
    eventually(lambda: writer.cursor == 1)
    writer.close()


def test_frames_without_readings_let_go_of_the_log_in_time(log: Log, history: History) -> None:
    clock = ManualClock()
    writer = HistoryWriter.start(log, history, flush_span=1.0, clock=clock)
    log.append([tick()])
    time.sleep(0.1)
    assert writer.needs == 1
    clock.advance(int(history_writer.IDLE_SPAN) * SECOND)
    eventually(lambda: writer.needs == 2)
    assert history.rows() == 0
    writer.close()


def test_closing_commits_what_was_taken(log: Log, history: History) -> None:
    writer = HistoryWriter.start(log, history, clock=ManualClock())
    log.append([readings(0)])
    eventually(lambda: writer._taken == 1)
    writer.close()
    assert history.cursor == 1
    assert rows_of_files(history) == rows_of_log(log)


@pytest.mark.parametrize("first_failing", range(8))
def test_every_error_is_a_fault_that_passes(
    log: Log, history: History, monkeypatch: pytest.MonkeyPatch, first_failing: int
) -> None:
    """The disk fails five times in a row, beginning at each sync of the first appends in turn."""
    monkeypatch.setattr(history_writer, "FRAMES_A_READ", 1)
    for n in range(6):
        log.append([readings(n)])
    really, calls = os.fsync, iter(range(10**6))
    faults: list[str | None] = []

    def sync(descriptor: int) -> None:
        if first_failing <= next(calls) < first_failing + 5:
            raise OSError(errno.EIO, "injected")
        really(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    writer = HistoryWriter(log, history, flush_rows=20, flush_span=10.0, clock=ManualClock())
    monkeypatch.setattr(writer, "_failed", lambda failure: (HistoryWriter._failed(writer, failure), faults.append(writer.fault)))
    writer._thread.start()
    eventually(lambda: writer.cursor == 6)
    eventually(lambda: writer.fault is None)
    writer.close()
    assert faults
    assert all("injected" in str(fault) for fault in faults)
    assert rows_of_files(history) == rows_of_log(log)


def test_a_commit_whose_sync_failed_is_written_anew(log: Log, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    """Syncing it again would prove nothing: after a failed sync the system may call the lost pages clean."""
    really, inodes = os.fsync, []
    commit = history.root / "_delta_log" / "00000000000000000001.json"

    def sync(descriptor: int) -> None:
        if commit.exists() and os.path.samestat(os.fstat(descriptor), commit.stat()) and not inodes:
            inodes.append(commit.stat().st_ino)
            raise OSError(errno.EIO, "injected")
        really(descriptor)

    monkeypatch.setattr(os, "fsync", sync)
    log.append([readings(0)])
    writer = HistoryWriter.start(log, history, flush_rows=1, clock=ManualClock())
    eventually(lambda: writer.cursor == 1)
    assert inodes
    assert commit.stat().st_ino not in inodes
    writer.close()


def test_frames_that_the_log_let_go_of_are_said_to_be_missing(tmp_path: Path, history: History) -> None:
    log = Log.open(
        tmp_path / "log",
        ManualClock(),
        LogSettings(durable=False, reserve_bytes=1 << 16, background=False, segment_bytes=1, ring_bytes=1),
    )
    for n in range(10):
        log.append([readings(n)])
    log.trim(6)
    writer = HistoryWriter.start(log, history, flush_rows=10, clock=ManualClock())
    eventually(lambda: writer.cursor == 10)
    assert writer.missing == [Missing(1, log.first - 1)]
    assert "let go of frames 1–" in str(writer.fault)
    assert rows_of_files(history) == rows_of_log(log)
    writer.close()
    log.close()


def test_small_files_are_merged_when_there_is_time(tmp_path: Path, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history_writer, "SMALL_FILES", 4)
    history = History.open(tmp_path / "merging", HistorySettings(merged_rows=1_000))
    clock = ManualClock()
    writer = HistoryWriter.start(log, history, flush_span=1.0, clock=clock)
    for n in range(9):
        log.append([readings(n)])
        eventually(lambda n=n: writer._taken == n + 1)  # type: ignore[misc]
        clock.advance(SECOND)
        eventually(lambda n=n: writer.cursor == n + 1)  # type: ignore[misc]
    writer.close()
    assert len(history.files()) <= 4
    assert rows_of_files(history) == rows_of_log(log)
    assert len(list(history.root.glob("day=*/*.parquet"))) == len(history.files())
    history.close()


def test_a_tick_each_second_does_not_put_that_off(log: Log, history: History) -> None:
    clock = ManualClock()
    writer = HistoryWriter.start(log, history, clock=clock)
    for _ in range(int(history_writer.IDLE_SPAN) + 1):
        log.append([tick()])
        eventually(lambda: writer.taken == log.last)
        clock.advance(SECOND)
    eventually(lambda: writer.cursor >= history_writer.IDLE_SPAN)
    writer.close()


def test_a_day_that_is_over_is_merged_once(log: Log, history: History) -> None:
    clock = ManualClock(START)
    writer = HistoryWriter.start(log, history, flush_span=1.0, clock=clock)

    def flush(n: int) -> int:
        """Files after one more commit."""
        log.append([readings(n)])
        eventually(lambda: writer.taken == log.last)
        clock.advance(SECOND)
        eventually(lambda: writer.cursor == log.last)
        return len(history.files())

    assert [flush(n) for n in range(3)] == [1, 2, 3]
    clock.advance(DAY)
    assert [flush(n) for n in (3, 4)] == [4, 5]  # not an hour after midnight yet
    clock.advance(HOUR)
    flush(5)
    eventually(lambda: len(history.files()) == 1)
    assert [flush(n) for n in (6, 7)] == [2, 3]  # late: left for the next day's beginning
    clock.advance(DAY)
    flush(8)
    eventually(lambda: len(history.files()) == 1)
    writer.close()
    assert rows_of_files(history) == rows_of_log(log)


def test_a_damaged_day_is_a_fault_and_everything_else_goes_on(
    log: Log, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_writer, "SMALL_FILES", 3)
    clock = ManualClock()
    writer = HistoryWriter.start(log, history, flush_span=1.0, clock=clock)

    def one_more(n: int) -> None:
        log.append([readings(n)])
        eventually(lambda: writer._taken == n + 1)
        clock.advance(SECOND)
        eventually(lambda: writer.cursor == n + 1)

    one_more(0)
    broken = history.root / history.files()[0].path
    broken.write_bytes(broken.read_bytes()[:50])
    for n in range(1, 5):
        one_more(n)
    eventually(lambda: broken.name in str(writer.fault))
    assert len(history.files()) == 5
    assert history.read(None, *ALL_TIME, holes=[]).num_rows == 40
    writer.close()


def test_a_fault_stands_until_a_commit_succeeds(log: Log, history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    really, broken = os.fsync, [True]
    seen: set[str | None] = set()

    def sync(descriptor: int) -> None:
        if broken:
            raise OSError(errno.EIO, "injected")
        really(descriptor)

    log.append([readings(0)])
    monkeypatch.setattr(os, "fsync", sync)
    writer = HistoryWriter.start(log, history, flush_rows=1, clock=ManualClock())
    eventually(lambda: writer.fault is not None)
    eventually(lambda: seen.add(writer.fault) or writer._failures > 10)  # type: ignore[func-returns-value]
    assert None not in seen
    broken.clear()
    eventually(lambda: writer.fault is None)
    assert writer.cursor == 1
    writer.close()


def test_history_and_tail_are_whole_at_every_moment(log: Log, history: History) -> None:
    writer = HistoryWriter.start(log, history, flush_rows=30, clock=ManualClock())
    whole = WholeHistory(history, log)
    for n in range(60):
        log.append([readings(n)])
        assert whole.read(None, *ALL_TIME).num_rows == 10 * (n + 1)
    writer.close()


# ── killed ──────────────────────────────────────────────────────────────────────────────────────────────────────────────────

CHILD = dedent(
    """
    import sys, itertools
    from pathlib import Path
    import numpy as np
    from anlan.model.clock import SystemClock
    from anlan.model.frames import Part
    from anlan.model.readings import Readings
    from anlan.store import history_table, history_writer
    from anlan.store.history import History, HistorySettings
    from anlan.store.history_writer import HistoryWriter
    from anlan.store.log import Log, LogSettings

    history_table.CHECKPOINT_EVERY, history_writer.SMALL_FILES = 7, 5
    folder, clock = Path(sys.argv[1]), SystemClock()
    log = Log.open(folder / "log", clock, LogSettings(reserve_bytes=1 << 16))
    history = History.open(folder / "history", HistorySettings(merged_rows=3_000))
    writer = HistoryWriter.start(log, history, flush_rows=1_500, flush_span=0.02, clock=clock)
    begun_at, said = writer.cursor, False
    for n in itertools.count(log.last + 1):
        rows = np.arange(100)
        late = (n % 7 == 0) * 86_400_000_000
        batch = Readings(rows.astype(np.uint32), 1_767_225_600_000_000 + n * 1_000 + rows - late, n + rows / 1_000, np.zeros(100, np.uint16))
        log.append([Part.of_readings(1, 1, n * 100, 0, batch)])
        if not said and writer.cursor > begun_at:
            said = print("committing", flush=True) is None
    """
)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_again_and_again_it_neither_loses_nor_doubles(tmp_path: Path) -> None:
    rng = random.Random(20261124)
    for _ in range(8):
        child = subprocess.Popen([sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        assert child.stdout.readline() == "committing\n"
        time.sleep(rng.uniform(0.0, 0.5))
        child.send_signal(signal.SIGKILL)
        child.communicate()
    log = Log.open(tmp_path / "log", SystemClock(), LOG)
    history = History.open(tmp_path / "history", incarnation=log.incarnation)
    assert 0 < history.cursor <= log.last
    writer = HistoryWriter.start(log, history, flush_rows=1_000, clock=SystemClock())
    eventually(lambda: writer._taken == log.last)
    writer.close()
    assert history.cursor == log.last
    assert rows_of_files(history) == rows_of_log(log)
    history.close()
    log.close()
