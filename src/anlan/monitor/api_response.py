"""Routes of the response card: how long there is to respond, whether the action works, and what people say of it."""

from __future__ import annotations

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.monitor.records import ActionEffect
from anlan.monitor.response_service import ResponseService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes


class Said(BaseModel):
    """What a person says of the action that followed the acknowledgement of one activation."""

    model_config = ConfigDict(extra="forbid")

    episode: Annotated[int, Field(strict=True, ge=1, le=1 << 62)]
    effect: ActionEffect
    note: Annotated[str, Field(max_length=500)] = ""


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["alarms"])
    service, writes = ResponseService(context), Writes(context.records, context.clock)

    @router.get("/alarms/{alarm}/response", dependencies=[require("alarm.view")])
    async def response(alarm: str, asker: Asker) -> Response:
        """Until when a response is due, and what the readings since the acknowledgement say of it; `because` names what it rests on.

        `verdict`: `returned`, `returning`, `unchanged`, `worsening`, or `unknown` when data are too few, not plainly good or too noisy.
        `distance` is what the value still lacks to be back past `clears_at`; slopes are per minute with their 95 % interval; `back` says in
        how many seconds a line through the readings would be back, earliest and latest (null: not to be told). It promises nothing.
        """
        return Json(await service.card(asker, alarm))

    @router.post("/alarms/{alarm}/response", dependencies=[require("alarm.acknowledge")])
    async def say(request: Request, alarm: str, asker: Asker, body: Said, key: Key = None) -> Response:
        """Did the action work? Recorded with who, post and when, beside what the readings said then; a later answer stands above it.

        Only at the alarm's post, for an activation that is acknowledged (409 otherwise), also once the alarm is gone.
        """
        act = partial(service.answer, asker, alarm, body.episode, body.effect, body.note)
        return await writes.once(request, asker, key, lambda _: act())

    return router
