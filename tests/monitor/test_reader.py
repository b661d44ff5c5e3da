"""The engine's thread on a real log: recover, decide, commit, tell; crashes, other logs, a journal that can't be written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from engine_leading import lead, tell
from engine_stories import OWN, make_story

from anlan.model.clock import SystemClock
from anlan.model.events.alarms import AlarmState, AlarmTransition
from anlan.model.frames import Frame, Part
from anlan.monitor.journal import JournalReader
from anlan.monitor.reader import SNAPSHOT_SPAN, EngineReader
from anlan.monitor.recovery import same
from anlan.store.log import Log, LogSettings

PARTS = tell(make_story(17, 200)).parts


class Node:
    """A folder with a log and the engine on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.told: list[AlarmTransition] = []
        self.at_telling: list[int] = []
        self.log = Log.open(folder / "log", SystemClock(), LogSettings(background=False))
        self.reader = EngineReader(self.log, self.path, folder / "snapshots", SystemClock(), self._tell)
        self.reader.start()

    @property
    def path(self) -> Path:
        return self.folder / "alarms.db"

    def _tell(self, transitions: Any) -> None:
        self.told += transitions
        self.at_telling.append(JournalReader.open(self.path).last)

    def give(self, parts: list[Part]) -> None:
        for part in parts:
            self.log.append([part])

    def decided(self) -> None:
        wait_for(lambda: self.reader.done == self.log.last)

    def close(self) -> None:
        self.reader.close()
        self.log.close()


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "the condition never came true"
        time.sleep(0.005)


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    node = Node(tmp_path)
    yield node
    node.close()


def expected() -> list[AlarmTransition]:
    found, _ = lead(PARTS)
    return [event for one in found for event in one.events()]


def all_same(left: list[AlarmTransition], right: list[AlarmTransition]) -> bool:
    return len(left) == len(right) and all(same(a, b) for a, b in zip(left, right, strict=True))


def test_what_is_told_is_what_the_engine_decides_and_is_committed_before(node: Node) -> None:
    node.give(PARTS)
    node.decided()
    assert all_same(node.told, expected())
    assert all_same(JournalReader.open(node.path).read(0, 10_000), expected())
    assert node.at_telling[-1] == node.told[-1].n == node.reader.journal_last
    assert all(last > 0 for last in node.at_telling)
    assert node.reader.fault is None


@pytest.mark.slow
def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    for start, end in ((0, 50), (50, 51), (51, 130), (130, len(PARTS))):
        node = Node(tmp_path)
        node.give(PARTS[start:end])
        node.decided()
        assert node.reader.fault is None
        node.close()
    assert all_same(JournalReader.open(node.path).read(0, 10_000), expected())


def test_what_had_to_be_stepped_again_is_soon_in_a_snapshot(tmp_path: Path) -> None:
    """A core that is killed again and again, each time before its next snapshot, would otherwise take longer each time."""
    node = Node(tmp_path)
    node.give(PARTS[:10])
    node.decided()
    node.close()
    shutil.copytree(tmp_path / "snapshots", tmp_path / "kept")
    node = Node(tmp_path)
    node.give(PARTS[10:])
    node.decided()
    node.close()
    shutil.rmtree(tmp_path / "snapshots")
    (tmp_path / "kept").rename(tmp_path / "snapshots")
    node = Node(tmp_path)
    assert node.reader.done == node.log.last
    wait_for(lambda: node.reader.needs == node.log.last, seconds=SNAPSHOT_SPAN / 2)
    assert node.reader.fault is None
    node.close()
    assert all_same(JournalReader.open(node.path).read(0, 10_000), expected())


