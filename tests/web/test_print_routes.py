"""Papers over the API: the rows are the journal's own, each person prints what they may see, and the audit record has the hash."""

from __future__ import annotations

import asyncio
import re
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from anlan.guard.records import AuditLeaf
from anlan.model.clock import HOUR, MINUTE, isoformat
from anlan.monitor.paper import words
from anlan.monitor.paper.service import Papers
from anlan.monitor.performance import Window
from anlan.web.paper.press import WORDS
from tests.web.conftest import Console, Node
from tests.web.test_words import SOURCE, chinese, literal_msgids

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]


def text_of(pdf: bytes) -> str:
    whole = "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages)
    return re.sub(r"[\s\u200b]", "", whole)


async def busy_shift(node: Node, console: Console) -> None:
    node.feed("AT-203", 0.7)
    node.feed("AT-203", 1.4)
    node.feed("LT-301", 85.0)
    await node.settle()
    alarm = (await console.get("/api/v1/alarms/AT-203.HH")).json()
    said = {"episode": alarm["episode"], "priority": 1, "reason": "氯气报警器,已派外操 <b>#x</b>"}
    assert (await console.post("/api/v1/alarms/AT-203.HH/acknowledge", json=said)).status_code == 200
    node.feed("AT-203", 0.1)
    await node.settle()


async def test_the_printed_journal_is_the_journal(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    await busy_shift(node, console)
    rows = (await console.get("/api/v1/journal", params={"limit": 1000})).json()["items"]
    assert len(rows) >= 6
    answer = await console.get("/api/v1/print/journal", params={"window": "hour"})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    text = text_of(answer.content)
    principal = node.context.guard.sessions.peek(console.cookies["anlan"])
    assert principal is not None
    now = node.clock.now()
    document = await Papers.of(node.context).journal(principal, Window(now - HOUR, now + MINUTE), "zh")
    printed = document.sections[0].rows
    assert [row[0] for row in printed] == [str(row["n"]) for row in rows]
    for row, told in zip(rows, printed, strict=True):
        assert told[4].startswith(row["id"])
        assert told[10] == row["reason"]
        assert re.sub(r"\s", "", "".join(told)) in text
    assert "未知报警记录自" in text, "the journal is younger than the hour that was asked for"
    assert "gas·氯库岗" in text


async def test_the_same_period_printed_again_has_the_same_hash(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    await busy_shift(node, console)
    now = node.clock.now()
    span = {"from": isoformat(now - MINUTE), "to": isoformat(now)}
    node.clock.advance(MINUTE)
    first = (await console.get("/api/v1/print/journal", params=span)).headers["x-content-sha256"]
    node.clock.advance(HOUR)
    assert (await console.get("/api/v1/print/journal", params=span)).headers["x-content-sha256"] == first
    wider = span | {"from": isoformat(now - 2 * MINUTE)}
    assert (await console.get("/api/v1/print/journal", params=wider)).headers["x-content-sha256"] != first

    def leaves() -> list[AuditLeaf]:
        with node.records.reading() as session:
            return list(session.scalars(select(AuditLeaf).where(AuditLeaf.action == "paper.print")))

    kept = await asyncio.to_thread(leaves)
    assert [leaf.subject for leaf in kept] == ["journal"] * 3
    assert kept[0].after is not None
    assert kept[0].after["sha256"] == first


async def test_standing_alarms_and_those_put_aside(node: Node, console: Console) -> None:
    await console.sign_in("tanks", language="zh")
    node.feed("AT-203", 1.4)
    node.feed("LT-301", 85.0)
    await node.settle()
    alarm = (await console.get("/api/v1/alarms/LT-301.H")).json()
    aside = {"episode": alarm["episode"], "priority": 3, "reason": "液位计检修", "until": node.clock.now() + HOUR}
    assert (await console.post("/api/v1/alarms/LT-301.H/shelve", json=aside)).status_code == 200
    await node.settle()
    text = text_of((await console.get("/api/v1/print/alarms")).content)
    assert "AT-203.HH氯气高高报报警中未确认" in text
    assert text.index("搁置、抑制与停用") < text.index("LT-301.H液位高报")
    assert "液位计检修" in text
    assert "截至2026-" in text


async def test_each_prints_what_they_may_see(node: Node, console: Console) -> None:
    await console.sign_in("branch", language="zh")
    node.feed("AT-203", 1.4)
    node.feed("LT-301", 85.0)
    await node.settle()
    text = text_of((await console.get("/api/v1/print/journal", params={"window": "hour"})).content)
    assert "LT-301.H" in text
    assert "AT-203" not in text


async def test_the_bypass_list_says_when_there_is_nothing(console: Console) -> None:
    await console.sign_in("safety", language="zh")
    text = text_of((await console.get("/api/v1/print/bypasses")).content)
    assert "没有旁路,也没有有效的旁路批准。" in text
    assert "没有禁用的测点,也没有校验中的探测器。" in text
    assert "没有待批准的申请。" in text


async def test_a_core_that_does_not_answer_is_said(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    node.feed("AT-203", 1.4)
    await node.settle()
    node.context.live.link(False)
    text = text_of((await console.get("/api/v1/print/alarms")).content)
    assert "节点核心没有应答" in text


@pytest.mark.parametrize("what", ["journal", "alarms", "bypasses"])
async def test_who_may_not_look_may_not_print(console: Console, what: str) -> None:
    assert (await console.get(f"/api/v1/print/{what}")).status_code == 401
    await console.sign_in("guest")
    assert (await console.get(f"/api/v1/print/{what}")).status_code == 403


async def test_a_period_that_makes_no_sense_is_refused(console: Console) -> None:
    await console.sign_in("gas")
    answer = await console.get("/api/v1/print/journal", params={"from": "2026-01-01T08:00:00+08:00"})
    assert answer.status_code == 422
    assert "together" in answer.json()["detail"]


def test_all_words_on_paper_have_their_chinese() -> None:
    tables = (words.STATES, words.KINDS, words.TRIGGERS, words.LATE, words.STEPS)
    made = [path for folder in ("paper", "handover") for path in (SOURCE / "monitor" / folder).glob("*.py")]
    said = {*WORDS, *(text for table in tables for text in table.values())}
    said |= {text for path in made for _, text in literal_msgids(path, {"tell", "say", "translate"})}
    assert said - chinese().keys() == set()
