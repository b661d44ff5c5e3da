"""Routes of requests for a looser configuration: who waits for whom, and the second person's word."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.plant.approving import Approvals
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes

State = Literal["", "open", "approved", "overridden", "declined", "withdrawn", "void", "expired"]


class Signature(BaseModel):
    """`password`, `code`: the signer's own, once more; the code for who has a second factor."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(min_length=1, max_length=1000)]
    code: Annotated[str, Field(max_length=8000, description="six digits, a code on paper, or a security key's answer")] = ""


class Approval(Signature):
    note: Annotated[str, Field(max_length=500)] = ""


class Override(Signature):
    minutes: Annotated[int, Field(strict=True, ge=1, le=30)] = 30
    note: Annotated[str, Field(min_length=3, max_length=500, description="why it cannot wait")]


class Review(Signature):
    verdict: Literal["agreed", "objected"]
    note: Annotated[str, Field(min_length=3, max_length=500, description="what the second person says of it")]


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")

    note: Annotated[str, Field(min_length=3, max_length=500, description="why")]


def routes(context: Context) -> APIRouter:
    """Below /api/v1."""
    service, writes = Approvals.of(context), Writes(context.records, context.clock)
    router = APIRouter(tags=["configuration"])

    @router.get("/plant/requests", dependencies=[require("alarm.view")])
    async def requests(asker: Asker, state: State = "") -> Response:
        """Changes that loosen what guards safety, newest first: who asked, what exactly, until when, who decided."""
        return Json({"items": await service.list(asker, state), "waiting_for_me": await service.waiting_for(asker)})

    @router.get("/plant/requests/{request_id}", dependencies=[require("alarm.view")])
    async def one(asker: Asker, request_id: UUID) -> Response:
        """One of them, and what the asker may do with it."""
        return Json(await service.one(asker, request_id))

    @router.post("/plant/requests/{request_id}/sign", dependencies=[require("alarm.configure")])
    async def sign(request: Request, asker: Asker, request_id: UUID, body: Signature, key: Key = None) -> Response:
        """Who asked signs; until then the request waits for nobody else. A session alone asks for nobody, and a token signs nothing."""

        async def run(_: UUID) -> dict[str, Any]:
            return await service.sign(asker, request_id, body.password, body.code)

        return await writes.once(request, asker, key, run)

    @router.post("/plant/requests/{request_id}/approve", dependencies=[require("config.approve")])
    async def approve(request: Request, asker: Asker, request_id: UUID, body: Approval, key: Key = None) -> Response:
        """The second person's signature: the version is made and brought into force."""

        async def run(_: UUID) -> dict[str, Any]:
            return await service.approve(asker, request_id, body.note, body.password, body.code)

        return await writes.once(request, asker, key, run)

    @router.post("/plant/requests/{request_id}/decline", dependencies=[require("config.approve")])
    async def decline(request: Request, asker: Asker, request_id: UUID, body: Note, key: Key = None) -> Response:
        """The second person says no, and why."""
        run = partial(service.end, asker, request_id, "decline", body.note)
        return await writes.once(request, asker, key, lambda _: run())

    @router.post("/plant/requests/{request_id}/withdraw", dependencies=[require("alarm.configure")])
    async def withdraw(request: Request, asker: Asker, request_id: UUID, body: Note, key: Key = None) -> Response:
        """Who asked takes it back."""
        run = partial(service.end, asker, request_id, "withdraw", body.note)
        return await writes.once(request, asker, key, lambda _: run())

    @router.post("/plant/requests/{request_id}/take-on", dependencies=[require("alarm.configure")])
    async def take_on(request: Request, asker: Asker, request_id: UUID, body: Signature, key: Key = None) -> Response:
        """A person answers for what the machine's account asked for (`anlan up`, `anlan plant apply`, `anlan alarms import`), and signs."""

        async def run(_: UUID) -> dict[str, Any]:
            return await service.take_on(asker, request_id, body.password, body.code)

        return await writes.once(request, asker, key, run)

    @router.post("/plant/requests/{request_id}/override", dependencies=[require("alarm.configure")])
    async def override(request: Request, asker: Asker, request_id: UUID, body: Override, key: Key = None) -> Response:
        """Who asked brings it into force alone, for half an hour at most, where by the roster nobody is on duty who could approve it: limits,
        dead-bands, delays and use of alarms outside of the safety system. It sounds, ends by itself, and waits for a review."""

        async def run(_: UUID) -> dict[str, Any]:
            return await service.override(asker, request_id, body.minutes, body.note, body.password, body.code)

        return await writes.once(request, asker, key, run)

    @router.post("/plant/requests/{request_id}/end-override", dependencies=[require("alarm.configure")])
    async def end_override(request: Request, asker: Asker, request_id: UUID, key: Key = None) -> Response:
        """The values before come back into force at once."""
        return await writes.once(request, asker, key, lambda _: service.end_override(asker, request_id))

    @router.post("/plant/requests/{request_id}/review", dependencies=[require("config.approve")])
    async def review(request: Request, asker: Asker, request_id: UUID, body: Review, key: Key = None) -> Response:
        """A second person's word on an override that has ended; until then it stands on every page."""

        async def run(_: UUID) -> dict[str, Any]:
            return await service.review(asker, request_id, body.verdict, body.note, body.password, body.code)

        return await writes.once(request, asker, key, run)

    return router
