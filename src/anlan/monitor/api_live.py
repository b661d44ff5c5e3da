"""Routes of the live values: a snapshot, a stream for programs, and the console's one socket for everything that moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, WebSocket
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from anlan.guard.principal import Principal
from anlan.monitor.choice import IDS, Points, chosen_points
from anlan.monitor.console_socket import ConsoleSocket
from anlan.monitor.service import AlarmService
from anlan.web.answers import Json, finite, iso, quality_words
from anlan.web.auth import Asker, principal_of, require, still_allowed
from anlan.web.context import Context
from anlan.web.fanout import MOST_POINTS, Numbers
from anlan.web.stream import event, event_stream


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["live"])
    alarms = AlarmService.of(context)

    @router.get("/live", dependencies=[require("live.view")])
    async def live(
        asker: Asker,
        points: Annotated[list[str], Query(max_length=1000, description=f"{IDS}; all when absent")] = [],  # noqa: B006
    ) -> Response:
        """The newest value of each point, when it was measured and received, and what it is worth now."""
        numbers = _chosen(context, asker, points)
        return Json({"connected": context.live.connected, "at": context.live.updated_at, "items": _snapshot(context, numbers)})

    @router.get("/live/stream", dependencies=[require("live.view")], responses={200: {"content": {"text/event-stream": {}}}})
    async def stream(asker: Asker, points: Points) -> Response:
        """Values as they move, as server-sent events, at most 4 a second; the first has all of them.

        Data: {"tick", "t", "connected", "v": [[id, time, value | null, quality word, received_at], …]}.
        """
        numbers = context.fanout.number_set(chosen_points(context.plant, asker, points, action="live.view", most=MOST_POINTS))
        return event_stream(_events(context, numbers), still_allowed(context, asker))

    @router.websocket("/live/ws", dependencies=[require("live.view")])
    async def console(socket: WebSocket) -> None:
        """The console's connection: values of the points it asks for, alarms it may see, sources, the summary; see console_socket.py."""
        await socket.accept()
        context.meter.streams.labels("console").inc()
        try:
            await ConsoleSocket(context, alarms.board, principal_of(socket), socket).run()
        except WebSocketDisconnect:
            pass  # the browser left: nobody is there to be told
        finally:
            context.meter.streams.labels("console").dec()

    return router


def _chosen(context: Context, asker: Principal, texts: list[str]) -> list[int]:
    if any(texts):
        return chosen_points(context.plant, asker, texts, action="live.view", most=MOST_POINTS)
    return [number for number, point in sorted(context.plant.points.items()) if asker.allows("live.view", point.place)]


def _snapshot(context: Context, numbers: list[int]) -> list[dict[str, Any]]:
    live = context.live
    points = context.fanout.number_set(numbers)
    quality = dict(zip(points.tolist(), live.quality_now(points).tolist(), strict=True))
    return [
        {
            "point": context.plant.points[number].id,
            "time": int(live.time[number]) or None,
            "time_iso": iso(int(live.time[number]) or None),
            "value": finite(float(live.value[number])),
            "quality": quality_words(quality[number]),
            "received_at": int(live.received[number]) or None,
        }
        for number in numbers
    ]


async def _events(context: Context, points: Numbers) -> AsyncIterator[bytes]:
    with context.meter.streams.labels("live").track_inprogress():
        async for tick, rows in context.fanout.frames(points):
            head = orjson.dumps({"tick": tick, "t": context.clock.now(), "connected": context.live.connected})
            yield event(head[:-1] + b',"v":[' + rows + b"]}", kind="values", identity=str(tick))
