"""The first people of a node: the administrator with a password for one use, and in a demo the shift that works there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import select

from anlan.guard import audit, passwords
from anlan.guard.people import Held, NewPerson, account_of, add_person, keep_posts, set_password
from anlan.guard.records import Assignment, Person
from anlan.model.clock import Clock
from anlan.model.words import Label
from anlan.store.records import Records

ADMIN = "admin"


def ensure_first_admin(records: Records, clock: Clock) -> str | None:
    """The one-time password of `admin`, for `anlan up` to print; None once an administrator has chosen an own one.

    A node started again before that gets a new password, so that a lost first screen locks nobody out.
    """
    password = passwords.one_time_password()
    hashed = passwords.hash_password(password)
    with records.session() as session:
        administrators = select(Person).join(Assignment).where(Assignment.role == "administrator")
        found = session.scalars(administrators).unique().all()
        if any(not person.must_change for person in found):
            return None
        admin = next((person for person in found if person.account == ADMIN), None)
        if found and admin is None:
            return None
        if admin is None:
            name = Label(zh="管理员", en="Administrator")
            admin = add_person(session, NewPerson(ADMIN, name, (Held("administrator"),)), hashed, clock)
        else:
            set_password(admin, hashed, clock, must_change=True)
        audit.append(session, audit.Step(at=clock.now(), who="node", action="people.first-admin", subject=str(admin.id)))
    return password


def ensure_posts(records: Records, posts: Mapping[str, Label]) -> None:
    """Make the plant's operating posts known to the guard; to be called with each new configuration version."""
    with records.session() as session:
        keep_posts(session, posts)


def ensure_people(records: Records, people: Sequence[NewPerson], clock: Clock) -> dict[str, str]:
    """For a demo only: these people with a fresh password each, account → password, shown at the start.

    They get a new one at each start and so need not choose their own. An account that exists and is no demo person's is left alone.
    """
    fresh = {account_of(new.account): passwords.one_time_password() for new in people}
    hashed = {account: passwords.hash_password(password) for account, password in fresh.items()}
    with records.session() as session:
        for new in people:
            account = account_of(new.account)
            person = session.scalars(select(Person).where(Person.account == account)).one_or_none()
            if person is None:
                person = add_person(session, new, hashed[account], clock, must_change=False, demo=True)
            elif not person.demo:
                del fresh[account]
                continue
            set_password(person, hashed[account], clock, must_change=False)
            audit.append(session, audit.Step(at=clock.now(), who="node", action="people.demo", subject=str(person.id)))
    return fresh
