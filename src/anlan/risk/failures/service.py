"""Failure data as a person at the console meets them: the library updated by this plant's history, and what may be entered."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID, uuid5

import structlog

from anlan.guard.principal import Principal
from anlan.model.clock import Micros
from anlan.model.errors import AnlanError, CommandRefused, NotFound
from anlan.monitor.safety.service import LONGEST, SafetyService
from anlan.risk.failures.counts import calibrations, strokes
from anlan.risk.failures.history import Happening, in_service, tally, updates
from anlan.risk.failures.laws import FailureQuestion
from anlan.risk.failures.library import Entry, failure_data, library
from anlan.risk.failures.rates import Key
from anlan.risk.failures.records import FailureEvent
from anlan.risk.failures.store import STROKE, Entered, FailureStore, happening_of, standing
from anlan.risk.failures.telling import of_history, of_studies, row_of
from anlan.risk.failures.update import Updated, update_failures
from anlan.web.answers import iso
from anlan.web.context import Context

VIEW, EDIT = "risk.view", "risk.edit"
log = structlog.get_logger()
AGAIN_SECONDS = 3600.0
_STROKES = UUID("3f2f5a3c-7a0e-4c55-9f5e-3a8f1f5d2c41")
TAG = re.compile(r"[^\s,;]{1,64}")


class FailureService:
    """One per app process: `FailureService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = FailureStore(context.records, context.clock)

    @classmethod
    def of(cls, context: Context) -> FailureService:
        service = context.extras.setdefault("risk.failures", None)
        if service is None:
            service = context.extras["risk.failures"] = cls(context)
            context.background.append(service.run)
        assert isinstance(service, cls)
        return service

    # ---- what stands

    async def all(self, principal: Principal) -> dict[str, Any]:
        """Each entry of the library with this plant's counts and what they made of it. Counts are of the whole plant, whoever asks: a rate
        of the part that a person may see would be another rate. Items are named to those who may see their place; the others are a number."""
        happenings, missing = await self._happenings()
        now = self._context.clock.now()
        entered = {one["item"] for one in await self.entries(principal)}
        return {
            "items": [self._row(one, happenings, now, entered) for one in library().values()],
            "missing": missing,
            "now": now,
            "now_iso": iso(now),
            "may": {"edit": principal.allows(EDIT, self._context.plant.top)},
        }

    async def updates(self, keys: Collection[Key]) -> tuple[dict[Key, Updated], tuple[str, ...]]:
        """These entries of the library, updated by this plant's counts, and which of the node's own counts could not be read. Raises StoreError."""
        happenings, missing = await self._happenings()
        return await asyncio.to_thread(updates, keys, happenings, self._context.clock.now()), tuple(missing)

    async def entries(self, principal: Principal, item: str = "", equipment: str = "") -> list[dict[str, Any]]:
        """What was entered at places that this person may see, the latest happening first, withdrawn ones with their withdrawal."""
        rows = await asyncio.to_thread(self._store.rows)
        withdrawn = {row.withdraws: row for row in rows if row.withdraws is not None}
        return [
            self._entry(row, withdrawn.get(row.id))
            for row in rows
            if row.sort != "withdrawn"
            and item in ("", row.item)
            and equipment in ("", row.equipment)
            and principal.allows(VIEW, self._place(row.point))
        ]

    # ---- what the node counts itself

    async def run(self) -> None:
        """Until cancelled: strokes on demand are entered while the demand log still reaches them, so that no failure is forgotten with it."""
        while True:
            await asyncio.sleep(AGAIN_SECONDS)
            try:
                await self.keep_strokes()
            except AnlanError as failure:  # records or history are away: the next hour finds the same strokes
                log.warning("strokes not entered", error=str(failure))

    async def keep_strokes(self) -> int:
        """Enter those that are new; returns how many."""
        rows = await asyncio.to_thread(self._store.rows)
        found = await self._strokes(rows)
        for one in found:
            told = Entered(sort="demand", item=one.item, point=one.point, equipment=one.equipment, mode=one.mode, at=one.at, passed=one.passed, note=STROKE)  # fmt: skip
            await asyncio.to_thread(self._store.enter, None, uuid5(_STROKES, f"{one.item}|{one.at}"), told)
        return len(found)

    async def _strokes(self, rows: Sequence[FailureEvent]) -> list[Happening]:
        """Of the demand log, without those that were entered, or entered and withdrawn."""
        items = _items(standing(rows))
        if not items:
            return []
        safety, now = SafetyService.of(self._context), self._context.clock.now()
        known = {(row.item, row.at) for row in rows if row.sort == "demand"}
        demands = await safety.whole_log(now - LONGEST, now)
        return [one for one in strokes(safety.system, demands, items) if (one.item, one.at) not in known]

    # ---- steps

    async def enter(self, principal: Principal, id: UUID, told: Entered) -> dict[str, Any]:
        """Raises FailureQuestion, NotFound, Forbidden, CommandRefused (an item that was not in service then)."""
        self._must_be_possible(told)
        if told.point and not self._may_see(principal, told.point):
            raise NotFound("there is no point {id}", id=told.point)
        principal.require(EDIT, self._place(told.point))
        if told.sort != "in-service":
            rows = await asyncio.to_thread(self._store.rows)
            _must_be_in_service(told, [happening_of(row) for row in standing(rows)])
        await asyncio.to_thread(self._store.enter, principal, id, told)
        return await self._one(id)

    async def withdraw(self, principal: Principal, id: UUID, entry: UUID, reason: str) -> dict[str, Any]:
        """Raises NotFound, CommandRefused, Forbidden."""
        row = await self._found(entry)
        if not principal.allows(VIEW, self._place(row.point)):
            raise NotFound("there is no entry {id}", id=str(entry))
        principal.require(EDIT, self._place(row.point))
        await asyncio.to_thread(self._store.withdraw, principal, id, entry, reason)
        return await self._one(entry)

    # ---- within

    def _may_see(self, principal: Principal, point: str) -> bool:
        return point in self._context.plant.point_numbers and principal.allows(VIEW, self._place(point))

    def _must_be_possible(self, told: Entered) -> None:
        if not TAG.fullmatch(told.item):
            raise FailureQuestion(
                "{found} is no tag of equipment: up to 64 characters without blanks were expected", found=repr(told.item)
            )
        if told.sort in ("in-service", "retired"):
            if told.equipment not in {one.equipment for one in library().values()}:
                failure_data(told.equipment, told.mode)
        else:
            failure_data(told.equipment, told.mode)
        if told.sort in ("test", "demand") and told.passed is None:
            raise FailureQuestion("passed is missing: a test or a demand shows whether the item worked")
        if told.at > self._context.clock.now():
            raise FailureQuestion("{at} lies in the future", at=iso(told.at))

    async def _happenings(self) -> tuple[list[Happening], list[str]]:
        """Of people and of the node. `missing`: which of the node's sources could not be asked."""
        every = await asyncio.to_thread(self._store.rows)
        rows = standing(every)
        found = [happening_of(row) for row in rows]
        items = _items(rows)
        missing: list[str] = []
        try:
            found += await asyncio.to_thread(calibrations, self._context.records, items)
        except AnlanError:
            missing.append("calibration")
        try:
            found += await self._strokes(every)
        except AnlanError:
            missing.append("stroke")
        return found, missing

    def _row(self, one: Entry, happenings: Sequence[Happening], now: Micros, named: Collection[str]) -> dict[str, Any]:
        counted = tally(one, happenings, now)
        updated = update_failures(one.law, counted.counts)
        row, more = row_of(one, updated), (*of_history(one, counted), *of_studies(one, updated))
        return {
            **row,
            "remarks": [*row["remarks"], *(line.model_dump() for line in more)],
            "history": {
                "hours": counted.hours, "tests": counted.tests, "demands": counted.demands, "failures": counted.failures,
                "items": [item for item in counted.items if item in named], "told": counted.told,
                "unnamed": sum(1 for item in counted.items if item not in named),
            },
        }  # fmt: skip

    async def _one(self, id: UUID) -> dict[str, Any]:
        rows = await asyncio.to_thread(self._store.rows)
        row = next(one for one in rows if one.id == id)
        return self._entry(row, next((one for one in rows if one.withdraws == id), None))

    async def _found(self, id: UUID) -> FailureEvent:
        rows = await asyncio.to_thread(self._store.rows)
        found = next((one for one in rows if one.id == id and one.sort != "withdrawn"), None)
        if found is None:
            raise NotFound("there is no entry {id}", id=str(id))
        return found

    def _place(self, point: str) -> str:
        plant = self._context.plant
        number = plant.point_numbers.get(point)
        return plant.points[number].place if number is not None else plant.top

    def _entry(self, row: FailureEvent, withdrawn: FailureEvent | None) -> dict[str, Any]:
        return {
            "id": str(row.id), "sort": row.sort, "item": row.item, "point": row.point or None, "equipment": row.equipment,
            "mode": row.mode or None, "at": row.at, "at_iso": iso(row.at), "passed": row.passed, "note": row.note,
            "by": {"zh": row.name_zh, "en": row.name_en}, "entered_at": row.entered_at, "entered_at_iso": iso(row.entered_at),
            "withdrawn": None if withdrawn is None else {
                "by": {"zh": withdrawn.name_zh, "en": withdrawn.name_en}, "at": withdrawn.entered_at, "reason": withdrawn.note,
            },
        }  # fmt: skip


def _items(rows: Sequence[FailureEvent]) -> dict[str, tuple[str, str]]:
    """Tag → (class, point) of what is or was in service."""
    return {row.item: (row.equipment, row.point) for row in reversed(rows) if row.sort == "in-service"}


def _must_be_in_service(told: Entered, happenings: Sequence[Happening]) -> None:
    """Hours and failures must be of the same items."""
    own = [one for one in happenings if one.item == told.item and one.equipment == told.equipment and one.at <= told.at]
    if not in_service(own, told.at)[1]:
        raise CommandRefused(
            "{item} was not in service as {equipment} at {at}: enter first since when it is", item=told.item, equipment=told.equipment, at=iso(told.at)
        )  # fmt: skip
