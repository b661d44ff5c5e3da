"""Running out of room: readings wait, commands pass, and all is well again by itself."""

from __future__ import annotations

import errno
from collections import deque
from itertools import count
from pathlib import Path

import pytest

from anlan.model.clock import SECOND, ManualClock, SystemClock
from anlan.model.errors import LogFull, StoreError
from anlan.store.disk import Disk, held, hold
from anlan.store.log import Log, LogSettings
from anlan.store.segments import list_segments
from anlan.store.space import RESERVE
from faults._ledger import make_part, make_tick

MIB = 1 << 20
SETTINGS = LogSettings(reserve_bytes=4 * MIB, background=False)


class SmallDisk(Disk):
    """A disk of `total` bytes, of which others take what they like."""

    def __init__(self, total: int) -> None:
        self.total = total

    def free(self, folder: Path) -> int:
        used = sum(path.stat().st_size for path in folder.iterdir() if not path.name.endswith("-shm"))
        return max(0, self.total - used)

    def allocate(self, path: Path, size: int) -> None:
        if self.free(path.parent) < size:
            raise OSError(errno.ENOSPC, "no room")
        super().allocate(path, size)


def fill(log: Log) -> int:
    """Until it refuses; how many rows it took."""
    parts = (make_part(1, 5, first, 5_000) for first in count(0, 5_000))
    with pytest.raises(LogFull):
        deque((log.append([part]) for part in parts), maxlen=0)
    return log.last * 5_000


def test_a_full_disk_refuses_readings_gives_up_the_reserve_and_takes_ticks(tmp_path: Path) -> None:
    log = Log.open(tmp_path, SystemClock(), SETTINGS, disk=SmallDisk(8 * MIB))
    assert (tmp_path / RESERVE).stat().st_size == 4 * MIB
    rows = fill(log)
    assert "full" in str(log.fault)
    assert not (tmp_path / RESERVE).exists()
    assert [log.append([make_tick(i)]).n for i in range(50)] == list(range(rows // 5_000 + 1, rows // 5_000 + 51))
    log.close()


def test_room_that_returns_ends_the_fault_without_a_restart(tmp_path: Path) -> None:
    disk = SmallDisk(8 * MIB)
    log = Log.open(tmp_path, SystemClock(), SETTINGS, disk=disk)
    rows = fill(log)
    disk.total = 32 * MIB
    log.append([make_part(1, 5, rows, 5_000)])
    assert log.fault is None
    assert (tmp_path / RESERVE).stat().st_size == 4 * MIB
    assert len(log.faults) == 1
    log.close()


def test_a_start_on_a_full_disk_knows_all_and_takes_ticks(tmp_path: Path) -> None:
    log = Log.open(tmp_path, SystemClock(), SETTINGS, disk=SmallDisk(8 * MIB))
    rows = fill(log)
    log.close()
    again = Log.open(tmp_path, SystemClock(), SETTINGS, disk=SmallDisk(8 * MIB))
    assert again.last == rows // 5_000
    assert again.fresh(make_part(1, 5, 0, rows)) is None
    assert again.append([make_tick(1)]).n == again.last
    with pytest.raises(LogFull):
        again.append([make_part(1, 5, rows, 5_000)])
    again.close()


def test_the_fault_of_a_full_log_says_how_full(tmp_path: Path) -> None:
    log = Log.open(tmp_path, SystemClock(), LogSettings(max_bytes=2 * MIB, reserve_bytes=MIB, background=False))
    fill(log)
    assert "may keep 2 MiB" in str(log.fault)
    assert log.faults[0].error.text("zh") != log.faults[0].error.text("en")
    log.close()


def test_the_estimate_of_bytes_is_near_the_truth(tmp_path: Path) -> None:
    log = Log.open(tmp_path, SystemClock(), LogSettings(reserve_bytes=0, background=False))
    for i in range(40):
        log.append([make_part(1, 5, i * 5_000, 5_000)])
    for i in range(100):
        log.append([make_tick(i)])
    true = list_segments(Disk(), tmp_path)[-1].wal.stat().st_size
    assert true * 0.9 <= log.bytes_on_disk <= true * 2
    log.close()


def test_a_segment_ends_with_its_span(tmp_path: Path) -> None:
    clock = ManualClock()
    log = Log.open(tmp_path, clock, SETTINGS)
    for _ in range(3):
        log.append([make_tick(log.last)])
        clock.advance(601 * SECOND)
    assert [file.first for file in list_segments(Disk(), tmp_path)] == [1, 2, 3]
    log.close()


def test_trimming_goes_exactly_up_to_what_is_needed(tmp_path: Path) -> None:
    clock = ManualClock()
    log = Log.open(tmp_path, clock, LogSettings(reserve_bytes=0, segment_span=1, background=False))
    for i in range(6):
        log.append([make_tick(i)])
        clock.advance(2 * SECOND)
    assert [(log.trim(needs), log.first) for needs in (0, 1, 2, 5, 5, 99)] == [(0, 1), (0, 1), (1, 2), (3, 5), (0, 5), (1, 6)]
    assert len(list(tmp_path.glob("*.seg*"))) == 3
    log.close()


def test_old_segments_become_one_plain_file_and_stay_readable(tmp_path: Path) -> None:
    clock = ManualClock()
    log = Log.open(tmp_path, clock, LogSettings(reserve_bytes=0, ring_bytes=1, segment_span=1, background=False))
    written = []
    for i in range(8):
        written.append(log.append([make_part(1, 5, i * 10, 10)]))
        clock.advance(2 * SECOND)
    for _ in range(8):
        log.tend()
        clock.advance(200 * SECOND)
    wals = [file.wal.exists() for file in list_segments(Disk(), tmp_path)]
    assert wals == [False] * 3 + [True] * 5
    assert log.read(0) == written
    assert log.faults == ()
    log.close()


def test_a_start_with_a_hundred_segments_looks_only_into_the_newest(tmp_path: Path) -> None:
    clock = ManualClock()
    log = Log.open(tmp_path, clock, LogSettings(reserve_bytes=0, segment_span=1, background=False))
    for i in range(100):
        log.append([make_part(1, 5, i * 10, 10)])
        clock.advance(2 * SECOND)
    log.close()
    for file in list_segments(Disk(), tmp_path)[:-1]:
        file.path.chmod(0)
        file.path.write_bytes(b"not to be looked at")
    again = Log.open(tmp_path, clock, SETTINGS)
    assert (again.first, again.last, again.holes) == (1, 100, ())
    assert again.sequence_ends() == {1: (5, 1_000)}
    again.close()


def test_a_fresh_log_without_any_room_says_so(tmp_path: Path) -> None:
    class NoDisk(Disk):
        def rename(self, old: Path, new: Path) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(StoreError, match="No space left"):
        Log.open(tmp_path, SystemClock(), SETTINGS, disk=NoDisk())


def test_room_held_behind_a_file_leaves_its_size_and_goes_to_what_is_appended(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"x")
    hold(file, MIB)
    hold(file, MIB)
    assert file.stat().st_size == 1
    assert MIB <= held(file) < 2 * MIB
    before = held(file)
    with file.open("ab") as appending:
        appending.write(bytes(MIB // 2))
    assert held(file) == before - MIB // 2


def test_a_reserve_that_is_given_up_goes_to_the_segment_being_written(tmp_path: Path) -> None:
    log = Log.open(tmp_path, SystemClock(), SETTINGS, disk=SmallDisk(8 * MIB))
    fill(log)
    assert held(list_segments(Disk(), tmp_path)[-1].wal) >= 2 * MIB
    log.close()
