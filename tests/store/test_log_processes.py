"""The log between processes: a reader beside the writer, and a writer that is killed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import NotFound
from anlan.store.disk import Disk
from anlan.store.log import Gap, Log, LogSettings
from anlan.store.logreader import LogReader
from faults._ledger import make_part

WRITER = """
import os, sys
from pathlib import Path
from anlan.model.clock import SystemClock
from anlan.store.log import Log, LogSettings
from faults._ledger import make_part
log = Log.open(Path(sys.argv[1]), SystemClock(), LogSettings(segment_bytes=400_000, reserve_bytes=1 << 16))
for i in range(100_000):
    if log.append_fresh([make_part(1, 5, i * 50, 50)]) is not None:
        os.write(1, b"%d\\n" % i)
"""
SETTINGS = LogSettings(reserve_bytes=1 << 16)


def start_writer(folder: Path) -> subprocess.Popen[bytes]:
    """Running, and past its first new parts."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(folder)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    for _ in range(20):
        writer.stdout.readline()
    return writer


def kill(writer: subprocess.Popen[bytes]) -> int:
    """The last part it acknowledged."""
    assert writer.stdout is not None
    last = writer.stdout.readline()
    writer.kill()
    acknowledged = [last.rstrip(), *writer.stdout.read().split(b"\n")[:-1]]
    writer.stdout.close()
    writer.wait()
    return int(acknowledged[-1])


def test_a_reader_follows_a_living_writer(tmp_path: Path) -> None:
    writer = start_writer(tmp_path)
    reader = LogReader.open(tmp_path)
    after = 0
    while after < 200:
        assert reader.wait(after, 30)
        for frame in reader.read(after, 20):
            assert frame.n == after + 1
            assert frame.parts == (make_part(1, 5, after * 50, 50),)
            after = frame.n
    assert reader.holes == ()
    reader.close()
    kill(writer)


def test_nothing_acknowledged_dies_with_the_writer(tmp_path: Path) -> None:
    acknowledged = -1
    for _ in range(3):
        acknowledged = max(acknowledged, kill(start_writer(tmp_path)))
        log = Log.open(tmp_path, SystemClock(), SETTINGS)
        assert log.last > acknowledged
        assert log.append_fresh([make_part(1, 5, 0, (acknowledged + 1) * 50)]) is None
        frames = log.read(0, 1_000_000)
        assert [frame.parts for frame in frames] == [(make_part(1, 5, i * 50, 50),) for i in range(log.last)]
        log.close()


def test_a_reader_outlives_the_writer_and_meets_the_next(tmp_path: Path) -> None:
    writer = start_writer(tmp_path)
    reader = LogReader.open(tmp_path)
    reader.read(0, 5)
    kill(writer)
    seen = reader.last
    log = Log.open(tmp_path, SystemClock(), SETTINGS)
    assert log.last >= seen
    frame = log.append([make_part(2, 5, 0, 10)])
    assert reader.read(frame.n - 1) == [frame]
    assert [f.n for f in reader.read(0, 1_000_000)] == list(range(1, frame.n + 1))
    reader.close()
    log.close()


def test_the_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    log = Log.open(tmp_path, SystemClock(), SETTINGS)
    second = subprocess.run([sys.executable, "-c", WRITER, str(tmp_path)], capture_output=True, text=True, check=False)
    assert f"written by process {os.getpid()}" in second.stderr
    log.close()


def test_a_segment_that_goes_between_look_and_read_is_looked_for_again(tmp_path: Path) -> None:
    class Late(Disk):
        """Its first look is of before the trim."""

        def names(self, folder: Path) -> list[str]:
            return looks.pop(0) if looks else super().names(folder)

    log = Log.open(tmp_path, SystemClock(), LogSettings(segment_bytes=1, reserve_bytes=0))
    for i in range(3):
        log.append([make_part(1, 5, i * 10, 10)])
    looks = [Disk().names(tmp_path)]
    log.trim(3)
    reader = LogReader.open(tmp_path, disk=Late())
    with pytest.raises(Gap) as gap:
        reader.read(0)
    assert gap.value.first == 3
    reader.close()
    log.close()


def test_there_is_nothing_to_read_before_the_log_is_begun(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no log"):
        LogReader.open(tmp_path)
