"""Tokens over the API, sessions seen and ended, and consoles at a post that nobody empties."""

from __future__ import annotations

import asyncio
import csv
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from anlan.guard.records import AuditLeaf
from anlan.guard.tokens import new_text
from tests.web.conftest import PASSWORD
from tests.web.test_factor_routes import code_now, set_up

VIEWS = ["live.view", "alarm.view", "history.view"]


async def made(console: Any, **rest: Any) -> dict[str, Any]:
    answer = await console.post("/api/v1/me/tokens", json={"name": "historian", "actions": VIEWS, "password": PASSWORD, **rest})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


@pytest.fixture
def program(consoles: Any) -> Any:
    """A program: no cookie, no origin."""
    client = consoles("10.9.9.9")
    del client.headers["Origin"]
    return client


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


async def test_a_program_reads_by_its_token_what_it_was_made_for(console: Any, program: Any) -> None:
    await console.sign_in("safety")
    token = await made(console, place="hualan/U200", days=7)
    shown = bearer(token["token"])
    points = (await program.get("/api/v1/live", headers=shown)).json()["items"]
    assert [one["point"] for one in points] == ["AT-203"]
    assert (await program.get("/api/v1/points", headers=shown)).status_code == 403
    assert (await program.get("/api/v1/live?points=LT-301", headers=shown)).status_code == 404
    (row,) = (await console.get("/api/v1/me/tokens")).json()["items"]
    assert "token" not in row
    assert (row["used_from"], row["expired"], row["place"]) == ("10.9.9.9", False, "hualan/U200")


async def test_what_a_program_reads_is_in_the_language_it_asks_for(console: Any, program: Any) -> None:
    await console.sign_in("safety")
    shown = bearer((await made(console))["token"])
    params = {"points": "AT-203", "start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}
    for asked, heading in (("en-GB,zh;q=0.5", "Point"), ("zh-CN", "测点"), ("fr", "测点")):
        told = await program.get("/api/v1/readings/export", params=params, headers={**shown, "Accept-Language": asked})
        assert told.status_code == 200, told.text
        assert next(csv.reader([told.content.decode("utf-8-sig")]))[0] == heading


async def test_a_token_is_no_person(console: Any, program: Any) -> None:
    await console.sign_in("safety")
    shown = bearer((await made(console, actions=["alarm.seen", "alarm.view"]))["token"])
    assert (await program.get("/api/v1/me", headers=shown)).json()["account"] == "safety"
    for method, path, body in (
        ("POST", "/api/v1/me/password", {"old": "calm-waters-42", "new": "another-word-43"}),
        ("PATCH", "/api/v1/me", {"language": "en"}),
        ("POST", "/api/v1/me/factor", {"password": "calm-waters-42"}),
        ("POST", "/api/v1/me/sign-out-everywhere", None),
        ("DELETE", "/api/v1/session", None),
        ("POST", "/api/v1/me/tokens", {"name": "more", "actions": VIEWS, "password": PASSWORD}),
    ):
        answer = await program.request(method, path, json=body, headers=shown)
        assert answer.status_code == 403, (path, answer.text)
    assert (await program.get("/docs", headers=shown)).status_code == 401, "for the API alone"


async def test_revoked_it_is_nothing_at_once(consoles: Any, console: Any, program: Any) -> None:
    await console.sign_in("safety")
    token = await made(console)
    assert (await program.get("/api/v1/live", headers=bearer(token["token"]))).status_code == 200
    boss = consoles()
    await boss.sign_in("admin")
    listed = (await boss.get("/api/v1/tokens")).json()["items"]
    assert [one["id"] for one in listed] == [token["id"]]
    assert (await boss.delete(f"/api/v1/tokens/{token['id']}")).status_code == 200
    assert (await program.get("/api/v1/live", headers=bearer(token["token"]))).status_code == 401
    assert (await console.delete(f"/api/v1/me/tokens/{token['id']}")).status_code == 404


async def test_a_misspelt_branch_and_another_scheme(console: Any, program: Any) -> None:
    await console.sign_in("safety")
    answer = await console.post(
        "/api/v1/me/tokens", json={"name": "x", "actions": VIEWS, "place": "hualan/U2000", "password": PASSWORD}
    )
    assert answer.status_code == 422
    assert "hualan/U2" in answer.json()["detail"]
    token = (await made(console))["token"]
    for header in (f"Basic {token}", token, f"Bearer: {token}", "Bearer", f"Bearer {token} {token}"):
        assert (await program.get("/api/v1/live", headers={"Authorization": header})).status_code == 401
    assert (await program.get("/api/v1/live", headers={"Authorization": f"bearer {token}"})).status_code == 200


async def test_a_bad_token_beside_a_good_cookie_is_a_bad_token(console: Any) -> None:
    await console.sign_in("safety")
    assert (await console.get("/api/v1/live", headers=bearer(new_text()))).status_code == 401
    assert (await console.get("/api/v1/live")).status_code == 200


async def test_forged_tokens_are_on_record_by_count(node: Any, program: Any) -> None:
    for _ in range(300):
        assert (await program.get("/api/v1/live", headers=bearer(new_text()))).status_code == 401
    node.context.guard.refusals.flush()
    with node.records.reading() as session:
        leaves = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "access.refused")).all()
    assert sum(leaf.after["count"] for leaf in leaves if leaf.after) == 300
    assert len(leaves) <= 5
    assert {leaf.from_where for leaf in leaves} == {"10.9.9.9"}


