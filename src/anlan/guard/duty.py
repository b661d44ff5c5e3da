"""Who is on duty in the shift that runs, seen by who asks for a second person: whom they put there themselves is not a second one.

By the audit record: one is on duty by others when, since they last did not stand at that post in that shift, somebody has written them there
who is not in the asker's hand (`guard.independence`). Nor is a roster "not kept" for who has emptied it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard.independence import SPAN, hand_of
from anlan.guard.records import AuditLeaf, OnDuty
from anlan.model.clock import Micros

PUT = "roster.put"


@dataclass(frozen=True, slots=True)
class Duty:
    """`people`: on duty now, at all posts and at none; None where no roster is kept. `by_asker`: of them those whom nobody else has put
    there. `emptied`: none is kept, and who asks has emptied one within `SPAN`."""

    people: frozenset[UUID] | None = None
    by_asker: frozenset[UUID] = frozenset()
    emptied: bool = False


def slot_of(day: str, shift: str, post: str) -> str:
    """Subject of the audit leaf of a post in the shift that begins on a day."""
    return f"{day} {shift} {post}".strip()


def duty_for(session: Session, asked_by: UUID, day: str, shift: str, now: Micros) -> Duty:
    """In the shift that begins on `day` of the site's calendar."""
    hand = hand_of(session, asked_by, now)
    if session.scalars(select(OnDuty.id).limit(1)).first() is None:
        return Duty(emptied=_has_emptied(session, hand, now))
    standing: dict[str, set[UUID]] = defaultdict(set)
    for post, person in session.execute(select(OnDuty.post, OnDuty.person_id).where(OnDuty.day == day, OnDuty.shift == shift)):
        standing[slot_of(day, shift, post)].add(person)
    writers = _writers(session, standing)
    people = frozenset(one for there in standing.values() for one in there)
    by_others = {
        one for name, there in standing.items() for one in there if not writers[name, str(one)] or writers[name, str(one)] - hand
    }
    return Duty(people, people - by_others)


def taken_off(session: Session, by: UUID, day: str, shift: str, now: Micros) -> bool:
    """Whether this person, or an account in their hand, has written somebody off duty in this shift: then nobody is missing there but by them."""
    wanted = select(AuditLeaf.before, AuditLeaf.after).where(
        AuditLeaf.action == PUT, AuditLeaf.who.in_(hand_of(session, by, now))
    )
    rows = session.execute(wanted.where(AuditLeaf.subject.startswith(f"{day} {shift}", autoescape=True)))
    return any(set((before or {}).get("people", ())) - set((after or {}).get("people", ())) for before, after in rows)


def _writers(session: Session, slots: Iterable[str]) -> defaultdict[tuple[str, str], set[str]]:
    """(slot, person) → who has written them there since they last did not stand there. Nobody where the record has no such step."""
    found: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    wanted = select(AuditLeaf.who, AuditLeaf.subject, AuditLeaf.before, AuditLeaf.after)
    wanted = wanted.where(AuditLeaf.action == PUT, AuditLeaf.subject.in_(list(slots))).order_by(AuditLeaf.n)
    for who, name, before, after in session.execute(wanted):
        for gone in set((before or {}).get("people", ())) - set((after or {}).get("people", ())):
            found.pop((name, gone), None)
        for one in (after or {}).get("people", ()):
            found[name, one].add(who)
    return found


def _has_emptied(session: Session, hand: set[str], now: Micros) -> bool:
    wanted = select(AuditLeaf.before, AuditLeaf.after)
    wanted = wanted.where(AuditLeaf.at > now - SPAN, AuditLeaf.action == PUT, AuditLeaf.who.in_(hand))
    return any((before or {}).get("people") and not (after or {}).get("people") for before, after in session.execute(wanted))
