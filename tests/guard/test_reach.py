"""Who manages people at a branch reaches no further, and a role may be held for some kinds of action only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select

from anlan.guard.first import ensure_posts
from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.principal import Grant, Principal
from anlan.guard.records import AuditLeaf
from anlan.guard.refusals import MOST_KINDS, MOST_OF_ONE, Refusal, Refusals
from anlan.guard.roles import load_roles
from anlan.guard.service import Guard
from anlan.model.clock import MINUTE, ManualClock
from anlan.model.errors import Forbidden, InputError, StoreError
from anlan.model.words import Label
from anlan.store.records import Records

HERE, THERE = "works/U200", "works/U300"
ACTIONS = load_roles().actions_of("administrator")


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(tmp_path / "records.db")
    opened.migrate({"guard": "anlan.guard"})
    ensure_posts(opened, {"gas": Label(zh="氯库岗")})
    yield opened
    opened.close()


@pytest.fixture
def guard(records: Records) -> Guard:
    return Guard(records, ManualClock())


def manager(*branches: str) -> Principal:
    grants = tuple(Grant("administrator", one, ACTIONS) for one in branches)
    return Principal(person=uuid4(), account="m", name=Label(zh="某"), session=uuid4(), grants=grants)


def person(guard: Guard, account: str, *held: Held) -> UUID:
    with guard.records.session() as session:
        return add_person(session, NewPerson(account, Label(zh=account), held), "", guard.clock).id


def test_a_manager_of_a_branch_adds_people_there_and_nowhere_else(guard: Guard) -> None:
    new, _ = guard.people.add(NewPerson("a", Label(zh="甲"), (Held("instrument", place=HERE + "/R-1"),)), manager(HERE))
    assert new.account == "a"
    for place in (THERE, "", "works", HERE + "0"):
        with pytest.raises(Forbidden):
            guard.people.add(NewPerson("b", Label(zh="乙"), (Held("instrument", place=place),)), manager(HERE))


def test_nobody_raises_themselves_or_takes_over_who_is_above(guard: Guard) -> None:
    top, own = person(guard, "top", Held("administrator")), person(guard, "own", Held("administrator", place=HERE))
    both = person(guard, "both", Held("instrument", place=HERE), Held("instrument", place=THERE))
    by = manager(HERE)
    steps = (
        lambda: guard.people.change(own, by, held=[Held("administrator")]),
        lambda: guard.people.change(top, by, disabled=True),
        lambda: guard.people.reset_password(top, by),
        lambda: guard.people.reset_password(both, by),
    )
    for step in steps:
        with pytest.raises(Forbidden):
            step()
    assert guard.people.reset_password(both, manager(HERE, THERE))
    assert guard.people.reset_password(top, manager(""))


def test_a_role_for_some_kinds_only(guard: Guard) -> None:
    grants = guard.roles.actions_of("shift_leader", frozenset({"view"}))
    assert "alarm.view" in grants
    assert not grants & {"alarm.acknowledge", "point.approve", "roster.manage"}
    leader = person(guard, "leader", Held("shift_leader", "gas", only=("view", "approve")))
    facts = next(one for one in guard.people.all() if one.id == leader)
    assert facts.assignments[0].only == "approve view"
    person(guard, "admin", Held("administrator"))
    guard.people.change(leader, manager(""), held=[Held("shift_leader", "gas")])
    assert next(one for one in guard.people.all() if one.id == leader).assignments[0].only == ""
    with pytest.raises(InputError, match="explode"):
        person(guard, "x", Held("auditor", only=("explode",)))


def test_every_action_is_of_a_kind_and_views_change_nothing() -> None:
    kinds = {name: action.kind for name, action in load_roles().actions.items()}
    assert all((kind == "view") == name.endswith((".view", ".status", ".metrics", ".self")) for name, kind in kinds.items())


def leaves(records: Records) -> list[AuditLeaf]:
    with records.reading() as session:
        return list(session.scalars(select(AuditLeaf).where(AuditLeaf.action == "access.refused").order_by(AuditLeaf.n)))


def test_a_million_refusals_are_a_leaf_a_minute_and_none_is_lost(records: Records) -> None:
    clock = ManualClock()
    refusals = Refusals(records, clock)
    kind = Refusal("", "", "203.0.113.5", "", "not-signed-in")
    for _ in range(10):
        for _ in range(10_000):
            refusals.note(kind, first="GET /x")
        refusals.flush(everything=False)
        clock.advance(MINUTE)
    refusals.flush()
    counts = [leaf.after["count"] for leaf in leaves(records) if leaf.after]
    assert sum(counts) == 100_000
    assert len(counts) <= 11
    assert refusals.waiting == 0


def test_the_first_of_a_kind_is_on_record_at_once_with_what_was_asked(records: Records) -> None:
    refusals = Refusals(records, ManualClock())
    refusals.note(Refusal("p", "gas", "10.0.0.1", "GET /a", "forbidden"), path="/a")
    refusals.flush(everything=False)
    (leaf,) = leaves(records)
    assert (leaf.who, leaf.post, leaf.from_where, leaf.subject) == ("p", "gas", "10.0.0.1", "GET /a")
    assert leaf.after == {"why": "forbidden", "count": 1, "path": "/a"}


def test_a_hundred_thousand_addresses_fill_no_memory_and_a_person_is_still_told_apart(records: Records) -> None:
    refusals = Refusals(records, ManualClock())
    for n in range(100_000):
        refusals.note(Refusal("", "", f"10.{n >> 8}.{n & 255}", "", "not-signed-in"))
    refusals.note(Refusal("p", "", "10.0.0.1", "GET /a", "forbidden"))
    assert len(refusals._tallies) <= MOST_KINDS + 2
    refusals.flush()
    written = leaves(records)
    assert sum(leaf.after["count"] for leaf in written if leaf.after) == 100_001
    assert [leaf.who for leaf in written if leaf.who] == ["p"]


def test_one_person_writes_so_many_leaves_a_minute_and_no_more(records: Records) -> None:
    clock = ManualClock()
    refusals = Refusals(records, clock)
    for minute in range(3):
        for n in range(5_000):
            refusals.note(Refusal("p", "", f"10.{n >> 8}.{n & 255}.{minute}", f"GET /{n}", "forbidden"), path=f"/{n}")
        refusals.note(Refusal("q", "", "10.0.0.1", "GET /a", "forbidden"))
        refusals.flush(everything=False)
        clock.advance(MINUTE)
        refusals.flush(everything=False)
    written = leaves(records)
    assert sum(leaf.after["count"] for leaf in written if leaf.after and leaf.who == "p") == 15_000
    assert len([leaf for leaf in written if leaf.who == "p"]) <= 3 * (MOST_OF_ONE + 1)
    assert len([leaf for leaf in written if leaf.who == "q"]) == 3, "nobody else is counted with them"


def test_what_a_full_disk_does_not_take_stays_until_it_does(records: Records, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = Refusals(records, ManualClock())
    refusals.note(Refusal("p", "", "10.0.0.1", "GET /a", "forbidden"))

    def full() -> None:
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(records, "session", full)
        refusals.flush()
    assert refusals.waiting == 1
    refusals.flush()
    assert len(leaves(records)) == 1
