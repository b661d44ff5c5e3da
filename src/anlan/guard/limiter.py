"""How many sign-ins may be tried: slow for who guesses, never closed for who belongs there.

Failures are counted over 15 minutes. From a known device (`devices`): 10 for this account, and nothing that happens elsewhere counts.
From anywhere else an account has 10 in all: 5 from addresses where its person has signed in before, 5 from strangers, however many
addresses they have; and an address has 50 over all accounts. So nobody locks a person out of their own console, and running sessions are
never touched. Codes of the second factor that are tried by who is signed in are counted apart: 5 for the person.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from typing import ClassVar

from anlan.model.clock import MINUTE, SECOND, Clock, Micros
from anlan.model.errors import AnlanError

WINDOW: Micros = 15 * MINUTE
PER_DEVICE = 10
PER_ACCOUNT_FROM_KNOWN_ADDRESSES = 5
PER_ACCOUNT_FROM_STRANGERS = 5
PER_ADDRESS = 50
CODES_PER_PERSON = 5
"""Codes of a second factor by who is signed in, over all their sessions; a right password forgives none of them."""
KEPT = 20_000
"""Counters kept of what strangers make up, accounts and addresses; the oldest go first. Those of real accounts stay."""

Key = tuple[str, str]


class TooManyTries(AnlanError):
    code: ClassVar[str] = "too-many-tries"
    status: ClassVar[int] = 429


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose account is tried from where. `device`: names the known device or the running session it comes from, "" for neither."""

    account: str
    address: str
    exists: bool = True
    device: str = ""
    known_address: bool = False
    codes: bool = False
    """Not a password is tried but a code of the second factor, by who is signed in."""

    def counters(self) -> dict[Key, int]:
        if self.codes:
            return {("codes", self.account): CODES_PER_PERSON}
        if self.device:
            return {("device " + self.device, self.account): PER_DEVICE}
        if self.known_address:
            return {("known", self.account): PER_ACCOUNT_FROM_KNOWN_ADDRESSES, ("address", self.address): PER_ADDRESS}
        return {("strangers", self.account): PER_ACCOUNT_FROM_STRANGERS, ("address", self.address): PER_ADDRESS}


@dataclass
class TryLimiter:
    """In memory of the one app process. `attempt` before a password is looked at, `succeeded` when it was right."""

    clock: Clock
    _of_people: dict[Key, deque[float]] = field(default_factory=dict)
    _made_up: OrderedDict[Key, deque[float]] = field(default_factory=OrderedDict)

    def attempt(self, origin: Origin) -> None:
        """Count a try, or raise TooManyTries with the seconds to wait. Counted before the answer is known: a thousand at once are a thousand."""
        counters = origin.counters()
        for key, most in counters.items():
            tries = self._recent(origin, key)
            if len(tries) >= most:
                wait = int(tries[0] + WINDOW / SECOND - self.clock.monotonic()) + 1
                raise TooManyTries("too many failed sign-ins; try again in {seconds} s", seconds=wait)
        for key in counters:
            self._table(origin, key).setdefault(key, deque()).append(self.clock.monotonic())
            if key in self._made_up:
                self._made_up.move_to_end(key)
        while len(self._made_up) > KEPT:
            self._made_up.popitem(last=False)

    def undo(self, origin: Origin) -> None:
        """This try was no failure, and says nothing of the earlier ones."""
        for key in origin.counters():
            tries = self._table(origin, key).get(key)
            if tries:
                tries.pop()

    def succeeded(self, origin: Origin) -> None:
        """The person is in: this try was no failure, and earlier slips at this device or from their own addresses are forgiven."""
        self.undo(origin)
        if origin.codes or origin.device or origin.known_address:
            key = next(iter(origin.counters()))
            self._table(origin, key).pop(key, None)

    def _table(self, origin: Origin, key: Key) -> dict[Key, deque[float]]:
        """An attacker's addresses and inventions must not push a real account's count out of memory."""
        return self._of_people if origin.exists and key[0] != "address" else self._made_up

    def _recent(self, origin: Origin, key: Key) -> deque[float]:
        tries = self._table(origin, key).get(key, deque())
        while tries and tries[0] <= self.clock.monotonic() - WINDOW / SECOND:
            tries.popleft()
        return tries
