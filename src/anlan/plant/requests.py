"""Changes of the configuration that wait for a second person, in the records.

    asked ──▶ open ──the requester signs──▶ open, signed ──second person──▶ approved (its version and this row in one transaction)
               ├──▶ declined · withdrawn · void (what it touches has moved on) · expired (7 days)
               └──nobody else is on duty──▶ overridden (`plant.overriding`: for half an hour, then what was before)

The row holds the whole proposed plant and the version it was made on. Nothing else is ever brought into force by it: an approval takes exactly
what both persons were shown onto the current version, and is void where that is not possible any more. Who asked signs with the own password: a
session asks for nobody, as an operator station never logs out. Blocking: call it in worker threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.people import find_person
from anlan.guard.principal import Principal
from anlan.model.clock import DAY, Clock, Micros
from anlan.model.errors import CommandRefused, Forbidden, NotFound
from anlan.plant.concerned import concerned, every, loosened_at, sources_read_anew, wired
from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.loosening import Loosened
from anlan.plant.merging import Moved, rebased
from anlan.plant.records import RequestRow
from anlan.plant.version import Version, packed, unpacked
from anlan.plant.versions import version
from anlan.store.ids import uuid7
from anlan.store.records import Records
from anlan.web.answers import iso

KEPT_OPEN: Micros = 7 * DAY
TOLD = 200
"""Changes told one by one; more are counted."""
LISTED = 200
MOST_OPEN = 50
"""Of one person: each keeps a whole plant, and is held against every new version. The machine's account is not held back: its node must start."""
ASK, SIGNED, APPROVED, DECLINED, WITHDRAWN, VOID, EXPIRED, TAKEN = (
    f"config.{word}" for word in ("ask", "sign", "approve", "decline", "withdraw", "void", "expire", "take-on")
)


@dataclass(frozen=True, slots=True)
class Open:
    """One that waits, and for whom: for `requester` until it is signed, then for another; None: for who takes it on."""

    requester: UUID | None
    signed: bool
    places: tuple[str, ...]
    wired: tuple[str, ...]
    expires_at: Micros


