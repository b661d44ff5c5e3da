"""The duty roster (值班表): who is on duty at which post in the shift that begins on a day of the site's calendar.

Post "" is the shift as a whole: the manager on duty and others who work at no post. Only people who hold a role there can be on duty there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import delete, select

from anlan.guard import audit
from anlan.guard.duty import PUT, slot_of
from anlan.guard.people import find_person
from anlan.guard.principal import Principal
from anlan.guard.records import OnDuty, Person
from anlan.model.clock import Clock
from anlan.model.errors import InputError
from anlan.store.ids import uuid7
from anlan.store.records import Records

MANAGE = "roster.manage"
MOST_DAYS = 62


class Roster:
    """Blocking. `places`: the branches that the post watches; who writes the roster must hold the right there."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock

    def between(self, first: str, days: int) -> list[OnDuty]:
        """Of `days` days from `first` ("2026-03-01"). Raises InputError."""
        start = day_of(first)
        if not 1 <= days <= MOST_DAYS:
            raise InputError("{found} days were asked for; 1 to {most} were expected", found=days, most=MOST_DAYS)
        last = (start + timedelta(days=days - 1)).isoformat()
        wanted = select(OnDuty).where(OnDuty.day >= start.isoformat(), OnDuty.day <= last)
        with self._records.reading() as session:
            return list(session.scalars(wanted.order_by(OnDuty.day, OnDuty.shift, OnDuty.post, OnDuty.id)))

    def put(self, by: Principal, day: str, shift: str, post: str, people: Sequence[UUID], places: Sequence[str]) -> None:
        """Exactly these are on duty there. Raises InputError, NotFound, Forbidden."""
        for place in places or ("",):
            by.require(MANAGE, place)
        day = day_of(day).isoformat()
        wanted = tuple(dict.fromkeys(people))
        with self._records.session() as session:
            for one in wanted:
                _check(find_person(session, one), post)
            slot = (OnDuty.day == day, OnDuty.shift == shift, OnDuty.post == post)
            before = sorted(str(one) for one in session.scalars(select(OnDuty.person_id).where(*slot)))
            session.execute(delete(OnDuty).where(*slot))
            for one in wanted:
                session.add(OnDuty(id=uuid7(self._clock), day=day, shift=shift, post=post, person_id=one))
            after = sorted(str(one) for one in wanted)
            subject = slot_of(day, shift, post)
            step = audit.Step.of(by, self._clock.now(), PUT, subject, before={"people": before}, after={"people": after})
            audit.append(session, step)

    def at(self, day: str, shift: str) -> Mapping[str, list[UUID]]:
        """Post → who is on duty."""
        with self._records.reading() as session:
            rows = session.execute(select(OnDuty.post, OnDuty.person_id).where(OnDuty.day == day, OnDuty.shift == shift))
            found: dict[str, list[UUID]] = {}
            for post, person in rows:
                found.setdefault(post, []).append(person)
            return found


def day_of(text: str) -> date:
    """Raises InputError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError("day {day}: a date was expected, for example 2026-03-01", day=text[:40]) from error


def _check(person: Person, post: str) -> None:
    if person.disabled:
        raise InputError("the account {account} is closed; nobody is on duty by it", account=person.account)
    if post and post not in {one.post for one in person.assignments}:
        raise InputError("{account} holds no role at the post {post}; give one first", account=person.account, post=post)
