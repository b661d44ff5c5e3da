"""Whether two accounts are two persons: neither lies in the other's hand, nor both in a third's.

By the audit record of the last `SPAN`: who adds a person, or gives them a one-time password, has known the way into that account, and into
those that were added from there; who changes what a person holds has given the right to decide.
"""

from __future__ import annotations

from collections import defaultdict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard.records import AuditLeaf
from anlan.model.clock import DAY, Micros

SPAN: Micros = 30 * DAY
OPENS = ("people.add", "people.reset-password")
GRANTS = "people.change"


def are_independent(session: Session, one: UUID, other: UUID, now: Micros) -> bool:
    """False as well for one and the same."""
    opened, granted = _steps(session, now)
    both = {str(one), str(other)}
    if len(both) == 1 or any(both <= _hand(who, opened) for who in {*opened, *both}):
        return False
    return not any(second in granted[hand] for first in both for second in both - {first} for hand in _hand(first, opened))


def hand_of(session: Session, one: UUID, now: Micros) -> set[str]:
    """Themselves and every account that lies in their hand, as the audit record writes them."""
    return _hand(str(one), _steps(session, now)[0])


def _steps(session: Session, now: Micros) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """(opened, granted) within `SPAN`: who → whose account."""
    wanted = select(AuditLeaf.who, AuditLeaf.action, AuditLeaf.subject)
    wanted = wanted.where(AuditLeaf.at > now - SPAN, AuditLeaf.action.in_((*OPENS, GRANTS)))
    opened: dict[str, set[str]] = defaultdict(set)
    granted: dict[str, set[str]] = defaultdict(set)
    for who, action, subject in session.execute(wanted.where(AuditLeaf.who != "node")):
        (granted if action == GRANTS else opened)[who].add(subject)
    return opened, granted


def _hand(who: str, opened: dict[str, set[str]]) -> set[str]:
    """Themselves and every account they could have got into."""
    found, waiting = {who}, [who]
    while waiting:
        fresh = opened.get(waiting.pop(), set()) - found
        found |= fresh
        waiting += fresh
    return found
