"""API tokens: never more than their owner, shown once, gone at once; ten thousand forged ones are nobody's."""

from __future__ import annotations

import secrets
import string
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.principal import Grant, Principal, is_within
from anlan.guard.records import AuditLeaf
from anlan.guard.roles import load_roles
from anlan.guard.service import Guard
from anlan.guard.tokens import is_well_formed, narrowed, new_text
from anlan.model.clock import DAY, ManualClock
from anlan.model.errors import Forbidden, InputError, NotFound
from anlan.model.words import Label
from anlan.store.records import Records

HERE = "10.0.0.9"
ACTIONS = load_roles().actions_of("safety_officer")


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    records = Records.open(tmp_path / "records.db")
    records.migrate({"guard": "anlan.guard"})
    yield Guard(records, ManualClock())
    records.close()


def owner(guard: Guard, account: str = "li", place: str = "works") -> Principal:
    with guard.records.session() as session:
        new = NewPerson(account, Label(zh="李"), (Held("safety_officer", place=place),))
        person = add_person(session, new, "", guard.clock, must_change=False).id
    return Principal(person=person, account=account, name=Label(zh="李"), session=uuid4(), grants=(Grant("safety_officer", place, ACTIONS),))  # fmt: skip


def manager(place: str = "") -> Principal:
    grants = (Grant("administrator", place, load_roles().actions_of("administrator")),)
    return Principal(person=uuid4(), account="m", name=Label(zh="管"), session=uuid4(), grants=grants)


def test_it_may_what_it_was_made_for_and_nothing_else(guard: Guard) -> None:
    _, text = guard.tokens.create(owner(guard), "historian", ["live.view", "history.view"], "works/U200", 90)
    found = guard.tokens.resolve(text, HERE)
    assert found is not None
    assert found.allows("live.view", "works/U200/R-1")
    assert not found.allows("live.view", "works/U300")
    assert not found.allows("alarm.configure")
    assert (found.post, found.posts) == ("", ())
    assert "historian" in found.name.zh


def test_it_is_never_more_than_its_owner_is_now(guard: Guard) -> None:
    by = owner(guard)
    _, text = guard.tokens.create(by, "x", ["live.view", "alarm.configure"], "", 90)
    with guard.records.session() as session:
        add_person(session, NewPerson("admin", Label(zh="管"), (Held("administrator"),)), "", guard.clock)
    guard.people.change(by.person, manager(), held=[Held("outside_operator", place="works/U300")])
    found = guard.tokens.resolve(text, HERE)
    assert found is not None
    assert found.allows("live.view", "works/U300")
    assert not found.allows("live.view", "works/U200")
    assert not found.allows("alarm.configure")
    guard.people.change(by.person, manager(), disabled=True)
    assert guard.tokens.resolve(text, HERE) is None


places = st.sampled_from(["", "a", "a/b", "a/b/c", "a/d", "ab"])
acts = st.frozensets(st.sampled_from(["live.view", "alarm.view", "history.view"]))


@given(st.lists(st.tuples(places, acts), max_size=4), acts, places, st.sampled_from(["live.view", "alarm.view"]), places)
def test_what_both_may_and_no_more(held: list[tuple[str, frozenset[str]]], actions: frozenset[str], scope: str, action: str, at: str) -> None:  # fmt: skip
    grants = [Grant("r", place, may) for place, may in held]
    got = any(grant.covers(action, at) for grant in narrowed(grants, actions, scope))
    assert got == (any(grant.covers(action, at) for grant in grants) and action in actions and is_within(at, scope))


@pytest.mark.parametrize(
    ("actions", "place", "days"),
    [([], "", 90), (["live.fly"], "", 90), (["session.self"], "", 90), (["people.manage"], "", 90), (["point.approve"], "", 90), (["token.create"], "", 90), (["live.view"], "", 0), (["live.view"], "", 367)],
)  # fmt: skip
def test_what_no_token_is_made_for(guard: Guard, actions: list[str], place: str, days: int) -> None:
    with pytest.raises(InputError):
        guard.tokens.create(owner(guard), "x", actions, place, days)


def test_nobody_gives_away_what_they_don_t_have(guard: Guard) -> None:
    by = owner(guard, place="works/U200")
    for actions, place in ((["alarm.acknowledge"], ""), (["live.view"], "works/U300")):
        with pytest.raises(Forbidden):
            guard.tokens.create(by, "x", actions, place, 90)
    with pytest.raises(Forbidden):
        guard.tokens.create(Principal(person=by.person, account="x", name=Label(zh="x"), session=uuid4(), grants=()), "x", ["live.view"], "", 1)  # fmt: skip


