"""The core process as an object: what it goes on from, and which configuration it brings into force."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from anlan.bus.wire import Client
from anlan.model.clock import HOUR, Clock, SystemClock
from anlan.model.errors import Unavailable
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import Frame, Kind
from anlan.model.quality import Flag
from anlan.model.readings import Readings
from anlan.monitor.commands import Command
from anlan.monitor.engine import EngineConfig
from anlan.monitor.journal import Journal
from anlan.monitor.point_commands import PointCommand
from anlan.monitor.reader import EngineReader
from anlan.node.core import Core
from anlan.node.layout import NodeFolder
from anlan.node.own_points import PROOF
from anlan.node.status import other_versions
from anlan.store.history import History
from anlan.store.log import LogSettings
from anlan.store.logreader import LogReader


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    folder = NodeFolder(tmp_path / "node").prepare()
    folder.engine_config.write_bytes(config(limit=80.0))
    return folder


def config(*, limit: float, version: int = 1, sources: int = 1) -> bytes:
    named = {"number": [*range(1, sources + 1)], "id": [f"plc{n}" for n in range(1, sources + 1)]}
    points = {"number": [1], "id": ["LT-1"], "source": [1]}
    rules = {"number": [1], "id": ["LT-1.H"], "kind": [3], "target": [1], "limit": [limit]}
    return EngineConfig.from_columns(version, named, points, rules).to_bytes()


@asynccontextmanager
async def running(folder: NodeFolder, clock: Clock | None = None) -> AsyncIterator[Core]:
    core = Core(folder, clock or SystemClock(), LogSettings(reserve_bytes=1 << 16))
    await core.start()
    yield core
    await core.close()


def frames(folder: NodeFolder) -> list[Frame]:
    reader = LogReader.open(folder.log)
    found = reader.read(reader.first - 1, 10_000)
    reader.close()
    return found


def configs(folder: NodeFolder) -> list[bytes]:
    return [bytes(part.body) for frame in frames(folder) for part in frame.parts if part.kind is Kind.CONFIG]


def alarms_reach(folder: NodeFolder, position: int, incarnation: str) -> None:
    journal = Journal.open(folder.journal)
    assert journal.incarnation == incarnation
    journal.commit(position)
    journal.close()


def history_reaches(folder: NodeFolder, position: int, incarnation: str) -> None:
    history = History.open(folder.history, incarnation=incarnation)
    history.append(Readings.of([]), position)
    history.close()


@pytest.mark.parametrize("advance", [alarms_reach, history_reaches])
async def test_a_log_that_lost_its_end_gives_no_position_out_again(
    folder: NodeFolder, advance: Callable[[NodeFolder, int, str], None]
) -> None:
    async with running(folder) as core:
        before = core.status()
    lost = frames(folder)[-1].n + 5
    advance(folder, lost, before["incarnation"])
    folder.engine_config.write_bytes(config(limit=70.0))
    async with running(folder) as core:
        assert core.status()["log"]["fault"] is not None
        assert core.status()["incarnation"] == before["incarnation"]
    written = [frame.n for frame in frames(folder) if frame.parts]
    assert min(n for n in written if n > lost - 5) == lost + 1


async def test_what_another_log_reached_does_not_count(folder: NodeFolder) -> None:
    async with running(folder):
        pass
    history_reaches(folder, 1_000, "another")
    async with running(folder) as core:
        assert core.status()["log"]["last"] < 1_000
        assert core.status()["log"]["fault"] is None


async def test_the_configuration_in_force_is_written_once(folder: NodeFolder) -> None:
    async with running(folder):
        pass
    async with running(folder):
        pass
    assert configs(folder) == [config(limit=80.0)]


async def test_other_rules_under_the_same_version_come_into_force(folder: NodeFolder) -> None:
    """A later release may make another of the same plant."""
    async with running(folder):
        pass
    folder.engine_config.write_bytes(config(limit=70.0))
    async with running(folder):
        pass
    assert configs(folder) == [config(limit=80.0), config(limit=70.0)]


async def test_a_step_that_the_engine_does_not_answer_is_told_and_forgotten(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anlan.node.core.COMMAND_SECONDS", 0.05)
    monkeypatch.setattr(EngineReader, "_answer", lambda self: None)
    step = Command(id="a", kind="acknowledge", alarm=1, episode=1, priority=1, who="li", post="panel", reason="", at=1)
    async with running(folder) as core:
        client = await Client.connect(folder.socket)
        with pytest.raises(Unavailable, match="has not answered"):
            await client.request("command", step.to_bytes())
        await client.close()
        assert core._reader._waiting == {}


async def test_a_step_on_a_point_is_committed_told_and_outlives_a_kill(folder: NodeFolder) -> None:
    """Through the socket, as the console sends it; the next core goes on with it and finds no difference."""
    until = SystemClock().now() + HOUR
    step = PointCommand(id="p", kind="inhibit", point=1, who="li", post="", at=SystemClock().now(), reason="x", work_order="WO-7", until=until)  # fmt: skip
    async with running(folder):
        client = await Client.connect(folder.socket)
        answer, _ = await client.request("command", step.to_bytes())
        await client.close()
        assert (answer["accepted"], answer["step"]) == (True, 1)
    (folder.snapshots / sorted(p.name for p in folder.snapshots.iterdir())[-1]).write_bytes(b"torn")
    async with running(folder) as core:
        assert "difference" not in (core._reader.fault or "")
        assert [mode.work_order for mode in core._reader._engine.modes.of(1)] == ["WO-7"]
    journal = Journal.open(folder.journal)
    assert [(s.step, s.who, s.until) for s in journal.steps()] == [("inhibit", "li", until)]
    journal.close()


async def test_a_sense_that_hangs_is_a_loss_of_view(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connected, but silent: its sources must not look connected."""
    monkeypatch.setattr("anlan.node.core.TICK_SECONDS", 0.01)
    async with running(folder) as core:
        sense = await Client.connect(folder.socket)
        await sense.request("sense")
        await sense.request("link", source=1, state="up")
        async with asyncio.timeout(10):
            while core.status()["links"] != {"1": "down"}:
                await asyncio.sleep(0.01)
        assert not core.status()["sense"]
        await sense.close()


