"""An audit record that somebody alters: edited, leaves deleted, put in, swapped, the tail cut, written anew from a leaf on, replaced as a
whole, forked, restored from an old copy; by one who drops the triggers, makes every hash fit again, and may hold the node's own key.

Each manipulation is done to a copy of a small record whose witness lies elsewhere, and must be found. Where the witness knows the leaves,
it must be found at the very first leaf that is not what it was. A control of the untouched record must find nothing.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import sqlalchemy as sa

from anlan.guard import audit, verifying
from anlan.guard.audit import FIRST_PREV, Step, canonical
from anlan.guard.auditing import Auditor
from anlan.guard.heads import Head, SigningKey, heads, public_key
from anlan.guard.merkle import leaf_hash, tree_head
from anlan.guard.records import AuditHead, AuditLeaf
from anlan.guard.verifying import Difference, Verifier, verify
from anlan.guard.witness import read_testimony
from anlan.model.clock import SECOND, ManualClock
from anlan.store.records import Records
from faults._report import Report, run

LEAVES = 60
HEAD_EVERY = 7
RECORDS = 20
"""Different records, made anew; each is altered many times."""
FIELDS = ("at", "who", "post", "from_where", "action", "subject", "before", "after", "reason")


@dataclass
class Record:
    """The original; `witness` is what was handed away, which nobody on the node can reach."""

    folder: Path
    witness: bytes
    leaves: list[bytes]

    def copy(self, folder: Path) -> Records:
        for name in ("records.db", "audit.key", "audit.pub"):
            shutil.copy(self.folder / name, folder / name)
        records = Records.open(folder / "records.db")
        with records.session() as session:
            for table in ("guard_audit", "guard_audit_heads"):
                for what in ("update", "delete"):
                    session.execute(sa.text(f"DROP TRIGGER {table}_no_{what}"))
        return records

    @property
    def signed(self) -> int:
        """Leaves under the last head that the witness has."""
        return read_testimony(self.witness, "").heads[-1].size


def make(folder: Path, blank: Path, chance: random.Random) -> Record:
    shutil.copy(blank, folder / "records.db")
    records, clock = Records.open(folder / "records.db"), ManualClock()
    auditor = Auditor.open(records, clock, folder / "audit.key", [folder / "witness.jsonl"])
    for n in range(LEAVES):
        at = clock.advance(chance.randrange(1, 60) * SECOND)
        step = Step(at=at, who=f"person {n % 5}", action="alarm.shelve", subject=f"AT-{n % 9}", before={"n": n}, after={"n": n + 1}, reason="检修")  # fmt: skip
        with records.session() as session:
            audit.append(session, step)
        if n % HEAD_EVERY == 0:
            auditor.sign()
            auditor.hand_over()
    with records.reading() as session:
        leaves = audit.leaf_hashes(session, 0, LEAVES + 9)
    records.close()
    return Record(folder, (folder / "witness.jsonl").read_bytes(), leaves)


# --- manipulations: (records, its folder, which leaf, chance) → the first leaf that is then not what it was

Manipulation = Callable[[Records, Path, int, random.Random], int]


def edit(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    """What was done reads otherwise; the stored hash is left, so only a checker that computes it again can see this."""
    field = chance.choice(FIELDS)
    value: object = {"at": 7, "before": '{"n": -1}', "after": '{"n": -1}'}.get(field, "other")
    _sql(records, f'UPDATE guard_audit SET "{field}" = :value WHERE n = :n', value=value, n=n)
    return n


def edit_hash(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    _sql(records, "UPDATE guard_audit SET leaf = :value WHERE n = :n", value=chance.randbytes(32), n=n)
    return n


def edit_and_hash(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    """The leaf's own hash fits again, the chain behind it doesn't."""
    with records.session() as session:
        row, before = session.get_one(AuditLeaf, n), session.get(AuditLeaf, n - 1)
        row.reason = "forged"
        row.leaf = leaf_hash(canonical(row, before.leaf if before is not None else FIRST_PREV))
    return n


def delete(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    _sql(records, "DELETE FROM guard_audit WHERE n = :n", n=n)
    return n


def delete_and_close_up(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    """Numbers without a hole, and every hash fits."""
    _sql(records, "DELETE FROM guard_audit WHERE n = :n", n=n)
    for later in range(n + 1, _count(records) + 2):
        _sql(records, "UPDATE guard_audit SET n = :to WHERE n = :n", n=later, to=later - 1)
    _rehash(records)
    return n


def put_in(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    for later in range(_count(records), n - 1, -1):
        _sql(records, "UPDATE guard_audit SET n = :to WHERE n = :n", n=later, to=later + 1)
    with records.session() as session:
        facts = {"at": 1, "who": "nobody", "post": "", "from_where": "", "action": "alarm.acknowledge", "subject": "AT-1"}
        session.add(AuditLeaf(n=n, **facts, before=None, after=None, reason="", leaf=b""))
    _rehash(records)
    return n


def swap(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    other = n + 1
    for start, end in ((n, -1), (other, n), (-1, other)):
        _sql(records, "UPDATE guard_audit SET n = :to WHERE n = :n", n=start, to=end)
    return n


def reorder_and_hash(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    swap(records, folder, n, chance)
    _rehash(records)
    return n


def cut_tail(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    _sql(records, "DELETE FROM guard_audit WHERE n >= :n", n=n)
    return n


def cut_tail_and_heads(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    _sql(records, "DELETE FROM guard_audit WHERE n >= :n", n=n)
    _sql(records, "DELETE FROM guard_audit_heads WHERE size >= :n", n=n)
    return n


def rewrite(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    _sql(records, "UPDATE guard_audit SET reason = reason || '!' WHERE n >= :n", n=n)
    _rehash(records)
    return n


def rewrite_and_sign(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    """With the node's stolen key: the record, its heads and its key agree; only the witness knows."""
    rewrite(records, folder, n, chance)
    _resign(records, folder)
    return n


