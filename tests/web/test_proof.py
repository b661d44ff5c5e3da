"""The proof of the alarm chain: stage by stage through a real engine and journal, heard or not, due every week, and counted nowhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from anlan.model.clock import DAY, MINUTE, SECOND
from anlan.model.errors import Unavailable
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID, NODE_SOURCE, Part
from anlan.model.points import Point
from anlan.model.quality import Flag
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.proof import POINT
from anlan.monitor.proof.service import ALARM, FAILED, OVERDUE, PROVE, Proofs
from tests.web.conftest import ON_CHANGE, Console, Node, PlantView
from tests.web.test_stations import leaves

pytestmark = pytest.mark.timeout(120)


def with_proof(plant: PlantView) -> PlantView:
    point = Point(id=POINT, place="hualan", name=Label(zh="周检"), kind="fault", source=NODE_ID, address=POINT, reporting=ON_CHANGE, states={0: Label(zh="无"), 1: Label(zh="有")})  # fmt: skip
    rule = AlarmRule(id=ALARM, point=POINT, kind=AlarmKind.STATE, states=(1,), priority=4, post="gas")
    return replace(plant, points={**plant.points, 3: point}, rules={**plant.rules, 9: rule})


@pytest.fixture
def node(node_of: Callable[..., Node]) -> Node:
    """As core does it: the node's own point goes into the log as a reading that is marked as an exercise."""
    made = node_of(with_proof)

    async def prove(on: bool) -> dict[str, Any]:
        made.clock.advance(SECOND)
        now = made.clock.now()
        readings = Readings.of([(3, now, float(on), int(Flag.EXERCISE))])
        made.log.append([Part.of_readings(NODE_SOURCE, made._epoch + 1, made._next(0, 1), now, readings)])
        await made.settle()
        return {"durable": now, "decided": now}

    made.context.extras[PROVE] = prove
    return made


async def to_sound(console: Console) -> str:
    """Begun, come to the console, sounded; the id."""
    proof = (await console.post("/api/v1/proofs", json={"station": "控制室 2 台"})).json()
    assert list(proof["stages"]) == ["log", "engine", "journal"], proof
    for stage in ("console", "sound"):
        assert (await console.post(f"/api/v1/proofs/{proof['id']}/stage", json={"stage": stage})).json()["result"] is None
    return str(proof["id"])


