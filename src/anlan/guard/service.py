"""The guard as one object, for the app process and for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from anlan.guard import audit, passwords
from anlan.guard.audit_spool import Spool
from anlan.guard.auditing import Auditor
from anlan.guard.factors import NEEDED, CodeNeeded, Factors
from anlan.guard.limiter import Origin
from anlan.guard.people import People
from anlan.guard.policy import Policies
from anlan.guard.principal import Principal
from anlan.guard.refusals import Refusals
from anlan.guard.roles import Roles, load_roles
from anlan.guard.roster import Roster
from anlan.guard.sessions import Sessions
from anlan.guard.tokens import Tokens
from anlan.guard.vault import Vault
from anlan.model.clock import Clock
from anlan.model.errors import CommandRefused, Forbidden, StoreError
from anlan.store.records import Records

_T = TypeVar("_T")


class Guard:
    """Blocking calls unless said otherwise; run them in worker threads."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        *,
        auditor: Auditor | None = None,
        spool: Spool | None = None,
        vault: Vault | None = None,
    ) -> None:
        """`vault`: the node's; without one, second factors last as long as this object."""
        self.records, self.clock = records, clock
        self.auditor, self.spool = auditor, spool
        if spool is not None:
            audit.wait_in(records.engine, spool)
        self.roles: Roles = load_roles()
        self.refusals = Refusals(records, clock)
        self.policies = Policies(records, clock, self._changed)
        self.factors = Factors(records, clock, vault or Vault.in_memory(), self._changed, self.policies)
        self.sessions = Sessions(records, clock, self.roles, self.refusals, self.policies, self.factors)
        self.tokens = Tokens(records, clock, self.roles, self.sessions.ended)
        self.sessions.beside = self.tokens.running
        self.sessions.on_change(self.tokens.forget)
        self.roster = Roster(records, clock)
        self.people = People(records, clock, self.policies, self.sessions.forget)

    def record(self, step: audit.Step) -> int | None:
        """One audit leaf in a transaction of its own, for a step whose effect lies in another store; None when the records cannot be
        written now and the step waits (`write_waiting`). Raises StoreError when it cannot even wait."""
        if self.spool is not None and len(self.spool):
            self.spool.keep(step)  # behind those that wait; nobody has to wait with it for a disk that is full
            return None
        try:
            with self.records.session() as session:
                return audit.append(session, step)
        except StoreError:
            if self.spool is None:
                raise
            self.spool.keep(step)
            return None

    def write_waiting(self) -> None:
        """Write the steps that wait, in their order. Raises StoreError while the records still cannot be written."""
        if self.spool is not None and (len(self.spool) or self.spool.not_kept):
            with self.records.session() as session:
                audit.write_waiting(session, self.clock.now())

    def waiting(self) -> StoreError | None:
        """What to tell while steps wait."""
        if self.spool is None or not (len(self.spool) or self.spool.not_kept):
            return None
        return StoreError(
            "the audit record cannot be written: {waiting} steps wait in their order until it can, {not_kept} found no room and stand in "
            "alarms.db alone; acknowledging, silencing and alarms go on, changes of the configuration are refused",
            waiting=len(self.spool),
            not_kept=self.spool.not_kept,
        )

    def _changed(self) -> None:
        self.sessions.forget()

    async def hashing(self, call: Callable[[], _T]) -> _T:
        """Run a call that hashes a password, off the event loop and at most two at a time."""
        return await passwords.in_worker(call)

    async def change_own_password(self, by: Principal, old: str, new: str, *, tokens: bool = False) -> None:
        """Other sessions end, with `tokens` the API tokens too. Raises Forbidden, InputError, TooManyTries: the old password must not be
        found by trying either."""
        tries = self.sessions.limiter
        origin = own_origin(by)
        tries.attempt(origin)
        await self.hashing(partial(self.people.change_own_password, by, old, new, tokens=tokens))
        tries.succeeded(origin)
        await self.hashing(partial(self.sessions.end_all_of, by.person, but=by.session))

    async def own_factor(self, by: Principal, call: Callable[[], _T]) -> _T:
        """A step that shows a code of the own second factor: codes must not be found by trying either, whatever else succeeds between
        them. Raises TooManyTries."""
        tries, origin = self.sessions.limiter, Origin(by.account, by.from_where, codes=True)
        tries.attempt(origin)
        try:
            done = await asyncio.to_thread(call)
        except (CodeNeeded, CommandRefused):
            tries.undo(origin)  # nothing was tried
            raise
        tries.succeeded(origin)
        return done

    async def check_own_password(self, by: Principal, password: str) -> None:
        """Before what a person who finds the console open must not do. Raises Forbidden, TooManyTries."""
        tries, origin = self.sessions.limiter, own_origin(by)
        tries.attempt(origin)
        if not await self.hashing(partial(self.people.is_password, by.person, password)):
            raise Forbidden("the password is wrong")
        tries.succeeded(origin)

    async def check_own_person(self, by: Principal, password: str, code: str) -> None:
        """Password and, for who has a second factor, its code: before what outlives the session or is signed. Raises Forbidden, CodeNeeded,
        TooManyTries."""
        await self.check_own_password(by, password)
        await self.check_own_code(by, code)

    async def check_own_code(self, by: Principal, code: str) -> None:
        """For who has a second factor. Raises CodeNeeded, Forbidden, TooManyTries."""
        if (await asyncio.to_thread(self.factors.standing, by.person)).since is None:
            return
        if not code.strip():
            raise CodeNeeded(NEEDED, key=await asyncio.to_thread(self.factors.question, by.person))
        await self.own_factor(by, partial(self.factors.must_fit, by.person, code, by.from_where))


def own_origin(by: Principal) -> Origin:
    """Who is signed in is counted by the session: it has shown a password already."""
    return Origin(by.account, by.from_where, device=str(by.session))
