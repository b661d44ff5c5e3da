"""Where app takes the changes that somebody at this machine proposes over core's socket: a changed plant folder, a filled-in workbook.

The person is known by the machine's account, as with `anlan up`; what takes two persons becomes a request that a named person takes on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from anlan.bus.wire import Head
from anlan.model.errors import AnlanError, InputError
from anlan.plant.effects import sentence
from anlan.plant.folder import load
from anlan.plant.master_book import must_be_sound, read_book
from anlan.plant.service import MasterService, local_leaf
from anlan.plant.version import Imported
from anlan.web.context import Context

Request = Callable[..., Awaitable[tuple[dict[str, Any], bytes]]]

log = structlog.get_logger()


class ProposalDesk:
    """Belongs to app's event loop. `request` asks core."""

    def __init__(self, context: Context, request: Request) -> None:
        self._context, self._request = context, request
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, head: Head) -> None:
        """One proposal; answered through core when it is done."""
        task = asyncio.ensure_future(self._work(int(head["ticket"]), head["proposal"]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, ticket: int, proposal: dict[str, Any]) -> None:
        try:
            made = await self._make(proposal)
            texts = [{"zh": c.text("zh"), "en": c.text("en")} for c in made.changes]
            answer = {"ok": True, "version": made.version.number, "new": made.new, "changes": texts}
            if made.waiting is not None:
                answer["waiting"] = made.waiting
            if made.new and made.version.effect is not None:
                told, zone = made.version.effect, made.plant.site.zone
                answer["effect"] = {"zh": sentence(told, "zh", zone), "en": sentence(told, "en", zone)}
        except AnlanError as error:
            answer = {
                "ok": False,
                "code": error.code,
                "status": error.status,
                "text": {"zh": error.text("zh"), "en": error.text("en")},
            }
        except Exception as error:
            log.exception("proposal failed")
            answer = {"ok": False, "code": "internal", "status": 500, "text": {"zh": repr(error), "en": repr(error)}}
        try:
            await self._request("proposed", ticket=ticket, answer=answer)
        except AnlanError as lost:
            log.error("proposal not answered", error=str(lost), answer=answer)

    async def _make(self, proposal: dict[str, Any]) -> Imported:
        service = MasterService.of(self._context)
        author, reason, onto, path = proposal["author"], proposal["reason"], proposal.get("onto"), Path(proposal["path"])
        also = local_leaf(author, self._context.clock.now(), reason, str(path))
        if proposal["kind"] == "folder":
            plant = await asyncio.to_thread(load, path)
            return await service.replace(author, plant, base=onto, reason=reason, also=also, folder=path, origin=str(path))
        if proposal["kind"] == "workbook":
            _, before, _ = await service.current()
            read = await asyncio.to_thread(lambda: read_book(path.read_bytes(), before, path.name))
            base = onto if onto is not None else read.version
            return await service.replace(author, must_be_sound(read), base=base, reason=reason, also=also, origin=str(path))
        raise InputError("this node knows no proposal of the kind {kind}", kind=proposal["kind"])