def fork(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    """Continued otherwise from leaf n on, as long as before, and signed."""
    cut_tail_and_heads(records, folder, n, chance)
    with records.session() as session:
        for number in range(n, LEAVES + 2):
            audit.append(session, Step(at=number, who="other", action="alarm.shelve", subject=f"fork {number}"))
    _sign_all(records, folder)
    return n


def replace_all(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    """Another record under another key."""
    _sql(records, "DELETE FROM guard_audit")
    _sql(records, "DELETE FROM guard_audit_heads")
    (folder / "audit.key").unlink()
    Auditor.open(records, ManualClock(), folder / "audit.key")
    with records.session() as session:
        for number in range(chance.randrange(1, 2 * LEAVES)):
            audit.append(session, Step(at=number, who="other", action="alarm.shelve", subject="replaced"))
    _sign_all(records, folder)
    return 1


def empty(records: Records, folder: Path, n: int, chance: random.Random) -> int:
    _sql(records, "DELETE FROM guard_audit")
    _sql(records, "DELETE FROM guard_audit_heads")
    return 1


MANIPULATIONS: tuple[Manipulation, ...] = (
    edit, edit_hash, edit_and_hash, delete, delete_and_close_up, put_in, swap, reorder_and_hash, cut_tail, cut_tail_and_heads, rewrite,
    rewrite_and_sign, fork, replace_all, empty,
)  # fmt: skip


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as planted:
        folder = Path(name)
        blank = folder / "blank.db"
        records = Records.open(blank)
        records.migrate({"guard": "anlan.guard"})
        records.close()
        originals = []
        for number in range(min(RECORDS, args.rounds)):
            place = folder / f"record {number}"
            place.mkdir()
            originals.append(make(place, blank, chance))
        for change in BUGS.get(args.plant, list)():
            planted.enter_context(change)
        for number in range(args.rounds):
            original = originals[number % len(originals)]
            manipulation = MANIPULATIONS[number % len(MANIPULATIONS)]
            _round(report, original, manipulation, folder / "copy", chance, f"manipulation {number}, {manipulation.__name__}")
            report.rounds += 1
        for original in originals:
            _control(report, original, folder / "copy")


def _round(report: Report, original: Record, manipulation: Manipulation, folder: Path, chance: random.Random, where: str) -> None:
    # What no head covers yet can be cut without a trace, in any log: the node signs within a quarter of a minute.
    n = chance.randrange(1, original.signed)
    found, first = _altered(original, folder, lambda records: manipulation(records, folder, n, chance))
    if found is None:
        report.missed_alarms += 1
        report.violation(f"{where} at leaf {n}: not found")
    elif found.n != first and found.kind not in {"head", "witness"}:
        report.violation(f"{where}: the first leaf altered is {first}, {found.n} was named: {found.text()}")


def _control(report: Report, original: Record, folder: Path) -> None:
    found, _ = _altered(original, folder, lambda records: 0)
    if found is not None:
        report.false_alarms += 1
        report.violation(f"an untouched record was called altered: {found.text()}")


def _altered(original: Record, folder: Path, alter: Callable[[Records], int]) -> tuple[Difference | None, int]:
    folder.mkdir()
    records = original.copy(folder)
    try:
        first = alter(records)
        key, told = public_key(folder / "audit.pub"), read_testimony(original.witness, "witness")
        with records.reading() as session:
            return verify(session, [told], key).difference, first
    finally:
        records.close()
        shutil.rmtree(folder)


def _sql(records: Records, statement: str, **facts: object) -> None:
    with records.session() as session:
        session.execute(sa.text(statement), facts)


def _count(records: Records) -> int:
    with records.reading() as session:
        return session.scalar(sa.select(sa.func.count()).select_from(AuditLeaf)) or 0


def _rehash(records: Records) -> None:
    with records.session() as session:
        prev = FIRST_PREV
        for row in session.scalars(sa.select(AuditLeaf).order_by(AuditLeaf.n)).all():
            row.leaf = prev = leaf_hash(canonical(row, prev))


def _resign(records: Records, folder: Path) -> None:
    with records.reading() as session:
        signed = heads(session)
    _sign(records, folder, [(one.size, one.at) for one in signed])


def _sign_all(records: Records, folder: Path) -> None:
    _sign(records, folder, [(size, size) for size in range(1, _count(records) + 1, HEAD_EVERY)])


def _sign(records: Records, folder: Path, sizes: list[tuple[int, int]]) -> None:
    key = SigningKey.open(folder / "audit.key", make=False)
    with records.session() as session:
        leaves = list(session.scalars(sa.select(AuditLeaf.leaf).order_by(AuditLeaf.n)))
        session.execute(sa.delete(AuditHead))
        session.add_all(key.sign(size, tree_head(leaves[:size]), at).as_row() for size, at in sizes if size <= len(leaves))


# --- bugs that the checker must catch


def _hash_unread() -> list[object]:
    """The stored hash is believed."""
    return [patch.object(verifying, "hash_of", lambda row, prev: row[10])]


def _witness_unheard() -> list[object]:
    def silent(self: Verifier) -> None:
        self.testimonies = ()
        self.own = list(self.own)

    real = Verifier.__post_init__
    return [patch.object(Verifier, "__post_init__", lambda self: (silent(self), real(self))[1])]


def _tail_uncounted() -> list[object]:
    return [patch.object(Verifier, "cut", lambda self: None)]


def _always_wrong() -> list[object]:
    wrong = Head("0" * 64, 1, bytes(32), 0)
    return [patch.object(verifying, "heads", lambda session: [wrong])]


BUGS: dict[str, Callable[[], list[object]]] = {
    "hash-unread": _hash_unread,
    "witness-unheard": _witness_unheard,
    "tail-uncounted": _tail_uncounted,
    "always-wrong": _always_wrong,
}

if __name__ == "__main__":
    sys.exit(run("audit_tampering", play, rounds=len(MANIPULATIONS) * 3, bugs=list(BUGS)))
