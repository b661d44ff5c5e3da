"""Steps that the records cannot take wait in their order and are written when there is room: on a disk that is really full."""

from __future__ import annotations

import os
import struct
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import orjson
import pytest

from anlan.guard import audit
from anlan.guard.audit import Step
from anlan.guard.audit_spool import Spool
from anlan.guard.service import Guard
from anlan.guard.verifying import verify
from anlan.model.clock import SECOND, ManualClock
from anlan.model.errors import Corrupt, StoreError
from anlan.store.records import Records

SIZE = 1 << 16


def step(n: int, action: str = "alarm.acknowledge") -> Step:
    return Step(at=n * SECOND, who="li", action=action, subject="AT-203.HH", after={"n": n}, reason="现场确认")


@pytest.fixture(scope="module")
def blank(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("blank") / "records.db"
    records = Records.open(path)
    records.migrate({"guard": "anlan.guard"})
    records.close()
    return path.read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB of its own."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(tmp_path)], capture_output=True, text=True, check=False
    )
    if os.geteuid() != 0 or done.returncode:
        pytest.skip(f"a disk of its own can only be mounted by root: {done.stderr}")
    yield tmp_path
    subprocess.run(["umount", "-l", str(tmp_path)], check=True)


@pytest.fixture
def guard(disk: Path, blank: bytes) -> Iterator[Guard]:
    (disk / "records.db").write_bytes(blank)
    records, spool = Records.open(disk / "records.db"), Spool.open(disk / "audit.waiting", SIZE)
    yield Guard(records, ManualClock(), spool=spool)
    spool.close()
    records.close()


