"""What an alarm waits for by itself: the end of its shelving, or the next level it is passed to while nobody acknowledges it.

Part of the engine's state. Times are node time (`node_time`), so a clock that is set ends no shelving early and delays no escalation.
An alarm waits for one thing at most: one that is shelved is not passed on.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from anlan.model.clock import Micros


class Wait(StrEnum):
    SHELVING_ENDS = "shelving"
    ESCALATION = "escalation"


@dataclass(frozen=True, slots=True)
class Timer:
    """`since` when the wait began, `due` when something follows (None: nothing any more, but how far it came is kept)."""

    alarm: int
    wait: Wait
    since: Micros
    due: Micros | None
    level: int = 0
    """Of an escalation: levels told so far."""


class Timers:
    """By alarm number. An entry of the heap counts only while the alarm's timer is still due at that time."""

    def __init__(self, timers: Iterable[Timer] = ()) -> None:
        self._running = {timer.alarm: timer for timer in timers}
        self._tidy()

    def __iter__(self) -> Iterator[Timer]:
        """In the order of alarm numbers, whatever came first."""
        return iter([self._running[alarm] for alarm in sorted(self._running)])

    def get(self, alarm: int) -> Timer | None:
        return self._running.get(alarm)

    def set(self, timer: Timer) -> None:
        """Replaces what the alarm waited for."""
        self._running[timer.alarm] = timer
        if timer.due is not None:
            heapq.heappush(self._heap, (timer.due, timer.alarm))
        if len(self._heap) > 2 * len(self._running) + 64:
            self._tidy()

    def cancel(self, alarm: int) -> None:
        self._running.pop(alarm, None)

    def take_due(self, u: Micros) -> Timer | None:
        """The timer that is due first by node time `u`, taken out; among equals that of the lower number."""
        while self._heap and self._heap[0][0] <= u:
            due, alarm = heapq.heappop(self._heap)
            timer = self._running.get(alarm)
            if timer is not None and timer.due == due:
                return self._running.pop(alarm)
        return None

    def shorten(self, wait: Wait, by: Micros) -> None:
        """Waits of this kind end so much earlier."""
        for timer in [t for t in self._running.values() if t.wait is wait and t.due is not None]:
            assert timer.due is not None
            self.set(replace(timer, due=timer.due - by))

    def as_json(self) -> list[list[Any]]:
        return [[t.alarm, t.wait.value, t.since, t.due, t.level] for t in self]

    @classmethod
    def from_json(cls, rows: list[list[Any]]) -> Timers:
        return cls(Timer(alarm, Wait(wait), since, due, level) for alarm, wait, since, due, level in rows)

    def _tidy(self) -> None:
        """Leave out of the heap what was cancelled or replaced."""
        self._heap = [(t.due, t.alarm) for t in self._running.values() if t.due is not None]
        heapq.heapify(self._heap)