@pytest.mark.slow
async def test_only_the_sources_of_the_connection_that_left_are_lost(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.node.core.TICK_SECONDS", 0.05)
    folder.engine_config.write_bytes(config(limit=80.0, sources=2))
    async with running(folder) as core, asyncio.timeout(20):
        first, second = await Client.connect(folder.socket), await Client.connect(folder.socket)
        for number, sense in ((1, first), (2, second)):
            await sense.request("sense")
            await sense.request("link", source=number, state="up")
        await second.close()
        while core.status()["links"]["2"] != "down":
            await first.request("link", source=1, state="up")
            await asyncio.sleep(0.01)
        for _ in range(20):
            await first.request("link", source=1, state="up")
            await asyncio.sleep(0.05)
        assert core.status()["links"] == {"1": "up", "2": "down"}
        assert core.status()["sense"]
        await first.close()
        while core.status()["links"]["1"] != "down":
            await asyncio.sleep(0.01)
        assert not core.status()["sense"]


async def test_who_loaded_another_configuration_than_the_engine_runs_is_told(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    folder.engine_config.write_bytes(config(limit=80.0, version=3))
    async with running(folder) as core:
        sense, app = await Client.connect(folder.socket), await Client.connect(folder.socket)
        await sense.request("sense", config=2)
        await app.request("subscribe", config=3)
        assert core.status()["loaded"] == [{"process": "sense", "config": 2}, {"process": "app", "config": 3}]
        assert other_versions(core.status()) == "sense loaded version 2: start the node again"
        await sense.close()
        async with asyncio.timeout(5):
            while other_versions(core.status()):
                await asyncio.sleep(0.01)
        await app.close()


class SetClock(SystemClock):
    """A wall clock that somebody sets."""

    by = 0

    def now(self) -> int:
        return super().now() + self.by


@pytest.mark.parametrize("by", [-24 * HOUR, 24 * HOUR])
async def test_a_wall_clock_that_jumps_neither_raises_nor_hides_a_loss_of_view(
    folder: NodeFolder, monkeypatch: pytest.MonkeyPatch, by: int
) -> None:
    monkeypatch.setattr("anlan.node.core.TICK_SECONDS", 0.05)
    clock = SetClock()
    async with running(folder, clock) as core, asyncio.timeout(20):
        clock.by = by
        await asyncio.sleep(0.2)
        assert core.status()["links"] == {}
        sense = await Client.connect(folder.socket)
        await sense.request("sense")
        await sense.request("link", source=1, state="up")
        clock.by = 0
        await sense.close()
        await asyncio.sleep(0.05)
        assert core.status()["links"] == {"1": "up"}
        clock.by = by
        while core.status()["links"] != {"1": "down"}:
            await asyncio.sleep(0.01)


async def test_a_job_that_ends_by_a_bug_ends_the_process(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(Core, "_lost_from_view", broken)
    async with running(folder) as core, asyncio.timeout(10):
        await core.broken.wait()
        assert core.broken.is_set()


async def test_the_condition_of_a_proof_goes_the_way_of_the_nodes_own_faults(folder: NodeFolder) -> None:
    """Marked as an exercise in the log itself; answered once it is durable and decided."""
    points = {"number": [1, 2], "id": ["LT-1", PROOF], "source": [1, 0]}
    rules = {"number": [1], "id": [f"{PROOF}.ST"], "kind": [int(AlarmKind.STATE)], "target": [2], "limit": [1.0], "states": [[1]]}
    sources = {"number": [1, 0], "id": ["plc1", "node"]}
    folder.engine_config.write_bytes(EngineConfig.from_columns(1, sources, points, rules).to_bytes())
    async with running(folder) as core:
        client = await Client.connect(folder.socket)
        began = SystemClock().now()
        for on in (True, False):
            told, _ = await client.request("prove", on=on)
            assert began <= told["durable"] <= told["decided"]
        await client.close()
        assert core._reader.done >= core._log.last - 1
    written = [Readings.from_bytes(p.body) for f in frames(folder) for p in f.parts if p.kind is Kind.READINGS]
    found = [(row.value[n], row.quality[n]) for row in written for n in range(len(row)) if row.point[n] == 2]
    assert [value for value, _ in found][-2:] == [1.0, 0.0]
    assert all(quality & Flag.EXERCISE for _, quality in found)