async def test_who_finds_the_console_open_makes_no_token(console: Any, node: Any) -> None:
    await console.sign_in("safety")
    new = {"name": "x", "actions": VIEWS}
    assert (await console.post("/api/v1/me/tokens", json=new)).status_code == 422
    assert (await console.post("/api/v1/me/tokens", json={**new, "password": "a-guess-at-it"})).status_code == 403
    secret, _ = await set_up(console, node)
    asked = await console.post("/api/v1/me/tokens", json={**new, "password": PASSWORD})
    assert (asked.status_code, asked.json()["code"]) == (403, "second-factor-needed")
    wrong = await console.post("/api/v1/me/tokens", json={**new, "password": PASSWORD, "code": "000000"})
    assert (wrong.status_code, wrong.json()["code"]) == (403, "forbidden")
    assert (await console.get("/api/v1/me/tokens")).json()["items"] == []
    await made(console, code=code_now(node, secret))


@pytest.mark.slow
@pytest.mark.parametrize("step", ["password", "close"])
async def test_whose_account_is_taken_back_keeps_no_token(
    consoles: Any, console: Any, program: Any, node: Any, step: str
) -> None:
    person = (await console.sign_in("safety"))["person"]
    shown = bearer((await made(console))["token"])
    assert (await program.get("/api/v1/live", headers=shown)).status_code == 200
    boss = consoles()
    await boss.sign_in("admin")
    if step == "password":
        assert (await boss.post(f"/api/v1/people/{person}/password")).status_code == 200
    else:
        for disabled in (True, False):
            assert (await boss.patch(f"/api/v1/people/{person}", json={"disabled": disabled})).status_code == 200
    assert (await program.get("/api/v1/live", headers=shown)).status_code == 401
    assert (await boss.get("/api/v1/tokens")).json()["items"] == [], "opened again, the account has none of them back"
    with node.records.reading() as session:
        leaves = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "token.revoke")).all()
    assert [(leaf.before or {})["name"] for leaf in leaves] == ["historian"]


async def test_signed_out_everywhere_with_or_without_the_tokens(consoles: Any, console: Any, program: Any) -> None:
    person = (await console.sign_in("safety"))["person"]
    shown = bearer((await made(console))["token"])
    assert (await console.post("/api/v1/me/sign-out-everywhere", json={"tokens": False})).status_code == 200
    assert (await program.get("/api/v1/live", headers=shown)).status_code == 200
    told = await console.post("/api/v1/me/sign-out-everywhere", json={"tokens": True})
    assert told.json() == {"tokens_revoked": 1}
    assert (await program.get("/api/v1/live", headers=shown)).status_code == 401
    shown = bearer((await made(console))["token"])
    boss = consoles()
    await boss.sign_in("admin")
    assert (await boss.delete(f"/api/v1/people/{person}/sessions?tokens=true")).json() == {"tokens_revoked": 1}
    assert (await program.get("/api/v1/live", headers=shown)).status_code == 401