def test_it_ends_on_its_day(guard: Guard) -> None:
    _, text = guard.tokens.create(owner(guard), "x", ["live.view"], "", 30)
    guard.clock.advance(30 * DAY - 1)  # type: ignore[attr-defined]
    assert guard.tokens.resolve(text, HERE) is not None
    guard.clock.advance(1)  # type: ignore[attr-defined]
    assert guard.tokens.resolve(text, HERE) is None


def test_revoked_it_is_gone_at_once_and_those_who_follow_are_told(guard: Guard) -> None:
    by, ended = owner(guard), []
    guard.sessions.on_end(ended.append)
    token, text = guard.tokens.create(by, "x", ["live.view"], "", 30)
    assert guard.tokens.resolve(text, HERE) is not None
    assert guard.tokens.peek(text, HERE) is not None
    guard.tokens.revoke(token.id, by)
    with pytest.raises(KeyError):
        guard.tokens.peek(text, HERE)
    assert guard.tokens.resolve(text, HERE) is None
    assert guard.sessions.running(token.id) is None
    assert ended == [token.id]
    with pytest.raises(NotFound):
        guard.tokens.revoke(token.id, by)
    assert guard.tokens.of(by.person) == []


def test_who_may_revoke(guard: Guard) -> None:
    token, _ = guard.tokens.create(owner(guard), "x", ["live.view"], "", 30)
    other = owner(guard, "wang")
    with pytest.raises(Forbidden):
        guard.tokens.revoke(token.id, other)
    with pytest.raises(Forbidden):
        guard.tokens.revoke(token.id, manager("works/U200"))
    guard.tokens.revoke(token.id, manager())


def test_its_use_is_kept_and_its_text_nowhere(guard: Guard, tmp_path: Path) -> None:
    by = owner(guard)
    _, text = guard.tokens.create(by, "x", ["live.view"], "", 30)
    guard.tokens.resolve(text, HERE)
    (row,) = guard.tokens.of(by.person)
    assert (row.used_at, row.used_from) == (guard.clock.now(), HERE)
    found = [path.name for path in tmp_path.iterdir() if text.encode() in path.read_bytes() or text[6:49].encode() in path.read_bytes()]  # fmt: skip
    assert found == []
    with guard.records.reading() as session:
        leaves = session.scalars(select(AuditLeaf).where(AuditLeaf.action == "token.create")).all()
    assert len(leaves) == 1
    assert text[6:20] not in str(leaves[0].after)


def forged(real: str, n: int) -> str:
    """Of every kind: made up with a right checksum, one character changed, cut, longer, other prefixes, tokens of other systems."""
    at, alphabet = n % len(real), string.ascii_letters + string.digits + "-_"
    changed = next(one for one in alphabet[n % 64 :] + alphabet if one != real[at])
    kinds = (
        new_text(),
        real[:at] + changed + real[at + 1 :],
        real[: n % (len(real) - 1)],
        real + changed,
        real.swapcase(),
        "anlan_" + secrets.token_urlsafe(n % 60),
        "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.",
        real.replace("anlan_", "anlan-"),
        f"{real}\x00",
        chr(0x4E00 + n) * 49,
    )
    return kinds[n % len(kinds)]


def test_ten_thousand_forged_tokens_are_nobodys(guard: Guard) -> None:
    _, real = guard.tokens.create(owner(guard), "x", ["live.view"], "", 30)
    assert guard.tokens.resolve(real, HERE) is not None
    taken = []
    for n in range(10_000):
        text = forged(real, n)
        assert text != real
        try:
            found = guard.tokens.peek(text, HERE)
        except KeyError:
            found = guard.tokens.resolve(text, HERE)
        if found is not None:
            taken.append(text)
    assert taken == []
    assert len(guard.tokens._known) == 1, "what is made up is not kept"


def test_a_slip_of_typing_is_told_without_the_disk() -> None:
    text = new_text()
    assert is_well_formed(text)
    slips = [text[:n] + ("a" if text[n] != "a" else "b") + text[n + 1 :] for n in range(len(text))]
    assert not any(is_well_formed(slip) for slip in slips)
    assert len({new_text() for _ in range(1_000)}) == 1_000


def test_an_id_of_nothing_is_nobody(guard: Guard) -> None:
    assert guard.sessions.running(UUID(int=1)) is None
