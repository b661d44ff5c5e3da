"""The rows of the audit record as the database holds them, in bulk, and what their hash must be: for reading all of it again and again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import orjson
from sqlalchemy import exc, text
from sqlalchemy.orm import Session

from anlan.guard.audit import FIELDS
from anlan.model.errors import Corrupt

Rows = list[tuple[Any, ...]]
"""Each the columns of `audit.FIELDS` and the leaf's hash."""

CHUNK = 2_000
BEFORE_ALL = -(1 << 63)
_COLUMNS = ", ".join(f'"{name}"' for name in (*FIELDS, "leaf"))


def rows_of(session: Session, after: int = BEFORE_ALL, chunk: int = CHUNK) -> Iterator[Rows]:
    """Rows n > after in order, as the database holds them. Raises Unreadable naming the leaf that the database can't hand out, after
    those before it."""
    while True:
        try:
            rows = _fetch(session, after, chunk)
        except _failures(session) as failure:
            rows, why = _up_to_the_damage(session, after, chunk, failure)
            yield rows
            raise Unreadable(max(rows[-1][0] if rows else after, 0) + 1, why) from failure
        if not rows:
            return
        after = rows[-1][0]
        yield rows


def hash_of(row: tuple[Any, ...], prev: bytes, /) -> bytes | None:
    """None for what cannot have been a leaf. The keys stand sorted, as `audit.canonical` writes them."""
    n, at, who, post, from_where, action, subject, before, after, reason, _ = row
    try:
        told = {
            "action": action,
            "after": orjson.loads(after) if isinstance(after, str) else after,
            "at": at,
            "before": orjson.loads(before) if isinstance(before, str) else before,
            "from_where": from_where,
            "n": n,
            "post": post,
            "prev": prev.hex(),
            "reason": reason,
            "subject": subject,
            "who": who,
        }
        return hashlib.sha256(b"\x00" + orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).digest()
    except (TypeError, ValueError):
        return None


class Unreadable(Corrupt):
    """A leaf that the database can't even hand out."""

    def __init__(self, n: int, why: str) -> None:
        self.n = n
        super().__init__("leaf {n} can no longer be read: {why}", n=n, why=why)


def _up_to_the_damage(session: Session, after: int, chunk: int, failure: Exception) -> tuple[Rows, str]:
    """Row by row to the one that fails."""
    rows: Rows = []
    for _ in range(chunk):
        try:
            one = _fetch(session, after, 1)
        except _failures(session) as found:
            failure = found
            break
        if not one:
            break
        rows += one
        after = one[0][0]
    return rows, str(getattr(failure, "orig", failure))


def _fetch(session: Session, after: int, limit: int) -> Rows:
    """By the driver's own cursor: a million rows through the toolkit's would take as long again as hashing them."""
    query = text(f"SELECT {_COLUMNS} FROM guard_audit WHERE n > :after ORDER BY n LIMIT :limit")  # noqa: S608 - names of columns
    cursor = session.connection().execute(query, {"after": after, "limit": limit}).cursor
    return list(cursor.fetchall()) if cursor is not None else []


def _failures(session: Session) -> tuple[type[Exception], ...]:
    driver = session.connection().dialect.dbapi
    return (exc.DatabaseError, UnicodeDecodeError, *([driver.DatabaseError] if driver is not None else []))