class RequestVoid(CommandRefused):
    """What the request touches has moved on."""

    code: ClassVar[str] = "request-void"


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants: `after` on the version `base`, whose plant is `before`; `loosened` is why it takes two."""

    base: Version
    before: Plant
    after: Plant
    loosened: Sequence[Loosened]
    reason: str
    effect: dict[str, Any] | None = None
    origin: str = ""


class Requests:
    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock
        self.changes = 0
        """Counts what may have changed who waits for whom."""
        self._opened: tuple[int, list[Open]] = (-1, [])
        self._fits: set[tuple[UUID, int]] = set()
        """(request, version) of which it is known that nothing stands in the way: a large plant takes a while to read."""

    @classmethod
    def of(cls, extras: dict[str, Any], records: Records, clock: Clock) -> Requests:
        """The one of this app process, among its `extras`."""
        own = extras.setdefault("plant.requests", None)
        if own is None:
            own = extras["plant.requests"] = cls(records, clock)
        assert isinstance(own, cls)
        return own

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with self._records.session() as session:
            yield session
        self.changes += 1

    # ---- asking

    def ask(self, asked: Asked, by: Principal | str, id: UUID | None = None) -> dict[str, Any]:
        """A new request; `by` is a person, or the name of the machine's account. One that says the very same comes back as it is.

        Raises CommandRefused: too many of this person's wait.
        """
        with self._writing() as session:
            digest = sha256(asked.after.to_json()).hexdigest()
            kept = session.get(RequestRow, id) if id is not None else None
            kept = kept or self._same(session, asked, digest, by)
            if kept is not None:
                return request_row(kept)
            if isinstance(by, Principal):
                self._must_have_room(session, by)
            row = self._row(asked, by, id, digest)
            session.add(row)
            append(session, self._leaf(by, ASK, row, row.reason))
            return request_row(row)

    def _must_have_room(self, session: Session, by: Principal) -> None:
        own = sa.select(sa.func.count()).select_from(RequestRow)
        mine = RequestRow.requester == by.person, RequestRow.state == "open", RequestRow.expires_at > self._clock.now()
        count = session.scalar(own.where(*mine)) or 0
        if count >= MOST_OPEN:
            raise CommandRefused("{count} of your requests wait for a second person; withdraw some first", count=count)

    def _same(self, session: Session, asked: Asked, digest: str, by: Principal | str) -> RequestRow | None:
        """The machine asks again at every start with the same folder: also what was declined is not asked twice."""
        states = ("open", "declined", "withdrawn") if isinstance(by, str) else ("open",)
        account = by if isinstance(by, str) else by.account
        wanted = sa.select(RequestRow).where(RequestRow.base == asked.base.number, RequestRow.digest == digest)
        wanted = wanted.where(
            RequestRow.account == account, RequestRow.state.in_(states), RequestRow.expires_at > self._clock.now()
        )
        return session.scalars(wanted.order_by(RequestRow.asked_at.desc())).first()

    def _row(self, asked: Asked, by: Principal | str, id: UUID | None, digest: str) -> RequestRow:
        content, now = asked.after.to_json(), self._clock.now()
        person = None if isinstance(by, str) else by
        return RequestRow(
            id=id or uuid7(self._clock),
            state="open",
            base=asked.base.number,
            digest=digest,
            size=len(content),
            content=packed(content),
            origin=asked.origin,
            told=_told(asked),
            effect=asked.effect,
            account=by if isinstance(by, str) else by.account,
            requester=person.person if person is not None else None,
            requester_zh=person.name.text("zh") if person is not None else "",
            requester_en=person.name.text("en") if person is not None else "",
            reason=asked.reason,
            asked_at=now,
            signed_at=None,
            expires_at=now + KEPT_OPEN,
            decider=None,
            decider_zh="",
            decider_en="",
            decided_at=None,
            note="",
            version=None,
        )

    # ---- looking

    def row(self, id: UUID) -> RequestRow:
        """As it stands now. Raises NotFound."""
        self.settle()
        with self._records.reading() as session:
            row = session.get(RequestRow, id)
            if row is None:
                raise NotFound("there is no request {id}", id=str(id))
            session.expunge(row)
            return row

    def rows(self, state: str = "") -> list[RequestRow]:
        """What is open first, then newest first: no flood of others hides what waits."""
        self.settle()
        return self.rows_as_they_stand(state)

    def rows_as_they_stand(self, state: str = "") -> list[RequestRow]:
        """Without writing: what has expired or is void since somebody last looked still says that it waits."""
        wanted = sa.select(RequestRow).order_by(RequestRow.state != "open", RequestRow.asked_at.desc()).limit(LISTED)
        with self._records.reading() as session:
            rows = list(session.scalars(wanted.where(RequestRow.state == state) if state else wanted))
            session.expunge_all()
            return rows

    def approvals(self) -> dict[int, dict[str, Any]]:
        """Version → its request, of those that two persons made."""
        with self._records.reading() as session:
            rows = session.scalars(sa.select(RequestRow).where(RequestRow.version.is_not(None), RequestRow.state == "approved"))
            return {row.version: request_row(row) for row in rows if row.version is not None}

    def waiting(self) -> list[Open] | None:
        """What waits, from memory; None when it must be read (`read_waiting`)."""
        return self._opened[1] if self._opened[0] == self.changes else None

    def read_waiting(self) -> list[Open]:
        changes = self.changes
        self._opened = changes, self._read_open()
        return self._opened[1]

    def _read_open(self) -> list[Open]:
        wanted = sa.select(RequestRow.requester, RequestRow.signed_at, RequestRow.told, RequestRow.expires_at)
        with self._records.reading() as session:
            rows = session.execute(wanted.where(RequestRow.state == "open"))
            return [
                Open(asker, signed is not None, tuple(told["places"]), tuple(told["wired"]), ends)
                for asker, signed, told, ends in rows
            ]

    def settle(self) -> None:
        """What has expired, or is void by what was changed since, says so from now on."""
        with self._records.reading() as session:
            wanted = sa.select(RequestRow.id, RequestRow.base, RequestRow.expires_at).where(RequestRow.state == "open")
            waiting = list(session.execute(wanted))
        if not waiting:
            return
        current = self._newest()
        for id, base, expires_at in waiting:
            if expires_at <= self._clock.now():
                self._close(id, "expired", EXPIRED, [])
            elif base != current and (id, current) not in self._fits:
                try:
                    self.merged(id)
                    self._fits.add((id, current))
                except Moved as moved:
                    self._close(id, "void", VOID, [{"zh": c.text("zh"), "en": c.text("en")} for c in moved.changes[:TOLD]])

    def merged(self, id: UUID) -> tuple[Version, Plant, Plant]:
        """The current version, its plant, and that plant with the change. Raises Moved, NotFound."""
        current, now, _ = version(self._records)
        with self._records.reading() as session:
            row = session.get(RequestRow, id)
            if row is None:
                raise NotFound("there is no request {id}", id=str(id))
            base, proposed = row.base, Plant.from_json(unpacked(row.content, row.size))
        before = now if base == current.number else version(self._records, base)[1]
        return current, now, rebased(before, proposed, now)

    def _newest(self) -> int:
        from anlan.plant.records import VersionRow

        with self._records.reading() as session:
            return int(session.scalar(sa.select(sa.func.max(VersionRow.number))) or 0)

    def _close(self, id: UUID, state: str, action: str, in_the_way: list[dict[str, str]]) -> None:
        with self._writing() as session:
            row = session.get_one(RequestRow, id)
            if row.state != "open":
                return
            row.state, row.decided_at = state, self._clock.now()
            row.told = {**row.told, "in_the_way": in_the_way}
            append(session, self._leaf(None, action, row, ""))

    # ---- deciding

    def end(self, id: UUID, by: Principal, state: str, note: str) -> dict[str, Any]:
        """Declined or withdrawn. Raises CommandRefused when it is not open any more."""
        with self._writing() as session:
            row = session.get_one(RequestRow, id)
            must_be_open(row, self._clock.now())
            row.state = state
            _decided(row, by, note, self._clock.now())
            append(session, self._leaf(by, DECLINED if state == "declined" else WITHDRAWN, row, note))
            return request_row(row)

    def sign(self, id: UUID, by: Principal) -> dict[str, Any]:
        """Its requester, whose password was given, stands by it. Raises CommandRefused."""
        with self._writing() as session:
            row = session.get_one(RequestRow, id)
            must_wait_for_signature(row, by, self._clock.now())
            row.signed_at = self._clock.now()
            append(session, self._leaf(by, SIGNED, row, row.reason))
            return request_row(row)

    def take_on(self, id: UUID, by: Principal) -> dict[str, Any]:
        """A person, whose password was given, answers for what the machine's account asked. Raises CommandRefused."""
        with self._writing() as session:
            row = session.get_one(RequestRow, id)
            must_be_open(row, self._clock.now())
            must_be_nobody_s(row)
            row.signed_at = self._clock.now()
            row.requester, row.requester_zh, row.requester_en = by.person, by.name.text("zh"), by.name.text("en")
            append(session, self._leaf(by, TAKEN, row, row.reason))
            return request_row(row)

    def approve(
        self, session: Session, id: UUID, by: Principal, note: str, made: int, weaker: Sequence[Loosened], changes: list[str]
    ) -> None:
        """Inside the transaction that makes version `made`, which loosens `weaker`. Raises CommandRefused, RequestVoid."""
        row = session.get_one(RequestRow, id)
        must_be_open(row, self._clock.now())
        must_be_signed(row)
        shown = set(row.told["weaker"])
        unseen = [one for one in weaker if one.text() not in shown]
        if unseen or row.requester is None:
            raise RequestVoid(
                "this would now loosen what nobody was shown: {what}", what="; ".join(one.text() for one in unseen[:5])
            )
        if find_person(session, row.requester).disabled:
            raise CommandRefused("the account of {name}, who asked for this, was closed since: ask anew", name=row.account)
        row.state, row.version = "approved", made
        _decided(row, by, note, self._clock.now())
        asked = {
            "person": str(row.requester),
            "account": row.account,
            "at": row.asked_at,
            "signed_at": row.signed_at,
            "reason": row.reason,
        }
        after = {
            "request": str(row.id),
            "version": made,
            "asked": asked,
            "approved": {"person": str(by.person), "account": by.account},
        }
        after |= {"changes": changes[:TOLD], "loosened": row.told["weaker"][:TOLD]}
        step = Step.of(by, self._clock.now(), APPROVED, f"version {made}", before={"version": row.base}, after=after, reason=note)
        append(session, step)

    def _leaf(self, by: Principal | str | None, action: str, row: RequestRow, reason: str) -> Step:
        after = {"request": str(row.id), "base": row.base, "loosened": row.told["weaker"][:TOLD], "digest": row.digest}
        if isinstance(by, Principal):
            return Step.of(by, self._clock.now(), action, f"request {row.id}", after=after, reason=reason)
        after["account"] = by or row.account
        return Step(at=self._clock.now(), who="node", action=action, subject=f"request {row.id}", after=after, reason=reason)


