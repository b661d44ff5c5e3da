"""The route of the search box."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from anlan.monitor.search.service import Search
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["plant"])
    search = Search.of(context)

    @router.get("/search", dependencies=[require("plant.view")])
    async def find(
        asker: Asker,
        q: Annotated[
            str, Query(max_length=100, description="Chinese, pinyin (whole, initials, mixed), English or tag; all words must fit")
        ],
        limit: Annotated[int, Query(ge=1, le=60)] = 30,
    ) -> Response:
        """Points, places, sources, alarms, pages and people that fit, best first, and how many of each kind there are."""
        return Json(await search.find(asker, q, limit))

    return router
