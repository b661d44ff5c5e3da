"""Routes by which a person adds a source and its points to a plant that runs, and has a list of the plant's own read."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import Response

from anlan.model.errors import InputError
from anlan.model.kinds import kinds
from anlan.model.languages import translate
from anlan.plant.adding import AddingService
from anlan.plant.additions import Addition
from anlan.plant.columns import titles
from anlan.plant.points_file import Imported, read_list
from anlan.plant.service import MasterService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes

MOST_LIST = 5_000
"""Lines of a list that are taken at once; a larger plant comes as a folder."""


class Addressed(Addition):
    """`base`: the version on which the person looked."""

    base: Annotated[int, Field(strict=True, ge=1, le=1 << 62)]
    reason: Annotated[str, Field(min_length=3, max_length=500)]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["sources"])
    service, writes = AddingService(context, MasterService.of(context)), Writes(context.records, context.clock)

    @router.get("/plant/kinds", dependencies=[require("plant.view")])
    async def all_kinds() -> Response:
        """The kinds of points there are, each with the unit it is usually measured in: for forms."""
        rows = [
            {"id": kind.id, "name": kind.name.model_dump(), "unit": kind.default_unit, "discrete": kind.discrete}
            for kind in kinds().values()
        ]
        return Json({"items": rows})

    @router.post("/plant/additions/preview", dependencies=[require("source.configure", whole=True)])
    async def preview(asker: Asker, body: Addition) -> Response:
        """What a source, places, points or limits would change, and every mistake with its row and column. Changes nothing, connects to nothing."""
        return Json(await service.preview(asker, body))

    @router.post("/plant/additions", dependencies=[require("source.configure", whole=True)])
    async def add(request: Request, asker: Asker, body: Addressed, key: Key = None) -> Response:
        """Make the plant with these additions the next version and bring it into force, without a restart. Limits take `alarm.configure` too."""
        addition = Addition.model_validate(body.model_dump(exclude={"base", "reason"}))

        async def run(command: UUID) -> dict[str, Any]:
            return await service.add(asker, addition, base=body.base, reason=body.reason, command=command)

        return await writes.once(request, asker, key, run)

    @router.post("/plant/lists/read", dependencies=[require("source.configure", whole=True)])
    async def read(
        request: Request,
        name: Annotated[
            str,
            Query(
                pattern=r"(?i)^[^/\\]{1,200}\.(csv|tsv|txt|xlsx|xlsm)$",
                description="of the list; its ending says how it is written",
            ),
        ],
        place: Annotated[str, Query(max_length=300)] = "",
        source: Annotated[str, Query(max_length=64)] = "",
    ) -> Response:
        """A plant's own point list (the body: .xlsx, or text with tabs, commas or semicolons) as columns of points.csv, with what was not understood."""
        data = await request.body()
        if not data:
            raise InputError("the body is empty; the bytes of a list were expected")
        return Json(list_row(await asyncio.to_thread(read_list, Path(name), place=place, source=source, data=data)))

    return router


def list_row(read: Imported) -> dict[str, Any]:
    """`columns`: ours → the header it was read from. `notes`: what was changed, guessed or left out, by line of the list."""
    if len(read.rows) > MOST_LIST:
        raise InputError("the list has {count} points; {most} are taken at once: bring a larger plant as a folder", count=len(read.rows), most=MOST_LIST)  # fmt: skip
    return {
        "sheet": read.sheet,
        "line": read.header_line,
        "columns": read.columns,
        "unknown": read.unknown,
        "missing": [{"column": name, "zh": titles()[name], "en": name} for name in read.missing],
        "renamed": read.renamed(),
        "rows": read.rows,
        "notes": [
            {"line": line, **{language: translate(message, language).format(**facts) for language in ("zh", "en")}}
            for line, message, facts in read.notes
        ],
    }
