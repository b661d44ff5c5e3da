"""The second factor: security keys and cards, a phone's codes by TOTP, codes on paper for the day all of these are lost, and taking it away
by two persons.

In: a person who is signed in, or is about to be. Out: whether the code counts; what a key answered (`security_keys`) stands where a code
would. The phone's secret is sealed by the node's key (`vault`); of the codes on paper only SHA-256 is kept, which suffices for 118 random
bits (ASVS 5.0 V6.5.2 asks for 112).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from anlan.guard import audit, security_keys, totp
from anlan.guard.duty import Duty
from anlan.guard.passwords import ONE_TIME_ALPHABET
from anlan.guard.people import check_reach, find_person
from anlan.guard.policy import Policies
from anlan.guard.principal import Principal
from anlan.guard.records import Factor, FactorReset, RecoveryCode, SecurityKey
from anlan.guard.second_person import NotSecond, looked_up, must_be_second
from anlan.guard.security_keys import SecurityKeys, keys_of
from anlan.guard.token_ends import revoke_all_of
from anlan.guard.vault import Vault
from anlan.model.clock import Clock, Micros
from anlan.model.errors import AnlanError, CommandRefused, Forbidden, InputError, NotFound, StoreError
from anlan.store.ids import uuid7
from anlan.store.records import Records

RECOVERY_CODES = 10
RECOVERY_LENGTH = 24
APPROVE = "people.approve"

log = structlog.get_logger()


class OwnReset(NotSecond):
    """Who asked, and whose factor it is, can't approve."""


class CodeNeeded(Forbidden):
    """Of somebody who is signed in. `facts["key"]`: what to ask the person's security keys (WebAuthn request options), None without any
    that answers to this address."""

    code: ClassVar[str] = "second-factor-needed"


NEEDED = "a second factor is needed: a security key, a code from the phone, or one of those on paper"


@dataclass(frozen=True, slots=True)
class Standing:
    """A person's second factor as it stands; `since` None: there is none. `phone`: since when one counts."""

    since: Micros | None
    recovery_left: int
    phone: Micros | None = None
    keys: tuple[SecurityKey, ...] = ()