async def test_it_is_heard_kept_and_leaves_nothing_behind(node: Node, console: Console, consoles: Callable[..., Console]) -> None:
    await console.sign_in("gas")
    id = await to_sound(console)
    (row,) = [one for one in (await console.get("/api/v1/alarms")).json()["items"] if one["id"] == ALARM]
    assert row["quality"] & Flag.EXERCISE, "the mark is in the record itself"
    other = consoles("10.0.0.9")
    await other.sign_in("tanks")
    assert (await other.post("/api/v1/proofs", json={})).status_code == 409, "one at a time"
    refused = await other.post(f"/api/v1/proofs/{id}/heard", json={"heard": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    told = (await console.post(f"/api/v1/proofs/{id}/heard", json={"heard": True, "note": "清楚"})).json()
    assert (told["result"], sorted(told["stages"])) == ("heard", ["console", "engine", "journal", "log", "sound"])
    await node.settle()
    assert [one["id"] for one in (await console.get("/api/v1/alarms")).json()["items"]] == []
    listed = (await console.get("/api/v1/proofs")).json()
    assert (listed["items"][0]["note"], listed["overdue"], listed["running"]) == ("清楚", False, None)
    (leaf,) = await asyncio.to_thread(leaves, node, "proof.run")
    assert leaf.after["result"] == "heard"
    node.feed("LT-301", 85.0)
    await node.settle()
    report = (await console.get("/api/v1/alarms/performance", params={"window": "hour"})).json()
    assert [one["id"] for one in report["whole"]["actors"]] == ["LT-301.H"], "the alarm of the plant alone"


async def test_what_is_not_heard_is_told_at_once_until_one_is(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    id = await to_sound(console)
    assert (await console.post(f"/api/v1/proofs/{id}/heard", json={"heard": False})).json()["result"] == "not_heard"
    assert "控制室 2 台" in node.context.faults[FAILED].text("zh")
    proof = (await console.post("/api/v1/proofs", json={})).json()
    silent = await console.post(f"/api/v1/proofs/{proof['id']}/stage", json={"stage": "sound", "ok": False})
    assert (silent.json()["result"], silent.json()["failed_at"]) == ("failed", "console")
    id = await to_sound(console)
    await console.post(f"/api/v1/proofs/{id}/heard", json={"heard": True})
    assert FAILED not in node.context.faults


async def test_a_chain_that_breaks_or_stays_silent_ends_as_failed(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    service, whole = Proofs.of(node.context), node.context.extras[PROVE]
    await console.post("/api/v1/proofs", json={})
    node.clock.advance(30 * SECOND)
    await service.end_what_is_over()  # no word from the console
    id = await to_sound(console)
    node.clock.advance(4 * MINUTE)
    await service.end_what_is_over()
    assert (await console.post(f"/api/v1/proofs/{id}/heard", json={"heard": True})).status_code == 404

    async def away(on: bool) -> dict[str, Any]:
        raise Unavailable("the node's core does not answer")

    node.context.extras[PROVE] = away
    assert (await console.post("/api/v1/proofs", json={})).json()["failed_at"] == "log"
    assert "(日志)" in node.context.faults[FAILED].text("zh"), "the stage in the reader's language"
    node.context.extras[PROVE] = whole
    found = [(row["result"], row["failed_at"]) for row in (await console.get("/api/v1/proofs")).json()["items"]]
    assert found == [("failed", "log"), ("unanswered", ""), ("failed", "console")]


async def test_what_a_dead_process_left_standing_proves_nothing(node: Node, console: Console) -> None:
    """And a page that is loaded anew goes on with its own proof."""
    await console.sign_in("gas")
    prove = node.context.extras[PROVE]
    await prove(True)  # an app that died then
    proof = (await console.post("/api/v1/proofs", json={})).json()
    assert (proof["result"], list(proof["stages"])) == (None, ["log", "engine", "journal"])
    assert (await console.get("/api/v1/proofs")).json()["running"]["mine"] is True
    await console.post(f"/api/v1/proofs/{proof['id']}/heard", json={"heard": False})
    await prove(True)

    async def deaf(on: bool) -> dict[str, Any]:
        now = node.clock.now()
        asyncio.get_running_loop().call_later(0.2, node.clock.advance, MINUTE)
        return {"durable": now, "decided": now}

    node.context.extras[PROVE] = deaf
    assert (await console.post("/api/v1/proofs", json={})).json()["failed_at"] == "journal", (
        "the alarm that stood already is no answer"
    )


async def test_a_proof_that_its_process_did_not_outlive_is_shown_as_broken_off(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    id = await to_sound(console)
    assert (await console.get("/api/v1/proofs")).json()["items"] == [], "one that runs is not among those that are over"
    del node.context.extras["monitor.proof"]  # as in a process that was started anew
    anew = await asyncio.to_thread(Proofs.of(node.context).listed)
    assert [(one["id"], one["result"], one["station"]) for one in anew["items"]] == [(id, "broken_off", "控制室 2 台")]
    assert anew["last_heard"] is None


async def test_it_is_due_every_week(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    service = Proofs.of(node.context)
    node.clock.advance(7 * DAY + MINUTE)
    await asyncio.to_thread(service.remind)
    assert "从未检查过" in node.context.faults[OVERDUE].text("zh")
    id = await to_sound(console)
    await console.post(f"/api/v1/proofs/{id}/heard", json={"heard": True})
    assert OVERDUE not in node.context.faults
    node.clock.advance(7 * DAY + MINUTE)
    await asyncio.to_thread(service.remind)
    assert "已超过 7 天" in node.context.faults[OVERDUE].text("zh")
