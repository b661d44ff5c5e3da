"""The node's clock, handed to whatever needs the wall time: the one file that asks the operating system what time it is.

Instants are integers: microseconds since 1970-01-01T00:00:00Z. Leap seconds are smeared or stepped by the operating system.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol

Micros = int
"""An instant or a span in microseconds."""

MILLISECOND: Micros = 1_000
SECOND: Micros = 1_000_000
MINUTE: Micros = 60 * SECOND
HOUR: Micros = 60 * MINUTE
DAY: Micros = 24 * HOUR


class Clock(Protocol):
    """What a caller may ask: the wall (UTC, can jump) and a monotonic count (never jumps, no epoch)."""

    def now(self) -> Micros: ...

    def monotonic(self) -> float: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> Micros:
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        return time.monotonic()


class ManualClock:
    """A clock that moves only when told: tests, replays and drills."""

    def __init__(self, start: Micros = 1_767_225_600 * SECOND) -> None:
        self._now = start
        self._monotonic = 0.0

    def now(self) -> Micros:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, span: Micros) -> Micros:
        """Let `span` microseconds pass on both hands and return the new wall time."""
        self._now += span
        self._monotonic += span / SECOND
        return self._now

    def jump(self, span: Micros) -> Micros:
        """Step only the wall, as a corrected clock does."""
        self._now += span
        return self._now


def to_datetime(instant: Micros) -> datetime:
    """The instant as an aware UTC datetime, exact to the microsecond."""
    seconds, micros = divmod(instant, SECOND)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros)


def from_datetime(moment: datetime) -> Micros:
    """The inverse of `to_datetime`; a naive datetime is refused because nobody knows its zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone; write 2026-01-01T00:00:00+08:00 or …Z")
    whole = moment.astimezone(UTC)
    return int(whole.replace(microsecond=0).timestamp()) * SECOND + whole.microsecond


def isoformat(instant: Micros) -> str:
    """RFC 3339 in UTC with microseconds, e.g. `2026-01-01T00:00:00.000000Z`."""
    return to_datetime(instant).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
