"""API tokens: for a program what a sign-in is for a person. `Authorization: Bearer anlan_…`

A token is made by a person for some actions at a branch, for at most a year, and is never worth more than its owner is: each request takes
what both may. It approves nothing, manages nobody and answers no alarm of a post: that takes a person. 256 random bits and a checksum, by
which a mistyped one is told without asking the disk; only its SHA-256 is kept.
"""

from __future__ import annotations

import hashlib
import secrets
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard import audit
from anlan.guard.people import check_reach, find_person, grants_of
from anlan.guard.principal import Grant, Principal, is_within
from anlan.guard.records import Person, Token
from anlan.guard.roles import SELF, Roles
from anlan.guard.token_ends import as_facts
from anlan.model.clock import DAY, MINUTE, Clock, Micros
from anlan.model.errors import Forbidden, InputError, NotFound, StoreError
from anlan.model.words import Label
from anlan.store.ids import uuid7
from anlan.store.records import Records

PREFIX = "anlan_"
BODY = 43
CHECK = 6
LONGEST_DAYS = 366
USED_EVERY: Micros = MINUTE
"""How often `used_at` is written: each write waits for the disk."""
CACHE_SECONDS = 5.0
NOT_FOR_PROGRAMS = frozenset({"approve", "manage"})
"""Kinds of action that take a person."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    principal: Principal
    until: float


class Tokens:
    """Blocking except `peek`; each change is one transaction with its audit leaf."""

    def __init__(self, records: Records, clock: Clock, roles: Roles, on_end: Callable[[UUID], None] = lambda _: None) -> None:
        self._records, self._clock, self._roles, self._on_end = records, clock, roles, on_end
        self._known: dict[bytes, _Known] = {}

    def create(self, by: Principal, name: str, actions: Sequence[str], place: str, days: int) -> tuple[Token, str]:
        """The token and its text, told once. Raises Forbidden, InputError."""
        by.require("token.create")
        self._check(by, actions, place, days)
        text, now = new_text(), self._clock.now()
        token = Token(
            id=uuid7(self._clock),
            token_hash=hashed(text),
            person_id=by.person,
            name=name,
            actions=" ".join(sorted(set(actions))),
            place=place,
            made_at=now,
            expires_at=now + days * DAY,
            used_at=None,
            used_from="",
            revoked_at=None,
        )
        with self._records.session() as session:
            session.add(token)
            audit.append(session, audit.Step.of(by, now, "token.create", str(token.id), after=as_facts(token)))
        return token, text

    def _check(self, by: Principal, actions: Sequence[str], place: str, days: int) -> None:
        if not 1 <= days <= LONGEST_DAYS:
            raise InputError("a token lasts {found} days; 1 to {most} were expected", found=days, most=LONGEST_DAYS)
        if not actions:
            raise InputError("a token is for some actions: at least one was expected, for example live.view")
        for action in actions:
            known = self._roles.actions.get(action)
            if known is None or action == SELF:
                raise InputError("there is no action {action}; GET /api/v1/roles lists them", action=action)
            if known.kind in NOT_FOR_PROGRAMS:
                raise InputError("the action “{action}” takes a person, no token does it", action=known.text(by.language))
            if not any(action in grant.actions and _deeper(grant.place, place) is not None for grant in by.grants):
                by.require(action, place)

    def of(self, person: UUID | None = None) -> list[Token]:
        """Those not revoked, of one person or of all, the newest first; also the expired ones, so that it is seen why they fail."""
        wanted = select(Token).where(Token.revoked_at.is_(None)).order_by(Token.made_at.desc(), Token.id.desc())
        with self._records.reading() as session:
            return list(session.scalars(wanted if person is None else wanted.where(Token.person_id == person)))

    def revoke(self, token_id: UUID, by: Principal) -> None:
        """Worth nothing from this moment, on open connections too. The owner's or whoever manages them. Raises NotFound, Forbidden."""
        with self._records.session() as session:
            token = session.get(Token, token_id)
            if token is None or token.revoked_at is not None:
                raise NotFound("there is no token {token}", token=str(token_id))
            if token.person_id != by.person:
                check_reach(by, find_person(session, token.person_id))
            token.revoked_at = self._clock.now()
            audit.append(session, audit.Step.of(by, token.revoked_at, "token.revoke", str(token.id), before=as_facts(token)))
        self.forget()
        self._on_end(token_id)

    def peek(self, text: str, address: str) -> Principal | None:
        """From memory only: None for what can't be a token; raises KeyError when the database has to be asked (`resolve`)."""
        if not is_well_formed(text):
            return None
        known = self._known[hashed(text)]
        if known.until <= self._clock.monotonic() or known.principal.from_where != address:
            raise KeyError(text[: len(PREFIX)])
        return known.principal

    def resolve(self, text: str, address: str) -> Principal | None:
        """Who acts by this token; None if nobody (any more)."""
        digest = hashed(text)
        with self._records.reading() as session:
            token = session.scalars(select(Token).where(Token.token_hash == digest)).one_or_none()
            principal = self._principal(session, token, address) if token is not None else None
        if token is None or principal is None:
            return None
        self._touch(token, address)
        if len(self._known) > 1024:
            self._known.clear()
        self._known[digest] = _Known(principal, self._clock.monotonic() + CACHE_SECONDS)
        return principal

    def running(self, token_id: UUID) -> Principal | None:
        """As of now, for streams that outlive their request."""
        with self._records.reading() as session:
            token = session.get(Token, token_id)
            return self._principal(session, token, token.used_from) if token is not None else None

    def forget(self) -> None:
        self._known.clear()

    def _principal(self, session: Session, token: Token, address: str) -> Principal | None:
        person = session.get(Person, token.person_id)
        if person is None or person.disabled or token.revoked_at is not None or self._clock.now() >= token.expires_at:
            return None
        return Principal(
            person=person.id,
            account=person.account,
            name=Label(zh=f"{person.name_zh}({token.name})", en=f"{person.name_en or person.name_zh} ({token.name})"),
            session=token.id,
            grants=narrowed(grants_of(person, self._roles), frozenset(token.actions.split()), token.place),
            must_change=person.must_change,
            token=token.id,
            from_where=address,
        )

    def _touch(self, token: Token, address: str) -> None:
        now = self._clock.now()
        if token.used_at is not None and now < token.used_at + USED_EVERY and token.used_from == address:
            return
        try:
            with self._records.session() as session:
                row = session.get_one(Token, token.id)
                row.used_at, row.used_from = now, address
        except StoreError as failure:
            log.warning("token use not recorded", token=str(token.id), error=str(failure))


