"""NiceGUI's pages and sockets: a page's content goes to the session it was built for and to nobody else. Over a real port."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import socketio
from fastapi import FastAPI

from anlan.monitor import pages_point
from anlan.web.app import build_app
from anlan.web.context import Context
from anlan.web.gate import is_public
from anlan.web.pages import page, principal_of_page
from anlan.web.serve import listen, server

PASSWORD = "calm-waters-42"
heard: list[str] = []


def pages(context: Context) -> None:
    from nicegui import ui

    @page(context, "/secret", "audit.view")
    def secret() -> None:
        ui.label(f"for {principal_of_page().account}")
        ui.button("press", on_click=lambda: heard.append(principal_of_page().account))

    @page(context, "/shared/{name}", "plant.view")
    async def shared(name: str) -> None:
        ui.label(f"named {name}")


@pytest.fixture
async def served(node: Any, people: None) -> AsyncIterator[tuple[FastAPI, str]]:
    app = build_app(node.context, pages=[pages, pages_point.pages])
    bound = listen()
    running = server(app, grace=1)
    serving = asyncio.create_task(running.serve(sockets=[bound]))
    await running.ready.wait()
    yield app, f"http://127.0.0.1:{bound.getsockname()[1]}"
    running.should_exit = True
    await serving


async def signed_in(base: str, account: str) -> httpx.AsyncClient:
    client = httpx.AsyncClient(base_url=base, headers={"Origin": base, "Accept": "text/html"}, timeout=10)
    answer = await client.post("/api/v1/session", json={"account": account, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return client


def socket_query(html: str) -> dict[str, str]:
    found = re.search(r'"client_id":\s*"([0-9a-f-]{36})"', html) or re.search(r"'client_id':\s*'([0-9a-f-]{36})'", html)
    assert found, "the page names its client"
    return {"client_id": found.group(1), "tab_id": str(uuid.uuid4()), "document_id": str(uuid.uuid4()), "next_message_id": "0", "implicit_handshake": "true"}  # fmt: skip


async def connects(base: str, query: dict[str, str], cookie: str) -> bool:
    """Whether a socket with this cookie is let in to the page's content."""
    client = socketio.AsyncClient(reconnection=False)
    address = base + "/_nicegui_ws/socket.io?" + "&".join(f"{name}={value}" for name, value in query.items())
    headers = {"Origin": base, **({"Cookie": cookie} if cookie else {})}
    try:
        await client.connect(
            address, headers=headers, socketio_path="/_nicegui_ws/socket.io", transports=["websocket"], wait_timeout=5
        )
    except socketio.exceptions.ConnectionError:
        return False
    finally:
        await client.disconnect()
    return True


def cookie_of(client: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


async def test_each_page_declares_an_action_and_none_is_public(served: Any, node: Any) -> None:
    from nicegui import Client

    ours = {path for path in Client.page_routes.values() if not path.startswith("/_nicegui")}
    assert set(node.context.page_actions) == {"/secret", "/shared/{name}", "/points/{point}"}
    assert set(node.context.page_actions) <= ours
    assert not [path for path in ours if is_public(path)]


async def test_what_nicegui_itself_answers_to_strangers_is_only_its_own_files(served: Any) -> None:
    from nicegui import core

    paths = {getattr(route, "path", "") for route in core.app.routes}
    open_to_all = {path for path in paths if is_public(path)}
    assert all(path.startswith("/_nicegui/") or path == "/favicon.ico" for path in open_to_all)


async def test_a_stranger_is_sent_to_the_sign_in(served: Any) -> None:
    _, base = served
    async with httpx.AsyncClient(base_url=base, headers={"Accept": "text/html"}) as stranger:
        answer = await stranger.get("/secret")
        assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/secret")
        assert (await stranger.get("/login")).status_code == 200


async def test_the_same_page_is_built_for_one_and_refused_to_the_other(served: Any) -> None:
    _, base = served
    may, may_not = await signed_in(base, "safety"), await signed_in(base, "gas")
    assert "for safety" in (await may.get("/secret")).text
    refused = await may_not.get("/secret")
    assert refused.status_code == 403
    assert "for gas" not in refused.text
    assert 'class="shell"' in refused.text, "alarms and ways stay in view"
    assert "审计" in refused.text
    assert "named R-101" in (await may_not.get("/shared/R-101")).text
    await may.aclose()
    await may_not.aclose()


async def test_a_page_of_something_unknown_is_not_found_and_says_where_to_look(served: Any) -> None:
    _, base = served
    everywhere, branch = await signed_in(base, "gas"), await signed_in(base, "branch")
    missing = await everywhere.get("/points/NOPE%3Cb%3E")
    assert missing.status_code == 404
    assert "本装置没有测点 NOPE&lt;b&gt;;在“趋势”页" in missing.text
    assert 'class="shell"' in missing.text
    assert (await everywhere.get("/points/AT-203")).status_code == 200
    assert (await branch.get("/points/AT-203")).status_code == 404, "what may not be seen is not there"
    assert (await branch.get("/points/LT-301")).status_code == 200
    await everywhere.aclose()
    await branch.aclose()


@pytest.mark.parametrize("path", ["/nope", "/points/", "/points/a/b", "/api/v1/nope"])
async def test_a_path_that_names_nothing_is_said_so_in_the_askers_language(served: Any, path: str) -> None:
    _, base = served
    person = await signed_in(base, "gas")
    page_told = await person.get(path)
    assert page_told.status_code == 404
    assert f"本操作台没有页面 {path}" in page_told.text
    assert 'class="shell"' in page_told.text
    told = await person.get(path, headers={"Accept": "application/json"})
    assert (told.status_code, told.json()["code"]) == (404, "not-found")
    await person.aclose()


async def test_a_pages_socket_is_of_the_session_that_opened_it(served: Any) -> None:
    _, base = served
    owner, other = await signed_in(base, "safety"), await signed_in(base, "gas")
    query = socket_query((await owner.get("/secret")).text)
    assert not await connects(base, query, "")
    assert not await connects(base, query, "anlan=made-up")
    assert not await connects(base, query, cookie_of(other))
    assert await connects(base, query, cookie_of(owner))
    await owner.aclose()
    await other.aclose()


async def test_signing_out_cuts_the_socket(served: Any) -> None:
    _, base = served
    owner = await signed_in(base, "safety")
    query = socket_query((await owner.get("/secret")).text)
    client, cut = socketio.AsyncClient(reconnection=False), asyncio.Event()
    client.on("disconnect", lambda *_: cut.set())
    address = base + "/_nicegui_ws/socket.io?" + "&".join(f"{name}={value}" for name, value in query.items())
    await client.connect(
        address,
        headers={"Origin": base, "Cookie": cookie_of(owner)},
        socketio_path="/_nicegui_ws/socket.io",
        transports=["websocket"],
    )
    await owner.delete("/api/v1/session")
    await asyncio.wait_for(cut.wait(), 5)
    await client.disconnect()
    await owner.aclose()
