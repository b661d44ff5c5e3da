"""The papers of one context: a running console's, or one that the command line made from a data folder of a node that is down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from anlan.guard.principal import Principal
from anlan.model.clock import Micros
from anlan.model.errors import InputError, StoreError
from anlan.model.frames import NODE_ID
from anlan.model.languages import Language, translate
from anlan.monitor.paper.documents import Head, bypasses, journal, standing
from anlan.monitor.performance import Window
from anlan.monitor.point_modes import Mode, PointStep
from anlan.monitor.point_service import PointService, mode_row, step_row
from anlan.monitor.rows import transition_row
from anlan.monitor.safety.service import SafetyService
from anlan.monitor.service import AlarmService
from anlan.monitor.sums import Sums
from anlan.web.context import Context
from anlan.web.paper.document import Document
from anlan.web.paper.press import MOST_ROWS

_AS_OF = "monitor.paper.as_of"
"""`context.extras` under this name: an `AsOf`, where the context is not that of a running console."""


@dataclass(frozen=True, slots=True)
class AsOf:
    """As of when all facts are true, and what must be said of that: msgids with facts."""

    at: Micros
    warnings: tuple[tuple[str, dict[str, Any]], ...] = ()


class Papers:
    """One per context: `Papers.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._alarms, self._points, self._safety = AlarmService.of(context), PointService.of(context), SafetyService.of(context)

    @classmethod
    def of(cls, context: Context) -> Papers:
        papers = context.extras.setdefault("monitor.papers", None)
        if papers is None:
            papers = context.extras["monitor.papers"] = cls(context)
        assert isinstance(papers, cls)
        return papers

    @staticmethod
    def fix(context: Context, as_of: AsOf) -> None:
        """This context's facts are those of one instant."""
        context.extras[_AS_OF] = as_of

    def head(self, language: Language) -> Head:
        context = self._context
        fixed: AsOf | None = context.extras.get(_AS_OF)
        if fixed is None:
            lost: tuple[str, dict[str, Any]] = (
                "The node's core does not answer: what follows is the last that was heard, and nothing since is known.",
                {},
            )
            fixed = (
                AsOf(context.clock.now())
                if context.live.connected
                else AsOf(context.live.updated_at or context.clock.now(), (lost,))
            )
        warnings = tuple(translate(words, language).format(**self._told(facts)) for words, facts in fixed.warnings)
        return Head(plant=context.plant, language=language, as_of=fixed.at, warnings=warnings)

    def _told(self, facts: dict[str, Any]) -> dict[str, Any]:
        """Instants as the site's clock shows them."""
        from anlan.web.paper.document import Stamps

        stamps = Stamps(self._context.plant.zone, self._context.clock.now())
        return {name: stamps.second(value) if name in {"time", "until"} else value for name, value in facts.items()}

    async def journal(self, principal: Principal, window: Window, language: Language) -> Document:
        """Every transition and every step on a point of the window that this person may see. Raises InputError for too many."""
        await self._ready()
        head = self.head(language)
        found, steps, begun = await asyncio.to_thread(self._read, window)
        rows = [transition_row(head.plant, one, self._alarms.board.name_of) for one in found]
        rows = [row for row in rows if principal.allows("alarm.view", row["place"])]
        told = await self.steps(principal, steps)
        return journal(head, rows, told, window.start, window.end, begun)

    async def steps(self, principal: Principal, steps: Sequence[PointStep]) -> list[dict[str, Any]]:
        """Steps on points that this person may see, with the point's id and name; the node's own companions go by their id."""
        names, plant = await self._points.names(), self._context.plant
        told = []
        for step in steps:
            point = plant.points.get(step.point)
            if point is not None and principal.allows("live.view", point.place):
                told.append({**step_row(step, names), "point": point.id, "name": point.name.model_dump()})
        return told

    async def standing(self, principal: Principal, language: Language) -> Document:
        return standing(self.head(language), await self.standing_rows(principal))

    async def standing_rows(self, principal: Principal) -> list[dict[str, Any]]:
        await self._ready()
        return [dict(row) for row in self._alarms.board.rows(principal)]

    async def bypasses(self, principal: Principal, language: Language) -> Document:
        await self._ready()
        wall = (await self._safety.bypasses(principal))["items"]
        requests = [one for one in await self._points.requests(principal) if one["state"] in {"open", "deciding"}]
        return bypasses(
            self.head(language), wall, await self.out(principal), await self.under_test(principal, language), requests
        )

    async def out(self, principal: Principal) -> list[dict[str, Any]]:
        """Points that are inhibited or in calibration mode now, in order of their ids."""
        names, plant = await self._points.names(), self._context.plant
        found = []
        for (number, mode), step in (await self._points.standing()).items():
            point = plant.points.get(number)
            if mode is not Mode.APPROVED and point is not None and principal.allows("live.view", point.place):
                post = plant.posts.get(step.post)
                more = {"point": point.id, "name": point.name.model_dump(), "post_name": post.model_dump() if post else None}
                found.append({**mode_row(mode, step, names), **more})
        return sorted(found, key=lambda row: (row["point"], row["mode"]))

    async def under_test(self, principal: Principal, language: Language) -> list[tuple[str, str]]:
        """(id, name) of the detectors whose own state says calibration."""
        sums, plant = Sums.of(self._context), self._context.plant
        await sums.refresh()
        points = (plant.points[number] for number in sums.under_test())
        return sorted(
            (p.id, p.name.text(language)) for p in points if p.source != NODE_ID and principal.allows("live.view", p.place)
        )

    async def _ready(self) -> None:
        """The board as the journal has it now. Raises StoreError when that can't be read: a paper of nothing would look like calm."""
        board = self._alarms.board
        await board.catch_up()
        if not board.loaded or "alarm journal" in self._context.faults:
            raise StoreError("the alarm journal cannot be read now: nothing is printed")

    def _read(self, window: Window) -> tuple[list[Any], list[PointStep], list[Micros]]:
        context = self._context
        most = MOST_ROWS + 1
        found = list(context.journal.noticed(window.start, window.end, most))
        steps = list(context.journal.steps_noticed(window.start, window.end, most))
        if len(found) + len(steps) >= most:
            raise InputError(
                "{rows} rows are too many to print at once; at most {most}: choose a shorter period",
                rows=f"> {MOST_ROWS}",
                most=MOST_ROWS,
            )
        return found, steps, list(context.journal.begun)
