"""UUIDv7 (RFC 9562 §5.7): ids of records that sort by the time at which they were made. Python has its own from 3.14.

    48 bits unix ms | 0111 | 12 bits counter, high | 10 | 30 bits counter, low | 32 bits random

The 42-bit counter (§6.2, method 1) starts at a random value below 2^41 in each millisecond and counts up within it, so that ids
of one clock only ever rise, also when the wall is set back.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from threading import Lock
from uuid import UUID
from weakref import WeakKeyDictionary

from anlan.model.clock import Clock, Micros

COUNTER_BITS = 42
_VERSION_7 = 0x7 << 76
_VARIANT_RFC = 0b10 << 62


def uuid7(clock: Clock) -> UUID:
    """A new id at the clock's wall time, greater than every id made by this clock before. Thread-safe."""
    millisecond, count = _sequence_of(clock).next(clock.now() // 1_000)
    high, low = count >> 30, count & 0x3FFF_FFFF
    return UUID(int=millisecond << 80 | _VERSION_7 | high << 64 | _VARIANT_RFC | low << 32 | secrets.randbits(32))


def made_at(identifier: UUID) -> Micros:
    """When a UUIDv7 was made, to the millisecond. [µs UTC]"""
    return (identifier.int >> 80) * 1_000


@dataclass(slots=True)
class _Sequence:
    """The last (ms, counter) given out. One per clock: a test's clock of 2026 must not follow the machine's of today."""

    millisecond: int = -1
    counter: int = 0
    lock: Lock = field(default_factory=Lock)

    def next(self, now: int) -> tuple[int, int]:
        with self.lock:
            if now > self.millisecond:
                self.millisecond, self.counter = now, secrets.randbits(COUNTER_BITS - 1)
            else:
                self.counter += 1
            if self.counter >> COUNTER_BITS:
                self.millisecond, self.counter = self.millisecond + 1, secrets.randbits(COUNTER_BITS - 1)
            return self.millisecond, self.counter


_sequences: WeakKeyDictionary[Clock, _Sequence] = WeakKeyDictionary()
_guard = Lock()


def _sequence_of(clock: Clock) -> _Sequence:
    with _guard:
        return _sequences.setdefault(clock, _Sequence())
