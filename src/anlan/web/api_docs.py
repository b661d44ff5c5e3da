"""The API's own description: OpenAPI as JSON, and a page that shows it without asking any other server."""

from __future__ import annotations

from functools import cached_property
from html import escape
from importlib.resources import files
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, APIWebSocketRoute, iter_route_contexts
from starlette.responses import HTMLResponse, Response

from anlan import __version__
from anlan.model.languages import translate
from anlan.web.answers import Json
from anlan.web.auth import SELF, declared_action, require
from anlan.web.context import Context
from anlan.web.problem import TITLES, language_of

PROBLEM = {
    "description": "problem+json (RFC 9457)",
    "content": {
        "application/problem+json": {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "code", "detail", "facts"],
                "properties": {
                    "type": {"type": "string"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "code": {"type": "string", "enum": sorted(TITLES)},
                    "detail": {"type": "string"},
                    "facts": {"type": "object"},
                    "request": {"type": "string"},
                },
            }
        }
    },
}


class Description:
    """Made once, when first asked for: the routes don't change while the app runs."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @cached_property
    def schema(self) -> dict[str, Any]:
        schema = get_openapi(title="Anlan API", version=__version__, routes=self._app.routes, description=INTRODUCTION)
        actions = route_actions(self._app)
        for path, operations in schema.get("paths", {}).items():
            for method, operation in operations.items():
                operation["x-anlan-action"] = actions.get((method.upper(), path)) or "public"
                operation.setdefault("responses", {})["default"] = PROBLEM
                operation["responses"].pop("422", None)
        return schema


INTRODUCTION = (
    "Times are integer µs since 1970 UTC, with `…_iso` texts beside. A value that is not known is null, with its quality in words. "
    "Lists page by `next`. Writes take Idempotency-Key and, by cookie and without an Origin, X-CSRF-Token. Errors are problem+json."
)


def route_actions(app: FastAPI) -> dict[tuple[str, str], str | None]:
    """(method, path) → declared action, None for a route that declares none; "WEBSOCKET" for sockets. NiceGUI's own are not among them."""
    found: dict[tuple[str, str], str | None] = {}
    for context in iter_route_contexts(app.routes):
        route = context.original_route
        if not isinstance(route, APIRoute | APIWebSocketRoute):
            continue
        action = declared_action(route.dependant.dependencies)
        methods = route.methods if isinstance(route, APIRoute) else {"WEBSOCKET"}
        found.update({(method, str(context.path)): action for method in methods or ()})
    return found


def routes(context: Context, app: FastAPI) -> APIRouter:
    router = APIRouter(include_in_schema=False)
    description = Description(app)

    @router.get("/api/v1/openapi.json", dependencies=[require(SELF)])
    async def openapi() -> Response:
        return Json(description.schema)

    @router.get("/docs", dependencies=[require(SELF)])
    async def page() -> Response:
        return HTMLResponse((files("anlan.web") / "api_docs.html").read_text("utf-8"))

    @router.get("/docs/errors", dependencies=[require(SELF)])
    async def errors(request: Request) -> Response:
        language = language_of(request)
        rows = "".join(f'<dt id="{code}"><code>{code}</code></dt><dd>{escape(translate(title, language))}</dd>' for code, title in TITLES.items())  # fmt: skip
        return HTMLResponse(f'<!doctype html><meta charset="utf-8"><title>Anlan API</title><dl>{rows}</dl>')

    return router
