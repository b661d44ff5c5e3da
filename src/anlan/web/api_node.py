"""The node itself: is it there, how is it, its metrics."""

from __future__ import annotations

import ipaddress
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from anlan import __version__
from anlan.model.errors import AnlanError
from anlan.web.answers import Json, iso
from anlan.web.auth import principal_of, public, require
from anlan.web.context import Context
from anlan.web.metrics import CONTENT_TYPE

FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["node"])
    context.meter.watch("anlan_core_connected", "1 while the core answers", lambda: float(context.core.connected))
    context.meter.watch("anlan_points", "Points in the configuration in force", lambda: float(len(context.plant.points)))
    context.meter.watch("anlan_http_connections", "Open connections", lambda: float(context.bounds.open.total()))
    context.meter.watch(
        "anlan_http_refused", "Connections refused since the start", lambda: float(context.bounds.refused.total())
    )
    context.meter.watch("anlan_app_faults", "Faults of the app process not yet mended", lambda: float(len(context.faults)))

    @router.get("/health", dependencies=[public()])
    async def health() -> Response:
        """Whether the app answers and the core is connected; for supervisors and load balancers, says nothing else."""
        return Json({"app": "up", "core": "connected" if context.core.connected else "lost"})

    @router.get("/status", dependencies=[require("node.status")])
    async def status() -> Response:
        """Positions, rates, faults; what the core says, and what this process knows."""
        faults = {part: str(fault) for part, fault in context.faults.items()}
        return Json(
            {
                "version": __version__,
                "now": context.clock.now(),
                "now_iso": iso(context.clock.now()),
                "core": await _core_status(context),
                "app": {"faults": faults, "live_tick": context.live.tick, "live_at": context.live.updated_at},
                "plant": {"id": context.plant.id, "version": context.plant.version, "points": len(context.plant.points)},
            }
        )

    @router.get("/metrics", dependencies=[public()], responses={200: {"content": {CONTENT_TYPE: {}}}}, response_class=Response)
    async def metrics(request: Request) -> Response:
        """Prometheus metrics, for a person with node.metrics or a scraper on this machine."""
        if not (context.settings.metrics_from_loopback and _from_this_machine(request)):
            principal_of(request).require("node.metrics")
        status = await _core_status(context)
        context.meter.core.status = status if status["connected"] else None
        return Response(context.meter.text(), media_type=CONTENT_TYPE)

    return router


async def _core_status(context: Context) -> dict[str, Any]:
    """The core being away is part of the status, not a failure to tell it."""
    try:
        return {"connected": True, **await context.core.status()}
    except AnlanError as error:
        return {"connected": False, "why": str(error)}


def _from_this_machine(request: Request) -> bool:
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False
