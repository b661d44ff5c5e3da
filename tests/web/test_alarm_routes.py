"""From a reading in the log to an acknowledged alarm, through the API: who may answer what, and what stands beside it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from anlan.model.clock import DAY, SECOND
from anlan.monitor.service import AlarmService


async def raised(node: Any, point: str = "AT-203", value: float = 0.7) -> None:
    node.feed(point, value)
    await node.settle()


async def row_of(console: Any, alarm: str) -> dict[str, Any]:
    rows = {row["id"]: row for row in (await console.get("/api/v1/alarms")).json()["items"]}
    return rows[alarm]


async def test_an_alarm_stands_with_what_it_asks_of_the_operator(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    row = await row_of(console, "AT-203.H")
    assert row["state"] == "UNACKNOWLEDGED"
    assert (row["value"], row["limit"], row["priority"], row["post"]) == (0.7, 0.5, 2, "gas")
    assert row["happened_at"] == node.context.live.time[1]
    assert row["happened_at_iso"].endswith("Z")


async def test_worst_first_and_by_pages(node: Any, console: Any) -> None:
    await raised(node, "LT-301", 95)
    await raised(node, "AT-203", 2.0)
    await console.sign_in("gas")
    whole = (await console.get("/api/v1/alarms")).json()["items"]
    assert [row["id"] for row in whole] == ["AT-203.HH", "AT-203.H", "LT-301.HH", "LT-301.H"]
    first = (await console.get("/api/v1/alarms?limit=3")).json()
    rest = (await console.get("/api/v1/alarms", params={"limit": 3, "cursor": first["next"]})).json()
    assert [row["id"] for row in first["items"] + rest["items"]] == [row["id"] for row in whole]
    assert rest["next"] is None
    filtered = (await console.get("/api/v1/alarms?place=hualan/U300&priority=2")).json()["items"]
    assert [row["id"] for row in filtered] == ["LT-301.HH"]


async def test_acknowledged_by_the_person_at_its_post(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    answer = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2, "reason": "去现场"})
    assert answer.status_code == 200, answer.text
    await node.settle()
    row = await row_of(console, "AT-203.H")
    assert (row["state"], row["acknowledged_by"]) == ("ACKNOWLEDGED", "gas")
    journal = (await console.get("/api/v1/alarms/AT-203.H/journal")).json()["items"]
    assert [one["trigger"] for one in journal] == ["ACKNOWLEDGE", "CONDITION_ON"]
    assert (journal[0]["post"], journal[0]["reason"], journal[0]["n"]) == ("gas", "去现场", answer.json()["transition"])


async def test_who_is_at_another_post_can_only_mark_it_as_seen(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("tanks")
    refused = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2})
    assert refused.status_code == 403
    assert refused.json()["code"] == "not-your-post"
    assert "mark it as seen" in refused.json()["detail"]
    assert (await row_of(console, "AT-203.H"))["state"] == "UNACKNOWLEDGED"
    seen = await console.post("/api/v1/alarms/AT-203.H/seen", json={"episode": 1})
    assert [one["name"]["zh"] for one in seen.json()["seen"]] == ["tanks"]
    assert (await row_of(console, "AT-203.H"))["state"] == "UNACKNOWLEDGED"


async def test_an_answer_names_the_activation_and_the_severity_that_was_seen(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    stale = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 7, "priority": 2})
    assert stale.status_code == 409
    assert stale.json()["code"] == "command-refused"
    wrong = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 4})
    assert wrong.status_code == 409


async def test_a_latched_alarm_has_its_own_reset(node: Any, console: Any) -> None:
    await raised(node, "LT-301", 85)
    await raised(node, "LT-301", 20)
    await console.sign_in("tanks")
    assert (await row_of(console, "LT-301.H"))["state"] == "LATCHED_UNACKNOWLEDGED"
    early = await console.post("/api/v1/alarms/LT-301.H/reset", json={"episode": 1, "priority": 3})
    assert early.status_code == 409
    for kind in ("acknowledge", "reset"):
        answer = await console.post(f"/api/v1/alarms/LT-301.H/{kind}", json={"episode": 1, "priority": 3})
        assert answer.status_code == 200, answer.text
    await node.settle()
    assert (await console.get("/api/v1/alarms/LT-301.H")).json()["state"] == "NORMAL"


async def test_silence_quiets_a_console_and_moves_no_alarm(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("safety")
    answer = await console.post("/api/v1/alarms/AT-203.H/silence", json={"episode": 1, "priority": 2})
    assert answer.status_code == 200, answer.text
    await node.settle()
    row = await row_of(console, "AT-203.H")
    assert (row["state"], row["value"]) == ("UNACKNOWLEDGED", pytest.approx(0.7))
    newest = (await console.get("/api/v1/alarms/AT-203.H/journal?limit=1")).json()["items"][0]
    assert [newest[name] for name in ("trigger", "before", "after", "episode")] == [
        "SILENCE",
        "UNACKNOWLEDGED",
        "UNACKNOWLEDGED",
        1,
    ]
    assert newest["who"]
    assert (newest["value"], newest["quality"], newest["limit"]) == (None, None, None)
    assert [t.trigger.name for t in node.context.journal.standing()] == ["CONDITION_ON"], "what stands is what it was"


async def test_priority_one_is_acknowledged_one_by_one(node: Any, console: Any) -> None:
    await raised(node, "AT-203", 2.0)
    await console.sign_in("gas")
    both = [{"id": "AT-203.HH", "episode": 1, "priority": 1}, {"id": "AT-203.H", "episode": 1, "priority": 2}]
    refused = await console.post("/api/v1/alarms/acknowledge", json={"alarms": both})
    assert refused.status_code == 422
    assert (await row_of(console, "AT-203.H"))["state"] == "UNACKNOWLEDGED"
    alone = await console.post("/api/v1/alarms/acknowledge", json={"alarms": both[:1]})
    assert [one["accepted"] for one in alone.json()["items"]] == [True]


async def test_several_are_answered_each_for_itself(node: Any, console: Any) -> None:
    await raised(node)
    await raised(node, "LT-301", 95)
    await console.sign_in("tanks")
    wanted = [{"id": "LT-301.H", "episode": 1, "priority": 3}, {"id": "AT-203.H", "episode": 1, "priority": 2}]
    answer = await console.post("/api/v1/alarms/acknowledge", json={"alarms": wanted})
    assert [(one["alarm"], one["accepted"]) for one in answer.json()["items"]] == [("LT-301.H", True), ("AT-203.H", False)]
    assert answer.json()["items"][1]["code"] == "not-your-post"


async def test_there_is_no_acknowledge_all(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    assert (await console.post("/api/v1/alarms/acknowledge", json={"alarms": []})).status_code == 422
    many = [{"id": f"X-{n}", "episode": 1, "priority": 2} for n in range(51)]
    assert (await console.post("/api/v1/alarms/acknowledge", json={"alarms": many})).status_code == 422


async def test_a_repeated_step_is_done_once(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    body, key = {"episode": 1, "priority": 2}, {"Idempotency-Key": "one"}
    first = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body, headers=key)
    again = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body, headers=key)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    other = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={**body, "reason": "other"}, headers=key)
    assert other.status_code == 422
    assert other.json()["code"] == "key-reused"
    without = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body)
    assert without.status_code == 409


async def test_a_key_is_kept_for_a_day(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    address, key = "/api/v1/alarms/AT-203.H/silence", {"Idempotency-Key": "one"}
    await console.post(address, json={"episode": 1, "priority": 2}, headers=key)
    other = {"episode": 1, "priority": 2, "reason": "again"}
    assert (await console.post(address, json=other, headers=key)).status_code == 422
    node.clock.advance(DAY + SECOND)
    assert (await console.post(address, json=other, headers=key)).status_code == 200


async def test_two_at_once_under_one_key_are_one(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    body, key = {"episode": 1, "priority": 2}, {"Idempotency-Key": "one"}
    tries = [console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body, headers=key) for _ in range(8)]
    codes = sorted(answer.status_code for answer in await asyncio.gather(*tries))
    assert codes[0] == 200
    assert set(codes) <= {200, 409}
    await node.settle()
    triggers = [row["trigger"] for row in (await console.get("/api/v1/journal?after=0")).json()["items"]]
    assert triggers.count("ACKNOWLEDGE") == 1


async def test_of_two_consoles_that_answer_at_once_one_is_told_that_it_is_done(node: Any, consoles: Any) -> None:
    await raised(node)
    here, there = consoles(), consoles()
    await here.sign_in("gas")
    await there.sign_in("gas")
    body = {"episode": 1, "priority": 2}
    answers = await asyncio.gather(*(one.post("/api/v1/alarms/AT-203.H/acknowledge", json=body) for one in (here, there)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409).json()
    assert refused["code"] == "command-refused"
    assert refused["detail"]
    await node.settle()
    for one in (here, there):
        assert (await row_of(one, "AT-203.H"))["state"] == "ACKNOWLEDGED"
    journal = (await here.get("/api/v1/alarms/AT-203.H/journal")).json()["items"]
    assert [one["trigger"] for one in journal] == ["ACKNOWLEDGE", "CONDITION_ON"]


async def test_a_failed_step_may_be_tried_again_under_its_key(node: Any, console: Any) -> None:
    from anlan.model.errors import Unavailable

    await raised(node)
    await console.sign_in("gas")
    body, key = {"episode": 1, "priority": 2}, {"Idempotency-Key": "one"}
    node.core.refuse = Unavailable("the core is not connected")
    assert (await console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body, headers=key)).status_code == 503
    node.core.refuse = None
    assert (await console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body, headers=key)).status_code == 200


async def test_what_failed_is_tried_again_as_the_same_write(node: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may have been done in part: the next try is known by the first one's id, and by nothing but the same request."""
    from anlan.model.errors import Unavailable

    await raised(node)
    await console.sign_in("gas")
    address, body, key = "/api/v1/alarms/AT-203.H/acknowledge", {"episode": 1, "priority": 2}, {"Idempotency-Key": "one"}
    ids: list[str] = []
    obey = node.core.command

    async def lost_twice(command: dict[str, Any]) -> Any:
        ids.append(command["id"])
        answer = await obey(command)
        if len(ids) < 3:
            raise Unavailable("the core went away")
        return answer

    monkeypatch.setattr(node.core, "command", lost_twice)
    codes = [(await console.post(address, json=body, headers=key)).status_code for _ in range(2)]
    assert (await console.post(address, json={**body, "reason": "other"}, headers=key)).json()["code"] == "key-reused"
    codes.append((await console.post(address, json=body, headers=key)).status_code)
    assert (codes, len(set(ids))) == ([503, 503, 200], 1)
    await node.settle()
    journal = (await console.get("/api/v1/alarms/AT-203.H/journal")).json()["items"]
    assert [one["trigger"] for one in journal] == ["ACKNOWLEDGE", "CONDITION_ON"]


