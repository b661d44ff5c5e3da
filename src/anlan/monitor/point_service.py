"""What a person can do with a point: have it inhibited, calibrate it, say that its range was reset on site; ask for a bypass and approve one.

    request ──▶ records (open) ──another person approves──▶ command to the core ──▶ the engine decides ──▶ records (approved), audit

Taking out a gas, fire or safety point, and every bypass, takes two persons (DOMAIN.md 16): who approves is never who asked. Bringing a point
back takes one. What stands is the engine's to say; the records say who agreed. Nothing here reaches a device: an approval of a bypass lets
Anlan's own alarm rest, it bypasses nothing.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Literal
from uuid import UUID

import structlog
from sqlalchemy import select

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import Micros
from anlan.model.errors import CommandRefused, Forbidden, NotFound, StoreError
from anlan.model.frames import NODE_ID
from anlan.model.points import Point
from anlan.monitor.point_commands import PointStepKind
from anlan.monitor.point_modes import Mode, PointStep, standing_of
from anlan.monitor.records import OutRequest
from anlan.web.answers import iso, quality_words
from anlan.web.context import Context

RequestKind = Literal["inhibit", "bypass"]
RIGHT: dict[str, str] = {
    "inhibit": "point.inhibit",
    "end_inhibit": "point.inhibit",
    "calibrate": "point.calibrate",
    "end_calibration": "point.calibrate",
    "reset_over_range": "point.reset",
    "approve_bypass": "bypass.request",
    "end_approval": "bypass.request",
}
APPROVE = "point.approve"
APPROVAL = ".APPROVED"
"""The node's own point beside a bypass (`plant.safety_points`)."""
LISTED = 500

log = structlog.get_logger()


class SecondPersonNeeded(Forbidden):
    """Who asked can't approve."""

    code: ClassVar[str] = "second-person-needed"


