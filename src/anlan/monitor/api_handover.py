"""Routes of the shift handover: the draft of the own post, both signatures, what was handed over before, addenda, paper."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.model.languages import Language
from anlan.monitor.api_paper import PDF, Printer
from anlan.monitor.handover.documents import document, sections
from anlan.monitor.handover.service import RIGHT, VIEW, HandoverService
from anlan.monitor.paper.documents import Head
from anlan.monitor.paper.service import Papers
from anlan.web.answers import Json
from anlan.web.api_keys import FactorCode
from anlan.web.api_stations import station_name
from anlan.web.auth import Asker, device_of, from_where, require, set_cookie, set_device
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.problem import language_of

Words = Annotated[str, Field(max_length=4000)]
Line = Annotated[str, Field(max_length=500)]
Said = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"\S")]
Secret = Annotated[str, Field(min_length=1, max_length=256)]
Edition = Annotated[int, Field(ge=0, le=1 << 62, description="of the draft that was seen")]
PostId = Annotated[str, Query(max_length=100, description="id of a post; all of them when absent")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Item(_Body):
    """`id` is None for a new one."""

    id: Annotated[str, Field(max_length=40)] | None = None
    text: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
    closed: Annotated[bool, Field(strict=True)] = False
    note: Line = ""


class Draft(_Body):
    edition: Edition
    remarks: Words = ""
    items: Annotated[list[Item], Field(max_length=200)] = []


class Offer(_Body):
    edition: Edition
    password: Secret
    code: FactorCode = ""


class Withdraw(_Body):
    reason: Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]


class Accept(_Body):
    account: Secret
    password: Secret
    code: FactorCode = ""
    remarks: Words = ""
    take_over: Annotated[bool, Field(strict=True)] = True


class Addendum(_Body):
    text: Said


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["handover"])
    service, writes = HandoverService.of(context), Writes(context.records, context.clock)

    def told(found: dict[str, Any], language: Language) -> dict[str, Any]:
        """With the facts in words, as the paper says them."""
        head = head_of(context, found, language)
        return found | {"sections": [asdict(one) for one in sections(head, found)]}

    @router.get("/handover", dependencies=[require(RIGHT)])
    async def under_way(request: Request, asker: Asker) -> Response:
        """The handover under way at the own post: a draft with the facts of now, or what the outgoing person has signed."""
        return Json(told(await service.draft(asker), language_of(request)))

    @router.patch("/handover", dependencies=[require(RIGHT)])
    async def save(request: Request, asker: Asker, body: Draft, key: Key = None) -> Response:
        """Keep remarks and open items. An item that came from an earlier handover is closed with a note, never left out."""
        items = [item.model_dump() for item in body.items]

        async def run(_: UUID) -> dict[str, Any]:
            return told(await service.save(asker, body.edition, body.remarks, items), language_of(request))

        return await writes.once(request, asker, key, run)

    @router.post("/handover/sign", dependencies=[require(RIGHT)])
    async def offer(request: Request, asker: Asker, body: Offer) -> Response:
        """The outgoing signature, by the own password and a code for who has a second factor: the facts are gathered now and stay."""
        return Json(told(await service.offer(asker, body.edition, body.password, body.code), language_of(request)))

    @router.post("/handovers/{handover}/withdraw", dependencies=[require(RIGHT)])
    async def withdraw(request: Request, handover: UUID, asker: Asker, body: Withdraw, key: Key = None) -> Response:
        """Take the outgoing signature back, while nobody has taken over."""

        async def run(_: UUID) -> dict[str, Any]:
            return told(await service.withdraw(asker, handover, body.reason), language_of(request))

        return await writes.once(request, asker, key, run)

    @router.post("/handovers/{handover}/sign", dependencies=[require(RIGHT)])
    async def accept(request: Request, handover: UUID, asker: Asker, body: Accept) -> Response:
        """The incoming signature, by own account and password at this station; with `take_over` the console is theirs from now on."""
        accepted = await service.accept(
            asker,
            handover,
            body.account,
            body.password,
            body.remarks,
            take_over=body.take_over,
            address=from_where(request),
            code=body.code,
            device=device_of(request, context.settings),
            station=station_name(context, request),
        )
        answer = Json(told(accepted.handover, language_of(request)))
        if accepted.session is not None:
            set_cookie(answer, context.settings, accepted.session.token)
            set_device(answer, context.settings, accepted.session.device)
        return answer

    @router.get("/handovers", dependencies=[require(VIEW)])
    async def past(asker: Asker, post: PostId = "") -> Response:
        """What was handed over before, newest first, without the facts."""
        return Json({"items": await service.past(asker, post)})

    @router.get("/handovers/{handover}", dependencies=[require(VIEW)])
    async def one(request: Request, handover: UUID, asker: Asker) -> Response:
        """One handover with its facts and addenda; `unchanged` is whether it still is what was signed."""
        return Json(told(await service.one(asker, handover), language_of(request)))

    @router.post("/handovers/{handover}/addenda", dependencies=[require(RIGHT)])
    async def add(request: Request, handover: UUID, asker: Asker, body: Addendum, key: Key = None) -> Response:
        """Add to a signed handover; nothing in it is changed."""

        async def run(_: UUID) -> dict[str, Any]:
            return told(await service.add(asker, handover, body.text), language_of(request))

        return await writes.once(request, asker, key, run)

    @router.get("/print/handover", dependencies=[require(VIEW)], responses=PDF, response_class=Response)
    async def print_handover(
        request: Request, asker: Asker, id: UUID | None = None, post: PostId = "", draft: bool = False
    ) -> Response:
        """A handover as PDF: by its id, the last signed one, or with `draft` the one under way at the own post."""
        found = await chosen(service, asker, id, post, draft=draft)
        return await Printer.of(context).answer(asker, document(head_of(context, found, language_of(request)), found))

    return router


async def chosen(service: HandoverService, principal: Principal, id: UUID | None, post: str, *, draft: bool) -> dict[str, Any]:
    """Raises NotFound, AtNoPost."""
    if draft:
        return await service.draft(principal)
    return await (service.one(principal, id) if id is not None else service.latest(principal, post))


def head_of(context: Context, told: dict[str, Any], language: Language) -> Head:
    """Of a record: as of when it was made, whatever the console hears now."""
    now = Papers.of(context).head(language)
    return now if told["state"] == "draft" else Head(plant=context.plant, language=language, as_of=told["as_of"])