def must_be_open(row: RequestRow, now: Micros) -> None:
    """Raises CommandRefused."""
    if row.state == "void":
        raise RequestVoid("this request is void: what it changes has been changed since; ask anew")
    if row.state == "expired" or (row.state == "open" and row.expires_at <= now):
        raise CommandRefused("this request has expired: it waited for 7 days; ask anew")
    if row.state != "open":
        raise CommandRefused("this request is not open any more")


def must_be_nobody_s(row: RequestRow) -> None:
    """Raises CommandRefused."""
    if row.requester is not None:
        raise CommandRefused("{name} has asked for this already", name=row.account)


def must_be_signed(row: RequestRow) -> None:
    """Raises CommandRefused."""
    if row.requester is None:
        raise CommandRefused("nobody has taken this on: the machine's account asked, which is no person")
    if row.signed_at is None:
        raise CommandRefused("{name} has not signed this request yet: a session alone asks for nobody", name=row.account)


def must_wait_for_signature(row: RequestRow, by: Principal, now: Micros) -> None:
    """Raises Forbidden, CommandRefused."""
    must_be_open(row, now)
    if row.requester != by.person:
        raise Forbidden("only who asked can sign the request")
    if row.signed_at is not None:
        raise CommandRefused("this request is signed already")


def _decided(row: RequestRow, by: Principal, note: str, now: Micros) -> None:
    row.note, row.decided_at = note, now
    row.decider, row.decider_zh, row.decider_en = by.person, by.name.text("zh"), by.name.text("en")


