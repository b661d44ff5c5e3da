"""The journal and its event stream: everything that happened to alarms, in order, from any position on.

A position is "<incarnation>:<n>": n counts transitions within one incarnation of the store. A reader that comes back names the last
position it has; if that can't be continued (the store was restored, or its rows are gone) it is told 410 and where to start afresh.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Header, Query
from starlette.responses import Response

from anlan.guard.principal import Principal, is_within
from anlan.model.errors import AnlanError, InputError
from anlan.model.events.alarms import AlarmTransition
from anlan.monitor.board import CHUNK, Board
from anlan.monitor.rows import transition_row
from anlan.monitor.service import AlarmService
from anlan.web.answers import Json, dumps
from anlan.web.auth import Asker, require, still_allowed
from anlan.web.context import Context
from anlan.web.paging import Limit
from anlan.web.stream import event, event_stream

SNAPSHOT = "/api/v1/alarms"
Position = Annotated[str, Query(max_length=100, description='"<incarnation>:<n>" or n; the last position the reader has')]
Before = Annotated[int | None, Query(ge=1, le=1 << 62, description="pages backwards: newest first, n below this")]


class Gone(AnlanError):
    """The position can't be continued; `snapshot` says where to start afresh."""

    code: ClassVar[str] = "gone"
    status: ClassVar[int] = 410


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["events"])
    board = AlarmService.of(context).board

    @router.get("/journal", dependencies=[require("alarm.view")])
    async def journal(
        asker: Asker,
        after: Position = "",
        before: Before = None,
        place: Annotated[str, Query(max_length=500)] = "",
        point: Annotated[str, Query(max_length=100)] = "",
        limit: Limit = 100,
    ) -> Response:
        """Transitions after a position, oldest first; with `before`, newest first. `next` is the position to go on from."""
        if before is None:
            rows = await _after(context, _number(context, after, default=0), limit)
        else:
            rows = list(await asyncio.to_thread(context.journal.before, before, limit))
        told = [row for row in (_row(context, board, one) for one in rows) if _may(asker, row) and _fits(row, place, point)]
        following = None if len(rows) < limit else rows[-1].n if before is not None else _position(context, rows[-1].n)
        return Json({"incarnation": context.core.incarnation, "items": told, "next": following})

    @router.get("/events", dependencies=[require("alarm.view")], responses={200: {"content": {"text/event-stream": {}}}})
    async def events(
        asker: Asker,
        after: Position = "",
        last_event_id: Annotated[str, Header(alias="Last-Event-ID", max_length=100)] = "",
    ) -> Response:
        """Alarm transitions as server-sent events, from a position on (`after`, or Last-Event-ID when reconnecting), else from now on."""
        await board.catch_up()
        await board.known()
        number = _number(context, last_event_id or after, default=board.cursor)
        await _after(context, number, 1)
        return event_stream(_events(context, board, asker, number), still_allowed(context, asker))

    return router


async def _events(context: Context, board: Board, asker: Principal, number: int) -> AsyncIterator[bytes]:
    with context.meter.streams.labels("events").track_inprogress():
        yield event(dumps({"position": _position(context, number)}), kind="position", identity=_position(context, number))
        while True:
            rung = board.moved.count
            told = board.recent(number)
            if told is None:  # longer ago than is kept in memory: from the journal itself
                rows = [_row(context, board, one) for one in await _after(context, number, CHUNK)]
                number = max([number, *(row["n"] for row in rows)])
                for row in rows:
                    if _may(asker, row):
                        yield event(dumps(row), kind="transition", identity=_position(context, row["n"]))
                continue
            for one in told:
                number = one.n
                if asker.allows("alarm.view", one.place):
                    yield event(one.event, kind="transition", identity=_position(context, one.n))
            await board.moved.wait(rung)


async def _after(context: Context, number: int, limit: int) -> list[AlarmTransition]:
    """Raises Gone when rows between `number` and what the journal holds are missing."""
    rows = list(await asyncio.to_thread(context.journal.read, number, limit))
    if rows and rows[0].n != number + 1:
        raise Gone("position {position} is too old; begin anew from {snapshot}", position=number, snapshot=SNAPSHOT)
    if not rows and number > await asyncio.to_thread(lambda: context.journal.last):
        raise Gone("position {position} was never reached here; begin anew from {snapshot}", position=number, snapshot=SNAPSHOT)
    return rows


def _number(context: Context, position: str, *, default: int) -> int:
    """Raises InputError for what is no position, Gone for one of another incarnation."""
    if not position:
        return default
    incarnation, _, number = position.rpartition(":")
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise InputError('position {found}: "<incarnation>:<n>" or n was expected', found=position[:60])
    if incarnation and incarnation != context.core.incarnation:
        raise Gone(
            "position {position} is of another incarnation of this node; begin anew from {snapshot}",
            position=position,
            snapshot=SNAPSHOT,
        )
    return int(number)


def _position(context: Context, number: int) -> str:
    return f"{context.core.incarnation}:{number}"


def _row(context: Context, board: Board, transition: AlarmTransition) -> dict[str, Any]:
    return transition_row(context.plant, transition, board.name_of)


def _may(asker: Principal, row: dict[str, Any]) -> bool:
    return asker.allows("alarm.view", row["place"])


def _fits(row: dict[str, Any], place: str, point: str) -> bool:
    return is_within(row["place"], place) and (not point or row["point"] == point)
