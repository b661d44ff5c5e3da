"""Routes of the alarm system's performance: the measures of a window, the floods of now, and the standing alarms in groups."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from anlan.monitor.flood import grouped
from anlan.monitor.groups import registers
from anlan.monitor.live_floods import flood_row
from anlan.monitor.performance import PerformanceService, WindowName, window_of
from anlan.monitor.service import AlarmService
from anlan.monitor.states import HIDDEN
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context

_TIME = "µs since 1970 UTC, or RFC 3339 with a zone; `from` and `to` go together"
From = Annotated[str, Query(alias="from", max_length=40, description=_TIME)]
To = Annotated[str, Query(alias="to", max_length=40, description=_TIME)]
Named = Annotated[WindowName, Query(alias="window", description="up to now, where `from` and `to` are not given")]
Post = Annotated[str | None, Query(max_length=100, description="id of a post; all of them when absent")]
By = Annotated[Literal["first_out", "point", "equipment", "unit", "source"], Query()]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["alarms"])
    board = AlarmService.of(context).board

    @router.get("/alarms/performance", dependencies=[require("alarm.view")])
    async def performance(asker: Asker, start: From = "", end: To = "", window: Named = "day", post: Post = None) -> Response:
        """How the alarm system performs at each post: the measures of EEMUA 191, ISA-18.2 and IEC 62682 beside their guide values.

        Measures of an operator's alarms in `figures` (shares in %, times in s), the charts' data and lists beside. No figure is judged.
        """
        chosen = window_of(start, end, window, context.clock.now(), context.plant)
        return Json(await PerformanceService.of(context).report(asker, chosen, post))

    @router.get("/alarms/floods", dependencies=[require("alarm.view")])
    async def floods(asker: Asker) -> Response:
        """Every post now: alarms of the last ten minutes, and since when it is in a flood (from 10 in 10 minutes until below 5)."""
        await board.known()
        rows = [flood_row(context, one) for one in board.floods.now(asker)]
        return Json({"at": context.clock.now(), "items": rows})

    @router.get("/alarms/groups", dependencies=[require("alarm.view")])
    async def groups(asker: Asker, by: By = "unit") -> Response:
        """The standing alarms grouped, as a view: each is in exactly one item, the one that happened first in front; priority 1 alone.

        A first-out group's `lead` says by what its first alarm is known: `register` (the safety system trapped its cause), `stamps` (the
        register names none of these; by the sources' stamps less the on-delays) or `unknown` (the register can't be read).
        """
        await board.known()
        shown = [row for row in board.rows(asker) if row["state"] not in {state.name for state in HIDDEN}]
        shown.sort(key=lambda row: (row["priority"], -row["noticed_at"], row["alarm"]))  # type: ignore[operator]
        items = [
            {
                "key": one.key,
                "worst": one.worst,
                "count": len(one.rows),
                "first": one.first["id"],
                "lead": one.lead,
                "alarms": [r["id"] for r in one.rows],
            }
            for one in grouped(shown, by, registers(context, asker))
        ]
        return Json({"cursor": board.cursor, "by": by, "items": items})

    return router
