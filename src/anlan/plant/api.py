"""Routes of the configuration while the node runs: the master alarm database, one rule, workbooks, versions, what runs against what is approved."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import is_within
from anlan.model.errors import InputError
from anlan.monitor.rationalisation import default_matrix
from anlan.plant import api_additions, api_configuration, api_drawings, api_requests
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.editing import Fields
from anlan.plant.findings import Finding
from anlan.plant.master import columns, lines
from anlan.plant.master_book import ReadBook, read_book, write_book
from anlan.plant.rationalisation_checks import distribution_line
from anlan.plant.requests import Requests
from anlan.plant.service import EDITABLE, MasterService, change_row
from anlan.plant.versions import versions
from anlan.web.answers import Json, iso
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.paging import Cursor, Limit, page_of

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
Reason = Annotated[str, Field(min_length=3, max_length=500)]


class RuleChange(BaseModel):
    """`change`: fields of the rule and their new values. `base`: the version on which the person looked.

    `trial`: the what-if that the node itself answered of this change; a changed dead-band or delay is refused without it.
    """

    model_config = ConfigDict(extra="forbid")

    change: Annotated[Fields, Field(min_length=1, max_length=40)]
    base: Annotated[int, Field(strict=True, ge=1, le=1 << 62)]
    reason: Reason
    trial: UUID | None = None


class Filter(BaseModel):
    """Of the master alarm database; what is absent does not filter."""

    model_config = ConfigDict(extra="forbid")

    place: Annotated[str, Field(max_length=500, description="path of a place; those below it count too")] = ""
    post: Annotated[str, Field(max_length=100)] = ""
    priority: Annotated[int, Field(ge=1, le=4)] | None = None
    alarm_class: Annotated[str, Field(max_length=100)] = ""
    search: Annotated[str, Field(max_length=100, description="part of an id, a name or a text")] = ""
    format: Literal["json", "xlsx"] = "json"
    cursor: Cursor = ""
    limit: Limit = 1000


def routes(context: Context) -> APIRouter:
    """Below /api/v1; to be added before the alarm room's, whose `/alarms/{alarm}` would take `master` for an alarm."""
    service, writes = MasterService.of(context), Writes(context.records, context.clock)
    router = APIRouter(tags=["master alarms"])
    _reading(router, context, service)
    _books(router, service, writes)
    _rules(router, service, writes)
    router.include_router(api_requests.routes(context))
    router.include_router(api_configuration.routes(context))
    router.include_router(api_additions.routes(context))
    router.include_router(api_drawings.routes(context))
    return router


def _reading(router: APIRouter, context: Context, service: MasterService) -> None:
    @router.get(
        "/alarms/master", dependencies=[require("alarm.view")], responses={200: {"content": {XLSX: {}, "application/json": {}}}}
    )
    async def master(asker: Asker, chosen: Annotated[Filter, Query()]) -> Response:
        """The approved alarms, one line each with all fields; `format=xlsx` is the workbook that an import takes back."""
        current, plant, _ = await service.current()
        if chosen.format == "xlsx":
            asker.require(
                "alarm.view", ""
            )  # an import takes the whole workbook back: one of a branch would say that the rest is gone
            book = await asyncio.to_thread(write_book, plant, current, asker.language)
            name = f"{plant.site.id}-alarms-v{current.number}.xlsx"
            return Response(book, media_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})
        whole = await asyncio.to_thread(lines, plant)
        seen = [line for line in whole if asker.allows("alarm.view", line["place"]) and _fits(line, chosen)]
        page, following = page_of(seen, lambda line: (line["id"],), chosen.cursor, chosen.limit)
        return Json({"version": current.number, "items": page, "next": following, "total": len(seen), **_tables(plant)})

    @router.get("/alarms/master/difference", dependencies=[require("alarm.view", whole=True)])
    async def difference() -> Response:
        """What the engine runs against the approved version, rule by rule; `equal` by digest of what the engine decides with."""
        found = await service.difference()
        return Json(
            {
                "equal": found.equal,
                "running": {"version": found.running, "digest": found.running_digest},
                "approved": {"version": found.approved, "digest": found.approved_digest},
                "changes": [change_row(c) for c in found.changes],
            }
        )

    @router.get("/plant/versions", dependencies=[require("plant.view", whole=True)])
    async def all_versions(cursor: Cursor = "", limit: Limit = 100) -> Response:
        """The versions of the configuration, the newest first, each with author, reason, who approved it, and what a replay said of it."""
        known = await asyncio.to_thread(versions, context.records)
        approved = await asyncio.to_thread(Requests(context.records, context.clock).approvals)
        page, following = page_of(known, lambda v: (-v.number,), cursor, limit)
        rows = [
            {"number": v.number, "id": str(v.id), "base": v.base, "author": v.author, "reason": v.reason, "at": v.at, "at_iso": iso(v.at), "digest": v.digest, "effect": v.effect,
             "approved_by": approved[v.number]["decider"]["name"] if v.number in approved else None}
            for v in page
        ]  # fmt: skip
        return Json({"items": rows, "next": following})


