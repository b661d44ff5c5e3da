"""The audit record: a leaf for each step of a person and each change, written in the transaction that makes the change.

Leaf n's text is canonical JSON (keys sorted, no spaces) of the row with `prev`, the hash of leaf n−1; its hash is SHA-256(0x00 ‖ text)
as in RFC 6962 §2.1, so that `tree_head` over the leaves is a Merkle tree hash that a witness can keep. A changed, cut-out or swapped
row breaks its own hash or the next one's `prev`; a cut-off tail or a whole rewrite shows against a head kept elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard.merkle import leaf_hash
from anlan.guard.principal import Principal
from anlan.guard.records import AuditLeaf
from anlan.model.clock import Micros

FIRST_PREV = bytes(32)
FIELDS = ("n", "at", "who", "post", "from_where", "action", "subject", "before", "after", "reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Who did what to which subject. `who` is a person's id, or "node" for what the node did by itself."""

    at: Micros
    who: str
    action: str
    subject: str
    post: str = ""
    from_where: str = ""
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str = ""

    @classmethod
    def of(cls, principal: Principal, at: Micros, action: str, subject: str, **rest: Any) -> Step:
        who, post, from_where = str(principal.person), principal.post, principal.from_where
        return cls(at=at, who=who, post=post, from_where=from_where, action=action, subject=subject, **rest)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first leaf that isn't what it was when it was written, and why that is known."""

    n: int
    why: str


def append(session: Session, step: Step) -> int:
    """Add the leaf to the caller's writing transaction; return its number. Writers take turns, so numbers have no holes."""
    session.flush()
    last = session.execute(select(AuditLeaf.n, AuditLeaf.leaf).order_by(AuditLeaf.n.desc()).limit(1)).first()
    n, prev = (last.n + 1, last.leaf) if last is not None else (1, FIRST_PREV)
    row = AuditLeaf(n=n, **{name: getattr(step, name) for name in FIELDS[1:]})
    row.leaf = leaf_hash(canonical(row, prev))
    session.add(row)
    session.flush()
    return n


def canonical(row: AuditLeaf, prev: bytes) -> bytes:
    fields = {name: getattr(row, name) for name in FIELDS}
    return orjson.dumps({**fields, "prev": prev.hex()}, option=orjson.OPT_SORT_KEYS)


def verify(session: Session) -> Difference | None:
    """Read the whole record and name the first difference; None if there is none."""
    prev, expected = FIRST_PREV, 1
    for row in session.scalars(select(AuditLeaf).order_by(AuditLeaf.n).execution_options(yield_per=1000)):
        if row.n != expected:
            return Difference(expected, f"leaf {expected} is missing; the next one found is {row.n}")
        if leaf_hash(canonical(row, prev)) != row.leaf:
            return Difference(row.n, f"leaf {row.n} does not match its hash")
        prev, expected = row.leaf, expected + 1
    return None


def read(session: Session, after: int, limit: int) -> list[AuditLeaf]:
    """Leaves n > after, in order."""
    return list(session.scalars(select(AuditLeaf).where(AuditLeaf.n > after).order_by(AuditLeaf.n).limit(limit)))


def leaves(session: Session) -> list[bytes]:
    """All leaf hashes in order, for `tree_head`."""
    return list(session.scalars(select(AuditLeaf.leaf).order_by(AuditLeaf.n)))
