"""What two persons do with a request for a looser configuration: look, sign or take on, approve, decline, withdraw; and at night one alone.

An approval goes the way of every edit: one transaction makes the version, its audit leaf with both names and the request's own end; then it is
handed to the running node. Who approves has the right at every place concerned and is a second person (`web.second_person`). Both sign with
the own password and second factor, because an operator station never logs out (DOMAIN.md 15): else one person who finds a colleague's
session open asks by it and approves as themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.guard.confirming import Confirming
from anlan.guard.principal import Principal
from anlan.model.clock import MINUTE, Micros
from anlan.model.errors import CommandRefused, Forbidden, Hidden
from anlan.plant.checks import check_draft
from anlan.plant.concerned import every, sees
from anlan.plant.description import Plant
from anlan.plant.draft import PlaceIndex, draft_of
from anlan.plant.findings import Findings, PlantMistakes, Where
from anlan.plant.loosening import loosened
from anlan.plant.merging import Moved
from anlan.plant.override_service import Overrides
from anlan.plant.overriding import LONGEST, OVERRIDDEN, Approves, begin, must_be_alone, overridable, override_row, review
from anlan.plant.records import OverrideRow, RequestRow
from anlan.plant.requests import (
    Open,
    Requests,
    RequestVoid,
    must_be_nobody_s,
    must_be_open,
    must_be_signed,
    must_wait_for_signature,
    request_row,
)
from anlan.plant.service import MasterService, outcome
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant, made_as
from anlan.web.api_roster import running_shift
from anlan.web.context import Context
from anlan.web.second_person import second_person

CONFIGURE, WIRE, APPROVE, VIEW = "alarm.configure", "source.configure", "config.approve", "alarm.view"


class MergedMistakes(PlantMistakes):
    """The change does not hold together with what the plant has become since."""

    one = "{count} mistake in the plant with this change:"
    several = "{count} mistakes in the plant with this change:"


class Approvals:
    """One per app process: `Approvals.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._requests = Requests.of(context.extras, context.records, context.clock)
        context.extras["requests.waiting"] = self.waiting_for
        self._overrides = Overrides.of(context)
        self._confirming = Confirming(context.guard)

    @classmethod
    def of(cls, context: Context) -> Approvals:
        service = context.extras.setdefault("plant.approvals", None)
        if service is None:
            service = context.extras["plant.approvals"] = cls(context)
        assert isinstance(service, cls)
        return service

    # ---- looking

    async def list(self, by: Principal, state: str = "") -> list[dict[str, Any]]:
        """Newest first, of the places that this person sees, each with what they may do with it."""
        rows = await asyncio.to_thread(self._requests.rows, state)
        known = await asyncio.to_thread(self._overridden, rows)
        return [self._told(by, row, known.get(row.id)) for row in rows if _sees(by, row)]

    async def one(self, by: Principal, id: UUID) -> dict[str, Any]:
        """Raises NotFound, also for one they may not see."""
        row = await self._row(by, id)
        told = self._told(by, row, (await asyncio.to_thread(self._overridden, [row])).get(id))
        if row.state == "open" and await asyncio.to_thread(self._may_override, by, row):
            told["may"].append("override")
        return told

    async def waiting_for(self, by: Principal) -> int:
        """How many wait for this person's word: to be signed, approved, or taken on."""
        if not by.allows(APPROVE) and not by.allows(CONFIGURE):
            return 0
        waiting = self._requests.waiting()
        if waiting is None:
            waiting = await asyncio.to_thread(self._requests.read_waiting)
        now = self._context.clock.now()
        return sum(one.expires_at > now and _waits_for(by, one) for one in waiting)

    # ---- asking

    async def sign(self, by: Principal, id: UUID, password: str, code: str = "") -> dict[str, Any]:
        """Who asked stands by it; until then it waits for nobody else. Raises NotFound, Forbidden, CodeNeeded, TooManyTries, CommandRefused."""
        row = await self._row(by, id)
        _must_configure(by, row)
        _must_be_person(by)
        must_wait_for_signature(row, by, self._context.clock.now())
        await self._confirming.confirm(by, password, code)
        await asyncio.to_thread(self._requests.sign, id, by)
        return await self.one(by, id)

    async def take_on(self, by: Principal, id: UUID, password: str, code: str = "") -> dict[str, Any]:
        """A person answers for what the machine's account asked for; another may approve it then. Raises as `sign` does."""
        row = await self._row(by, id)
        _must_configure(by, row)
        _must_be_person(by)
        must_be_open(row, self._context.clock.now())
        must_be_nobody_s(row)
        await self._confirming.confirm(by, password, code)
        await asyncio.to_thread(self._requests.take_on, id, by)
        return await self.one(by, id)

    # ---- deciding

    async def approve(self, by: Principal, id: UUID, note: str, password: str, code: str = "") -> dict[str, Any]:
        """Raises NotFound, Forbidden, NotSecond, CommandRefused, RequestVoid, MergedMistakes, Unavailable."""
        row = await self._row(by, id)
        if row.state == "approved" and row.decider == by.person:
            return await self._gone_on(by, id)  # this person's own, that could not be brought into force
        must_be_open(row, self._context.clock.now())
        _all(by, APPROVE, row)
        _all(by, VIEW, row)  # nobody signs for what they were not shown
        must_be_signed(row)
        assert row.requester is not None
        await second_person(self._context, by, row.requester)
        await self._confirming.confirm(by, password, code)
        service = MasterService.of(self._context)
        try:
            made = await service.put_into_force(partial(self._write, row, by, note))
            self._requests.changes += 1
        except Moved as moved:
            await asyncio.to_thread(self._requests.settle)
            raise _void(moved) from moved
        return {**outcome(made), "request": None, "decided": await self.one(by, id)}

    async def end(self, by: Principal, id: UUID, verdict: str, note: str) -> dict[str, Any]:
        """`verdict`: decline or withdraw. Raises NotFound, Forbidden, CommandRefused."""
        row = await self._row(by, id)
        if verdict == "decline":
            _all(by, APPROVE, row)
            if row.requester == by.person:
                raise Forbidden("who asked withdraws the request; another person declines it")
        elif row.requester is None:
            _must_configure(by, row)
        elif row.requester != by.person:
            raise Forbidden("only who asked can withdraw the request")
        state = {"decline": "declined", "withdraw": "withdrawn"}[verdict]
        await asyncio.to_thread(self._requests.end, id, by, state, note)
        return await self.one(by, id)

    # ---- the night override (`plant.overriding`)

    async def override(self, by: Principal, id: UUID, minutes: int, note: str, password: str, code: str = "") -> dict[str, Any]:
        """Who asked brings it into force alone, for some minutes. Raises NotFound, Forbidden, CommandRefused, RequestVoid, Unavailable."""
        row = await self._row(by, id)
        _must_configure(by, row)
        _must_be_person(by)
        must_be_open(row, self._context.clock.now())
        if row.requester != by.person:
            raise Forbidden("only who asked can override the request")
        approves = Approves(self._context.guard.roles, APPROVE, row.told["places"])
        await asyncio.to_thread(self._must_be_alone, by, approves)
        await asyncio.to_thread(lambda: overridable(*self._requests.merged(id)[1:]))
        await self._confirming.confirm(by, password, code)
        lasts = min(minutes * MINUTE, LONGEST)
        try:
            made = await MasterService.of(self._context).put_into_force(
                partial(self._write_override, row, by, lasts, note, approves)
            )
        except Moved as moved:
            await asyncio.to_thread(self._requests.settle)
            raise _void(moved) from moved
        finally:
            self._requests.changes += 1
            await self._overrides.tend(anew=True)
        return {**outcome(made), "request": None, "decided": await self.one(by, id)}

    async def end_override(self, by: Principal, id: UUID) -> dict[str, Any]:
        """Before its time. Raises NotFound, Forbidden, CommandRefused, Unavailable."""
        row = await self._row(by, id)
        _all(by, CONFIGURE, row)
        made = await self._overrides.end(id, by)
        await self._overrides.tend(anew=True)
        return {**outcome(made), "request": None, "decided": await self.one(by, id)}

    async def review(self, by: Principal, id: UUID, verdict: str, text: str, password: str, code: str = "") -> dict[str, Any]:
        """A second person's word on one that has ended. Raises NotFound, Forbidden, NotSecond, CommandRefused."""
        row = await self._row(by, id)
        _all(by, APPROVE, row)
        _must_be_person(by)
        if row.state != OVERRIDDEN or row.requester is None:
            raise CommandRefused("this request was not overridden: there is nothing to review")
        await second_person(self._context, by, row.requester)
        await self._confirming.confirm(by, password, code)

        def write() -> None:
            with self._context.records.session() as session:
                review(session, id, by, self._context.clock.now(), verdict, text)

        await asyncio.to_thread(write)
        self._requests.changes += 1
        await self._overrides.tend(anew=True)
        return await self.one(by, id)

    def _may_override(self, by: Principal, row: RequestRow) -> bool:
        """As far as it is known before the change itself is looked at: who asked, alone by the roster."""
        if row.requester != by.person or by.token is not None:
            return False
        try:
            _must_configure(by, row)
            self._must_be_alone(by, Approves(self._context.guard.roles, APPROVE, row.told["places"]))
        except Forbidden:
            return False
        return True

    def _must_be_alone(self, by: Principal, approves: Approves) -> None:
        with self._context.records.reading() as session:
            must_be_alone(session, by, running_shift(self._context), self._context.clock.now(), approves)

    def _write_override(
        self, row: RequestRow, by: Principal, lasts: Micros, note: str, approves: Approves, _: Imported
    ) -> Imported:
        """The version of this override. Blocking."""
        current, now, after = self._requests.merged(row.id)
        rules = overridable(now, after)
        if current.number != row.base:
            _must_hold_together(after)
        shift = running_shift(self._context)

        def also(session: Session, before: Plant | None, made: Imported) -> None:
            at, kept = self._context.clock.now(), session.get_one(RequestRow, row.id)
            must_be_open(kept, at)
            must_be_alone(session, by, shift, at, approves)
            begin(session, kept, by, at, lasts, note, made.version.number, rules)

        made = import_plant(
            self._context.records, after, author=by.account, reason=row.reason, clock=self._context.clock, onto=current.number, also=also, id=row.id
        )  # fmt: skip
        if not made.new:
            raise RequestVoid("this request is void: the plant is already as it wants it")
        return made

    def _overridden(self, rows: Sequence[RequestRow]) -> dict[UUID, OverrideRow]:
        ids = [row.id for row in rows if row.state == OVERRIDDEN]
        if not ids:
            return {}
        with self._context.records.reading() as session:
            found = {one.id: one for one in session.scalars(sa.select(OverrideRow).where(OverrideRow.id.in_(ids)))}
            session.expunge_all()
            return found

    # ---- inside

    async def _row(self, by: Principal, id: UUID) -> RequestRow:
        row = await asyncio.to_thread(self._requests.row, id)
        if not _sees(by, row):
            raise Hidden("there is no request {id}", id=str(id))
        return row

    async def _gone_on(self, by: Principal, id: UUID) -> dict[str, Any]:
        made = await MasterService.of(self._context).put_into_force(lambda known: made_as(self._context.records, id) or known)
        return {**outcome(made), "request": None, "decided": await self.one(by, id)}

    def _write(self, row: RequestRow, by: Principal, note: str, known: Imported) -> Imported:
        """The version of this approval. Blocking."""
        current, now, after = self._requests.merged(row.id)
        weaker = loosened(now, after)
        if current.number != row.base:
            _must_hold_together(after)

        def also(session: Session, before: Plant | None, made: Imported) -> None:
            # Against the version that really is the base, as `service.guarded` does for one person.
            really = weaker if before is now else loosened(before, made.plant) if before is not None else []
            self._requests.approve(session, row.id, by, note, made.version.number, really, [c.text() for c in made.changes])

        if known.version.number == current.number:
            known = Imported(current, now, known.numbers, new=False)
        made = import_plant(
            self._context.records, after, author=row.account, reason=row.reason, clock=self._context.clock, onto=current.number,
            effect=row.effect, also=also, id=row.id, known=known,
        )  # fmt: skip
        if not made.new:
            raise RequestVoid("this request is void: the plant is already as it wants it")
        return made

    def _told(self, by: Principal, row: RequestRow, override: OverrideRow | None = None) -> dict[str, Any]:
        is_open, own = row.state == "open", row.requester == by.person
        places = row.told["places"]
        configures = _may_configure(by, places, row.told["wired"])
        approves = _all_of(by, APPROVE, places)
        may = {
            "sign": is_open and own and row.signed_at is None,
            "approve": is_open and approves and sees(by, places) and row.signed_at is not None and not own,
            "decline": is_open and approves and not own,
            "withdraw": is_open and (own or (row.requester is None and configures)),
            "take_on": is_open and row.requester is None and configures,
            "end_override": override is not None and override.ended_at is None and configures,
            "review": override is not None
            and override.ended_at is not None
            and not override.reviewed_at
            and approves
            and not own,
        }
        told = {**request_row(row), "override": None if override is None else override_row(override)}
        return {
            **(told if own or sees(by, places) else _in_part(by, told)),
            "may": [name for name, allowed in may.items() if allowed],
        }


def _sees(by: Principal, row: RequestRow) -> bool:
    return row.requester == by.person or any(by.allows(VIEW, place) for place in row.told["places"])


def _in_part(by: Principal, told: dict[str, Any]) -> dict[str, Any]:
    """To who sees some of its places: what lies there; the rest is counted. What is told of the whole alone is left out."""
    shown = {name: [one for one in told[name] if sees(by, one["places"])] for name in ("changes", "loosened")}
    hidden = {name: len(told[name]) - len(shown[name]) for name in shown}
    return {
        **told,
        **shown,
        "more": told["more"] + hidden["changes"],
        "more_loosened": hidden["loosened"],
        "places": every([place] for place in told["places"] if by.allows(VIEW, place)),
        "in_the_way": [],
        "sources_read_anew": [],
        "effect": None,
    }


def _waits_for(by: Principal, one: Open) -> bool:
    if one.requester is None:
        return _may_configure(by, one.places, one.wired)
    if one.signed:
        return one.requester != by.person and _all_of(by, APPROVE, one.places)
    return one.requester == by.person


def _must_be_person(by: Principal) -> None:
    if by.token is not None:
        raise Forbidden("a person signs this, no token does it")


def _may_configure(by: Principal, places: Sequence[str], wired: Sequence[str]) -> bool:
    return _all_of(by, CONFIGURE, places) and _all_of(by, WIRE, wired)


def _must_configure(by: Principal, row: RequestRow) -> None:
    """As who asks for it at the console must. Raises Forbidden."""
    _all(by, CONFIGURE, row)
    for place in row.told["wired"]:
        by.require(WIRE, place)


def _all_of(by: Principal, action: str, places: Sequence[str]) -> bool:
    return all(by.allows(action, place) for place in places)


def _all(by: Principal, action: str, row: RequestRow) -> None:
    for place in row.told["places"]:
        by.require(action, place)


def _void(moved: Moved) -> RequestVoid:
    what = "; ".join(change.text() for change in moved.changes[:5])
    return RequestVoid("this request is void: what it changes has been changed since ({what}); ask anew", what=what)


def _must_hold_together(plant: Plant) -> None:
    findings, where = Findings(), Where("plant")
    check_draft(draft_of(plant, where), PlaceIndex(list(plant.places)), findings)
    if findings.fatal:
        raise MergedMistakes(findings)
