"""A change of the configuration whose version was made and could not be brought into force: sent again under its key it goes on from there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from anlan.guard.records import AuditLeaf
from anlan.model.errors import Unavailable
from anlan.node.configuration import view_of
from anlan.plant import api as plant_api
from anlan.plant.compile import all_rules
from anlan.plant.folder import load
from anlan.plant.master_book import write_book
from anlan.plant.new import new_plant
from anlan.plant.service import with_rule
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant, version, versions
from anlan.web.app import build_app
from tests.web.conftest import ROOMS, console_of

KEY = {"Idempotency-Key": "once"}


class Core:
    """Takes configurations as the node does (`node.configurator`), or is away."""

    def __init__(self, node: Any) -> None:
        self.node, self.away, self.taken = node, False, list[int]()

    async def bring_into_force(self, imported: Imported) -> None:
        if self.away:
            raise Unavailable("the core is not connected")
        self.taken.append(imported.version.number)
        self.node.context.plant = view_of(imported.plant, imported.numbers, imported.version.number)


@pytest.fixture
def core(node: Any, people: None, tmp_path: Path) -> Core:
    node.records.migrate({**ROOMS, "plant": "anlan.plant"})
    folder = tmp_path / "works"
    new_plant(folder)
    made = import_plant(node.records, load(folder), author="Li", reason="first", clock=node.clock)
    node.context.plant = view_of(made.plant, made.numbers, 1)
    core = node.context.extras["plant.running"] = Core(node)
    return core


@pytest.fixture
async def admin(node: Any, core: Core) -> AsyncIterator[Any]:
    app = build_app(node.context, routes=[plant_api.routes])
    async with app.router.lifespan_context(app), console_of(app) as console:
        await console.sign_in("admin")
        yield console


def leaves(node: Any) -> int:
    with node.records.reading() as session:
        return int(session.scalar(select(func.count()).select_from(AuditLeaf).where(AuditLeaf.action == "alarm.configure")) or 0)


async def edit(admin: Any, limit: float, base: int = 1) -> Any:
    change = {"change": {"limit": limit}, "base": base, "reason": "hot summer"}
    return await admin.patch("/api/v1/alarms/TT-101.H/rule", json=change, headers=KEY)


async def test_an_edit_goes_on_from_its_own_version_when_the_core_is_back(node: Any, core: Core, admin: Any) -> None:
    core.away = True
    for _ in range(2):
        assert (await edit(admin, 39)).status_code == 503
    core.away = False
    told = await edit(admin, 39)
    assert told.status_code == 200, told.text
    assert (told.json()["version"], told.json()["new"], told.json()["rule"]["limit"]) == (2, True, 39)
    assert [c["text"]["en"] for c in told.json()["changes"]] == ["alarm TT-101.H: limit 40 → 39"]
    assert (core.taken, [v.number for v in versions(node.records)], leaves(node)) == ([2], [2, 1], 1)
    again = await edit(admin, 39)
    assert (again.json(), again.headers["Idempotency-Replayed"], core.taken) == (told.json(), "true", [2])


async def test_an_edit_that_was_overtaken_brings_nothing_old_back(node: Any, core: Core, admin: Any) -> None:
    core.away = True
    assert (await edit(admin, 39)).status_code == 503
    core.away = False
    change = {"change": {"limit": 38}, "base": 2, "reason": "hotter still"}
    assert (await admin.patch("/api/v1/alarms/TT-101.H/rule", json=change)).json()["version"] == 3
    told = await edit(admin, 39)
    assert (told.status_code, told.json()["version"]) == (200, 2)
    assert (core.taken, version(node.records)[0].number) == ([3], 3)


async def test_another_person_s_version_still_stops_an_edit(core: Core, admin: Any) -> None:
    change = {"change": {"limit": 38}, "base": 1, "reason": "first of all"}
    assert (await admin.patch("/api/v1/alarms/TT-101.H/rule", json=change)).status_code == 200
    assert (await edit(admin, 39)).json()["code"] == "base-moved"


async def test_a_workbook_goes_on_from_its_own_version(node: Any, core: Core, admin: Any) -> None:
    current, plant, _ = version(node.records)
    rule = next(r for r in all_rules(plant) if r.id == "TT-101.H")
    book = write_book(with_rule(plant, rule.model_copy(update={"limit": 39.0})), current)

    async def send() -> Any:
        headers = {**KEY, "Content-Type": "application/octet-stream"}
        return await admin.post("/api/v1/alarms/master/import?base=1&reason=summer", content=book, headers=headers)

    core.away = True
    assert (await send()).status_code == 503
    core.away = False
    told = await send()
    assert (told.status_code, told.json()["version"], core.taken, leaves(node)) == (200, 2, [2], 1), told.text
