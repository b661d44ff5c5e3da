"""A new version of the alarms brought into force by the app: core runs it, the console goes by it, and the event loop is not held up for it."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from anlan.bus.wire import Client
from anlan.guard.service import Guard
from anlan.model.clock import SystemClock
from anlan.monitor.journal_view import JournalView
from anlan.node import configurator as module
from anlan.node.configuration import bring_into_force, open_records, view_in_force
from anlan.node.configurator import Configurator
from anlan.node.core import Core
from anlan.node.layout import NodeFolder
from anlan.plant.folder import load
from anlan.plant.service import with_rule
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant, version
from anlan.store.history import History
from anlan.store.history_tail import WholeHistory
from anlan.store.log import LogSettings
from anlan.store.logreader import LogReader
from anlan.web.context import Context
from anlan.web.live import LiveView

PLANT = """\
plant: {id: works, name: 示例企业}
posts: [{id: panel, name: 内操}]
places: [{id: U100, name: 罐区, post: panel}]
sources: [{id: plc, driver: modbus, host: 127.0.0.1}]
"""
POINTS = """\
id,place,name_zh,kind,unit,range_low,range_high,source,address,H,priority,consequence_zh,corrective_action_zh,time_to_respond
LT-1,U100,A,level,%,0,100,plc,hr:0 float32,80,3,溢流,停泵,600
"""


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[tuple[Core, Context, Configurator]]:
    """A core that runs version 1, and the app's side of it."""
    clock, folder, works = SystemClock(), NodeFolder(tmp_path / "node").prepare(), tmp_path / "works"
    works.mkdir()
    (works / "plant.yaml").write_text(PLANT, "utf-8")
    (works / "points.csv").write_text(POINTS, "utf-8")
    records = open_records(folder)
    bring_into_force(records, folder, works, load(works), clock)
    core = Core(folder, clock, LogSettings(reserve_bytes=1 << 16))
    await core.start()
    client, frames = await Client.connect(folder.socket), LogReader.open(folder.log)
    context = Context(
        core=client,  # type: ignore[arg-type]
        live=LiveView(),
        journal=JournalView(folder.journal),
        history=WholeHistory(History.open(folder.history, incarnation=frames.incarnation), frames),
        records=records,
        plant=view_in_force(records, speed=60.0),
        clock=clock,
        guard=Guard(records, clock),
    )
    yield core, context, Configurator(context, client.request)
    await client.close()
    await core.close()
    frames.close()
    records.close()


def edited(context: Context, limit: float) -> Imported:
    current, plant, _ = version(context.records)
    rule = next(r for r in plant.rules if r.id == "LT-1.H").model_copy(update={"limit": limit})
    return import_plant(
        context.records, with_rule(plant, rule), author="Li", reason="test", clock=context.clock, onto=current.number
    )


def limit_of(context: Context) -> float | None:
    return context.plant.rules[context.plant.rule_numbers["LT-1.H"]].limit


async def test_core_runs_it_and_the_console_goes_by_it(node: tuple[Core, Context, Configurator]) -> None:
    core, context, configurator = node
    assert (context.plant.version, limit_of(context)) == (1, 80)
    second, third = edited(context, 75.0), edited(context, 70.0)
    await configurator.bring_into_force(third)
    assert (context.plant.version, limit_of(context), context.plant.speed) == (3, 70, 60.0)
    assert core.status()["engine"]["config"] == 3
    await configurator.bring_into_force(second)  # overtaken by the third, which rests on it
    assert (context.plant.version, limit_of(context), core.status()["engine"]["config"]) == (3, 70, 3)
    assert (await configurator.difference()).equal


async def test_it_is_made_ready_beside_the_event_loop(
    node: tuple[Core, Context, Configurator], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, context, configurator = node
    where: dict[str, threading.Thread] = {}

    def watched(name: str) -> Callable[..., Any]:
        real = getattr(module, name)

        def call(*given: Any) -> Any:
            where[name] = threading.current_thread()
            return real(*given)

        return call

    for name in ("view_of", "engine_config"):
        monkeypatch.setattr(module, name, watched(name))
    await configurator.bring_into_force(edited(context, 75.0))
    assert limit_of(context) == 75
    assert set(where) == {"view_of", "engine_config"}
    assert threading.current_thread() not in where.values()
