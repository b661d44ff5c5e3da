"""Every route declares who may call it, and the gate lets nothing else through; role by role and branch by branch: test_matrix."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from anlan.model.errors import Unavailable
from anlan.web.api_docs import route_actions
from anlan.web.auth import principal_of, require
from anlan.web.gate import HEADERS, IDENTITY, PUBLIC, STATION, is_public
from tests.web.conftest import console_of


def calls(app: FastAPI) -> list[tuple[str, str, str]]:
    """(method, address, action) of every route that declares one, its parameters filled with something."""
    filled = {
        "{alarm}": "AT-203.H",
        "{point}": "AT-203",
        "{source}": "modbus",
        "{person}": "019b76da-a800-7793-a589-c71157e0faca",
    }
    found = []
    for (method, path), action in sorted(route_actions(app).items()):
        address = path
        for name, value in filled.items():
            address = address.replace(name, value)
        if action is not None and method != "WEBSOCKET":
            found.append((method, address, action))
    return found


def test_every_route_declares_an_action_or_is_on_the_short_list(app: FastAPI) -> None:
    undeclared = {path for (_, path), action in route_actions(app).items() if action is None}
    assert undeclared == {"/login", "/api/v1/health", "/api/v1/session", "/api/v1/metrics", *STATION, *IDENTITY}
    assert undeclared <= PUBLIC
    assert len(route_actions(app)) > 35


def test_a_route_without_an_action_is_found(app: FastAPI) -> None:
    @app.get("/api/v1/forgotten")
    async def forgotten() -> None: ...

    assert route_actions(app)["GET", "/api/v1/forgotten"] is None


async def test_a_forgotten_route_is_closed_to_strangers_all_the_same(app: FastAPI, console: Any) -> None:
    @app.get("/api/v1/forgotten")
    async def forgotten() -> str:
        return "content"

    assert (await console.get("/api/v1/forgotten")).status_code == 401
    await console.sign_in("guest")
    assert (await console.get("/api/v1/forgotten")).json() == "content"


@pytest.mark.parametrize(
    "path",
    ["/", "/alarms", "/docs", "/api/v1/alarms", "/_nicegui_ws/socket.io/", "/_nicegui/auto/static/x", "/_nicegui/client/1/upload/2", "/loginx", "/static"])  # fmt: skip
def test_not_public(path: str) -> None:
    assert not is_public(path)


async def test_a_stranger_gets_the_sign_in_or_nothing(app: FastAPI, console: Any) -> None:
    for method, address, _ in calls(app):
        answer = await console.request(method, address)
        assert answer.status_code == 401, (method, address)
        assert answer.headers["content-type"] == "application/problem+json"
    page = await console.get("/alarms?x=1", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/login?next=/alarms%3Fx%3D1")


async def test_made_up_tokens_are_nobodys(console: Any) -> None:
    for token in ("", "x", "a" * 43, "a" * 5000, "ÿ", "'; DROP TABLE guard_sessions; --"):
        answer = await console.get("/api/v1/me", headers={"Cookie": f"anlan={token}".encode("latin-1")})
        assert answer.status_code == 401


async def test_security_headers_on_every_answer(console: Any) -> None:
    for address in ("/api/v1/health", "/api/v1/alarms", "/nowhere", "/login"):
        headers = (await console.get(address)).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS
        assert headers["x-request-id"]
    policy = HEADERS["Content-Security-Policy"]
    assert "http:" not in policy
    assert "https:" not in policy
    assert "*" not in policy


async def test_strict_transport_and_host_cookie_under_tls(node: Any, people: None) -> None:
    from anlan.web.context import WebSettings

    node.context.settings = WebSettings(tls=True)
    app = node.app()
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="https://node", headers={"Origin": "https://node"}
    ) as console:
        answer = await console.post("/api/v1/session", json={"account": "gas", "password": "calm-waters-42"})
        assert "strict-transport-security" in answer.headers
        assert answer.headers["set-cookie"].startswith("__Host-anlan=")
        assert "secure" in answer.headers["set-cookie"].lower()
        assert (await console.post("/api/v1/session", json={}, headers={"Origin": "http://node"})).status_code == 403


async def test_metrics_for_this_machine_or_who_may(consoles: Any) -> None:
    here, elsewhere = consoles("127.0.0.1"), consoles("10.1.1.1")
    text = (await here.get("/api/v1/metrics")).text
    assert "anlan_http_requests_total" in text
    assert (await here.get("/api/v1/metrics", headers={"X-Forwarded-For": "203.0.113.1"})).status_code == 401
    assert (await elsewhere.get("/api/v1/metrics")).status_code == 401
    await elsewhere.sign_in("gas")
    assert (await elsewhere.get("/api/v1/metrics")).status_code == 403
    await elsewhere.sign_in("admin")
    assert (await elsewhere.get("/api/v1/metrics")).status_code == 200


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """Sent without saying how long it will be."""
    for at in range(0, len(body), 1 << 16):
        yield body[at : at + (1 << 16)]


@pytest.mark.parametrize("announce", [bytes, in_pieces])
async def test_a_body_beyond_the_limit_is_refused(console: Any, announce: Any) -> None:
    body = b'{"account": "' + b"x" * (1 << 21) + b'"}'
    answer = await console.post("/api/v1/session", content=announce(body), headers={"Content-Type": "application/json"})
    assert answer.status_code == 413, answer.text
    assert answer.json()["code"] == "too-large"
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_error_inside_says_nothing_of_the_inside(app: FastAPI, console: Any) -> None:
    @app.get("/api/v1/broken", dependencies=[require("session.self")])
    async def broken() -> None:
        raise RuntimeError("secret path /var/x")

    await console.sign_in("gas")
    answer = await console.get("/api/v1/broken")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal"
    assert "secret" not in answer.text
    assert answer.json()["request"] == answer.headers["x-request-id"]


def test_actions_must_be_known() -> None:
    with pytest.raises(ValueError, match="not listed"):
        require("alarm.explode")
    assert principal_of is not None


async def test_the_description_is_whole_and_offline(app: FastAPI, console: Any) -> None:
    await console.sign_in("gas")
    schema = (await console.get("/api/v1/openapi.json")).json()
    assert schema["paths"]["/api/v1/alarms/{alarm}/acknowledge"]["post"]["x-anlan-action"] == "alarm.acknowledge"
    undescribed = [
        (path, method) for path, ops in schema["paths"].items() for method, op in ops.items() if not op.get("description")
    ]
    assert undescribed == []
    page = (await console.get("/docs")).text
    assert "//" not in page.replace("<!doctype", "").replace("</", "<"), "the page asks another server"


async def test_what_is_only_shown_is_looked_at_and_not_changed(node: Any, people: None) -> None:
    node.context.settings = replace(node.context.settings, read_only=Unavailable("this is a copy"))
    async with console_of(node.app()) as console:
        await console.sign_in("gas")
        assert (await console.get("/api/v1/alarms")).status_code == 200
        for method, path in (
            ("POST", "/api/v1/alarms/AT-203.H/acknowledge"),
            ("PATCH", "/api/v1/people/x"),
            ("PUT", "/api/v1/settings"),
        ):
            refused = await console.request(method, path, json={})
            assert (refused.status_code, refused.json()["code"], refused.json()["detail"]) == (409, "read-only", "this is a copy")
        assert (await console.delete("/api/v1/session")).status_code in {200, 204}