async def test_every_step_leaves_a_leaf(node: Any, console: Any) -> None:
    await raised(node)
    await console.sign_in("gas")
    await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2, "reason": "seen on site"})
    await console.sign_in("safety")
    leaves = (await console.get("/api/v1/audit")).json()["items"]
    leaf = next(one for one in leaves if one["action"] == "alarm.acknowledge")
    assert (leaf["subject"], leaf["post"], leaf["from_where"], leaf["reason"]) == ("AT-203.H", "gas", "10.0.0.7", "seen on site")
    check = (await console.get("/api/v1/audit/check")).json()
    assert check["difference"] is None
    assert check["leaves"] >= len(leaves)


async def test_a_full_audit_disk_stops_no_acknowledgement(node: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from anlan.model.errors import StoreError

    await raised(node)
    await console.sign_in("gas")

    def full(step: Any) -> int:
        raise StoreError("the disk is full")

    monkeypatch.setattr(node.context.guard, "record", full)
    answer = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2})
    assert answer.status_code == 200
    assert str(node.context.faults["audit"]) == "the disk is full"


async def test_a_person_of_one_branch_sees_that_branch(node: Any, console: Any) -> None:
    await raised(node)
    await raised(node, "LT-301", 85)
    await console.sign_in("branch")
    assert [row["id"] for row in (await console.get("/api/v1/alarms")).json()["items"]] == ["LT-301.H"]
    assert (await console.get("/api/v1/alarms/AT-203.H")).status_code == 404
    assert [row["id"] for row in (await console.get("/api/v1/points")).json()["items"]] == ["LT-301"]
    assert [row["point"] for row in (await console.get("/api/v1/journal")).json()["items"]] == ["LT-301"]
    assert (await console.get("/api/v1/live?points=AT-203")).status_code == 404
    tree = (await console.get("/api/v1/places")).json()["items"]
    assert [place["id"] for place in tree[0]["places"]] == ["U300"]


