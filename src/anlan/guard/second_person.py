"""The second person of whatever takes two (DOMAIN.md 16): not who asked, on duty by the roster where one is kept, in nobody's common hand.

One rule for bypasses and inhibits, second factors and the configuration. The right at the place is asked by whoever knows the place.
"""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from anlan.guard.independence import are_independent
from anlan.guard.principal import Principal
from anlan.model.clock import Micros
from anlan.model.errors import Forbidden
from anlan.store.records import Records


class NotSecond(Forbidden):
    """Who approves isn't a second person."""

    code: ClassVar[str] = "second-person-needed"


def must_be_second(by: Principal, asked_by: UUID, *, on_duty: frozenset[UUID] | None, independent: bool) -> None:
    """`on_duty`: who is, by the roster; None where no roster is kept. Raises NotSecond."""
    if by.person == asked_by:
        raise NotSecond("who asked can't approve: it takes a second person with own credentials")
    if on_duty is not None and by.person not in on_duty:
        raise NotSecond("who approves must be on duty now, by the roster")
    if not independent:
        raise NotSecond(
            "it takes a second person: within 30 days one of the two accounts was made, given a password or given roles by the "
            "other, or both were made by a third"
        )


def independent(records: Records, one: UUID, other: UUID, now: Micros) -> bool:
    """Blocking, in a transaction of its own: a month of the record must not hold up those who write."""
    with records.reading() as session:
        return are_independent(session, one, other, now)
