"""Routes of the emergency path: open to a paired station alone, by its key, whether or not the records of people can be read."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.monitor.emergency import EmergencyService, must_be_paired
from anlan.web.answers import Json
from anlan.web.api_stations import keep_on, station_of
from anlan.web.auth import from_where, public
from anlan.web.context import Context
from anlan.web.idempotency import Key
from anlan.web.problem import language_of


class EmergencyStep(BaseModel):
    """Names the activation, and the severity that was seen, as every answer to an alarm does. `identity_unavailable`: the person declares
    that they cannot be known now, and says why in `reason`."""

    model_config = ConfigDict(extra="forbid")

    alarm: Annotated[str, Field(min_length=1, max_length=100)]
    episode: Annotated[int, Field(strict=True, ge=1, le=1 << 62)]
    priority: Annotated[int, Field(strict=True, ge=1, le=4)]
    reason: Annotated[str, Field(max_length=300)] = ""
    identity_unavailable: Annotated[bool, Field(strict=True)] = False


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["emergency"])
    service = EmergencyService.of(context)

    @router.get("/emergency", dependencies=[public()])
    async def state(request: Request) -> Response:
        """The alarms of the station's post that stand, worst first; `identity` is whether the records of people can be read."""
        station = must_be_paired(station_of(context, request))
        answer = Json(await service.state(station, signed_in_of(request), language_of(request), from_where(request)))
        keep_on(context, request, answer)
        return answer

    async def step(request: Request, body: EmergencyStep, kind: Literal["acknowledge", "silence"], key: str | None) -> Response:
        station = must_be_paired(station_of(context, request))
        about: dict[str, Any] = {
            "episode": body.episode,
            "priority": body.priority,
            "reason": body.reason,
            "declared": body.identity_unavailable,
        }
        who: dict[str, Any] = {"language": language_of(request), "address": from_where(request), "key": key}
        return Json(await service.act(station, signed_in_of(request), kind, body.alarm, **about, **who))

    @router.post("/emergency/acknowledge", dependencies=[public()])
    async def acknowledge(request: Request, body: EmergencyStep, key: Key = None) -> Response:
        """Acknowledge an alarm of the post; recorded as 未识别, with post and station. Refused while somebody is signed in here. While people
        can sign in it needs `identity_unavailable` and a reason, which every console shows for half an hour."""
        return await step(request, body, "acknowledge", key)

    @router.post("/emergency/silence", dependencies=[public()])
    async def silence(request: Request, body: EmergencyStep, key: Key = None) -> Response:
        """Silence an alarm of the post; recorded in the same way."""
        return await step(request, body, "silence", key)

    return router


def signed_in_of(request: Request) -> Principal | None:
    """Who is there; a console that goes on showing with nobody signed in is nobody."""
    found: Principal | None = request.scope.get("state", {}).get("principal")
    return None if getattr(found, "unattended", False) else found
