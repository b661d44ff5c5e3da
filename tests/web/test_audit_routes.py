"""The audit record over the API: asked, proven, checked against its witness; and what a full disk stops and what it doesn't."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

import anlan
from anlan.guard import auditing
from anlan.guard.audit import Step, append
from anlan.guard.audit_spool import Spool
from anlan.guard.auditing import Auditor
from anlan.guard.heads import Head, public_key, verify_head
from anlan.guard.merkle import verify_consistency, verify_inclusion
from anlan.guard.service import Guard
from anlan.model.clock import DAY, HOUR
from anlan.model.errors import StoreError
from anlan.web import audit_watch

OFTEN = 0.05


@pytest.fixture
def node(node: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The small node with a key, a witness and room to wait, looked after often."""
    for name in ("WAITING_SECONDS", "SIGN_SECONDS", "CHECK_SECONDS"):
        monkeypatch.setattr(audit_watch, name, OFTEN)
    monkeypatch.setattr(audit_watch, "LATE_SECONDS", 1.0)
    (tmp_path / "elsewhere").mkdir()
    auditor = Auditor.open(node.records, node.clock, tmp_path / "audit.key", [tmp_path / "elsewhere" / "audit.jsonl"])
    node.context.guard = Guard(node.records, node.clock, auditor=auditor, spool=Spool.open(tmp_path / "audit.waiting", 1 << 18))
    return node


async def until(ready: Callable[[], Any], seconds: float = 10.0) -> Any:
    for _ in range(int(seconds / 0.02)):
        found = ready()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come to be")


def record(node: Any, *steps: dict[str, Any]) -> None:
    for step in steps:
        node.context.guard.record(Step(**{"at": node.clock.now(), "who": "node", "action": "test.step", "subject": "s", **step}))


async def heads(console: Any) -> dict[str, Any]:
    told: dict[str, Any] = (await console.get("/api/v1/audit/heads")).json()
    return told


async def signed(console: Any, size: int) -> dict[str, Any]:
    async def covers() -> dict[str, Any] | None:
        told = await heads(console)
        return told if told["newest"] and told["newest"]["size"] >= size and told["checked"] else None

    found: dict[str, Any] = await until(covers)
    return found


async def test_the_list_is_filtered_by_who_what_subject_time_and_text(node: Any, console: Any) -> None:
    await console.sign_in("gas")
    await console.sign_in("safety")
    start = node.clock.advance(HOUR)
    record(
        node,
        {"action": "alarm.shelve", "subject": "AT-203.H", "reason": "班组检修 100% _x_"},
        {"action": "alarm.reset", "subject": "AT-203.HH", "after": {"note": "氯气报警"}},
        {"action": "plant.edit", "subject": "hualan", "before": {"limit": 24}, "after": {"limit": 30}},
    )

    async def asked(**query: Any) -> list[str]:
        answer = await console.get("/api/v1/audit", params={"start": str(start), **query})
        assert answer.status_code == 200, answer.text
        return [f"{one['action']} {one['subject']}" for one in answer.json()["items"]]

    everything = ["alarm.shelve AT-203.H", "alarm.reset AT-203.HH", "plant.edit hualan"]
    assert await asked() == everything
    assert await asked(before=1 << 40) == everything[::-1]
    assert await asked(action="alarm.") == everything[:2]
    assert await asked(action="alarm.reset") == everything[1:2]
    assert await asked(subject="AT-203.H") == everything[:1]
    assert await asked(text="检修") == everything[:1]
    assert await asked(text="氯气") == everything[1:2]
    assert await asked(text="100% _X_") == everything[:1]
    assert await asked(text="%") == everything[:1]
    assert await asked(text='"limit": 30') == everything[2:]
    assert await asked(who="node") == everything
    assert await asked(who="gas") == []
    assert await asked(end=str(start)) == []
    by_gas = (await console.get("/api/v1/audit", params={"who": "gas"})).json()["items"]
    assert [one["action"] for one in by_gas] == ["session.begin"]
    assert by_gas[0]["who_name"]["zh"] == "gas"
    known = {one["action"]: one["name"] for one in (await console.get("/api/v1/audit/actions")).json()["items"]}
    assert known["alarm.shelve"] == {"zh": "搁置报警", "en": "alarm shelved"}
    assert known["plant.edit"] is None


