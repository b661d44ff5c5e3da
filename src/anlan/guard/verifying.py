"""Was anything of the audit record changed, cut, reordered, replaced or forked? Names the first difference.

    with records.reading() as session:
        verifier = Verifier(heads(session), testimonies, key)
        for rows in rows_of(session):          # or in pieces, each in a transaction of its own (`rows_of(session, after)`)
            if not verifier.take(rows): break
    checked = verifier.finish()

Each leaf is hashed anew with the hash of the one before in it, which finds what was changed, taken out or put in; the tree's head is
compared with each head that the node signed and that a witness holds, which finds a tail that was cut and a record written anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy.orm import Session

from anlan.guard.audit import FIRST_PREV
from anlan.guard.audit_rows import Rows, Unreadable, hash_of, rows_of
from anlan.guard.heads import BadHead, Head, heads, verify_head
from anlan.guard.merkle import Peaks
from anlan.guard.witness import HASH, Testimony
from anlan.model.clock import Micros
from anlan.model.languages import translate

Kind = Literal["changed", "unreadable", "missing", "moved", "cut", "replaced", "forked", "head", "witness"]

OWN = "records.db"


@dataclass(frozen=True, slots=True)
class Difference:
    """The first leaf that isn't what it was, and how that is known. `at`: its own time, or that of the head that tells; None: unknown."""

    n: int
    kind: Kind
    message: str
    facts: dict[str, Any]
    at: Micros | None = None

    def text(self, language: str = "en") -> str:
        return translate(self.message, language).format(**self.facts)

    def as_json(self, language: str = "en") -> dict[str, Any]:
        return {"n": self.n, "at": self.at, "kind": self.kind, "why": self.text(language)}


@dataclass(frozen=True, slots=True)
class Heard:
    """What one list of heads said: how many heads, the newest, lines that can't be read."""

    where: str
    heads: int
    newest: Head | None
    broken: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Checked:
    """`size` leaves were read; `first_at` and `last_at` are the times of the first and last. `signed`: whether signatures were checked."""

    size: int
    root: bytes
    first_at: Micros | None
    last_at: Micros | None
    difference: Difference | None
    heard: tuple[Heard, ...] = ()
    signed: bool = False


@dataclass(slots=True)
class _Expected:
    """A head to be compared once the record has been read to its size."""

    head: Head
    where: str