class Factors:
    """Blocking; each change is one transaction with its audit leaf."""

    def __init__(
        self,
        records: Records,
        clock: Clock,
        vault: Vault,
        on_change: Callable[[], None] = lambda: None,
        policies: Policies | None = None,
    ) -> None:
        self._records, self._clock, self._vault, self._on_change = records, clock, vault, on_change
        self._policies = policies or Policies(records, clock)
        self._keys = SecurityKeys(clock)

    @property
    def fault(self) -> AnlanError | None:
        """Why codes of the phone cannot be looked at; None while they can."""
        return self._vault.fault

    def standing(self, person: UUID) -> Standing:
        with self._records.reading() as session:
            factor, keys = _confirmed(session, person), keys_of(session, person)
            phone = factor.confirmed_at if factor is not None else None
            unused = select(func.count()).where(RecoveryCode.person_id == person, RecoveryCode.used_at.is_(None))
            since = min((at for at in (phone, *(key.made_at for key in keys)) if at is not None), default=None)
            return Standing(since, session.scalar(unused) or 0, phone, tuple(keys))

    def everyone(self) -> frozenset[UUID]:
        """Who has a second factor."""
        with self._records.reading() as session:
            phones = session.scalars(select(Factor.person_id).where(Factor.confirmed_at.is_not(None)))
            return frozenset(phones) | frozenset(session.scalars(select(SecurityKey.person_id)))

    # ---- setting up

    def begin(self, by: Principal) -> bytes:
        """A fresh secret for the person's phone; it counts once `confirm` has seen a code of it. A phone that counts already goes on
        counting until then."""
        secret, now = totp.new_secret(), self._clock.now()
        sealed = self._vault.seal(secret, by.person.bytes)
        with self._records.session() as session:
            counts = _confirmed(session, by.person)
            if counts is not None:
                counts.pending = sealed
                return secret
            session.execute(delete(Factor).where(Factor.person_id == by.person))
            session.add(
                Factor(id=uuid7(self._clock), person_id=by.person, sealed=sealed, made_at=now, confirmed_at=None, last_step=0)
            )
        return secret

    def confirm(self, by: Principal, code: str) -> list[str]:
        """The phone shows the right code: from now on it counts. Returns the recovery codes, told once; none for who has them from
        another factor. Raises InputError."""
        with self._records.session() as session:
            factor = session.scalars(select(Factor).where(Factor.person_id == by.person)).one_or_none()
            if factor is None or (factor.confirmed_at is not None and factor.pending is None):
                raise CommandRefused("no second factor is being set up; begin anew")
            had_one = has_factor(session, by.person)
            secret = self._vault.unseal(factor.pending or factor.sealed, by.person.bytes)
            step = totp.matching_step(secret, "".join(code.split()), self._clock.now(), after=0)
            if step is None:
                raise InputError("this code does not fit; is the phone's clock right, and was this very QR code scanned?")
            factor.sealed, factor.pending = factor.pending or factor.sealed, None
            factor.confirmed_at, factor.last_step = self._clock.now(), step
            codes = [] if had_one else self._renew(session, by.person)
            audit.append(session, audit.Step.of(by, self._clock.now(), "factor.enrol", str(by.person)))
        self._on_change()
        return codes

    def begin_key(self, by: Principal) -> dict[str, Any]:
        """What the browser is to ask a new security key (WebAuthn creation options). Raises NoKeysHere, CommandRefused."""
        with self._records.reading() as session:
            return self._keys.begin(session, by)

    def add_key(self, by: Principal, name: str, answer: Mapping[str, Any]) -> list[str]:
        """The key was touched: from now on it counts. Returns as `confirm`. Raises NotGenuine, InputError."""
        with self._records.session() as session:
            had_one = has_factor(session, by.person)
            key = self._keys.add(session, by, name, answer)
            codes = [] if had_one else self._renew(session, by.person)
            after = {"name": name, "address": key.rp_id}
            audit.append(session, audit.Step.of(by, self._clock.now(), "factor.add-key", str(key.id), after=after))
        self._on_change()
        return codes

    # ---- changing

    def new_recovery_codes(self, by: Principal, code: str) -> list[str]:
        """Ten fresh ones; the earlier are worth nothing. Raises CommandRefused, CodeNeeded, Forbidden for a wrong code."""
        self._must_have_one(by.person)
        self.must_fit(by.person, code, by.from_where)
        with self._records.session() as session:
            codes = self._renew(session, by.person)
            audit.append(session, audit.Step.of(by, self._clock.now(), "factor.recovery-codes", str(by.person)))
        return codes

    def remove(self, by: Principal, code: str) -> None:
        """The person's own phone. Raises CommandRefused (none, or the last factor of who needs one), CodeNeeded, Forbidden."""
        with self._records.reading() as session:
            if _confirmed(session, by.person) is None:
                raise CommandRefused("there is no second factor")
            self._check_not_last(session, by.person)
        self.must_fit(by.person, code, by.from_where)
        with self._records.session() as session:
            self._check_not_last(session, by.person)
            session.execute(delete(Factor).where(Factor.person_id == by.person))
            _tidy(session, by.person)
            audit.append(session, audit.Step.of(by, self._clock.now(), "factor.remove", str(by.person)))
        self._on_change()

    def remove_key(self, by: Principal, key: UUID, code: str) -> None:
        """One of the person's own. Raises NotFound, and as `remove`."""
        with self._records.reading() as session:
            _own_key(session, by.person, key)
            self._check_not_last(session, by.person)
        self.must_fit(by.person, code, by.from_where)
        with self._records.session() as session:
            found = _own_key(session, by.person, key)
            self._check_not_last(session, by.person)
            before = {"name": found.name, "address": found.rp_id}
            session.delete(found)
            session.flush()
            _tidy(session, by.person)
            audit.append(session, audit.Step.of(by, self._clock.now(), "factor.remove-key", str(key), before=before))
        self._on_change()

    def _check_not_last(self, session: Session, person: UUID) -> None:
        factors = len(keys_of(session, person)) + (_confirmed(session, person) is not None)
        if factors <= 1 and self._policies.current.factor_due(find_person(session, person)) is not None:
            raise CommandRefused(
                "this is your last second factor, and your role needs one: set up another key or phone first, then remove this one"
            )

    def _must_have_one(self, person: UUID) -> None:
        with self._records.reading() as session:
            if not has_factor(session, person):
                raise CommandRefused("there is no second factor")

    # ---- showing

    def fits(self, person: UUID, code: str, address: str = "") -> bool:
        """Whether this is what a key answered, a code of the phone, or one on paper, not used before; it is used by this. True for who has
        no factor."""
        with self._records.session() as session:
            return not has_factor(session, person) or self._use(session, person, code, address)

    def must_fit(self, person: UUID, code: str, address: str = "") -> None:
        """As `fits`. Raises CodeNeeded, Forbidden."""
        if not code.strip():
            raise CodeNeeded(NEEDED, key=self.question(person))
        if not self.fits(person, code, address):
            raise Forbidden(why_not(code))

    def question(self, person: UUID) -> dict[str, Any] | None:
        """What to ask the person's security keys at this address; None where none of them answers to it."""
        with self._records.reading() as session:
            return self._keys.question(session, person)

    def _use(self, session: Session, person: UUID, code: str, address: str) -> bool:
        if security_keys.is_answer(code):
            return self._keys.fits(session, person, code, address)
        plain = "".join(code.split()).replace("-", "").lower()
        if len(plain) != RECOVERY_LENGTH:
            factor = _confirmed(session, person)
            if factor is None:
                return False
            step = self._step(factor, plain)
            factor.last_step = step if step is not None else factor.last_step
            return step is not None
        wanted = select(RecoveryCode).where(RecoveryCode.person_id == person, RecoveryCode.code_hash == _hashed(plain))
        found = session.scalars(wanted).one_or_none()
        if found is None or found.used_at is not None:
            return False
        found.used_at = now = self._clock.now()
        audit.append(
            session, audit.Step(at=now, who=str(person), action="factor.recovery-used", subject=str(person), from_where=address)
        )
        return True

    def _step(self, factor: Factor, code: str) -> int | None:
        secret = self._vault.unseal(factor.sealed, factor.person_id.bytes)
        return totp.matching_step(secret, "".join(code.split()), self._clock.now(), after=factor.last_step)

    def _renew(self, session: Session, person: UUID) -> list[str]:
        session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person))
        codes = ["".join(secrets.choice(ONE_TIME_ALPHABET) for _ in range(RECOVERY_LENGTH)) for _ in range(RECOVERY_CODES)]
        for code in codes:
            row = RecoveryCode(id=uuid7(self._clock), person_id=person, code_hash=_hashed(code), used_at=None)
            session.add(row)
        return ["-".join(code[i : i + 4] for i in range(0, RECOVERY_LENGTH, 4)) for code in codes]

    # ---- taken away by two persons

    def ask_reset(self, person: UUID, by: Principal, reason: str) -> FactorReset:
        """Ask to take away the factor of a person who has lost it. Raises NotFound, Forbidden, CommandRefused."""
        with self._records.session() as session:
            check_reach(by, find_person(session, person))
            if not has_factor(session, person):
                raise CommandRefused("there is no second factor")
            open_one = select(FactorReset).where(FactorReset.person_id == person, FactorReset.decided_at.is_(None))
            if session.scalars(open_one).first() is not None:
                raise CommandRefused("this has been asked for already and waits for a second person")
            now = self._clock.now()
            asked = FactorReset(
                id=uuid7(self._clock), person_id=person, asked_by=by.person, asked_at=now, reason=reason,
                decided_by=None, decided_at=None, approved=None,
            )  # fmt: skip
            session.add(asked)
            audit.append(session, audit.Step.of(by, now, "factor.ask-reset", str(person), reason=reason))
        return asked

    def open_resets(self) -> list[FactorReset]:
        with self._records.reading() as session:
            return list(
                session.scalars(select(FactorReset).where(FactorReset.decided_at.is_(None)).order_by(FactorReset.asked_at))
            )

    def decide_reset(self, reset: UUID, by: Principal, *, approve: bool, shift: tuple[str, str] = ("", "")) -> FactorReset:
        """The second person's word; with the factor all API tokens of its owner end. `shift`: (day, id) of the one that runs, for the roster.
        Raises NotFound, Forbidden, OwnReset, CommandRefused."""
        duty, independent = self._looked_up(reset, by, shift)
        with self._records.session() as session:
            asked = session.get(FactorReset, reset)
            if asked is None:
                raise NotFound("there is no such request")
            check_reach(by, find_person(session, asked.person_id), APPROVE)
            if approve and by.person in {asked.asked_by, asked.person_id}:
                raise OwnReset("it takes a second person: neither who asked nor whose second factor it is")
            if asked.decided_at is not None:
                raise CommandRefused("this request is not open any more")
            if approve:
                must_be_second(by, asked.asked_by, duty=duty, independent=independent)
            asked.decided_by, asked.decided_at, asked.approved = by.person, self._clock.now(), approve
            if approve:
                take_away(session, asked.person_id)
                revoke_all_of(session, asked.person_id, by, self._clock.now())
            action = "factor.reset" if approve else "factor.refuse-reset"
            audit.append(session, audit.Step.of(by, self._clock.now(), action, str(asked.person_id), reason=asked.reason))
        self._on_change()
        return asked

    def _looked_up(self, reset: UUID, by: Principal, shift: tuple[str, str]) -> tuple[Duty, bool]:
        """Read apart: months of the record must not hold up those who write."""
        with self._records.reading() as session:
            asked = session.get(FactorReset, reset)
        if asked is None:
            return Duty(), True  # it is told that there is none
        return looked_up(self._records, by, asked.asked_by, shift, self._clock.now())


