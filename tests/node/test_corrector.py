"""Late readings beside a running core: corrected once, whatever dies in between, and nobody waits for it."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from anlan.bus.wire import Client
from anlan.model.clock import SECOND, SystemClock
from anlan.model.errors import AnlanError, StoreError
from anlan.model.events.alarms import ADDED, LATE, AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.journal import JournalReader
from anlan.monitor.late.pending import Waiting
from anlan.node import corrector as module
from anlan.node import past
from anlan.node.core import Core
from anlan.node.corrector import Schedule
from anlan.node.layout import NodeFolder
from anlan.store.history_tail import WholeHistory
from anlan.store.log import LogSettings

pytestmark = pytest.mark.slow

CLOCK = SystemClock()
ALARM = 1


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    """One cyclic point with a limit of 80."""
    folder = NodeFolder(tmp_path / "node").prepare()
    config = EngineConfig.from_columns(
        1,
        {"number": [1], "id": ["plc"]},
        {"number": [1], "id": ["LT-1"], "source": [1]},
        {"number": [ALARM], "id": ["LT-1.H"], "kind": [int(AlarmKind.HIGH)], "target": [1], "limit": [80.0]},
    )
    folder.engine_config.write_bytes(config.to_bytes())
    return folder


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GATHER", 0.1)
    monkeypatch.setattr(module, "LOOK_EVERY", 0.05)
    monkeypatch.setattr(past, "AFTER", 0.0)


@asynccontextmanager
async def running(folder: NodeFolder) -> AsyncIterator[Core]:
    core = Core(folder, CLOCK, LogSettings(reserve_bytes=1 << 16))
    await core.start()
    yield core
    await core.close()


class Source:
    """A driver's side of the socket: parts in order, one at a time."""

    def __init__(self, client: Client) -> None:
        self._client, self._epoch, self._seq = client, CLOCK.now(), 0

    @classmethod
    async def of(cls, folder: NodeFolder) -> "Source":
        client = await Client.connect(folder.socket)
        await client.request("sense")
        await client.request("link", source=1, state="up")
        return cls(client)

    async def give(self, *rows: tuple[int, float], point: int = 1) -> None:
        """(time, value)."""
        body = Readings.of([(point, at, value, 0) for at, value in rows]).to_bytes()
        head = {"source": 1, "epoch": self._epoch, "first_seq": self._seq, "received_at": CLOCK.now(), "rows": len(rows)}
        await self._client.request("append", body, **head)
        self._seq += len(rows)

    async def close(self) -> None:
        await self._client.close()


def journal(folder: NodeFolder) -> list[AlarmTransition]:
    try:
        reader = JournalReader.open(folder.journal)
    except StoreError:
        return []
    try:
        return reader.read(0, 10_000)
    finally:
        reader.close()


def late(folder: NodeFolder) -> list[AlarmTransition]:
    return [t for t in journal(folder) if t.trigger in LATE]


async def until(folder: NodeFolder, rows: int, seconds: float = 30) -> list[AlarmTransition]:
    """Wait for so many corrections."""
    async with asyncio.timeout(seconds):
        while len(found := late(folder)) < rows:
            await asyncio.sleep(0.05)
    return found


async def a_calm_second(source: Source) -> int:
    """A reading each 100 ms, all far below the limit; returns the stamp of the first. What lies before the configuration is not compared."""
    await asyncio.sleep(0.2)
    first = CLOCK.now()
    for _ in range(10):
        await source.give((CLOCK.now(), 50.0))
        await asyncio.sleep(0.1)
    return first


