"""What the node is set to, for the settings page and for programs."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.responses import Response

from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.settings import Settings, core_status


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["node"])

    @router.get("/settings", dependencies=[require("node.status", whole=True)])
    async def settings(asker: Asker) -> Response:
        """What is in force on this node, in the asker's language: sections of rows with name, value, and the flag, file or page that sets it.
        A value that is not known has `look` "unknown". People and audit record only for who may see them."""
        core = await core_status(context)
        return Json({"sections": await asyncio.to_thread(Settings(context, asker, core).sections)})

    return router
