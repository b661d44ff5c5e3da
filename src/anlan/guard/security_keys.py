"""Security keys and cards as second factor: several to a person, each with a name. Phones are banned in explosion-hazard areas; a key at the
keyring or a contactless card is not.

What is verified stands in `webauthn`; here is whose key it is, which challenge is open, and that its sign counter does not go back.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard import audit, webauthn
from anlan.guard.principal import Principal
from anlan.guard.records import SecurityKey
from anlan.guard.webauthn import NoKeysHere, NotGenuine, Site
from anlan.model.clock import MINUTE, Clock, Micros
from anlan.model.errors import CommandRefused, InputError
from anlan.store.ids import uuid7

PREFIX = "key."
"""What a key answered stands where a code of the phone would: this, then base64url of the credential's JSON."""
LONGEST = 8192
CHALLENGE_LASTS: Micros = 5 * MINUTE
OPEN_PER_PERSON = 8
OPEN_AT_ONCE = 4096
MOST_KEYS = 20


@dataclass(frozen=True, slots=True)
class _Open:
    person: UUID
    to_set_up: bool
    site: Site
    until: Micros


class Challenges:
    """What was asked and not yet answered, in memory of the one app process: each is answered once, by its person, at its site."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open: OrderedDict[bytes, _Open] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, person: UUID, site: Site, *, to_set_up: bool = False) -> bytes:
        challenge = secrets.token_bytes(32)
        with self._lock:
            own = [one for one, open_ in self._open.items() if open_.person == person]
            for old in own[: len(own) - OPEN_PER_PERSON + 1]:
                del self._open[old]
            while len(self._open) >= OPEN_AT_ONCE:
                self._open.popitem(last=False)
            self._open[challenge] = _Open(person, to_set_up, site, self._clock.now() + CHALLENGE_LASTS)
        return challenge

    def answered(self, challenge: bytes, person: UUID, *, to_set_up: bool = False) -> Site:
        """It is worth nothing after this. Raises NotGenuine: never asked, asked of another, answered already, or too long ago."""
        with self._lock:
            found = self._open.get(challenge)
            if found is None or found.person != person or found.to_set_up != to_set_up:
                raise NotGenuine("this was not asked of your security key, or was answered already: try again")
            del self._open[challenge]
        if found.until < self._clock.now():
            raise NotGenuine("the security key answered too late: try again")
        return found.site


class SecurityKeys:
    """Steps inside the caller's transaction; `Factors` is the caller."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._challenges = Challenges(clock)

    def begin(self, session: Session, by: Principal) -> dict[str, Any]:
        """Options for the browser to register a key at the address that is open. Raises NoKeysHere, CommandRefused."""
        site, keys = webauthn.site_here(), keys_of(session, by.person)
        if len(keys) >= MOST_KEYS:
            raise CommandRefused("you have {count} security keys; remove one first", count=len(keys))
        challenge = self._challenges.ask(by.person, site, to_set_up=True)
        existing = [key.credential_id for key in keys if key.rp_id == site.rp_id]
        return webauthn.creation_options(site, challenge, by.person, by.account, by.name.text(by.language), existing)

    def add(self, session: Session, by: Principal, name: str, answer: Mapping[str, Any]) -> SecurityKey:
        """The key that was touched. Raises NotGenuine, InputError: registered already."""
        challenge = webauthn.challenge_of(answer)
        site = self._challenges.answered(challenge, by.person, to_set_up=True)
        credential = webauthn.registered(site, challenge, answer)
        if session.scalars(select(SecurityKey.id).where(SecurityKey.credential_id == credential.id)).first() is not None:
            raise InputError("this security key is registered already")
        key = SecurityKey(
            id=uuid7(self._clock), person_id=by.person, credential_id=credential.id, public=credential.public, name=name,
            rp_id=site.rp_id, counter=credential.counter, made_at=self._clock.now(), used_at=None,
        )  # fmt: skip
        session.add(key)
        session.flush()
        return key

    def question(self, session: Session, person: UUID) -> dict[str, Any] | None:
        """Options for the browser to let one of the person's keys answer; None where none of them answers to this address."""
        try:
            site = webauthn.site_here()
        except NoKeysHere:
            return None
        here = [key.credential_id for key in keys_of(session, person) if key.rp_id == site.rp_id]
        return webauthn.request_options(site, self._challenges.ask(person, site), here) if here else None

    def fits(self, session: Session, person: UUID, text: str, address: str) -> bool:
        """Whether `text` (`PREFIX` …) is a genuine answer of one of the person's keys to a question that is open; it is used by this.

        A sign counter that does not rise is refused and on record: two keys sign in the name of one.
        """
        try:
            answer = _read(text)
            challenge = webauthn.challenge_of(answer)
            site = self._challenges.answered(challenge, person)
            wanted = select(SecurityKey).where(
                SecurityKey.person_id == person,
                SecurityKey.credential_id == webauthn.id_of(answer),
                SecurityKey.rp_id == site.rp_id,
            )
            key = session.scalars(wanted).one_or_none()
            counter = webauthn.shown(site, challenge, key.public, answer) if key is not None else 0
        except NotGenuine:
            return False
        if key is None:
            return False
        if (counter or key.counter) and counter <= key.counter:
            facts = {"name": key.name, "counter": key.counter, "shown": counter}
            step = audit.Step(
                at=self._clock.now(), who=str(person), action="factor.key-copied", subject=str(key.id), from_where=address, after=facts
            )  # fmt: skip
            audit.append(session, step)
            return False
        key.counter, key.used_at = counter, self._clock.now()
        return True


def keys_of(session: Session, person: UUID) -> list[SecurityKey]:
    return list(session.scalars(select(SecurityKey).where(SecurityKey.person_id == person).order_by(SecurityKey.made_at)))


def is_answer(code: str) -> bool:
    """Whether a code is no code but what a key answered."""
    return code.startswith(PREFIX)


def _read(text: str) -> dict[str, Any]:
    """Raises NotGenuine."""
    coded = text.removeprefix(PREFIX)
    try:
        found = orjson.loads(base64.urlsafe_b64decode(coded + "=" * (-len(coded) % 4))) if len(text) <= LONGEST else None
    except ValueError:
        found = None
    if not isinstance(found, dict) or not isinstance(found.get("response"), dict):
        raise NotGenuine("what the security key answered cannot be read")
    return found
