"""T17: every role × every route × every branch, from the app's own route table; who may is let in and who may not is refused in one
set-up, and each refusal is on record.

What should happen is said here from roles.yaml and the place of what is asked for, not from the code that decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from ruamel.yaml import YAML
from sqlalchemy import select
from starlette.requests import HTTPConnection

from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.records import AuditLeaf
from anlan.model.words import Label
from anlan.monitor import api as monitor_api
from anlan.node.configuration import engine_config_in_force, view_of
from anlan.plant import api as plant_api
from anlan.plant.folder import load
from anlan.plant.running import Difference
from anlan.plant.versions import import_plant
from anlan.risk import api as risk_api
from anlan.sense import api as sense_api
from anlan.web.app import build_app
from anlan.web.auth import Require
from tests.web.conftest import ROOMS, console_of
from tests.web.matrix import HERE, Call, answer, calls

SAID: dict[str, Any] = YAML(typ="safe").load((files("anlan.guard") / "data" / "roles.yaml").read_text("utf-8"))
ROLES = sorted(SAID["roles"])
BRANCHES = ("", "works/U200", "works/U300")
ELSEWHERE = "LT-301"
"""A point of U300; what a call names stands in U200."""

PLANT = """\
plant: {id: works, name: 示例企业}
posts: [{id: gas, name: 氯库岗}, {id: tanks, name: 罐区岗}]
places: [{id: U200, name: 氯库, post: gas}, {id: U300, name: 罐区, post: tanks}]
sources: [{id: plc, driver: modbus, host: 127.0.0.1, port: 1, keep_alive: 60}]
alarms: {stale: none, bad: none}
"""
POINTS = """\
id,place,name_zh,kind,unit,range_low,range_high,source,address,reporting,period,H,HH,priority,consequence_zh,corrective_action_zh,time_to_respond
AT-203,U200,甲,level,%,0,100,plc,hr:0 float32,on_change,3600,60,80,3,溢流,停泵,600
LT-301,U300,乙,level,%,0,100,plc,hr:2 float32,on_change,3600,90,,3,溢流,停泵,600
"""
SELF = "session.self"
NOT_HERE = {"/api/v1/points/{point}/end-bypass-approval", "/api/v1/handover/sign"}
"""Of a bypass, which the point doesn't have; of a report that was not drafted: answered by what is there, beyond right and place."""
ENDS_THE_SESSION = {("DELETE", "/api/v1/session")}


class Core:
    """Nothing is decided here."""

    async def bring_into_force(self, imported: Any) -> None: ...

    async def difference(self) -> Difference:
        return Difference(1, "a", 1, "a")


@pytest.fixture
def works(node: Any, people: None, tmp_path: Path) -> Any:
    """Two branches with a point and a post each, in the records as `anlan up` would have put it there."""
    node.records.migrate({**ROOMS, "plant": "anlan.plant"})
    folder = tmp_path / "works"
    folder.mkdir()
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    (folder / "points.csv").write_text(POINTS, "utf-8")
    made = import_plant(node.records, load(folder), author="Li", reason="first", clock=node.clock)
    node.context.plant = node.view = view_of(made.plant, made.numbers, 1)
    node.context.extras["monitor.engine_config"] = lambda: engine_config_in_force(node.records)
    node.context.extras["plant.running"] = Core()
    return node


@pytest.fixture
async def whole(works: Any) -> AsyncIterator[FastAPI]:
    """As `node.app` puts it together; the plant's routes first. Every refusal is told apart, to be compared."""
    works.context.guard.refusals.most_of_one = 10_000
    app = build_app(works.context, routes=[plant_api.routes, monitor_api.routes, risk_api.routes, sense_api.routes])
    async with app.router.lifespan_context(app):
        yield app


def add(node: Any, hashed: str, account: str, held: Held) -> str:
    with node.records.session() as session:
        person = add_person(session, NewPerson(account, Label(zh=account), (held,)), hashed, node.clock, must_change=False)
        return str(person.id)


def may(role: str, branch: str, call: Call) -> bool:
    """By roles.yaml and the place alone."""
    if call.action == SELF:
        return True
    held = call.action in SAID["roles"][role]["actions"]
    if call.whole:
        return held and branch == ""
    sees = not call.names_a_place() or "works/U200".startswith(branch)
    return held and sees


def refused(status: int, code: str) -> bool:
    return status == 403 or (status == 404 and code == "not-found")


