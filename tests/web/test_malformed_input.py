"""Whatever is sent, the node answers what was wrong with it: no 5xx, always JSON, over every route of its own description."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.roles import load_roles
from anlan.model.words import Label

LEFT_OUT = {
    ("delete", "/api/v1/session"),  # would sign the tester out
    ("get", "/api/v1/events"),  # answers for ever; its parameters are those of the journal
    ("get", "/api/v1/live/stream"),
    ("get", "/api/v1/risk/stream"),
    ("post", "/api/v1/me/password"),  # hashes passwords, half a second each
    ("post", "/api/v1/session"),
    ("post", "/api/v1/people/{person}/password"),
}
ODD_TEXT = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "NaN",
            "inf",
            "1e400",
            "99999999999999999999",
            "null",
            "../../etc/passwd",
            "%00",
            "\x00",
            "' OR 1=1 --",
            "AT-203",
            "AT-203.H",
            "modbus",
            "hualan/U200",
            "{alarm}",
            "W10",
            "WyIiXQ",
            "[1,2]",
            "2026-01-01T00:00:00Z",
            "1767225600000000",
        ]
    ),
)
ODD_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 70), 1 << 70) | st.floats(allow_nan=False, allow_infinity=False) | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=6,
)


class Asker:
    """One event loop and one signed-in person who may do everything, so that refusals come from the input."""

    def __init__(self, node: Any, console_of: Any, hashed: str) -> None:
        self.loop = asyncio.new_event_loop()
        self.app = node.app()
        self.lifespan = self.app.router.lifespan_context(self.app)
        self.loop.run_until_complete(self.lifespan.__aenter__())
        held = tuple(Held(role, "gas" if one.at_post else "") for role, one in load_roles().roles.items())
        with node.records.session() as session:
            add_person(session, NewPerson("all", Label(zh="全"), held), hashed, node.clock, must_change=False)
        self.console = console_of(self.app)
        self.loop.run_until_complete(self.console.sign_in("all"))
        schema = self.loop.run_until_complete(self.console.get("/api/v1/openapi.json")).json()
        self.schemas = schema["components"]["schemas"]
        self.operations = [
            (method, path, operation)
            for path, operations in sorted(schema["paths"].items())
            for method, operation in sorted(operations.items())
            if (method, path) not in LEFT_OUT
        ]

    def send(self, method: str, path: str, **rest: Any) -> Any:
        return self.loop.run_until_complete(self.console.request(method, path, **rest))

    def close(self) -> None:
        self.loop.run_until_complete(self.console.aclose())
        self.loop.run_until_complete(self.lifespan.__aexit__(None, None, None))
        self.loop.close()


@pytest.fixture(scope="module")
def tester(module_node: Any, console_maker: Any, hashed: str) -> Iterator[Asker]:
    module_node.feed("AT-203", 0.7)
    made = Asker(module_node, console_maker, hashed)
    yield made
    made.close()


def body_of(tester: Asker, operation: dict[str, Any]) -> st.SearchStrategy[Any]:
    """JSON that has the model's fields with anything in them, or is anything at all."""
    reference = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    fields = tester.schemas.get(reference.rpartition("/")[2], {}).get("properties", {})
    shaped = st.fixed_dictionaries({}, optional={name: ODD_JSON | st.integers(0, 3) for name in fields})
    return shaped | ODD_JSON


@pytest.mark.slow
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_input_breaks_a_route(tester: Asker, data: st.DataObject) -> None:
    method, path, operation = data.draw(st.sampled_from(tester.operations))
    parameters = operation.get("parameters", [])
    for parameter in (one for one in parameters if one["in"] == "path"):
        text = data.draw(ODD_TEXT.filter(bool))
        path = path.replace("{" + parameter["name"] + "}", quoted(text))
    query = {one["name"]: data.draw(ODD_TEXT) for one in parameters if one["in"] == "query" and data.draw(st.booleans())}
    rest: dict[str, Any] = {"params": query}
    if "requestBody" in operation:
        rest["content"] = json.dumps(data.draw(body_of(tester, operation))).encode()
        rest["headers"] = {"Content-Type": "application/json"}
    answer = tester.send(method, path, **rest)
    assert answer.status_code < 500, answer.text
    told = operation["responses"].get("200", {}).get("content", {})
    form = answer.headers["content-type"]
    assert "json" in form or form.startswith("text/plain; version") or (answer.status_code == 200 and form in told)


@pytest.mark.parametrize("text", ["/", "//", "...", "a/b", "?", "#", "%2F", "\\", "/AT-203", "AT-203/", "\x00", "\ud800"])
def test_an_odd_name_in_the_path_is_answered_as_a_problem(tester: Asker, text: str) -> None:
    for method, path, _ in tester.operations:
        if "{" in path:
            answer = tester.send(method, re.sub(r"{\w+}", lambda _: quoted(text), path), json={})
            assert answer.headers["content-type"] == "application/problem+json", (method, path, answer.status_code, answer.text)
            assert 400 <= answer.status_code < 500


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe", b"[[[[", b'{"episode": NaN}', b'{"episode": 1, "priority": 1, "episode": 2}', b"null", b'"\\ud800"'],
)
def test_a_broken_body_is_refused_with_what_was_expected(tester: Asker, body: bytes) -> None:
    answer = tester.send(
        "POST", "/api/v1/alarms/AT-203.H/acknowledge", content=body, headers={"Content-Type": "application/json"}
    )
    assert 400 <= answer.status_code < 500
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("key", ["", "x" * 129, "a b", "ü"])
def test_a_key_that_is_none_is_refused(tester: Asker, key: str) -> None:
    headers = {"Idempotency-Key": key.encode("latin-1")}
    answer = tester.send("POST", "/api/v1/alarms/AT-203.H/silence", json={"episode": 1, "priority": 2}, headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize("header", ["Accept-Language", "X-Request-ID", "Cookie", "Origin", "Last-Event-ID", "Content-Length"])
@pytest.mark.parametrize("value", [b"", b"\xff\xfe", b"a" * 5000, b"zh;q=x,,;", b"\\\"'<script>", b"-1"])
def test_no_header_breaks_a_route(tester: Asker, header: str, value: bytes) -> None:
    answer = tester.send("GET", "/api/v1/alarms", headers={header: value})
    assert answer.status_code < 500
    assert b"<script>" not in answer.headers["x-request-id"].encode()


def quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text, safe="", errors="replace")
