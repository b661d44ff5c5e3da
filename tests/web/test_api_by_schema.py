"""schemathesis reads the API's own description and asks every route what it allows and what it forbids: no 5xx, and no answer that the
description does not tell. Signed in as a person who may do everything, so that refusals come from the input; and as nobody.

`ANLAN_API_EXAMPLES=200 pytest tests/web/test_api_by_schema.py` asks longer; `ANLAN_API_SEED=7` asks something else. `test_malformed_input.py`
sends what no schema can describe: broken JSON, odd bytes in paths and headers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import HypothesisWarning, Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.roles import load_roles
from anlan.model.words import Label
from anlan.monitor import api as monitor_api
from anlan.node.configuration import engine_config_in_force, view_of
from anlan.plant import api as plant_api
from anlan.plant.folder import load
from anlan.plant.versions import import_plant
from anlan.risk import api as risk_api
from anlan.sense import api as sense_api
from anlan.web.app import build_app
from tests.web.conftest import PASSWORD, ROOMS, Console, Node, console_of
from tests.web.test_matrix import PLANT, POINTS, Core

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
EXAMPLES = int(os.environ.get("ANLAN_API_EXAMPLES", "2"))
"""Of each route and kind."""
SEED = int(os.environ.get("ANLAN_API_SEED", "1"))
ENDLESS = {"/api/v1/events", "/api/v1/live/stream", "/api/v1/risk/stream"}
"""Answer for ever once let in."""
HASHES = {"/api/v1/me/password", "/api/v1/session", "/api/v1/people/{person}/password", "/api/v1/me/tokens", "/api/v1/people"}
"""A password at its real cost, half a second each: few examples."""
SHAPE = [not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance, response_schema_conformance]  # fmt: skip
NAMES = {"point": "AT-203", "alarm": "AT-203.H", "source": "plc", "post": "gas"}
"""What is there, so that an answer gets past "not found"; names that are not there are `test_malformed_input.py`'s."""
KINDS = {
    "valid": (schemathesis.GenerationMode.POSITIVE, SHAPE),
    "invalid": (schemathesis.GenerationMode.NEGATIVE, [*SHAPE, negative_data_rejection]),
}


class Asked:
    """The whole API over a plant with two branches, on an event loop of its own."""

    def __init__(self, node: Node, folder: Path, hashed: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.app = whole_app(node, folder)
        self.lifespan = self.app.router.lifespan_context(self.app)
        self.loop.run_until_complete(self.lifespan.__aenter__())
        held = tuple(Held(role, "gas" if one.at_post else "") for role, one in load_roles().roles.items())
        with node.records.session() as session:
            add_person(session, NewPerson("all", Label(zh="全"), held), hashed, node.clock, must_change=False)
        self.stranger, self.person = console_of(self.app), console_of(self.app, "10.0.0.8")
        self.sign_in()
        described = self.run(self.person.get("/api/v1/openapi.json")).json()
        self.schema = schemathesis.openapi.from_dict(described)
        self.operations = [one.ok() for one in self.schema.get_all_operations()]

    def run(self, asked: Any) -> httpx.Response:
        answer: httpx.Response = self.loop.run_until_complete(asked)
        return answer

    def sign_in(self) -> None:
        self.run(self.person.post("/api/v1/session", json={"account": "all", "password": PASSWORD})).raise_for_status()

    def send(self, console: Console, case: Any) -> httpx.Response:
        """As the case says it, and in English."""
        sent = httpx.Request(**transported(case))
        headers = {**sent.headers, "origin": "http://node", "accept-language": "en"}
        return self.run(console.request(sent.method, sent.url, content=sent.content, headers=headers))

    def close(self) -> None:
        for console in (self.person, self.stranger):
            self.loop.run_until_complete(console.aclose())
        self.loop.run_until_complete(self.lifespan.__aexit__(None, None, None))
        self.loop.close()


def transported(case: Any) -> dict[str, Any]:
    kwargs = case.as_transport_kwargs(base_url="http://node")
    kwargs.pop("cookies", None)
    data = kwargs.pop("data", None)
    return {**kwargs, "content": data} if isinstance(data, bytes | str) else kwargs


def whole_app(node: Node, folder: Path) -> FastAPI:
    node.records.migrate({**ROOMS, "plant": "anlan.plant"})
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    (folder / "points.csv").write_text(POINTS, "utf-8")
    made = import_plant(node.records, load(folder), author="Li", reason="first", clock=node.clock)
    node.context.plant = node.view = view_of(made.plant, made.numbers, 1)
    node.context.extras["monitor.engine_config"] = lambda: engine_config_in_force(node.records)
    node.context.extras["plant.running"] = Core()
    return build_app(node.context, routes=[plant_api.routes, monitor_api.routes, risk_api.routes, sense_api.routes])


@pytest.fixture(scope="module")
def asked(module_node: Node, tmp_path_factory: pytest.TempPathFactory, hashed: str) -> Iterator[Asked]:
    made = Asked(module_node, tmp_path_factory.mktemp("works"), hashed)
    module_node.feed("AT-203", 70.0)
    yield made
    made.close()


def faults(asked: Asked, console: Console, operation: Any, kind: str) -> set[str]:
    """What is wrong with the answers of one route, each kind of fault once."""
    mode, checks = KINDS[kind]
    names = {name: NAMES[name] for name in re.findall(r"{(\w+)}", operation.path) if name in NAMES}
    found: set[str] = set()

    @seed(SEED)
    @settings(
        max_examples=1 if operation.path in HASHES else EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy(mode, path_parameters=names or None))
    def ask(case: Any) -> None:
        try:
            answer = asked.send(console, case)
        except httpx.InvalidURL:
            return  # longer than this client sends
        try:
            case.validate_response(answer, checks=checks)
        except FailureGroup as group:
            found.update(f"{operation.label}: {one.title}: {one.message} [{answer.status_code} {answer.content[:300]!r}] {case.as_curl_command()[:600]}" for one in group.exceptions)  # fmt: skip
        if operation.path == "/api/v1/session" and console is asked.person:
            asked.sign_in()

    with warnings.catch_warnings(), contextlib.suppress(Unsatisfiable):  # what takes nothing can't be given anything wrong
        warnings.simplefilter("ignore", HypothesisWarning)
        ask()
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_a_person_asks_is_answered_as_described(asked: Asked, kind: str) -> None:
    found = [faults(asked, asked.person, one, kind) for one in asked.operations if one.path not in ENDLESS]
    told = "\n\n".join(sorted(set().union(*found)))
    assert not told, told
    assert len(found) > 80


def test_whatever_nobody_asks_is_answered_as_described(asked: Asked) -> None:
    found = [faults(asked, asked.stranger, one, "valid") for one in asked.operations]
    told = "\n\n".join(sorted(set().union(*found)))
    assert not told, told