async def wrong_answers(
    app: FastAPI, console: Any, role: str, branch: str, names: dict[str, str]
) -> tuple[list[Any], Counter[str]]:
    """What came out otherwise than it should, and what should have been refused."""
    wrong: list[Any] = []
    refusals: Counter[str] = Counter()
    for call in calls(app):
        if (call.method, call.path) in ENDS_THE_SESSION or (call.action == SELF and call.method != "GET"):
            continue  # of everyone's own session: test_session_routes
        status, code, text = await answer(app, console, call, names)
        allowed = may(role, branch, call)
        empty = call.of_something_unknown(names) or not call.names_a_place()
        if call.path in NOT_HERE and call.action in SAID["roles"][role]["actions"]:
            continue
        fits = status != 403 and (status != 404 or empty) if allowed else refused(status, code)
        refusals[f"{call.method} {call.path}"] += not allowed
        leak = branch == "works/U200" and ELSEWHERE in text
        if not fits or leak or status >= 500:
            wrong.append((role, branch, call.method, call.path, call.action, status, code, text[:90]))
    return wrong, refusals


@pytest.fixture
def names(works: Any, hashed: str) -> dict[str, str]:
    """What stands in a route's braces."""
    someone = add(works, hashed, "someone", Held("outside_operator", place="works/U200"))
    return {"alarm": "AT-203.H", "point": HERE, "source": "plc", "person": someone}


def recorded(node: Any) -> Counter[str]:
    """What was asked and refused → how often, as the audit record has it."""
    node.context.guard.refusals.flush()
    with node.records.reading() as session:
        leaves = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "access.refused")).all()
    found: Counter[str] = Counter()
    for leaf in leaves:
        found[leaf.subject] += (leaf.after or {})["count"]
    return found


def of_what_is_here(counts: Counter[str]) -> dict[str, int]:
    return {asked: count for asked, count in counts.items() if asked.split()[1] not in NOT_HERE}


@pytest.mark.slow
@pytest.mark.parametrize("role", ROLES)
async def test_every_route_in_every_branch(whole: FastAPI, works: Any, hashed: str, names: dict[str, str], role: str) -> None:
    post = "gas" if SAID["roles"][role].get("at_post") else ""
    found: list[Any] = []
    refusals: Counter[str] = Counter()
    for n, branch in enumerate(BRANCHES):
        add(works, hashed, f"one-{n}", Held(role, post, branch))
        async with console_of(whole) as console:
            await console.sign_in(f"one-{n}")
            wrong, here = await wrong_answers(whole, console, role, branch, names)
        found += wrong
        refusals += here
    assert "\n".join(map(str, found)) == ""
    assert +refusals, "a matrix without refusals proves nothing"
    assert of_what_is_here(recorded(works)) == of_what_is_here(+refusals)


@pytest.mark.slow
async def test_a_stranger_gets_nothing_and_is_on_record(whole: FastAPI, works: Any, names: dict[str, str]) -> None:
    async with console_of(whole, "203.0.113.7") as stranger:
        answers = [await answer(whole, stranger, call, names) for call in calls(whole) if call.method != "WEBSOCKET"]
    assert {status for status, _, _ in answers} == {401}
    assert recorded(works).total() >= len(
        [call for call in calls(whole) if call.path.startswith("/api/") and call.method != "WEBSOCKET"]
    )


def test_the_table_is_whole(whole: FastAPI) -> None:
    table = calls(whole)
    assert len(table) > 70
    assert {call.action for call in table} | {"node.metrics"} >= set(SAID["actions"])
    assert Counter((call.method, call.path) for call in table).most_common(1)[0][1] == 1


@pytest.fixture
def skips_one_check(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The planted bug: everybody may shelve."""
    real = Require.__call__

    async def forgetful(self: Require, connection: HTTPConnection) -> Any:
        if self.action == "alarm.shelve":
            return connection.scope["state"]["principal"]
        return await real(self, connection)

    with monkeypatch.context() as patched:
        patched.setattr(Require, "__call__", forgetful)
        patched.setattr("anlan.monitor.service.AlarmService.check_right", lambda *_: None)
        yield


async def test_the_matrix_finds_a_check_that_was_forgotten(
    skips_one_check: None, whole: FastAPI, works: Any, hashed: str, names: dict[str, str]
) -> None:
    add(works, hashed, "guest-here", Held("outside_operator", place="works/U200"))
    async with console_of(whole) as console:
        await console.sign_in("guest-here")
        wrong, _ = await wrong_answers(whole, console, "outside_operator", "works/U200", names)
    assert {path for _, _, _, path, *_ in wrong} == {"/api/v1/alarms/{alarm}/shelve", "/api/v1/alarms/{alarm}/unshelve"}