def open_vault(records: Records, path: Path) -> Vault:
    """The node's. One whose key does not open, or opens nothing of what is sealed, is shut and says why: the console starts all the same."""
    try:
        with records.reading() as session:
            sealed = session.scalars(select(Factor).where(Factor.confirmed_at.is_not(None)).limit(1)).one_or_none()
        vault = Vault.open(path, make=sealed is None)
        if sealed is not None and not vault.opens(sealed.sealed, sealed.person_id.bytes):
            raise StoreError("the key {path} is not the one that second factors are sealed by: put that back", path=str(path))
    except StoreError as fault:
        log.error("second factors cannot be read", error=str(fault))
        return Vault.shut(fault)
    return vault


def _confirmed(session: Session, person: UUID) -> Factor | None:
    return session.scalars(select(Factor).where(Factor.person_id == person, Factor.confirmed_at.is_not(None))).one_or_none()


def has_factor(session: Session, person: UUID) -> bool:
    return _confirmed(session, person) is not None or bool(keys_of(session, person))


def why_not(code: str) -> str:
    """Of a code that does not fit (English msgid)."""
    if security_keys.is_answer(code):
        return (
            "the security key's answer does not count: it is not one of yours for this address, or was not asked for: try again"
        )
    return "the code is wrong or was used already"


def take_away(session: Session, person: UUID) -> None:
    """Phone, keys and codes on paper, in the caller's transaction."""
    session.execute(delete(Factor).where(Factor.person_id == person))
    session.execute(delete(SecurityKey).where(SecurityKey.person_id == person))
    session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person))


def _tidy(session: Session, person: UUID) -> None:
    """Codes on paper stand in for a factor: without one they are worth nothing."""
    if not has_factor(session, person):
        session.execute(delete(RecoveryCode).where(RecoveryCode.person_id == person))


def _own_key(session: Session, person: UUID, key: UUID) -> SecurityKey:
    found = session.get(SecurityKey, key)
    if found is None or found.person_id != person:
        raise NotFound("you have no such security key")
    return found


def _hashed(code: str) -> bytes:
    return hashlib.sha256(b"recovery:" + code.encode()).digest()
