"""A shift is handed over: facts of the shift, two signatures with own credentials, nothing changed afterwards, open items that carry over."""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import delete, inspect, select, text, update
from sqlalchemy.exc import DatabaseError

from anlan.guard import totp
from anlan.guard.records import AuditLeaf
from anlan.model.clock import DAY, MINUTE, SECOND
from anlan.model.errors import AnlanError, StoreError
from anlan.monitor.handover.facts import EDITS, silences
from anlan.monitor.records import Handover, HandoverAddendum
from tests.web.conftest import PASSWORD, Console, Node

pytestmark = [pytest.mark.timeout(120), pytest.mark.slow]


async def under_way(console: Console) -> dict[str, Any]:
    answer = await console.get("/api/v1/handover")
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def save(console: Console, told: dict[str, Any], remarks: str = "", items: list[dict[str, Any]] | None = None) -> Any:
    body = {"edition": told["edition"], "remarks": remarks, "items": items or []}
    return await console.patch("/api/v1/handover", json=body)


async def offer(console: Console, told: dict[str, Any], password: str = PASSWORD) -> Any:
    return await console.post("/api/v1/handover/sign", json={"edition": told["edition"], "password": password})


async def accept(console: Console, id: str, account: str = "both", **rest: Any) -> Any:
    return await console.post(f"/api/v1/handovers/{id}/sign", json={"account": account, "password": PASSWORD, **rest})


async def handed_over(console: Console, said: str = "", items: list[dict[str, Any]] | None = None, **rest: Any) -> dict[str, Any]:
    """From the draft to both signatures; the console stays with who was there unless told otherwise."""
    told = await under_way(console)
    if said or items:
        told = (await save(console, told, said, items)).json()
    told = (await offer(console, told)).json()
    answer = await accept(console, told["id"], **{"take_over": False, **rest})
    assert answer.status_code == 200, answer.text
    signed: dict[str, Any] = answer.json()
    return signed


def leaves(node: Node, action: str) -> list[AuditLeaf]:
    with node.records.reading() as session:
        return list(session.scalars(select(AuditLeaf).where(AuditLeaf.action == action).order_by(AuditLeaf.n)))


