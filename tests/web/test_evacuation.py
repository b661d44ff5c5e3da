"""An evacuation call: who may, where it shows, that it stands over a restart, and that nobody need be known for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from anlan.monitor.evacuation.service import BOOK, FAULT, SOUND, STATION_ENDS, Evacuations
from tests.web.conftest import Console, Node
from tests.web.test_stations import admin, break_all, leaves, station
from tests.web.test_streams import console_socket, frame_with, signed_in

pytestmark = pytest.mark.timeout(120)
__all__ = ["admin", "station"]

DECLARED = {"reason": "系统不认卡", "identity_unavailable": True}
CALL = {"place": "hualan/U200", "reason": "氯气泄漏"}


@pytest.fixture
async def app(node: Node, people: None, tmp_path: Path) -> Any:
    node.context.extras |= {BOOK: tmp_path / "evacuations.book", SOUND: tmp_path / "evacuation.json"}
    built = node.app()
    async with built.router.lifespan_context(built):
        yield built


async def test_a_call_stands_on_the_consoles_of_its_branch_until_it_is_ended(
    node: Node, address: str, consoles: Callable[..., Console]
) -> None:
    """`branch` sees U300 alone: not a call of U200, but one of the whole plant."""
    elsewhere = consoles("10.0.0.9")
    await elsewhere.sign_in("branch")
    async with signed_in(address) as client, console_socket(address, client) as socket:
        await frame_with(socket, lambda frame: "t" in frame)
        call = (await client.post("/api/v1/evacuations", json=CALL | {"exercise": True})).json()
        (told,) = (await frame_with(socket, lambda frame: frame.get("ev")))["ev"]
        assert (told["place_name"]["zh"], told["exercise"], told["by"]["zh"], told["people"]) == ("氯库", True, "gas", None)
        assert orjson.loads(node.context.extras[SOUND].read_bytes()) == [
            {"id": call["id"], "place": "hualan/U200", "exercise": True}
        ]
        assert (await elsewhere.get("/api/v1/evacuations")).json()["items"] == []
        assert (await elsewhere.post("/api/v1/evacuations", json=CALL)).status_code == 403
        assert (await elsewhere.post(f"/api/v1/evacuations/{call['id']}/end", json={"reason": "x"})).status_code == 404
        again = (await client.post("/api/v1/evacuations", json=CALL | {"exercise": True})).json()
        assert again["id"] == call["id"], "it stands already"
        real = (await client.post("/api/v1/evacuations", json=CALL)).json()
        assert real["id"] != call["id"], "an exercise hides no real call"
        whole = (await client.post("/api/v1/evacuations", json=CALL | {"place": "hualan"})).json()
        assert [one["id"] for one in (await elsewhere.get("/api/v1/evacuations")).json()["items"]] == [whole["id"]]
        for one in (call, real, whole):
            assert (await client.post(f"/api/v1/evacuations/{one['id']}/end", json={"reason": "演练结束"})).status_code == 200
        assert (await frame_with(socket, lambda frame: frame.get("ev") == []))["ev"] == []
        assert (await client.post(f"/api/v1/evacuations/{call['id']}/end", json={"reason": "x"})).status_code == 409
    assert not node.context.extras[SOUND].exists()
    started = await asyncio.to_thread(leaves, node, "evacuation.start")
    assert [(leaf.after["place"], leaf.after["exercise"], leaf.reason) for leaf in started] == [
        ("hualan/U200", True, "氯气泄漏"),
        ("hualan/U200", False, "氯气泄漏"),
        ("hualan", False, "氯气泄漏"),
    ]
    assert len(await asyncio.to_thread(leaves, node, "evacuation.end")) == 3


async def test_nobody_need_be_known_and_it_stands_over_a_restart(
    node: Node, app: FastAPI, station: Console, consoles: Callable[..., Console]
) -> None:
    await asyncio.to_thread(break_all, node)
    node.context.guard.sessions.forget()
    assert (await consoles("10.0.0.8").post("/api/v1/emergency/evacuate", json=CALL)).status_code == 401
    called = await station.post("/api/v1/emergency/evacuate", json=CALL)
    assert called.status_code == 200, called.text
    assert (called.json()["by"]["zh"], called.json()["post"]) == ("未识别 · 控制室 2 台", "gas")
    assert (await station.post("/api/v1/emergency/evacuate", json=CALL | {"place": "hualan/U300"})).status_code == 422
    told = (await station.get("/api/v1/emergency")).json()
    assert [one["place"] for one in told["evacuations"]] == ["hualan/U200"]
    assert [path for path, _, _ in told["places"]] == ["hualan", "hualan/U200"]

    del node.context.extras["monitor.evacuation"]  # as after a restart
    (standing,) = Evacuations.of(node.context).standing
    assert (standing.id, standing.reason) == (called.json()["id"], "氯气泄漏")
    book = node.context.extras[BOOK]
    whole = book.read_bytes()
    book.write_bytes(whole + b"00000000 {torn")
    del node.context.extras["monitor.evacuation"]
    damaged = Evacuations.of(node.context)
    assert len(damaged.standing) == 1
    assert FAULT in node.context.faults, "a call may stand that is not shown"


async def test_a_station_that_starts_and_ends_without_end_is_held_at_the_ends(node: Node, station: Console) -> None:
    for _ in range(STATION_ENDS):
        call = (await station.post("/api/v1/emergency/evacuate", json=CALL)).json()
        ended = await station.post("/api/v1/emergency/evacuate/end", json={"call": call["id"], **DECLARED})
        assert ended.status_code == 200
    for _ in range(3):
        call = (await station.post("/api/v1/emergency/evacuate", json=CALL)).json()
        refused = await station.post("/api/v1/emergency/evacuate/end", json={"call": call["id"], **DECLARED})
        assert refused.status_code == 409
    assert call["ended_at"] is None, "a call is never refused for its number"
    assert len(await asyncio.to_thread(leaves, node, "evacuation.start")) == STATION_ENDS + 1


async def test_nobody_who_is_known_ends_no_call_that_reaches_beyond_the_post(
    node: Node, station: Console, consoles: Callable[..., Console]
) -> None:
    leader = consoles("10.0.0.9")
    await leader.sign_in("gas")
    end = "/api/v1/emergency/evacuate/end"
    called = await leader.post("/api/v1/evacuations", json=CALL | {"place": "hualan"})
    refused = await station.post(end, json={"call": called.json()["id"], **DECLARED})
    assert (refused.status_code, refused.json()["code"]) == (409, "command-refused")
    (told,) = (await station.get("/api/v1/emergency")).json()["evacuations"]
    assert (told["id"], told["may_end"]) == (called.json()["id"], False)
    within = await leader.post("/api/v1/evacuations", json=CALL)
    assert (await station.post(end, json={"call": within.json()["id"], **DECLARED})).status_code == 200
    assert (await leader.post(f"/api/v1/evacuations/{told['id']}/end", json={"reason": "x"})).status_code == 200
    own = await station.post("/api/v1/emergency/evacuate", json=CALL | {"place": "hualan"})
    assert (await station.post(end, json={"call": own.json()["id"], **DECLARED})).status_code == 200


async def test_while_people_can_sign_in_the_end_at_a_station_is_declared_or_theirs(
    node: Node, station: Console, consoles: Callable[..., Console]
) -> None:
    """Calling stays as easy as it is."""
    end = "/api/v1/emergency/evacuate/end"
    called = (await station.post("/api/v1/emergency/evacuate", json=CALL)).json()
    refused = await station.post(end, json={"call": called["id"], "reason": "x"})
    assert (refused.status_code, "declare that your identity" in refused.json()["detail"]) == (409, True)
    there = consoles()
    await there.sign_in("gas")
    refused = await station.post(end, json={"call": called["id"], **DECLARED})
    assert (refused.status_code, "by their own name" in refused.json()["detail"]) == (409, True)
    assert (await there.delete("/api/v1/session")).status_code == 200
    ended = (await station.post(end, json={"call": called["id"], **DECLARED})).json()
    assert ended["ended_by"]["zh"] == "未识别 · 控制室 2 台,声明无法验证身份"
    (leaf,) = await asyncio.to_thread(leaves, node, "evacuation.end")
    assert ((leaf.after or {}).get("identity_unavailable"), leaf.reason) == (True, DECLARED["reason"])
    told = [fault.text("zh") for fault in node.context.faults.values()]
    assert any("结束了 氯库 的疏散呼叫,并声明无法验证身份:系统不认卡" in one for one in told), told

    called = (await station.post("/api/v1/emergency/evacuate", json=CALL)).json()
    await asyncio.to_thread(break_all, node)
    assert (await station.post(end, json={"call": called["id"], "reason": "x"})).status_code == 200
    told = [fault.text("zh") for fault in node.context.faults.values()]
    assert any("结束了 氯库 的疏散呼叫:请查明是谁" in one for one in told), told


async def test_a_full_disk_costs_the_line_and_not_the_call(node: Node, app: FastAPI, console: Console, tmp_path: Path) -> None:
    await console.sign_in("gas")
    node.context.extras[BOOK].mkdir()  # nothing can be written there
    with node.records.session() as session:
        session.execute(text("ALTER TABLE web_writes RENAME TO lost_writes"))  # nor may the key be written down
    called = await console.post("/api/v1/evacuations", json=CALL, headers={"Idempotency-Key": "k1"})
    assert called.status_code == 200, called.text
    assert len((await console.get("/api/v1/evacuations")).json()["items"]) == 1
    assert FAULT in node.context.faults
