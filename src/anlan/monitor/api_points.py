"""Routes of steps on points: inhibit, calibrate, reset; requests of two persons; detectors and their calibration."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.monitor.companions import approval_of
from anlan.monitor.detectors.service import DetectorService
from anlan.monitor.point_service import PointService
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.paging import Limit

Text = Annotated[str, Field(min_length=1, max_length=500, pattern=r"\S")]
Until = Annotated[int, Field(strict=True, ge=1, le=1 << 62, description="µs UTC")]
WorkOrder = Annotated[str, Field(min_length=1, max_length=100, pattern=r"\S")]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Said(_Body):
    reason: Text


class Signed(_Body):
    """`password`, `code`: the signer's own, once more, where it takes two persons; the code for who has a second factor."""

    password: Annotated[str, Field(max_length=1000)] = ""
    code: Annotated[str, Field(max_length=8000, description="six digits, a code on paper, or a security key's answer")] = ""


class Ordered(Said):
    until: Until
    work_order: WorkOrder


class TakeOut(Ordered, Signed):
    """What waits for a second person, unless the point guards no life."""


class Measure(_Body):
    """A compensating measure; with a point and bounds its own reading proves it."""

    text: Text
    point: Annotated[str, Field(max_length=100)] | None = None
    low: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    high: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None


class Bypass(TakeOut):
    measures: Annotated[list[Measure], Field(min_length=1, max_length=20)]


class Note(Signed):
    """`password`, `code`: of who approves."""

    note: Annotated[str, Field(max_length=500)] = ""


class Finished(Said):
    """What a calibration found. `gas_on`: when the gas was applied; with it the T90 comes from the readings."""

    result: Literal["pass", "fail", "incomplete"]
    gas: Annotated[str, Field(max_length=100)] = ""
    applied: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    as_found: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    as_left: Annotated[float, Field(strict=True, allow_inf_nan=False)] | None = None
    gas_on: Until | None = None
    certificate: Annotated[str, Field(max_length=100)] = ""


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["points"])
    points, detectors = PointService.of(context), DetectorService.of(context)
    writes = Writes(context.records, context.clock)
    _looking(router, points, detectors)
    _steps(router, points, writes)
    _calibration(router, points, detectors, writes)
    _requests(router, points, writes)
    return router


def _looking(router: APIRouter, points: PointService, detectors: DetectorService) -> None:
    @router.get("/detectors", dependencies=[require("live.view")])
    async def all_detectors(asker: Asker) -> Response:
        """Every gas and fire detector: value, quality, modes, limits, calibration; and the vote in force of each group."""
        return Json(await detectors.detectors(asker))

    @router.get("/points/{point}/modes", dependencies=[require("live.view")])
    async def modes(point: str, asker: Asker) -> Response:
        """Whether the point is inhibited, in calibration or approved; its last steps and the requests about it."""
        return Json(await points.modes(asker, point))


def _steps(router: APIRouter, points: PointService, writes: Writes) -> None:
    @router.post("/points/{point}/inhibit", dependencies=[require("point.inhibit")])
    async def inhibit(request: Request, point: str, asker: Asker, body: TakeOut, key: Key = None) -> Response:
        """Ask for the point to count as no evidence until an instant, for a work order. A safety point waits for a second person."""
        act = partial(points.request, asker, "inhibit", point, **body.model_dump())
        return await writes.once(request, asker, key, lambda command: act(command=command))

    @router.post("/points/{point}/end-inhibit", dependencies=[require("point.inhibit")])
    async def end_inhibit(request: Request, point: str, asker: Asker, body: Said, key: Key = None) -> Response:
        """Bring it back before its time; one person is enough."""
        act = partial(points.step, asker, point, "end_inhibit", reason=body.reason)
        return await writes.once(request, asker, key, lambda command: act(command=command), essential=True)

    @router.post("/points/{point}/reset-over-range", dependencies=[require("point.reset")])
    async def reset(request: Request, point: str, asker: Asker, body: Said, key: Key = None) -> Response:
        """A detector that latched over range was reset on site, and reads within its range again."""
        act = partial(points.step, asker, point, "reset_over_range", reason=body.reason)
        return await writes.once(request, asker, key, lambda command: act(command=command))

    @router.post("/points/{point}/bypass", dependencies=[require("bypass.request")])
    async def bypass(request: Request, point: str, asker: Asker, body: Bypass, key: Key = None) -> Response:
        """Ask for approval of a bypass, with its end and what compensates for it. Nothing is bypassed by this: it is done at the safety system."""
        act = partial(points.request, asker, "bypass", point, **body.model_dump())
        return await writes.once(request, asker, key, lambda command: act(command=command))

    @router.post("/points/{point}/end-bypass-approval", dependencies=[require("bypass.request")])
    async def end_approval(request: Request, point: str, asker: Asker, body: Said, key: Key = None) -> Response:
        """The approval ends now: should the bypass still be on, it is an unapproved one."""
        act = partial(points.step, asker, approval_of(point), "end_approval", reason=body.reason)
        return await writes.once(request, asker, key, lambda command: act(command=command), essential=True)


