"""The calls of an app, made from its own route table: each with an address, a body that its schema takes, and what it declares."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts

from anlan.web.auth import declared
from tests.web.conftest import PASSWORD

HERE = "AT-203"
"""The point that every call names."""
ENDLESS = {"/api/v1/live/stream", "/api/v1/events", "/api/v1/risk/stream"}
UNKNOWN = "019b76da-a800-7793-a589-c71157e0faca"
ENDLESS_SECONDS = 0.3
"""A stream that has begun answers for ever; a refusal comes at once."""


@dataclass(frozen=True, slots=True)
class Call:
    method: str
    path: str
    """The route's template, `/api/v1/alarms/{alarm}`."""
    action: str
    whole: bool
    body: Any
    query: dict[str, Any]

    def address(self, names: dict[str, str]) -> str:
        return re.sub(r"\{(\w+)[^}]*\}", lambda name: names.get(name.group(1), UNKNOWN), self.path)

    def of_something_unknown(self, names: dict[str, str]) -> bool:
        """Whether the address names what this node doesn't have: not found, whoever asks."""
        return any(name not in names for name in re.findall(r"\{(\w+)", self.path))

    def names_a_place(self) -> bool:
        """Whether it is of a point, an alarm or a person of U200."""
        return bool({"point", "alarm", "person"} & set(re.findall(r"\{(\w+)", self.path))) or HERE in str((self.query, self.body))


def calls(app: FastAPI) -> list[Call]:
    """All routes that declare an action, in the order of their paths; sockets as method WEBSOCKET."""
    schema = app.openapi()
    found = []
    for context in iter_route_contexts(app.routes):
        route, path = context.original_route, str(context.path)
        if not isinstance(route, APIRoute | APIWebSocketRoute) or (what := declared(route.dependant.dependencies)) is None:
            continue
        for method in sorted(route.methods) if isinstance(route, APIRoute) else ["WEBSOCKET"]:
            operation = schema["paths"].get(path, {}).get(method.lower(), {})
            found.append(Call(method, path, what.action, what.whole, body_of(operation, schema), query_of(operation, schema)))
    return sorted(found, key=lambda call: (call.path, call.method))


def body_of(operation: dict[str, Any], schema: dict[str, Any]) -> Any:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    return example(content["schema"], schema) if content else None


def query_of(operation: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Only what must be given."""
    needed = [one for one in operation.get("parameters", []) if one["in"] == "query" and one.get("required")]
    return {one["name"]: KNOWN.get(one["name"], example(one["schema"], schema)) for one in needed}


KNOWN: dict[str, Any] = {
    "points": HERE, "alarm": f"{HERE}.H", "change": {"limit": 81}, "changes": [{"id": f"{HERE}.H", "limit": 81}],
    "start": 1767225600000000, "end": 1767225700000000, "at": 1767225600000000,
    "password": PASSWORD,
}  # fmt: skip
"""What a schema can't say: instants, points, alarms and the asker's own password."""


def example(of: dict[str, Any], schema: dict[str, Any]) -> Any:
    """The plainest value that fits: required fields only."""
    if "$ref" in of:
        return example(schema["components"]["schemas"][of["$ref"].rpartition("/")[2]], schema)
    for choice in ("anyOf", "oneOf", "allOf"):
        if choice in of:
            return example(of[choice][0], schema)
    if "const" in of or "enum" in of:
        return of.get("const", of.get("enum", [None])[0])
    match of.get("type"):
        case "object":
            fields = of.get("properties", {})
            return {name: KNOWN.get(name, example(fields[name], schema)) for name in of.get("required", [])}
        case "array":
            return [example(of["items"], schema) for _ in range(of.get("minItems", 0))]
        case "integer" | "number" as kind:
            least = max(of.get("minimum", 1), of.get("exclusiveMinimum", 0) + 1)
            return int(least) if kind == "integer" else least  # the schema writes bounds with a point, and 1.0 is no whole number
        case "boolean":
            return False
        case "string" if of.get("format") == "uuid":
            return UNKNOWN
        case "string":
            return "because".ljust(of.get("minLength", 0), "x")
        case _:
            return None


async def answer(app: FastAPI, console: Any, call: Call, names: dict[str, str]) -> tuple[int, str, str]:
    """(status, error code or "", text). 200 for a stream or a socket that was let in."""
    if call.method == "WEBSOCKET":
        return await socket_answer(app, console, call.address(names))
    asked = console.request(
        call.method, call.address(names), params=call.query, json=call.body if call.method not in {"GET", "DELETE"} else None
    )
    try:
        told = await asyncio.wait_for(asked, ENDLESS_SECONDS if call.path in ENDLESS else 60)
    except TimeoutError:
        assert call.path in ENDLESS, call
        return 200, "", ""
    is_problem = told.headers.get("content-type", "") == "application/problem+json"
    return told.status_code, told.json()["code"] if is_problem else "", told.text


async def socket_answer(app: FastAPI, console: Any, path: str) -> tuple[int, str, str]:
    """As a browser of this console would open it: 200 when it is let in and told something."""
    cookie = "; ".join(f"{name}={value}" for name, value in console.cookies.items())
    headers = [(b"host", b"node"), (b"origin", b"http://node"), (b"cookie", cookie.encode())]
    scope = {
        "type": "websocket", "asgi": {"version": "3.0"}, "http_version": "1.1", "scheme": "ws", "path": path, "raw_path": path.encode(),
        "query_string": b"", "root_path": "", "headers": headers, "client": ("10.0.0.7", 1), "server": ("node", 80), "subprotocols": [], "state": {},
    }  # fmt: skip
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    heard.put_nowait({"type": "websocket.connect"})
    running = asyncio.create_task(app(scope, heard.get, told.put))
    try:
        while True:
            message = await asyncio.wait_for(told.get(), 10)
            if message["type"] == "websocket.close":
                return 403, message.get("reason", ""), ""
            if message["type"] == "websocket.send":
                return 200, "", message.get("text", "")
    finally:
        heard.put_nowait({"type": "websocket.disconnect", "code": 1000})
        running.cancel()
        await asyncio.wait({running})