class PointService:
    """One per app process: `PointService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    @classmethod
    def of(cls, context: Context) -> PointService:
        service = context.extras.setdefault("monitor.points", None)
        if service is None:
            service = context.extras["monitor.points"] = cls(context)
        assert isinstance(service, cls)
        return service

    def find(self, principal: Principal, point: str, action: str = "live.view") -> tuple[int, Point]:
        """Number and point. Raises NotFound, also for one they may not see; Forbidden without the right."""
        plant = self._context.plant
        number = plant.point_numbers.get(point)
        if number is None or not principal.allows("live.view", plant.points[number].place):
            raise NotFound("there is no point {point}", point=point)
        principal.require(action, plant.points[number].place)
        return number, plant.points[number]

    # ---- steps

    async def step(
        self,
        principal: Principal,
        point: str,
        kind: PointStepKind,
        *,
        reason: str,
        command: UUID,
        until: Micros | None = None,
        work_order: str = "",
        approver: str = "",
        who: str | None = None,
        post: str | None = None,
    ) -> dict[str, Any]:
        """Raises NotFound, Forbidden, CommandRefused, Unavailable. `who` is another than the asker where the asker approves."""
        number, found = self.find(principal, point, APPROVE if approver else RIGHT[kind])
        sent = {
            "id": str(command),
            "kind": kind,
            "point": number,
            "who": who if who is not None else str(principal.person),
            "post": post if post is not None else principal.post,
            "at": self._context.clock.now(),
            "reason": reason,
            "until": until,
            "work_order": work_order,
            "approver": approver,
        }
        result = await self._context.core.command(sent)
        after = {k: sent[k] for k in ("until", "work_order", "approver") if sent[k]} | {
            "accepted": result["accepted"],
            "command": sent["id"],
        }
        await self._audit(principal, f"point.{kind}", found.id, after, reason)
        if not result["accepted"]:
            raise CommandRefused(result["why"] or "the core refused the step", **(result.get("facts") or {}))
        return {"id": result["id"], "accepted": True, "point": found.id, "step": kind}

    # ---- requests of two persons

    async def request(
        self,
        principal: Principal,
        kind: RequestKind,
        point: str,
        *,
        reason: str,
        work_order: str,
        until: Micros,
        command: UUID,
        measures: list[dict[str, Any]] | None = None,
    ) -> dict[str, Any]:
        """Ask. A point that guards no life needs no second person: it is inhibited at once. Raises as `step`."""
        _, found = self.find(principal, point, RIGHT["inhibit" if kind == "inhibit" else "approve_bypass"])
        self._check(kind, found, until, measures or [])
        if kind == "inhibit" and not needs_two(found):
            return await self.step(
                principal, point, "inhibit", reason=reason, command=command, until=until, work_order=work_order
            )
        row = OutRequest(
            id=command,
            kind=kind,
            point=found.id,
            reason=reason,
            work_order=work_order,
            until=until,
            measures=measures or [],
            state="open",
            requester=principal.person,
            requester_zh=principal.name.text("zh"),
            requester_en=principal.name.text("en"),
            requester_post=principal.post,
            requested_at=self._context.clock.now(),
            decider=None,
            decider_zh="",
            decider_en="",
            decided_at=None,
            note="",
        )
        return await asyncio.to_thread(self._keep, principal, row)

    async def decide(
        self, principal: Principal, request: UUID, verdict: Literal["approve", "refuse", "withdraw"], note: str
    ) -> dict[str, Any]:
        """Raises NotFound, Forbidden, SecondPersonNeeded, CommandRefused, Unavailable."""
        row = await asyncio.to_thread(self._row, request)
        _, found = self.find(principal, row.point, "live.view")
        self._may_decide(principal, row, found, verdict)
        if verdict == "approve":
            kind: PointStepKind = "inhibit" if row.kind == "inhibit" else "approve_bypass"
            about = found.id if row.kind == "inhibit" else found.id + APPROVAL
            # Under the request's own id: tried again after a fault it is answered as it was, and done once.
            await self.step(
                principal, about, kind, reason=row.reason, command=row.id, until=row.until, work_order=row.work_order,
                approver=str(principal.person), who=str(row.requester), post=row.requester_post,
            )  # fmt: skip
        state = {"approve": "approved", "refuse": "refused", "withdraw": "withdrawn"}[verdict]
        return await asyncio.to_thread(self._decided, principal, request, state, note)

    async def requests(self, principal: Principal, *, state: str = "", point: str = "") -> list[dict[str, Any]]:
        """Newest first, of the places this person sees."""
        plant = self._context.plant
        rows = await asyncio.to_thread(self._rows, state, point)
        numbers = ((row, plant.point_numbers.get(row.point)) for row in rows)
        return [request_row(row) for row, n in numbers if n is not None and principal.allows("live.view", plant.points[n].place)]

    # ---- looking

    async def modes(self, principal: Principal, point: str) -> dict[str, Any]:
        """What stands on the point, its last steps, and the requests about it."""
        number, found = self.find(principal, point)
        standing = await self.standing()
        steps = await asyncio.to_thread(self._context.journal.steps, number)
        names = await self.names()
        own = [mode_row(mode, step, names) for (n, mode), step in standing.items() if n == number]
        return {
            "point": found.id,
            "modes": own,
            "steps": [step_row(step, names) for step in steps],
            "requests": await self.requests(principal, point=found.id),
            "two_persons": needs_two(found),
            "now": self._context.clock.now(),
        }

    async def standing(self) -> dict[tuple[int, Mode], PointStep]:
        """By number and mode, as the journal has it."""
        return standing_of(await asyncio.to_thread(self._context.journal.last_steps))

    async def names(self) -> dict[str, str]:
        people = await asyncio.to_thread(self._context.guard.people.all)
        return {str(person.id): person.name_zh or person.name_en for person in people}

    # ---- inside

    def _check(self, kind: RequestKind, point: Point, until: Micros, measures: list[dict[str, Any]]) -> None:
        if point.source == NODE_ID:
            raise CommandRefused("the node itself tells this point: nobody can take it out of service")
        if until <= self._context.clock.now():
            raise CommandRefused("an end is needed that lies ahead")
        if kind == "bypass" and point.kind != "bypass":
            raise CommandRefused("{point} is no bypass point", point=point.id)
        if kind == "bypass" and not measures:
            raise CommandRefused("a bypass needs at least one compensating measure")
        known = self._context.plant.point_numbers
        for measure in measures:
            if measure.get("point") and measure["point"] not in known:
                raise CommandRefused("there is no point {point}", point=measure["point"])

    def _may_decide(self, principal: Principal, row: OutRequest, point: Point, verdict: str) -> None:
        if row.state != "open":
            raise CommandRefused("this request is not open any more")
        if verdict == "withdraw":
            if row.requester != principal.person:
                raise Forbidden("only who asked can withdraw the request")
            return
        principal.require(APPROVE, point.place)
        if row.requester == principal.person:
            raise SecondPersonNeeded("who asked can't approve: it takes a second person with own credentials")
        if verdict == "approve" and row.until <= self._context.clock.now():
            raise CommandRefused("the time that was asked for is over: ask anew")

    def _keep(self, principal: Principal, row: OutRequest) -> dict[str, Any]:
        told = request_row(row)
        with self._context.records.session() as session:
            if session.get(OutRequest, row.id) is None:
                session.add(row)
                after = {"until": row.until, "work_order": row.work_order, "measures": row.measures}
                step = Step.of(principal, row.requested_at, f"{row.kind}.request", row.point, after=after, reason=row.reason)
                append(session, step)
        return told

    def _row(self, request: UUID) -> OutRequest:
        with self._context.records.reading() as session:
            row = session.get(OutRequest, request)
            if row is None:
                raise NotFound("there is no request {id}", id=str(request))
            session.expunge(row)
            return row

    def _rows(self, state: str, point: str) -> list[OutRequest]:
        query = select(OutRequest).order_by(OutRequest.requested_at.desc()).limit(LISTED)
        query = query.where(OutRequest.state == state) if state else query
        query = query.where(OutRequest.point == point) if point else query
        with self._context.records.reading() as session:
            rows = list(session.scalars(query))
            session.expunge_all()
            return rows

    def _decided(self, principal: Principal, request: UUID, state: str, note: str) -> dict[str, Any]:
        now = self._context.clock.now()
        with self._context.records.session() as session:
            row = session.get(OutRequest, request)
            assert row is not None
            row.state, row.note, row.decided_at = state, note, now
            row.decider, row.decider_zh, row.decider_en = principal.person, principal.name.text("zh"), principal.name.text("en")
            append(
                session, Step.of(principal, now, f"{row.kind}.{state}", row.point, after={"request": str(row.id)}, reason=note)
            )
            return request_row(row)

    async def _audit(self, principal: Principal, action: str, subject: str, after: dict[str, Any], reason: str) -> None:
        step = Step.of(principal, self._context.clock.now(), action, subject, after=after, reason=reason)
        try:
            await asyncio.to_thread(self._context.guard.record, step)
        except StoreError as failure:
            log.error("step not in the audit record; the journal has it", action=action, subject=subject, error=str(failure))
            self._context.faults["audit"] = failure
        else:
            self._context.faults.pop("audit", None)


def needs_two(point: Point) -> bool:
    """Whether taking the point out of evidence takes two persons (DOMAIN.md 16)."""
    return point.safety or point.kind.startswith(("gas.", "fire."))


def request_row(row: OutRequest) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "kind": row.kind,
        "point": row.point,
        "state": row.state,
        "reason": row.reason,
        "work_order": row.work_order,
        "until": row.until,
        "until_iso": iso(row.until),
        "measures": row.measures,
        "requester": {
            "id": str(row.requester),
            "name": {"zh": row.requester_zh, "en": row.requester_en},
            "post": row.requester_post,
        },
        "requested_at": row.requested_at,
        "decider": None
        if row.decider is None
        else {"id": str(row.decider), "name": {"zh": row.decider_zh, "en": row.decider_en}},
        "decided_at": row.decided_at,
        "note": row.note,
    }


def mode_row(mode: Mode, step: PointStep, names: dict[str, str]) -> dict[str, Any]:
    return {"mode": mode.value, **step_row(step, names)}


def step_row(step: PointStep, names: dict[str, str]) -> dict[str, Any]:
    return {
        "n": step.n,
        "step": step.step,
        "happened_at": step.happened_at,
        "happened_at_iso": iso(step.happened_at),
        "until": step.until,
        "quality": quality_words(step.quality),
        "who": step.who,
        "who_name": names.get(step.who, ""),
        "approver": step.approver,
        "approver_name": names.get(step.approver, ""),
        "post": step.post,
        "reason": step.reason,
        "work_order": step.work_order,
        "command": step.command,
    }
