"""The duty roster: who is on duty when and at which post, and who is on duty now."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.roster import MOST_DAYS
from anlan.model.clock import to_datetime
from anlan.model.errors import InputError
from anlan.model.shifts import Running, shift_at
from anlan.web.answers import Json, iso
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes


class PutDuty(BaseModel):
    """`day`: on which the shift begins; `post`: "" for who works at none; `people`: ids, all of them."""

    model_config = ConfigDict(extra="forbid")

    day: Annotated[str, Field(max_length=40)]
    shift: Annotated[str, Field(max_length=100)]
    post: Annotated[str, Field(max_length=100)] = ""
    people: Annotated[list[UUID], Field(max_length=100)]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["people"])
    roster, writes = context.guard.roster, Writes(context.records, context.clock)

    @router.get("/roster", dependencies=[require("people.view")])
    async def duties(
        first: Annotated[
            str,
            Query(alias="from", max_length=40, description="YYYY-MM-DD; when absent, the day on which the running shift began"),
        ] = "",
        days: Annotated[int, Query(ge=1, le=MOST_DAYS)] = 7,
    ) -> Response:
        """The roster of some days, with the shifts and posts it is written for."""
        first = first or _running(context)[0]  # at two at night that is yesterday, and who asks wants the night shift
        rows = await asyncio.to_thread(roster.between, first, days)
        items = [{"day": row.day, "shift": row.shift, "post": row.post, "person": str(row.person_id)} for row in rows]
        shifts = [shift.model_dump() for shift in context.plant.shifts]
        posts = [{"id": post, "name": name.model_dump()} for post, name in context.plant.posts.items()]
        return Json({"from": first, "days": days, "today": today(context), "shifts": shifts, "posts": posts, "items": items})

    @router.get("/roster/now", dependencies=[require("people.view")])
    async def now() -> Response:
        """The shift that runs, and who is on duty in it by the roster."""
        return Json(await asyncio.to_thread(on_duty_now, context))

    @router.put("/roster", dependencies=[require("roster.manage")])
    async def put(request: Request, asker: Asker, body: PutDuty, key: Key = None) -> Response:
        """Write who is on duty at one post in one shift; replaces who stood there."""
        if body.shift not in {shift.id for shift in context.plant.shifts}:
            known = ", ".join(shift.id for shift in context.plant.shifts)
            raise InputError("there is no shift {shift}; there are: {shifts}", shift=body.shift, shifts=known)
        if body.post and body.post not in context.plant.posts:
            known = ", ".join(sorted(context.plant.posts)) or "—"
            raise InputError("there is no post {post}; there are: {posts}", post=body.post, posts=known)
        places = context.places_of_post(body.post) if body.post else ()

        async def run(_: UUID) -> dict[str, Any]:
            write = partial(roster.put, asker, body.day, body.shift, body.post, body.people, places)
            await asyncio.to_thread(write)
            return {"day": body.day, "shift": body.shift, "post": body.post, "people": [str(one) for one in body.people]}

        return await writes.once(request, asker, key, run)

    return router


def _running(context: Context) -> tuple[str, Running]:
    """The shift that runs, and the day of the site's calendar on which it began."""
    running = shift_at(context.clock.now(), context.plant.shifts, context.plant.zone)
    return f"{to_datetime(running.start).astimezone(ZoneInfo(context.plant.zone)):%Y-%m-%d}", running


def on_duty_now(context: Context) -> dict[str, Any]:
    day, running = _running(context)
    people = context.guard.roster.at(day, running.shift.id)
    return {
        "day": day,
        "shift": running.shift.model_dump(),
        "start": running.start,
        "start_iso": iso(running.start),
        "end": running.end,
        "end_iso": iso(running.end),
        "posts": {post: [str(one) for one in found] for post, found in people.items()},
    }


def running_shift(context: Context) -> tuple[str, str]:
    """(day on which it began, id), as the roster names it."""
    day, running = _running(context)
    return day, running.shift.id


def today(context: Context) -> str:
    """On the site's calendar."""
    return f"{to_datetime(context.clock.now()).astimezone(ZoneInfo(context.plant.zone)):%Y-%m-%d}"
