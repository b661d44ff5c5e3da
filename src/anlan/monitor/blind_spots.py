"""The blind spots as one app process tells them: computed at most once a second for everyone who sees the same places. Since when a point has
been unseen is noted all the time, the rest only while somebody looks. Steps on points (inhibit, calibrate) come from the journal, read beside the event loop.
"""

from __future__ import annotations

import asyncio
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from anlan.guard.principal import Grant, Principal
from anlan.model.clock import Micros
from anlan.model.errors import AnlanError
from anlan.model.kinds import kinds
from anlan.monitor.blindness import SEEN, Blind, Blindness, Row, Seen, Uncovered
from anlan.monitor.point_modes import Mode, PointStep, standing_of
from anlan.monitor.service import AlarmService
from anlan.monitor.sums import Sums
from anlan.web.answers import dumps, iso
from anlan.web.context import Context, PlantView

EVERY = 1.0
STEPS_EVERY = 2.0
LOOKED_AT = 10.0
"""s after the last look in which steps are still read."""
MOST_KEPT = 50


class BlindSpots:
    """One per app process: `BlindSpots.of(context)`. Belongs to its event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._plant: PlantView | None = None
        self._whole: Blind | None = None
        self._blind: dict[tuple[Grant, ...], Blind] = {}
        self._making: dict[tuple[Grant, ...], asyncio.Task[None]] = {}
        self._told: dict[tuple[Grant, ...], tuple[float, dict[str, Any], bytes]] = {}
        self._modes: dict[tuple[int, Mode], PointStep] = {}
        self._names: dict[str, str] = {}
        self._noticed: dict[int, tuple[int, Micros]] = {}
        self._asked_at = -LOOKED_AT

    @classmethod
    def of(cls, context: Context) -> BlindSpots:
        spots = context.extras.get("monitor.blind")
        if spots is None:
            spots = context.extras["monitor.blind"] = cls(context)
            context.background.append(spots.run)
        assert isinstance(spots, cls)
        return spots

    async def run(self) -> None:
        """Until cancelled: note since when points are unseen, and read the steps on points while somebody looks."""
        while True:
            await asyncio.sleep(STEPS_EVERY)
            whole = await self._of_the_whole()
            await Sums.of(self._context).refresh()
            self._notice(whole, self._seen(whole))
            if self._context.clock.monotonic() < self._asked_at + LOOKED_AT:
                try:
                    await self.refresh()
                except AnlanError:
                    continue  # the board says that the journal can't be read

    async def refresh(self) -> None:
        """Read the steps on points. Raises StoreError."""
        self._modes = standing_of(await asyncio.to_thread(self._context.journal.last_steps))
        if any(step.who and step.who not in self._names for step in self._modes.values()):
            self._names = await asyncio.to_thread(self._context.guard.people.names)

    async def told(self, principal: Principal) -> dict[str, Any]:
        """What this person may see of it, with `at`: when it was true."""
        blind = await self._blind_of(principal)
        await Sums.of(self._context).refresh()
        return {"at": self._context.clock.now(), **self._found(principal, blind)[1]}

    def encoded(self, principal: Principal) -> bytes | None:
        """JSON of the same without `at`: it changes only when something else is unseen. None while it is still being prepared."""
        self._asked_at = self._context.clock.monotonic()
        self._of_this_plant()
        blind = self._blind.get(principal.grants)
        if blind is None:
            self._make(principal)
            return None
        return self._found(principal, blind)[2]

    def _found(self, principal: Principal, blind: Blind) -> tuple[float, dict[str, Any], bytes]:
        now = self._asked_at = self._context.clock.monotonic()
        kept = self._told.get(principal.grants)
        if kept is None or now >= kept[0] + EVERY:
            told = self._tell(blind)
            kept = self._told[principal.grants] = (now, told, dumps(told))
        return kept

    # ---- preparing, which takes a moment for a large plant: in a thread

    def _of_this_plant(self) -> None:
        """Numbers and rules may be others in a new version: everything begins anew."""
        if self._plant is not self._context.plant:
            self._plant, self._noticed, self._whole = self._context.plant, {}, None
            self._blind.clear()
            self._told.clear()
            self._making.clear()

    async def _of_the_whole(self) -> Blind:
        while True:
            self._of_this_plant()
            if self._whole is not None:
                return self._whole
            plant = self._context.plant
            whole = await asyncio.to_thread(Blind, plant)
            if plant is self._plant:
                self._whole = whole

    async def _blind_of(self, principal: Principal) -> Blind:
        while True:
            self._of_this_plant()
            blind = self._blind.get(principal.grants)
            if blind is not None:
                return blind
            await asyncio.shield(self._make(principal))

    def _make(self, principal: Principal) -> asyncio.Task[None]:
        """One for all who wait for the same."""
        making = self._making.get(principal.grants)
        if making is None:
            making = self._making[principal.grants] = asyncio.create_task(self._prepare(principal))
        return making

    async def _prepare(self, principal: Principal) -> None:
        plant, grants = self._context.plant, principal.grants
        try:
            blind = await asyncio.to_thread(Blind, plant, lambda place: principal.allows("live.view", place))
        finally:
            if plant is self._plant:
                self._making.pop(grants, None)
        if plant is not self._plant:
            return
        if len(self._blind) >= MOST_KEPT:
            self._blind.clear()
            self._told.clear()
        self._blind[grants] = blind

    def _tell(self, blind: Blind) -> dict[str, Any]:
        seen = self._seen(blind)
        self._notice(blind, seen)
        seen = replace(seen, noticed={number: at for number, (_, at) in self._noticed.items()})
        return found_json(self._context.plant, blind.find(seen)) | {"connected": self._context.live.connected}

    def _seen(self, blind: Blind) -> Seen:
        live, board = self._context.live, AlarmService.of(self._context).board
        if len(blind.number):
            live.reserve(int(blind.number[-1]) + 1)
        return Seen(
            at=self._context.clock.now(),
            number=blind.number,
            quality=live.quality_now(blind.number),
            value=live.value[blind.number],
            received=live.received[blind.number],
            sources=self._context.sources if live.connected else {},
            standing=list(board.standing.values()),
            modes=self._modes,
            under_test=Sums.of(self._context).under_test(),
            names=lambda person: board.name_of(person) or self._names.get(person, ""),
        )

    def _notice(self, blind: Blind, seen: Seen) -> None:
        """Remember since when a point has been unseen for the cause that holds now."""
        causes = blind.causes(seen)
        hit = np.flatnonzero(causes != SEEN)
        now = dict(zip(blind.number[hit].tolist(), causes[hit].tolist(), strict=True))
        over = [n for n, (cause, _) in self._noticed.items() if n in blind and cause != now.get(n, SEEN)]
        for number in over:
            del self._noticed[number]
        for number, cause in now.items():
            self._noticed.setdefault(number, (cause, seen.at))


def found_json(plant: PlantView, found: Blindness) -> dict[str, Any]:
    return {
        "counts": {cause.value: n for cause, n in found.counts.items()},
        "total": found.total,
        "items": [_row(plant, row) for row in found.rows],
        "areas": [_area(area) for area in found.areas],
    }


def _row(plant: PlantView, row: Row) -> dict[str, Any]:
    vote = row.vote
    place = plant.places.get(row.place)
    return {
        "cause": row.cause.value,
        "point": row.point,
        "source": row.source,
        "alarm": row.alarm,
        "name": row.name.model_dump(),
        "place": row.place,
        "place_name": place.name.model_dump() if place is not None else None,
        "post": row.post,
        "post_name": plant.posts[row.post].model_dump() if row.post in plant.posts else None,
        "safety": row.safety,
        "quality": row.quality,
        "since": row.since,
        "since_iso": iso(row.since),
        "since_is": row.since_is or None,
        "until": row.until,
        "until_iso": iso(row.until),
        "by": row.by,
        "reason": row.said,
        "affected": list(row.affected),
        "affected_count": row.affected_count,
        "points": row.points,
        "safety_points": row.safety_points,
        "vote": {"designed": vote.designed, "in_force": vote.text, "nobody": vote.nobody, "met": vote.needed == 0, "out": [asdict(m) for m in vote.out]} if vote is not None else None,
    }  # fmt: skip


def _area(area: Uncovered) -> dict[str, Any]:
    return {
        "area": area.area,
        "name": area.name.model_dump(),
        "kinds": [{"id": kind, "name": kinds()[kind].name.model_dump()} for kind in area.kinds],
        "detectors": list(area.detectors),
        "whole": area.whole,
    }