def test_without_its_snapshots_it_decides_again_and_finds_the_same(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.give(PARTS)
    node.decided()
    node.close()
    shutil.rmtree(tmp_path / "snapshots")
    again = Node(tmp_path)
    again.close()
    assert (again.reader.fault, again.told) == (None, [])
    assert again.reader.counters()["recovered"]["frames"] == len(PARTS)


def test_a_stored_transition_that_differs_is_a_fault_that_names_it(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.give(PARTS)
    node.decided()
    node.close()
    shutil.rmtree(tmp_path / "snapshots")
    apsw.Connection(str(node.path)).execute("UPDATE transition SET value = 123.5 WHERE n IN (7, 9)")
    again = Node(tmp_path)
    again.close()
    assert again.reader.fault is not None
    assert "transition 7 was decided differently" in again.reader.fault
    assert "123.5" in again.reader.fault


@pytest.mark.parametrize("lost", [("alarms.db*",), ("alarms.db*", "snapshots/*")])
def test_a_lost_journal_is_written_again_from_the_log(tmp_path: Path, lost: tuple[str, ...]) -> None:
    node = Node(tmp_path)
    node.give(PARTS)
    node.decided()
    node.close()
    remove(tmp_path, *lost)
    again = Node(tmp_path)
    again.decided()
    again.close()
    assert all_same(JournalReader.open(node.path).read(0, 10_000), expected())


def test_a_lost_journal_gets_what_stands_when_the_log_has_forgotten_how_it_came(tmp_path: Path) -> None:
    frames = [Frame(n, (part,)) for n, part in enumerate(PARTS, start=1)]
    whole = EngineReader(ListLog(frames[:150]), tmp_path / "alarms.db", tmp_path / "snapshots", SystemClock())
    whole.start()
    wait_for(lambda: whole.done == 150)
    whole.close()
    before = JournalReader.open(tmp_path / "alarms.db")
    standing = {t.alarm: (t.after, t.episode) for t in before.standing()}
    before.close()
    remove(tmp_path, "alarms.db*")
    told: list[AlarmTransition] = []
    again = EngineReader(ListLog(frames[140:]), tmp_path / "alarms.db", tmp_path / "snapshots", SystemClock(), told.extend)
    again.start()
    wait_for(lambda: again.done == len(frames))
    again.close()
    assert standing
    assert {t.alarm: (t.after, t.episode) for t in told[: len(standing)]} == standing
    assert again.fault is not None
    assert again.fault.startswith("alarms.db ended at transition 0 of")


def remove(folder: Path, *patterns: str) -> None:
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        path.unlink()


def test_a_command_is_answered_once_its_transition_is_committed(node: Node) -> None:
    first = next(t for t in expected() if t.after is AlarmState.UNACKNOWLEDGED)
    node.give(PARTS[: first.frame])
    node.decided()
    standing = next(t for t in JournalReader.open(node.path).standing() if t.alarm == first.alarm)
    command = _acknowledge(standing, node.reader)
    answer = node.reader.result_of(command.id)
    node.give([Part(2, 0, 1, 0, SystemClock().now(), 1, command.to_bytes())])  # type: ignore[arg-type]
    result = answer.result(10)
    stored = JournalReader.open(node.path).read(node.told[-1].n - 1)[-1]
    assert (result.accepted, result.transition, stored.command) == (True, stored.n, command.id)
    assert stored.alarm == standing.alarm


def _acknowledge(standing: AlarmTransition, reader: EngineReader) -> Any:
    from anlan.monitor.commands import Command

    row = reader._engine.row_of(standing.alarm)
    priority = int(reader._engine.world.rules["priority"][row])
    return Command(
        id="mine", kind="acknowledge", alarm=standing.alarm, episode=standing.episode, priority=priority, who="li", post="p", at=1
    )


def test_live_values_come_whole_and_then_only_what_changed(node: Node) -> None:
    node.give(PARTS[:100])
    node.decided()
    seen, first = node.reader.live_since(0)
    assert seen == node.log.last
    assert len(first) > 0
    assert set(first.point) == set(node.reader.live().point[node.reader.live().time != 0])
    assert len(node.reader.live_since(seen)[1]) == 0
    node.give(PARTS[100:110])
    node.decided()
    assert set(node.reader.live_since(seen)[1].point) < {*range(10), OWN}


@pytest.mark.slow
def test_alarms_are_told_while_the_journal_cannot_be_written(node: Node) -> None:
    node.give(PARTS[:100])
    node.decided()
    decided = expected()
    assert len(node.told) < len(decided)
    lock = apsw.Connection(str(node.path))
    lock.execute("BEGIN IMMEDIATE")
    node.give(PARTS[100:])
    wait_for(lambda: len(node.told) == len(decided))
    assert node.reader.fault is not None
    assert "alarms.db could not be written" in node.reader.fault
    lock.close()
    node.decided()
    assert node.reader.fault is None
    assert all_same(JournalReader.open(node.path).read(0, 10_000), expected())
    assert all_same(node.told, expected())


def test_another_log_begins_a_new_incarnation_and_forgets_no_alarm(tmp_path: Path) -> None:
    node = Node(tmp_path)
    node.give(PARTS[:150])
    node.decided()
    node.close()
    standing = JournalReader.open(node.path).standing()
    assert standing
    shutil.rmtree(tmp_path / "log")
    again = Node(tmp_path)
    again.give(PARTS[150:])
    again.decided()
    again.close()
    assert again.reader.fault is not None
    assert "the log is another one" in again.reader.fault
    assert again.told[0].n == node.told[-1].n + 1
    third = Node(tmp_path)
    third.close()
    assert third.reader.fault is None


def test_a_listener_that_fails_stops_no_alarm(tmp_path: Path) -> None:
    def fail(transitions: Any) -> None:
        raise RuntimeError("the loop is closed")

    frames = ListLog([Frame(n, (part,)) for n, part in enumerate(PARTS, start=1)])
    reader = EngineReader(frames, tmp_path / "alarms.db", tmp_path / "s", SystemClock(), fail)
    reader.start()
    wait_for(lambda: reader.done == len(PARTS))
    reader.close()
    assert all_same(JournalReader.open(tmp_path / "alarms.db").read(0, 10_000), expected())
    assert reader.fault is not None
    assert "the loop is closed" in reader.fault


class ListLog:
    """A log kept in a list, whose oldest frames can be gone."""

    incarnation = "list"

    def __init__(self, frames: list[Frame]) -> None:
        self.frames = frames
        self.first, self.last = frames[0].n, frames[-1].n

    def read(self, after: int, limit: int = 256) -> list[Frame]:
        return [f for f in self.frames if f.n > after][:limit]

    def wait(self, after: int, timeout: float) -> bool:
        return after < self.last or bool(threading.Event().wait(timeout))

    def wake(self) -> None:
        """It waits out its time."""


def test_frames_that_are_gone_are_a_fault_and_what_is_left_is_decided(tmp_path: Path) -> None:
    frames = [Frame(n, (part,)) for n, part in enumerate(PARTS, start=1)]
    whole = EngineReader(ListLog(frames[:100]), tmp_path / "alarms.db", tmp_path / "s", SystemClock())
    whole.start()
    wait_for(lambda: whole.done == 100)
    whole.close()
    cut = EngineReader(ListLog(frames[120:]), tmp_path / "alarms.db", tmp_path / "s", SystemClock())
    cut.start()
    wait_for(lambda: cut.done == len(frames))
    cut.close()
    assert cut.fault is not None
    assert cut.fault.startswith(
        "frames 101–120 of the log are gone; alarms, shelvings and modes of points stand as alarms.db has them"
    )


_VICTIM = """
import sys, time
from pathlib import Path
import structlog
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
sys.path.insert(0, sys.argv[2])
from test_reader import Node, PARTS
node = Node(Path(sys.argv[1]))
print("up", flush=True)
for part in PARTS[len(range(node.log.last)):]:
    node.log.append([part])
    time.sleep(0.002)
node.decided()
print("all", flush=True)
time.sleep(60)
"""


@pytest.mark.slow
def test_killed_at_any_moment_nothing_is_lost_twice_or_changed(tmp_path: Path) -> None:
    rounds = int(os.environ.get("ANLAN_ENGINE_KILLS", "6"))
    for turn in range(rounds):
        child = subprocess.Popen(
            [sys.executable, "-c", _VICTIM, str(tmp_path), str(Path(__file__).parent)], stdout=subprocess.PIPE
        )
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        time.sleep(0.03 + 0.07 * turn)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    node = Node(tmp_path)
    node.give(PARTS[node.log.last :])
    node.decided()
    node.close()
    assert node.reader.fault is None
    assert all_same(JournalReader.open(node.path).read(0, 10_000), expected())
