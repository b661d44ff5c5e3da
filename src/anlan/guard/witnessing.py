"""This node as the witness of others: it keeps the heads of their audit records, and takes only what grew out of what it has.

    witnessing = Witnessing(records, clock)
    witnessing.take(by, handed, public_key_pem)      # Head; raises InputError, WitnessRefused (and keeps that it refused)
    witnessing.last(by, log)                         # newest head, and heads of other records that the same token handed over
    witnessing.lines(log)                            # all it holds, as `FileWitness` writes it
    witnessing.nodes()                               # whom it bears witness for, since when, heard when, refused what

A head is taken if the record's own key signed it and its consistency proof (RFC 9162 §2.1.4) leads from the head held here. One that forks,
or is shorter, is refused, stays on record with its signature (it is evidence), and is a fault until the node hands over one that fits again.
A token belongs to the record whose head it handed over first: another one by the same token is refused, because record and key may have
been replaced together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from uuid import UUID

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard import audit
from anlan.guard.heads import BadHead, Head, public_key_of, verify_head
from anlan.guard.merkle import verify_consistency
from anlan.guard.principal import Principal
from anlan.guard.records import Token
from anlan.guard.witness import HASH, Handed, line_of
from anlan.guard.witness_records import Witnessed, WitnessedHead, WitnessSender
from anlan.model.clock import HOUR, MINUTE, Clock, Micros
from anlan.model.errors import CommandRefused, ConfigError, InputError
from anlan.model.languages import Language, translate
from anlan.store.records import Records

HEARD_EVERY: Micros = MINUTE
"""How often `heard_at` is written: each write waits for the disk."""
AGAIN_AFTER: Micros = HOUR
"""A refusal that goes on is a leaf of the audit record again after this."""
SILENT_AFTER: Micros = 10 * MINUTE
"""A node asks its witness every quarter of a minute."""
HEADS_PER_HOUR = 300
"""Of one record: a node hands over four in a minute, more only while it catches up. Each may bring 0.7 MB: a token is no way to fill a disk."""
AT_ONCE = 500

Kind = Literal["forked", "shorter", "another"]
log = structlog.get_logger()

_WHY: dict[Kind, str] = {
    "forked": "the head of {size} leaves does not come from the head of {held} leaves that is held here: the record was forked or written anew",
    "shorter": "the head has {size} leaves, {held} are held here: the record was cut, or put back from a copy",
    "another": "this token has handed over heads of record {known}…, {found}… is another: record and key may have been replaced together; a node that begins anew gets a new token",
}


_TOLD = "the node's own check has found a difference at leaf {n}: {why}"


class WitnessRefused(CommandRefused):
    """A head that does not fit what is held; `kind` says how."""

    code: ClassVar[str] = "witness-refused"


@dataclass(frozen=True, slots=True)
class Told:
    """What the node says of its own record: the first leaf that differs, how (`verifying.Kind`), and why that is known."""

    n: int
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Held:
    """`others`: newest heads of other records that were handed over by the same token."""

    head: Head | None
    others: Sequence[Head] = ()


@dataclass(frozen=True, slots=True)
class WitnessedNode:
    """`name` is the token's, as this node's people gave it. `expected`: somebody still may hand over for it. `refused`: what was refused
    last, None once a head was taken after it."""

    log: str
    name: str
    since: Micros
    heard_at: Micros
    head: Head | None
    received_at: Micros | None
    refused_at: Micros | None
    refused: dict[str, Any] | None
    expected: bool
    listening_since: Micros
    """When this node began to listen: before that it could hear nobody."""

    def is_silent(self, now: Micros) -> bool:
        return self.expected and now - max(self.heard_at, self.listening_since) > SILENT_AFTER


class Witnessing:
    """Blocking; each call one transaction."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock
        self._began = clock.now()

    def take(self, by: Principal, handed: Handed, public_pem: str) -> Head:
        """Durable on return; one that is held already is answered like a new one. Raises InputError, CommandRefused, WitnessRefused."""
        token = _token_of(by)
        _check_signed(handed.head, public_pem)
        _check_run(handed)
        now = self._clock.now()
        with self._records.session() as session:
            known = self._known(session, by, token, handed.head, public_pem, now)
            refusal = known if isinstance(known, WitnessRefused) else self._add(session, known, handed, now)
            if refusal is not None:
                self._keep_refusal(session, by, handed.head, refusal, now)
        if refusal is not None:
            raise refusal
        return handed.head

    def tell(self, by: Principal, log: str, difference: Told | None) -> None:
        """The node's own check has found a difference, or none any more. Of a record that is not this token's it says nothing here: `last` has
        kept that it was asked for. Raises InputError."""
        token, now = _token_of(by), self._clock.now()
        with self._records.session() as session:
            sender, row = session.get(WitnessSender, token), session.get(Witnessed, log)
            if sender is None or row is None or sender.log != log:
                return
            if difference is not None:
                facts = {"n": difference.n, "why": difference.why}
                self._keep(
                    session, by, row, {"kind": "told", "message": _TOLD, "facts": facts, "difference": difference.kind}, now
                )
            elif row.refused is not None and row.refused["kind"] == "told":
                row.refused_at = row.refused = None

    def last(self, by: Principal, log: str) -> Held:
        """What the node asks before it hands over; that it asks shows that it lives. A token that asks for another record than its own is
        kept like one that hands it over: its node has another key than before."""
        now = self._clock.now()
        with self._records.reading() as session:
            sender = session.get(WitnessSender, by.token) if by.token is not None else None
            row = session.get_one(Witnessed, sender.log) if sender is not None else None
            other = _newest(session, row.log) if row is not None and row.log != log else None
            found = Held(_newest(session, log), [other] if other is not None else [])
            stale = row is not None and (other is not None or now - row.heard_at >= HEARD_EVERY)
        if stale and row is not None:
            with self._records.session() as session:
                known = session.get_one(Witnessed, row.log)
                if other is None:
                    known.heard_at = now
                else:
                    facts = {"known": row.log[:16], "found": log[:16]}
                    self._keep(session, by, known, {"kind": "another", "message": _WHY["another"], "facts": facts}, now)
        return found

    def lines(self, log: str) -> Iterator[bytes]:
        """A line of JSON a head, oldest first."""
        size = 0
        while True:
            with self._records.reading() as session:
                newer = select(WitnessedHead).where(WitnessedHead.log == log, WitnessedHead.size > size)
                rows = session.scalars(newer.order_by(WitnessedHead.size).limit(AT_ONCE)).all()
                told = [line_of(_head(row), row.first, row.leaves) for row in rows]
                size = rows[-1].size if rows else size
            if not told:
                return
            yield b"".join(told)

    def nodes(self) -> list[WitnessedNode]:
        """By name."""
        now = self._clock.now()
        with self._records.reading() as session:
            senders = select(WitnessSender.log).join(Token, Token.id == WitnessSender.token_id)
            expected = set(session.scalars(senders.where(Token.revoked_at.is_(None), Token.expires_at > now)))
            rows = session.scalars(select(Witnessed).order_by(Witnessed.name, Witnessed.log)).all()
            return [self._node(session, row, row.log in expected) for row in rows]

    def _node(self, session: Session, row: Witnessed, expected: bool) -> WitnessedNode:
        newest = _newest_row(session, row.log)
        return WitnessedNode(
            log=row.log,
            name=row.name,
            since=row.since,
            heard_at=row.heard_at,
            head=_head(newest) if newest is not None else None,
            received_at=newest.received_at if newest is not None else None,
            refused_at=row.refused_at,
            refused=row.refused,
            expected=expected,
            listening_since=self._began,
        )

    def _known(
        self, session: Session, by: Principal, token: UUID, head: Head, public_pem: str, now: Micros
    ) -> Witnessed | WitnessRefused:
        """The record's row, made at its first head; refused when this token belongs to another record."""
        sender = session.get(WitnessSender, token)
        if sender is not None and sender.log != head.log:
            return _refused("another", known=sender.log[:16], found=head.log[:16], log=sender.log, size=head.size)
        row = session.get(Witnessed, head.log)
        name = session.get_one(Token, token).name
        if row is None:
            row = Witnessed(
                log=head.log, public_key=public_pem, name=name, since=now, heard_at=now, refused_at=None, refused=None
            )
            session.add(row)
            facts = {"log": head.log, "name": name, "size": head.size, "public_key": public_pem}
            audit.append(session, audit.Step.of(by, now, "witness.begin", head.log[:16], after=facts))
        if sender is None:
            session.add(WitnessSender(token_id=token, log=head.log))
        row.name = name
        return row

    def _add(self, session: Session, row: Witnessed, handed: Handed, now: Micros) -> WitnessRefused | None:
        head, last = handed.head, _newest(session, row.log)
        row.heard_at = now
        if last is not None and head.size <= last.size:
            same = session.get(WitnessedHead, (row.log, head.size))
            if same is not None and same.root == head.root:
                return None
            kind: Kind = "forked" if same is not None else "shorter"
            return _refused(kind, size=head.size, held=last.size, log=row.log)
        if last is not None:
            if handed.since != last.size:
                raise CommandRefused(
                    "{held} leaves are held here, the proof is from {since}: ask again", held=last.size, since=handed.since
                )
            if not verify_consistency(last.size, head.size, handed.proof, last.root, head.root):
                return _refused("forked", size=head.size, held=last.size, log=row.log)
        self._must_have_room(session, row.log, now)
        session.add(
            WitnessedHead(
                log=row.log,
                size=head.size,
                at=head.at,
                root=head.root,
                signature=head.signature,
                first=handed.first if handed.leaves else 0,
                leaves=b"".join(handed.leaves),
                received_at=now,
            )
        )
        row.refused_at = row.refused = None
        return None

    def _must_have_room(self, session: Session, log: str, now: Micros) -> None:
        earlier = select(WitnessedHead.received_at).where(WitnessedHead.log == log).order_by(WitnessedHead.size.desc())
        received = session.scalar(earlier.offset(HEADS_PER_HOUR - 1).limit(1))
        if received is not None and received > now - HOUR:
            raise CommandRefused("{count} heads of this record were taken within an hour: hand over later", count=HEADS_PER_HOUR)

    def _keep_refusal(self, session: Session, by: Principal, head: Head, refusal: WitnessRefused, now: Micros) -> None:
        """The signed head itself is kept: nobody but who has the node's key can have made it."""
        row = session.get_one(Witnessed, refusal.facts["log"])
        facts = {"kind": refusal.facts["kind"], "message": refusal.message, "facts": refusal.facts, "head": head.as_json()}
        self._keep(session, by, row, facts, now)

    def _keep(self, session: Session, by: Principal, row: Witnessed, facts: dict[str, Any], now: Micros) -> None:
        """Once, and again now and then while it goes on."""
        if row.refused is not None and row.refused["kind"] == facts["kind"] and now - (row.refused_at or 0) < AGAIN_AFTER:
            return
        row.refused_at, row.refused = now, facts
        held = _newest(session, row.log)
        step = audit.Step.of(
            by, now, "witness.refused", row.log[:16], before=held.as_json() if held is not None else None, after=facts
        )
        audit.append(session, step)
        log.error("a node's audit record does not fit", record=row.log[:16], name=row.name, why=why_refused(facts, "en"))


