"""A small audit record with its key and a witness file, and a hand that may break everything: for tests, the fault run and the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from anlan.guard import audit
from anlan.guard.audit import FIRST_PREV, Step, canonical
from anlan.guard.auditing import Auditor
from anlan.guard.heads import SigningKey, heads
from anlan.guard.merkle import leaf_hash, tree_head
from anlan.guard.records import AuditLeaf
from anlan.guard.verifying import Checked, verify
from anlan.guard.witness import read_testimony
from anlan.model.clock import SECOND, ManualClock
from anlan.store.records import Records

TABLES = ("guard_audit", "guard_audit_heads")


@dataclass
class Desk:
    """A record with its key, a witness file, and a hand that may break everything."""

    folder: Path
    records: Records
    clock: ManualClock

    @property
    def witness(self) -> Path:
        return self.folder / "elsewhere" / "audit.jsonl"

    def auditor(self, *witnesses: Path) -> Auditor:
        return Auditor.open(self.records, self.clock, self.folder / "audit.key", witnesses or [self.witness])

    def add(self, count: int, what: str = "alarm.acknowledge") -> None:
        with self.records.session() as session:
            for _ in range(count):
                at = self.clock.advance(SECOND)
                audit.append(
                    session, Step(at=at, who="li", action=what, subject="AT-203.HH", after={"at": at}, reason="现场确认")
                )

    def tamper(self, *statements: str) -> None:
        with self.records.session() as session:
            for table in TABLES:
                for what in ("update", "delete"):
                    session.execute(sa.text(f"DROP TRIGGER IF EXISTS {table}_no_{what}"))
            for statement in statements:
                session.execute(sa.text(statement))

    def rewrite(self, start: int, change: Callable[[AuditLeaf], None]) -> None:
        """As one who knows the form: `change` the leaves from `start` on and make every hash fit again."""
        self.tamper()
        with self.records.session() as session:
            prev = FIRST_PREV
            for row in session.scalars(sa.select(AuditLeaf).order_by(AuditLeaf.n)).all():
                if row.n >= start:
                    change(row)
                row.leaf = prev = leaf_hash(canonical(row, prev))

    def verified(self, *, witness: bool = True, key: Ed25519PublicKey | None = None) -> Checked:
        told = [read_testimony(self.witness.read_bytes(), "witness")] if witness else []
        with self.records.reading() as session:
            return verify(session, told, key or SigningKey.open(self.folder / "audit.key", make=False).public)

    def filled(self) -> Desk:
        """30 leaves (the first tells the key) under three heads, which the witness has, too."""
        auditor = self.auditor()
        for count in (9, 10, 10):
            self.add(count)
            auditor.sign()
            auditor.hand_over()
        assert auditor.faults == {}
        return self

    def resign(self) -> None:
        """The heads anew, with the node's own key."""
        key = SigningKey.open(self.folder / "audit.key", make=False)
        with self.records.reading() as session:
            sizes = [(one.size, one.at) for one in heads(session)]
            leaves = audit.leaf_hashes(session, 0, 1000)
        self.tamper("DELETE FROM guard_audit_heads")
        with self.records.session() as session:
            session.add_all(key.sign(size, tree_head(leaves[:size]), at).as_row() for size, at in sizes)
