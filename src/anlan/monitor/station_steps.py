"""What nobody who is known does at a paired station, on record without filling it: whoever holds the key must not be able to.

    taken step          a leaf, once for each command, however often it is sent again
    refused step        the first `FIRST` of a station in `WINDOW` as leaves, the rest as one leaf `station.refused` with their count
    once over the bound the alarm is looked up before core is asked: what would be refused does not reach log and alarms.db

A step that the alarm's state allows is never refused for its number: it always goes to core.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from anlan.guard.principal import Principal
from anlan.model.clock import MINUTE, Micros
from anlan.monitor.board import Board
from anlan.monitor.recording_steps import record
from anlan.monitor.states import OPEN
from anlan.web.context import Context

FIRST = 10
WINDOW: Micros = 15 * MINUTE
REMEMBERED = 4_096
"""Commands of which a leaf was written."""


@dataclass(slots=True)
class _Tally:
    """Of one station in one window. `principal`: as whom the count is recorded."""

    since: Micros
    principal: Principal
    refused: int = 0
    uncounted: int = 0
    """Refused ones that have no leaf."""


class StationSteps:
    """Of one app process; belongs to its event loop."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tallies: dict[Any, _Tally] = {}
        self._recorded: OrderedDict[str, None] = OrderedDict()

    def may_reach_core(self, principal: Principal, board: Board, alarm: int, episode: int, priority: int, command: str) -> bool:
        """Whether core should be asked: it may take the step, or has taken it and answers the same again."""
        if self._tally(principal).refused < FIRST or command in self._recorded:
            return True
        standing = board.standing.get(alarm)
        if standing is None:
            return False
        seen = self._context.plant.rules[alarm].priority
        return (standing.last.episode, seen) == (episode, priority) and standing.last.after in OPEN

    async def taken(
        self, principal: Principal, action: str, subject: str, command: str, after: dict[str, Any], reason: str
    ) -> None:
        if command in self._recorded:
            return
        self._recorded[command] = None
        if len(self._recorded) > REMEMBERED:
            self._recorded.popitem(last=False)
        await record(self._context, principal, action, subject, after, reason)

    def without_effect(self, principal: Principal) -> None:
        """A silence that quieted nothing: no step, and counted towards the bound alone."""
        self._tally(principal).refused += 1

    async def refused(self, principal: Principal, action: str, subject: str, after: dict[str, Any], reason: str) -> None:
        tally = self._tally(principal)
        tally.refused += 1
        if tally.refused <= FIRST:
            await record(self._context, principal, action, subject, after, reason)
        else:
            tally.uncounted += 1

    async def write_counts(self, *, all_of_them: bool = False) -> None:
        """Of the windows that are over."""
        now = self._context.clock.now()
        for station, tally in list(self._tallies.items()):
            if now - tally.since < WINDOW and not all_of_them:
                continue
            del self._tallies[station]
            if tally.uncounted:
                after = {"count": tally.uncounted, "since": tally.since, "until": now}
                await record(self._context, tally.principal, "station.refused", str(station), after, "")

    def _tally(self, principal: Principal) -> _Tally:
        tally = self._tallies.get(principal.person)
        if tally is None:
            tally = self._tallies[principal.person] = _Tally(self._context.clock.now(), principal)
        return tally