def why_refused(kept: dict[str, Any], language: Language) -> str:
    """Of `WitnessedNode.refused`."""
    return translate(kept["message"], language).format(**kept["facts"])


def _refused(kind: Kind, **facts: Any) -> WitnessRefused:
    return WitnessRefused(_WHY[kind], kind=kind, **facts)


def _token_of(by: Principal) -> UUID:
    if by.token is None:
        raise InputError(
            "heads are handed over by a token made for it, which then belongs to one record; this came from a person's session"
        )
    return by.token


def _check_signed(head: Head, public_pem: str) -> None:
    """Raises InputError: nothing is known of who sent it, and it is no evidence."""
    try:
        verify_head(head, public_key_of(public_pem.encode(), "public_key"))
    except (BadHead, ConfigError) as error:
        raise InputError("this head was not signed by the key that came with it: {why}", why=str(error)) from error


def _check_run(handed: Handed) -> None:
    count = len(handed.leaves)
    if count and (handed.first < 1 or handed.first - 1 + count != handed.head.size):
        raise InputError(
            "leaves {first} to {last} were given under a head of {size} leaves: the last one was expected to be its own",
            first=handed.first,
            last=handed.first + count - 1,
            size=handed.head.size,
        )
    if any(len(leaf) != HASH for leaf in handed.leaves):
        raise InputError("each leaf's hash has {bytes} bytes", bytes=HASH)


def _newest_row(session: Session, log: str) -> WitnessedHead | None:
    newest = select(WitnessedHead).where(WitnessedHead.log == log).order_by(WitnessedHead.size.desc()).limit(1)
    return session.scalars(newest).first()


def _newest(session: Session, log: str) -> Head | None:
    row = _newest_row(session, log)
    return _head(row) if row is not None else None


def _head(row: WitnessedHead) -> Head:
    return Head(row.log, row.size, row.root, row.at, row.signature)
