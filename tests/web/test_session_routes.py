"""Signing in at a post, handing over, signing out; what a foreign page or a stranger gets."""

from __future__ import annotations

from typing import Any

import pytest


def cookie_of(console: Any) -> dict[str, str]:
    """The session's cookie as a header, to be sent again after the browser has forgotten it."""
    return {"Cookie": "; ".join(f"{name}={value}" for name, value in console.cookies.items())}


async def test_signing_in_at_the_only_post(console: Any) -> None:
    told = await console.sign_in("gas")
    assert told["post"] == "gas"
    assert told["roles"][0]["name"]["zh"] == "内操"
    assert (await console.get("/api/v1/me")).json()["account"] == "gas"


async def test_the_cookie_is_for_this_site_and_no_script(console: Any) -> None:
    answer = await console.post("/api/v1/session", json={"account": "gas", "password": "calm-waters-42"})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_two_posts_are_chosen_between(console: Any) -> None:
    assert (await console.sign_in("both"))["post"] == ""
    answer = await console.put("/api/v1/session/post", json={"post": "tanks"})
    assert answer.json()["post"] == "tanks"
    refused = await console.put("/api/v1/session/post", json={"post": "laboratory"})
    assert refused.status_code == 403
    assert "Chlorine, Tanks" in refused.json()["detail"]


async def test_hand_over_ends_the_session_before(console: Any, node: Any) -> None:
    await console.sign_in("gas")
    before = cookie_of(console)
    await console.sign_in("tanks")
    assert (await console.get("/api/v1/me")).json()["account"] == "tanks"
    console.cookies.clear()
    answer = await console.get("/api/v1/me", headers=before)
    assert answer.status_code == 401


async def test_signing_out(console: Any) -> None:
    await console.sign_in("gas")
    kept = cookie_of(console)
    assert (await console.delete("/api/v1/session")).status_code == 200
    assert (await console.get("/api/v1/me", headers=kept)).status_code == 401


@pytest.mark.parametrize("account", ["gas", "nobody"])
async def test_a_wrong_password_and_an_unknown_account_are_refused_alike(console: Any, account: str) -> None:
    answer = await console.post("/api/v1/session", json={"account": account, "password": "wrong-password"})
    assert answer.status_code == 401
    assert answer.json()["code"] == "not-signed-in"
    assert answer.json()["detail"] == "the account or the password is wrong"


async def test_a_foreign_page_writes_nothing(console: Any) -> None:
    await console.sign_in("gas")
    answer = await console.delete("/api/v1/session", headers={"Origin": "http://elsewhere"})
    assert answer.status_code == 403
    assert answer.json()["code"] == "foreign-origin"
    assert (await console.get("/api/v1/me")).status_code == 200


async def test_a_program_shows_the_csrf_token(console: Any) -> None:
    token = (await console.sign_in("gas"))["csrf"]
    del console.headers["Origin"]
    assert (await console.patch("/api/v1/me", json={"language": "en"})).status_code == 403
    answer = await console.patch("/api/v1/me", json={"language": "en"}, headers={"X-CSRF-Token": token})
    assert answer.json()["language"] == "en"


async def test_errors_speak_the_sessions_language(console: Any) -> None:
    await console.sign_in("gas", language="zh")
    detail = (await console.get("/api/v1/alarms/none")).json()["detail"]
    assert detail == "没有报警 none"


async def test_a_one_time_password_opens_only_the_change(console: Any, node: Any) -> None:
    await console.sign_in("admin")
    made = await console.post(
        "/api/v1/people", json={"account": "new", "name": {"zh": "新人"}, "held": [{"role": "safety_officer"}]}
    )
    once = made.json()["one_time_password"]
    answer = await console.post("/api/v1/session", json={"account": "new", "password": once})
    assert answer.json()["must_change_password"] is True
    refused = await console.get("/api/v1/alarms")
    assert refused.status_code == 403
    assert refused.json()["code"] == "password-change-needed"
    changed = await console.post("/api/v1/me/password", json={"old": once, "new": "an-own-password"})
    assert changed.status_code == 200, changed.text
    assert (await console.get("/api/v1/alarms")).status_code == 200


async def test_closing_an_account_ends_its_sessions_at_once(consoles: Any, console: Any) -> None:
    other = consoles()
    await other.sign_in("safety")
    await console.sign_in("admin")
    everyone = (await console.get("/api/v1/people")).json()["items"]
    safety = next(one for one in everyone if one["account"] == "safety")
    assert (await console.patch(f"/api/v1/people/{safety['id']}", json={"disabled": True})).status_code == 200
    assert (await other.get("/api/v1/me")).status_code == 401


async def test_the_last_administrator_stays(console: Any) -> None:
    me = (await console.sign_in("admin"))["person"]
    answer = await console.patch(f"/api/v1/people/{me}", json={"held": []})
    assert answer.status_code == 422
    assert "without an administrator" in answer.json()["detail"]