def fill(disk: Path) -> None:
    """Not a byte is left."""
    with (disk / "filler").open("ab", buffering=0) as file:
        block = b"x" * 65_536
        while block:
            try:
                file.write(block)
            except OSError:
                block = block[: len(block) // 2]


def numbers(guard: Guard, action: str = "alarm.acknowledge") -> list[int]:
    with guard.records.reading() as session:
        return [leaf.after["n"] for leaf in audit.read(session, 0, 10_000) if leaf.action == action and leaf.after]


def change_and_fail(guard: Guard) -> None:
    with guard.records.session() as session:
        audit.append(session, step(1000))
        raise LookupError


def exhaust(guard: Guard, disk: Path) -> int:
    """Record steps until one waits: SQLite may still have room inside its own file. How many were taken in all."""
    fill(disk)
    taken = 0
    while guard.waiting() is None:
        taken += 1
        guard.record(step(taken))
    return taken


def test_a_full_disk_stops_no_step_and_loses_none(guard: Guard, disk: Path) -> None:
    for n in range(-2, 1):
        guard.record(step(n))
    taken = exhaust(guard, disk)
    for n in range(taken + 1, taken + 21):
        assert guard.record(step(n)) is None
    waiting = guard.waiting()
    assert waiting is not None
    assert "21 steps wait" in str(waiting)
    assert "21 个步骤按顺序等待补写" in waiting.text("zh")
    with pytest.raises(StoreError):
        guard.write_waiting()
    assert len(guard.spool or ()) == 21
    (disk / "filler").unlink()
    guard.write_waiting()
    assert guard.waiting() is None
    assert numbers(guard) == list(range(-2, taken + 21))
    with guard.records.reading() as session:
        assert verify(session).difference is None


def test_what_waits_stands_before_what_comes_after(guard: Guard, disk: Path) -> None:
    taken = exhaust(guard, disk)
    (disk / "filler").unlink()
    with guard.records.session() as session:
        audit.append(session, step(taken + 1))
        audit.append(session, step(taken + 2))
    assert numbers(guard) == list(range(1, taken + 3))
    assert guard.waiting() is None


def test_what_waits_outlives_the_process(guard: Guard, disk: Path) -> None:
    taken = exhaust(guard, disk)
    guard.record(step(taken + 1))
    (disk / "filler").unlink()
    again = Guard(guard.records, ManualClock(), spool=Spool.open(disk / "audit.waiting", SIZE))
    assert [one.step.after for one in (again.spool.waiting() if again.spool else [])] == [{"n": taken}, {"n": taken + 1}]
    again.write_waiting()
    assert numbers(again) == list(range(1, taken + 2))


def test_a_death_between_writing_and_forgetting_writes_nothing_twice(guard: Guard, disk: Path) -> None:
    taken = exhaust(guard, disk)
    kept = (disk / "audit.waiting").read_bytes()
    (disk / "filler").unlink()
    guard.write_waiting()
    (disk / "audit.waiting").write_bytes(kept)
    again = Guard(guard.records, ManualClock(), spool=Spool.open(disk / "audit.waiting", SIZE))
    again.write_waiting()
    assert numbers(again) == list(range(1, taken + 1))


def test_a_change_that_fails_leaves_the_steps_waiting(guard: Guard, disk: Path) -> None:
    exhaust(guard, disk)
    (disk / "filler").unlink()
    with pytest.raises(LookupError):
        change_and_fail(guard)
    assert guard.waiting() is not None
    guard.write_waiting()
    assert guard.waiting() is None


def test_steps_without_room_to_wait_are_counted_and_the_count_is_a_leaf(guard: Guard, disk: Path) -> None:
    taken = exhaust(guard, disk)
    refused = 0
    while not refused:
        taken += 1
        try:
            guard.record(step(taken))
        except StoreError:
            refused = taken
    with pytest.raises(StoreError, match="2 steps are not kept"):
        guard.record(step(taken + 1))
    assert "2 found no room" in str(guard.waiting())
    (disk / "filler").unlink()
    guard.write_waiting()
    assert numbers(guard) == list(range(1, refused))
    with guard.records.reading() as session:
        last = audit.read(session, 0, 10_000)[-1]
    assert (last.action, last.who, last.after) == ("audit.not-kept", "node", {"steps": 2})
    guard.record(step(refused))
    assert guard.waiting() is None


def test_the_room_is_taken_at_the_start_and_stays_of_one_size(guard: Guard, disk: Path) -> None:
    file = disk / "audit.waiting"
    assert file.stat().st_size == SIZE
    assert file.stat().st_blocks * 512 >= SIZE
    exhaust(guard, disk)
    assert file.stat().st_size == SIZE
    assert file.stat().st_mode & 0o777 == 0o600


def test_old_entries_do_not_come_back(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "waiting", SIZE)
    for n in range(5):
        spool.keep(step(n))
    spool.written(5, 0)
    spool.keep(step(9))
    assert [one.step.after for one in Spool.open(tmp_path / "waiting").waiting()] == [{"n": 9}]
    spool.keep(step(10))
    spool.written(6, 0)
    assert [one.step.after for one in Spool.open(tmp_path / "waiting").waiting()] == [{"n": 10}]


def test_a_damaged_entry_is_counted_as_not_kept(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "waiting", SIZE)
    spool.keep(step(1))
    spool.keep(step(2))
    content = bytearray((tmp_path / "waiting").read_bytes())
    content[content.rindex(b'"n":2')] = 0
    (tmp_path / "waiting").write_bytes(content)
    again = Spool.open(tmp_path / "waiting")
    assert len(again) == 1
    assert again.not_kept == 1


def test_a_foreign_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "waiting").write_bytes(b"something else" * 10)
    with pytest.raises(Corrupt, match="header is wrong"):
        Spool.open(tmp_path / "waiting")


@pytest.fixture
def beside(tmp_path: Path, blank: bytes) -> Iterator[Guard]:
    """On the disk of all tests: nothing need be full here."""
    (tmp_path / "records.db").write_bytes(blank)
    records, spool = Records.open(tmp_path / "records.db"), Spool.open(tmp_path / "audit.waiting", SIZE)
    yield Guard(records, ManualClock(), spool=spool)
    spool.close()
    records.close()


