"""Routes of what is printed: the alarm journal of a period, the standing alarms, the bypass list, as PDF."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.monitor.paper.service import Papers
from anlan.monitor.performance import WindowName, window_of
from anlan.monitor.recording_steps import record
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.paper.document import Document, Printing, Stamps
from anlan.web.paper.press import press
from anlan.web.problem import language_of

PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}}}
_TIME = "µs since 1970 UTC, or RFC 3339 with a zone; `from` and `to` go together"
From = Annotated[str, Query(alias="from", max_length=40, description=_TIME)]
To = Annotated[str, Query(alias="to", max_length=40, description=_TIME)]
Named = Annotated[WindowName, Query(alias="window", description="up to now, where `from` and `to` are not given")]


class Printer:
    """Sets one document at a time, and writes down who printed what: a paper leaves the house."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._turn = asyncio.Lock()

    @classmethod
    def of(cls, context: Context) -> Printer:
        printer = context.extras.setdefault("monitor.printer", None)
        if printer is None:
            printer = context.extras["monitor.printer"] = cls(context)
        assert isinstance(printer, cls)
        return printer

    async def answer(self, principal: Principal, document: Document) -> Response:
        """Raises CannotPrint, InputError."""
        context = self._context
        now = context.clock.now()
        stamps = Stamps(context.plant.zone, now)
        by = f"{principal.name.text(document.language)} ({principal.account})"
        printing = Printing(by=by, at=stamps.second(now), demo=context.plant.demo)
        async with self._turn:
            pdf = await asyncio.to_thread(press, document, printing)
        await record(context, principal, "paper.print", document.kind, {"sha256": document.digest, "rows": document.rows}, "")
        name = f"anlan-{document.kind}-{stamps.second(now)[:19].replace(' ', 'T').replace(':', '')}.pdf"
        headers = {"Content-Disposition": f'inline; filename="{name}"', "X-Content-SHA256": document.digest}
        return Response(pdf, media_type="application/pdf", headers=headers)


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["paper"])
    papers, printer = Papers.of(context), Printer.of(context)

    @router.get("/print/journal", dependencies=[require("alarm.view")], responses=PDF, response_class=Response)
    async def print_journal(request: Request, asker: Asker, start: From = "", end: To = "", window: Named = "shift") -> Response:
        """The alarm journal of a period as PDF, of the running shift unless told otherwise; X-Content-SHA256 is the hash in its QR."""
        chosen = window_of(start, end, window, context.clock.now(), context.plant)
        return await printer.answer(asker, await papers.journal(asker, chosen, language_of(request)))

    @router.get("/print/alarms", dependencies=[require("alarm.view")], responses=PDF, response_class=Response)
    async def print_alarms(request: Request, asker: Asker) -> Response:
        """The standing alarms and those put aside, as PDF."""
        return await printer.answer(asker, await papers.standing(asker, language_of(request)))

    @router.get("/print/bypasses", dependencies=[require("live.view")], responses=PDF, response_class=Response)
    async def print_bypasses(request: Request, asker: Asker) -> Response:
        """Every bypass with its approval and measures, what is inhibited or in calibration, and what waits for approval, as PDF."""
        return await printer.answer(asker, await papers.bypasses(asker, language_of(request)))

    return router