async def test_pages_of_the_list_neither_repeat_nor_skip(node: Any, console: Any) -> None:
    await console.sign_in("safety")
    record(node, *({"subject": str(n)} for n in range(25)))
    for first, name in (({"after": 0}, "after"), ({"before": 1 << 40}, "before")):
        found, query = [], dict(first)
        while query:
            answer = (await console.get("/api/v1/audit", params={"action": "test.step", "limit": 7, **query})).json()
            found += [int(one["subject"]) for one in answer["items"]]
            query = {name: answer["next"]} if answer["next"] is not None else {}
        assert sorted(found) == list(range(25))
        assert found in (list(range(25)), list(range(24, -1, -1)))


@pytest.mark.parametrize(
    "query", [{"start": "yesterday"}, {"end": "9" * 30}, {"text": "x" * 300}, {"before": 0}, {"limit": 5000}]
)
async def test_a_question_that_makes_no_sense_is_refused(console: Any, query: dict[str, Any]) -> None:
    await console.sign_in("safety")
    assert (await console.get("/api/v1/audit", params=query)).status_code == 422


@pytest.mark.parametrize("path", ["", "/1", "/heads", "/check", "/actions", "/consistency?old=1&new=1"])
async def test_who_may_read_it(console: Any, path: str) -> None:
    await console.sign_in("guest")
    assert (await console.get(f"/api/v1/audit{path}")).status_code == 403
    await console.sign_in("safety")
    assert (await console.get(f"/api/v1/audit{path}")).status_code in {200, 422}


async def test_a_leaf_is_told_with_before_and_after_and_proves_itself(node: Any, console: Any, tmp_path: Path) -> None:
    await console.sign_in("safety")
    record(node, {"before": {"limit": 24}, "after": {"limit": 30}, "reason": "试验"})
    leaf = (await console.get("/api/v1/audit", params={"action": "test.step"})).json()["items"][0]
    await signed(console, leaf["n"])
    told = (await console.get(f"/api/v1/audit/{leaf['n']}")).json()
    assert (told["before"], told["after"], told["reason"]) == ({"limit": 24}, {"limit": 30}, "试验")
    assert hashlib.sha256(b"\0" + told["text"].encode()).hexdigest() == told["leaf"]
    head = Head.of_json(told["proof"]["head"])
    path = [bytes.fromhex(step) for step in told["proof"]["path"]]
    assert verify_inclusion(bytes.fromhex(told["leaf"]), leaf["n"] - 1, head.size, path, head.root)
    verify_head(head, public_key(tmp_path / "audit.pub"))
    assert (await console.get("/api/v1/audit/999999")).status_code == 404
    assert (await console.get("/api/v1/audit/0")).status_code == 404


