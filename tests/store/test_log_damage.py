"""Damaged files: what is gone is said exactly, what is left is served, and no wrong byte is."""

from __future__ import annotations

import os
import random
from pathlib import Path

import apsw
import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import StoreError
from anlan.model.frames import Frame
from anlan.store.disk import Disk
from anlan.store.log import Log, LogSettings
from anlan.store.logreader import LogReader
from anlan.store.segments import PAGE_SIZE, SegmentFile, list_segments, seal
from anlan.store.walcheck import count_commits
from faults._ledger import make_part

SETTINGS = LogSettings(reserve_bytes=1 << 16, background=False)
FRAMES = 12


def begin(folder: Path) -> list[Frame]:
    """A log of one segment, closed as a killed process leaves it."""
    log = Log.open(folder, SystemClock(), SETTINGS)
    frames = [log.append([make_part(1, 5, i * 100, 100), make_part(2, 5, i * 1000, 1000)]) for i in range(FRAMES)]
    log.close()
    return frames


def first_segment(folder: Path) -> Path:
    return list_segments(Disk(), folder)[0].path


def overwrite(path: Path, sql: str, *values: object) -> None:
    connection = apsw.Connection(str(path))
    connection.execute(sql, values)
    connection.close()


def read_back(folder: Path) -> tuple[list[Frame], Log]:
    log = Log.open(folder, SystemClock(), SETTINGS)
    return log.read(0, 1_000), log


