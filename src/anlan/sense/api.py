"""Routes of the sources."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from anlan.sense import api_looking
from anlan.sense.service import SourceService
from anlan.web.answers import Json
from anlan.web.auth import require
from anlan.web.context import Context


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["sources"])
    service = SourceService.of(context)

    @router.get("/sources", dependencies=[require("source.view")])
    async def sources() -> Response:
        """Every source: its link, since when, its rate, and what its points are worth now."""
        return Json({"items": service.rows()})

    @router.get("/sources/{source}", dependencies=[require("source.view")])
    async def one_source(source: str) -> Response:
        """One source."""
        return Json(service.row(source))

    router.include_router(api_looking.routes(context))
    return router
