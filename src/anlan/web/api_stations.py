"""Routes of paired stations: made and revoked by an administrator, paired at the station itself."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection
from starlette.responses import Response

from anlan.model.errors import AnlanError, InputError
from anlan.web.answers import Json
from anlan.web.auth import Asker, from_where, public, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.station_cookie import set_station_cookie, station_cookie
from anlan.web.stations import Station, stations_of

Short = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]


class Made(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Short
    post: Short


class Revoked(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Pairing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=60)]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["stations"])
    stations, writes = stations_of(context), Writes(context.records, context.clock)

    def told(row: dict[str, Any]) -> dict[str, Any]:
        post = context.plant.posts.get(row["post"])
        return row | {"post_name": post.model_dump() if post is not None else None}

    @router.get("/stations", dependencies=[require("people.manage", whole=True)])
    async def listed() -> Response:
        """Every station that was ever made, with its state: waiting for its code, paired, expired, revoked."""
        rows = await asyncio.to_thread(stations.all)
        return Json({"items": [told(row) for row in rows]})

    @router.post("/stations", dependencies=[require("people.manage", whole=True)])
    async def make(asker: Asker, body: Made) -> Response:
        """Make a station at a post. The answer has the pairing code, which is told this once and lasts an hour."""
        if body.post not in context.plant.posts:
            raise InputError(
                "there is no post {post}; the plant has {posts}", post=body.post, posts=", ".join(context.plant.posts)
            )
        row, code = await asyncio.to_thread(stations.make, asker, body.name.strip(), body.post)
        return Json({**told(row), "code": code})

    @router.post("/stations/{station}/revoke", dependencies=[require("people.manage", whole=True)])
    async def revoke(request: Request, station: UUID, asker: Asker, body: Revoked, key: Key = None) -> Response:
        """The station's key is worth nothing from now on."""

        async def run(_: UUID) -> dict[str, Any]:
            return told(await asyncio.to_thread(partial(stations.revoke, asker, station, body.reason)))

        return await writes.once(request, asker, key, run)

    @router.post("/station", dependencies=[public()])
    async def pair(request: Request, body: Pairing) -> Response:
        """Pair this browser by the code. Sets the station's cookie; no script can read it."""
        station, key = await asyncio.to_thread(stations.pair, body.code, from_where(request))
        answer = Json({"name": station.name, "post": station.post})
        set_station_cookie(answer, context.settings, key)
        return answer

    return router


def station_of(context: Context, connection: HTTPConnection) -> Station | None:
    """The paired station that a request comes from, from memory: the records may be unreadable. Raises AnotherAddress; StoreError before
    they were first read."""
    key = connection.cookies.get(station_cookie(context.settings), "")
    return stations_of(context).of_key(key, from_where(connection)) if 0 < len(key) <= 256 else None


def is_paired(context: Context, connection: HTTPConnection) -> bool:
    """As far as is known: a page that only offers a way does not fail because the stations cannot be read."""
    try:
        return station_of(context, connection) is not None
    except AnlanError:
        return False


def station_name(context: Context, connection: HTTPConnection) -> str:
    """Of the paired station that a request comes from, "" for none, or while stations cannot be read."""
    try:
        station = station_of(context, connection)
    except AnlanError:
        return ""
    return station.name if station is not None else ""


def keep_on(context: Context, request: Request, answer: Response) -> None:
    """The cookie lasts from this visit on."""
    set_station_cookie(answer, context.settings, request.cookies[station_cookie(context.settings)])
