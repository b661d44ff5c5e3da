"""Setting up a second factor, signing in with it, losing the phone, and who may take it away."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from anlan.guard import totp
from anlan.guard.factors import OwnReset
from anlan.guard.first import ensure_posts
from anlan.guard.limiter import TooManyTries
from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.policy import Policy
from anlan.guard.principal import FactorNeeded, Grant, Principal
from anlan.guard.records import AuditLeaf, Factor
from anlan.guard.roles import load_roles
from anlan.guard.service import Guard
from anlan.guard.sessions import SecondFactorNeeded, SignInRefused
from anlan.guard.vault import Vault
from anlan.model.clock import DAY, MINUTE, SECOND, ManualClock
from anlan.model.errors import CommandRefused, Forbidden, InputError, StoreError
from anlan.model.words import Label
from anlan.store.records import Records

PASSWORD = "calm-waters-42"


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(tmp_path / "records.db")
    opened.migrate({"guard": "anlan.guard"})
    ensure_posts(opened, {"gas": Label(zh="氯库岗")})
    yield opened
    opened.close()


@pytest.fixture
def guard(records: Records, tmp_path: Path) -> Guard:
    made = Guard(records, ManualClock(1_767_225_600 * SECOND), vault=Vault.open(tmp_path / "keys" / "vault.key"))
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with records.session() as session:
        for account, held in (("gas", Held("inside_operator", "gas")), ("admin", Held("administrator"))):
            add_person(session, NewPerson(account, Label(zh=account), (held,)), hashed, made.clock, must_change=False)
    return made


async def signed_in(guard: Guard, account: str, **rest: Any) -> Principal:
    return (await guard.sessions.sign_in(account, PASSWORD, address="10.0.0.1", **rest)).principal


def code_now(guard: Guard, secret: bytes) -> str:
    return totp.code(secret, totp.step_of(guard.clock.now()))


async def enrolled(guard: Guard, account: str = "gas") -> tuple[Principal, bytes, list[str]]:
    by = await signed_in(guard, account)
    secret = guard.factors.begin(by)
    codes = guard.factors.confirm(by, code_now(guard, secret))
    guard.clock.advance(MINUTE)  # type: ignore[attr-defined]
    return by, secret, codes


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.glob("records.db*"))


def other(*actions: str, place: str = "") -> Principal:
    grants = (Grant("administrator", place, frozenset(actions)),)
    return Principal(person=uuid4(), account="o", name=Label(zh="某"), session=uuid4(), grants=grants)


async def test_who_has_a_factor_is_asked_for_a_code(guard: Guard) -> None:
    _, secret, _ = await enrolled(guard)
    with pytest.raises(SecondFactorNeeded):
        await signed_in(guard, "gas")
    with pytest.raises(SignInRefused, match="wrong or was used"):
        await signed_in(guard, "gas", code="000000")
    assert (await signed_in(guard, "gas", code=code_now(guard, secret))).account == "gas"


async def test_a_code_signs_in_once(guard: Guard) -> None:
    _, secret, _ = await enrolled(guard)
    code = code_now(guard, secret)
    await signed_in(guard, "gas", code=code)
    with pytest.raises(SignInRefused, match="used already"):
        await signed_in(guard, "gas", code=code)
    guard.clock.advance(30 * SECOND)  # type: ignore[attr-defined]
    await signed_in(guard, "gas", code=code_now(guard, secret))


async def test_the_code_that_set_it_up_is_used_too(guard: Guard) -> None:
    by = await signed_in(guard, "gas")
    secret = guard.factors.begin(by)
    code = code_now(guard, secret)
    guard.factors.confirm(by, code)
    with pytest.raises(SignInRefused):
        await signed_in(guard, "gas", code=code)


async def test_a_code_on_paper_works_once_and_is_on_record(guard: Guard, records: Records) -> None:
    by, _, codes = await enrolled(guard)
    assert len(set(codes)) == 10
    await signed_in(guard, "gas", code=codes[3].upper())
    with pytest.raises(SignInRefused):
        await signed_in(guard, "gas", code=codes[3])
    await signed_in(guard, "gas", code=codes[4].replace("-", " "))
    assert guard.factors.standing(by.person).recovery_left == 8
    with records.reading() as session:
        used = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "factor.recovery-used")).all()
    assert len(used) == 2


async def test_new_codes_on_paper_make_the_old_ones_worthless(guard: Guard) -> None:
    by, secret, old = await enrolled(guard)
    fresh = guard.factors.new_recovery_codes(by, code_now(guard, secret))
    assert not set(fresh) & set(old)
    assert not guard.factors.fits(by.person, old[0])
    assert guard.factors.fits(by.person, fresh[0])


async def test_one_person_s_codes_are_nothing_to_another(guard: Guard) -> None:
    _, secret, codes = await enrolled(guard)
    await enrolled(guard, "admin")
    for code in (codes[0], code_now(guard, secret)):
        with pytest.raises(SignInRefused):
            await signed_in(guard, "admin", code=code)


async def test_codes_can_t_be_found_by_trying(guard: Guard) -> None:
    _, secret, _ = await enrolled(guard)
    refused = 0
    for n in range(40):
        try:
            await signed_in(guard, "gas", code=f"{n:06}")
        except TooManyTries:
            refused += 1
        except SignInRefused:
            pass
    assert refused >= 30
    with pytest.raises(TooManyTries):
        await signed_in(guard, "gas", code=code_now(guard, secret))


async def test_asking_for_the_code_is_no_failure(guard: Guard) -> None:
    _, secret, _ = await enrolled(guard)
    for _ in range(30):
        with pytest.raises(SecondFactorNeeded):
            await signed_in(guard, "gas")
    await signed_in(guard, "gas", code=code_now(guard, secret))


async def test_set_up_needs_a_code_of_that_very_secret(guard: Guard) -> None:
    by = await signed_in(guard, "gas")
    with pytest.raises(CommandRefused):
        guard.factors.confirm(by, "123456")
    first = guard.factors.begin(by)
    second = guard.factors.begin(by)
    with pytest.raises(InputError):
        guard.factors.confirm(by, code_now(guard, first))
    assert guard.factors.standing(by.person).since is None
    guard.factors.confirm(by, code_now(guard, second))


async def test_another_phone_counts_with_its_first_code_and_the_old_one_until_then(guard: Guard) -> None:
    by, old, codes = await enrolled(guard)
    new = guard.factors.begin(by)
    assert guard.factors.fits(by.person, code_now(guard, old))
    assert guard.factors.confirm(by, code_now(guard, new)) == []
    guard.clock.advance(MINUTE)  # type: ignore[attr-defined]
    assert not guard.factors.fits(by.person, code_now(guard, old))
    assert guard.factors.fits(by.person, code_now(guard, new))
    assert guard.factors.fits(by.person, codes[0])


async def test_the_last_one_goes_only_where_the_policy_asks_for_none(guard: Guard, monkeypatch: pytest.MonkeyPatch) -> None:
    by, secret, codes = await enrolled(guard)
    with pytest.raises(CommandRefused, match="your last second factor"):
        guard.factors.remove(by, code_now(guard, secret))
    monkeypatch.setattr(Policy, "factor_due", lambda *_: None)
    with pytest.raises(Forbidden):
        guard.factors.remove(by, "000000")
    guard.factors.remove(by, code_now(guard, secret))
    assert await signed_in(guard, "gas")
    assert guard.factors.standing(by.person).recovery_left == 0 < len(codes)


async def test_the_secret_is_sealed_by_the_node_s_key_and_to_its_person(guard: Guard, records: Records, tmp_path: Path) -> None:
    by, secret, codes = await enrolled(guard)
    with records.reading() as session:
        sealed = session.scalars(select(Factor)).one().sealed
    text = on_disk(tmp_path)
    assert secret not in text
    assert not any(code.replace("-", "").encode() in text for code in codes)
    vault = Vault.open(tmp_path / "keys" / "vault.key")
    assert vault.unseal(sealed, by.person.bytes) == secret
    for opened, belongs_to in ((vault, uuid4().bytes), (Vault.in_memory(), by.person.bytes)):
        with pytest.raises(StoreError):
            opened.unseal(sealed, belongs_to)


def test_a_key_that_others_may_read_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "vault.key"
    Vault.open(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o640)
    with pytest.raises(StoreError, match="0600"):
        Vault.open(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(StoreError, match="32"):
        Vault.open(path)


async def test_a_role_that_needs_one_has_a_week_then_nothing_else_opens(guard: Guard) -> None:
    early = await signed_in(guard, "admin")
    assert early.factor_due == guard.clock.now() + 7 * DAY
    assert early.allows("people.manage")
    guard.clock.advance(8 * DAY)  # type: ignore[attr-defined]
    late = await signed_in(guard, "admin")
    assert late.actions() == {"session.self"}
    with pytest.raises(FactorNeeded):
        late.require("people.manage")
    secret = guard.factors.begin(late)
    guard.factors.confirm(late, code_now(guard, secret))
    now = guard.sessions.running(late.session)
    assert now is not None
    assert now.allows("people.manage")


async def test_a_paired_station_is_the_thing_that_is_held_but_not_for_who_manages(guard: Guard, records: Records) -> None:
    guard.clock.advance(8 * DAY)  # type: ignore[attr-defined]
    assert (await signed_in(guard, "gas")).must_enrol
    assert not (await signed_in(guard, "gas", station="氯库操作台")).must_enrol
    assert (await signed_in(guard, "admin", station="氯库操作台")).must_enrol
    with records.reading() as session:
        begun = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "session.begin")).all()
    assert [leaf.after for leaf in begun] == [None, {"station": "氯库操作台"}, {"station": "氯库操作台"}]
    guard.policies.choose(other("people.manage"), "mlps3", "audit of 2026")
    assert (await signed_in(guard, "gas", station="氯库操作台")).must_enrol, "mlps3 takes no station for it"


async def test_under_mlps3_everybody_needs_one_and_no_running_station_is_emptied(guard: Guard) -> None:
    station = await signed_in(guard, "gas")
    guard.policies.choose(other("people.manage"), "mlps3", "audit of 2026")
    still = guard.sessions.running(station.session)
    assert still is not None
    assert still.allows("alarm.acknowledge")
    assert (await signed_in(guard, "gas")).actions() == {"session.self"}


async def test_taking_it_away_needs_two_persons_who_are_not_its_owner(guard: Guard) -> None:
    owner, _, _ = await enrolled(guard)
    asker, second = other("people.manage", "people.approve"), other("people.approve")
    asked = guard.factors.ask_reset(owner.person, asker, "phone fell into the scrubber")
    with pytest.raises(CommandRefused):
        guard.factors.ask_reset(owner.person, asker, "again")
    with pytest.raises(OwnReset):
        guard.factors.decide_reset(asked.id, asker, approve=True)
    own = Principal(person=owner.person, account="gas", name=Label(zh="某"), session=uuid4(), grants=second.grants)
    with pytest.raises(OwnReset):
        guard.factors.decide_reset(asked.id, own, approve=True)
    with pytest.raises(Forbidden):
        guard.factors.decide_reset(asked.id, other("people.approve", place="works/U200"), approve=True)
    with pytest.raises(Forbidden):
        guard.factors.decide_reset(asked.id, other("people.manage"), approve=True)
    assert guard.factors.standing(owner.person).since is not None
    guard.factors.decide_reset(asked.id, second, approve=True)
    assert guard.factors.standing(owner.person).since is None
    with pytest.raises(CommandRefused):
        guard.factors.decide_reset(asked.id, second, approve=True)
    assert guard.factors.open_resets() == []


def test_somebody_can_approve() -> None:
    assert len([role for role in load_roles().roles.values() if "people.approve" in role.actions]) >= 3


def test_nobody_has_a_factor_by_chance(guard: Guard) -> None:
    assert guard.factors.everyone() == frozenset()
    assert guard.factors.fits(UUID(int=1), "")