@dataclass(slots=True)
class Verifier:
    """Reads the record once, in order. `own`: heads in the record's own database; `key` None: no signature can be checked."""

    own: Sequence[Head] = ()
    testimonies: Sequence[Testimony] = ()
    key: Ed25519PublicKey | None = None
    difference: Difference | None = None
    _peaks: Peaks = field(default_factory=Peaks)
    _prev: bytes = FIRST_PREV
    _first_at: Micros | None = None
    _last_at: Micros | None = None
    _agreed: int = 0
    """The largest size at which a head has agreed."""
    _waiting: list[_Expected] = field(default_factory=list)

    def __post_init__(self) -> None:
        expected = [_Expected(head, OWN) for head in self.own]
        expected += [_Expected(head, one.where) for one in self.testimonies for head in one.heads]
        self._waiting = sorted(expected, key=lambda one: -one.head.size)

    @property
    def size(self) -> int:
        return self._peaks.size

    @property
    def last_leaf(self) -> bytes:
        return self._prev

    def take(self, rows: Rows) -> bool:
        """The next rows, in order of n (`rows_of`); False once a difference is found, and nothing more need be read."""
        first, leaves, found = self._peaks.size + 1, [], None
        peaks, prev = self._peaks, self._prev
        waiting, wanted = self._waiting, self._waiting[-1].head.size if self._waiting else -1
        wrong_head: Difference | None = None
        for row in rows:
            n = peaks.size + 1
            if row[0] != n or hash_of(row, prev) != row[10]:
                found = self._wrong_row(n, row)
                break
            prev = row[10]
            leaves.append(prev)
            peaks.push(prev)
            if n == wanted:
                wrong_head = self._compare(n, row[1])
                if wrong_head is not None:
                    break
                wanted = waiting[-1].head.size if waiting else -1
        if leaves:
            self._prev, self._last_at = prev, rows[len(leaves) - 1][1]
            self._first_at = rows[0][1] if first == 1 else self._first_at
        self.difference = self._other_leaf(first, leaves, rows) or found or wrong_head
        return self.difference is None

    def finish(self) -> Checked:
        if self.difference is None:
            self.difference = self.cut() or self._unsigned()
        heard = [_heard(OWN, self.own), *(_heard(one.where, one.heads, one.broken) for one in self.testimonies)]
        return Checked(
            size=self.size,
            root=self._peaks.root(),
            first_at=self._first_at,
            last_at=self._last_at,
            difference=self.difference,
            heard=tuple(heard),
            signed=self.key is not None,
        )

    def _wrong_row(self, n: int, row: tuple[Any, ...]) -> Difference:
        if row[0] != n:
            message = "leaf {n} is missing; the next one found is {found}"
            return Difference(n, "missing", message, {"n": n, "found": row[0]}, _time(row[1]))
        known = self._known(n)
        if known is not None and row[10] != known:
            other = self._number_of(row[10])
            if other is not None:
                message = "leaf {n} is another one: the witness knows it as leaf {other}"
                return Difference(n, "moved", message, {"n": n, "other": other}, _time(row[1]))
            message = "leaf {n} was changed after it was written, and so was its hash: the witness has {known}…"
            return Difference(n, "changed", message, {"n": n, "known": known.hex()[:16]}, _time(row[1]))
        shown = row[10].hex()[:16] if isinstance(row[10], bytes) else repr(row[10])[:40]
        if known is not None:
            message = "leaf {n} was changed after it was written: its hash {hash}… is the one that the witness has, its content is another"
        else:
            message = "leaf {n} was changed after it was written, or moved: it does not match its hash {hash}…"
        return Difference(n, "changed", message, {"n": n, "hash": shown}, _time(row[1]))

    def _other_leaf(self, first: int, leaves: list[bytes], rows: Rows) -> Difference | None:
        """A leaf that is consistent in itself but not the one that a witness knows under its number."""
        if not leaves:
            return None
        together = b"".join(leaves)
        found = [n for one in self.testimonies for run in one.runs if (n := _first_other(first, together, *run))]
        if not found:
            return None
        n = min(found)
        row, known = rows[n - first], self._known(n) or b""
        other = self._number_of(row[10])
        if other is not None:
            message = "leaf {n} is another one: the witness knows it as leaf {other}"
            return Difference(n, "moved", message, {"n": n, "other": other}, _time(row[1]))
        message = "from leaf {n} on the record was written anew: its hash is {hash}…, the witness has {known}…"
        return Difference(n, "replaced", message, {"n": n, "hash": row[10].hex()[:16], "known": known.hex()[:16]}, _time(row[1]))

    def _compare(self, size: int, at: Any) -> Difference | None:
        """All heads of this size against the record as read so far."""
        root, same = self._peaks.root(), []
        while self._waiting and self._waiting[-1].head.size == size:
            same.append(self._waiting.pop())
        wrong = [one for one in same if one.head.root != root]
        if not wrong:
            self._agreed = size
            return None
        for one in wrong:
            if self._refused(one.head) is not None:
                return self._not_ours(one)
        one, first = wrong[0], self._agreed + 1
        facts = {"first": first, "size": size, "where": one.where, "head": one.head.root.hex()[:16], "root": root.hex()[:16]}
        if len(same) > len(wrong):
            message = "this node's key signed two different heads of {size} leaves: {where} has {head}…, the record gives {root}…; they part between leaf {first} and leaf {size}"
            return Difference(first, "forked", message, facts, one.head.at)
        message = "between leaf {first} and leaf {size} the record was written anew: {where} has the head {head}… of {size} leaves, the record gives {root}…"
        return Difference(first, "replaced", message, facts, one.head.at)

    def cut(self) -> Difference | None:
        """Once all was read: heads of more leaves than there are."""
        beyond = [one for one in self._waiting if one.head.size > self.size]
        if not beyond:
            return None
        for one in beyond:
            if self._refused(one.head) is not None:
                return self._not_ours(one)
        one = max(beyond, key=lambda one: one.head.size)
        message = "the record ends at leaf {last}, but {where} has a head of {size} leaves: the rest was cut off"
        facts = {"last": self.size, "where": one.where, "size": one.head.size}
        return Difference(self.size + 1, "cut", message, facts, one.head.at)

    def _unsigned(self) -> Difference | None:
        """The newest head of each list must be this node's; what it covers agrees with the record and needs no signature of its own."""
        told = [(OWN, self.own), *((one.where, one.heads) for one in self.testimonies)]
        newest = [_Expected(max(heads, key=lambda head: head.size), where) for where, heads in told if heads]
        return next((self._not_ours(one) for one in newest if self._refused(one.head) is not None), None)

    def _refused(self, head: Head) -> BadHead | None:
        if self.key is None:
            return None
        try:
            verify_head(head, self.key)
        except BadHead as refusal:
            return refusal
        return None

    def _not_ours(self, one: _Expected) -> Difference:
        message = "{where} has a head of {size} leaves that this record's key did not sign: the key, the record or this head was replaced"
        facts = {"where": one.where, "size": one.head.size}
        return Difference(one.head.size, "head" if one.where == OWN else "witness", message, facts, one.head.at)

    def _known(self, n: int) -> bytes | None:
        for one in self.testimonies:
            for first, hashes in one.runs:
                if first <= n < first + len(hashes) // HASH:
                    return bytes(hashes[(n - first) * HASH : (n - first + 1) * HASH])
        return None

    def _number_of(self, leaf: Any) -> int | None:
        if not isinstance(leaf, bytes) or len(leaf) != HASH:
            return None
        for one in self.testimonies:
            for first, hashes in one.runs:
                at = hashes.find(leaf)
                while at >= 0 and at % HASH:
                    at = hashes.find(leaf, at + 1)
                if at >= 0:
                    return first + at // HASH
        return None


