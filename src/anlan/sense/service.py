"""Sources and their health: whether the link is up, since when, how fast it speaks, and what its points are worth now."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.errors import NotFound
from anlan.model.quality import NO_DATA_YET, SEVERITY_SHIFT, Severity
from anlan.web.answers import iso
from anlan.web.context import Context, PlantView, SourceState

TELL_SECONDS = 2.0
RATE_SECONDS = 1.0
"""A rate is taken over at least this long."""


@dataclass(slots=True)
class _Rate:
    at: float
    readings: int
    value: float | None = None


class SourceService:
    """One per app process: `SourceService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._plant: PlantView | None = None
        self._points: dict[str, npt.NDArray[np.int64]] = {}
        self._rates: dict[int, _Rate] = {}

    @classmethod
    def of(cls, context: Context) -> SourceService:
        service = context.extras.get("sense.sources")
        if service is None:
            service = context.extras["sense.sources"] = cls(context)
            context.background.append(service.run)
        assert isinstance(service, cls)
        return service

    async def run(self) -> None:
        """Until cancelled: tell viewers when rates or the worth of points have moved; links ring the bell themselves."""
        told: list[dict[str, Any]] = []
        while True:
            await asyncio.sleep(TELL_SECONDS)
            rows = self.rows()
            if rows != told:
                told = rows
                self._context.sources_moved.ring()

    def rows(self) -> list[dict[str, Any]]:
        """All sources, by number."""
        return [self._row(number) for number in sorted(self._context.plant.sources)]

    def row(self, source_id: str) -> dict[str, Any]:
        """Raises NotFound."""
        number = self._context.plant.source_numbers.get(source_id)
        if number is None:
            raise NotFound("there is no source {source}", source=source_id)
        return self._row(number)

    def _row(self, number: int) -> dict[str, Any]:
        source = self._context.plant.sources[number]
        state = self._context.sources.get(number, SourceState())
        known = state.state if self._context.core.connected else "unknown"
        return {
            "id": source.id,
            "number": number,
            "driver": source.driver,
            "name": source.name.model_dump(),
            "state": known,
            "reason": state.reason,
            "since": state.since or None,
            "since_iso": iso(state.since or None),
            "heard_at": state.heard_at or None,
            "heard_at_iso": iso(state.heard_at or None),
            "readings": state.readings,
            "duplicates": state.duplicates,
            "dropped": state.dropped,
            "rate": self._rate(number, state.readings),
            **self._worth(source.id),
        }

    def _worth(self, source_id: str) -> dict[str, Any]:
        """How many of its points are good, uncertain, bad, or have never been heard."""
        points = self._points_of(source_id)
        quality = self._context.live.quality_now(points)
        none = quality == NO_DATA_YET
        severity = quality >> SEVERITY_SHIFT
        return {
            "points": len(points),
            "good": int(np.count_nonzero(severity == Severity.GOOD)),
            "uncertain": int(np.count_nonzero(severity == Severity.UNCERTAIN)),
            "bad": int(np.count_nonzero((severity == Severity.BAD) & ~none)),
            "no_data": int(np.count_nonzero(none)),
        }

    def _points_of(self, source_id: str) -> npt.NDArray[np.int64]:
        plant = self._context.plant
        if self._plant is not plant:
            numbers: dict[str, list[int]] = defaultdict(list)
            for number, point in plant.points.items():
                numbers[point.source].append(number)
            self._points = {source: np.array(sorted(found), np.int64) for source, found in numbers.items()}
            self._context.live.reserve(max(plant.points, default=0) + 1)
            self._plant = plant
        return self._points.get(source_id, np.empty(0, np.int64))

    def _rate(self, number: int, readings: int) -> float | None:
        """Readings a second since it was last asked, None before there is anything to compare with."""
        now = self._context.clock.monotonic()
        rate = self._rates.setdefault(number, _Rate(now, readings))
        if now - rate.at >= RATE_SECONDS:
            rate.value = max(0, readings - rate.readings) / (now - rate.at)
            rate.at, rate.readings = now, readings
        return rate.value
