"""Why and what-if over the API, on a node's own stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from anlan.model.clock import MINUTE, SECOND

pytestmark = pytest.mark.slow  # many nodes are built; the quick tests stay below three minutes


async def drive(node: Any) -> int:
    """Chlorine goes over H twice, for 2 s and for 20 s; the last reading's time comes back."""
    node.tick("up")
    for value in [0.1] * 5 + [0.7] * 2 + [0.2] * 10 + [0.6] * 20 + [0.3] * 5:
        node.feed("AT-203", value)
        node.tick()
    last = int(node.clock.now())
    await node.settle()  # moves the clock on
    return last


async def test_why_an_alarm_waits_for_its_acknowledgement(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    end = await drive(node)
    answer = await console.get(f"/api/v1/alarms/AT-203.H/why?at={end}")
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["state"], told["condition"], told["episode"]) == ("RETURNED_UNACKNOWLEDGED", False, 2)
    assert told["sentence"]["en"].endswith("Nobody has acknowledged it yet.")
    assert [gate["gate"] for gate in told["gates"]][:6] == ["rule", "service", "suppressed", "shelved", "source", "data"]
    assert len(told["trace"]["time"]) == 42
    assert told["closest"]["value"] == 0.7


async def test_why_at_an_earlier_time_and_why_not(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    end = await drive(node)
    then = (await console.get(f"/api/v1/alarms/AT-203.H/why?at={end - 6 * SECOND}")).json()
    assert (then["condition"], then["closed"]) == (True, None)
    never = (await console.get("/api/v1/alarms/AT-203.HH/why")).json()
    assert (never["state"], never["closed"]) == ("NORMAL", "limit")
    assert "0.3 ppm" in never["sentence"]["zh"]


async def test_why_of_a_point_tells_each_of_its_alarms(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    await drive(node)
    told = (await console.get("/api/v1/points/AT-203/why")).json()
    assert [one["alarm"] for one in told["alarms"]] == ["AT-203.H", "AT-203.HH"]
    assert told["sentence"] == told["alarms"][0]["sentence"]


async def test_a_source_that_is_lost_answers_for_its_view_and_its_points(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    await drive(node)
    node.clock.advance(5 * SECOND)
    node.tick("down")
    node.clock.advance(SECOND)
    node.tick()
    await node.settle()
    view = (await console.get("/api/v1/alarms/modbus.VIEW/why")).json()
    assert (view["condition"], view["view"]) == (True, "down")
    point = (await console.get("/api/v1/alarms/AT-203.HH/why")).json()
    assert point["closed"] == "source"


@pytest.mark.parametrize("path", ["alarms/AT-203.H/why", "points/AT-203/why"])
async def test_who_may_not_see_it_is_not_told(node: Any, consoles: Callable[..., Any], path: str) -> None:
    branch = consoles()
    await branch.sign_in("branch")
    assert (await branch.get(f"/api/v1/{path}")).status_code == 404
    guest = consoles()
    await guest.sign_in("guest")
    assert (await guest.get(f"/api/v1/{path}")).status_code == 403


def trial(end: int, *changes: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return {"start": end - 2 * MINUTE, "end": end + SECOND, "changes": list(changes), **rest}


async def test_a_longer_delay_is_tried_on_the_nodes_own_past(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    end = await drive(node)
    before = node.log.last
    answer = await console.post("/api/v1/replay/what-if", json=trial(end, {"id": "AT-203.H", "on_delay": 5}))
    assert answer.status_code == 200, answer.text
    told = answer.json()
    effect = told["effect"]
    assert (effect["before"], effect["after"], effect["counts"]["gone"], effect["counts"]["later"]) == (2, 1, 1, 1)
    assert [change["by"] for change in effect["changes"] if change["what"] == "later"] == [5 * SECOND]
    rows = told["alarms"]["AT-203.H"]
    assert (len(rows["before"]), len(rows["after"])) == (2, 1)
    assert (told["readings"], told["cut_at"], told["version"]) == (42, None, 1)
    assert node.log.last == before


async def test_limits_priorities_incidents_and_watched_alarms(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    end = await drive(node)
    incident = {"start": end - 26 * SECOND, "end": end, "subject": "hualan/U200", "name": "leak"}
    changes = ({"id": "AT-203.H", "limit": 0.65, "priority": 3},)
    body = trial(end, *changes, alarms=["AT-203.HH"], incidents=[incident], lead=1)
    effect = (await console.post("/api/v1/replay/what-if", json=body)).json()["effect"]
    assert (effect["before"], effect["after"], effect["given"], effect["caught"]) == (2, 1, True, [1, 0])
    assert [one["name"] for one in effect["missed"]] == ["leak"]
    assert effect["priorities"]["2"] == [2, 0]
    assert effect["priorities"]["3"] == [0, 1]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"id": "AT-203.H"}, "nothing is to be changed"),
        ({"id": "modbus.VIEW", "limit": 3}, "takes neither limit"),
        ({"id": "AT-203.H", "on_delay": -1}, "on_delay"),
        ({"id": "AT-203.H", "colour": "red"}, "colour"),
    ],
)
async def test_what_no_rule_can_have_is_refused(node: Any, console: Any, change: dict[str, Any], why: str) -> None:
    await console.sign_in("gas")
    answer = await console.post("/api/v1/replay/what-if", json=trial(node.clock.now(), change))
    assert answer.status_code == 422
    assert why in answer.text


async def test_an_alarm_that_may_not_be_seen_is_not_tried(node: Any, console: Any) -> None:
    await console.sign_in("branch")
    body = trial(node.clock.now(), {"id": "AT-203.H", "on_delay": 5})
    assert (await console.post("/api/v1/replay/what-if", json=body)).status_code == 404


async def test_what_is_left_out_of_a_long_journal_is_told(node: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second activation began and ended: four rows by the end, three six seconds before."""
    monkeypatch.setattr("anlan.monitor.past.PAGE", 4)
    monkeypatch.setattr("anlan.monitor.past.MOST_PAGES", 1)
    await console.sign_in("gas")
    end = await drive(node)
    told = (await console.get(f"/api/v1/alarms/AT-203.H/why?at={end}")).json()
    assert told["cut"]["readings_from"] is None
    assert end - MINUTE < told["cut"]["journal_from"] < end - 20 * SECOND
    assert told["cut"]["text"]["en"].startswith("The journal held too many transitions: only those from ")
    assert told["sentence"]["zh"].endswith(told["cut"]["text"]["zh"])
    assert "报警记录过多" in told["sentence"]["zh"]
    then = (await console.get(f"/api/v1/alarms/AT-203.H/why?at={end - 6 * SECOND}")).json()
    assert then["cut"] is None, "what came later takes nothing of what is looked at"
    assert then["condition"]


async def test_of_too_many_readings_why_looks_at_the_newest_and_says_so(
    node: Any, console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await console.sign_in("gas")
    end = await drive(node)
    whole = (await console.get(f"/api/v1/alarms/AT-203.HH/why?at={end}")).json()
    monkeypatch.setattr("anlan.monitor.past.MOST_ROWS", 30)
    told = (await console.get(f"/api/v1/alarms/AT-203.HH/why?at={end}")).json()
    assert (told["closed"], told["value"], told["value_at"]) == (whole["closed"], whole["value"], whole["value_at"])
    assert whole["start"] < told["start"] == told["cut"]["readings_from"] < end
    assert "只查看了" in told["sentence"]["zh"]
    assert whole["cut"] is None


async def test_whether_a_source_was_in_view_is_told_to_be_unknown_where_its_journal_is_too_long(
    node: Any, console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anlan.monitor.past.PAGE", 1)
    monkeypatch.setattr("anlan.monitor.past.MOST_PAGES", 1)
    await console.sign_in("gas")
    end = await drive(node)
    body = trial(end + 20 * SECOND, {"id": "AT-203.H", "on_delay": 5})
    assert (await console.post("/api/v1/replay/what-if", json=body)).json()["links_from"] is None
    for state in ("down", "up"):
        node.clock.advance(5 * SECOND)
        node.tick(state)
    await node.settle()
    told = (await console.post("/api/v1/replay/what-if", json=trial(node.clock.now(), {"id": "AT-203.H", "on_delay": 5}))).json()
    assert end < told["links_from"] <= node.clock.now()


async def test_more_than_one_answer_may_hold_is_cut_and_told(node: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.monitor.past.MOST_ROWS", 30)
    await console.sign_in("gas")
    end = await drive(node)
    told = (await console.post("/api/v1/replay/what-if", json=trial(end, {"id": "AT-203.H", "on_delay": 5}))).json()
    assert told["readings"] <= 30
    assert end - 2 * MINUTE - 10 * MINUTE < told["cut_at"] < end
