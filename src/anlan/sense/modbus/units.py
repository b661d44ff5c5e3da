"""Which units behind one connection answer, how fast, and when one that does not is asked again. Pure: times are given.

A unit that misses an answer leaves the scan and is probed in the gaps between scans, so that it holds up no other. While it stays silent,
its probes grow rare, and together the probes of all silent units take at most a twentieth of the line's time.
"""

from __future__ import annotations

from collections.abc import Collection

from anlan.sense.backoff import Backoff

SHARE = 20
"""A probe that kept the line busy for t seconds is followed by at least (SHARE - 1) × t s without one."""
QUICK = 0.25
"""s, the least time that an answer gets."""
ROOM = 0.5
"""Of the time until the next scan is due, an answer may take this much: the scan under way must still end."""
FULL_EVERY = 8
"""Where late answers are not overheard, every eighth request to a silent unit waits as long as the source allows: it may be slow."""
SLACK = 3
"""An answer gets this many times what the unit's slowest one of late took."""
FORGET = 0.99


class Unit:
    """One device address. `misses`: requests without an answer since the last one that had one."""

    def __init__(self, number: int, backoff: Backoff) -> None:
        self.number, self.backoff = number, backoff
        self.slowest = 0.0
        self.misses = 0
        self.asked = 0.0
        self.probe_at = 0.0
        self.unreachable = False
        """The gateway itself says so (exceptions 10 and 11)."""


class Units:
    """All units of one source."""

    def __init__(
        self, numbers: Collection[int], timeout: float, retries: int, first: float, most: float, *, overhears: bool = True
    ) -> None:
        self._units = {number: Unit(number, Backoff(first, most)) for number in sorted(numbers)}
        self._timeout, self._retries, self._overhears = timeout, retries, overhears
        self._cost, self._quiet_until = 0.0, 0.0
        self._line_busy = False
        self.misses_in_row = 0

    def scanned(self, unit: int) -> bool:
        return not self._units[unit].misses

    def lost(self, unit: int) -> bool:
        """Whether it has missed so many answers that its points are bad."""
        return self._units[unit].misses > self._retries

    def all_lost(self) -> bool:
        """Whether no unit answers, nor a gateway in their stead."""
        return all(self.lost(u.number) and not u.unreachable for u in self._units.values())

    def silent(self) -> int:
        return sum(self.lost(number) for number in self._units)

    def alone(self, unit: int) -> bool:
        """Whether no other unit answers: then nothing is held up by waiting for this one."""
        return not any(self.scanned(number) for number in self._units if number != unit)

    def patience(self, unit: int, idle: float) -> float:
        """How long an answer may take; `idle`: until the next scan is due."""
        one = self._units[unit]
        full = not self._overhears and one.misses > 0 and one.misses % FULL_EVERY == 0
        if full or self.alone(unit) or (self._line_busy and self.scanned(unit)):
            return self._timeout
        slowest = one.slowest or max(other.slowest for other in self._units.values())
        return min(self._timeout, max(ROOM * idle, SLACK * slowest, QUICK))

    def asked(self, unit: int, now: float) -> None:
        self._units[unit].asked = now

    def answered(self, unit: int, waited: float, now: float) -> bool:
        """Back in the scan; True when its points were bad."""
        one, was_lost = self._units[unit], self.lost(unit)
        # What follows an unanswered request tells of the gateway's patience with that one, not of this unit.
        if not self._line_busy:
            one.slowest = max(waited, FORGET * one.slowest)
        self._heard(waited, now)
        one.misses, one.unreachable = 0, False
        one.backoff.reset()
        return was_lost

    def missed(self, unit: int, waited: float, now: float) -> None:
        one = self._units[unit]
        self._charge(one, waited)
        one.misses += 1
        one.unreachable = False
        self.misses_in_row += 1
        self._line_busy = self.lost(unit)
        self._put_off(one, now)

    def told_unreachable(self, unit: int, waited: float, now: float) -> None:
        """A gateway says that it cannot reach the unit: nothing is left to confirm."""
        one = self._units[unit]
        self._charge(one, waited)
        self._heard(0.0, now)
        one.misses, one.unreachable = max(one.misses, self._retries) + 1, True
        self._put_off(one, now)

    def overheard(self, unit: int, now: float) -> None:
        """An answer that came too late: the unit is slow, not silent. Its next probe waits as long as this one took."""
        one = self._units.get(unit)
        if one is not None and one.misses:
            one.slowest = min(self._timeout, max(one.slowest, now - one.asked))
            one.probe_at = self._quiet_until = now
            self._line_busy = False

    def probe(self, now: float) -> int | None:
        """The silent unit to ask now, if any."""
        due = [one for one in self._units.values() if one.misses and self._at(one) <= now]
        return min(due, key=lambda one: (self.lost(one.number), one.probe_at)).number if due else None

    def next_probe(self) -> float:
        return min((self._at(one) for one in self._units.values() if one.misses), default=float("inf"))

    def try_all(self) -> None:
        """Begin again, after a loss of the whole device: each is asked in the scan."""
        for one in self._units.values():
            one.misses, one.unreachable = 0, False
        self._cost, self._line_busy, self.misses_in_row = 0.0, False, 0

    def _at(self, one: Unit) -> float:
        return max(one.probe_at, self._quiet_until) if self.lost(one.number) else one.probe_at

    def _heard(self, waited: float, now: float) -> None:
        self.misses_in_row = 0
        if self._cost:
            self._cost += waited if self._line_busy else 0.0
            self._quiet_until = now + (SHARE - 1) * self._cost
        self._cost, self._line_busy = 0.0, False

    def _charge(self, one: Unit, waited: float) -> None:
        """Only probes of a lost unit are rationed: that it is silent is found out once, and quickly."""
        self._cost += waited if self.lost(one.number) else 0.0

    def _put_off(self, one: Unit, now: float) -> None:
        one.probe_at = now + one.backoff.delay() if self.lost(one.number) else now
        self._quiet_until = max(self._quiet_until, now + (SHARE - 1) * self._cost)