async def test_an_own_new_password_asks_about_the_tokens(console: Any, program: Any) -> None:
    await console.sign_in("safety")
    shown = bearer((await made(console))["token"])
    for old, new, tokens, answered in (
        ("calm-waters-42", "other-waters-43", False, 200),
        ("other-waters-43", "new-waters-44", True, 401),
    ):
        changed = await console.post("/api/v1/me/password", json={"old": old, "new": new, "tokens": tokens})
        assert changed.status_code == 200, changed.text
        assert (await program.get("/api/v1/live", headers=shown)).status_code == answered


# --- sessions


async def test_where_one_is_signed_in_and_out_everywhere(consoles: Any, console: Any) -> None:
    other, third = consoles("10.0.0.8"), consoles("10.0.0.9")
    for one in (console, other, third):
        await one.sign_in("safety")
    rows = (await console.get("/api/v1/me/sessions")).json()["items"]
    assert {row["from_where"]: row["this"] for row in rows} == {"10.0.0.7": True, "10.0.0.8": False, "10.0.0.9": False}
    first = next(row for row in rows if row["from_where"] == "10.0.0.8")
    assert (await console.delete(f"/api/v1/me/sessions/{first['id']}")).status_code == 200
    assert (await other.get("/api/v1/me")).status_code == 401
    assert (await console.post("/api/v1/me/sign-out-everywhere")).status_code == 200
    assert (await third.get("/api/v1/me")).status_code == 401
    assert (await console.get("/api/v1/me")).status_code == 200


async def test_nobody_ends_another_s_session_by_its_id(consoles: Any, console: Any) -> None:
    other = consoles()
    await other.sign_in("tanks")
    await console.sign_in("safety")
    (row,) = (await other.get("/api/v1/me/sessions")).json()["items"]
    assert (await console.delete(f"/api/v1/me/sessions/{row['id']}")).status_code == 404
    assert (await other.get("/api/v1/me")).status_code == 200


async def test_a_post_s_console_stays_in_view_when_its_person_is_signed_out(consoles: Any, console: Any, node: Any) -> None:
    station, boss = consoles(), consoles()
    person = (await station.sign_in("gas"))["person"]
    await boss.sign_in("admin")
    assert (await boss.delete(f"/api/v1/people/{person}/sessions")).status_code == 200
    node.feed("AT-203", 0.7)
    await node.settle()
    told = (await station.get("/api/v1/me")).json()
    assert (told["account"], told["post"], told["name"]["zh"]) == ("", "gas", "无人登录")
    assert [row["id"] for row in (await station.get("/api/v1/alarms")).json()["items"]] == ["AT-203.H"]
    assert [one["point"] for one in (await station.get("/api/v1/live")).json()["items"]] == ["AT-203"], "its own places only"
    refused = await station.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2})
    assert refused.status_code == 403
    assert (await station.post("/api/v1/me/password", json={"old": "calm-waters-42", "new": "x-y-z-8-9"})).status_code == 403
    rows = (await boss.get(f"/api/v1/people/{person}/sessions")).json()["items"]
    assert [row["unattended_at"] is not None for row in rows] == [True]
    await station.sign_in("gas")
    answered = await station.post("/api/v1/alarms/AT-203.H/acknowledge", json={"episode": 1, "priority": 2})
    assert answered.status_code == 200
    assert len((await boss.get(f"/api/v1/people/{person}/sessions")).json()["items"]) == 1, "the next person took over"