@pytest.mark.usefixtures("at_once")
async def test_a_late_excursion_is_added_to_the_journal_and_no_alarm_moves(folder: NodeFolder) -> None:
    async with running(folder) as core:
        source = await Source.of(folder)
        first = await a_calm_second(source)
        await source.give((first + SECOND // 2 + 7, 95.0))
        began, ended = await until(folder, 2)
        assert (began.trigger, ended.trigger) == (Trigger.LATE_DATA, Trigger.LATE_END)
        assert began.happened_at == first + SECOND // 2 + 7
        assert began.happened_at < ended.happened_at < began.noticed_at
        assert began.episode == ended.episode >= ADDED
        assert {began.before, began.after, ended.after} == {AlarmState.NORMAL}
        assert (began.value, began.limit, ended.value) == (95.0, 80.0, 50.0)
        assert core._reader.counters()["standing"] == 0
        assert core.status()["late"]["corrections"] == 2
        reader = JournalReader.open(folder.journal)
        assert reader.standing() == []
        reader.close()
        await source.close()


@pytest.mark.usefixtures("at_once")
async def test_a_restart_repeats_no_correction_and_forgets_no_late_reading(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The corrector is away while the late reading comes; the next start's finds it in the engine's state, and the one after finds nothing."""
    monkeypatch.setattr(module.Corrector, "start", lambda self: None)
    monkeypatch.setattr(module.Corrector, "close", lambda self: None)
    async with running(folder):
        source = await Source.of(folder)
        first = await a_calm_second(source)
        await source.give((first + SECOND // 2 + 7, 95.0))
        await source.close()
    assert late(folder) == []
    monkeypatch.undo()
    for _ in range(2):
        async with running(folder) as core:
            await until(folder, 2)
            async with asyncio.timeout(30):
                while len(core._reader.late_look()[0].waiting):
                    await asyncio.sleep(0.05)
        assert len(late(folder)) == 2


async def test_without_history_late_readings_wait(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch, at_once: None) -> None:
    folder.history.rmdir()
    folder.history.write_text("in the way")
    monkeypatch.setattr(past, "RETRY_AFTER", 0.1)
    async with running(folder) as core:
        source = await Source.of(folder)
        first = await a_calm_second(source)
        await source.give((first + SECOND // 2 + 7, 95.0))
        await asyncio.sleep(0.5)
        assert late(folder) == []
        assert core.status()["late"]["waiting"] == 1
        folder.history.unlink()
        await until(folder, 2)
        await source.close()


async def faulted(core: Core, seconds: float = 30) -> str:
    """Wait until status tells why late readings are not compared."""
    async with asyncio.timeout(seconds):
        while (fault := core.status()["late"]["fault"]) is None:
            await asyncio.sleep(0.02)
    return str(fault)


@pytest.fixture
def two(folder: NodeFolder) -> NodeFolder:
    """A second point beside the first, with a limit of its own."""
    kind, limit = [int(AlarmKind.HIGH)] * 2, [80.0] * 2
    points = {"number": [1, 2], "id": ["LT-1", "LT-2"], "source": [1, 1]}
    rules = {"number": [ALARM, 2], "id": ["LT-1.H", "LT-2.H"], "kind": kind, "target": [1, 2], "limit": limit}
    config = EngineConfig.from_columns(1, {"number": [1], "id": ["plc"]}, points, rules)
    folder.engine_config.write_bytes(config.to_bytes())
    return folder


@pytest.mark.usefixtures("at_once")
async def test_a_point_whose_past_cannot_be_read_keeps_no_other_from_being_corrected(
    two: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER", 0.3)
    real, broken = WholeHistory.read, [2]

    def read(self: WholeHistory, points: list[int], *args: int, **rest: int) -> pa.Table:
        if set(broken) & set(points):
            raise StoreError("file {n} of the history is torn", n=7)
        return real(self, points, *args, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(WholeHistory, "read", read)
    async with running(two) as core:
        source = await Source.of(two)
        await asyncio.sleep(0.2)
        first = CLOCK.now()
        for _ in range(10):
            for point in (1, 2):
                await source.give((CLOCK.now(), 50.0), point=point)
            await asyncio.sleep(0.1)
        await source.give((first + SECOND // 2 + 5, 95.0), point=2)  # the earlier one, so it is the first that is looked at
        await source.give((first + SECOND // 2 + 7, 95.0))
        found = await until(two, 2)
        assert {t.alarm for t in found} == {ALARM}
        fault = await faulted(core)
        assert "point 2 " in fault
        assert "file 7 of the history is torn" in fault
        assert core.status()["late"]["put_off"] == [2]
        broken.clear()
        found = await until(two, 4)
        assert {t.alarm for t in found} == {ALARM, 2}
        async with asyncio.timeout(30):
            while core.status()["late"]["put_off"]:
                await asyncio.sleep(0.02)
        assert core.status()["late"]["fault"] is None
        await source.close()


@pytest.mark.usefixtures("at_once")
async def test_more_readings_than_core_looks_at_are_told_and_nothing_is_made_of_half_of_them(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RETRY_AFTER", 0.2)
    monkeypatch.setattr(module, "MOST_ROWS", 5)
    async with running(folder) as core:
        source = await Source.of(folder)
        first = await a_calm_second(source)
        await source.give((first + SECOND // 8, 95.0))
        fault = await faulted(core)
        assert fault.startswith("late readings of point 1 are not compared: the 1 points needed have more than 5 readings since ")
        assert late(folder) == []
        monkeypatch.setattr(module, "MOST_ROWS", 1_000)
        await until(folder, 2)
        await source.close()


def test_one_that_fails_waits_twice_as_long_each_time_whatever_comes_for_it_meanwhile() -> None:
    schedule, now, waits = Schedule(), 0.0, []
    schedule.positions_due(waiting((5, 1), (6, 1)), now)
    for frame in range(2, 12):
        now += 10_000
        assert schedule.positions_due(waiting((5, 1), (6, 1)), now).tolist() == [0, 1]
        waits.append(schedule.failed(5, "torn", now).wait)
        for ahead in (0.0, waits[-1] - 0.1):
            # Another late reading of it, as one would come every second.
            assert schedule.positions_due(waiting((5, frame), (6, 1)), now + ahead).tolist() == [1]
        schedule.positions_due(waiting((5, 1), (6, 1)), now)
    assert waits == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600]
    schedule.compared(np.array([5]))
    assert schedule.failed(5, "torn", now).wait == 5
    schedule.positions_due(waiting((6, 1)), now)
    assert schedule.troubles == {}, "it waits no more"


def waiting(*points: tuple[int, int]) -> Waiting:
    """(point, frame of its last late reading)."""
    numbers, frames = np.array([p for p, _ in points], np.int64), np.array([f for _, f in points], np.int64)
    return Waiting(numbers, np.zeros(len(points), np.int64), np.zeros(len(points), np.int64), frames)


def test_a_point_is_looked_at_two_seconds_after_its_first_late_reading() -> None:
    schedule = Schedule()
    assert schedule.positions_due(waiting((5, 10)), 100.0).tolist() == []
    assert schedule.positions_due(waiting((5, 11)), 101.0).tolist() == [], "another one does not put it off"
    assert schedule.positions_due(waiting((3, 12), (5, 11)), 102.0).tolist() == [1]
    assert schedule.positions_due(waiting((3, 12), (5, 11)), 104.0).tolist() == [0, 1]


def test_one_put_off_comes_sooner_when_another_late_reading_does() -> None:
    schedule = Schedule()
    schedule.positions_due(waiting((5, 10)), 0.0)
    assert schedule.positions_due(waiting((5, 10)), 2.0).tolist() == [0]
    schedule.put_off(5, 500.0)
    assert schedule.positions_due(waiting((5, 10)), 400.0).tolist() == []
    assert schedule.positions_due(waiting((5, 20)), 401.0).tolist() == []
    assert schedule.positions_due(waiting((5, 20)), 403.0).tolist() == [0]


def test_no_more_than_a_handful_at_once_and_the_others_next() -> None:
    schedule, many = Schedule(), waiting(*((p, 1) for p in range(100)))
    schedule.positions_due(many, 0.0)
    assert schedule.positions_due(many, 3.0).tolist() == list(range(module.TOGETHER))
    for point in range(module.TOGETHER):
        schedule.put_off(point, 100.0)
    assert schedule.positions_due(many, 3.0).tolist() == list(range(module.TOGETHER, 2 * module.TOGETHER))


# ---------------------------------------------------------------------------------------------------------- a real process


def start(folder: NodeFolder) -> subprocess.Popen[bytes]:
    with (folder.run / "core.log").open("ab") as out:
        return subprocess.Popen([sys.executable, "-m", "anlan.node.core", str(folder.root)], stdout=out, stderr=out)


async def connected(folder: NodeFolder) -> Source:
    async with asyncio.timeout(90):
        while True:
            try:
                return await Source.of(folder)
            except AnlanError:
                await asyncio.sleep(0.1)


def expected(rows: list[tuple[int, float]]) -> set[tuple[int, int | None]]:
    """Episodes over 80 by the readings in order, worked out here: no delays, no dead-band."""
    found: set[tuple[int, int | None]] = set()
    begin: int | None = None
    for at, value in sorted(rows):
        if begin is None and value >= 80:
            begin = at
        elif begin is not None and value < 80:
            found.add((begin, at))
            begin = None
    return found if begin is None else found | {(begin, None)}


def recorded(rows: list[AlarmTransition]) -> tuple[set[tuple[int, int | None]], set[tuple[int, int | None]]]:
    """Episodes as announced, and as they stand with corrections."""
    told: dict[int, tuple[int, int | None]] = {}
    for t in rows:
        if t.trigger is Trigger.CONDITION_ON:
            told[t.episode] = (t.happened_at, None)
        elif t.trigger is Trigger.CONDITION_OFF:
            told[t.episode] = (told[t.episode][0], t.happened_at)
    now = dict(told)
    for t in rows:
        if t.trigger is Trigger.LATE_DATA:
            now[t.episode] = (t.happened_at, now.get(t.episode, (0, None))[1])
        elif t.trigger is Trigger.LATE_END:
            now[t.episode] = (now[t.episode][0], t.happened_at)
    return set(told.values()), set(now.values())


@pytest.mark.slow
async def test_a_shuffled_feed_into_a_core_that_is_killed_again_and_again(folder: NodeFolder) -> None:
    random, given = Random(4), []
    core, kills = start(folder), 0
    source = await connected(folder)
    await asyncio.sleep(1)
    held: list[tuple[int, float]] = []
    try:
        for step in range(120):
            reading = (CLOCK.now(), 95.0 if random.random() < 0.3 else 50.0)
            given.append(reading)
            if random.random() < 0.25:
                held.append(reading)  # handed in later, among others
            else:
                await source.give(reading)
            if held and random.random() < 0.2:
                await source.give(*[held.pop(random.randrange(len(held))) for _ in range(len(held))])
            if step in {45, 80, 100}:
                os.kill(core.pid, signal.SIGKILL)
                core.wait()
                kills += 1
                core = start(folder)
                source = await connected(folder)
            await asyncio.sleep(0.1)
        for value in (50.0, *held, 50.0):
            given.append((CLOCK.now(), 50.0))
            await source.give(given[-1], *([value] if isinstance(value, tuple) else []))
            await asyncio.sleep(0.05)
        await settled(folder)
    finally:
        os.kill(core.pid, signal.SIGTERM)
        core.wait(30)
    rows = journal(folder)
    announced, now = recorded(rows)
    assert kills == 3
    assert any(t.trigger in LATE for t in rows)
    assert expected(given) <= now
    assert now - expected(given) <= announced, "what was added was so"
    assert [t.n for t in rows] == list(range(1, len(rows) + 1))


async def settled(folder: NodeFolder) -> None:
    client = await Client.connect(folder.socket)
    deadline, calm = time.monotonic() + 90, 0
    while calm < 4:
        assert time.monotonic() < deadline
        await asyncio.sleep(1)
        status, _ = await client.request("status")
        assert status["engine"]["fault"] is None
        assert status["late"]["fault"] is None
        calm = calm + 1 if status["late"]["waiting"] == 0 else 0
    await client.close()
