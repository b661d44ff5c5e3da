"""Routes of the alarm room: standing alarms, one alarm, its steps, the journal. Live values, history and events have files beside."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal, is_within
from anlan.model.errors import AnlanError
from anlan.monitor import (
    api_blind,
    api_emergency,
    api_events,
    api_handover,
    api_history,
    api_live,
    api_paper,
    api_performance,
    api_plant,
    api_points,
    api_response,
    api_safety,
    api_search,
    api_why,
)
from anlan.monitor.evacuation import api as api_evacuation
from anlan.monitor.proof import api as api_proof
from anlan.monitor.service import AlarmService, StepKind, right
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.paging import Cursor, Limit, page_of
from anlan.web.problem import language_of

Reason = Annotated[str, Field(max_length=500)]
Count = Annotated[int, Field(strict=True, ge=1, le=1 << 62)]
Position = Annotated[int, Query(ge=0, le=1 << 62)]


class Answer(BaseModel):
    """Names what is answered: the activation, and the severity that the person saw."""

    model_config = ConfigDict(extra="forbid")

    episode: Count
    priority: Annotated[int, Field(strict=True, ge=1, le=4)]
    reason: Reason = ""


class Back(BaseModel):
    """Brings back an alarm that was put aside. `episode` is 0 for one that has never stood."""

    model_config = ConfigDict(extra="forbid")

    episode: Annotated[int, Field(strict=True, ge=0, le=1 << 62)]
    priority: Annotated[int, Field(strict=True, ge=1, le=4)]
    reason: Reason = ""


class Aside(Back):
    """Puts an alarm aside; whoever hides something says why."""

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Shelve(Aside):
    until: Annotated[int, Field(strict=True, ge=1, le=1 << 62, description="µs UTC; within the running shift, 12 h at most")]


class Remove(Aside):
    work_order: Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]


class Several(BaseModel):
    """Alarms that are on the screen, each named; there is no "all"."""

    model_config = ConfigDict(extra="forbid")

    class One(Answer):
        id: Annotated[str, Field(max_length=100)]

    alarms: Annotated[list[One], Field(min_length=1, max_length=50)]
    reason: Reason = ""


class Episode(BaseModel):
    model_config = ConfigDict(extra="forbid")

    episode: Count


class Filter(BaseModel):
    """Of the list of standing alarms; what is absent does not filter."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(max_length=500, description="path of a place; those below it count too")] = ""
    post: Annotated[str, Field(max_length=100)] = ""
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    state: Annotated[str, Field(max_length=40)] = ""
    kind: Annotated[str, Field(max_length=10)] = ""
    cursor: Cursor = ""
    limit: Limit = 1000


def routes(context: Context) -> APIRouter:
    """All routes of monitoring, below /api/v1."""
    service, writes = AlarmService.of(context), Writes(context.records, context.clock)
    context.background.append(writes.forget_old)
    router = APIRouter(tags=["alarms"])
    router.include_router(api_paper.routes(context))
    router.include_router(api_handover.routes(context))
    router.include_router(api_emergency.routes(context))
    router.include_router(api_evacuation.routes(context))
    router.include_router(api_proof.routes(context))
    router.include_router(api_performance.routes(context))  # its paths before "/alarms/{alarm}"
    _lists(router, context, service)
    _steps(router, service, writes)
    for part in (
        api_plant,
        api_live,
        api_blind,
        api_history,
        api_events,
        api_points,
        api_safety,
        api_search,
        api_why,
        api_response,
    ):
        router.include_router(part.routes(context))
    return router


def _lists(router: APIRouter, context: Context, service: AlarmService) -> None:
    @router.get("/alarms", dependencies=[require("alarm.view")])
    async def standing_alarms(asker: Asker, chosen: Annotated[Filter, Query()]) -> Response:
        """Every alarm that is not normal, worst first: priority, then the newest. `cursor` is the journal position it is true for."""
        await service.board.known()
        at = service.board.cursor
        rows = [row for row in service.board.rows(asker) if _fits(row, chosen)]
        rows.sort(key=_worst_first)
        page, following = page_of(rows, _worst_first, chosen.cursor, chosen.limit)
        return Json({"cursor": at, "incarnation": context.core.incarnation, "items": page, "next": following})

    @router.get("/alarms/{alarm}", dependencies=[require("alarm.view")])
    async def one_alarm(alarm: str, asker: Asker) -> Response:
        """An alarm as configured and as it stands, and who has seen it."""
        return Json(await service.detail(asker, alarm))

    @router.get("/alarms/{alarm}/journal", dependencies=[require("alarm.view")])
    async def story(alarm: str, asker: Asker, before: Position | None = None, limit: Limit = 100) -> Response:
        """The alarm's transitions, newest first; `next` goes into `before`."""
        rows = await service.story(asker, alarm, before, limit)
        return Json({"items": rows, "next": rows[-1]["n"] if len(rows) == limit else None})


