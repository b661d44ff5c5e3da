"""The audit record kept, signed, handed to witnesses, and checked against them, as long as the node runs.

    auditor = Auditor.open(records, clock, folder / "audit.key", [Path("/mnt/witness")])
    auditor.sign(); auditor.hand_over(); auditor.check()       # blocking, one at a time; `web.audit_watch` calls them in turn
    auditor.faults                                             # what is wrong, by part; {} when nothing is known to be

A head is signed only over leaves that were read and found whole, and only while nothing is known to differ: this key never vouches for a
record that was tampered with. A check reads every leaf anew and compares the newest head of each witness; a difference is then named by
all that they hold.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from anlan.guard import audit
from anlan.guard.audit_rows import BEFORE_ALL, CHUNK, Rows, rows_of
from anlan.guard.heads import Head, SigningKey, heads_after, last_head
from anlan.guard.merkle import Tree
from anlan.guard.verifying import Checked, Difference, Verifier, run, verify
from anlan.guard.witness import FileWitness, Handed, Testimony, Witness
from anlan.guard.witness_memory import RememberedWitness, WitnessMemory
from anlan.guard.witness_parent import Parent, ParentWitness
from anlan.model.clock import Clock, Micros
from anlan.model.errors import AnlanError, ConfigError, Corrupt, StoreError, Unavailable
from anlan.model.languages import translate
from anlan.store.records import Records

AT_ONCE = 200
"""Heads handed to a witness in one turn; it may have been away for days."""
MOST_LEAVES = 20_000
"""Hashes in one line to a witness; of more it is given the head alone."""
REST = 2.0
"""How many times as long as it works a check rests: it may take a third of one core. A long record must still be done within LONGEST."""
LONGEST = 30.0
CLOSING_SECONDS = 4.0
"""Less than the supervisor waits for a process that is to stop."""
AGAINST = frozenset({"cut", "replaced", "forked", "witness", "moved"})
"""Differences that a witness has told; one that a leaf tells of itself says nothing of what the witness holds."""

log = structlog.get_logger()


class Tampered(Corrupt):
    """The record is not what it was."""

    def __init__(self, difference: Difference) -> None:
        self.difference = difference
        super().__init__("the audit record is not what it was: {why}", why=difference.text(), n=difference.n)

    def text(self, language: str = "en") -> str:
        difference = getattr(self, "difference", None)
        return translate(self.message, language).format(why=difference.text(language) if difference else "")


@dataclass(frozen=True, slots=True)
class WitnessState:
    """What is known of a witness. `agrees` None: not known, because it was not compared or could not be read."""

    name: str
    last: Head | None = None
    asked_at: Micros | None = None
    agrees: bool | None = None
    fault: AnlanError | None = None

    def as_json(self, language: str) -> dict[str, Any]:
        last = None if self.last is None else {"size": self.last.size, "root": self.last.root.hex(), "at": self.last.at}
        fault = self.fault.text(language) if self.fault is not None else None
        return {"name": self.name, "last": last, "asked_at": self.asked_at, "agrees": self.agrees, "fault": fault}


class Auditor:
    def __init__(self, records: Records, clock: Clock, key: SigningKey | None, witnesses: Sequence[Witness] = ()) -> None:
        self._records, self._clock, self._key, self._witnesses = records, clock, key, list(witnesses)
        self.faults: dict[str, AnlanError] = {}
        self.checked: Checked | None = None
        self.checked_at: Micros | None = None
        self.states = {one.name: WitnessState(one.name) for one in witnesses}
        self._tree = Tree(self._leaves)
        self._grown: Verifier | None = None
        """Has read, and found whole, the leaves in the tree."""
        self._lock = threading.RLock()
        self._verifying = threading.Lock()

    @classmethod
    def open(
        cls, records: Records, clock: Clock, key_file: Path, witnesses: Sequence[Path | Parent] = (), others: Sequence[str] = ()
    ) -> Auditor:
        """`others`: logs of other nodes whose heads lie in the same witness folders. A key that cannot be used is a fault that stands; the node
        runs without signed heads, and says so."""
        with records.reading() as session:
            signed = last_head(session)
        try:
            made = signed is None and not key_file.exists()
            key = SigningKey.open(key_file, make=signed is None)
            _check_same(signed, key, key_file)
        except AnlanError as fault:
            auditor = cls(records, clock, None, [])
            auditor.faults["key"] = fault
            auditor.states = {name: WitnessState(name) for name in map(_name, witnesses)}
            return auditor
        if made:
            with records.session() as session:
                facts = {"log": key.log, "public_key": key.public_pem()}
                audit.append(
                    session, audit.Step(at=clock.now(), who="node", action="audit.key", subject=key.log[:16], after=facts)
                )
        memory = WitnessMemory(key_file.with_name("audit.witnesses"))
        made_of = (_witness(one, key, others) for one in witnesses)
        return cls(records, clock, key, [RememberedWitness(one, memory) for one in made_of])

    @property
    def key(self) -> SigningKey | None:
        return self._key

    @property
    def size(self) -> int:
        """Leaves that the tree has; the newest may not be in it yet."""
        return self._tree.size

    def close(self) -> None:
        """The last head before the node stops. A witness that does not answer, a parent node or a share that hangs, holds nobody up: it gets
        what it missed after the next start."""
        try:
            self.sign()
        except AnlanError as failure:
            log.error("the audit record's last head was not signed", error=str(failure))
        handing = threading.Thread(target=self._hand_last, name="audit-last", daemon=True)
        handing.start()
        handing.join(CLOSING_SECONDS)
        if handing.is_alive():
            log.warning("a witness of the audit record does not answer; it gets the last head after the next start")

    def _hand_last(self) -> None:
        try:
            self.hand_over()
        except Exception as failure:  # the records may be closed under it by then
            log.error("the audit record's last head was not handed over", error=str(failure))

    def sign(self) -> Head | None:
        """Take up new leaves and sign a head over them; None when nothing was added, or nothing may be signed."""
        with self._lock:
            self._grow()
            if self._key is None or "difference" in self.faults or not self._tree.size:
                return None
            with self._records.reading() as session:
                last = last_head(session)
            if last is not None and last.size >= self._tree.size:
                self.faults.pop("head", None)
                return None
            head = self._key.sign(self._tree.size, self._tree.root(), self._clock.now())
            try:
                with self._records.session() as session:
                    session.add(head.as_row())
            except StoreError as failure:
                self.faults["head"] = failure
                return None
            self.faults.pop("head", None)
            return head

    def hand_over(self) -> None:
        """Bring every witness up to the newest head. One that cannot be reached or written is a fault until it can."""
        for witness in self._witnesses:
            try:
                self._hand(witness)
                found = self.faults.get("difference")
                witness.tell(found.difference.as_json() if isinstance(found, Tampered) else None)
            except Unavailable as fault:
                self._tell(witness, fault=fault)

    def check(self, *, rest: float = REST) -> Checked:
        """Read the whole record anew, resting on the way, and compare it with the newest heads; keep and tell what is found."""
        with self._records.reading() as session:
            own = last_head(session)
        told = self._asked()
        public = self._key.public if self._key is not None else None
        verifier = Verifier([own] if own is not None else [], told, public)
        run(verifier, self._paced(verifier, rest))
        checked = verifier.finish()
        if checked.difference is not None:
            checked = self._named(checked)
        self.checked, self.checked_at = checked, self._clock.now()
        self._conclude(checked, told)
        return checked

    def verify(self) -> Checked:
        """The whole record at once, against all heads and leaves that are remembered anywhere."""
        told = []
        for witness in self._witnesses:
            try:
                told += [witness.testimony(), *witness.strangers()]
            except Unavailable as fault:
                self._tell(witness, fault=fault)
        # One at a time: whoever asks for it again and again must not take the machine from the others.
        with self._verifying, self._records.reading() as session:
            return verify(session, told, self._key.public if self._key is not None else None)

    def proof(self, n: int) -> dict[str, Any] | None:
        """Leaf n's inclusion under the newest signed head; None while no head covers it."""
        with self._lock, self._records.reading() as session:
            head = last_head(session)
            if head is None or n > head.size or head.size > self._tree.size:
                return None
            path = self._tree.inclusion(n - 1, head.size)
        return {"head": head.as_json(), "index": n - 1, "path": [step.hex() for step in path]}

    def consistency(self, old: int, new: int) -> list[bytes]:
        """Raises IndexError for sizes that the tree hasn't."""
        with self._lock:
            return self._tree.consistency(old, new)

    def _grow(self) -> None:
        if self._grown is None:
            self._grown = self._first()
        verifier = self._grown
        with self._records.reading() as session:
            for rows in rows_of(session, verifier.size or BEFORE_ALL):
                before = verifier.size
                whole = verifier.take(rows)
                self._tree.extend(row[10] for row in rows[: verifier.size - before])
                if not whole:
                    break
        difference = verifier.difference or verifier.cut()
        if difference is not None and "difference" not in self.faults:
            self._raise(difference)

    def _first(self) -> Verifier:
        """Before anything is signed again the record must agree with what was signed before."""
        with self._records.reading() as session:
            own = last_head(session)
        return Verifier([own] if own is not None else [], self._asked(), self._key.public if self._key is not None else None)

    def _hand(self, witness: Witness) -> None:
        last = witness.last()
        with self._lock, self._records.reading() as session:
            same = last is None or (last.size <= self._tree.size and self._tree.root(last.size) == last.root)
            newer = heads_after(session, last.size if last is not None else 0, AT_ONCE)
        if not same:
            self._tell(witness, last=last, agrees=False)
            self.check(rest=0)
            return
        for head in newer if "difference" not in self.faults else []:
            witness.hand(self._handed(head, last.size if last is not None else 0))
            last = head
        # While the record differs its check says what the witness has to do with it.
        whole = "difference" not in self.faults and last is not None
        self._tell(witness, last=last, agrees=True if whole else self.states[witness.name].agrees)

    def _handed(self, head: Head, since: int) -> Handed:
        few = head.size - since <= MOST_LEAVES
        with self._lock:
            proof = self._tree.consistency(since, head.size) if since else []
        return Handed(head, since + 1, self._leaves(since, head.size) if few else (), since, proof)

    def _ask(self, witness: Witness) -> Head | None:
        try:
            return witness.last()
        except Unavailable as fault:
            self._tell(witness, fault=fault)
            return None

    def _asked(self) -> list[Testimony]:
        """The newest head of each witness, and those of records that nobody expects there."""
        told = []
        for witness in self._witnesses:
            last = self._ask(witness)
            told += [Testimony(witness.name, [last])] if last is not None else []
            try:
                told += witness.strangers()
            except Unavailable as fault:
                self._tell(witness, fault=fault)
        return told

    def _tell(
        self, witness: Witness, *, last: Head | None = None, agrees: bool | None = None, fault: AnlanError | None = None
    ) -> None:
        known = self.states[witness.name]
        last = last if last is not None else known.last
        self.states[witness.name] = WitnessState(witness.name, last, self._clock.now(), agrees, fault)
        part = f"witness {witness.name}"
        if fault is None:
            self.faults.pop(part, None)
        elif part not in self.faults:
            log.error("audit witness not served", witness=witness.name, error=str(fault))
            self.faults[part] = fault

    def _paced(self, verifier: Verifier, rest: float) -> Iterator[Rows]:
        """Each piece in a transaction of its own, so that a long read holds back no checkpoint."""
        share = LONGEST / (1 + self._tree.size / CHUNK)
        while True:
            started = time.monotonic()
            with self._records.reading() as session:
                rows = next(rows_of(session, verifier.size or BEFORE_ALL), None)
            if rows is None:
                return
            yield rows
            worked = time.monotonic() - started
            time.sleep(max(0.0, min(rest * worked, share - worked)))

    def _named(self, found: Checked) -> Checked:
        """The same difference by the very leaf."""
        try:
            named = self.verify()
        except StoreError:
            return found
        return named if named.difference is not None else found

    def _conclude(self, checked: Checked, told: Sequence[Testimony]) -> None:
        agrees: bool | None = True
        if checked.difference is not None:
            self._raise(checked.difference)
            agrees = False if checked.difference.kind in AGAINST else None
        elif self.faults.pop("difference", None) is not None:
            log.warning("the audit record agrees again with what was signed")
            with self._lock:
                self._grown, self._tree = None, Tree(self._leaves)
        for one in told:
            if one.where not in self.states:
                continue
            self.states[one.where] = replace(self.states[one.where], last=one.heads[-1], agrees=agrees, asked_at=self.checked_at)

    def _raise(self, difference: Difference) -> None:
        if "difference" not in self.faults:
            log.error("the audit record is not what it was", n=difference.n, kind=difference.kind, why=difference.text())
        self.faults["difference"] = Tampered(difference)

    def _leaves(self, start: int, stop: int) -> list[bytes]:
        with self._records.reading() as session:
            return audit.leaf_hashes(session, start, stop)


def _name(witness: Path | Parent) -> str:
    return witness.url if isinstance(witness, Parent) else str(witness)


def _witness(named: Path | Parent, key: SigningKey, others: Sequence[str]) -> Witness:
    if isinstance(named, Parent):
        return ParentWitness(named, key.log, key.public_pem(), others)
    return FileWitness(named, key.log, others)


def _check_same(signed: Head | None, key: SigningKey, file: Path) -> None:
    """A new key under an old record would make every earlier head a stranger's."""
    if signed is not None and signed.log != key.log:
        raise ConfigError(
            "this is another audit key than the one that signed this record: it is of record {found}…, {log}… was expected",
            file=str(file),
            found=key.log[:16],
            log=signed.log[:16],
            mend="bring the node's own key back; heads are not signed until then",
        )
