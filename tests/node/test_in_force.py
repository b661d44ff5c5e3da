"""A configuration handed to a core that runs: in force at once and after a restart; the node's own faults as readings of its own points."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from anlan.bus.wire import Client
from anlan.model.clock import SECOND, SystemClock
from anlan.model.errors import AnlanError
from anlan.model.frames import Kind
from anlan.monitor.engine import EngineConfig
from anlan.monitor.program import Instruction, Op, Program
from anlan.node.core import Core
from anlan.node.layout import NodeFolder
from anlan.node.own_points import (
    AUDIT,
    CLOCK,
    CONFIGURATION,
    ENGINE,
    HISTORY,
    LOG,
    OVERRIDE,
    PROOF,
    UNHEARD,
    OwnPoints,
    guarded_by,
    numbers_of,
)
from anlan.node.status import unapproved
from anlan.plant.node_points import node_ids
from anlan.store.log import LogSettings
from anlan.store.logreader import LogReader

pytestmark = pytest.mark.slow

OWN = {2: CONFIGURATION, 3: ENGINE, 4: LOG, 5: HISTORY, 6: CLOCK, 7: UNHEARD, 8: AUDIT}


def config(limit: float, version: int = 1) -> bytes:
    """One tank of source 1, and the points of the node itself."""
    return EngineConfig.from_columns(
        version,
        {"number": [0, 1], "id": ["node", "plc"]},
        {"number": [1, *OWN], "id": ["LT-1", *OWN.values()], "source": [1, *(0 for _ in OWN)], "on_change": [False, *(True for _ in OWN)], "deadline": [3000, *(0 for _ in OWN)], "safety": [True, *(False for _ in OWN)]},
        {"number": [1, 2], "id": ["LT-1.H", f"{CONFIGURATION}.ST"], "kind": [3, 5], "target": [1, 2], "limit": [limit, float("nan")], "states": [[], [1]]},
    ).to_bytes()  # fmt: skip


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    made = NodeFolder(tmp_path / "node").prepare()
    made.engine_config.write_bytes(config(80.0))
    return made


@asynccontextmanager
async def running(folder: NodeFolder) -> AsyncIterator[tuple[Core, Client]]:
    core = Core(folder, SystemClock(), LogSettings(reserve_bytes=1 << 16))
    await core.start()
    client = await Client.connect(folder.socket)
    try:
        await until(lambda: core.status()["engine"]["config"] >= 1)
        yield core, client
    finally:
        await client.close()
        await core.close()


async def until(true: Callable[[], Any]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.05)


def told(folder: NodeFolder) -> dict[str, list[float]]:
    """What the log has been told of the node's own points."""
    reader = LogReader.open(folder.log)
    parts = [p for f in reader.read(reader.first - 1, 100_000) for p in f.parts if p.kind is Kind.READINGS and p.source == 0]
    reader.close()
    found: dict[str, list[float]] = {}
    for part in parts:
        readings = part.readings()
        for point, value in zip(readings.point, readings.value, strict=True):
            found.setdefault(OWN[int(point)], []).append(float(value))
    return found


async def test_a_configuration_is_in_force_when_core_answers_and_after_a_restart(folder: NodeFolder) -> None:
    async with running(folder) as (core, client):
        reply, _ = await client.request("configure", config(70.0, 2))
        assert (reply["version"], core.status()["engine"]["config"]) == (2, 2)
        assert reply["digest"] == core.status()["engine"]["config_digest"]
        assert folder.engine_config.read_bytes() == config(70.0, 2)
        with pytest.raises(AnlanError, match="version 1 is older than version 2"):
            await client.request("configure", config(80.0, 1))
        _, body = await client.request("configuration")
        assert body == config(70.0, 2)
    async with running(folder) as (core, _):
        assert core.status()["engine"]["config"] == 2


async def test_what_is_no_configuration_changes_nothing(folder: NodeFolder) -> None:
    async with running(folder) as (core, client):
        with pytest.raises(AnlanError, match="unreadable"):
            await client.request("configure", b"nonsense")
        assert core.status()["engine"]["config"] == 1
        assert folder.engine_config.read_bytes() == config(80.0)


async def test_core_tells_its_faults_as_points_and_nothing_that_nobody_knows(folder: NodeFolder) -> None:
    async with running(folder) as (core, client):
        await until(lambda: LOG in told(folder))
        first = told(folder)
        assert first[ENGINE] == first[LOG] == first[CLOCK] == [0.0]
        # Nobody has compared with the records yet: neither equal nor different.
        assert CONFIGURATION not in first
        await client.request("compared", digest=core.status()["engine"]["config_digest"], alarms=[])
        await until(lambda: told(folder).get(CONFIGURATION) == [0.0])
        await client.request("compared", digest="of another", alarms=["LT-1.H"])
        await client.request("compared", digest=core.status()["engine"]["config_digest"], alarms=["LT-1.H"])
        await until(lambda: told(folder)[CONFIGURATION] == [0.0, 1.0])
        await until(lambda: core.status()["engine"]["standing"] == 1)


