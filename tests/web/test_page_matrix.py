"""Every page of the node × every role: built for who may, refused to who may not, from the node's own list of pages."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from importlib.resources import files
from typing import Any

import httpx
import pytest
from ruamel.yaml import YAML

from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.words import Label
from anlan.monitor import pages as monitor_pages
from anlan.plant import pages as plant_pages
from anlan.risk import pages as risk_pages
from anlan.sense import pages as sense_pages
from anlan.web import pages_audit
from anlan.web.app import build_app
from anlan.web.serve import listen, server
from tests.web.conftest import PASSWORD

SAID: dict[str, Any] = YAML(typ="safe").load((files("anlan.guard") / "data" / "roles.yaml").read_text("utf-8"))
ROOMS = [plant_pages.pages, monitor_pages.pages, risk_pages.pages, sense_pages.pages, pages_audit.pages]
"""As `node.app` lists them."""


@pytest.fixture
async def served(node: Any, people: None) -> AsyncIterator[str]:
    app = build_app(node.context, pages=ROOMS)
    bound = listen()
    running = server(app, grace=1)
    serving = asyncio.create_task(running.serve(sockets=[bound]))
    await running.ready.wait()
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    running.should_exit = True
    await serving


@pytest.mark.slow
async def test_each_page_for_each_role(served: str, node: Any, hashed: str) -> None:
    pages = node.context.page_actions
    assert len(pages) >= 12
    wrong, refused = [], 0
    for role in sorted(SAID["roles"]):
        post = "gas" if SAID["roles"][role].get("at_post") else ""
        with node.records.session() as session:
            add_person(session, NewPerson(role, Label(zh=role), (Held(role, post),)), hashed, node.clock, must_change=False)
        async with httpx.AsyncClient(base_url=served, headers={"Origin": served, "Accept": "text/html"}, timeout=30) as browser:
            assert (await browser.post("/api/v1/session", json={"account": role, "password": PASSWORD})).status_code == 200
            for path, action in pages.items():
                status = (await browser.get(re.sub(r"\{\w+(:path)?\}", "AT-203", path))).status_code
                may = action == "session.self" or action in SAID["roles"][role]["actions"]
                refused += not may
                fits = status in {200, 404} if may else status == 403
                wrong += [] if fits else [(role, path, action, status)]
    assert wrong == []
    assert refused > 10


def test_the_list_of_rooms_is_the_nodes() -> None:
    source = (files("anlan.node") / "app.py").read_text("utf-8")
    listed = re.search(r"pages=\[([^\]]*)\]", source)
    assert listed is not None
    assert len(listed.group(1).split(",")) == len(ROOMS), "a room with pages has come: add it here"
