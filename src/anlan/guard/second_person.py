"""The second person of whatever takes two (DOMAIN.md 16): not who asked, on duty by the roster where one is kept and not
by the asker's own writing, in nobody's common hand.

One rule for bypasses and inhibits, second factors and the configuration. The right at the place is asked by whoever knows the place.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from anlan.guard.duty import Duty, duty_for
from anlan.guard.independence import are_independent
from anlan.guard.principal import Principal
from anlan.model.clock import Micros
from anlan.model.errors import Forbidden
from anlan.store.records import Records


class NotSecond(Forbidden):
    """Who approves isn't a second person."""

    code: ClassVar[str] = "second-person-needed"


def must_be_second(by: Principal, asked_by: UUID, *, duty: Duty, independent: bool) -> None:
    """Raises NotSecond."""
    if by.person == asked_by:
        raise NotSecond("who asked can't approve: it takes a second person with own credentials")
    if duty.people is not None and by.person not in duty.people:
        raise NotSecond("who approves must be on duty now, by the roster")
    if not independent:
        raise NotSecond(
            "it takes a second person: within 30 days one of the two accounts was made, given a password or given roles by the "
            "other, or both were made by a third"
        )
    if by.person in duty.by_asker:
        raise NotSecond("who asked has put who approves on duty: it takes somebody whom another person has put there")
    if duty.emptied:
        raise NotSecond("who asked has emptied the duty roster: it is for another person to write who is on duty now")


def looked_up(records: Records, by: Principal, asked_by: UUID, shift: tuple[str, str], now: Micros) -> tuple[Duty, bool]:
    """(duty, independent) of `must_be_second`; `shift`: (day, id) of the one that runs. Blocking, in a transaction of its own: months of the
    record must not hold up those who write."""
    with records.reading() as session:
        return duty_for(session, asked_by, *shift, now), are_independent(session, asked_by, by.person, now)
