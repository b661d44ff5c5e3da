"""Routes of the plant's own drawings: brought, placed on, taken away; their pictures served so that nothing in them could run."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.model.drawings import Drawing, Part
from anlan.model.errors import Hidden, InputError, NotFound
from anlan.model.words import Label
from anlan.plant.drawings.service import DrawingService
from anlan.plant.drawings.shelf import picture_of
from anlan.plant.service import MasterService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,63}$")]
Base = Annotated[int, Query(ge=1, description="the version on which the person looked")]
Reason = Annotated[str, Query(min_length=3, max_length=500)]
INERT = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, max-age=31536000, immutable",
}
"""Opened by itself the picture runs nothing and loads nothing; its address carries its digest, so it may be kept."""


class Placed(BaseModel):
    """All that stands on the drawing, in shares of its width and height."""

    model_config = ConfigDict(extra="forbid")

    points: Annotated[dict[str, tuple[Part, Part]], Field(max_length=5000)]
    places: Annotated[dict[str, tuple[Part, Part, Part, Part]], Field(max_length=500)]
    invert: bool = False
    base: Annotated[int, Field(ge=1)]
    reason: Annotated[str, Field(min_length=3, max_length=500)]


def routes(context: Context) -> APIRouter:
    router = APIRouter(prefix="/plant/drawings", tags=["plan"])
    service, writes = DrawingService(context, MasterService.of(context)), Writes(context.records, context.clock)

    @router.get("", dependencies=[require("plant.view")])
    async def listed(asker: Asker) -> Response:
        """The plant's own drawings, with what stands where on them."""
        shown = [one for one in context.plant.drawings if asker.allows("plant.view", one.place or context.plant.top)]
        return Json({"version": context.plant.version, "items": [drawing_row(one) for one in shown]})

    @router.get("/{drawing}/image", dependencies=[require("plant.view")], responses={200: {"content": {"image/*": {}}}})
    async def image(drawing: Id, asker: Asker) -> Response:
        """The picture, cleaned."""
        found = next((one for one in context.plant.drawings if one.id == drawing), None)
        if found is None:
            raise NotFound("there is no drawing {drawing}", drawing=drawing)
        if not asker.allows("plant.view", found.place or context.plant.top):
            raise Hidden("there is no drawing {drawing}", drawing=drawing)
        media, content = await asyncio.to_thread(picture_of, context.records, found.sha256)
        return Response(content, media_type=media, headers=INERT)

    @router.put("/{drawing}/image", dependencies=[require("plant.draw", whole=True)])
    async def bring(
        request: Request,
        drawing: Id,
        asker: Asker,
        base: Base,
        reason: Reason,
        place: Annotated[str, Query(max_length=300, description='"" is the whole plant: the plan of the overview')] = "",
        zh: Annotated[str, Query(max_length=100)] = "",
        en: Annotated[str, Query(max_length=100)] = "",
        key: Key = None,
    ) -> Response:
        """Bring a drawing (the body: SVG, PNG or JPEG by its content, at most 8 MiB), or another picture for one that is there."""
        data = await request.body()
        if not data:
            raise InputError("the body is empty; the bytes of an SVG, PNG or JPEG file were expected")

        async def run(command: UUID) -> dict[str, Any]:
            name = Label(zh=zh, en=en)
            return await service.bring(asker, drawing, data, place=place, name=name, base=base, reason=reason, command=command)

        return await writes.once(request, asker, key, run)

    @router.put("/{drawing}/placed", dependencies=[require("plant.draw", whole=True)])
    async def place(request: Request, drawing: Id, asker: Asker, body: Placed, key: Key = None) -> Response:
        """Say where points and places stand on it: all of them, what is not named stands there no more."""

        async def run(command: UUID) -> dict[str, Any]:
            return await service.place(
                asker, drawing, body.points, body.places, invert=body.invert, base=body.base, reason=body.reason, command=command
            )

        return await writes.once(request, asker, key, run)

    @router.delete("/{drawing}", dependencies=[require("plant.draw", whole=True)])
    async def remove(request: Request, drawing: Id, asker: Asker, base: Base, reason: Reason, key: Key = None) -> Response:
        """Show the drawing no more; versions before keep it."""

        async def run(command: UUID) -> dict[str, Any]:
            return await service.remove(asker, drawing, base=base, reason=reason, command=command)

        return await writes.once(request, asker, key, run)

    return router


def address_of(drawing: Drawing) -> str:
    """Of the picture; another picture has another address."""
    return f"/api/v1/plant/drawings/{drawing.id}/image?v={drawing.sha256[:16]}"


def drawing_row(drawing: Drawing) -> dict[str, Any]:
    return drawing.model_dump(mode="json") | {"image": address_of(drawing)}