async def test_heads_tell_key_check_and_witness_and_one_grew_from_the_other(node: Any, console: Any) -> None:
    await console.sign_in("safety")
    first = await signed(console, 1)
    record(node, *({"subject": str(n)} for n in range(9)))
    told = await signed(console, first["newest"]["size"] + 9)
    assert told["key"]["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    assert told["checked"]["difference"] is None
    assert told["checked_at"] is not None
    old, new = first["newest"], told["newest"]
    proof = (await console.get("/api/v1/audit/consistency", params={"old": old["size"], "new": new["size"]})).json()
    path = [bytes.fromhex(step) for step in proof["path"]]
    assert verify_consistency(old["size"], new["size"], path, bytes.fromhex(old["root"]), bytes.fromhex(new["root"]))
    for wrong in ({"old": 0, "new": 1}, {"old": 2, "new": 1}, {"old": 1, "new": 10**6}):
        assert (await console.get("/api/v1/audit/consistency", params=wrong)).status_code == 422

    async def agrees() -> Any:
        (witness,) = (await heads(console))["witnesses"]
        return witness["agrees"] and witness["last"]["size"] >= new["size"]

    await until(agrees)


async def test_what_is_altered_under_a_running_node_is_told_on_every_console(node: Any, console: Any) -> None:
    await console.sign_in("safety")
    record(node, *({"subject": str(n)} for n in range(9)))
    await signed(console, 10)
    with node.records.session() as session:
        session.execute(sa.text("DROP TRIGGER guard_audit_no_update"))
        session.execute(sa.text("UPDATE guard_audit SET reason = 'x' WHERE n = 4"))
    fault = await until(lambda: node.context.faults.get(audit_watch.DIFFERENCE))
    assert "leaf 4 was changed" in str(fault)
    assert "第 4 条写入后被改动" in fault.text("zh")
    check = (await console.get("/api/v1/audit/check")).json()
    assert (check["difference"]["n"], check["difference"]["kind"]) == (4, "changed")
    with node.records.session() as session:
        session.execute(sa.text("UPDATE guard_audit SET reason = '' WHERE n = 4"))
    await until(lambda: audit_watch.DIFFERENCE not in node.context.faults)


async def test_a_witness_that_cannot_be_written_is_told_until_it_can(node: Any, console: Any, tmp_path: Path) -> None:
    await console.sign_in("safety")
    (tmp_path / "elsewhere").rename(tmp_path / "gone")
    record(node, {})
    fault = await until(
        lambda: next((one for part, one in node.context.faults.items() if part.startswith("audit witness")), None)
    )
    assert "is not there: is it mounted?" in str(fault)
    assert "是否已挂载" in fault.text("zh")
    (witness,) = (await heads(console))["witnesses"]
    assert "is not there: is it mounted?" in witness["fault"]
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    await until(lambda: not [part for part in node.context.faults if part.startswith("audit")])


async def test_a_witness_that_hangs_is_told_and_holds_nobody_up(node: Any, console: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    hold, (witness,) = threading.Event(), node.context.guard.auditor._witnesses
    monkeypatch.setattr(witness, "hand", lambda handed: hold.wait(20))
    await console.sign_in("safety")
    record(node, {})
    try:
        fault = await until(lambda: node.context.faults.get("audit witness"))
        assert "has not answered" in str(fault)
        before = (await heads(console))["newest"]["size"]
        record(node, {})
        await signed(console, before + 1)
    finally:
        hold.set()
    monkeypatch.undo()


async def test_a_full_disk_of_the_records_stops_no_acknowledging_and_no_silencing(node: Any, console: Any, consoles: Any) -> None:
    node.tick(modbus="up")
    node.feed("AT-203", 0.7)
    await node.settle()
    await console.sign_in("gas")
    console_of_auditor = consoles("10.0.0.8")
    await console_of_auditor.sign_in("safety")
    pages = no_room(node)
    key = {"Idempotency-Key": "k1"}
    answer = await console.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2}, headers=key)
    assert answer.status_code == 200, answer.text
    answer = await console.post("/api/v1/alarms/AT-203.H/silence", json={"episode": 1, "priority": 2})
    assert answer.status_code == 200, answer.text
    fault = await until(lambda: node.context.faults.get("audit"))
    assert "steps wait in their order" in str(fault)
    assert (await heads(console_of_auditor))["waiting"]["waiting"] >= 1
    await node.settle()
    row = next(one for one in (await console.get("/api/v1/alarms")).json()["items"] if one["id"] == "AT-203.H")
    assert row["state"] == "ACKNOWLEDGED"
    refused = await consoles("10.0.0.9").post("/api/v1/session", json={"account": "safety", "password": "calm-waters-42"})
    assert refused.status_code == 503
    pages.clear()
    await until(lambda: "audit" not in node.context.faults)
    await console.sign_in("safety")
    steps = (await console.get("/api/v1/audit", params={"action": "alarm."})).json()["items"]
    assert [one["action"] for one in steps] == ["alarm.acknowledge", "alarm.silence"]
    assert (await console.get("/api/v1/audit/check")).json()["difference"] is None


