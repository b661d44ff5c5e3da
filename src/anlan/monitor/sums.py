"""The summary line of the plant, computed at most once a second for all browsers together."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

from anlan.model.events.alarms import AlarmKind
from anlan.monitor.service import AlarmService
from anlan.monitor.states import ACTIVE, HIDDEN
from anlan.monitor.summary import Summariser
from anlan.web.answers import dumps
from anlan.web.context import Context, PlantView

EVERY = 1.0


class Sums:
    """One per app process: `Sums.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._plant: PlantView | None = None
        self._summariser: Summariser | None = None
        self._at = -EVERY
        self._refreshing = asyncio.Lock()
        self._encoded = b"null"
        self._under_test: tuple[int, ...] = ()
        self._places: dict[str, bytes] = {}

    @classmethod
    def of(cls, context: Context) -> Sums:
        sums = context.extras.get("monitor.sums") or cls(context)
        context.extras["monitor.sums"] = sums
        assert isinstance(sums, cls)
        return sums

    def encoded(self) -> bytes:
        """JSON of `monitor.summary.Summary`, as of the last `refresh`."""
        return self._encoded

    def under_test(self) -> tuple[int, ...]:
        """Numbers of the detectors whose own state says calibration, as of the last `refresh`."""
        return self._under_test

    def at(self, place: str) -> bytes:
        """JSON of `monitor.summary.PlaceCounts` of one place, as of the last `refresh`; counted once for all browsers."""
        if place not in self._places:
            found = self._summariser.at(place) if self._summariser is not None else None
            self._places[place] = dumps(asdict(found) if found is not None else None)
        return self._places[place]

    async def refresh(self) -> None:
        """Count again if a second has passed or the plant is another. Its rows are made in a thread: a large plant has many."""
        async with self._refreshing:
            while self._summariser is None or self._plant is not self._context.plant:
                plant = self._context.plant
                self._summariser, self._plant, self._at = await asyncio.to_thread(Summariser, plant), plant, -EVERY
            now = self._context.clock.monotonic()
            if now >= self._at + EVERY:
                self._at = now
                self._count(self._summariser)

    def _count(self, summariser: Summariser) -> None:
        standing = AlarmService.of(self._context).board.standing.values()
        active = [one.last.alarm for one in standing if one.last.after in ACTIVE]
        hidden = [one.last.alarm for one in standing if one.last.after in HIDDEN]
        found = summariser.count(self._context.live, [*active, *(n for n in hidden if self._is_beyond(n))])
        self._places.clear()
        self._encoded, self._under_test = dumps(found.as_json()), found.under_test

    def _is_beyond(self, alarm: int) -> bool:
        """Whether the value stands where a hidden alarm would stand: hiding an alarm brings no value back within its limits."""
        plant = self._context.plant
        rule = plant.rules.get(alarm)
        number = plant.point_numbers.get(rule.point) if rule is not None else None
        if rule is None or number is None:
            return False
        value = float(self._context.live.value[number])
        match rule.kind:
            case AlarmKind.HIGH | AlarmKind.HIGH_HIGH:
                return rule.limit is not None and value >= rule.limit
            case AlarmKind.LOW | AlarmKind.LOW_LOW:
                return rule.limit is not None and value <= rule.limit
            case _:
                return value in rule.states