def _told(asked: Asked) -> dict[str, Any]:
    before, after = asked.before, asked.after
    changes = concerned(before, after, differences(before, after))
    weaker = zip(asked.loosened, loosened_at(before, after, [one.alarm for one in asked.loosened]), strict=True)
    return {
        "changes": [{"zh": c.text("zh"), "en": c.text("en"), "places": places} for c, places in changes[:TOLD]],
        "more": max(0, len(changes) - TOLD),
        # All of them, however many: nobody signs for what was not shown.
        "loosened": [{"zh": one.text("zh"), "en": one.text("en"), "places": places} for one, places in weaker],
        "weaker": [one.text() for one in asked.loosened],
        "places": every(places for _, places in changes),
        "wired": every(places for change, places in changes if wired(change)),
        "sources_read_anew": sources_read_anew(asked.before, asked.after),
    }


def request_row(row: RequestRow) -> dict[str, Any]:
    """As routes tell it."""
    told = {name: row.told.get(name, []) for name in ("changes", "loosened", "places", "in_the_way", "sources_read_anew")}
    requester = (
        None if row.requester is None else {"id": str(row.requester), "name": {"zh": row.requester_zh, "en": row.requester_en}}
    )
    decider = None if row.decider is None else {"id": str(row.decider), "name": {"zh": row.decider_zh, "en": row.decider_en}}
    times = {name: getattr(row, name) for name in ("asked_at", "signed_at", "expires_at", "decided_at")}
    return {
        "id": str(row.id), "state": row.state, "base": row.base, "origin": row.origin, "reason": row.reason, **told,
        "more": row.told.get("more", 0), "more_loosened": 0, "effect": row.effect,
        "account": row.account, "requester": requester, "decider": decider, "note": row.note, "version": row.version,
        **times, **{f"{name}_iso": iso(at) for name, at in times.items()},
    }  # fmt: skip
