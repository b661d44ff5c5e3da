"""Password rules by profile, with the clauses they come from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import pytest
from argon2 import PasswordHasher

from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.policy import common_passwords, load_policies
from anlan.guard.principal import Grant, Principal
from anlan.guard.service import Guard
from anlan.guard.sessions import ONE_TIME_FOR, SignInRefused
from anlan.model.clock import DAY, MINUTE, ManualClock
from anlan.model.errors import Forbidden, InputError
from anlan.model.words import Label
from anlan.store.records import Records

ASVS, MLPS3 = load_policies()["asvs"], load_policies()["mlps3"]
HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PASSWORD = "Calm-waters-42"


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    records = Records.open(tmp_path / "records.db")
    records.migrate({"guard": "anlan.guard"})
    made = Guard(records, ManualClock())
    with records.session() as session:
        new = NewPerson("wang", Label(zh="王"), (Held("outside_operator"),))
        add_person(session, new, HASHER.hash(PASSWORD), made.clock, must_change=False)
        add_person(session, NewPerson("admin", Label(zh="管"), (Held("administrator"),)), HASHER.hash(PASSWORD), made.clock)
    yield made
    records.close()


def boss(place: str = "") -> Principal:
    grants = (Grant("administrator", place, frozenset({"people.manage"})),)
    return Principal(person=uuid4(), account="boss", name=Label(zh="某"), session=uuid4(), grants=grants)


@pytest.mark.parametrize("password", ["eight888", "x-y " * 16, "海平面之外的一句话", "lowercaseonly", "1 2 3 4 5 6"])
def test_asvs_takes_any_composition_of_eight_to_a_hundred(password: str) -> None:
    ASVS.check_password(password, "admin")
    assert len(password) >= ASVS.password.shortest


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("seven77", "8 to 128"),
        ("x" * 100 + "yzw" * 10, "8 to 128"),
        ("my-Wang.Li-pass", "account's name"),
        ("aaaabbbb", "four different"),
        ("TrustNo1", "3000 most common"),
        ("iloveyou", "3000 most common"),
        ("hualan-1998-x", "name of the plant"),
        ("我在安澜上班的日子", "name of the plant"),
    ],
)
def test_what_is_easy_to_guess_is_refused(password: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        ASVS.check_password(password, "wang.li", ["hualan", "厂"])


def test_three_thousand_common_ones_that_the_policy_would_take() -> None:
    assert len(common_passwords()) >= 2990
    assert min(map(len, common_passwords())) >= ASVS.password.shortest


@pytest.mark.parametrize(("password", "fits"), [("lower-case", False), ("Lower-Case", True), ("lower-case-1", True), ("lowercase1", False), ("中文Aa1234", True)])  # fmt: skip
def test_mlps3_wants_three_kinds_of_characters(password: str, fits: bool) -> None:
    found = ""
    try:
        MLPS3.check_password(password, "admin")
    except InputError as refusal:
        found = str(refusal)
    assert (found == "") == fits


def test_every_rule_names_its_clause_and_what_was_not_read_says_so() -> None:
    assert {source.rule for source in ASVS.sources} >= {
        "shortest",
        "longest",
        "common",
        "words",
        "classes",
        "days",
        "second_factor",
    }
    assert all(source.clause and source.zh and source.en for policy in load_policies().values() for source in policy.sources)
    assert not any(source.checked for source in MLPS3.sources)


async def test_a_password_older_than_the_policy_allows_is_changed_at_the_next_sign_in(guard: Guard) -> None:
    guard.policies.choose(boss(), "mlps3", "audit")
    first = await guard.sessions.sign_in("wang", PASSWORD, address="10.0.0.1")
    assert first.principal.password_due == guard.clock.now() + 90 * DAY
    assert not first.principal.must_change
    guard.clock.advance(91 * DAY)  # type: ignore[attr-defined]
    late = (await guard.sessions.sign_in("wang", PASSWORD, address="10.0.0.1")).principal
    assert late.must_change
    await guard.change_own_password(late, PASSWORD, "Other-waters-43")
    now = guard.sessions.running(late.session)
    assert now is not None
    assert not now.must_change


async def test_asvs_lets_a_password_live(guard: Guard) -> None:
    guard.clock.advance(4000 * DAY)  # type: ignore[attr-defined]
    signed_in = await guard.sessions.sign_in("wang", PASSWORD, address="10.0.0.1")
    assert not signed_in.principal.must_change
    assert signed_in.principal.password_due is None


@pytest.mark.slow
async def test_mlps3_remembers_five(guard: Guard) -> None:
    guard.policies.choose(boss(), "mlps3", "audit")
    me = (await guard.sessions.sign_in("wang", PASSWORD, address="10.0.0.1")).principal
    chain = [PASSWORD, *(f"Next-waters-{n}" for n in range(6))]
    for old, new in pairwise(chain):
        await guard.change_own_password(me, old, new)
    with pytest.raises(InputError, match="used before"):
        await guard.change_own_password(me, chain[-1], chain[-3])
    await guard.change_own_password(me, chain[-1], chain[0])


async def test_a_one_time_password_is_good_for_a_week(guard: Guard) -> None:
    _, once = guard.people.add(NewPerson("new", Label(zh="新"), (Held("auditor"),)), boss())
    guard.clock.advance(ONE_TIME_FOR)  # type: ignore[attr-defined]
    assert (await guard.sessions.sign_in("new", once, address="10.0.0.1")).principal.must_change
    guard.clock.advance(MINUTE)  # type: ignore[attr-defined]
    with pytest.raises(SignInRefused, match="not used in time"):
        await guard.sessions.sign_in("new", once, address="10.0.0.1")


def test_mlps3_keeps_administrator_and_auditor_apart(guard: Guard) -> None:
    both = (Held("administrator"), Held("auditor"))
    guard.people.add(NewPerson("both", Label(zh="两"), both), boss())
    guard.policies.choose(boss(), "mlps3", "audit")
    with pytest.raises(InputError, match="two persons"):
        guard.people.add(NewPerson("again", Label(zh="两"), both), boss())


def test_only_who_manages_the_whole_chooses_and_only_what_there_is(guard: Guard) -> None:
    with pytest.raises(Forbidden):
        guard.policies.choose(boss("works/U200"), "mlps3", "audit")
    with pytest.raises(InputError, match="asvs"):
        guard.policies.choose(boss(), "none", "audit")
    assert guard.policies.name == "asvs"
