"""Routes of the configuration page: what there is to edit, a draft tried out and put into force, versions compared and brought back."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import is_within
from anlan.model.points import Point
from anlan.plant.configuring import Configuring
from anlan.plant.editing import MODELS, MOST_EDITS, Edit
from anlan.plant.fields import fields_of
from anlan.plant.loosening import guards
from anlan.plant.service import MasterService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.paging import Cursor, Limit, page_of

Reason = Annotated[str, Field(min_length=3, max_length=500)]
Base = Annotated[int, Field(ge=1, le=2**62)]
Number = Annotated[int, Field(ge=1, le=2**62)]


class DraftOf(BaseModel):
    model_config = ConfigDict(extra="forbid")

    edits: Annotated[list[Edit], Field(min_length=1, max_length=MOST_EDITS)]


class Preview(DraftOf):
    """`replay`: also over the node's own last day, for limits, dead-bands and delays."""

    replay: bool = False


class Apply(DraftOf):
    """`base`: the version on which the person looked."""

    base: Base
    reason: Reason


class BringBack(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base: Base
    reason: Reason


class PointsWanted(BaseModel):
    """What is absent does not filter."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(max_length=500)] = ""
    source: Annotated[str, Field(max_length=100)] = ""
    kind: Annotated[str, Field(max_length=100)] = ""
    guarded: bool | None = None
    search: Annotated[str, Field(max_length=100, description="part of an id, a name or an address")] = ""
    cursor: Cursor = ""
    limit: Limit = 500


def routes(context: Context) -> APIRouter:
    """Below /api/v1."""
    service, master, writes = Configuring(context), MasterService.of(context), Writes(context.records, context.clock)
    router = APIRouter(tags=["configuration"])

    @router.get("/plant/points", dependencies=[require("plant.view")])
    async def points(asker: Asker, wanted: Annotated[PointsWanted, Query()]) -> Response:
        """The approved points as they are written, one line each with all fields."""
        current, plant, _ = await master.current()
        seen = [p for p in plant.points if asker.allows("plant.view", p.place) and _fits(p, wanted)]
        page, following = page_of(sorted(seen, key=lambda p: p.id), lambda p: (p.id,), wanted.cursor, wanted.limit)
        rows = [{**p.model_dump(mode="json"), "guarded": guards(p)} for p in page]
        return Json({"version": current.number, "items": rows, "next": following, "total": len(seen)})

    @router.get("/plant/fields", dependencies=[require("plant.view")])
    async def fields() -> Response:
        """The fields of points, alarms, classes, sources and places, with their words and what may be chosen; and the classes themselves."""
        current, plant, _ = await master.current()
        told = {what: await asyncio.to_thread(fields_of, what, plant) for what in MODELS}
        classes = [one.model_dump(mode="json") for one in plant.alarms.classes]
        return Json({"version": current.number, "fields": told, "classes": classes})

    @router.get("/plant/sources", dependencies=[require("alarm.configure", whole=True)])
    async def sources() -> Response:
        """The approved sources as they are written, with the number of points read from each."""
        current, plant, _ = await master.current()
        count = Counter(point.source for point in plant.points)
        guarded = {point.source for point in plant.points if guards(point)}
        rows = [{**one.model_dump(mode="json"), "points": count[one.id], "guarded": one.id in guarded} for one in plant.sources]
        return Json({"version": current.number, "items": rows})

    @router.get("/plant/places", dependencies=[require("alarm.configure", whole=True)])
    async def places() -> Response:
        """The approved places below the enterprise, `id` being the path, with the number of points that stand at each."""
        current, plant, _ = await master.current()
        count = Counter(point.place for point in plant.points)
        rows = [
            {
                "id": one.path,
                "name": one.name.model_dump(),
                "post": one.post,
                "points": count[one.path],
            }
            for one in plant.places[1:]
        ]
        return Json({"version": current.number, "items": rows})

    @router.post("/plant/draft/preview", dependencies=[require("alarm.configure")])
    async def preview(asker: Asker, body: Preview) -> Response:
        """What several edits together would change, end, begin and loosen, or every mistake with its field. Changes nothing."""
        return Json(await service.preview(asker, body.edits, replay=body.replay))

    @router.post("/plant/draft/apply", dependencies=[require("alarm.configure")])
    async def apply(request: Request, asker: Asker, body: Apply, key: Key = None) -> Response:
        """The edits as the next version, in force when answered; what loosens waits for a second person (202, `request`)."""

        async def run(command: UUID) -> dict[str, Any]:
            return await service.apply(asker, body.edits, base=body.base, reason=body.reason, command=command)

        return await writes.once(request, asker, key, run)

    @router.get("/plant/versions/{number}/difference", dependencies=[require("plant.view", whole=True)])
    async def difference(asker: Asker, number: Number, against: Number | None = None) -> Response:
        """What must change for the version `against` (the current one, if absent) to become this one: in words, and whether that loosens."""
        return Json(await service.difference(asker, number, against))

    @router.post("/plant/versions/{number}/bring-back", dependencies=[require("alarm.configure", whole=True)])
    async def bring_back(request: Request, asker: Asker, number: Number, body: BringBack, key: Key = None) -> Response:
        """An earlier version as the next one, through the checks of today; what loosens waits for a second person (202, `request`)."""

        async def run(command: UUID) -> dict[str, Any]:
            return await service.bring_back(asker, number, base=body.base, reason=body.reason, command=command)

        return await writes.once(request, asker, key, run)

    return router


def _fits(point: Point, wanted: PointsWanted) -> bool:
    text = "\n".join((point.id, point.name.zh, point.name.en, point.address, point.was)).casefold()
    return (
        is_within(point.place, wanted.place)
        and wanted.source in ("", point.source)
        and wanted.kind in ("", point.kind)
        and wanted.guarded in (None, guards(point))
        and wanted.search.casefold() in text
    )
