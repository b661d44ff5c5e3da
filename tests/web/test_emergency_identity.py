"""While people can be known, nobody answers without a name by the way: not beside a running session, not undeclared, not by a copied key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from anlan.model.clock import MINUTE, SECOND
from anlan.monitor.emergency import EmergencyService
from anlan.web.stations import stations_of
from tests.web.conftest import Console, Node
from tests.web.test_stations import DECLARED, WORDS, admin, alarm, break_people, leaves, station

pytestmark = pytest.mark.timeout(120)
__all__ = ["admin", "station"]


def copied(station: Console, other: Console) -> Console:
    """Another browser with the station's key, and without its session."""
    other.cookies.set("anlan-station", station.cookies["anlan-station"])
    return other


async def test_who_is_signed_in_at_the_station_is_known_without_their_cookie(
    node: Node, station: Console, consoles: Callable[..., Console]
) -> None:
    step = await alarm(node) | DECLARED
    await station.sign_in("gas")
    beside = copied(station, consoles("10.0.0.7"))
    assert (await beside.get("/api/v1/emergency")).json()["signed_in"]["zh"] == "gas"
    for kind in ("acknowledge", "silence"):
        refused = await beside.post(f"/api/v1/emergency/{kind}", json=step)
        assert (refused.status_code, "own name" in refused.json()["detail"]) == (409, True), refused.text
    await station.delete("/api/v1/session")
    assert (await beside.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200


async def test_a_session_at_another_post_or_address_is_not_there(
    node: Node, station: Console, consoles: Callable[..., Console]
) -> None:
    step = await alarm(node) | DECLARED
    await consoles("10.0.0.7").sign_in("tanks")
    await consoles("10.0.0.9").sign_in("gas")
    assert (await station.get("/api/v1/emergency")).json()["signed_in"] is None
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200


async def test_while_people_can_be_known_it_is_declared_and_told_for_half_an_hour(node: Node, station: Console) -> None:
    step = await alarm(node)
    for lacking in ({}, {"reason": "手忙"}, {"identity_unavailable": True}, {"identity_unavailable": True, "reason": "  "}):
        refused = await station.post("/api/v1/emergency/acknowledge", json=step | lacking)
        assert (refused.status_code, refused.json()["code"]) == (409, "command-refused"), refused.text
        assert "identity" in refused.json()["detail"]
    assert (await station.post("/api/v1/emergency/silence", json=step)).status_code == 200, "a horn is quieted at once"
    answer = await station.post("/api/v1/emergency/acknowledge", json=step | DECLARED)
    assert answer.status_code == 200, answer.text
    await node.settle()
    rows = await asyncio.to_thread(node.context.journal.of_alarm, 2)
    (done,) = [row for row in rows if row.trigger.name == "ACKNOWLEDGE"]
    assert done.reason == f"{WORDS},声明无法验证身份: {DECLARED['reason']}"
    leaf = (await asyncio.to_thread(leaves, node, "alarm.acknowledge"))[-1]
    assert leaf.reason == done.reason

    def told() -> bool:
        return any(DECLARED["reason"] in fault.text("zh") for fault in node.context.faults.values())

    step = {"alarm": "AT-203.H", "episode": 1, "priority": 2}
    assert (await station.post("/api/v1/emergency/silence", json=step)).status_code == 200
    assert told(), "a later step does not take its notice away"
    service = EmergencyService.of(node.context)
    node.clock.advance(29 * MINUTE)
    service.forget_old()
    assert told()
    node.clock.advance(MINUTE + SECOND)
    service.forget_old()
    assert not told()


async def test_while_the_records_of_people_cannot_be_read_nothing_is_declared(node: Node, station: Console) -> None:
    step = await alarm(node)
    await asyncio.to_thread(break_people, node)
    node.context.guard.sessions.forget()
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200


async def test_a_copied_key_is_worth_nothing_elsewhere_and_is_told(
    node: Node, station: Console, consoles: Callable[..., Console]
) -> None:
    step = await alarm(node) | DECLARED
    thief = copied(station, consoles("10.66.6.6"))
    for answer in (
        await thief.get("/api/v1/emergency"),
        await thief.post("/api/v1/emergency/acknowledge", json=step),
        await thief.post("/api/v1/emergency/silence", json=step),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "another-address"), answer.text
        assert "set-cookie" not in answer.headers, "it is not renewed either"
    assert 'href="/emergency"' not in (await thief.get("/login")).text

    def told() -> bool:
        return any("10.66.6.6" in fault.text("zh") and "10.0.0.7" in fault.text("zh") for fault in node.context.faults.values())

    assert told()
    stations = stations_of(node.context)
    node.clock.advance(29 * MINUTE)
    stations.forget_old()
    assert told()
    node.clock.advance(MINUTE + SECOND)
    stations.forget_old()
    assert not told()
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200, "the station itself goes on"
