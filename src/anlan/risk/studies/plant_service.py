"""Studies of the running node with this plant's own failure data: asked for by people, computed in turn, kept until something of it changes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from anlan.model.errors import AnlanError
from anlan.risk.failures.service import FailureService
from anlan.risk.studies.kinds import Outcome, kind
from anlan.risk.studies.live import LiveStudies, Running
from anlan.risk.studies.plant_figures import (
    UNREAD,
    PlantFigures,
    Rested,
    asked_by,
    compared,
    model_with,
    not_computed,
    nothing_moves,
    rested_on,
)
from anlan.risk.wording import say
from anlan.web.context import Context

AGAIN = 3
"""Times that it is computed anew because a version came meanwhile."""
HOURS = 24.0
"""Exposure that grows by less makes no other figure."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """`one`: the study as it was read; `key`: of which versions and counts `told` is."""

    one: Running
    key: tuple[Any, ...]
    told: PlantFigures


class PlantAnswers:
    def __init__(self, context: Context, live: LiveStudies, reading: asyncio.Lock) -> None:
        self._failures, self._live, self._reading = FailureService.of(context), live, reading
        self._kept: dict[str, _Kept] = {}
        self._turn = asyncio.Lock()

    async def of(self, one: Running) -> tuple[Running, PlantFigures]:
        """With the version that it is of: a later one may come meanwhile. Raises StoreError where it rests on failure data and this plant's
        counts cannot be read at all."""
        async with self._turn:
            for _ in range(AGAIN):
                one = self._live.running.get(one.study.study, one)
                resting = self._resting(one)
                told = await self._told(one, resting)
                if self._live.running.get(one.study.study, one) is one and self._resting(one) == resting:
                    break
        return one, told

    def _resting(self, one: Running) -> tuple[int, ...]:
        running = self._live.running
        return tuple(running[other].study.number for other in sorted(one.rests_on) if other in running)

    async def _told(self, one: Running, resting: tuple[int, ...]) -> PlantFigures:
        written, library = one.study.written, self._live.library
        async with self._reading:
            asked = await asyncio.to_thread(asked_by, written, library)
        base = one.outcome or Outcome(None, None)
        if not asked:
            return PlantFigures((), base.baseline, unit=base.unit, why=nothing_moves(()))
        updates, unread = await self._failures.updates(asked)
        missing = tuple(say(UNREAD[name]) for name in unread)
        rested = rested_on(asked, updates)
        why = nothing_moves(rested, missing)
        if why is not None:
            return PlantFigures(rested, base.baseline, unit=base.unit, why=why, missing=missing)
        key = (resting, unread, tuple(map(_counts, rested)))
        kept = self._kept.get(one.study.study)
        if kept is not None and kept.one is one and kept.key == key:
            return kept.told
        told = await self._computed(one, rested, missing)
        if self._live.running.get(one.study.study) is one and self._resting(one) == resting:
            self._kept = {id: each for id, each in self._kept.items() if id in self._live.running}
            self._kept[one.study.study] = _Kept(one, key, told)
        return told

    async def _computed(self, one: Running, rested: tuple[Rested, ...], missing: tuple[Any, ...]) -> PlantFigures:
        of = kind(one.study.kind)
        base = of.outcome(await self._live.in_turn(one, lambda: of.solve(one.model, None)))
        try:
            async with self._reading:
                model = await asyncio.to_thread(model_with, one.study.written, self._live.library, rested)
            after = of.outcome(await self._live.compute(one.study.kind, model, None))
        except AnlanError as error:
            return not_computed(rested, base, error, missing)
        return compared(rested, base, after, missing)


def _counts(one: Rested) -> tuple[Any, ...]:
    exposure = one.updated.counts.exposure
    return one.entry.key, one.updated.counts.failures, round(exposure / HOURS) if one.entry.per == "hour" else exposure
