"""What a person can do with a point: have it inhibited, calibrate it, say that its range was reset on site; ask for a bypass and approve one.

    request ──▶ records (open) ──another person approves──▶ records (deciding) ──▶ the engine decides ──▶ records (approved), audit

Taking out a gas, fire or safety point, and every bypass, takes two persons (DOMAIN.md 16): who approves is never who asked. Bringing a point
back takes one. Both sign with the own password, as an operator station never logs out: its session alone is nobody's word. What
stands is the engine's to say; the records say who agreed. Nothing here reaches a device: an approval of a bypass lets Anlan's own alarm rest,
it bypasses nothing.

Nobody refuses or withdraws what is being decided. What a crash left so, or a core that didn't answer, is settled at the next look: the
journal has the engine's step, or the engine has decided on all that its log held since and there is none.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal
from uuid import UUID

import structlog

from anlan.guard.confirming import Confirming
from anlan.guard.principal import Principal
from anlan.guard.second_person import NotSecond
from anlan.model.clock import HOUR, SECOND, Micros
from anlan.model.errors import AnlanError, CommandRefused, Forbidden, Hidden, InputError, NotFound
from anlan.model.frames import NODE_ID
from anlan.model.points import Point
from anlan.monitor.companions import approval_of
from anlan.monitor.detectors.kinds import calibratable
from anlan.monitor.point_commands import LONGEST, PointStepKind
from anlan.monitor.point_modes import NO_DETECTOR, Mode, PointStep, standing_of
from anlan.monitor.point_requests import OutRequests, request_row
from anlan.monitor.recording_steps import record
from anlan.monitor.records import OutRequest
from anlan.web.answers import iso, quality_words
from anlan.web.context import Context
from anlan.web.second_person import second_person

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
"""The node's own point beside a bypass (`plant.safety_points`)."""
STEP: dict[str, PointStepKind] = {"inhibit": "inhibit", "bypass": "approve_bypass"}
"""What an approval of a request asks of the engine."""
ON_ITS_WAY: Micros = 15 * SECOND
"""So long a command whose answer was lost may still reach the log."""

log = structlog.get_logger()


