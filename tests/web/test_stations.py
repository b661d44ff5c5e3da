"""A paired station answers alarms of its post when nobody can sign in: the records of people are unreadable, or nobody is signed in there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from sqlalchemy import inspect, select, text

from anlan.guard.records import AuditLeaf
from anlan.model.clock import DAY, HOUR, MINUTE, SECOND
from anlan.monitor.emergency import FAULT
from anlan.web.idempotency import Write
from anlan.web.records import StationRow
from anlan.web.stations import stations_of
from tests.web.conftest import Console, Node
from tests.web.test_streams import console_socket, frame_with, signed_in

pytestmark = pytest.mark.timeout(120)
DECLARED = {"identity_unavailable": True, "reason": "读卡器坏,班长在现场"}
WORDS = "未识别,岗位 氯库岗(操作台 控制室 2 台)"


async def make(admin: Console, post: str = "gas") -> dict[str, Any]:
    answer = await admin.post("/api/v1/stations", json={"name": "控制室 2 台", "post": post})
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
async def admin(consoles: Callable[..., Console]) -> Console:
    console = consoles("10.0.0.2")
    await console.sign_in("admin")
    return console


@pytest.fixture
async def station(admin: Console, console: Console) -> Console:
    """A browser without a session, paired for the chlorine post."""
    made = await make(admin)
    answer = await console.post("/api/v1/station", json={"code": f" {made['code'].upper()} "})
    assert answer.status_code == 200, answer.text
    return console


async def alarm(node: Node) -> dict[str, Any]:
    node.feed("AT-203", 1.4)
    node.feed("LT-301", 85.0)
    await node.settle()
    return {"alarm": "AT-203.HH", "episode": 1, "priority": 1}


def break_people(node: Node) -> None:
    """The table of people is gone, as with a damaged page; other tables can be read."""
    with node.records.session() as session:
        session.execute(text("ALTER TABLE guard_people RENAME TO lost"))


def break_all(node: Node) -> None:
    for table in ("guard_people", "guard_sessions", "guard_audit", "web_stations", "web_writes"):
        with node.records.session() as session:
            session.execute(text(f"ALTER TABLE {table} RENAME TO lost_{table}"))


def leaves(node: Node, action: str) -> list[AuditLeaf]:
    with node.records.reading() as session:
        return list(session.scalars(select(AuditLeaf).where(AuditLeaf.action == action).order_by(AuditLeaf.n)))


async def test_alarms_are_answered_while_the_records_of_people_cannot_be_read(
    node: Node, station: Console, consoles: Callable[..., Console]
) -> None:
    step = await alarm(node)
    operator = consoles("10.0.0.9")
    await operator.sign_in("gas")
    await asyncio.to_thread(break_people, node)
    node.context.guard.sessions.forget()
    assert (await operator.get("/api/v1/alarms")).status_code == 503, "the ordinary way is closed"

    told = (await station.get("/api/v1/emergency")).json()
    assert told["identity"] is False
    assert [row["id"] for row in told["items"]] == ["AT-203.HH", "AT-203.H"], "the post's own, worst first"
    assert (await station.post("/api/v1/emergency/silence", json=step)).status_code == 200
    answer = await station.post("/api/v1/emergency/acknowledge", json=step | {"reason": "已通知班长"})
    assert answer.status_code == 200, answer.text
    await node.settle()

    rows = await asyncio.to_thread(node.context.journal.of_alarm, 2)
    done = next(row for row in rows if row.trigger.name == "ACKNOWLEDGE")
    assert (done.post, done.reason) == ("gas", f"{WORDS}: 已通知班长")
    told = (await station.get("/api/v1/emergency")).json()
    first = next(row for row in told["items"] if row["id"] == "AT-203.HH")
    assert (first["state"], first["acknowledged_by"]) == ("ACKNOWLEDGED", "未识别 unidentified")
    leaf = (await asyncio.to_thread(leaves, node, "alarm.acknowledge"))[-1]
    assert (leaf.who, leaf.post, leaf.subject, leaf.reason) == (done.who, "gas", "AT-203.HH", done.reason)
    assert "未识别人员" in node.context.faults[FAULT].text("zh")


async def test_not_even_the_audit_record_need_be_there(node: Node, station: Console) -> None:
    step = await alarm(node)
    await asyncio.to_thread(break_all, node)
    node.context.guard.sessions.forget()
    answer = await station.post("/api/v1/emergency/acknowledge", json=step, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 200, answer.text
    again = await station.post("/api/v1/emergency/acknowledge", json=step, headers={"Idempotency-Key": "k1"})
    assert again.json()["id"] == answer.json()["id"], "the same step, not a second one"
    await node.settle()
    rows = await asyncio.to_thread(node.context.journal.of_alarm, 2)
    assert [row.reason for row in rows if row.trigger.name == "ACKNOWLEDGE"] == [WORDS]


async def test_a_records_file_that_is_overwritten_on_disk(node: Node, station: Console) -> None:
    step = await alarm(node)
    node.records.engine.dispose()  # as after a restart of the connections: nothing of the file is in memory any more
    for file in (node.folder / "records.db", node.folder / "records.db-wal"):
        file.write_bytes(b"not a database " * 4096)
    node.context.guard.sessions.forget()
    told = (await station.get("/api/v1/emergency")).json()
    assert (told["identity"], told["items"][0]["id"]) == (False, "AT-203.HH")
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200
    await node.settle()
    rows = await asyncio.to_thread(node.context.journal.of_alarm, 2)
    assert [row.reason for row in rows if row.trigger.name == "ACKNOWLEDGE"] == [WORDS]
    assert "audit" in node.context.faults, "and that the record of it does not go on is told"


async def test_with_nobody_signed_in_and_all_records_there(node: Node, station: Console) -> None:
    step = await alarm(node)
    told = (await station.get("/api/v1/emergency")).json()
    assert (told["identity"], told["signed_in"], told["post"]) == (True, None, "gas")
    step |= DECLARED
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200


async def test_who_is_signed_in_there_answers_by_their_own_name(node: Node, station: Console) -> None:
    step = await alarm(node)
    await station.sign_in("gas")
    refused = await station.post("/api/v1/emergency/acknowledge", json=step)
    assert refused.status_code == 409
    assert "own name" in refused.json()["detail"]
    assert (await station.get("/api/v1/emergency")).json()["signed_in"]["zh"] == "gas"
    await station.delete("/api/v1/session")
    step |= DECLARED
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200, "the key outlives the session"


async def test_it_may_nothing_else(node: Node, station: Console) -> None:
    step = await alarm(node)
    elsewhere = await station.post("/api/v1/emergency/acknowledge", json=step | {"alarm": "LT-301.H", "priority": 3})
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "not-your-post")
    assert (await station.post("/api/v1/emergency/acknowledge", json=step | DECLARED | {"episode": 7})).status_code == 409
    assert (await station.post("/api/v1/emergency/acknowledge", json=step | {"alarm": "nothing"})).status_code == 404
    for method, path in (
        ("GET", "/api/v1/alarms"),
        ("GET", "/api/v1/live"),
        ("POST", "/api/v1/alarms/AT-203.HH/acknowledge"),
        ("POST", "/api/v1/alarms/AT-203.HH/shelve"),
        ("GET", "/api/v1/stations"),
        ("GET", "/api/v1/print/alarms"),
    ):
        assert (await station.request(method, path, json={} if method == "POST" else None)).status_code == 401, path
    foreign = await station.post("/api/v1/emergency/acknowledge", json=step, headers={"Origin": "http://evil.example"})
    assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign-origin")


async def test_a_browser_that_is_not_paired_gets_nothing(node: Node, console: Console) -> None:
    step = await alarm(node)
    for answer in (
        await console.get("/api/v1/emergency"),
        await console.post("/api/v1/emergency/acknowledge", json=step),
        await console.post("/api/v1/emergency/silence", json=step),
    ):
        assert (answer.status_code, answer.json()["code"]) == (401, "not-signed-in")
    console.cookies.set("anlan-station", "x" * 43)
    assert (await console.get("/api/v1/emergency")).status_code == 401


async def test_a_code_is_used_once_and_within_an_hour(node: Node, admin: Console, consoles: Callable[..., Console]) -> None:
    made = await make(admin)
    first, second = consoles("10.0.0.3"), consoles("10.0.0.4")
    assert (await first.post("/api/v1/station", json={"code": made["code"]})).status_code == 200
    assert (await second.post("/api/v1/station", json={"code": made["code"]})).status_code == 401
    node.clock.advance(SECOND)
    late = await make(admin)
    node.clock.advance(HOUR + SECOND)
    assert (await second.post("/api/v1/station", json={"code": late["code"]})).status_code == 401
    states = [row["state"] for row in (await admin.get("/api/v1/stations")).json()["items"]]
    assert states == ["expired", "paired"]
    assert "code" not in (await admin.get("/api/v1/stations")).json()["items"][0]


async def test_codes_are_not_found_by_trying(node: Node, console: Console) -> None:
    tried = [(await console.post("/api/v1/station", json={"code": f"guess-{n}"})).status_code for n in range(21)]
    assert tried == [401] * 20 + [429]
    node.clock.advance(15 * MINUTE + SECOND)
    assert (await console.post("/api/v1/station", json={"code": "guess"})).status_code == 401


async def test_who_guesses_keeps_nobody_else_from_pairing(admin: Console, consoles: Callable[..., Console]) -> None:
    stranger = consoles("10.9.9.9")
    for n in range(21):
        await stranger.post("/api/v1/station", json={"code": f"guess-{n}"})
    made = await make(admin)
    assert (await stranger.post("/api/v1/station", json={"code": made["code"]})).status_code == 429
    assert (await consoles("10.0.0.3").post("/api/v1/station", json={"code": made["code"]})).status_code == 200


async def test_revoked_it_is_worth_nothing_at_once(node: Node, admin: Console, station: Console) -> None:
    step = await alarm(node)
    (row,) = (await admin.get("/api/v1/stations")).json()["items"]
    told = await admin.post(f"/api/v1/stations/{row['id']}/revoke", json={"reason": "station replaced"})
    assert told.json()["state"] == "revoked"
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 401
    assert (await admin.post(f"/api/v1/stations/{row['id']}/revoke", json={"reason": "again"})).status_code == 422
    assert [leaf.reason for leaf in await asyncio.to_thread(leaves, node, "station.revoke")] == ["station replaced"]


async def test_keys_and_codes_are_kept_as_hashes(node: Node, admin: Console, station: Console) -> None:
    waiting = await make(admin)
    secrets = (station.cookies["anlan-station"], waiting["code"], waiting["code"].replace("-", ""))

    def kept() -> str:
        with node.records.reading() as session:
            rows = [[str(value) for value in row] for row in session.execute(text("SELECT * FROM web_stations"))]
            audit = [[str(value) for value in row] for row in session.execute(text("SELECT * FROM guard_audit"))]
            writes = [[str(value) for value in row] for row in session.execute(select(Write.answer))]
        return str((rows, audit, writes))

    found = await asyncio.to_thread(kept)
    assert not [secret for secret in secrets if secret in found]
    assert [leaf.action for leaf in await asyncio.to_thread(leaves, node, "station.pair")] == ["station.pair"]


async def test_only_an_administrator_makes_stations(console: Console) -> None:
    await console.sign_in("tanks")
    assert (await console.get("/api/v1/stations")).status_code == 403
    assert (await console.post("/api/v1/stations", json={"name": "x", "post": "gas"})).status_code == 403
    await console.sign_in("admin")
    unknown = await console.post("/api/v1/stations", json={"name": "x", "post": "nowhere"})
    assert unknown.status_code == 422
    assert "gas, tanks" in unknown.json()["detail"]


async def test_the_pages_lead_there(node: Node, station: Console, consoles: Callable[..., Console]) -> None:
    page = await station.get("/emergency")
    assert page.status_code == 200
    assert "<anlan-emergency>" in page.text
    assert 'href="/emergency"' in (await station.get("/login")).text
    assert 'href="/emergency"' not in (await consoles("10.0.0.5").get("/login")).text
    assert "pair" in (await consoles("10.0.0.5").get("/pair")).text
    await station.sign_in("gas")
    await asyncio.to_thread(break_people, node)
    node.context.guard.sessions.forget()
    away = await station.get("/alarms", headers={"Accept": "text/html"})
    assert (away.status_code, away.headers["location"]) == (303, "/emergency"), "a page that nobody can open any more"


async def test_who_was_signed_in_stays_while_the_records_cannot_be_read(
    node: Node, station: Console, consoles: Callable[..., Console]
) -> None:
    """An operator station never logs out or blanks (DOMAIN.md 15)."""
    step = await alarm(node)
    operator = consoles("10.0.0.9")
    await operator.sign_in("gas")
    assert (await operator.get("/api/v1/alarms")).status_code == 200
    session = UUID((await asyncio.to_thread(leaves, node, "session.begin"))[-1].subject)
    await asyncio.to_thread(break_people, node)
    node.clock.advance(MINUTE)
    running = await asyncio.to_thread(node.context.guard.sessions.running, session)
    assert running is not None, "what streams and sockets ask"
    assert running.account == "gas"
    assert await asyncio.to_thread(node.context.guard.sessions.running, UUID(int=7)) is None
    assert (await operator.get("/api/v1/alarms")).status_code == 200, "longer than what is remembered is taken as new"
    said = {"episode": step["episode"], "priority": step["priority"], "reason": ""}
    assert (await operator.post("/api/v1/alarms/AT-203.HH/acknowledge", json=said)).status_code == 200
    operator.cookies.set("anlan", "x" * 43)
    assert (await operator.get("/api/v1/alarms")).status_code == 401, "a token that nobody knows opens nothing"


async def test_a_live_socket_goes_on_while_the_records_cannot_be_read(node: Node, address: str) -> None:
    """Longer than the span after which it asks anew, and with nothing remembered of the session."""
    async with signed_in(address) as client, console_socket(address, client) as socket:
        await frame_with(socket, lambda frame: "t" in frame)
        await asyncio.to_thread(break_all, node)
        node.context.guard.sessions.forget()
        node.clock.advance(MINUTE)
        node.feed("AT-203", 1.4)
        await node.settle()
        assert await frame_with(socket, lambda frame: any(row["id"] == "AT-203.HH" for row in frame.get("a", [])))


async def test_the_board_goes_on_without_names(node: Node, app: FastAPI, station: Console) -> None:
    step = await alarm(node)
    await asyncio.to_thread(break_people, node)
    assert (await station.post("/api/v1/emergency/acknowledge", json=step)).status_code == 200
    node.feed("AT-203", 0.1)
    await node.settle()
    assert "alarm journal" not in node.context.faults
    assert (await station.get("/api/v1/emergency")).json()["journal"] is True


def test_models_match_migrations(node: Node) -> None:
    made = {one["name"]: one["nullable"] for one in inspect(node.records.engine).get_columns(StationRow.__tablename__)}
    assert made == {column.name: column.nullable for column in StationRow.__table__.columns}
    assert stations_of(node.context) is stations_of(node.context)


async def test_who_signs_in_at_a_station_holds_it(station: Console, consoles: Callable[..., Console], node: Node) -> None:
    """The station is the thing that is held (ASVS 6.3.3); a browser elsewhere, or one with a made-up key, is not."""
    node.clock.advance(8 * DAY)
    assert (await station.sign_in("gas"))["must_enrol_factor"] is False
    assert (await station.get("/api/v1/alarms")).status_code == 200
    other = consoles("10.0.0.9")
    assert (await other.sign_in("gas"))["must_enrol_factor"] is True
    other.cookies.set("anlan-station", "A" * 43)
    assert (await other.sign_in("gas"))["must_enrol_factor"] is True
