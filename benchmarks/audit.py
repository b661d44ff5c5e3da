"""An audit record of a million leaves verified against its heads and its witness, beside a plain hash chain and another Merkle tree.

Ours is `anlan audit verify` on a data folder: every leaf read from records.db, hashed anew with the one before in it, the tree's head compared
with each of the signed heads, each leaf hash with the witness's. `plain_chain` reads ready-made texts out of SQLite and hashes each with the
hash before: it finds an edit, but no cut tail and no record written anew. `pymerkle` reads the same texts and builds its tree over them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson

from anlan.guard.audit import FIRST_PREV
from anlan.guard.audit_rows import hash_of
from anlan.guard.heads import Head, SigningKey
from anlan.guard.merkle import Peaks, Tree
from anlan.guard.witness import FileWitness, Handed
from anlan.node.audit_command import verify_folder
from anlan.store.records import Records
from benchmarks._report import Measure, arguments, highest_mib, load_average, median, quantile
from benchmarks.peers import run_peer

LEAVES, HEAD_EVERY = 1_000_000, 10
TARGET = 10.0
"""s for a million leaves."""
PROOFS = 500


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    count = args.leaves or (20_000 if args.quick else LEAVES)
    rounds = 1 if args.quick else 3
    with tempfile.TemporaryDirectory(prefix="anlan-audit-", dir=args.folder) as name:
        folder = Path(name)
        leaves = fill(folder, count)
        ours = [_verified(folder, count) for _ in range(rounds)]
        chain = [_plain_chain(folder / "chain.db", count) for _ in range(0 if args.no_peers else rounds)]
    merkle = None if args.no_peers else run_peer("pymerkle", count, "verify")
    peers = {} if args.no_peers else {"plain_chain": round(count / median(chain)), "pymerkle": merkle and round(merkle)}
    seconds = median(ours)
    best = max((one for one in peers.values() if one), default=None)
    Measure(
        name="audit.verify",
        value=round(count / seconds),
        unit="leaves/s",
        peers=peers,
        ratio=round(count / seconds / best, 2) if best else None,
        notes=f"{count} leaves, {count // HEAD_EVERY} signed heads and as many lines of the witness: {seconds:.1f} s (target for a million "
        f"at most {TARGET:.0f}); highest memory {highest_mib():.0f} MiB; {load_average()}",
    ).print()
    spans = _proofs(leaves)
    Measure(
        name="audit.inclusion",
        value=round(median(spans) * 1e3, 3),
        unit="ms",
        notes=f"one inclusion proof in a tree of {count} leaves, p99 {quantile(spans, 0.99) * 1e3:.3f} ms, leaves in memory",
    ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--leaves", type=int, help="instead of a million")
    parser.add_argument("--folder", type=Path, help="where the record is made; default the system's temporary folder")


def fill(folder: Path, count: int) -> list[bytes]:
    """A data folder with a record of `count` leaves, its heads and its witness, as a node would have made them; and the texts as a chain."""
    records = Records.open(folder / "records.db")
    records.migrate({"guard": "anlan.guard"})
    key = SigningKey.open(folder / "audit.key", make=True)
    leaves = _fill_record(records, count)
    _fill_heads(records, key, folder / "witness.jsonl", leaves)
    records.close()
    with sqlite3.connect(folder / "chain.db") as chain:
        chain.execute("CREATE TABLE chain (n INTEGER PRIMARY KEY, text BLOB, hash BLOB)")
        chain.executemany("INSERT INTO chain VALUES (?, ?, ?)", _chained(count))
    chain.close()
    return leaves


def _row(n: int) -> tuple[object, ...]:
    after = json.dumps({"episode": n, "priority": 1 + n % 4, "command": f"{n:032x}", "accepted": True})
    who = f"01a2180c-6c4c-7071-9d0c-{n % 50:012x}"
    return (n, 1_700_000_000_000_000 + n * 15_000_000, who, "gas", "10.0.0.7", "alarm.acknowledge", f"AT-{n % 400}.HH", "null", after, "现场确认")  # fmt: skip


def _fill_record(records: Records, count: int) -> list[bytes]:
    leaves: list[bytes] = []

    def rows() -> Iterator[tuple[object, ...]]:
        prev = FIRST_PREV
        for n in range(1, count + 1):
            row = _row(n)
            prev = hash_of((*row, b""), prev) or b""
            leaves.append(prev)
            yield (*row, prev)

    with records.session() as session:
        connection = session.connection().connection.driver_connection
        assert connection is not None
        connection.executemany(f"INSERT INTO guard_audit VALUES ({', '.join('?' * 11)})", rows())
    return leaves


def _fill_heads(records: Records, key: SigningKey, file: Path, leaves: list[bytes]) -> None:
    peaks, signed = Peaks(), list[Head]()
    for n, leaf in enumerate(leaves, 1):
        peaks.push(leaf)
        if n % HEAD_EVERY == 0 or n == len(leaves):
            signed.append(key.sign(n, peaks.root(), 1_700_000_000_000_000 + n * 15_000_000))
    with records.session() as session:
        connection = session.connection().connection.driver_connection
        assert connection is not None
        rows = ((one.size, one.at, one.root, one.log, one.signature) for one in signed)
        connection.executemany("INSERT INTO guard_audit_heads (size, at, root, log, signature) VALUES (?, ?, ?, ?, ?)", rows)
    with file.open("wb") as lines:
        since = 0
        for head in signed:
            lines.write(FileWitness.line(Handed(head, since + 1, leaves[since : head.size])))
            since = head.size


def _verified(folder: Path, count: int) -> float:
    start = time.perf_counter()
    checked, _ = verify_folder(folder, [folder / "witness.jsonl"], folder / "audit.pub")
    seconds = time.perf_counter() - start
    assert checked.difference is None, checked.difference
    assert checked.size == count
    return seconds


def _chained(count: int) -> Iterator[tuple[int, bytes, bytes]]:
    before = bytes(32)
    for n in range(1, count + 1):
        text = orjson.dumps(_row(n))
        before = hashlib.sha256(before + text).digest()
        yield n, text, before


def _plain_chain(file: Path, count: int) -> float:
    start, before, read = time.perf_counter(), bytes(32), 0
    connection = sqlite3.connect(file)
    cursor = connection.execute("SELECT text, hash FROM chain ORDER BY n")
    while rows := cursor.fetchmany(2_000):
        for text, stored in rows:
            before = hashlib.sha256(before + text).digest()
            assert before == stored
        read += len(rows)
    connection.close()
    assert read == count
    return time.perf_counter() - start


def _proofs(leaves: list[bytes]) -> list[float]:
    tree = Tree(lambda start, stop: leaves[start:stop])
    tree.extend(leaves)
    spans = []
    for number in range(PROOFS):
        start = time.perf_counter()
        tree.inclusion(number * 7_919 % len(leaves), len(leaves))
        spans.append(time.perf_counter() - start)
    return spans


if __name__ == "__main__":
    main()