class PointService:
    """One per app process: `PointService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._requests = OutRequests(context.records, context.clock)
        self._confirming = Confirming(context.guard)
        self._under_way: set[UUID] = set()
        """Requests that are being approved in this process now."""
        self._marks: dict[tuple[str, UUID], int] = {}
        """Where the core's log ended when a request left behind was first looked at."""

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
        if number is None:
            raise NotFound("there is no point {point}", point=point)
        if not principal.allows("live.view", plant.points[number].place):
            raise Hidden("there is no point {point}", point=point)
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
        if kind == "calibrate":
            _check_calibration(found, work_order)
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
        await record(self._context, principal, f"point.{kind}", found.id, after, reason)
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
        password: str = "",
        code: str = "",
    ) -> dict[str, Any]:
        """Ask. A point that guards no life needs no second person and no signature: it is inhibited at once.

        Raises as `step`; InputError, CodeNeeded, TooManyTries: not signed.
        """
        _, found = self.find(principal, point, RIGHT[STEP[kind]])
        self._check(kind, found, until, measures or [])
        if kind == "inhibit" and not needs_two(found):
            return await self.step(
                principal, point, "inhibit", reason=reason, command=command, until=until, work_order=work_order
            )
        await self._signed(principal, password, code)
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
        return await asyncio.to_thread(self._requests.keep, principal, row)

    async def decide(
        self,
        principal: Principal,
        request: UUID,
        verdict: Literal["approve", "refuse", "withdraw"],
        note: str,
        *,
        password: str = "",
        code: str = "",
    ) -> dict[str, Any]:
        """An approval is signed. Raises NotFound, Forbidden, NotSecond, InputError, CodeNeeded, TooManyTries, CommandRefused, Unavailable."""
        row = await asyncio.to_thread(self._requests.row, request)
        _, found = self.find(principal, row.point, "live.view")
        asked, row = row.state, await self._settled(row)
        if (asked, row.state, verdict) == ("deciding", "approved", "approve") and row.decider == principal.person:
            return request_row(row)  # this person's own, whose answer was lost
        self._may_decide(principal, row, found, verdict)
        if verdict == "approve":
            await second_person(self._context, principal, row.requester)
            await self._signed(principal, password, code)
            return await self._approve(principal, row, found, note)
        state = {"refuse": "refused", "withdraw": "withdrawn"}[verdict]
        return await asyncio.to_thread(self._requests.decide, principal, request, "open", state, note)

    async def _signed(self, principal: Principal, password: str, code: str) -> None:
        if principal.token is not None:
            raise Forbidden("a person signs this, no token does it")
        if not password:
            raise InputError("it takes two persons, and each signs with the own password: none was given")
        await self._confirming.confirm(principal, password, code)

    async def _approve(self, principal: Principal, row: OutRequest, found: Point, note: str) -> dict[str, Any]:
        """Claimed first, so that nobody refuses what the engine is about to take. Unanswered by the core it stays claimed."""
        about = found.id if row.kind == "inhibit" else approval_of(found.id)
        self._under_way.add(row.id)
        try:
            claimed = await asyncio.to_thread(self._requests.claim, principal, row.id, note)
            # Under the request's own id: tried again after a fault it is answered as it was, and done once.
            await self._step_of(principal, row, about, claimed)
            return await asyncio.to_thread(self._requests.decide, principal, row.id, "deciding", "approved", note)
        finally:
            self._under_way.discard(row.id)

    async def _step_of(self, principal: Principal, row: OutRequest, about: str, claimed: Micros) -> None:
        try:
            await self.step(
                principal, about, STEP[row.kind], reason=row.reason, command=row.id, until=row.until, work_order=row.work_order,
                approver=str(principal.person), who=str(row.requester), post=row.requester_post,
            )  # fmt: skip
        except AnlanError as refused:
            if refused.status < 500:
                await asyncio.to_thread(self._requests.reopen, row.id, claimed)
            raise

    async def requests(self, principal: Principal, *, state: str = "", point: str = "") -> list[dict[str, Any]]:
        """Newest first, of the places this person sees."""
        plant = self._context.plant
        await self._settle_all()
        rows = await asyncio.to_thread(self._requests.rows, state, point)
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
        return await asyncio.to_thread(self._context.guard.people.names)

    # ---- what was left behind

    async def _settle_all(self) -> None:
        for row in await asyncio.to_thread(self._requests.rows, "deciding"):
            try:
                await self._settled(row)
            except AnlanError as error:
                log.warning("request stays undecided", request=str(row.id), error=str(error))

    async def _settled(self, row: OutRequest) -> OutRequest:
        """As it is by what the engine did: a step under its id stands, or there can't be one any more, or nobody can say yet."""
        if row.state not in {"open", "deciding"} or row.id in self._under_way:
            return row
        never = row.state == "deciding" and await self._all_decided(row)
        step = await asyncio.to_thread(self._context.journal.step_of, str(row.id))
        if step is not None:
            people = await asyncio.to_thread(self._context.guard.people.all)
            zh, en = next(((p.name_zh, p.name_en) for p in people if str(p.id) == step.approver), ("", ""))
            return await asyncio.to_thread(self._requests.approved_by, row.id, step, zh, en)
        return await asyncio.to_thread(self._requests.reopen, row.id, row.decided_at) if never else row

    async def _all_decided(self, row: OutRequest) -> bool:
        """Whether the engine has decided on all that the log held after the claim; False while the core doesn't answer."""
        if self._context.clock.now() < (row.decided_at or 0) + ON_ITS_WAY:
            return False
        try:
            status = await self._context.core.status()
        except AnlanError:
            return False
        mark = self._marks.setdefault((status["incarnation"], row.id), status["log"]["last"])
        return bool(status["engine"]["done"] >= mark)

    # ---- inside

    def _check(self, kind: RequestKind, point: Point, until: Micros, measures: list[dict[str, Any]]) -> None:
        if point.source == NODE_ID:
            raise CommandRefused("the node itself tells this point: nobody can take it out of service")
        if until <= self._context.clock.now():
            raise CommandRefused("an end is needed that lies ahead")
        longest = LONGEST[STEP[kind]]
        if until - self._context.clock.now() > longest:
            # Refused only at the approval it could never be approved: the engine remembers its answer under the request's id.
            raise CommandRefused("this lasts {hours} h at most", hours=longest // HOUR)
        if kind == "bypass" and point.kind != "bypass":
            raise CommandRefused("{point} is no bypass point", point=point.id)
        if kind == "bypass" and not measures:
            raise CommandRefused("a bypass needs at least one compensating measure")
        known = self._context.plant.point_numbers
        for measure in measures:
            if measure.get("point") and measure["point"] not in known:
                raise CommandRefused("there is no point {point}", point=measure["point"])

    def _may_decide(self, principal: Principal, row: OutRequest, point: Point, verdict: str) -> None:
        own = verdict == "approve" and row.decider == principal.person
        if row.id in self._under_way or (row.state == "deciding" and not own):
            raise CommandRefused("this request is being decided: look again in a moment")
        if row.state not in {"open", "deciding"}:
            raise CommandRefused("this request is not open any more")
        if verdict == "withdraw":
            if row.requester != principal.person:
                raise Forbidden("only who asked can withdraw the request")
            return
        principal.require(APPROVE, point.place)
        if row.requester == principal.person:
            raise NotSecond("who asked can't approve: it takes a second person with own credentials")
        if verdict == "approve" and row.until <= self._context.clock.now():
            raise CommandRefused("the time that was asked for is over: ask anew")


def _check_calibration(point: Point, work_order: str) -> None:
    """One person begins it, so it is only for what is calibrated, and for a work order. Raises CommandRefused."""
    if not calibratable(point):
        raise CommandRefused(NO_DETECTOR, point=point.id)
    if not work_order.strip():
        raise CommandRefused("a work order is needed to calibrate a detector")


def needs_two(point: Point) -> bool:
    """Whether taking the point out of evidence takes two persons (DOMAIN.md 16)."""
    return point.safety or point.kind.startswith(("gas.", "fire."))


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
