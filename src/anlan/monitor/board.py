"""The standing alarms as the app process knows them: read once from the journal, then kept by its tail, for all viewers together.

Each transition is encoded once, as a journal row and as the alarm's row after it; viewers that were away read on from the journal.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

import structlog

from anlan.guard.principal import Principal
from anlan.model.errors import AnlanError, StoreError, Unavailable
from anlan.model.events.alarms import AlarmState, AlarmTransition
from anlan.monitor.live_floods import LiveFloods
from anlan.monitor.rows import LOOKED_BACK, Standing, alarm_row, is_standing, story_of, transition_row
from anlan.web.answers import dumps
from anlan.web.context import Context
from anlan.web.stations import stations_of
from anlan.web.stream import Bell

log = structlog.get_logger()

CHUNK = 1024
RECENT = 20_000
"""Encoded transitions kept for viewers that are a little behind."""
LOOK_EVERY = 1.0
"""Seconds after which the journal is looked at even though nobody rang."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One transition, encoded: as it goes to the event stream and as the alarm's row on the live socket."""

    n: int
    place: str
    event: bytes
    row: bytes


class Board:
    """Standing alarms by number. Written by `run` on the event loop; `cursor` is the last transition taken in."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.cursor = 0
        self.loaded = False
        self.standing: dict[int, Standing] = {}
        self.moved = Bell()
        self._catching_up = asyncio.Lock()
        """Two at once would each begin with what the other has gone beyond."""
        self._recent: deque[Encoded] = deque(maxlen=RECENT)
        self._names: dict[str, str] = {}
        self.floods = LiveFloods(context)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            rung = self._context.journal_moved.count
            await self.catch_up()
            await self._context.journal_moved.wait(rung, within=LOOK_EVERY)

    async def catch_up(self) -> None:
        """Take in what the journal holds by now; a journal that can't be read is a fault that is shown, and is tried again."""
        try:
            async with self._catching_up:
                await self._read_on()
        except AnlanError as error:
            self._context.faults["alarm journal"] = error
        else:
            self._context.faults.pop("alarm journal", None)

    async def known(self) -> None:
        """Until what stands has been read once. Raises Unavailable when it can't be: that is unknown, and never "nothing stands"."""
        if not self.loaded:
            await self.catch_up()
        if not self.loaded:
            raise Unavailable("which alarms stand is unknown: the alarm journal can't be read")

    async def _read_on(self) -> None:
        if self.loaded and await asyncio.to_thread(lambda: self._context.journal.last) < self.cursor:
            self.loaded = False  # another journal, begun in the place of a damaged one: its numbers may lie below
        if not self.loaded:
            await self._load()
        while rows := await asyncio.to_thread(self._context.journal.read, self.cursor, CHUNK):
            await self._learn_names(rows)
            for transition in rows:
                self.take(transition)
            self.moved.ring()

    def take(self, transition: AlarmTransition) -> None:
        standing = self.standing.get(transition.alarm, Standing(transition)).after(transition)
        if is_standing(standing):
            self.standing[transition.alarm] = standing
        else:
            self.standing.pop(transition.alarm, None)
        plant = self._context.plant
        event = transition_row(plant, transition, self.name_of)
        self._recent.append(Encoded(transition.n, event["place"], dumps(event), dumps(alarm_row(plant, standing, self.name_of))))
        self.floods.take(transition)
        self.cursor = transition.n

    def recent(self, after: int) -> list[Encoded] | None:
        """What was told after position `after`, or None if that is too long ago to be in memory."""
        if after >= self.cursor:
            return []
        if not self._recent or after < self._recent[0].n - 1:
            return None
        fresh = list(takewhile(lambda told: told.n > after, reversed(self._recent)))
        return fresh[::-1]

    def rows(self, principal: Principal) -> list[dict[str, object]]:
        """The standing alarms that this person may see."""
        plant = self._context.plant
        rows = (alarm_row(plant, standing, self.name_of) for standing in self.standing.values())
        return [row for row in rows if principal.allows("alarm.view", str(row["place"]))]

    def name_of(self, person: str) -> str:
        """A person's name; of a step taken at a paired station by nobody who is known, that it was so."""
        return self._names.get(person, "") or stations_of(self._context).words_for(person)

    async def _load(self) -> None:
        """Last transition first, then what stands: what comes in between is taken in again and changes nothing."""
        journal = self._context.journal
        self.cursor = await asyncio.to_thread(lambda: journal.last)
        standing = await asyncio.to_thread(journal.standing)
        await asyncio.to_thread(self.floods.load, self.cursor)
        self.standing = {one.alarm: await asyncio.to_thread(self._story, one) for one in standing}
        await self._learn_names([t for s in self.standing.values() for t in (s.answered, s.hidden) if t is not None])
        self.loaded = True
        self.moved.ring()

    def _story(self, last: AlarmTransition) -> Standing:
        """How the alarm came to where it stands since it was last normal: an activation that was over by then is none that stands."""
        rows = self._context.journal.of_alarm(last.alarm, before=last.n + 1, limit=LOOKED_BACK)
        return story_of(list(takewhile(lambda row: row.after is not AlarmState.NORMAL, rows))) or Standing(last)

    async def _learn_names(self, transitions: Sequence[AlarmTransition]) -> None:
        unknown = {t.who for t in transitions if t.who and t.who not in self._names}
        if unknown:
            try:
                self._names = await asyncio.to_thread(self._context.guard.people.names)
            except StoreError as failure:
                log.warning("names of people not read; alarms go on without", error=str(failure))
