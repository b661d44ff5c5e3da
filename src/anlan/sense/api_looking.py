"""Routes that look at a device before it is a source. Each makes this node connect to an address that a person typed: see `looking.looker`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import Response

from anlan.guard.audit import Step
from anlan.guard.principal import Principal
from anlan.model.errors import CommandRefused
from anlan.sense.looking.looker import Looker
from anlan.sense.looking.requests import Look, ModbusScan, MqttListen, OpcUaBrowse, OpcUaEndpoints, OpcUaTrust
from anlan.web.answers import Json
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes

LOOKER = "sense.looker"
"""Name of the `Looker` in `Context.extras`; the node fills it in."""
MOST_KNOWN = 10_000


def routes(context: Context) -> APIRouter:
    router = APIRouter(prefix="/devices", tags=["sources"])
    looks, writes = _Looks(context), Writes(context.records, context.clock)

    @router.post("/opcua/endpoints", dependencies=[require("source.configure", whole=True)])
    async def endpoints(asker: Asker, body: OpcUaEndpoints) -> Response:
        """An OPC UA server's security modes, ways to sign in, and its certificate's fingerprint for a person to compare."""
        return Json(await looks.look(asker, body, body.url))

    @router.post("/opcua/trust", dependencies=[require("source.configure", whole=True)])
    async def trust(request: Request, asker: Asker, body: OpcUaTrust, key: Key = None) -> Response:
        """Trust the certificate with this fingerprint at this host and port, and at no other, if the server still shows it. On record with
        who confirmed it."""

        async def run(_: UUID) -> dict[str, Any]:
            told = await looks.look(asker, body, body.url)
            step = Step.of(asker, context.clock.now(), "source.trust", body.url, after=told["certificate"])
            await asyncio.to_thread(context.guard.record, step)
            return told

        return await writes.once(request, asker, key, run)

    @router.post("/opcua/browse", dependencies=[require("source.configure", whole=True)])
    async def browse(asker: Asker, body: OpcUaBrowse) -> Response:
        """One level of the server's tree: folders, and variables with type, present value and the line of a point list they make."""
        return Json(await looks.look(asker, body, body.url))

    @router.post("/modbus/scan", dependencies=[require("source.configure", whole=True)])
    async def scan(asker: Asker, body: ModbusScan) -> Response:
        """Present raw values of some registers or bits, in the readings that they may mean. Functions 1 to 4 alone."""
        return Json(await looks.look(asker, body, f"{body.host}:{body.port}"))

    @router.post("/mqtt/listen", dependencies=[require("source.configure", whole=True)])
    async def listen(asker: Asker, body: MqttListen) -> Response:
        """Topics that speak within some seconds, with their last message and its fields. Leaves nothing at the broker."""
        return Json(await looks.look(asker, body, f"{body.host}:{body.port}"))

    return router


class _Looks:
    """Looks by the app's looker; the first of each person at each address is on record."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: set[tuple[UUID, str, str]] = set()

    async def look(self, asker: Principal, look: Look, where: str) -> dict[str, Any]:
        looker = self._context.extras.get(LOOKER)
        if looker is None:
            raise CommandRefused("this console has no way to devices")
        assert isinstance(looker, Looker)
        return await looker.look(look, asker.person, partial(self._record, asker, look, where))

    async def _record(self, asker: Principal, look: Look, where: str) -> None:
        one = (asker.person, look.NAME, where)
        if one in self._known:
            return
        step = Step.of(asker, self._context.clock.now(), "source.look", where, after={"look": look.NAME})
        await asyncio.to_thread(self._context.guard.record, step)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known.add(one)
