"""An alarms.db that is damaged is the node's own alarm: it is heard at the console like any other."""

import asyncio
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.engine import EngineConfig
from anlan.monitor.journal_damage import asides
from anlan.node.layout import NodeFolder
from anlan.node.own_points import ENGINE
from tests.node.test_full_disk import raised, running

ENGINE_FAULT = 1


@pytest.fixture(autouse=True)
def quick_ticks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.node.core.TICK_SECONDS", 0.02)


async def test_its_damage_raises_the_alarm_of_the_engine_until_the_file_is_moved_away(tmp_path: Path) -> None:
    folder = NodeFolder(tmp_path / "node").prepare()
    rules = {"number": [ENGINE_FAULT], "id": [f"{ENGINE}.ST"], "kind": [int(AlarmKind.STATE)], "target": [1], "limit": [1.0], "states": [[1]]}  # fmt: skip
    points = {"number": [1], "id": [ENGINE], "source": [0]}
    config = EngineConfig.from_columns(1, {"number": [1, 0], "id": ["plc1", "node"]}, points, rules)
    folder.engine_config.write_bytes(config.to_bytes())
    async with running(folder):
        pass
    folder.journal.write_bytes(b"\xa5" * 4096)
    async with running(folder) as (core, _):
        assert (await raised(folder, ENGINE_FAULT)).happened_at <= SystemClock().now()
        (aside,) = asides(folder.journal)
        assert aside.file.name in str(core.status()["engine"]["fault"])
        aside.file.rename(tmp_path / "looked-at")
        core._reader._rescue.look()
        while core.status()["engine"]["fault"] is not None:
            await asyncio.sleep(0.01)
