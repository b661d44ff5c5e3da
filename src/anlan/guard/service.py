"""The guard as one object, for the app process and for tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from anlan.guard import audit, passwords
from anlan.guard.people import People
from anlan.guard.principal import Principal
from anlan.guard.roles import Roles, load_roles
from anlan.guard.sessions import Sessions
from anlan.model.clock import Clock
from anlan.store.records import Records

_T = TypeVar("_T")


class Guard:
    """Blocking calls unless said otherwise; run them in worker threads."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self.records, self.clock = records, clock
        self.roles: Roles = load_roles()
        self.sessions = Sessions(records, clock, self.roles)
        self.people = People(records, clock, self.sessions.forget)

    def record(self, step: audit.Step) -> int:
        """One audit leaf in a transaction of its own, for a step whose effect lies in another store."""
        with self.records.session() as session:
            return audit.append(session, step)

    async def hashing(self, call: Callable[[], _T]) -> _T:
        """Run a call that hashes a password, off the event loop and at most two at a time."""
        return await passwords.in_worker(call)

    async def change_own_password(self, by: Principal, old: str, new: str) -> None:
        """Raises Forbidden, InputError, TooManyTries: the old password must not be found by trying either. Other sessions end."""
        tries = self.sessions.limiter
        tries.attempt(by.account, by.from_where, known_address=True)
        await self.hashing(partial(self.people.change_own_password, by, old, new))
        tries.succeeded(by.account, by.from_where, known_address=True)
        await self.hashing(partial(self.sessions.end_all_of, by.person, but=by.session))
