"""A core in memory, as the sink sees it: durable once told so, drops what it already has, can refuse, fall silent, lose answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from anlan.model.errors import LogFull, Unavailable
from anlan.model.readings import Readings

Fate = Callable[[], str]


class Core:
    """`fate` decides each part: `ok`, `full`, `away`, or `lost` (taken, but the answer never arrives)."""

    def __init__(self, fates: Iterator[str] | None = None) -> None:
        self.rows: dict[int, list[tuple[int, int, float, int]]] = {}
        self.parts: list[tuple[int, int, int, int, int, bool]] = []
        self.states: list[tuple[int, str, str]] = []
        self.ahead: list[tuple[int, float]] = []
        """(point, value) of what the engine was shown while the log refused it."""
        self.duplicates = 0
        self.away = False
        self._fates = fates
        self._last: dict[tuple[int, int], int] = {}

    async def send(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> int:
        fate = "away" if self.away else next(self._fates, "ok") if self._fates else "ok"
        {"full": _full, "away": _away}.get(fate, _nothing)()
        self._keep(source, epoch, first_seq, received_at, readings, redelivered)
        {"lost": _away}.get(fate, _nothing)()
        return len(self.parts)

    async def look_ahead(self, source: int, epoch: int, received_at: int, readings: Readings) -> None:
        {True: _away}.get(self.away, _nothing)()
        self.ahead.extend(zip(readings.point.tolist(), readings.value.tolist(), strict=True))

    async def link_state(self, source: int, state: str, reason: str) -> None:
        {True: _away}.get(self.away, _nothing)()
        self.states.append((source, state, reason))

    def _keep(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> None:
        have = self._last.get((source, epoch), -1) + 1
        fresh = readings[max(0, have - first_seq) :]
        self.duplicates += len(readings) - len(fresh)
        assert first_seq <= have, "a hole in the numbers"
        columns = (fresh.point, fresh.time, fresh.value, fresh.quality)
        self.rows.setdefault(source, []).extend(zip(*(c.tolist() for c in columns), strict=True))
        self._last[source, epoch] = max(have - 1, first_seq + len(readings) - 1)
        self.parts.append((source, epoch, first_seq, received_at, len(readings), redelivered))


def _full() -> None:
    raise LogFull("the log is full")


def _away() -> None:
    raise Unavailable("core is away")


def _nothing() -> None:
    return None