def the_spool(guard: Guard) -> Spool:
    assert guard.spool is not None
    return guard.spool


def broken(offset: int, data: bytes) -> None:
    raise StoreError("EIO")


def test_between_a_commit_and_its_forgetting_the_next_writer_waits(beside: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = the_spool(beside)
    spool.keep(step(1))
    spool.keep(step(2))
    forget, committed, go_on = spool.written, threading.Event(), threading.Event()

    def slow(*told: int) -> None:
        committed.set()
        go_on.wait(5)
        forget(*told)

    monkeypatch.setattr(spool, "written", slow)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(beside.write_waiting)
        assert committed.wait(5)
        spool.keep(step(3))
        second = pool.submit(beside.write_waiting)
        time.sleep(0.2)
        go_on.set()
        first.result(5)
        second.result(5)
    assert numbers(beside) == [1, 2, 3]
    assert beside.waiting() is None


def test_what_cannot_be_forgotten_is_not_written_again(beside: Guard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spool = the_spool(beside)
    for n in range(1, 4):
        spool.keep(step(n))
    with monkeypatch.context() as failing:
        failing.setattr(spool, "_write", broken)
        for n in range(4, 7):
            with beside.records.session() as session:
                audit.append(session, step(n))
    assert numbers(beside) == [1, 2, 3, 4, 5, 6]
    spool.keep(step(7))
    again = Guard(beside.records, ManualClock(), spool=Spool.open(tmp_path / "audit.waiting", SIZE))
    again.write_waiting()
    assert numbers(again) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize("at", [0, 20])
def test_one_flipped_byte_costs_one_step(tmp_path: Path, at: int) -> None:
    """In the length of the entry, and in its text."""
    spool = Spool.open(tmp_path / "waiting", SIZE)
    for n in range(10):
        spool.keep(step(n))
    content = bytearray((tmp_path / "waiting").read_bytes())
    content[32 + at] ^= 1
    (tmp_path / "waiting").write_bytes(content)
    again = Spool.open(tmp_path / "waiting")
    assert (len(again), again.not_kept) == (9, 1)


def test_a_block_that_was_zeroed_costs_only_what_stood_there(tmp_path: Path) -> None:
    spool = Spool.open(tmp_path / "waiting", SIZE)
    for n in range(40):
        spool.keep(step(n))
    content = bytearray((tmp_path / "waiting").read_bytes())
    content[512:1024] = bytes(512)
    (tmp_path / "waiting").write_bytes(content)
    again = Spool.open(tmp_path / "waiting")
    assert 30 < len(again) < 40
    assert len(again) + again.not_kept == 40


def test_a_step_that_the_disk_refuses_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = Spool.open(tmp_path / "waiting", SIZE)
    spool.keep(step(1))

    def refused(descriptor: int, data: bytes, offset: int) -> int:
        raise OSError(5, "EIO")

    with monkeypatch.context() as failing:
        failing.setattr(os, "pwrite", refused)
        with pytest.raises(StoreError, match="could not be kept"):
            spool.keep(step(2))
    assert (len(spool), spool.not_kept) == (1, 1)
    spool.keep(step(3))
    again = Spool.open(tmp_path / "waiting")
    assert (len(again), again.not_kept) == (2, 1)


def test_entries_without_a_number_are_read(tmp_path: Path) -> None:
    """As an earlier version wrote them."""
    bodies = [orjson.dumps(asdict(step(n))) for n in range(3)]
    entries = b"".join(struct.pack("<II", len(body), zlib.crc32(body)) + body for body in bodies)
    (tmp_path / "waiting").write_bytes((struct.pack("<8sQQ8x", b"anlanAW1", 32, 0) + entries).ljust(SIZE, b"\0"))
    spool = Spool.open(tmp_path / "waiting")
    assert (len(spool), spool.not_kept) == (3, 0)
    spool.written(spool.waiting()[-1].number, 0)
    assert len(Spool.open(tmp_path / "waiting")) == 0
