"""What every log must do, whatever keeps it: named checks, run against each implementation through a factory.

A new implementation adds its factory to FACTORIES. A check gets a factory and opens, closes and reopens logs through it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import LogFull, StoreError
from anlan.model.frames import Frame, Kind, Part
from anlan.model.readings import Readings
from anlan.store.log import Gap, Log, LogSettings
from anlan.store.logreader import LogReader

SMALL = LogSettings(segment_bytes=120_000, reserve_bytes=1 << 16, ring_bytes=2_000)


class LogFactory(Protocol):
    """Opens the same log each time it is called, as a process does that starts again."""

    def __call__(self, **changed: Any) -> Log: ...

    def reader(self) -> LogReader: ...


class SegmentLogs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, **changed: Any) -> Log:
        settings = {name: getattr(SMALL, name) for name in SMALL.__dataclass_fields__} | changed
        return Log.open(self.folder, SystemClock(), LogSettings(**settings))

    def reader(self) -> LogReader:
        return LogReader.open(self.folder)


def readings_part(first_seq: int, rows: int = 10, source: int = 1, epoch: int = 7) -> Part:
    seq = np.arange(first_seq, first_seq + rows)
    readings = Readings(np.full(rows, source, np.uint32), seq.astype(np.int64), seq.astype(np.float64), np.zeros(rows, np.uint16))
    return Part.of_readings(source, epoch, first_seq, 1_000, readings)


def tick_part(now: int) -> Part:
    return Part(Kind.TICK, 0, 1, now, now, 0, b'{"now":%d}' % now)


def fill(log: Log, frames: int, rows: int = 50) -> list[Frame]:
    start = log.last
    return [log.append([readings_part((start + i) * rows, rows)]) for i in range(frames)]


def read_all(log: Log | LogReader, after: int = 0) -> list[Frame]:
    frames: list[Frame] = []
    while batch := log.read(after, 7):
        frames += batch
        after = batch[-1].n
    return frames


class LogContract:
    """The checks. Each takes a factory of empty logs."""

    def check_an_empty_log_has_no_frames(self, logs: LogFactory) -> None:
        log = logs()
        assert (log.last, log.first, log.read(0), log.fault) == (0, 1, [], None)
        log.close()

    def check_positions_count_from_one_without_holes(self, logs: LogFactory) -> None:
        log = logs()
        assert [frame.n for frame in fill(log, 30)] == list(range(1, 31))
        log.close()

    def check_what_is_read_is_what_was_appended(self, logs: LogFactory) -> None:
        log = logs()
        written = [log.append([readings_part(i * 10), tick_part(i), readings_part(i * 5, 5, source=2)]) for i in range(20)]
        assert read_all(log) == written
        log.close()

    def check_frames_outlive_the_process(self, logs: LogFactory) -> None:
        log = logs()
        written = fill(log, 25)
        log.close()
        again = logs()
        assert read_all(again) == written
        assert again.last == 25
        again.close()

    def check_positions_go_on_after_a_restart(self, logs: LogFactory) -> None:
        for start in range(4):
            log = logs()
            assert [frame.n for frame in fill(log, 3)] == [start * 3 + 1, start * 3 + 2, start * 3 + 3]
            log.close()
        again = logs()
        assert [frame.n for frame in read_all(again)] == list(range(1, 13))
        again.close()

    def check_the_incarnation_stays(self, logs: LogFactory) -> None:
        log = logs()
        name = log.incarnation
        log.close()
        again = logs()
        assert again.incarnation == name
        assert len(bytes.fromhex(name)) == 16
        again.close()

    def check_a_limit_is_kept(self, logs: LogFactory) -> None:
        log = logs()
        fill(log, 20)
        assert [frame.n for frame in log.read(3, 4)] == [4, 5, 6, 7]
        assert [frame.n for frame in log.read(18, 4)] == [19, 20]
        log.close()

    def check_a_frame_may_be_large(self, logs: LogFactory) -> None:
        log = logs()
        frame = log.append([readings_part(0, 100_000)])
        assert log.read(0) == [frame]
        log.close()
        again = logs()
        assert again.read(0) == [frame]
        again.close()

    def check_trimming_lets_go_only_what_nobody_needs(self, logs: LogFactory) -> None:
        log = logs()
        fill(log, 40)
        before = log.bytes_on_disk
        assert log.trim(20) > 0
        assert 1 < log.first <= 20
        assert log.bytes_on_disk < before
        assert [frame.n for frame in read_all(log, log.first - 1)] == list(range(log.first, 41))
        log.close()

    def check_a_reader_that_was_overtaken_is_told(self, logs: LogFactory) -> None:
        log = logs()
        fill(log, 40)
        log.trim(40)
        with pytest.raises(Gap) as gap:
            log.read(0)
        assert gap.value.first == log.first
        log.close()

    def check_the_newest_frame_is_never_trimmed(self, logs: LogFactory) -> None:
        log = logs()
        fill(log, 40)
        log.trim(1_000)
        log.close()
        again = logs()
        assert again.last == 40
        assert again.read(39)[0].n == 40
        again.close()

    def check_waiting_ends_with_the_next_frame(self, logs: LogFactory) -> None:
        log = logs()
        answers: list[bool] = []
        waiting = threading.Thread(target=lambda: answers.append(log.wait(0, 30)))
        waiting.start()
        fill(log, 1)
        waiting.join()
        assert answers == [True]
        log.close()

    def check_waiting_ends_with_a_wake(self, logs: LogFactory) -> None:
        log = logs()
        answers: list[bool] = []
        waiting = threading.Thread(target=lambda: answers.append(log.wait(0, 30)))
        waiting.start()
        deadline = time.monotonic() + 10
        while waiting.is_alive() and time.monotonic() < deadline:
            log.wake()  # the first may come before it waits
            waiting.join(0.01)
        assert answers == [False]
        log.close()

    def check_waiting_ends_with_its_time(self, logs: LogFactory) -> None:
        log = logs()
        assert log.wait(0, 0.01) is False
        log.close()

    def check_appends_from_many_threads_make_one_order(self, logs: LogFactory) -> None:
        log = logs()

        def source(number: int) -> None:
            for i in range(20):
                log.append([readings_part(i * 3, 3, source=number)])

        threads = [threading.Thread(target=source, args=(number,)) for number in (1, 2, 3, 4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        frames = read_all(log)
        assert [frame.n for frame in frames] == list(range(1, 81))
        assert [p.first_seq for f in frames for p in f.parts if p.source == 3] == [i * 3 for i in range(20)]
        log.close()

    def check_known_rows_are_known_after_a_restart(self, logs: LogFactory) -> None:
        log = logs()
        fill(log, 30, rows=50)
        log.close()
        again = logs()
        assert again.sequence_ends() == {1: (7, 1_500)}
        assert again.fresh(readings_part(1_400, 100)) is None
        assert again.fresh(readings_part(1_450, 100)) == readings_part(1_500, 50)
        assert again.fresh(readings_part(1_400, 100, epoch=8)) == readings_part(1_400, 100, epoch=8)
        again.close()

    def check_known_rows_are_not_kept_twice(self, logs: LogFactory) -> None:
        log = logs()
        log.append([readings_part(0, 10)])
        frame = log.append_fresh([readings_part(5, 10), readings_part(5, 20), tick_part(1)])
        assert frame is not None
        assert frame.parts == (readings_part(10, 5), readings_part(15, 10), tick_part(1))
        assert log.append_fresh([readings_part(0, 25)]) is None
        assert log.last == 2
        log.close()

    def check_a_full_log_refuses_readings_and_takes_commands(self, logs: LogFactory) -> None:
        log = logs(max_bytes=400_000, reserve_bytes=1 << 20)
        with pytest.raises(LogFull):
            fill(log, 1_000)
        assert log.fault is not None
        log.append([tick_part(1)])
        log.trim(log.last)
        fill(log, 1)
        assert log.fault is None
        log.close()

    def check_a_closed_log_says_so(self, logs: LogFactory) -> None:
        log = logs()
        log.close()
        with pytest.raises(StoreError, match="closed"):
            log.append([tick_part(1)])

    def check_a_second_writer_is_turned_away(self, logs: LogFactory) -> None:
        log = logs()
        with pytest.raises(StoreError, match=r"written by process \d+"):
            logs()
        log.close()
        logs().close()

    def check_another_process_reads_the_same(self, logs: LogFactory) -> None:
        log = logs()
        reader = logs.reader()
        written = fill(log, 20)
        assert read_all(reader) == written
        written += fill(log, 20)
        assert read_all(reader, 20) == written[20:]
        assert (reader.last, reader.first, reader.incarnation) == (40, 1, log.incarnation)
        reader.close()
        log.close()

    def check_another_process_is_told_when_overtaken(self, logs: LogFactory) -> None:
        log = logs()
        reader = logs.reader()
        fill(log, 20)
        assert reader.read(0, 1)[0].n == 1
        fill(log, 20)
        log.trim(40)
        with pytest.raises(Gap) as gap:
            reader.read(0)
        assert gap.value.first == log.first == reader.first
        reader.close()
        log.close()


FACTORIES: dict[str, Callable[[Path], LogFactory]] = {"segments": SegmentLogs}
CHECKS = [name for name in vars(LogContract) if name.startswith("check_")]


@pytest.mark.parametrize("implementation", FACTORIES)
@pytest.mark.parametrize("check", CHECKS)
def test_contract(check: str, implementation: str, tmp_path: Path) -> None:
    getattr(LogContract(), check)(FACTORIES[implementation](tmp_path / "log"))
