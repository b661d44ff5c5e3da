"""Questions to the audit record: who did what to which subject, when, and every leaf that contains a text."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from uuid import UUID

from sqlalchemy import ColumnElement, String, cast, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from anlan.guard.records import AuditLeaf, Person
from anlan.model.clock import Micros
from anlan.model.tables import read_table
from anlan.model.words import Label

ESCAPE = "\\"
SEARCHED = (AuditLeaf.action, AuditLeaf.subject, AuditLeaf.reason, AuditLeaf.from_where, AuditLeaf.post)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Empty fields ask for nothing. `who`: a person's account or id, or "node"; `action`: whole, or a prefix that ends with "."; `subject`:
    whole; `text`: anywhere in action, subject, reason, address, post, before or after. Start ≤ time < end."""

    who: str = ""
    action: str = ""
    subject: str = ""
    text: str = ""
    start: Micros | None = None
    end: Micros | None = None


def find(session: Session, wanted: Wanted, *, after: int = 0, before: int | None = None, limit: int = 100) -> list[AuditLeaf]:
    """Leaves n > after, oldest first; with `before`, leaves n < before, newest first."""
    query = select(AuditLeaf).where(*_conditions(session, wanted))
    if before is not None:
        query = query.where(AuditLeaf.n < before, AuditLeaf.n > after).order_by(AuditLeaf.n.desc())
    else:
        query = query.where(AuditLeaf.n > after).order_by(AuditLeaf.n)
    return list(session.scalars(query.limit(limit)))


def actions(session: Session) -> list[str]:
    """That occur, sorted: for a choice."""
    return list(session.scalars(select(AuditLeaf.action).distinct().order_by(AuditLeaf.action)))


@cache
def action_names() -> dict[str, Label]:
    """Of the actions that have one, `data/audit_actions.csv`."""
    return {row["id"]: Label(zh=row["zh"], en=row["en"]) for row in read_table("audit_actions.csv", "anlan.guard")}


def names(session: Session, who: Iterable[str]) -> dict[str, Label]:
    """Of the people among `who`; whoever is no longer there has none."""
    ids = {found for one in who if (found := _uuid(one)) is not None}
    rows = session.scalars(select(Person).where(Person.id.in_(ids))).all() if ids else []
    return {str(person.id): Label(zh=person.name_zh, en=person.name_en) for person in rows}


def _conditions(session: Session, wanted: Wanted) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if wanted.who:
        person = session.scalars(select(Person.id).where(func.lower(Person.account) == wanted.who.lower())).first()
        asked.append(AuditLeaf.who == (str(person) if person is not None else wanted.who))
    if wanted.action:
        whole = not wanted.action.endswith(".")
        asked.append(AuditLeaf.action == wanted.action if whole else _like(AuditLeaf.action, wanted.action, anywhere=False))
    if wanted.subject:
        asked.append(AuditLeaf.subject == wanted.subject)
    if wanted.start is not None:
        asked.append(AuditLeaf.at >= wanted.start)
    if wanted.end is not None:
        asked.append(AuditLeaf.at < wanted.end)
    if wanted.text:
        # JSON is kept with its escapes: 氯 stands there as \u6c2f.
        escaped = json.dumps(wanted.text)[1:-1]
        kept: list[ColumnElement[str]] = [cast(column, String) for column in (AuditLeaf.before, AuditLeaf.after)]
        found = [_like(column, wanted.text) for column in SEARCHED]
        found += [_like(column, form) for column in kept for form in {escaped, wanted.text}]
        asked.append(or_(*found))
    return asked


def _like(column: InstrumentedAttribute[str] | ColumnElement[str], text: str, *, anywhere: bool = True) -> ColumnElement[bool]:
    for sign in (ESCAPE, "%", "_"):
        text = text.replace(sign, ESCAPE + sign)
    return column.ilike(f"%{text}%" if anywhere else f"{text}%", escape=ESCAPE)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
