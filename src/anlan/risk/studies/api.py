"""Routes of studies: what stands and what it says of the plant, a draft tried out, versions, what it said over time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.model.clock import DAY
from anlan.model.instants import instant
from anlan.monitor.api_paper import PDF, Printer
from anlan.risk.studies.drafts import Written
from anlan.risk.studies.kinds import HOMES, kind
from anlan.risk.studies.service import EDIT, VIEW, StudyService
from anlan.web.answers import Json, dumps
from anlan.web.auth import Asker, require, still_allowed
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.problem import language_of
from anlan.web.stream import event, event_stream

Reason = Annotated[str, Field(min_length=3, max_length=500)]
Text = Annotated[str, Field(max_length=1 << 20)]
Attached = Annotated[dict[str, Text], Field(max_length=20)]
Base = Annotated[int, Field(ge=1, le=1 << 62)]
Instant = Annotated[str, Query(max_length=40, description="µs since 1970 UTC, or RFC 3339 with a zone")]
Number = Annotated[int | None, Query(ge=1, le=1 << 62, description="absent: the one in force")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Draft(_Body):
    """`study`: the id under which it would be kept, for the difference to what is in force."""

    text: Text
    attached: Attached = {}
    study: Annotated[str, Field(max_length=64)] = ""


class Put(_Body):
    """`base`: the version the person looked at; null for a new study."""

    text: Text
    attached: Attached = {}
    base: Base | None = None
    reason: Reason


class BringBack(_Body):
    base: Base | None = None
    reason: Reason


class AsIf(_Body):
    """Facts by the text that `outcome.moved` gives each as `binding`: true, false, or null for unknown."""

    facts: Annotated[dict[str, bool | None], Field(max_length=1000)] = {}


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["studies"])
    service, writes = StudyService.of(context), Writes(context.records, context.clock)
    _reading(router, context, service)
    _trying(router, service)
    _keeping(router, service, writes)
    return router


def _reading(router: APIRouter, context: Context, service: StudyService) -> None:
    @router.get("/risk/studies", dependencies=[require(VIEW)])
    async def all_studies(
        asker: Asker,
        of_kind: Annotated[str, Query(alias="kind", max_length=40)] = "",
        place: Annotated[str, Query(max_length=500, description="path of a place; those below it count too")] = "",
    ) -> Response:
        """The studies in force, the most worsened first, each with its factor against baseline, what moved it and the share unknown."""
        kinds = [{"kind": name, "name": kind(name).title.model_dump()} for name in HOMES]
        return Json({"loaded": service.live.loaded, "items": service.all(asker, of_kind, place), "kinds": kinds})

    @router.get("/risk/stream", dependencies=[require(VIEW)], responses={200: {"content": {"text/event-stream": {}}}})
    async def stream(asker: Asker) -> Response:
        """The same list as server-sent events, whenever one of them says something else."""
        return event_stream(_events(context, service, asker), still_allowed(context, asker))

    @router.get("/risk/studies/{study}", dependencies=[require(VIEW)])
    async def one(study: str, asker: Asker, version: Number = None) -> Response:
        """A study with its text."""
        return Json(await service.one(asker, study, version))

    @router.get("/risk/studies/{study}/figure", dependencies=[require(VIEW)])
    async def figure(study: str, asker: Asker, version: Number = None) -> Response:
        """What the page of its kind draws, computed with the facts of now: of a fault tree nodes, cut sets and importance."""
        return Json(await service.figure(asker, study, version))

    @router.get("/risk/studies/{study}/plant-figures", dependencies=[require(VIEW)])
    async def plant_figures(study: str, asker: Asker) -> Response:
        """Which failure data it rests on, what this plant's counts made of each, and what the baseline would be with these."""
        return Json(await service.plant_figures(asker, study))

    @router.get("/risk/studies/{study}/versions", dependencies=[require(VIEW)])
    async def versions(study: str, asker: Asker) -> Response:
        """Its versions, the newest first."""
        return Json({"items": await service.versions(asker, study)})

    @router.get("/risk/studies/{study}/history", dependencies=[require(VIEW)])
    async def history(study: str, asker: Asker, start: Instant = "", end: Instant = "") -> Response:
        """What it said over time, each time with the facts and why; the last day unless told otherwise, at most 2000, fewer where
        each names more than 20 facts: the newest."""
        until = instant("end", end) if end else context.clock.now() + 1
        return Json({"items": await service.history(asker, study, instant("start", start) if start else until - DAY, until)})

    @router.get("/print/risk/studies/{study}", dependencies=[require(VIEW)], responses=PDF, response_class=Response)
    async def print_study(study: str, request: Request, asker: Asker) -> Response:
        """A study as PDF: inputs, model, limits, results as of now."""
        return await Printer.of(context).answer(asker, await service.document(asker, study, language_of(request)))


def _trying(router: APIRouter, service: StudyService) -> None:
    @router.post("/risk/studies/preview", dependencies=[require(EDIT)])
    async def preview(asker: Asker, body: Draft) -> Response:
        """Mistakes with their lines; where there is none, what it says and what that changes of the version in force. Keeps nothing."""
        return Json(await service.preview(asker, body.text, body.attached, body.study))

    @router.post("/risk/studies/{study}/solve", dependencies=[require(VIEW)])
    async def solve(study: str, asker: Asker, body: AsIf) -> Response:
        """As if some facts were so, the others as they are. Keeps nothing."""
        return Json(await service.solve(asker, study, body.facts))


def _keeping(router: APIRouter, service: StudyService, writes: Writes) -> None:
    @router.put("/risk/studies/{study}", dependencies=[require(EDIT)])
    async def put(study: str, request: Request, asker: Asker, body: Put, key: Key = None) -> Response:
        """Make the next version of a study, or its first."""

        async def run(id: UUID) -> dict[str, Any]:
            written = Written(body.text, f"studies/{study}.yaml", body.attached)
            return await service.put(asker, study, written, base=body.base, reason=body.reason, id=id)

        return await writes.once(request, asker, key, run)

    @router.post("/risk/studies/{study}/versions/{number}/bring-back", dependencies=[require(EDIT)])
    async def bring_back(study: str, number: int, request: Request, asker: Asker, body: BringBack, key: Key = None) -> Response:
        """An earlier version as the next one."""

        async def run(id: UUID) -> dict[str, Any]:
            return await service.bring_back(asker, study, number, base=body.base, reason=body.reason, id=id)

        return await writes.once(request, asker, key, run)

    @router.delete("/risk/studies/{study}", dependencies=[require(EDIT)])
    async def remove(
        study: str,
        request: Request,
        asker: Asker,
        base: Annotated[int, Query(ge=1, le=1 << 62)],
        reason: Annotated[str, Query(min_length=3, max_length=500)],
        key: Key = None,
    ) -> Response:
        """End a study; its versions stay and can be brought back."""

        async def run(id: UUID) -> dict[str, Any]:
            return await service.remove(asker, study, base=base, reason=reason, id=id)

        return await writes.once(request, asker, key, run)


async def _events(context: Context, service: StudyService, asker: Principal) -> AsyncIterator[bytes]:
    with context.meter.streams.labels("studies").track_inprogress():
        before = b""
        while True:
            rung = service.live.moved.count
            told = dumps({"items": service.all(asker)})
            if told != before:
                before = told
                yield event(told, kind="studies")
            await service.live.moved.wait(rung)
