"""Routes of major hazards: the register with what is computed, signed and live; signing, and the second person's word."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.monitor.api_paper import PDF, Printer
from anlan.monitor.paper.service import Papers
from anlan.risk.hazards.paper import register_document
from anlan.risk.hazards.service import SIGN, VIEW, HazardService
from anlan.risk.hazards.store import Decision, Given
from anlan.web.answers import Json
from anlan.web.api_keys import FactorCode
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.problem import language_of

Secret = Annotated[str, Field(min_length=1, max_length=256)]
UnitId = Annotated[str, Field(max_length=64)]
Number = Annotated[int, Field(ge=1, le=1 << 62)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Signing(_Body):
    """`digest`: of what the person looked at."""

    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    occasion: Annotated[str, Field(max_length=40)]
    basis: Annotated[
        str, Field(min_length=3, max_length=500, pattern=r"\S", description="report, meeting or letter that it rests on")
    ]
    assessed_on: date
    password: Secret
    code: FactorCode = ""


class Deciding(_Body):
    decision: Decision
    comment: Annotated[str, Field(min_length=3, max_length=500, pattern=r"\S")]
    password: Secret
    code: FactorCode = ""


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["hazards"])
    service, writes = HazardService.of(context), Writes(context.records, context.clock)
    printer = Printer.of(context)

    @router.get("/risk/hazards", dependencies=[require(VIEW)])
    async def register(asker: Asker) -> Response:
        """Every unit: S, R and level as computed today, as signed, when it is due again, what differs, and the masses in its tanks now."""
        return Json(await service.register(asker))

    @router.get("/risk/hazards/inventory", dependencies=[require(VIEW)])
    async def inventory(asker: Asker) -> Response:
        """The mass in each tank now, as a consequence run takes it; null with the reason while it is unknown."""
        return Json({"items": service.inventory(asker)})

    @router.get("/risk/hazards/{unit}", dependencies=[require(VIEW)])
    async def one(unit: UnitId, asker: Asker) -> Response:
        """One unit with every step of its identification and the history of its signatures."""
        return Json(await service.unit(asker, unit))

    @router.post("/risk/hazards/{unit}/identifications", dependencies=[require(SIGN)])
    async def sign(request: Request, unit: UnitId, asker: Asker, body: Signing, key: Key = None) -> Response:
        """Sign what is computed today, by own password. Is it less grave than what is in force, it waits for a second person."""

        async def run(id: UUID) -> dict[str, Any]:
            given = Given(body.occasion, body.basis, body.assessed_on)
            return await service.sign(asker, id, unit, body.digest, given, body.password, body.code)

        return await writes.once(request, asker, key, run)

    @router.post("/risk/hazards/{unit}/identifications/{number}/decision", dependencies=[require(SIGN)])
    async def decide(unit: UnitId, number: Number, asker: Asker, body: Deciding) -> Response:
        """The second person approves or rejects one that waits; who signed it may only withdraw it."""
        return Json(await service.decide(asker, unit, number, body.decision, body.comment, body.password, body.code))

    @router.get("/print/risk/hazards", dependencies=[require(VIEW)], responses=PDF, response_class=Response)
    async def print_register(request: Request, asker: Asker) -> Response:
        """The register as PDF: signed and computed side by side, each step, the signatures, the masses at the time of printing."""
        head = Papers.of(context).head(language_of(request))
        return await printer.answer(asker, register_document(head, await service.register(asker)))

    return router
