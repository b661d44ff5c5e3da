"""Putting alarms aside through the API: whose step it is, what is refused in words, what everyone then sees, and escalation."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from anlan.model.clock import HOUR, MINUTE, SECOND
from anlan.model.languages import translate
from anlan.monitor.sums import Sums

TANK = {"episode": 1, "priority": 3}


async def raised(node: Any, point: str = "LT-301", value: float = 85.0) -> None:
    node.tick("up")
    node.feed(point, value)
    await node.settle()


async def row_of(console: Any, alarm: str) -> dict[str, Any]:
    found: dict[str, Any] = (await console.get(f"/api/v1/alarms/{alarm}")).json()
    return found


async def step(console: Any, alarm: str, kind: str, **body: Any) -> Any:
    return await console.post(f"/api/v1/alarms/{alarm}/{kind}", json={**TANK, **body})


def in_(node: Any, span: int) -> int:
    return int(node.clock.now()) + span


async def pass_time(node: Any, seconds: int) -> None:
    for _ in range(seconds):
        node.clock.advance(SECOND)
        node.tick()
    await node.settle()


async def test_shelved_by_the_person_at_its_post_until_it_comes_back(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("tanks")
    until = in_(node, 5 * MINUTE)
    answer = await step(console, "LT-301.H", "shelve", until=until, reason="液位计检修,反复报警")
    assert answer.status_code == 200, answer.text
    await node.settle()
    row = await row_of(console, "LT-301.H")
    assert (row["state"], row["until"], row["hidden_by"], row["hidden_reason"]) == (
        "SHELVED",
        until,
        "tanks",
        "液位计检修,反复报警",
    )
    listed = (await console.get("/api/v1/alarms?state=SHELVED")).json()["items"]
    assert [one["id"] for one in listed] == ["LT-301.H"]
    await pass_time(node, 301)
    row = await row_of(console, "LT-301.H")
    assert (row["state"], row["episode"], row["until"], row["hidden_by"]) == ("UNACKNOWLEDGED", 2, None, None)
    journal = (await console.get("/api/v1/alarms/LT-301.H/journal")).json()["items"]
    assert [one["trigger"] for one in journal] == ["UNSHELVE", "SHELVE", "CONDITION_ON"]
    assert (journal[1]["until"], journal[1]["value"], journal[1]["reason"]) == (until, None, "液位计检修,反复报警")
    assert (journal[0]["who"], journal[0]["value"]) == ("", 85.0)


async def test_a_person_brings_it_back_and_it_sounds(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("tanks")
    await step(console, "LT-301.H", "shelve", until=in_(node, HOUR), reason="x")
    answer = await step(console, "LT-301.H", "unshelve")
    assert answer.status_code == 200, answer.text
    await node.settle()
    assert (await row_of(console, "LT-301.H"))["state"] == "UNACKNOWLEDGED"
    again = await step(console, "LT-301.H", "unshelve", episode=2)
    assert (again.status_code, again.json()["detail"]) == (409, "the alarm is not shelved")


async def test_an_alarm_that_never_stood_can_be_shelved(node: Any, console: Any) -> None:
    await console.sign_in("tanks")
    detail = await row_of(console, "LT-301.HH")
    assert (detail["state"], detail["episode"]) == ("NORMAL", 0)
    answer = await step(console, "LT-301.HH", "shelve", until=in_(node, HOUR), reason="x", episode=0, priority=2)
    assert answer.status_code == 200, answer.text


async def test_shelving_ends_with_the_shift(node: Any, console: Any) -> None:
    """The node's clock stands at 08:00 in Shanghai: the day shift has twelve hours to go."""
    await raised(node)
    await console.sign_in("tanks")
    node.clock.advance(11 * HOUR)
    detail = await row_of(console, "LT-301.H")
    assert (detail["shift"]["en"], detail["shelve_until"]) == ("Day shift", detail["shift_end"])
    assert detail["shift_end"] - node.clock.now() < HOUR
    refused = await step(console, "LT-301.H", "shelve", until=detail["shift_end"] + 1, reason="x")
    assert refused.status_code == 409
    assert refused.json()["detail"].startswith("shelving ends with the shift at 01-01 20:00 at the latest")
    answer = await step(console, "LT-301.H", "shelve", until=detail["shift_end"], reason="x")
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "body",
    [
        {"reason": "x"},
        {"until": 0, "reason": "x"},
        {"until": 1_900_000_000_000_000, "reason": "  "},
        {"until": 1_900_000_000_000_000},
    ],
)
async def test_shelving_without_end_or_reason_is_no_request(node: Any, console: Any, body: dict[str, Any]) -> None:
    await raised(node)
    await console.sign_in("tanks")
    assert (await step(console, "LT-301.H", "shelve", **body)).status_code == 422