async def test_the_draft_tells_the_facts_of_the_post(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    node.feed("AT-203", 0.7)
    node.feed("AT-203", 1.4)
    node.feed("LT-301", 85.0)
    await node.settle()
    alarm = (await console.get("/api/v1/alarms/AT-203.HH")).json()
    said = {"episode": alarm["episode"], "priority": 1, "reason": "已派外操查看"}
    assert (await console.post("/api/v1/alarms/AT-203.HH/acknowledge", json=said)).status_code == 200
    await node.settle()
    node.clock.advance(SECOND)
    facts = (await under_way(console))["facts"]
    assert [row["id"] for row in facts["standing"]] == ["AT-203.HH", "AT-203.H"]
    assert facts["unacknowledged"] == 1
    assert [(one["post"], one["standing"]) for one in facts["other_posts"]] == [("tanks", 1)]
    assert {one["id"]: one["times"] for one in facts["came"]["items"]} == {"AT-203.HH": 1, "AT-203.H": 1}
    assert [(one["id"], one["text"], one["who"]) for one in facts["comments"]] == [("AT-203.HH", "已派外操查看", "gas")]
    assert facts["bypasses"] == facts["out"] == facts["requests"] == []
    assert facts["whole"] is False


async def test_what_cannot_be_read_is_unknown_and_named(node: Node, console: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    await console.sign_in("gas", language="zh")
    told = await under_way(console)
    assert [one["part"] for one in told["facts"]["unknown"]] == ["edits"], "no plant room fills it here"
    assert told["facts"]["journal_from"] is not None, "the journal is younger than the shift"
    assert told["facts"]["gaps_untellable"] == ["modbus"], "it speaks on change"
    lines = next(one for one in told["sections"] if one["title"] == "未知事项")["lines"]
    assert len(lines) == 3
    edits = next(one for one in told["sections"] if one["title"] == "组态变更")
    assert edits["lines"] == ["未知:本进程不知道组态的版本"]

    def broken(*_: object) -> None:
        raise StoreError("alarms.db could not be read: {error}", error="planted")

    monkeypatch.setattr(type(node.context.journal), "window", broken)
    node.clock.advance(MINUTE)  # another span than the one that was just read
    node.context.live.link(False)
    told = await under_way(console)
    assert {one["part"] for one in told["facts"]["unknown"]} == {"came", "edits", "floods", "live"}
    came = next(one for one in told["sections"] if one["title"] == "本时段发生的报警")
    assert (came["rows"], came["lines"]) == ([], ["未知:报警日志无法读取:planted"])


async def test_edits_come_from_below(node: Node, console: Console) -> None:
    asked: list[tuple[int, int]] = []

    def edits(start: int, end: int) -> list[dict[str, Any]]:
        asked.append((start, end))
        change = {"zh": "报警 AT-203.H:限值 0.5 → 0.6", "en": "alarm AT-203.H: limit 0.5 → 0.6"}
        return [
            {
                "number": 7,
                "at": end - SECOND,
                "author": "anquan",
                "approved_by": {"zh": "钱宁"},
                "reason": "HAZOP",
                "changes": [change],
                "more": 2,
            }
        ]

    node.context.extras[EDITS] = edits
    await console.sign_in("gas", language="zh")
    told = await under_way(console)
    row = next(one for one in told["sections"] if one["title"] == "组态变更")["rows"][0]
    assert row[0] == "7"
    assert row[2] == "anquan\n批准人 钱宁"
    assert row[4] == "报警 AT-203.H:限值 0.5 → 0.6\n……另有 2 项"
    assert asked == [(told["facts"]["start"], told["facts"]["as_of"])]


async def test_a_console_takes_over_its_own_post_alone(console: Console, consoles: Callable[..., Console]) -> None:
    await console.sign_in("gas")
    offered = (await offer(console, await under_way(console))).json()
    elsewhere = consoles("10.0.0.22")
    await elsewhere.sign_in("tanks")
    for body in ({"take_over": True}, {}):
        refused = await accept(elsewhere, offered["id"], **body)
        assert refused.status_code == 403, refused.text
    me = (await elsewhere.get("/api/v1/me")).json()
    assert (me["account"], me["post"]) == ("tanks", "tanks")
    assert (await console.get("/api/v1/handover")).json()["state"] == "offered"
    assert (await accept(console, offered["id"], take_over=True)).status_code == 200


async def test_both_sign_and_the_console_changes_hands(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    node.feed("AT-203", 1.4)
    await node.settle()
    told = (await save(console, await under_way(console), "夜间巡检两次\n泵 P-2 有异响", [{"text": "P-2 待检修"}])).json()
    offered = (await offer(console, told)).json()
    assert offered["state"] == "offered"
    assert [row["id"] for row in offered["facts"]["standing"]] == ["AT-203.HH", "AT-203.H"]
    node.feed("AT-203", 0.1)
    await node.settle()
    assert (await under_way(console))["facts"] == offered["facts"], "what was signed does not move on"

    answer = await accept(console, offered["id"], remarks="已读,P-2 注意", take_over=True)
    assert answer.status_code == 200, answer.text
    signed = answer.json()
    assert (signed["state"], signed["unchanged"]) == ("signed", True)
    assert signed["outgoing"]["name"]["zh"] == "gas"
    assert signed["incoming"]["name"]["zh"] == "两岗"
    me = (await console.get("/api/v1/me")).json()
    assert (me["account"], me["post"]) == ("both", "gas"), "the person changed, the console went on"
    assert (await console.get(f"/api/v1/handovers/{signed['id']}")).json()["unchanged"] is True

    leaf = (await asyncio.to_thread(leaves, node, "handover.accept"))[0]
    assert leaf.after is not None
    assert (leaf.subject, leaf.after["sha256"], leaf.post) == (signed["id"], signed["sha256"], "gas")
    following = await under_way(console)
    assert following["state"] == "draft"
    assert following["facts"]["start"] == signed["as_of"], "nothing falls between two handovers"
    assert [(one["text"], one["carried"]) for one in following["items"]] == [("P-2 待检修", signed["id"])]
    assert following["remarks"] == ""


async def test_without_taking_over_the_station_stays_with_who_is_there(console: Console) -> None:
    await console.sign_in("gas")
    await handed_over(console)
    assert (await console.get("/api/v1/me")).json()["account"] == "gas"


async def test_open_items_go_on_until_they_are_settled(console: Console) -> None:
    await console.sign_in("gas")
    first = await handed_over(console, items=[{"text": "P-2 noisy"}, {"text": "done today", "closed": True}])
    draft = await under_way(console)
    (item,) = draft["items"]
    left_out = await save(console, draft, items=[])
    assert left_out.status_code == 422
    assert "close it with a word" in left_out.json()["detail"]
    wordless = await save(console, draft, items=[{"id": item["id"], "text": item["text"], "closed": True}])
    assert wordless.status_code == 422
    reworded = (await save(console, draft, items=[{"id": item["id"], "text": "nothing", "note": "seen"}])).json()
    assert (reworded["items"][0]["text"], reworded["items"][0]["since"]) == ("P-2 noisy", item["since"])
    settled = [{"id": item["id"], "text": "P-2 noisy", "closed": True, "note": "bearing changed"}]
    assert (await save(console, reworded, items=settled)).status_code == 200
    second = await handed_over(console)
    assert [(one["text"], one["closed"], one["note"]) for one in second["items"]] == [("P-2 noisy", True, "bearing changed")]
    assert (await under_way(console))["items"] == []
    assert second["previous"] == first["id"]
    assert second["previous_sha256"] == first["sha256"]


async def test_who_may_not_sign(console: Console, consoles: Callable[..., Console]) -> None:
    await console.sign_in("gas")
    told = await under_way(console)
    wrong = await offer(console, told, "not-my-password")
    assert wrong.status_code == 403
    assert (await under_way(console))["state"] == "draft"
    offered = (await offer(console, told)).json()
    same = await accept(console, offered["id"], "gas")
    assert (same.status_code, same.json()["code"]) == (403, "same-person")
    elsewhere = await accept(console, offered["id"], "tanks")
    assert elsewhere.status_code == 403
    assert "post" in elsewhere.json()["detail"]
    stranger = await console.post(f"/api/v1/handovers/{offered['id']}/sign", json={"account": "both", "password": "x"})
    assert stranger.status_code == 401
    assert (await under_way(console))["state"] == "offered"
    assert (await console.get("/api/v1/me")).json()["account"] == "gas", "a refused signature takes nobody's console"

    other = consoles()
    await other.sign_in("tanks")
    assert (await under_way(other))["post"] == "tanks"
    assert (await other.post(f"/api/v1/handovers/{offered['id']}/withdraw", json={"reason": "mine"})).status_code == 404
    await other.sign_in("safety")
    assert (await other.get("/api/v1/handover")).status_code == 403
    await other.sign_in("both")
    nowhere = await other.get("/api/v1/handover")
    assert (nowhere.status_code, nowhere.json()["code"]) == (403, "at-no-post")


async def test_the_second_factor_is_asked_for_at_the_signature_too(
    node: Node, console: Console, consoles: Callable[..., Console]
) -> None:
    other = consoles("10.0.0.8")
    await other.sign_in("both")
    secret = (await other.post("/api/v1/me/factor", json={"password": PASSWORD})).json()["secret"]

    def code_now() -> str:
        return totp.code(base64.b32decode(secret.replace(" ", "")), totp.step_of(node.clock.now()))

    assert (await other.post("/api/v1/me/factor/confirm", json={"code": code_now()})).status_code == 200
    node.clock.advance(MINUTE)
    await console.sign_in("gas")
    offered = (await offer(console, await under_way(console))).json()
    asked = await accept(console, offered["id"])
    assert (asked.status_code, asked.json()["code"]) == (401, "second-factor-needed")
    assert (await accept(console, offered["id"], code="000000")).status_code == 401
    signed = await accept(console, offered["id"], code=code_now())
    assert signed.status_code == 200, signed.text


async def test_the_outgoing_signature_asks_for_the_second_factor_too(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    secret = (await console.post("/api/v1/me/factor", json={"password": PASSWORD})).json()["secret"]

    def code_now() -> str:
        return totp.code(base64.b32decode(secret.replace(" ", "")), totp.step_of(node.clock.now()))

    assert (await console.post("/api/v1/me/factor/confirm", json={"code": code_now()})).status_code == 200
    node.clock.advance(MINUTE)
    told = await under_way(console)
    asked = await offer(console, told)
    assert (asked.status_code, asked.json()["code"]) == (403, "second-factor-needed")
    sign = {"edition": told["edition"], "password": PASSWORD}
    assert (await console.post("/api/v1/handover/sign", json={**sign, "code": "000000"})).status_code == 403
    assert (await under_way(console))["state"] == "draft"
    signed = await console.post("/api/v1/handover/sign", json={**sign, "code": code_now()})
    assert (signed.status_code, signed.json()["state"]) == (200, "offered")


async def test_many_consoles_gather_once_and_a_signature_gathers_anew(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    first = (await under_way(console))["facts"]["as_of"]
    assert (await under_way(console))["facts"]["as_of"] == first
    node.clock.advance(6 * SECOND)
    assert (await under_way(console))["facts"]["as_of"] == first + 6 * SECOND
    node.clock.advance(SECOND)
    assert (await offer(console, await under_way(console))).json()["as_of"] == first + 7 * SECOND


async def test_a_password_is_not_found_by_signing(console: Console) -> None:
    await console.sign_in("gas")
    told = await under_way(console)
    answers = [(await offer(console, told, f"guess-{n}")).status_code for n in range(6)]
    assert answers == [403] * 5 + [429]
    assert (await offer(console, told)).status_code == 429, "not even the right one, until time has passed"


async def test_a_signature_is_withdrawn_and_given_again(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    told = (await save(console, await under_way(console), "first")).json()
    offered = (await offer(console, told)).json()
    refused = await save(console, offered, "second")
    assert refused.status_code == 409
    back = (await console.post(f"/api/v1/handovers/{offered['id']}/withdraw", json={"reason": "one more alarm"})).json()
    assert (back["state"], back["remarks"], back["outgoing"]) == ("draft", "first", None)
    assert (await accept(console, offered["id"])).status_code == 409
    again = (await offer(console, back)).json()
    node.clock.advance(31 * MINUTE)
    stale = await accept(console, again["id"])
    assert stale.status_code == 409
    assert "older than 30 minutes" in stale.json()["detail"]


async def test_two_consoles_do_not_overwrite_each_other(console: Console, consoles: Callable[..., Console]) -> None:
    await console.sign_in("gas")
    other = consoles("10.0.0.8")
    await other.sign_in("both", post="gas")
    seen = await under_way(console)
    assert (await save(other, await under_way(other), "theirs")).status_code == 200
    refused = await save(console, seen, "mine")
    assert refused.status_code == 409
    assert (await under_way(console))["remarks"] == "theirs"
    assert (await offer(console, seen)).status_code == 409


async def test_a_signed_record_is_refused_any_change_by_the_database(node: Node, console: Console) -> None:
    await console.sign_in("gas")
    signed = await handed_over(console, "as it was")
    statements = (
        "UPDATE monitor_handovers SET remarks = 'better'",
        "DELETE FROM monitor_handovers",
        "UPDATE monitor_handover_addenda SET text = 'x'",
        "DELETE FROM monitor_handover_addenda",
    )
    assert (await console.post(f"/api/v1/handovers/{signed['id']}/addenda", json={"text": "P-2 was P-3"})).status_code == 200

    def try_all() -> list[str]:
        refused = []
        for statement in statements:
            with pytest.raises((DatabaseError, AnlanError)) as error, node.records.session() as session:
                session.execute(text(statement))
            refused.append(str(error.value))
        return refused

    assert all("is not changed" in one for one in await asyncio.to_thread(try_all))
    told = (await console.get(f"/api/v1/handovers/{signed['id']}")).json()
    assert (told["remarks"], told["unchanged"]) == ("as it was", True)
    assert [(one["text"], one["by"]["name"]["zh"], one["unchanged"]) for one in told["addenda"]] == [("P-2 was P-3", "gas", True)]
    assert told["sha256"] == signed["sha256"]


async def test_a_record_changed_behind_the_triggers_is_found(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    signed = await handed_over(console, "as it was")

    def change() -> None:
        with node.records.session() as session:
            session.execute(text("DROP TRIGGER monitor_handovers_no_update"))
            session.execute(update(Handover).where(Handover.state == "signed").values(remarks="as it suits"))

    await asyncio.to_thread(change)
    assert (await console.get(f"/api/v1/handovers/{signed['id']}")).json()["unchanged"] is False
    printed = await console.get("/api/v1/print/handover")
    assert "散列不一致" in re.sub(r"\s", "", "".join(page.extract_text() for page in PdfReader(BytesIO(printed.content)).pages))


async def test_on_paper_as_on_the_page(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    assert (await console.get("/api/v1/print/handover")).status_code == 404
    node.feed("AT-203", 1.4)
    await node.settle()
    signed = await handed_over(console, "夜间巡检两次", [{"text": "P-2 待检修"}], remarks="已读")
    await console.post(f"/api/v1/handovers/{signed['id']}/addenda", json={"text": "补记:风机已停"})
    answer = await console.get("/api/v1/print/handover", params={"id": signed["id"]})
    assert answer.headers["x-content-sha256"] == signed["sha256"]
    found = re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in PdfReader(BytesIO(answer.content)).pages))
    told = (await console.get(f"/api/v1/handovers/{signed['id']}")).json()
    for section in told["sections"]:
        assert section["title"].replace(" ", "") in found
        for row in section["rows"]:
            assert re.sub(r"\s", "", "".join(row)) in found, section["title"]
    for said in ("夜间巡检两次", "P-2待检修", "已读", "补记:风机已停", "交班gas签字2026-", "接班两岗签字2026-"):
        assert said in found
    draft = await console.get("/api/v1/print/handover", params={"draft": True})
    assert "草稿:尚无人签字" in re.sub(r"\s", "", PdfReader(BytesIO(draft.content)).pages[0].extract_text())


async def test_earlier_handovers_for_who_may_see_the_post(console: Console, consoles: Callable[..., Console]) -> None:
    await console.sign_in("gas")
    first, second = await handed_over(console, "one"), await handed_over(console, "two")
    listed = (await console.get("/api/v1/handovers")).json()["items"]
    assert [one["id"] for one in listed] == [second["id"], first["id"]]
    assert "facts" not in listed[0]
    other = consoles()
    await other.sign_in("safety")
    assert len((await other.get("/api/v1/handovers", params={"post": "gas"})).json()["items"]) == 2
    await other.sign_in("branch")
    assert (await other.get("/api/v1/handovers")).json()["items"] == []
    assert (await other.get(f"/api/v1/handovers/{first['id']}")).status_code == 404
    assert (await other.post(f"/api/v1/handovers/{first['id']}/addenda", json={"text": "x"})).status_code == 403


async def test_a_post_not_handed_over_for_long_says_so(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    await handed_over(console)
    node.clock.advance(9 * DAY)
    told = await under_way(console)
    assert told["facts"]["clipped"] is True
    assert told["facts"]["start"] == told["facts"]["as_of"] - 7 * DAY
    assert any("七天以前" in line for line in told["sections"][0]["lines"])


def test_silences() -> None:
    assert silences([10, 20, 30], 5, 40, 10) == []
    assert silences([10, 31], 5, 40, 10) == [(10, 31)]
    assert silences([], 0, 100, 10) == [(0, 100)]
    assert silences([50], 0, 100, 10) == [(0, 50), (50, 100)]


def test_models_match_migrations(node: Node) -> None:
    for model in (Handover, HandoverAddendum):
        made = {one["name"]: one["nullable"] for one in inspect(node.records.engine).get_columns(model.__tablename__)}
        assert made == {column.name: column.nullable for column in model.__table__.columns}


async def test_a_record_whose_signature_left_the_audit_record_is_in_doubt(node: Node, console: Console) -> None:
    await console.sign_in("gas", language="zh")
    signed = await handed_over(console, "as it was")

    def change() -> None:
        with node.records.session() as session:
            session.execute(text("DROP TRIGGER guard_audit_no_delete"))
            session.execute(delete(AuditLeaf).where(AuditLeaf.action == "handover.accept"))

    await asyncio.to_thread(change)
    assert (await console.get(f"/api/v1/handovers/{signed['id']}")).json()["unchanged"] is None
    printed = await console.get("/api/v1/print/handover")
    assert "审计记录中没有" in re.sub(
        r"\s", "", "".join(page.extract_text() for page in PdfReader(BytesIO(printed.content)).pages)
    )