@pytest.mark.parametrize("change", [{"disabled": True}, {"held": [{"role": "outside_operator"}]}])
async def test_a_right_taken_away_leaves_the_console_in_view(consoles: Any, change: Any) -> None:
    station, boss = consoles(), consoles()
    person = (await station.sign_in("gas"))["person"]
    await boss.sign_in("admin")
    assert (await boss.patch(f"/api/v1/people/{person}", json=change)).status_code == 200
    told = (await station.get("/api/v1/me")).json()
    assert told["account"] == ""
    assert all(action.endswith((".view", ".self")) for action in told["actions"])


async def test_an_unattended_console_can_be_closed_for_good(consoles: Any) -> None:
    station, boss = consoles(), consoles()
    person = (await station.sign_in("gas"))["person"]
    await boss.sign_in("admin")
    await boss.delete(f"/api/v1/people/{person}/sessions")
    (row,) = (await boss.get(f"/api/v1/people/{person}/sessions")).json()["items"]
    assert (await boss.delete(f"/api/v1/people/{person}/sessions/{row['id']}")).status_code == 200
    assert (await station.get("/api/v1/me")).status_code == 401


@pytest.mark.slow
async def test_open_sockets_lose_what_was_taken_at_once(address: str, consoles: Any, node: Any) -> None:
    """No row of U300 reaches the socket after the right for it is gone, and the socket of a revoked token is closed."""
    base, boss = f"http://{address}", consoles()
    await boss.sign_in("admin")
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base}) as browser:
        signed_in = await browser.post("/api/v1/session", json={"account": "branch", "password": "calm-waters-42"})
        token = (await browser.post("/api/v1/me/tokens", json={"name": "t", "actions": VIEWS, "password": PASSWORD})).json()
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        url = f"ws://{address}/api/v1/live/ws"
        shown = {"Authorization": f"Bearer {token['token']}"}
        async with (
            connect(url, additional_headers={"Cookie": cookie}, origin=base) as page,  # type: ignore[arg-type]
            connect(url, additional_headers=shown) as program,
        ):
            for one in (page, program):
                await one.send('{"points": ["LT-301"]}')
            node.feed("LT-301", 10.0)
            await told_of("LT-301", page)
            await told_of("LT-301", program)
            person = signed_in.json()["person"]
            held = {"held": [{"role": "safety_officer", "place": "hualan/U200"}]}
            assert (await boss.patch(f"/api/v1/people/{person}", json=held)).status_code == 200
            await asyncio.sleep(0.3)  # what was under way when it was taken
            await drained(page)
            for value in range(20, 30):
                node.feed("LT-301", float(value))
                await asyncio.sleep(0.05)
            assert not any("LT-301" in text for text in await drained(page))
            assert (await boss.delete(f"/api/v1/tokens/{token['id']}")).status_code == 200
            with pytest.raises(ConnectionClosed):
                await asyncio.wait_for(heard_to_the_end(program), 3)


async def heard_to_the_end(socket: Any) -> None:
    while True:
        await socket.recv()


async def told_of(point: str, socket: Any) -> None:
    async with asyncio.timeout(10):
        while f'["{point}"' not in await socket.recv():
            pass


async def drained(socket: Any) -> list[str]:
    found = []
    try:
        async with asyncio.timeout(1.5):
            while True:
                found.append(await socket.recv())
    except TimeoutError:
        return found


async def test_the_page_is_told_that_nobody_is_signed_in_any_more(address: str, consoles: Any) -> None:
    base, boss = f"http://{address}", consoles()
    await boss.sign_in("admin")
    async with httpx.AsyncClient(base_url=base, headers={"Origin": base}) as browser:
        signed_in = await browser.post("/api/v1/session", json={"account": "gas", "password": "calm-waters-42"})
        cookie = "; ".join(f"{name}={value}" for name, value in browser.cookies.items())
        async with connect(f"ws://{address}/api/v1/live/ws", additional_headers={"Cookie": cookie}, origin=base) as page:  # type: ignore[arg-type]
            await page.recv()
            assert (await boss.delete(f"/api/v1/people/{signed_in.json()['person']}/sessions")).status_code == 200
            async with asyncio.timeout(3):
                while '"who"' not in (text := await page.recv()):
                    pass
    assert '"nobody":true' in text
    assert "无人登录" in text