async def test_old_keys_are_forgotten_beside_the_writes(node: Any, app: Any, console: Any) -> None:
    from sqlalchemy import func, select

    from anlan.web.idempotency import Writes
    from anlan.web.records import Write

    def kept() -> int:
        with node.records.reading() as session:
            return int(session.scalar(select(func.count()).select_from(Write)) or 0)

    await raised(node)
    await console.sign_in("gas")
    body = {"episode": 1, "priority": 2}
    await console.post("/api/v1/alarms/AT-203.H/silence", json=body, headers={"Idempotency-Key": "old"})
    node.clock.advance(DAY + SECOND)
    await console.post("/api/v1/alarms/AT-203.H/silence", json=body, headers={"Idempotency-Key": "new"})
    assert kept() == 2, "a write forgets nothing itself"
    forgetting = asyncio.create_task(Writes(node.records, node.clock).forget_old())
    while kept() > 1:
        await asyncio.sleep(0.01)
    forgetting.cancel()
    with node.records.reading() as session:
        assert session.scalars(select(Write.key)).all() == ["new"]


async def test_a_refusal_names_the_posts_in_the_askers_language(node: Any, console: Any) -> None:
    await raised(node)
    body = {"episode": 1, "priority": 2}
    for language, said in (("zh", ("氯库岗", "罐区岗")), ("en", ("the post Chlorine,", "you are at Tanks:"))):
        await console.sign_in("tanks", language=language)
        refused = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body)
        assert refused.status_code == 403
        assert all(words in refused.json()["detail"] for words in said), refused.json()


