"""Route of the blind spots: what can't be seen now."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from anlan.monitor.blind_spots import BlindSpots
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["live"])
    spots = BlindSpots.of(context)

    @router.get("/blind", dependencies=[require("live.view")])
    async def blind(asker: Asker) -> Response:
        """Points, sources, alarms and votes that can't be seen or count less now: cause, since and until when, post, what is affected.

        `counts` knows of all by cause; `items` lists up to 2,000, sources first, then what guards life. `areas` have no gas detector left that
        can be relied on (`whole`), or none of the named kinds. `since_is` tells what `since` is: `began`, `last_heard`, or `noticed`, when
        it may have begun earlier. Empty means that nothing is hidden, which is no judgement of the plant.
        """
        await spots.refresh()
        return Json(await spots.told(asker))

    return router
