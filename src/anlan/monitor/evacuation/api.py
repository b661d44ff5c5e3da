"""Routes of evacuation calls: by a signed-in person, and by nobody who is known at a paired station."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.monitor.api_emergency import signed_in_of
from anlan.monitor.emergency import EmergencyService, must_be_paired
from anlan.monitor.evacuation.service import ACTION, Evacuations
from anlan.web.answers import Json
from anlan.web.api_stations import station_of
from anlan.web.auth import Asker, from_where, public, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.problem import language_of

Reason = Annotated[str, Field(min_length=1, max_length=300, pattern=r"\S")]


class Start(BaseModel):
    """`place`: path of the branch. `exercise`: 演练, kept in the record itself and shown with the call."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(min_length=1, max_length=500)]
    reason: Reason
    exercise: bool = False


class End(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Reason


class EndAt(End):
    """`identity_unavailable`: the person declares that they cannot be known now, and `reason` says why."""

    call: Annotated[str, Field(min_length=1, max_length=40)]
    identity_unavailable: Annotated[bool, Field(strict=True)] = False


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["evacuation"])
    service, writes = Evacuations.of(context), Writes(context.records, context.clock)

    @router.get("/evacuations", dependencies=[require("alarm.view")])
    async def listed(asker: Asker) -> Response:
        """Calls that stand or stood, the newest first. `people` is null: how many people are in the branch is not known to this system."""
        return Json({"items": service.listed(asker)})

    @router.post("/evacuations", dependencies=[require(ACTION)])
    async def start(request: Request, asker: Asker, body: Start, key: Key = None) -> Response:
        """Call a branch to evacuate. It shows and sounds on every console of the branch until it is ended. Where one stands at this place
        already, that one is the answer; a real call stands beside an exercise."""
        return await writes.once(
            request,
            asker,
            key,
            lambda _: service.start(asker, body.place, body.reason, exercise=body.exercise),
            essential=True,
        )

    @router.post("/evacuations/{call}/end", dependencies=[require(ACTION)])
    async def end(request: Request, call: str, asker: Asker, body: End, key: Key = None) -> Response:
        """End a call, with the reason. Refused (409) once it is ended."""
        return await writes.once(request, asker, key, lambda _: service.end(asker, call, body.reason), essential=True)

    @router.post("/emergency/evacuate", dependencies=[public()])
    async def start_at(request: Request, body: Start) -> Response:
        """At a paired station, by its key, whoever is signed in or nobody: recorded as 未识别, with post and station. Never limited."""
        station = must_be_paired(station_of(context, request))
        principal = station.principal(language_of(request), from_where(request))
        return Json(await service.start_at(station, principal, body.place, body.reason, exercise=body.exercise))

    @router.post("/emergency/evacuate/end", dependencies=[public()])
    async def end_at(request: Request, body: EndAt) -> Response:
        """At a paired station of the branch; at most 20 in an hour, then only who is signed in ends a call. Refused while somebody is signed in
        there who may end it; while people can sign in it needs `identity_unavailable`, which every console shows for half an hour."""
        station = must_be_paired(station_of(context, request))
        ended = await EmergencyService.of(context).end_call(
            station,
            signed_in_of(request),
            body.call,
            reason=body.reason,
            declared=body.identity_unavailable,
            language=language_of(request),
            address=from_where(request),
        )
        return Json(ended)

    return router