def _steps(router: APIRouter, service: AlarmService, writes: Writes) -> None:
    @router.post("/alarms/acknowledge", dependencies=[require("alarm.acknowledge")])
    async def acknowledge_several(request: Request, asker: Asker, body: Several, key: Key = None) -> Response:
        """Acknowledge up to 50 alarms, each named with its episode; one of priority 1 only by itself. Answers for each."""
        service.check_several([one.id for one in body.alarms])
        return await writes.once(request, asker, key, partial(_each, service, request, asker, body), essential=True)

    def add(kind: StepKind, text: str) -> None:
        async def step(request: Request, alarm: str, asker: Asker, body: Answer, key: Key = None) -> Response:
            act = partial(service.act, asker, alarm, kind, episode=body.episode, priority=body.priority, reason=body.reason)
            return await writes.once(request, asker, key, lambda command: act(command=command), essential=True)

        router.add_api_route(
            f"/alarms/{{alarm}}/{kind}",
            step,
            methods=["POST"],
            name=kind,
            description=text,
            dependencies=[require(f"alarm.{kind}")],
        )

    add("acknowledge", "Acknowledge this activation of the alarm; only at the post that it belongs to.")
    add("reset", "Reset a latched alarm whose condition is gone; only at the post that it belongs to.")
    add("silence", "Quiet the horn of this console; changes no alarm, is journalled, and the next alarm sounds again.")

    _put_aside(router, service, writes)

    @router.post("/alarms/{alarm}/seen", dependencies=[require("alarm.seen")])
    async def seen(request: Request, alarm: str, asker: Asker, body: Episode, key: Key = None) -> Response:
        """Mark this activation as seen; others see that, and it stops nothing."""
        return await writes.once(request, asker, key, lambda _: service.seen(asker, alarm, body.episode))


def _put_aside(router: APIRouter, service: AlarmService, writes: Writes) -> None:
    """The steps that hide an alarm from the list, and those that bring it back: only these count as urgent."""

    @router.post("/alarms/{alarm}/shelve", dependencies=[require(right("shelve"))])
    async def shelve(request: Request, alarm: str, asker: Asker, body: Shelve, key: Key = None) -> Response:
        """Shelve until an instant within the running shift; at the alarm's post, never for what guards life (409 says why)."""
        act = partial(service.act, asker, alarm, "shelve", **body.model_dump())
        return await writes.once(request, asker, key, lambda command: act(command=command))

    @router.post("/alarms/{alarm}/unshelve", dependencies=[require(right("unshelve"))])
    async def unshelve(request: Request, alarm: str, asker: Asker, body: Back, key: Key = None) -> Response:
        """End the shelving: an alarm whose condition stands is then unacknowledged and sounds."""
        act = partial(service.act, asker, alarm, "unshelve", **body.model_dump())
        return await writes.once(request, asker, key, lambda command: act(command=command), essential=True)

    @router.post("/alarms/{alarm}/remove-from-service", dependencies=[require(right("remove_from_service"))])
    async def remove_from_service(request: Request, alarm: str, asker: Asker, body: Remove, key: Key = None) -> Response:
        """Take the alarm out of service for a work order, until somebody returns it."""
        act = partial(service.act, asker, alarm, "remove_from_service", **body.model_dump())
        return await writes.once(request, asker, key, lambda command: act(command=command))

    @router.post("/alarms/{alarm}/return-to-service", dependencies=[require(right("return_to_service"))])
    async def return_to_service(request: Request, alarm: str, asker: Asker, body: Back, key: Key = None) -> Response:
        """Return the alarm to service: one whose condition stands is then unacknowledged and sounds."""
        act = partial(service.act, asker, alarm, "return_to_service", **body.model_dump())
        return await writes.once(request, asker, key, lambda command: act(command=command), essential=True)


async def _each(service: AlarmService, request: Request, asker: Principal, body: Several, command: UUID) -> dict[str, Any]:
    """One after the other, each with its own answer: a refusal of one says nothing about the next."""
    answers = []
    for place, one in enumerate(body.alarms):
        own = UUID(int=command.int ^ place)
        reason = one.reason or body.reason
        try:
            answers.append(
                {
                    **await service.act(
                        asker, one.id, "acknowledge", episode=one.episode, priority=one.priority, reason=reason, command=own
                    ),
                    "alarm": one.id,
                }
            )
        except AnlanError as error:
            text = error.text(language_of(request))
            answers.append({"alarm": one.id, "accepted": False, "code": error.code, "why": text, "transition": None})
    return {"items": answers}


def _fits(row: dict[str, Any], chosen: Filter) -> bool:
    return (
        is_within(row["place"], chosen.place)
        and (not chosen.post or row["post"] == chosen.post)
        and (chosen.priority is None or row["priority"] == chosen.priority)
        and (not chosen.state or row["state"] == chosen.state)
        and (not chosen.kind or row["kind"] == chosen.kind)
    )


def _worst_first(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["priority"], -row["noticed_at"], row["alarm"]