def _calibration(router: APIRouter, points: PointService, detectors: DetectorService, writes: Writes) -> None:
    @router.post("/points/{point}/calibrate", dependencies=[require("point.calibrate")])
    async def calibrate(request: Request, point: str, asker: Asker, body: Ordered, key: Key = None) -> Response:
        """Begin calibration mode of a gas or fire detector, for a work order: readings count as calibration until it is ended, or its time is
        over, 4 h from its first begin at most."""
        act = partial(points.step, asker, point, "calibrate", **body.model_dump())
        return await writes.once(request, asker, key, lambda command: act(command=command))

    @router.get("/points/{point}/calibration", dependencies=[require("live.view")])
    async def demanded(point: str, asker: Asker) -> Response:
        """What the plant demands of this detector's calibration, and a standard's numbers beside it."""
        _, found = points.find(asker, point)
        return Json(detectors.demands(found))

    @router.get("/points/{point}/calibration/response", dependencies=[require("live.view")])
    async def response(point: str, asker: Asker, gas_on: Annotated[int, Query(ge=1, le=1 << 62)]) -> Response:
        """What the readings say since the gas was applied: baseline, where it settled, T90."""
        return Json(await detectors.response(asker, point, gas_on))

    @router.post("/points/{point}/end-calibration", dependencies=[require("point.calibrate")])
    async def finish(request: Request, point: str, asker: Asker, body: Finished, key: Key = None) -> Response:
        """Keep the record and end calibration mode. A pass that the plant's own limits contradict is refused."""
        told = body.model_dump()
        return await writes.once(request, asker, key, lambda command: detectors.finish(asker, point, told, command))

    @router.get("/points/{point}/calibrations", dependencies=[require("live.view")])
    async def calibrations(point: str, asker: Asker, limit: Limit = 100) -> Response:
        """Its calibrations, newest first."""
        return Json({"items": await detectors.calibrations(asker, point, limit)})


def _requests(router: APIRouter, points: PointService, writes: Writes) -> None:
    @router.get("/requests", dependencies=[require("live.view")])
    async def requests(
        asker: Asker,
        state: Annotated[Literal["", "open", "deciding", "approved", "refused", "withdrawn"], Query()] = "",
        point: Annotated[str, Query(max_length=100)] = "",
    ) -> Response:
        """Who asked to take what out of service, and who agreed; newest first, the last 500."""
        return Json({"items": await points.requests(asker, state=state, point=point)})

    def add(verdict: Literal["approve", "refuse", "withdraw"], action: str, text: str) -> None:
        async def decide(request: Request, asker: Asker, id: UUID, body: Note, key: Key = None) -> Response:
            run: Any = partial(points.decide, asker, id, verdict, body.note, password=body.password, code=body.code)
            return await writes.once(request, asker, key, lambda _: run())

        router.add_api_route(
            f"/requests/{{id}}/{verdict}",
            decide,
            methods=["POST"],
            name=f"{verdict}_request",
            description=text,
            dependencies=[require(action)],
        )

    add("approve", "point.approve", "Agree, as the second person: the point goes out of evidence, or the bypass is approved.")
    add("refuse", "point.approve", "Refuse.")
    add("withdraw", "live.view", "Take the own request back.")
