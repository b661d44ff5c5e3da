"""What a paired station may not do: quiet other posts' alarms, fill journal and audit record, or keep others from pairing."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI

from anlan.model.clock import MINUTE, SECOND
from anlan.monitor.records import ResponseAnswer
from anlan.monitor.service import AlarmService
from anlan.monitor.station_steps import FIRST
from tests.web.conftest import Console, Node
from tests.web.test_stations import DECLARED, admin, alarm, leaves, station

pytestmark = pytest.mark.timeout(120)
__all__ = ["admin", "station"]


async def told_in_the_journal(node: Node, number: int, trigger: str) -> list[Any]:
    await node.settle()
    rows = await asyncio.to_thread(lambda: node.context.journal.of_alarm(number, limit=200))
    return [row for row in rows if row.trigger.name == trigger]


async def test_it_quiets_no_alarm_of_another_post(node: Node, station: Console) -> None:
    step = await alarm(node)
    refused = await station.post("/api/v1/emergency/silence", json=step | {"alarm": "LT-301.H", "priority": 3})
    assert (refused.status_code, refused.json()["code"]) == (403, "not-your-post")
    assert await told_in_the_journal(node, 3, "SILENCE") == []


async def test_the_same_silence_is_written_once(node: Node, station: Console, consoles: Callable[..., Console]) -> None:
    step = await alarm(node)
    answers = [await station.post("/api/v1/emergency/silence", json=step) for _ in range(5)]
    answers += await asyncio.gather(*(station.post("/api/v1/emergency/silence", json=step) for _ in range(5)))
    assert {(one.status_code, one.json()["transition"]) for one in answers} == {(200, answers[0].json()["transition"])}
    assert len(await told_in_the_journal(node, 2, "SILENCE")) == 1
    assert len(await asyncio.to_thread(leaves, node, "alarm.silence")) == 1
    assert (await station.post("/api/v1/emergency/silence", json=step | {"episode": 7})).status_code == 200
    assert len(await asyncio.to_thread(leaves, node, "alarm.silence")) == 1, "a silence of nothing is no step"

    other = consoles("10.0.0.9")
    await other.sign_in("gas")
    for _ in range(2):
        assert (await other.post("/api/v1/alarms/AT-203.HH/silence", json={"episode": 1, "priority": 1})).status_code == 200
    assert len(await told_in_the_journal(node, 2, "SILENCE")) == 2, "another console is another silence"
    node.feed("AT-203", 0.1)
    await node.settle()
    acknowledged = await other.post("/api/v1/alarms/AT-203.HH/acknowledge", json={"episode": 1, "priority": 1, "reason": ""})
    assert acknowledged.status_code == 200
    node.feed("AT-203", 1.4)
    await node.settle()
    now = (await other.get("/api/v1/alarms/AT-203.HH")).json()
    assert now["episode"] == 2
    await other.delete("/api/v1/session")
    assert (await station.post("/api/v1/emergency/silence", json=step | {"episode": 2})).status_code == 200
    assert len(await told_in_the_journal(node, 2, "SILENCE")) == 3, "a new activation sounds anew"


async def test_silences_push_no_words_out_of_the_handover(node: Node, station: Console, consoles: Callable[..., Console]) -> None:
    step = await alarm(node)
    assert (await station.post("/api/v1/emergency/silence", json=step)).status_code == 200
    operator = consoles("10.0.0.9")
    await operator.sign_in("gas", language="zh")
    said = {"episode": 1, "priority": 1, "reason": "阀门已关"}
    assert (await operator.post("/api/v1/alarms/AT-203.HH/acknowledge", json=said)).status_code == 200
    await node.settle()
    node.clock.advance(SECOND)
    facts = (await operator.get("/api/v1/handover")).json()["facts"]
    assert [one["text"] for one in facts["comments"]] == ["阀门已关"]
    assert facts["comments_left"] is None


async def test_the_handover_says_what_it_does_not_list(
    node: Node, station: Console, consoles: Callable[..., Console], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anlan.monitor.handover.facts.MOST_LISTED", 1)
    await alarm(node)
    operator = consoles("10.0.0.9")
    await operator.sign_in("gas", language="zh")
    for id, priority, words in (("AT-203.HH", 1, "阀门已关"), ("AT-203.H", 2, "风机已开")):
        said = {"episode": 1, "priority": priority, "reason": words}
        assert (await operator.post(f"/api/v1/alarms/{id}/acknowledge", json=said)).status_code == 200
        node.clock.advance(SECOND)
    await node.settle()
    elsewhere, here = node.view.rule_numbers["LT-301.H"], node.view.rule_numbers["AT-203.HH"]
    worked = {
        "episode": 1,
        "effect": "yes",
        "verdict": "",
        "value": None,
        "person": uuid4(),
        "name_zh": "王",
        "name_en": "",
        "post": "",
    }
    with node.records.session() as session:
        for alarm_number, note in ((elsewhere, "罐区的"), (here, "浓度已降"), (here, "已恢复")):
            session.add(ResponseAnswer(id=uuid4(), alarm=alarm_number, note=note, at=node.clock.advance(SECOND), **worked))
    node.clock.advance(SECOND)
    told = (await operator.get("/api/v1/handover")).json()
    facts = told["facts"]
    assert [one["text"] for one in facts["comments"]] == ["阀门已关", "浓度已降"], "what another post said takes no room here"
    assert facts["comments_left"]["n"] == 2
    assert facts["comments_left"]["to"] > facts["comments_left"]["from"] > facts["comments"][0]["at"]
    assert "另有至少 2 条说明未列出" in str(told["sections"])


async def test_refused_answers_do_not_fill_the_record_and_the_right_one_is_taken_all_the_same(
    node: Node, station: Console, app: FastAPI
) -> None:
    step = await alarm(node)
    wrong = [step | DECLARED | {"episode": n} for n in range(100, 160)]
    answers = [await station.post("/api/v1/emergency/acknowledge", json=one) for one in wrong]
    answers += await asyncio.gather(*(station.post("/api/v1/emergency/acknowledge", json=one) for one in wrong))
    assert {answer.status_code for answer in answers} == {409}
    assert len(await asyncio.to_thread(leaves, node, "alarm.acknowledge")) == FIRST
    with contextlib.closing(sqlite3.connect(node.folder / "alarms.db")) as journal:
        (asked,) = journal.execute("SELECT count(*) FROM command").fetchone()
    assert asked == FIRST, "what would be refused does not reach core any more"
    right = step | DECLARED
    key = {"Idempotency-Key": "once"}
    taken = [await station.post("/api/v1/emergency/acknowledge", json=right, headers=key) for _ in range(5)]
    assert {one.status_code for one in taken} == {200}
    assert len(await asyncio.to_thread(leaves, node, "alarm.acknowledge")) == FIRST + 1, "sent again it is the same step"
    node.clock.advance(15 * MINUTE)
    await AlarmService.of(node.context).of_stations.write_counts()
    (counted,) = await asyncio.to_thread(leaves, node, "station.refused")
    assert (counted.post, counted.after["count"]) == ("gas", 120 - FIRST)
