"""Known devices: a browser from which a person has signed in before carries a cookie that says so, and is counted by itself.

This is OWASP's "device cookies": guesses from anywhere else fill the account's common count and are refused, the person's own browser is
not. The cookie opens nothing; without the password it is worth one count of tries. A console where several people work knows them all.
"""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from anlan.guard.records import Device, Person
from anlan.model.clock import DAY, Clock, Micros
from anlan.store.ids import uuid7

KNOWN_FOR: Micros = 180 * DAY
"""A device not used by the person within this span is a stranger again."""
LENGTH = 43


def is_known(session: Session, token: str, account: str, clock: Clock) -> bool:
    """Whether this token was given to a browser of this account's person; asked the same way for accounts that don't exist."""
    wanted = select(Device.id).join(Person, Person.id == Device.person_id)
    wanted = wanted.where(Device.token_hash == hashed(token), Person.account == account, Device.seen_at > clock.now() - KNOWN_FOR)
    return session.scalars(wanted).first() is not None


def keep(session: Session, token: str, person: UUID, address: str, clock: Clock) -> str:
    """The person has signed in here: returns the token for the browser to keep, its own if the node gave it one."""
    now = clock.now()
    row = session.scalars(select(Device).where(Device.token_hash == hashed(token), Device.person_id == person)).one_or_none()
    if row is not None:
        row.seen_at, row.from_where = now, address
        return token
    ours = session.scalars(select(Device.id).where(Device.token_hash == hashed(token))).first() is not None
    token = token if ours else secrets.token_urlsafe(32)
    session.execute(delete(Device).where(Device.person_id == person, Device.seen_at <= now - KNOWN_FOR))
    session.add(Device(id=uuid7(clock), token_hash=hashed(token), person_id=person, from_where=address, made_at=now, seen_at=now))
    return token


def forget_all_of(session: Session, person: UUID) -> None:
    """With a password that somebody else may know, no browser is the person's own any more."""
    session.execute(delete(Device).where(Device.person_id == person))


def hashed(token: str) -> bytes:
    return hashlib.sha256(b"device:" + token.encode("utf-8", "surrogatepass")).digest()