def verify(session: Session, testimonies: Sequence[Testimony] = (), key: Ed25519PublicKey | None = None) -> Checked:
    """The whole record against all that is known."""
    verifier = Verifier(heads(session), testimonies, key)
    run(verifier, rows_of(session))
    return verifier.finish()


def run(verifier: Verifier, pieces: Iterable[Rows]) -> None:
    try:
        for rows in pieces:
            if not verifier.take(rows):
                return
    except Unreadable as damage:
        verifier.difference = Difference(damage.n, "unreadable", damage.message, damage.facts)


def _first_other(first: int, leaves: bytes, run_first: int, run: bytearray) -> int | None:
    """Number of the first leaf in which the two, where they overlap, differ."""
    start = max(first, run_first)
    stop = min(first + len(leaves) // HASH, run_first + len(run) // HASH)
    if start >= stop:
        return None
    ours, theirs = (
        leaves[(start - first) * HASH : (stop - first) * HASH],
        run[(start - run_first) * HASH : (stop - run_first) * HASH],
    )
    if ours == theirs:
        return None
    return start + next(i for i in range(stop - start) if ours[i * HASH : (i + 1) * HASH] != theirs[i * HASH : (i + 1) * HASH])


def _heard(where: str, heads: Sequence[Head], broken: Sequence[int] = ()) -> Heard:
    return Heard(where, len(heads), max(heads, key=lambda head: head.size, default=None), tuple(broken))


def _time(at: Any) -> Micros | None:
    return at if isinstance(at, int) else None
