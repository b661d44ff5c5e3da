"""Routes of PFDavg: a safety function as text, computed and not kept. Layers of protection are studies, with the routes of those."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.risk.lopa.form import compose
from anlan.risk.lopa.functions import SafetyFunction, parse_function
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context

VIEW = "risk.view"
MOST_CHARACTERS = 100_000


class Function(BaseModel):
    """`text`: the YAML of a whole safety function, as `anlan risk pfd FILE` reads it."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS)]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["layers of protection"])

    @router.post("/risk/pfd", dependencies=[require(VIEW)])
    async def pfd(asker: Asker, body: Function) -> Response:
        """PFDavg and PFH of a safety function, part by part, with the band of the figure and what nobody has assessed; keeps nothing."""
        found = await asyncio.to_thread(_function, body.text)
        return Json(found.as_json(asker.language))

    return router


def _function(text: str) -> SafetyFunction:
    return parse_function(*compose(text.encode(), "sif.yaml"))
