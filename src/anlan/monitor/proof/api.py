"""Routes of the weekly proof of the alarm chain."""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.monitor.proof.service import RIGHT, VIEW, Proofs
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes


class Start(BaseModel):
    """`station`: what the place is called at which it is to be heard."""

    model_config = ConfigDict(extra="forbid")

    station: Annotated[str, Field(max_length=100)] = ""


class Stage(BaseModel):
    model_config = ConfigDict(extra="forbid")

    stage: Literal["console", "sound"]
    ok: bool = True


class Heard(BaseModel):
    model_config = ConfigDict(extra="forbid")

    heard: bool
    note: Annotated[str, Field(max_length=500)] = ""


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["proof"])
    service, writes = Proofs.of(context), Writes(context.records, context.clock)

    @router.get("/proofs", dependencies=[require(VIEW)])
    async def listed(asker: Asker) -> Response:
        """Proofs of the alarm chain, the newest first: who, where, µs from the start to each stage, and whether it was heard; when one is due."""
        return Json(await asyncio.to_thread(service.listed, asker))

    @router.post("/proofs", dependencies=[require(RIGHT, whole=True)])
    async def start(request: Request, asker: Asker, body: Start, key: Key = None) -> Response:
        """Begin a proof: a condition marked 演练 goes through log, engine and journal before the answer. The console then tells `console` and
        `sound`, and the person whether they heard it, within three minutes. `result` is set at once when the chain fails."""
        return await writes.once(request, asker, key, lambda _: service.start(asker, body.station))

    @router.post("/proofs/{proof}/stage", dependencies=[require(RIGHT, whole=True)])
    async def stage(request: Request, proof: UUID, asker: Asker, body: Stage, key: Key = None) -> Response:
        """The console that began it has got the alarm, or sounds it. `ok` false: it cannot, and the proof has failed."""
        return await writes.once(request, asker, key, lambda _: service.reached(asker, proof, body.stage, ok=body.ok))

    @router.post("/proofs/{proof}/heard", dependencies=[require(RIGHT, whole=True)])
    async def heard(request: Request, proof: UUID, asker: Asker, body: Heard, key: Key = None) -> Response:
        """Whether the person heard it at this station. Ends the proof."""
        return await writes.once(request, asker, key, lambda _: service.answer(asker, proof, heard=body.heard, note=body.note))

    return router
