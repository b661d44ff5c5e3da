"""Core on a disk that takes no readings, or nothing at all: people are told all the same, and the record says what it can't prove."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from anlan.bus.wire import Client
from anlan.model.clock import SystemClock
from anlan.model.errors import LogFull
from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition
from anlan.model.readings import Readings
from anlan.monitor.engine import EngineConfig
from anlan.monitor.journal import JournalReader
from anlan.node.core import Core
from anlan.node.layout import NodeFolder
from anlan.node.own_points import LOG
from anlan.store.disk import Disk
from anlan.store.log import LogSettings

FOR_THE_NODE_ONLY, NOTHING = 1 << 20, 0
HIGH, LOG_FAULT, VIEW = 1, 2, 3


@dataclass
class Room:
    """What the log sees of its disk. The real file system has room: only the look is played."""

    free: int = 1 << 40


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Room:
    room = Room()
    monkeypatch.setattr(Disk, "free", lambda self, folder: room.free)
    monkeypatch.setattr("anlan.node.core.TICK_SECONDS", 0.02)
    return room


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    folder = NodeFolder(tmp_path / "node").prepare()
    rules = {
        "number": [HIGH, LOG_FAULT, VIEW],
        "id": ["LT-1.H", f"{LOG}.ST", "plc1.VIEW"],
        "kind": [int(AlarmKind.HIGH), int(AlarmKind.STATE), int(AlarmKind.LOSS_OF_VIEW)],
        "target": [1, 2, 1],
        "limit": [80.0, 1.0, 0.0],
        "states": [[], [1], []],
    }
    points = {"number": [1, 2], "id": ["LT-1", LOG], "source": [1, 0]}
    config = EngineConfig.from_columns(1, {"number": [1, 0], "id": ["plc1", "node"]}, points, rules)
    folder.engine_config.write_bytes(config.to_bytes())
    return folder


@asynccontextmanager
async def running(folder: NodeFolder) -> AsyncIterator[tuple[Core, Client]]:
    core = Core(folder, SystemClock(), LogSettings(reserve_bytes=1 << 16))
    await core.start()
    client = await Client.connect(folder.socket)
    await client.request("sense")
    await client.request("link", source=1, state="up")
    async with asyncio.timeout(20):
        yield core, client
    await client.close()
    await core.close()


def level(value: float) -> Readings:
    return Readings.of([(1, SystemClock().now(), value, 0)])


async def send(client: Client, seq: int, readings: Readings) -> None:
    body, now = readings.to_bytes(), SystemClock().now()
    await client.request("append", body, source=1, epoch=1, first_seq=seq, received_at=now, rows=len(readings))


async def show(client: Client, readings: Readings) -> None:
    body, now = readings.to_bytes(), SystemClock().now()
    await client.request("ahead", body, source=1, epoch=1, received_at=now, rows=len(readings))


def last_of(folder: NodeFolder, alarm: int) -> AlarmTransition | None:
    journal = JournalReader.open(folder.journal)
    found = journal.of_alarm(alarm, 1)
    journal.close()
    return found[0] if found else None


async def raised(folder: NodeFolder, alarm: int) -> AlarmTransition:
    while (found := last_of(folder, alarm)) is None or found.after is not AlarmState.UNACKNOWLEDGED:
        await asyncio.sleep(0.01)
    return found


async def test_the_nodes_own_fault_is_an_alarm_while_readings_are_refused(folder: NodeFolder, room: Room) -> None:
    async with running(folder) as (core, client):
        room.free = FOR_THE_NODE_ONLY
        with pytest.raises(LogFull):
            await send(client, 0, level(50.0))
        assert not (await raised(folder, LOG_FAULT)).unrecorded
        assert "full" in core.status()["refusing"]["1"]
        room.free = 1 << 40
        await send(client, 0, level(50.0))
        assert core.status()["refusing"] == {}


@pytest.mark.parametrize("left", [FOR_THE_NODE_ONLY, NOTHING])
async def test_a_danger_is_told_though_its_reading_is_refused(folder: NodeFolder, room: Room, left: int) -> None:
    async with running(folder) as (core, client):
        await send(client, 0, level(50.0))
        room.free = left
        with pytest.raises(LogFull):
            await send(client, 1, level(90.0))
        await show(client, level(90.0))
        found = await raised(folder, HIGH)
        assert (found.value, found.unrecorded) == (90.0, True)
        assert core._reader.live([1]).value.tolist() == [90.0]


async def test_time_goes_on_and_a_lost_source_is_told_on_a_disk_that_takes_nothing(folder: NodeFolder, room: Room) -> None:
    async with running(folder) as (core, client):
        room.free = NOTHING
        await client.request("link", source=1, state="down", reason="cable")
        assert (await raised(folder, VIEW)).unrecorded
        assert (await raised(folder, LOG_FAULT)).unrecorded
        before = core._reader._engine.time.wall
        while core._reader._engine.time.wall == before:
            await asyncio.sleep(0.01)


async def test_a_restart_keeps_what_was_told_without_record_and_finds_no_difference(folder: NodeFolder, room: Room) -> None:
    async with running(folder) as (core, client):
        await send(client, 0, level(50.0))
        room.free = FOR_THE_NODE_ONLY
        await show(client, level(90.0))
        told = await raised(folder, HIGH)
        room.free = 1 << 40
    for snapshot in folder.snapshots.iterdir():
        snapshot.unlink()
    async with running(folder) as (core, client):
        assert core._reader.fault is None
        assert last_of(folder, HIGH) == told
        assert core._reader._engine.world.status["state"].tolist()[0] == AlarmState.UNACKNOWLEDGED
        await send(client, 1, level(50.0))
        while (found := last_of(folder, HIGH)) == told:
            await asyncio.sleep(0.01)
        assert found is not None
        assert (found.after, found.unrecorded) == (AlarmState.RETURNED_UNACKNOWLEDGED, False)
    journal = JournalReader.open(folder.journal)
    assert [one.n for one in journal.read(0)] == list(
        range(1, journal.last + 1)
    )  # the node's own alarm of the full disk may be there too
    journal.close()


async def test_what_was_shown_and_comes_again_into_the_log_raises_nothing_twice(folder: NodeFolder, room: Room) -> None:
    async with running(folder) as (core, client):
        refused = level(90.0)
        room.free = FOR_THE_NODE_ONLY
        await show(client, refused)
        told = await raised(folder, HIGH)
        room.free = 1 << 40
        await send(client, 0, refused)
        await send(client, 1, level(91.0))
        while core.status()["engine"]["ledger"]["1"]["applied"] < 2:
            await asyncio.sleep(0.01)
        assert core.status()["engine"]["ledger"]["1"]["duplicate"] == 1
        assert last_of(folder, HIGH) == told
