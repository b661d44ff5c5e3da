"""The audit record: a leaf for each step of a person and each change, written in the transaction that makes the change.

Leaf n's text is canonical JSON (keys sorted, no spaces) of the row with `prev`, the hash of leaf n−1; its hash is SHA-256(0x00 ‖ text)
as in RFC 6962 §2.1, so that `tree_head` over the leaves is a Merkle tree hash that a witness can keep. A changed, cut-out or swapped
row breaks its own hash or the next one's `prev`; a cut-off tail or a whole rewrite shows against a head kept elsewhere.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import orjson
import structlog
from sqlalchemy import Engine, event, select
from sqlalchemy.orm import Session, SessionTransaction

from anlan.guard.merkle import leaf_hash
from anlan.guard.principal import Principal
from anlan.guard.records import AuditLeaf
from anlan.model.clock import Micros
from anlan.model.errors import StoreError

FIRST_PREV = bytes(32)
FIELDS = ("n", "at", "who", "post", "from_where", "action", "subject", "before", "after", "reason")

log = structlog.get_logger()


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
class Kept:
    """A step that waits. `restored`: found when the process started, so that it may be in the record already."""

    number: int
    step: Step
    restored: bool = False


class Waiting(Protocol):
    """Steps that could not be written when they were taken (`guard.audit_spool`)."""

    @property
    def turn(self) -> threading.Lock:
        """Held from reading what waits until it is forgotten: the next writer may begin in between, and must not find it again."""
        ...

    @property
    def not_kept(self) -> int: ...

    def waiting(self) -> list[Kept]: ...

    def written(self, number: int, not_kept: int) -> None: ...


_waiting: WeakKeyDictionary[Engine, Waiting] = WeakKeyDictionary()


def wait_in(engine: Engine, waiting: Waiting) -> None:
    """From now on whoever appends to these records first writes what waits, so that leaves stand in the order of the steps."""
    _waiting[engine] = waiting


def append(session: Session, step: Step) -> int:
    """Add the leaf to the caller's writing transaction; return its number. Writers take turns, so numbers have no holes."""
    write_waiting(session, step.at)
    return _add(session, [step])


def write_waiting(session: Session, now: Micros) -> None:
    """Write what waits, in its order, in the caller's transaction; it stops waiting when that is durable."""
    spool = _waiting.get(session.connection().engine)
    if spool is None or session.info.get("audit.waiting"):
        return
    if not spool.waiting() and not spool.not_kept:
        return
    _take_turn(session, spool)
    kept, not_kept = spool.waiting(), spool.not_kept
    if not kept and not not_kept:
        return
    missing = [one.step for one in kept if not (one.restored and _stands(session, one.step))]
    if not_kept:
        missing.append(Step(at=now, who="node", action="audit.not-kept", subject="audit", after={"steps": not_kept}))
    _add(session, missing)

    @event.listens_for(session, "after_commit", once=True)
    def written(_: Session) -> None:
        try:
            spool.written(kept[-1].number if kept else 0, not_kept)
        except StoreError as failure:
            log.error("written audit steps still stand in their file; they are found in the record next time", error=str(failure))


def _take_turn(session: Session, spool: Waiting) -> None:
    """Until the session's transaction has ended, and what it wrote is forgotten or waits on."""
    spool.turn.acquire()
    session.info["audit.waiting"] = True

    @event.listens_for(session, "after_transaction_end")
    def ended(_: Session, transaction: SessionTransaction) -> None:
        if transaction.parent is None and session.info.pop("audit.waiting", False):
            spool.turn.release()


def _stands(session: Session, step: Step) -> bool:
    """Whether the leaf is there already: the node may have died after writing it and before it stopped waiting."""
    same = select(AuditLeaf).where(AuditLeaf.at == step.at, AuditLeaf.who == step.who, AuditLeaf.action == step.action)
    return any(
        (row.subject, row.before, row.after, row.reason) == (step.subject, plain(step.before), plain(step.after), step.reason)
        for row in session.scalars(same)
    )


def _add(session: Session, steps: Sequence[Step]) -> int:
    """Number of the last."""
    session.flush()
    last = session.execute(select(AuditLeaf.n, AuditLeaf.leaf).order_by(AuditLeaf.n.desc()).limit(1)).first()
    n, prev = (last.n, last.leaf) if last is not None else (0, FIRST_PREV)
    for n, step in enumerate(steps, n + 1):  # noqa: B020 - goes on from the last
        facts = {name: getattr(step, name) for name in FIELDS[1:]}
        row = AuditLeaf(n=n, **{**facts, "before": plain(step.before), "after": plain(step.after)})
        row.leaf = prev = leaf_hash(canonical(row, prev))
        session.add(row)
    session.flush()
    return n


def plain(facts: dict[str, Any] | None) -> dict[str, Any] | None:
    """As they will be read again (NaN is null, a tuple a list): the hash is of what the database gives back."""
    found: dict[str, Any] | None = orjson.loads(orjson.dumps(facts))
    return found


def canonical(row: AuditLeaf, prev: bytes) -> bytes:
    fields = {name: getattr(row, name) for name in FIELDS}
    return orjson.dumps({**fields, "prev": prev.hex()}, option=orjson.OPT_SORT_KEYS)


def read(session: Session, after: int, limit: int) -> list[AuditLeaf]:
    """Leaves n > after, in order."""
    return list(session.scalars(select(AuditLeaf).where(AuditLeaf.n > after).order_by(AuditLeaf.n).limit(limit)))


def leaf_hashes(session: Session, start: int, stop: int) -> list[bytes]:
    """Hashes of leaves start ≤ index < stop, counted from 0 as the tree does; leaf n has index n − 1."""
    wanted = select(AuditLeaf.leaf).where(AuditLeaf.n > start, AuditLeaf.n <= stop).order_by(AuditLeaf.n)
    return list(session.scalars(wanted))