async def test_a_file_that_differs_or_a_process_with_another_version_is_told(folder: NodeFolder) -> None:
    async with running(folder) as (core, client):
        await client.request("compared", digest=core.status()["engine"]["config_digest"], alarms=[])
        await until(lambda: told(folder).get(CONFIGURATION) == [0.0])
        await client.request("loaded", process="sense", config=7)
        await until(lambda: told(folder)[CONFIGURATION] == [0.0, 1.0])
        await client.request("loaded", process="sense", config=1)
        await until(lambda: told(folder)[CONFIGURATION] == [0.0, 1.0, 0.0])
        folder.engine_config.write_bytes(config(99.0))
        await until(lambda: told(folder)[CONFIGURATION] == [0.0, 1.0, 0.0, 1.0])


async def test_an_audit_record_that_differs_is_an_alarm_until_it_agrees(folder: NodeFolder) -> None:
    async with running(folder) as (core, client):
        await until(lambda: told(folder).get(ENGINE) == [0.0])
        assert AUDIT not in told(folder), "the app has not told yet: neither equal nor different"
        await client.request("audit", differs=False)
        await until(lambda: told(folder).get(AUDIT) == [0.0])
        await client.request("audit", differs=True)
        await until(lambda: told(folder)[AUDIT] == [0.0, 1.0])
        assert core.status()["audit"] is True


def test_the_ids_core_knows_are_those_every_plant_has() -> None:
    assert {*OWN.values(), OVERRIDE, PROOF} == set(node_ids())  # these two are no faults: a person asks for them
    assert numbers_of(config(80.0)) == {name: number for number, name in OWN.items()}


def test_only_what_changed_is_told() -> None:
    own = OwnPoints()
    own.know(config(80.0))
    first = own.fresh({LOG: False, ENGINE: None, "unheard of": True}, 1)
    assert first is not None
    assert (first.point.tolist(), first.value.tolist()) == ([4], [0.0])
    assert own.fresh({LOG: False}, 2) is not None  # not yet in the log
    own.keep(first)
    assert own.fresh({LOG: False}, 3) is None
    again = own.fresh({LOG: True}, 4)
    assert again is not None
    assert again.value.tolist() == [1.0]


async def test_status_says_what_is_not_approved(folder: NodeFolder) -> None:
    async with running(folder) as (core, client):
        digest = core.status()["engine"]["config_digest"]
        await client.request("compared", digest=digest, alarms=[])
        assert unapproved(core.status()) == ""
        await client.request("compared", digest=digest, alarms=["LT-1.H"])
        folder.engine_config.write_bytes(config(99.0))
        assert unapproved(core.status()) == "differs from the approved version: LT-1.H; run/engine.arrow differs from what runs"


def test_what_something_is_calculated_from_must_have_spoken_as_a_safety_point_must() -> None:
    """Number 3 is no safety point, and 9 is calculated from it; 4 is nothing's input."""
    code = (Instruction(Op.POINT, 3), Instruction(Op.ABS))
    magnitude = Program(code, points=(3,), cells=0, timed=False, depth=1)
    plant = EngineConfig.from_columns(
        1,
        {"number": [0, 1], "id": ["node", "plc"]},
        {
            "number": [2, 3, 4, 9],
            "id": ["AT-1", "TI-1", "TI-2", "X"],
            "source": [1, 1, 1, 0],
            "safety": [True, False, False, True],
        },
        {"number": [1], "id": ["X.H"], "kind": [3], "target": [9], "limit": [1.0]},
        programs=[(9, magnitude)],
    )
    assert guarded_by(plant.to_bytes()).tolist() == [2, 3]


async def test_a_safety_point_that_never_spoke_is_told(folder: NodeFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its source is in view, so neither loss of view nor staleness speaks for it."""
    monkeypatch.setattr("anlan.monitor.reader.HEARD_WITHIN", SECOND)
    async with running(folder) as (core, client):
        assert core.status()["engine"]["config"] == 1
        guarded = core._own.guarded
        assert guarded.tolist() == [1]
        await client.request("sense")
        await client.request("link", source=1, state="up", reason="")
        await until(lambda: told(folder).get(UNHEARD) == [0.0, 1.0] or told(folder).get(UNHEARD) == [1.0])
