"""Night overrides in the running app: they end by themselves, are heard while they run, and stand on every page until they are reviewed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import reduce
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from anlan.guard.principal import Principal
from anlan.model.clock import Micros, to_datetime
from anlan.model.errors import AnlanError, StoreError, Unavailable
from anlan.plant.override_end import end
from anlan.plant.overriding import restored, standing
from anlan.plant.records import OverrideRow
from anlan.plant.service import MasterService
from anlan.plant.version import Imported
from anlan.web.context import Context

TELL, HORN = "plant.overriding.core", "plant.overriding.horn"
"""In `Context.extras`: `async (until) -> None`, which lets core raise the node's own alarm until then [µs UTC, 0: no more]; the file by
which the supervisor sounds."""
LOOK_SECONDS = 1.0
AGAIN_SECONDS = 5.0
"""Core is told again: one that was started anew knows nothing of it."""
FAULT = "night override"
ENDS = NOT_ENDED, UNRECORDED = f"{FAULT} end", f"{FAULT} end unrecorded"
Tell = Callable[[Micros], Awaitable[None]]
log = structlog.get_logger()


class Overrides:
    """One per app process: `Overrides.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._rows: list[OverrideRow] = []
        self._looked_at = self._told_at = float("-inf")
        self._told: Micros = 0
        self._back: frozenset[UUID] = frozenset()
        """Over, the values before in force again, the end not in the records yet."""

    @classmethod
    def of(cls, context: Context) -> Overrides:
        service = context.extras.get("plant.overrides")
        if service is None:
            service = context.extras["plant.overrides"] = cls(context)
            context.background.append(service.run)
        assert isinstance(service, cls)
        return service

    async def run(self) -> None:
        """Until cancelled. What cannot be done now is told on every page and tried again."""
        if self._context.settings.read_only is not None:
            return  # a copy ends nothing: the node itself does
        while True:
            await self.tend()
            await asyncio.sleep(LOOK_SECONDS)

    async def tend(self, *, anew: bool = False) -> None:
        """`anew`: something was changed just now."""
        now = self._context.clock.monotonic()
        try:
            if anew or now - self._looked_at >= AGAIN_SECONDS:
                self._looked_at = now
                self._rows = await asyncio.to_thread(self._read)
            due = [row.id for row in self._rows if row.ended_at is None and row.ends_at <= self._context.clock.now()]
            for id in due:
                await self.end(id, None)
            if due:
                self._rows = await asyncio.to_thread(self._read)
            self._forget_ends()
            self._back = frozenset()
        except AnlanError as failure:
            log.error("night override not ended or not looked up", error=str(failure))
            if isinstance(failure, StoreError):
                await self._go_back()
            else:
                self._looked_at = float("-inf")  # a version that was made, and only not brought into force, is seen at once
            self._tell_not_ended(failure)
        self._show()
        await self._tell_core(now, anew=anew)

    async def _go_back(self) -> None:
        """The values before come back without a version of their own: the end of an override waits for no disk."""
        over = [row for row in self._rows if row.ended_at is None and row.ends_at <= self._context.clock.now()]
        if self._back.issuperset(row.id for row in over):
            return
        try:
            await MasterService.of(self._context).run_unrecorded(lambda plant: reduce(restored, over, plant))
        except AnlanError as failure:
            log.error("the values before a night override are not in force", error=str(failure))
            return
        self._back = frozenset(row.id for row in over)
        log.error("a night override ended without record", alarms=_alarms(over))

    def _tell_not_ended(self, failure: AnlanError) -> None:
        self._forget_ends()
        if running := self._running():
            self._context.faults[NOT_ENDED] = Unavailable(
                "the night override of {alarms} is not ended yet: {why}", alarms=_alarms(running), why=failure.text()
            )
        if back := [row for row in self._rows if row.id in self._back]:
            self._context.faults[UNRECORDED] = Unavailable(
                "the night override of {alarms} is over and the values before are in force, but its end is not in the records: {why}",
                alarms=_alarms(back),
                why=failure.text(),
            )

    def _forget_ends(self) -> None:
        for name in ENDS:
            self._context.faults.pop(name, None)

    def _running(self) -> list[OverrideRow]:
        return [row for row in self._rows if row.ended_at is None and row.id not in self._back]

    async def end(self, id: UUID, by: Principal | None) -> Imported:
        """The values before come back into force. Raises CommandRefused, NotFound, Unavailable, StoreError."""
        records, clock = self._context.records, self._context.clock
        return await MasterService.of(self._context).put_into_force(lambda _: end(records, clock, id, by))

    def _read(self) -> list[OverrideRow]:
        with self._context.records.reading() as session:
            rows = standing(session)
            session.expunge_all()
            return rows

    def _show(self) -> None:
        """On every page: what runs, and what waits for a second person's word."""
        wanted = {f"{FAULT} {row.id}": self._words(row) for row in self._rows if row.id not in self._back}
        for name in [name for name in self._context.faults if name.startswith(FAULT) and name not in wanted and name not in ENDS]:
            del self._context.faults[name]
        self._context.faults.update(wanted)

    def _words(self, row: OverrideRow) -> AnlanError:
        facts = {"alarms": _alarms([row]), "name": row.person_zh or row.account}
        if row.ended_at is None:
            return Unavailable(
                "night override: {alarms} loosened by {name} alone until {time}; then it ends by itself",
                time=self._time(row.ends_at),
                **facts,
            )
        return Unavailable(
            "the night override of {alarms} by {name} at {time} waits for a second person's review, under Configuration, Requests",
            time=self._time(row.began_at),
            **facts,
        )

    def _time(self, instant: Micros) -> str:
        return f"{to_datetime(instant).astimezone(ZoneInfo(self._context.plant.zone)):%Y-%m-%d %H:%M}"

    async def _tell_core(self, now: float, *, anew: bool) -> None:
        """The node's own alarm sounds at the consoles and goes up the levels; the horn sounds where the node stands."""
        until = max((row.ends_at for row in self._running()), default=0)
        await asyncio.to_thread(self._sound, until)
        tell: Tell | None = self._context.extras.get(TELL)
        if tell is None or (until == self._told and not anew and (not until or now - self._told_at < AGAIN_SECONDS)):
            return
        try:
            await tell(until)
            self._told, self._told_at = until, now
        except AnlanError as failure:
            log.error("core was not told of the night override", error=str(failure))

    def _sound(self, until: Micros) -> None:
        horn: Path | None = self._context.extras.get(HORN)
        if horn is None or bool(until) == horn.exists():
            return
        try:
            horn.write_text(str(until), "utf-8") if until else horn.unlink(missing_ok=True)
        except OSError as failure:
            log.error("the horn was not told of the night override", error=str(failure))


def _alarms(rows: list[OverrideRow]) -> str:
    return ", ".join(sorted({alarm for row in rows for alarm in row.rules})[:5])
