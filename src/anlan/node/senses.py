"""Who reads the sources: the connections of sense, what each carries, and which sources nobody carries any more.

Time is counted in core's ticks, not taken from a clock: a wall clock that jumps neither takes a source out of view nor keeps one in it,
and a core that was itself held up first reads what waits for it and then judges.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from anlan.bus.wire import Connection

SILENT_TICKS = 3
"""A sense that is connected but says nothing for longer hangs: it tells its health every second."""
GRACE_TICKS = 3
"""A source may be without anyone who carries it this long (a sense restarts within a second) before it counts as lost from view."""
START_TICKS = 15
"""The same at core's own start, and for a source that a new configuration brings: sense is being started beside it."""


@dataclass(slots=True)
class _Carrier:
    """One connection of sense."""

    silent: int = 0
    sources: set[int] = field(default_factory=set)
    """What it has spoken of."""

    @property
    def speaks(self) -> bool:
        return self.silent <= SILENT_TICKS


class Senses:
    """Usually one sense reads everything; two, each with a share, or an old one beside its successor, are told apart."""

    def __init__(self) -> None:
        self._carriers: dict[Connection, _Carrier] = {}
        self._unseen: dict[int, int] = {}
        """Source → ticks without anyone who carries it."""
        self._health: dict[int, dict[str, Any]] = {}

    def greet(self, connection: Connection) -> None:
        self._carriers[connection] = _Carrier()
        connection.on_close.append(lambda: self._left(connection))

    def _left(self, connection: Connection) -> None:
        self._carriers.pop(connection, None)

    def heard(self, connection: Connection, source: int) -> None:
        """The connection spoke of `source`."""
        if (carrier := self._carriers.get(connection)) is not None:
            carrier.silent = 0
            carrier.sources.add(source)

    def told_health(self, connection: Connection, health: list[dict[str, Any]]) -> None:
        """How all sources of the connection fare; it carries these and no others."""
        if (carrier := self._carriers.get(connection)) is not None:
            rows = {int(row["source"]): row for row in health}
            carrier.silent, carrier.sources = 0, set(rows)
            self._health |= rows

    def tick(self, sources: Iterable[int]) -> None:
        """Once per tick of core, with the sources of the configuration in force."""
        for carrier in self._carriers.values():
            carrier.silent += 1
        seen, begin = self._seen(), GRACE_TICKS - START_TICKS
        self._unseen = {source: 0 if source in seen else self._unseen.get(source, begin) + 1 for source in sources}

    @property
    def connections(self) -> list[Connection]:
        return list(self._carriers)

    @property
    def lost(self) -> list[int]:
        """Sources that nobody has carried for longer than the grace, as of the last tick."""
        return [source for source, ticks in self._unseen.items() if ticks >= GRACE_TICKS]

    @property
    def speak(self) -> bool:
        """Whether any sense is there and not silent."""
        return any(carrier.speaks for carrier in self._carriers.values())

    def health(self) -> list[dict[str, Any]]:
        """How the sources fare, as last told; unknown once who told it has left or fallen silent."""
        seen = self._seen()
        return [row if source in seen else {**row, "state": "unknown"} for source, row in sorted(self._health.items())]

    def _seen(self) -> set[int]:
        return {source for carrier in self._carriers.values() if carrier.speaks for source in carrier.sources}