async def test_an_end_that_is_past_is_refused(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("tanks")
    refused = await step(console, "LT-301.H", "shelve", until=in_(node, -1), reason="x")
    assert (refused.status_code, refused.json()["detail"]) == (409, "shelving needs an end that lies ahead")


async def test_gas_of_the_second_level_and_loss_of_view_are_never_shelved(node: Any, console: Any) -> None:
    await raised(node, "AT-203", 2.0)
    await console.sign_in("gas")
    for alarm, why in (("AT-203.HH", "gas alarms of the second level"), ("modbus.VIEW", "loss of view")):
        refused = await step(console, alarm, "shelve", until=in_(node, HOUR), reason="x", priority=1)
        assert refused.status_code == 409
        assert why in refused.json()["detail"]
        assert (await row_of(console, alarm))["why_not"]["shelve"] == refused.json()["detail"]
        assert translate(refused.json()["detail"], "zh") != refused.json()["detail"]
    first_level = await step(console, "AT-203.H", "shelve", until=in_(node, HOUR), reason="x", priority=2)
    assert first_level.status_code == 200, first_level.text


async def test_the_engine_refuses_too_what_the_app_let_through(node: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anlan.monitor.service.may_shelve", lambda rule, point: None)
    await raised(node, "AT-203", 2.0)
    await console.sign_in("gas")
    refused = await step(console, "AT-203.HH", "shelve", until=in_(node, HOUR), reason="x", priority=1)
    assert (refused.status_code, refused.json()["detail"]) == (409, "this alarm guards safety: it can't be shelved")


@pytest.mark.parametrize(
    ("account", "kind", "code"),
    [
        ("gas", "shelve", "not-your-post"),
        ("safety", "shelve", "forbidden"),
        ("gas", "remove-from-service", "forbidden"),
        ("admin", "remove-from-service", "forbidden"),
        ("guest", "shelve", "not-found"),
    ],
)
async def test_who_may_not_is_told_so(node: Any, console: Any, account: str, kind: str, code: str) -> None:
    await raised(node)
    await console.sign_in(account)
    more = {"until": in_(node, HOUR)} if kind == "shelve" else {"work_order": "WO-7"}
    refused = await step(console, "LT-301.H", kind, reason="x", **more)
    assert refused.status_code in {403, 404}
    assert refused.json()["code"] == code or code == "not-found"
    await node.settle()
    assert all(one.last.after.name == "UNACKNOWLEDGED" for one in _board(node).values())


def _board(node: Any) -> Any:
    from anlan.monitor.service import AlarmService

    return AlarmService.of(node.context).board.standing


async def test_out_of_service_for_a_work_order_and_back(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("safety")
    without = await step(console, "LT-301.H", "remove-from-service", reason="transmitter out")
    assert without.status_code == 422
    answer = await step(console, "LT-301.H", "remove-from-service", reason="transmitter out", work_order="WO-2026-0107")
    assert answer.status_code == 200, answer.text
    await node.settle()
    row = await row_of(console, "LT-301.H")
    assert (row["state"], row["hidden_reason"], row["until"]) == ("OUT_OF_SERVICE", "WO-2026-0107: transmitter out", None)
    back = await step(console, "LT-301.H", "return-to-service")
    assert back.status_code == 200, back.text
    await node.settle()
    assert (await row_of(console, "LT-301.H"))["state"] == "UNACKNOWLEDGED"


async def test_one_person_takes_no_gas_alarm_out_of_service(node: Any, console: Any) -> None:
    await raised(node, "AT-203", 0.7)
    await console.sign_in("safety")
    refused = await step(console, "AT-203.H", "remove-from-service", reason="x", work_order="WO-7", priority=2)
    assert refused.status_code == 409
    assert "two persons take it out of use" in refused.json()["detail"]


async def test_done_once_and_every_try_is_on_record(node: Any, console: Any) -> None:
    await raised(node, "AT-203", 2.0)
    await raised(node)
    await console.sign_in("tanks")
    body = {**TANK, "until": in_(node, HOUR), "reason": "x"}
    key = {"Idempotency-Key": "once"}
    first = await console.post("/api/v1/alarms/LT-301.H/shelve", json=body, headers=key)
    again = await console.post("/api/v1/alarms/LT-301.H/shelve", json=body, headers=key)
    assert first.status_code == 200
    assert again.json() == first.json()
    await console.sign_in("gas")
    await step(console, "AT-203.HH", "shelve", until=in_(node, HOUR), reason="too loud", priority=1)
    await console.sign_in("safety")
    leaves = (await console.get("/api/v1/audit?limit=500")).json()["items"]
    tries = [(one["subject"], one["reason"]) for one in leaves if one["action"] == "alarm.shelve"]
    assert tries == [("LT-301.H", "x"), ("AT-203.HH", "too loud")]


async def test_what_nobody_acknowledges_is_told_level_by_level(node: Any, console: Any) -> None:
    await raised(node, "AT-203", 2.0)
    await console.sign_in("gas")
    assert (await row_of(console, "AT-203.HH"))["told_to"] == []
    await pass_time(node, 61)
    row = await row_of(console, "AT-203.HH")
    assert (row["level"], row["told_to"], row["told"]["zh"], row["state"]) == (1, ["shift_leader"], "班长", "UNACKNOWLEDGED")
    await pass_time(node, 60)
    row = await row_of(console, "AT-203.HH")
    assert (row["told_to"], row["told"]["zh"]) == (["shift_leader", "duty_leader"], "带班领导")
    (last, first, _) = (await console.get("/api/v1/alarms/AT-203.HH/journal")).json()["items"]
    assert (last["trigger"], last["told"]["zh"], last["value"], first["level"]) == ("ESCALATE", "带班领导", None, 1)
    await step(console, "AT-203.HH", "acknowledge", priority=1)
    await node.settle()
    assert (await row_of(console, "AT-203.HH"))["told_to"] == []
    assert (await row_of(console, "AT-203.H"))["told_to"] == [], "priority 2 waits at its own post"


async def test_an_app_that_starts_later_knows_who_was_told(node: Any, console: Any) -> None:
    """The level outlives an alarm that comes and goes, and is read from the journal as it was heard."""
    await raised(node, "AT-203", 2.0)
    await pass_time(node, 61)
    await raised(node, "AT-203", 0.1)
    await raised(node, "AT-203", 2.0)
    await console.sign_in("gas")
    assert (await row_of(console, "AT-203.HH"))["level"] == 1
    board = _board(node)
    heard = dict(board)
    from anlan.monitor.service import AlarmService

    afresh = AlarmService.of(node.context).board
    afresh.loaded = False
    await afresh.catch_up()
    assert {n: (s.last, s.level, s.hidden) for n, s in afresh.standing.items()} == {
        n: (s.last, s.level, s.hidden) for n, s in heard.items()
    }


async def test_hiding_an_alarm_brings_no_value_back_within_its_limits(node: Any, console: Any) -> None:
    async def outside() -> int:
        node.clock.advance(2 * SECOND)
        await Sums.of(node.context).refresh()
        return int(orjson.loads(Sums.of(node.context).encoded())["whole"]["outside"])

    await raised(node)
    await console.sign_in("tanks")
    assert await outside() == 1
    await step(console, "LT-301.H", "shelve", until=in_(node, HOUR), reason="x")
    await node.settle()
    assert await outside() == 1
    node.feed("LT-301", 20)
    await node.settle()
    assert await outside() == 0


async def test_an_alarm_shelved_before_it_came_shows_no_value_as_if_it_had(node: Any, console: Any) -> None:
    await console.sign_in("tanks")
    await step(console, "LT-301.HH", "shelve", until=in_(node, HOUR), reason="x", episode=0, priority=2)
    await node.settle()
    row = await row_of(console, "LT-301.HH")
    assert (row["state"], row["value"], row["limit"]) == ("SHELVED", None, None)
