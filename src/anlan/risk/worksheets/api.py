"""Routes of worksheets: forms and methods, sheets and their versions, scoring, review and signature, workbooks."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.model.errors import InputError
from anlan.monitor.api_paper import PDF, Printer
from anlan.risk.worksheets.service import EDIT, SIGN, VIEW, WorksheetService, deviations_told, known_forms
from anlan.risk.worksheets.sheet import MOST_LINES
from anlan.web.answers import Json
from anlan.web.api_keys import FactorCode
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.problem import language_of

Reason = Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]
Number = Annotated[int, Field(strict=True, ge=1, le=1 << 62)]
NumberAsked = Annotated[int | None, Query(ge=1, le=1 << 62, description="of a version; the newest when absent")]
Id = Annotated[str, Field(max_length=40)]
Text = Annotated[str, Field(max_length=2000)]
Secret = Annotated[str, Field(min_length=1, max_length=256)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LineGiven(_Body):
    """`cells`: column → text; computed columns are left out. A line without id is a new one."""

    id: Annotated[str, Field(max_length=12)] = ""
    cells: Annotated[dict[Id, Text], Field(max_length=40)] = {}


Lines = Annotated[list[LineGiven], Field(max_length=MOST_LINES)]


class Scoring(_Body):
    form: Id = "jha"
    method: Id = "ls-a"
    lines: Lines = []


class SheetGiven(_Body):
    title: Annotated[str, Field(min_length=1, max_length=300, pattern=r"\S")]
    place: Annotated[str, Field(max_length=300, description='path of what the sheet is about; "" is the whole plant')]
    team: Annotated[str, Field(max_length=300)] = ""
    day: Annotated[str, Field(max_length=10)] = ""
    lines: Lines = []


class NewSheet(SheetGiven):
    form: Id = "jha"
    method: Id = "ls-a"
    reason: Reason


class NextVersion(SheetGiven):
    """The whole content; `base`: the version the person looked at."""

    base: Number
    reason: Reason
    method: Annotated[str | None, Field(max_length=40, description="another edition; absent: as before")] = None


class Signing(_Body):
    number: Number
    password: Secret
    code: FactorCode = ""


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["worksheets"])
    service, writes = WorksheetService.of(context), Writes(context.records, context.clock)
    _reading(router, service)
    _writing(router, service, writes)
    _books(router, service, writes, Printer.of(context))
    return router


def _reading(router: APIRouter, service: WorksheetService) -> None:
    @router.get("/risk/worksheets", dependencies=[require(VIEW)])
    async def all_sheets(
        asker: Asker,
        place: Annotated[str, Query(max_length=300, description="path of a place: sheets at or below it")] = "",
        colour: Literal["", "red", "orange", "yellow", "blue", "unassessed"] = "",
    ) -> Response:
        """Worksheets in their newest version with lines counted by colour, the latest change first."""
        return Json({"items": await service.all(asker, place, colour)})

    @router.get("/risk/worksheets/forms", dependencies=[require(VIEW)])
    async def all_forms() -> Response:
        """The forms with their columns, the scoring methods with scales, bands, source and confidence."""
        return Json(known_forms())

    @router.get("/risk/worksheets/deviations", dependencies=[require(VIEW)])
    async def hazop(
        parameter: Annotated[list[Id], Query(max_length=20, description="flow, pressure …; all when absent")] = [],  # noqa: B006
    ) -> Response:
        """What a HAZOP node is asked: guide words × parameters, without the pairs that mean nothing."""
        return Json({"items": deviations_told(parameter)})

    @router.get("/risk/worksheets/{sheet}", dependencies=[require(VIEW)])
    async def one(sheet: UUID, asker: Asker, number: NumberAsked = None) -> Response:
        """A worksheet: columns, lines with score, colour and the rule that gave it, what they are linked to, versions, signatures."""
        return Json(await service.one(asker, sheet, number))

    @router.get("/risk/worksheets/{sheet}/versions/{number}/changes", dependencies=[require(VIEW)])
    async def changed(sheet: UUID, number: int, asker: Asker) -> Response:
        """What a version changed of the one it was made from, cell by cell."""
        return Json({"items": await service.difference(asker, sheet, number)})


def _writing(router: APIRouter, service: WorksheetService, writes: Writes) -> None:
    @router.post("/risk/worksheets/score", dependencies=[require(VIEW)])
    async def score(body: Scoring) -> Response:
        """Score lines without keeping anything; mistakes are named cell by cell."""
        return Json(await asyncio.to_thread(service.scored, body.model_dump()))

    @router.post("/risk/worksheets", dependencies=[require(EDIT)])
    async def create(request: Request, asker: Asker, body: NewSheet, key: Key = None) -> Response:
        """A new worksheet of a form, scored by one edition."""

        async def run(id: UUID) -> dict[str, Any]:
            return await service.create(asker, id, body.model_dump(exclude={"reason"}), body.reason)

        return await writes.once(request, asker, key, run)

    @router.put("/risk/worksheets/{sheet}", dependencies=[require(EDIT)])
    async def change(request: Request, sheet: UUID, asker: Asker, body: NextVersion, key: Key = None) -> Response:
        """The next version of a worksheet. When another came between: 409 `sheet-moved`, which names the cells that both changed."""
        told = body.model_dump(exclude={"reason", "base"}, exclude_none=True)

        async def run(_: UUID) -> dict[str, Any]:
            return await service.change(asker, sheet, body.base, told, body.reason)

        return await writes.once(request, asker, key, run)

    @router.post("/risk/worksheets/{sheet}/review", dependencies=[require(SIGN)])
    async def review(sheet: UUID, asker: Asker, body: Signing) -> Response:
        """Review the newest version by own password; not by who wrote it. Refused while a required cell or a factor is missing."""
        return Json(await service.sign(asker, sheet, body.number, "review", body.password, body.code))

    @router.post("/risk/worksheets/{sheet}/sign", dependencies=[require(SIGN)])
    async def sign(sheet: UUID, asker: Asker, body: Signing) -> Response:
        """Sign a reviewed version by own password; not by who wrote it. A later version is a draft again."""
        return Json(await service.sign(asker, sheet, body.number, "sign", body.password, body.code))


XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def _books(router: APIRouter, service: WorksheetService, writes: Writes, printer: Printer) -> None:
    @router.get("/risk/worksheets/{sheet}/book", dependencies=[require(VIEW)], response_class=Response)
    async def book(sheet: UUID, asker: Asker, number: NumberAsked = None) -> Response:
        """The sheet as a workbook, which an import takes back."""
        kept, data = await service.book(asker, sheet, number)
        name = f"{kept.sheet.form}-{str(sheet)[-6:]}-v{kept.row.number}.xlsx"
        return Response(data, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})

    @router.get("/print/worksheet", dependencies=[require(VIEW)], responses=PDF, response_class=Response)
    async def print_worksheet(request: Request, asker: Asker, id: UUID, number: NumberAsked = None) -> Response:
        """A version of a worksheet as PDF, the newest when none is named; X-Content-SHA256 is the hash in its QR."""
        return await printer.answer(asker, await service.document(asker, id, number, language_of(request)))

    @router.post("/risk/workbooks/preview", dependencies=[require(EDIT)])
    async def preview(request: Request, asker: Asker) -> Response:
        """What a workbook (the body, .xlsx) would make or change, cell by cell, and every mistake with its cell. Changes nothing."""
        return Json(await service.looked_at(asker, await _body(request)))

    @router.post("/risk/workbooks/import", dependencies=[require(EDIT)])
    async def bring_in(
        request: Request,
        asker: Asker,
        reason: Annotated[str, Query(min_length=3, max_length=500)],
        base: Annotated[
            int | None, Query(ge=1, le=1 << 62, description="the version whose difference was seen; absent: a new sheet")
        ] = None,
        name: Annotated[str, Query(pattern=r"^[^/\\]{1,200}$", description="of the file, without a folder")] = "xlsx",
        key: Key = None,
    ) -> Response:
        """Take a workbook (the body, .xlsx) over: as the next version of the sheet it was exported from, or as a new sheet."""
        data = await _body(request)

        async def run(id: UUID) -> dict[str, Any]:
            return await service.bring_in(asker, id, data, base, reason, name)

        return await writes.once(request, asker, key, run)


async def _body(request: Request) -> bytes:
    data = await request.body()
    if not data:
        raise InputError("the body is empty; the bytes of an .xlsx workbook were expected")
    return data
