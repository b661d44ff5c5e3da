"""Routes of the safety system, all of them readings: the live matrix, the demand log, the wall of bypasses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from anlan.model.clock import DAY
from anlan.model.instants import instant
from anlan.monitor.safety.service import SafetyService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context

At = Annotated[str, Query(max_length=40, description="µs since 1970 UTC, or RFC 3339 with a zone")]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["safety"])
    service = SafetyService.of(context)

    @router.get("/safety/matrix", dependencies=[require("live.view")])
    async def matrix(asker: Asker) -> Response:
        """The cause-and-effect matrix as it stands: causes that act, what they demand, whether it is there; first-out by the safety system."""
        return Json(service.matrix(asker))

    @router.get("/safety/demands", dependencies=[require("history.view")])
    async def demands(asker: Asker, start: At = "", end: At = "") -> Response:
        """When causes acted, newest first, with each final element's stroke time against what is required; the last 24 h when absent."""
        now = context.clock.now()
        until = instant("end", end) if end else now
        return Json(await service.demands(asker, instant("start", start) if start else until - DAY, until))

    @router.get("/bypasses", dependencies=[require("live.view")])
    async def bypasses(asker: Asker) -> Response:
        """Every bypass: on or off, approved by whom and until when, and whether its compensating measures hold; unapproved ones first."""
        return Json(await service.bypasses(asker))

    return router
