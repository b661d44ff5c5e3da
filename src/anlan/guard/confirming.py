"""A signature of somebody who is signed in: their own password once more, and the code of their second factor, so that nobody signs for them
at a station that never logs out."""

from __future__ import annotations

import asyncio
from collections import deque
from functools import partial

from anlan.guard import passwords
from anlan.guard.limiter import TooManyTries
from anlan.guard.people import find_person
from anlan.guard.principal import Principal
from anlan.guard.service import Guard
from anlan.model.clock import MINUTE, SECOND
from anlan.model.errors import Forbidden

WINDOW = 15 * MINUTE
MOST = 5
"""Wrong passwords of one person within the window: a password is not found by signing. It closes the signing alone, never a sign-in."""


class Confirming:
    """Belongs to the app's event loop."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._wrong: dict[str, deque[float]] = {}

    async def confirm(self, by: Principal, password: str, code: str = "") -> None:
        """`code`: of the second factor, for who has one. Raises Forbidden (wrong), CodeNeeded, TooManyTries. Counted before the answer is known: a hundred at once are a hundred."""
        now = self._guard.clock.monotonic()
        wrong = self._wrong.setdefault(str(by.person), deque())
        while wrong and wrong[0] <= now - WINDOW / SECOND:
            wrong.popleft()
        if len(wrong) >= MOST:
            wait = int(wrong[0] + WINDOW / SECOND - now) + 1
            raise TooManyTries("too many wrong passwords for a signature; try again in {seconds} s", seconds=wait)
        wrong.append(now)
        stored = await asyncio.to_thread(self._stored, by)
        if not await passwords.in_worker(partial(passwords.verify, stored, password)):
            raise Forbidden("the password is wrong: nothing was signed")
        self._wrong.pop(str(by.person), None)
        await self._guard.check_own_code(by, code)

    def _stored(self, by: Principal) -> str:
        with self._guard.records.reading() as session:
            return find_person(session, by.person).password