def no_room(node: Any) -> list[int]:
    """From now on the database may not grow, as on a full disk; clear the list to make room."""
    engine = node.records.engine
    with engine.connect() as connection:
        pages = [int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())]
    engine.dispose()

    @event.listens_for(engine, "begin")
    def limit(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages[0] if pages else 1 << 30}")

    filler = Step(at=0, who="node", action="filler", subject="x" * 300)
    with pytest.raises(StoreError, match="full"):
        append_for_ever(node, filler)
    return pages


def append_for_ever(node: Any, filler: Step) -> None:
    for _ in range(1000):
        with node.records.session() as session:
            append(session, filler)


async def test_nothing_of_the_record_goes_with_time(node: Any, console: Any) -> None:
    """Kept for six months and longer: no part of the node deletes a leaf, however old."""
    await console.sign_in("gas")
    before = node.context.guard.auditor.check(rest=0).size
    for _ in range(8):
        node.clock.advance(31 * DAY)
        await asyncio.sleep(4 * OFTEN)
    record(node, {})
    checked = await asyncio.to_thread(node.context.guard.auditor.verify)
    assert checked.difference is None
    assert checked.size == before + 1
    assert checked.last_at - checked.first_at > 180 * DAY


@pytest.mark.parametrize("table", ["guard_audit", "guard_audit_heads"])
async def test_the_database_itself_deletes_nothing(node: Any, console: Any, table: str) -> None:
    await console.sign_in("safety")
    await signed(console, 1)
    with pytest.raises(sa.exc.IntegrityError, match="only added to"), node.records.session() as session:
        session.execute(sa.text(f"DELETE FROM {table}"))


def test_no_code_deletes_leaves_or_heads() -> None:
    source = Path(anlan.__file__).parent
    written = re.compile(r"delete\((?:AuditLeaf|AuditHead)|DELETE FROM guard_audit|DROP TABLE guard_audit", re.IGNORECASE)
    assert [path.name for path in source.rglob("*.py") if written.search(path.read_text("utf-8"))] == []


def test_what_is_altered_is_found_within_a_minute() -> None:
    """The time between two checks and the longest that a check rests on its way; a million leaves take a third of that (docs/benchmarks.md)."""
    assert audit_watch.CHECK_SECONDS + auditing.LONGEST <= 60
    assert audit_watch.SIGN_SECONDS <= 60


async def test_many_checks_at_once_share_one_and_hold_up_nobody_else(
    node: Any, console: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    await console.sign_in("safety")
    begun, go_on, found = [], threading.Event(), node.context.guard.auditor.verify

    def slow() -> Any:
        begun.append(threading.get_ident())
        go_on.wait(20)
        return found()

    monkeypatch.setattr(node.context.guard.auditor, "verify", slow)
    asked = [asyncio.ensure_future(console.get("/api/v1/audit/check")) for _ in range(40)]
    try:
        await until(lambda: begun)
        await asyncio.wait_for(asyncio.gather(*(asyncio.to_thread(int) for _ in range(10))), 5)
        asked[0].cancel()
        await asyncio.sleep(0.2)
    finally:
        go_on.set()
    answers = await asyncio.gather(*asked[1:])
    assert {one.status_code for one in answers} == {200}
    assert len(begun) == 1
    assert (await console.get("/api/v1/audit/check")).json()["difference"] is None
    assert len(begun) == 2