def narrowed(grants: Sequence[Grant], actions: frozenset[str], place: str) -> tuple[Grant, ...]:
    """What both the person and the token may."""
    found = ((grant, _deeper(grant.place, place)) for grant in grants)
    both = (Grant(grant.role, at, grant.actions & actions) for grant, at in found if at is not None and grant.actions & actions)
    return tuple(dict.fromkeys(both))


def _deeper(one: str, other: str) -> str | None:
    """Of two branches the one that lies within the other; None if they don't meet."""
    return one if is_within(one, other) else other if is_within(other, one) else None


def new_text() -> str:
    body = secrets.token_urlsafe(32)
    return f"{PREFIX}{body}{_check_of(body)}"


def is_well_formed(text: str) -> bool:
    body = text[len(PREFIX) : len(PREFIX) + BODY]
    return len(text) == len(PREFIX) + BODY + CHECK and text.startswith(PREFIX) and text.endswith(_check_of(body))


def _check_of(body: str) -> str:
    """Catches slips of typing; guards nothing."""
    return f"{zlib.crc32(body.encode('utf-8', 'surrogatepass')):08x}"[:CHECK]


def hashed(text: str) -> bytes:
    return hashlib.sha256(b"token:" + text.encode("utf-8", "surrogatepass")).digest()


def check_person(principal: Principal) -> None:
    """Raises Forbidden for a token and for a console at which nobody is signed in."""
    if principal.token is not None:
        raise Forbidden("this takes a person who is signed in; a token does not do it")
    if principal.unattended:
        raise Forbidden("nobody is signed in at this console; sign in first")
