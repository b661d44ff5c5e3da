"""A node for tests of the configuration: a gas detector in U100 and a level that guards nothing, and who may ask and approve."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.errors import Unavailable
from anlan.model.words import Label
from anlan.monitor import api as monitor_api
from anlan.node.configuration import view_of
from anlan.plant import api as plant_api
from anlan.plant.folder import load
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant
from anlan.web.app import build_app
from tests.plant.works import PLANT, gas, line, write
from tests.web.conftest import ROOMS, console_of

CLASSES = """\
  classes:
    - {id: strict, name: 严, comment_required: true, shelvable: false, test_interval: 30}
    - {id: loose, name: 宽}
"""


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
def core(node: Any, people: None, hashed: str, tmp_path: Path) -> Core:
    """zhao, qian and sun are safety officers, sun only of U200; zhao and qian may also say what is read from the field."""
    node.records.migrate({**ROOMS, "plant": "anlan.plant"})
    written = PLANT.replace("  stale: safety\n", "  stale: safety\n" + CLASSES)
    plant = load(write(tmp_path / "works", line(), gas("20"), plant=written))
    rules = tuple(rule.model_copy(update={"alarm_class": "strict"}) for rule in plant.rules)
    plant = plant.model_copy(update={"rules": rules})
    made = import_plant(node.records, plant, author="Li", reason="first", clock=node.clock)
    node.context.plant = view_of(made.plant, made.numbers, 1)
    with node.records.session() as session:
        for account, place in (("zhao", ""), ("qian", ""), ("sun", "works/U200")):
            held = (Held("safety_officer", place=place), *([] if place else [Held("instrument")]))
            add_person(session, NewPerson(account, Label(zh=account), held), hashed, node.clock, must_change=False)
    core = node.context.extras["plant.running"] = Core(node)
    return core


@pytest.fixture
async def sign_in(node: Any, core: Core) -> AsyncIterator[Callable[[str], Any]]:
    app = build_app(node.context, routes=[plant_api.routes, monitor_api.routes])
    opened = []

    async def one(account: str) -> Any:
        opened.append(console_of(app))
        await opened[-1].sign_in(account)
        return opened[-1]

    async with app.router.lifespan_context(app):
        yield one
        for console in opened:
            await console.aclose()