def flip(path: Path, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(bit // 8)
        byte = file.read(1)[0]
        file.seek(bit // 8)
        file.write(bytes([byte ^ 1 << bit % 8]))


def ruin(file: SegmentFile) -> None:
    """Garbage in the place of the database and of the first page in its WAL."""
    file.path.write_bytes(os.urandom(3 * PAGE_SIZE))
    with file.wal.open("r+b") as wal:
        wal.write(os.urandom(PAGE_SIZE))
    file.shm.unlink()


def test_a_damaged_body_is_an_exact_hole(tmp_path: Path) -> None:
    written = begin(tmp_path)
    change = "UPDATE frame SET bodies = substr(bodies, 1, 100) || x'5555' || substr(bodies, 103) WHERE n = 5"
    overwrite(first_segment(tmp_path), change)
    frames, log = read_back(tmp_path)
    assert [frame.n for frame in frames] == list(range(1, FRAMES + 1))
    assert frames[4].parts == (written[4].parts[1],)
    assert [f for f in frames if f.n != 5] == [f for f in written if f.n != 5]
    assert [(h.first, h.last, [(p.source, p.epoch, p.first_seq, p.rows) for p in h.parts or ()]) for h in log.holes] == [
        (5, 5, [(1, 5, 400, 100)])
    ]
    assert "damaged" in str(log.fault)
    assert log.faults[0].error.facts["lost"] == [{"source": 1, "epoch": 5, "first_seq": 400, "rows": 100, "kind": 1}]
    log.close()


def test_damaged_heads_are_read_from_their_copy(tmp_path: Path) -> None:
    written = begin(tmp_path)
    overwrite(first_segment(tmp_path), "UPDATE frame SET heads = zeroblob(10) WHERE n = 5")
    frames, log = read_back(tmp_path)
    assert frames == written
    assert log.holes == ()
    log.close()


def test_without_any_heads_the_whole_frame_is_a_hole(tmp_path: Path) -> None:
    written = begin(tmp_path)
    overwrite(first_segment(tmp_path), "UPDATE frame SET heads = zeroblob(10), again = zeroblob(10) WHERE n = 5")
    frames, log = read_back(tmp_path)
    assert frames[4] == Frame(5, ())
    assert [f for f in frames if f.n != 5] == [f for f in written if f.n != 5]
    assert [(h.first, h.last, h.parts) for h in log.holes] == [(5, 5, None)]
    log.close()


def test_a_missing_frame_is_a_hole(tmp_path: Path) -> None:
    begin(tmp_path)
    overwrite(first_segment(tmp_path), "DELETE FROM frame WHERE n = 5")
    frames, log = read_back(tmp_path)
    assert frames[4] == Frame(5, ())
    assert [(h.first, h.last) for h in log.holes] == [(5, 5)]
    log.close()


def test_a_bit_that_flips_in_the_wal_does_not_end_the_log_in_silence(tmp_path: Path) -> None:
    begin(tmp_path)
    wal = list_segments(Disk(), tmp_path)[0].wal
    wal.with_name(wal.name.replace("-wal", "-shm")).unlink()
    flip(wal, wal.stat().st_size * 8 // 3)  # SQLite calls all that follows a torn tail
    frames, log = read_back(tmp_path)
    assert log.last == FRAMES
    (hole,) = log.holes
    assert (hole.last, log.append([make_part(3, 5, 0, 10)]).n) == (FRAMES, FRAMES + 1)
    assert [frame.n for frame in frames] == list(range(1, FRAMES + 1))
    assert all(frame.parts == () for frame in frames[hole.first - 1 :])
    assert log.fault is not None
    log.close()


def test_rows_behind_the_damage_are_wanted_again(tmp_path: Path) -> None:
    begin(tmp_path)
    wal = list_segments(Disk(), tmp_path)[0].wal
    flip(wal, wal.stat().st_size * 8 // 3)
    wal.with_name(wal.name.replace("-wal", "-shm")).unlink()
    _, log = read_back(tmp_path)
    assert log.fresh(make_part(1, 5, 1100, 100)) == make_part(1, 5, 1100, 100)
    assert log.fresh(make_part(1, 5, 0, 100)) is None
    log.close()


@pytest.mark.parametrize("seed", range(40))
def test_any_damage_to_an_old_segment_is_told_and_no_wrong_row_is_served(seed: int, tmp_path: Path) -> None:
    written = begin(tmp_path)
    Log.open(tmp_path, SystemClock(), SETTINGS).close()  # its successor
    file = list_segments(Disk(), tmp_path)[0]
    seal(Disk(), file)
    harm(file.path, random.Random(seed))
    check_harm(tmp_path, written, reached=0)


@pytest.mark.parametrize("seed", range(40))
def test_any_damage_to_the_newest_segment_is_told_and_no_wrong_row_is_served(seed: int, tmp_path: Path) -> None:
    written = begin(tmp_path)
    file = list_segments(Disk(), tmp_path)[0]
    file.shm.unlink()
    harm(file.wal, random.Random(seed))
    # Of its very last commit a WAL cannot tell whether it was damaged or never finished; a reader that had it can.
    check_harm(tmp_path, written, reached=FRAMES)


def harm(path: Path, chance: random.Random) -> None:
    """One flipped bit, or 4 KiB of zeros."""
    at = chance.randrange(path.stat().st_size)
    if chance.random() < 0.5:
        flip(path, at * 8 + chance.randrange(8))
        return
    with path.open("r+b") as file:
        file.seek(at // 4096 * 4096)
        file.write(bytes(4096))


def check_harm(folder: Path, written: list[Frame], reached: int) -> None:
    log = Log.open(folder, SystemClock(), SETTINGS, reached=lambda incarnation: reached)
    frames = log.read(0, 1_000)
    assert log.last >= FRAMES
    assert [frame.n for frame in frames] == list(range(1, log.last + 1))
    assert {part for frame in frames for part in frame.parts} <= {part for frame in written for part in frame.parts}
    assert all(frame == original or _covered(frame.n, log) for frame, original in zip(frames, written, strict=False))
    log.close()


def _covered(n: int, log: Log) -> bool:
    return any(hole.first <= n <= hole.last for hole in log.holes)


def test_an_unreadable_segment_is_a_hole_and_the_log_goes_on(tmp_path: Path) -> None:
    written = begin(tmp_path)
    second = Log.open(tmp_path, SystemClock(), SETTINGS)
    written.append(second.append([make_part(1, 5, 5000, 10)]))
    second.close()
    file = list_segments(Disk(), tmp_path)[0]
    ruin(file)
    frames, log = read_back(tmp_path)
    assert [frame.n for frame in frames] == list(range(1, FRAMES + 2))
    assert frames[-2:] == written[-2:]
    assert all(frame.parts == () for frame in frames[:-2])
    log.close()


def test_an_unreadable_newest_segment_does_not_stop_the_start(tmp_path: Path) -> None:
    begin(tmp_path)
    second = Log.open(tmp_path, SystemClock(), SETTINGS)
    second.append([make_part(1, 5, 1200, 10)])
    name = second.incarnation
    second.close()
    newest = list_segments(Disk(), tmp_path)[-1]
    ruin(newest)
    log = Log.open(tmp_path, SystemClock(), SETTINGS)
    assert log.incarnation == name
    assert log.last > FRAMES
    assert [(hole.first, hole.last) for hole in log.holes] == [(FRAMES, log.last)]
    assert log.fresh(make_part(1, 5, 1200, 10)) == make_part(1, 5, 1200, 10)
    assert log.append([make_part(1, 5, 1200, 10)]).n == log.last
    log.close()


def test_a_later_format_is_refused_by_name(tmp_path: Path) -> None:
    begin(tmp_path)
    (tmp_path / "log.json").write_text('{"format": 99, "incarnation": "0"}')
    with pytest.raises(StoreError, match="later release"):
        Log.open(tmp_path, SystemClock(), SETTINGS)


def test_every_hole_is_a_fault_until_a_person_has_seen_it(tmp_path: Path) -> None:
    begin(tmp_path)
    overwrite(first_segment(tmp_path), "DELETE FROM frame WHERE n IN (3, 7)")
    _, log = read_back(tmp_path)
    log.read(0, 1_000)
    assert [fault.error.facts["first"] for fault in log.faults] == [3, 7]
    assert log.fault is not None
    log.clear_fault()
    assert log.fault is None
    log.close()


def test_a_reader_elsewhere_has_the_hole_too(tmp_path: Path) -> None:
    begin(tmp_path)
    overwrite(first_segment(tmp_path), "DELETE FROM frame WHERE n = 5")
    reader = LogReader.open(tmp_path)
    assert reader.read(4, 1) == [Frame(5, ())]
    assert [(h.first, h.last) for h in reader.holes] == [(5, 5)]
    reader.close()


def test_positions_that_a_reader_has_are_not_given_out_again(tmp_path: Path) -> None:
    written = begin(tmp_path)
    log = Log.open(tmp_path, SystemClock(), SETTINGS, reached={LogReader.open(tmp_path).incarnation: FRAMES + 3}.__getitem__)
    assert log.append([make_part(3, 5, 0, 10)]).n == FRAMES + 4
    assert [(hole.first, hole.last) for hole in log.holes] == [(FRAMES + 1, FRAMES + 3)]
    assert log.read(0, 1_000)[:FRAMES] == written
    log.close()


def test_what_readers_have_of_another_log_counts_for_nothing(tmp_path: Path) -> None:
    asked: list[str] = []
    log = Log.open(tmp_path / "new", SystemClock(), SETTINGS, reached=lambda incarnation: asked.append(incarnation) or 99)
    assert (asked, log.last, log.holes) == ([], 0, ())
    log.close()


def test_a_commit_that_was_cut_off_is_no_damage(tmp_path: Path) -> None:
    written = begin(tmp_path)
    file = list_segments(Disk(), tmp_path)[0]
    file.shm.unlink()
    os.truncate(file.wal, file.wal.stat().st_size - 5_000)
    frames, log = read_back(tmp_path)
    assert frames == written[:-1]
    assert (log.holes, log.fault) == ((), None)
    log.close()


def test_commits_are_counted_by_their_headers(tmp_path: Path) -> None:
    begin(tmp_path)
    assert count_commits(list_segments(Disk(), tmp_path)[0].wal, PAGE_SIZE) == FRAMES + 1
    assert count_commits(tmp_path / "none-wal", PAGE_SIZE) == 0


def test_a_commit_whose_last_header_is_gone_still_counts(tmp_path: Path) -> None:
    begin(tmp_path)
    wal = list_segments(Disk(), tmp_path)[0].wal
    ends = [
        offset
        for offset in range(32, wal.stat().st_size, PAGE_SIZE + 24)
        if wal.read_bytes()[offset + 4 : offset + 8] != bytes(4)
    ]
    with wal.open("r+b") as file:
        file.seek(ends[-2])
        file.write(bytes(24))
    assert count_commits(wal, PAGE_SIZE) == FRAMES + 1
