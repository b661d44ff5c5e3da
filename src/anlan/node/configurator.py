"""The app's side of the configuration in force: a new version goes live without a restart, and a difference is noticed and told.

    records (approved) ──compile──▶ core.configure ──▶ engine runs it ──▶ this console goes by it

Once a second what the engine runs is compared with what is approved, by digest. An approved version that core does not run yet is handed over
again; any other difference (a limit changed behind the records, a newer version than the records know) is never mended silently: core is told,
its point `node.configuration` raises an alarm, every console names the alarms concerned, and the audit record keeps them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import structlog

from anlan.guard.audit import Step
from anlan.model.errors import AnlanError, StoreError, Unavailable
from anlan.monitor.compile import EngineConfig
from anlan.node.configuration import view_of
from anlan.plant.bulk import without_collection
from anlan.plant.compile import engine_config
from anlan.plant.last import keep_beside
from anlan.plant.point_past import past_of
from anlan.plant.running import Difference, compare
from anlan.plant.version import Imported
from anlan.plant.versions import version
from anlan.web.context import Context, PlantView, PointThen

Request = Callable[..., Awaitable[tuple[dict[str, Any], bytes]]]
NAMED = 5
"""Alarms named in the fault's text; the page lists all."""
FAULT = "master alarms"

log = structlog.get_logger()


class Configurator:
    """Belongs to app's event loop. `request` asks core."""

    def __init__(self, context: Context, request: Request, last_plant: Path | None = None) -> None:
        """`last_plant`: where the version in force is kept beside the records."""
        self._context, self._request, self._last_plant = context, request, last_plant
        self._approved = (0, "")
        """Version and digest of its engine columns."""
        self._told: tuple[str, tuple[str, ...]] | None = None
        self._handing = asyncio.Lock()

    # ---- making a version live

    async def bring_into_force(self, imported: Imported) -> None:
        """Answered once the engine runs it. Raises Unavailable; the version stands in the records then, and is handed over when core is back."""
        number = imported.version.number
        body, view = await asyncio.to_thread(_for_core_and_console, imported, self._context)
        async with self._handing:
            if number < self._context.plant.version:
                return  # a newer one has overtaken it, and brings its changes too
            self._approved = (number, sha256(body).hexdigest())
            await self._hand_over(body, number)
            self._go_by(view)
            await self._request("loaded", process="app", config=number)
        if self._last_plant is not None:
            await asyncio.to_thread(keep_beside, self._last_plant, imported)

    async def _hand_over(self, body: bytes, number: int) -> None:
        try:
            await self._request("configure", body)
        except AnlanError as error:
            log.error("configuration not in force", number=number, error=str(error))
            raise
        log.info("configuration in force", number=number)

    def _go_by(self, view: PlantView) -> None:
        """Pages and routes see the new version from now on."""
        self._context.plant = view
        self._context.live.reserve(max(view.points, default=0) + 1)

    # ---- comparing

    async def tend(self, status: dict[str, Any]) -> None:
        """Once a second, with core's status."""
        if self._handing.locked():
            return
        digest, running = status["engine"]["config_digest"], int(status["engine"]["config"])
        if not self._approved[0]:
            current, body = await asyncio.to_thread(self._compile_current)
            self._approved = (current.version.number, sha256(body).hexdigest())
        number, approved = self._approved
        if digest != approved and running < number:
            await self._catch_up()
        elif self._told is None or self._told[0] != digest or status["configuration"]["differing"] is None:
            await (self._agree(digest) if digest == approved else self._judge(digest))

    async def _catch_up(self) -> None:
        """Approved but not running: app or core ended between the two."""
        current, _ = await asyncio.to_thread(self._compile_current)
        try:
            await self.bring_into_force(current)
        except AnlanError as error:
            self._context.faults[FAULT] = error
        else:
            self._context.faults.pop(FAULT, None)

    async def _agree(self, digest: str) -> None:
        await self._request("compared", digest=digest, alarms=[])
        self._told = (digest, ())
        self._context.faults.pop(FAULT, None)

    async def _judge(self, digest: str) -> None:
        found = await self.difference()
        if found.running_digest != digest or found.equal:
            return  # it moved meanwhile; the next round looks again
        # The same rules under another version differ too: the numbers' names may not be the same.
        subjects = tuple(found.subjects) or (f"#{found.running}",)
        await self._request("compared", digest=digest, alarms=list(subjects))
        news = self._told is None or self._told[1] != subjects
        self._told = (digest, subjects)
        if news:
            await self._tell(found, subjects)

    async def _tell(self, found: Difference, subjects: tuple[str, ...]) -> None:
        named = ", ".join(subjects[:NAMED]) + (f" … +{len(subjects) - NAMED}" if len(subjects) > NAMED else "")
        fault = Unavailable(
            "the engine does not run the approved version {approved} of the alarms: {named} differ; see under Master alarms",
            approved=found.approved,
            running=found.running,
            named=named,
        )
        self._context.faults[FAULT] = fault
        log.error(
            "running alarms differ from the approved ones", approved=found.approved, running=found.running, alarms=list(subjects)
        )
        step = Step(
            at=self._context.clock.now(),
            who="node",
            action="master.difference",
            subject=f"version {found.approved}",
            after={"running": found.running, "digest": found.running_digest, "changes": [c.text() for c in found.changes[:100]]},
        )
        try:
            await asyncio.to_thread(self._context.guard.record, step)
        except AnlanError as error:
            log.error("difference not in the audit record", error=str(error))

    async def difference(self) -> Difference:
        """`plant.running.Running`: what core runs against the records' current version."""
        reply, running = await self._request("configuration")
        current, approved = await asyncio.to_thread(self._compile_current)
        digest, right = sha256(running).hexdigest(), sha256(approved).hexdigest()
        changes = () if digest == right else await asyncio.to_thread(_changes, running, approved)
        return Difference(int(reply["version"]), current.version.number, digest, right, changes)

    def _compile_current(self) -> tuple[Imported, bytes]:
        current, plant, numbers = version(self._context.records)
        imported = Imported(current, plant, numbers, new=False)
        return imported, _compiled(imported)


def _for_core_and_console(imported: Imported, context: Context) -> tuple[bytes, PlantView]:
    """All of it before anything is in force, so that the event loop has only to take it over."""
    body = _compiled(imported)
    past: Mapping[int, Sequence[PointThen]]
    try:
        past = past_of(context.records)
    except StoreError:
        past = context.plant.past  # an override ends also while the records cannot be read
    with without_collection():
        view = view_of(imported.plant, imported.numbers, imported.version.number, past)
        view = replace(view, speed=context.plant.speed)
    _ = view.point_numbers, view.rule_numbers, view.rules_of_point  # each page asks for these
    return body, view


def _compiled(imported: Imported) -> bytes:
    return engine_config(imported.plant, imported.numbers, imported.version.number).to_bytes()


def _changes(running: bytes, approved: bytes) -> tuple[Any, ...]:
    return tuple(compare(EngineConfig.from_bytes(running), EngineConfig.from_bytes(approved)))