async def test_a_field_that_does_not_fit_is_explained_in_the_askers_language(console: Any) -> None:
    body = {"episode": 0, "priority": "x", "other": 1}
    said = {
        "zh": {"body.episode": "应为不小于 1 的数", "body.priority": "应为整数", "body.other": "此处没有这个字段"},
        "en": {
            "body.episode": "a number of at least 1 was expected",
            "body.priority": "a whole number was expected",
            "body.other": "no such field is known here",
        },
    }
    for language, expected in said.items():
        await console.sign_in("gas", language=language)
        answer = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json=body)
        assert answer.status_code == 422
        told = answer.json()
        assert {one["where"]: one["expected"] for one in told["facts"]["errors"]} == expected
        assert told["detail"].endswith(told["facts"]["errors"][0]["expected"])


async def test_a_journal_begun_anew_is_read_from_its_beginning(node: Any, console: Any) -> None:
    """Its numbers may lie below those that were read; a board that only looked ahead would show no alarm any more."""
    board = AlarmService.of(node.context).board
    node.feed("LT-301", 95.0)
    await node.settle()
    await board.catch_up()
    stands = set(board.standing)
    assert stands
    board.cursor, board.standing = 1 << 40, {}
    await board.catch_up()
    assert set(board.standing) == stands
    assert board.cursor == node.context.journal.last
