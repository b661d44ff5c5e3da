"""First people, roles, passwords, rights, sessions, and how many tries one has."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import perf_counter
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from anlan.guard import passwords
from anlan.guard.first import ensure_first_admin, ensure_people, ensure_posts
from anlan.guard.people import Held, NewPerson, account_of, add_person
from anlan.guard.policy import load_policies
from anlan.guard.principal import Grant, PasswordChangeNeeded, Principal, is_within
from anlan.guard.records import AuditLeaf, Person, SignIn
from anlan.guard.roles import Roles, load_roles
from anlan.guard.service import Guard
from anlan.model.clock import DAY, HOUR, MINUTE, ManualClock
from anlan.model.errors import Forbidden, InputError, NotSignedIn
from anlan.model.words import Label
from anlan.store.records import Records

PASSWORD = "calm-waters-42"
IDLE, LONGEST = load_policies()["asvs"].idle_minutes * MINUTE, load_policies()["asvs"].longest_hours * HOUR
OF_THE_TRADE = {
    "内操",
    "外操",
    "班长",
    "仪表",
    "安全员",
    "带班领导",
    "包保主要负责人",
    "包保技术负责人",
    "包保操作负责人",
    "监护人",
    "承包商",
    "园区值班员",
    "执法人员",
    "应急指挥",
    "审计",
    "管理员",
}


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(tmp_path / "records.db")
    opened.migrate({"guard": "anlan.guard"})
    ensure_posts(opened, {"gas": Label(zh="氯库岗"), "tanks": Label(zh="罐区岗")})
    yield opened
    opened.close()


@pytest.fixture
def guard(records: Records, clock: ManualClock) -> Guard:
    hashed = passwords.hash_password(PASSWORD)
    with records.session() as session:
        for account, held in (("gas", Held("inside_operator", "gas")), ("safety", Held("safety_officer", place="hualan/U300"))):
            add_person(session, NewPerson(account, Label(zh=account), (held,)), hashed, clock, must_change=False)
    return Guard(records, clock)


def someone(*grants: Grant, must_change: bool = False) -> Principal:
    return Principal(person=uuid4(), account="x", name=Label(zh="某"), session=uuid4(), grants=grants, must_change=must_change)


def test_the_roles_are_those_of_the_trade() -> None:
    assert {role.name.zh for role in load_roles().roles.values()} == OF_THE_TRADE


def test_a_role_with_an_unknown_action_stops_the_start() -> None:
    with pytest.raises(ValueError, match=r"alarm\.explode"):
        Roles.model_validate({"actions": {}, "roles": {"x": {"name": {"zh": "某"}, "actions": ["alarm.explode"]}}})


def test_the_administrator_gets_one_password_until_an_own_one_is_chosen(records: Records, clock: ManualClock) -> None:
    first = ensure_first_admin(records, clock)
    again = ensure_first_admin(records, clock)
    assert first
    assert again
    assert first != again
    assert re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){3}", again)
    with records.session() as session:
        admin = session.scalars(select(Person)).one()
        assert passwords.verify(admin.password, again)
        assert not passwords.verify(admin.password, first)
        admin.must_change = False
    assert ensure_first_admin(records, clock) is None


def test_no_password_is_the_same_on_two_nodes() -> None:
    assert len({passwords.one_time_password() for _ in range(200)}) == 200


def test_the_demo_shift_gets_fresh_passwords_at_each_start(records: Records, clock: ManualClock) -> None:
    shift = [NewPerson("主操", Label(zh="主操"), (Held("inside_operator", "gas"),))]
    first, second = ensure_people(records, shift, clock), ensure_people(records, shift, clock)
    with records.reading() as session:
        person = session.scalars(select(Person)).one()
    assert passwords.verify(person.password, second["主操"])
    assert not passwords.verify(person.password, first["主操"])
    assert person.demo


def test_a_real_persons_account_is_not_taken_by_the_demo(guard: Guard, records: Records, clock: ManualClock) -> None:
    assert ensure_people(records, [NewPerson("gas", Label(zh="主操"), ())], clock) == {}


def test_passwords_are_argon2id_and_never_in_the_audit_record(guard: Guard, records: Records) -> None:
    with records.reading() as session:
        stored = session.scalars(select(Person.password)).all()
        leaves = session.scalars(select(AuditLeaf)).all()
    assert all(text.startswith("$argon2id$v=19$m=65536,t=3,p=4$") for text in stored)
    assert not any("argon2" in str([leaf.before, leaf.after]) for leaf in leaves)


@pytest.mark.parametrize("password", ["short", "x" * 129, "my-Admin-pass", "aaaaaaaaaa"])
def test_a_password_that_is_too_easy_is_refused(password: str) -> None:
    with pytest.raises(InputError):
        load_policies()["asvs"].check_password(password, "admin")


@pytest.mark.slow
def test_an_unknown_account_takes_the_same_time() -> None:
    stored = passwords.hash_password(PASSWORD)
    passwords.verify(None, "wrong")

    def seconds(against: str | None) -> float:
        began = perf_counter()
        assert not passwords.verify(against, "wrong")
        return perf_counter() - began

    pairs = [(seconds(stored), seconds(None)) for _ in range(20)]  # in turn, so that a busy machine slows both alike
    known, unknown = (median(column) for column in zip(*pairs, strict=True))
    assert unknown == pytest.approx(known, rel=0.5)


@given(st.sampled_from(["", "a", "a/b", "a/b/c", "ab", "b"]), st.sampled_from(["", "a", "a/b", "a/b/c", "ab", "b"]))
def test_a_place_lies_within_a_branch_step_by_step(place: str, branch: str) -> None:
    steps, above = [s for s in place.split("/") if s], [s for s in branch.split("/") if s]
    assert is_within(place, branch) == (steps[: len(above)] == above)


def test_a_right_holds_at_its_branch_only() -> None:
    person = someone(Grant("safety_officer", "h/U300", frozenset({"alarm.view"})))
    assert person.allows("alarm.view", "h/U300/R-1")
    assert not person.allows("alarm.view", "h/U30")
    assert not person.allows("alarm.view", "")
    assert person.allows("alarm.view")
    with pytest.raises(Forbidden, match="h/U200"):
        person.require("alarm.view", "h/U200")


def test_before_the_password_is_changed_nothing_else_is_allowed() -> None:
    person = someone(Grant("administrator", "", frozenset({"people.manage"})), must_change=True)
    assert person.actions() == {"session.self"}
    with pytest.raises(PasswordChangeNeeded):
        person.require("people.manage")


@pytest.mark.parametrize("account", ["", " ", "a b", "x" * 33, "a/b", "<b>"])
def test_an_account_that_is_none_is_refused(records: Records, clock: ManualClock, account: str) -> None:
    with pytest.raises(InputError), records.session() as session:
        add_person(session, NewPerson(account, Label(zh="某"), ()), "", clock)


def test_one_account_has_one_spelling() -> None:
    assert account_of(" ＡＤＭＩＮ ") == account_of("Admin") == "admin"


@pytest.mark.parametrize("held", [Held("wizard"), Held("inside_operator"), Held("inside_operator", "nowhere")])
def test_a_role_or_post_that_is_none_is_refused(records: Records, clock: ManualClock, held: Held) -> None:
    with pytest.raises(InputError), records.session() as session:
        add_person(session, NewPerson("new", Label(zh="某"), (held,)), "", clock)


def test_the_token_is_kept_nowhere(guard: Guard, records: Records, tmp_path: Path) -> None:
    signed_in = asyncio.run(guard.sessions.sign_in("gas", PASSWORD, address="10.0.0.1"))
    assert len(signed_in.token) == 43
    found = [path.name for path in tmp_path.iterdir() if signed_in.token.encode() in path.read_bytes()]
    assert found == []


async def test_a_session_at_a_post_never_ends_by_itself_others_do(guard: Guard, clock: ManualClock) -> None:
    at_post = await guard.sessions.sign_in("gas", PASSWORD, address="10.0.0.1")
    at_none = await guard.sessions.sign_in("safety", PASSWORD, address="10.0.0.1")
    clock.advance(IDLE + MINUTE)
    assert guard.sessions.resolve(at_post.token) is not None
    assert guard.sessions.resolve(at_none.token) is None
    clock.advance(60 * DAY)
    assert guard.sessions.resolve(at_post.token) is not None


async def test_a_session_in_use_lasts_a_shift_and_no_longer(guard: Guard, clock: ManualClock) -> None:
    signed_in = await guard.sessions.sign_in("safety", PASSWORD, address="10.0.0.1")
    for _ in range(LONGEST // HOUR):
        clock.advance(HOUR)
        assert guard.sessions.resolve(signed_in.token) is not None
    clock.advance(HOUR)
    assert guard.sessions.resolve(signed_in.token) is None


async def test_a_role_taken_away_is_gone_with_the_next_request(guard: Guard, records: Records) -> None:
    signed_in = await guard.sessions.sign_in("gas", PASSWORD, address="10.0.0.1")
    assert guard.sessions.peek(signed_in.token).allows("alarm.acknowledge")  # type: ignore[union-attr]
    boss = someone(Grant("administrator", "", frozenset({"people.manage"})))
    ensure_first_admin(records, guard.clock)
    guard.people.change(signed_in.principal.person, boss, held=[Held("outside_operator")])
    with pytest.raises(KeyError):
        guard.sessions.peek(signed_in.token)
    now = guard.sessions.resolve(signed_in.token)
    assert now is not None
    assert not now.allows("alarm.acknowledge")
    assert (now.post, now.posts) == ("", ())


async def test_a_refused_try_is_written_down_without_what_was_typed(guard: Guard, records: Records) -> None:
    for account in ("gas", "my-secret-password"):
        with pytest.raises(NotSignedIn):
            await guard.sessions.sign_in(account, "wrong", address="203.0.113.5")
    guard.refusals.flush()
    with records.reading() as session:
        leaves = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "access.refused")).all()
        assert session.scalars(select(SignIn)).all() == []
    assert len(leaves) == 2
    assert not any("my-secret-password" in str([leaf.who, leaf.subject, leaf.after]) for leaf in leaves)
