"""How many sign-ins may be tried: slow for who guesses, never closed for who belongs there.

Failures are counted over 15 minutes three ways. Per (account, address): 10. Per address over all accounts: 50. Per account over all
addresses from which it has never been signed in: 10 — an attacker with many addresses gets no further, and the person's own console,
being a known address, stays open. Running sessions are never touched.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import ClassVar

from anlan.model.clock import MINUTE, SECOND, Clock, Micros
from anlan.model.errors import AnlanError

WINDOW: Micros = 15 * MINUTE
PER_ACCOUNT_AND_ADDRESS = 10
PER_ADDRESS = 50
PER_ACCOUNT_FROM_STRANGERS = 10
KEPT = 20_000
"""Counters kept; the oldest go first, so that made-up accounts can't fill the memory."""

Key = tuple[str, str]


class TooManyTries(AnlanError):
    code: ClassVar[str] = "too-many-tries"
    status: ClassVar[int] = 429


@dataclass
class TryLimiter:
    """In memory of the one app process. `attempt` before a password is looked at, `succeeded` when it was right."""

    clock: Clock
    _tries: OrderedDict[Key, deque[float]] = field(default_factory=OrderedDict)

    def attempt(self, account: str, address: str, *, known_address: bool) -> None:
        """Count a try, or raise TooManyTries with the seconds to wait. Counted before the answer is known: a thousand at once are a thousand."""
        counters = _counters(account, address, known_address)
        for key, most in counters.items():
            tries = self._recent(key)
            if len(tries) >= most:
                wait = int(tries[0] + WINDOW / SECOND - self.clock.monotonic()) + 1
                raise TooManyTries("too many failed sign-ins; try again in {seconds} s", seconds=wait)
        for key in counters:
            self._tries.setdefault(key, deque()).append(self.clock.monotonic())
            self._tries.move_to_end(key)
        while len(self._tries) > KEPT:
            self._tries.popitem(last=False)

    def succeeded(self, account: str, address: str, *, known_address: bool) -> None:
        """The person is in: this try was no failure, and earlier slips from here are forgiven."""
        for key in _counters(account, address, known_address):
            tries = self._tries.get(key)
            if tries:
                tries.pop()
        self._tries.pop((account, address), None)

    def _recent(self, key: Key) -> deque[float]:
        tries = self._tries.get(key, deque())
        while tries and tries[0] <= self.clock.monotonic() - WINDOW / SECOND:
            tries.popleft()
        return tries


def _counters(account: str, address: str, known_address: bool) -> dict[Key, int]:
    counters = {(account, address): PER_ACCOUNT_AND_ADDRESS, ("", address): PER_ADDRESS}
    return counters if known_address else {**counters, (account, ""): PER_ACCOUNT_FROM_STRANGERS}