def _books(router: APIRouter, service: MasterService, writes: Writes) -> None:
    @router.post("/alarms/master/preview", dependencies=[require("alarm.configure", whole=True)])
    async def preview(request: Request) -> Response:
        """What a workbook (the body, .xlsx) would change, field by field, and every mistake with its cell. Changes nothing."""
        current, plant, _ = await service.current()
        read = await asyncio.to_thread(read_book, await _body(request), plant)
        return Json({"current": current.number, **book_row(read)})

    @router.post("/alarms/master/import", dependencies=[require("alarm.configure", whole=True)])
    async def bring_in(
        request: Request,
        asker: Asker,
        base: Annotated[int, Query(ge=1, le=1 << 62, description="the version whose difference the person has seen")],
        reason: Annotated[str, Query(min_length=3, max_length=500)],
        key: Key = None,
    ) -> Response:
        """Make a workbook (the body, .xlsx) the next version and bring it into force; what loosens waits for a second person (202, `request`)."""
        data = await _body(request)

        async def run(command: UUID) -> dict[str, Any]:
            return await service.bring_in(asker, data, base=base, reason=reason, command=command)

        return await writes.once(request, asker, key, run)

    @router.post("/alarms/master/reapply", dependencies=[require("alarm.configure", whole=True)])
    async def reapply(request: Request, asker: Asker, key: Key = None) -> Response:
        """Bring the approved version into force again, where something else runs."""
        return await writes.once(request, asker, key, lambda _: service.reapply(asker))


def _rules(router: APIRouter, service: MasterService, writes: Writes) -> None:
    @router.get("/alarms/{alarm}/rule", dependencies=[require("alarm.view")])
    async def rule(alarm: str, asker: Asker) -> Response:
        """One alarm as approved, the version to base a change on, and who changed it last."""
        return Json(await service.rule(asker, alarm))

    @router.patch("/alarms/{alarm}/rule", dependencies=[require("alarm.configure")])
    async def change_rule(request: Request, alarm: str, asker: Asker, body: RuleChange, key: Key = None) -> Response:
        """Change fields of one rule while the node runs. Answered once the engine goes by it; delays of other rules run on.

        What loosens waits for a second person: 202, and `request` says what waits. A changed dead_band, on_delay or off_delay names the trial of it (POST /replay/what-if), whose result is kept with the version.
        """
        run = partial(service.edit_rule, asker, alarm, body.change, base=body.base, reason=body.reason, trial=body.trial)
        return await writes.once(request, asker, key, lambda command: run(command=command))


async def _body(request: Request) -> bytes:
    data = await request.body()
    if not data:
        raise InputError("the body is empty; the bytes of an .xlsx workbook were expected")
    return data


def book_row(read: ReadBook) -> dict[str, Any]:
    """A workbook that was read, as data."""
    return {
        "version": read.version,
        "accepted": read.plant is not None,
        "findings": [finding_row(f) for f in read.findings],
        "changes": [change_row(c) for c in read.changes],
        "loosened": [
            {"alarm": one.alarm, "field": one.field, "text": {"zh": one.text("zh"), "en": one.text("en")}}
            for one in read.loosened
        ],
    }


def finding_row(finding: Finding) -> dict[str, Any]:
    place = finding.error.file
    return {
        "name": finding.name,
        "fatal": finding.fatal,
        "cell": place,
        "text": {"zh": finding.text("zh"), "en": finding.text("en")},
    }


def _tables(plant: Plant) -> dict[str, Any]:
    """What stands beside the lines: posts, classes, matrix, distribution, columns."""
    matrix = plant.alarms.matrix
    return {
        "posts": [{"id": one.id, "name": one.name.model_dump()} for one in plant.posts],
        "classes": [one.model_dump(mode="json") for one in plant.alarms.classes],
        "matrix": {
            **matrix.model_dump(mode="json"),
            "own": plant.alarms.priority_matrix is not None,
            "verified": matrix != default_matrix(),
        },
        "distribution": distribution_line(rule.priority for rule in all_rules(plant) if rule.enabled),
        "columns": [{"name": c.name, "zh": c.zh, "en": c.en, "kind": c.kind, "field": c.field} for c in columns()],
        "editable": list(EDITABLE),
    }


def _fits(line: dict[str, Any], chosen: Filter) -> bool:
    return (
        is_within(line["place"], chosen.place)
        and (not chosen.post or line["post"] == chosen.post)
        and (chosen.priority is None or line["priority"] == chosen.priority)
        and (not chosen.alarm_class or line["alarm_class"] == chosen.alarm_class)
        and (not chosen.search or chosen.search.casefold() in _words(line))
    )


def _words(line: dict[str, Any]) -> str:
    labels = [
        line[name][language]
        for name in ("name", "consequence", "corrective_action", "cause", "basis")
        for language in ("zh", "en")
    ]
    return "\n".join([line["id"], line["point"], *labels]).casefold()
