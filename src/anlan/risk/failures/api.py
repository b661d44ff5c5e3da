"""Routes of failure data: the library updated by this plant's history, what people enter, and its withdrawal."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.model.instants import instant
from anlan.risk.failures.service import EDIT, VIEW, FailureService
from anlan.risk.failures.store import Entered
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes

Tag = Annotated[str, Field(min_length=1, max_length=64)]
Reason = Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]
Name = Annotated[str, Query(max_length=64)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Entry(_Body):
    """`at`: when it happened, µs since 1970 UTC or RFC 3339 with a zone. `mode` is not needed for in-service and retired."""

    sort: Literal["in-service", "retired", "failure", "test", "demand"]
    item: Tag
    equipment: Tag
    mode: Annotated[str, Field(max_length=64)] = ""
    point: Annotated[str, Field(max_length=64)] = ""
    at: Annotated[str, Field(min_length=1, max_length=40)]
    passed: Annotated[bool, Field(strict=True)] | None = None
    note: Annotated[str, Field(max_length=500)] = ""


class Withdrawal(_Body):
    reason: Reason


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["failure data"])
    service, writes = FailureService.of(context), Writes(context.records, context.clock)

    @router.get("/risk/failures", dependencies=[require(VIEW)])
    async def rates(asker: Asker) -> Response:
        """Failure rates by class and mode: source, this plant's counts, what they made of it, and where they contradict the source."""
        return Json(await service.all(asker))

    @router.get("/risk/failures/entries", dependencies=[require(VIEW)])
    async def entries(asker: Asker, item: Name = "", equipment: Name = "") -> Response:
        """Items in service, failures, tests and demands as entered, the latest first; withdrawn ones say so."""
        return Json({"items": await service.entries(asker, item, equipment)})

    @router.post("/risk/failures/entries", dependencies=[require(EDIT)])
    async def enter(request: Request, asker: Asker, body: Entry, key: Key = None) -> Response:
        """Enter that an item came into service or was retired, failed, was tested or was needed."""
        mode = "" if body.sort in ("in-service", "retired") else body.mode
        told = Entered(
            sort=body.sort, item=body.item, point=body.point, equipment=body.equipment, mode=mode, at=instant("at", body.at),
            passed=body.passed if body.sort in ("test", "demand") else None, note=body.note,
        )  # fmt: skip

        async def run(id: UUID) -> dict[str, Any]:
            return await service.enter(asker, id, told)

        return await writes.once(request, asker, key, run)

    @router.post("/risk/failures/entries/{entry}/withdraw", dependencies=[require(EDIT)])
    async def withdraw(request: Request, entry: UUID, asker: Asker, body: Withdrawal, key: Key = None) -> Response:
        """Withdraw an entry that is wrong: it stays to be read, and counts no more."""

        async def run(id: UUID) -> dict[str, Any]:
            return await service.withdraw(asker, id, entry, body.reason)

        return await writes.once(request, asker, key, run)

    return router
