"""Detectors as people see them: what each is worth now, the votes in force, and calibrations from the first gas to the record.

A calibration's numbers come from the detector's own readings while it is in calibration mode; the person says what was applied and what the
result is. Only the plant's own limits judge (section `detectors`); where there are none the result is the person's alone. A result that the
plant's limits contradict is refused. The record outlives the node's log: it stands in records.db with its audit leaf.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

import numpy as np
import structlog
from sqlalchemy import select

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import HOUR, SECOND, Micros, to_datetime
from anlan.model.errors import AnlanError, CommandRefused, InputError
from anlan.model.kinds import kinds
from anlan.model.points import Point
from anlan.model.principles import principles
from anlan.monitor.companions import due_of
from anlan.monitor.config import SUFFIX
from anlan.monitor.detectors.config import DetectorLimit, references
from anlan.monitor.detectors.dates import dates_of
from anlan.monitor.detectors.kinds import is_detector
from anlan.monitor.detectors.response import Verdict, error_of_range, judge, measure
from anlan.monitor.detectors.vote import VoteInForce, in_force
from anlan.monitor.point_commands import PointStepKind
from anlan.monitor.point_modes import Mode
from anlan.monitor.point_service import PointService, mode_row
from anlan.monitor.records import Calibration
from anlan.monitor.service import AlarmService
from anlan.monitor.states import HIDDEN
from anlan.monitor.sums import Sums
from anlan.store.ids import uuid7
from anlan.web.answers import finite, iso, quality_words
from anlan.web.context import Context, PlantView
from anlan.web.widgets import unit_label

"""The node's own point beside a detector (`plant.safety_points`)."""
LOOK_SECONDS = 30.0
BEFORE: Micros = 60 * SECOND
"""Readings before the gas from which the baseline comes."""
LONGEST_TEST: Micros = HOUR
OVERDUE_REASON = "the date of its calibration has passed"
IN_DATE_REASON = "its calibration is in date"

log = structlog.get_logger()


class DetectorService:
    """One per app process: `DetectorService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._points = PointService.of(context)

    @classmethod
    def of(cls, context: Context) -> DetectorService:
        service = context.extras.setdefault("monitor.detectors", None)
        if service is None:
            service = context.extras["monitor.detectors"] = cls(context)
            context.background.append(service.watch_dates)
        assert isinstance(service, cls)
        return service

    # ---- looking

    async def detectors(self, principal: Principal) -> dict[str, Any]:
        """Every gas and fire detector this person sees, by tag, and every voting group."""
        plant, live = self._context.plant, self._context.live
        numbers = [n for n, p in plant.points.items() if is_detector(p) and principal.allows("live.view", p.place)]
        numbers.sort(key=lambda n: plant.points[n].id)
        words = dict(zip(numbers, live.quality_now(np.array(numbers, np.int64)).tolist(), strict=True)) if numbers else {}
        standing, names = await self._points.standing(), await self._points.names()
        dates = await asyncio.to_thread(dates_of, self._context.plant, self._context.records)
        await Sums.of(self._context).refresh()
        under_test = frozenset(Sums.of(self._context).under_test())
        today = self.today()
        rows = []
        for n in numbers:
            due = dates.get(plant.points[n].id)
            modes = [mode_row(mode, standing[n, mode], names) for mode in Mode if (n, mode) in standing]
            more = {"modes": modes, "device_says": _says(n, under_test), "alarms": self._alarms(plant.points[n].id)}
            rows.append({**_described(plant, n), **self._now(n, words[n]), **_due(due, today), **more})
        return {
            "at": self._context.clock.now(),
            "connected": live.connected,
            "items": rows,
            "votes": self._votes(principal, under_test),
        }

    def _alarms(self, point: str) -> list[dict[str, Any]]:
        """Its standing alarms that are not hidden, worst first."""
        plant, standing = self._context.plant, AlarmService.of(self._context).board.standing
        mine = [(plant.rules[n], standing[n].last.after) for n in plant.rules_of_point.get(point, ()) if n in standing]
        shown = [(rule, state) for rule, state in mine if state not in HIDDEN]
        return [{"id": r.id, "priority": r.priority, "state": s.name} for r, s in sorted(shown, key=lambda one: one[0].priority)]

    def _votes(self, principal: Principal, under_test: frozenset[int]) -> list[dict[str, Any]]:
        """Each voting group with the vote in force."""
        plant = self._context.plant
        return [self._vote(vote, under_test) for vote in plant.votes if principal.allows("live.view", vote.place)]

    def _vote(self, vote: Any, under_test: frozenset[int]) -> dict[str, Any]:
        plant, live = self._context.plant, self._context.live
        numbers = np.array([plant.point_numbers[m] for m in vote.members], np.int64)
        found: VoteInForce = in_force(vote, live.quality_now(numbers).tolist())
        own = plant.point_numbers.get(vote.id)
        value = finite(float(live.value[own])) if own is not None and own < len(live.value) else None
        members = [
            {**asdict(m), "value": finite(float(live.value[n])), "device_says": _says(int(n), under_test)}
            for m, n in zip(found.members, numbers, strict=True)
        ]
        return {
            "id": vote.id,
            "name": vote.name.model_dump(),
            "place": vote.place,
            "limit": vote.limit,
            "side": vote.side,
            "designed": found.designed,
            "in_force": found.text,
            "degraded": found.degraded,
            "nobody": found.nobody,
            "met": None if value is None else bool(value),
            "members": members,
        }

    def _now(self, number: int, word: int) -> dict[str, Any]:
        live = self._context.live
        return {
            "value": finite(float(live.value[number])) if number < len(live.value) else None,
            "time": (int(live.time[number]) or None) if number < len(live.time) else None,
            "quality": quality_words(word),
        }

    def today(self) -> date:
        return to_datetime(self._context.clock.now()).astimezone(ZoneInfo(self._context.plant.zone)).date()

    # ---- calibrating

    async def response(self, principal: Principal, point: str, gas_on: Micros) -> dict[str, Any]:
        """What the detector's readings say of the gas that was applied at `gas_on`. Raises InputError for a test of more than an hour."""
        number, found = self._points.find(principal, point)
        now = self._context.clock.now()
        if not 0 <= now - gas_on <= LONGEST_TEST:
            raise InputError("the gas was applied at {at}; an instant within the last hour was expected", at=iso(gas_on))
        table = await asyncio.to_thread(self._context.history.read, [number], gas_on - BEFORE, now + SECOND)
        time, value = table["time"].to_numpy(), table["value"].to_numpy()
        low, high = _range(found)
        measured = measure(time, value, gas_on, high - low)
        rows = [[int(t), finite(float(v))] for t, v in zip(time, value, strict=True)]
        return {**measured.as_json(), "gas_on": gas_on, "now": now, "readings_from": rows}

    def judged(
        self, point: Point, applied: float | None, as_found: float | None, as_left: float | None, t90: float | None
    ) -> list[Verdict]:
        """Each number against the plant's own limit."""
        limit = self._limit(point)
        low, high = _range(point)
        error = limit.error if limit is not None else None
        found = None if applied is None else error_of_range(as_found, applied, low, high)
        left = None if applied is None else error_of_range(as_left, applied, low, high)
        return [
            judge("as_found_error", found, error, "%"),
            judge("as_left_error", left, error, "%"),
            judge("t90", t90, limit.t90 if limit is not None else None, "s"),
        ]

    async def finish(self, principal: Principal, point: str, told: dict[str, Any], command: UUID) -> dict[str, Any]:
        """Keep the record and end the calibration mode. Raises CommandRefused when the result contradicts the plant's limits.

        What fails once the record is kept is told in `why`, not raised: tried again it would be another calibration.
        """
        number, found = self._points.find(principal, point, "point.calibrate")
        row = await asyncio.to_thread(self._kept, command)
        if row is None:
            row = await self._judged_and_kept(principal, number, found, told, command)
        why = await self._end(principal, point, number, told["reason"], command)
        try:
            await self.tell_dates()
        except AnlanError as error:
            log.warning("calibration dates not told, the next look tells them", error=str(error))
        return {"calibration": row, "ended": why is None, "why": why}

    async def _judged_and_kept(
        self, principal: Principal, number: int, found: Point, told: dict[str, Any], command: UUID
    ) -> dict[str, Any]:
        measured = await self._measured(principal, found.id, told.get("gas_on"))
        verdicts = self.judged(found, told.get("applied"), told.get("as_found"), told.get("as_left"), measured.get("t90"))
        wrong = [v for v in verdicts if v.within is False and v.quantity != "as_found_error"]
        if told["result"] == "pass" and wrong:
            raise CommandRefused(
                "the result is pass, but {quantity} is {value} {unit} and the plant's limit {limit} {unit}",
                quantity=wrong[0].quantity, value=round(wrong[0].value or 0, 2), unit=wrong[0].unit, limit=wrong[0].limit,
            )  # fmt: skip
        standing = (await self._points.standing()).get((number, Mode.CALIBRATING))
        began = standing.happened_at if standing is not None else self._context.clock.now()
        return await asyncio.to_thread(self._keep, principal, found, told, measured, verdicts, began, command)

    async def _measured(self, principal: Principal, point: str, gas_on: Micros | None) -> dict[str, Any]:
        if gas_on is None:
            return {}
        found = await self.response(principal, point, gas_on)
        return {key: found[key] for key in ("baseline", "final", "t90", "resolution", "settled", "readings")}

    async def _end(self, principal: Principal, point: str, number: int, reason: str, record: UUID) -> dict[str, str] | None:
        """None when it ended, else why not, in both languages: its time was over already, or the core is away."""
        command = uuid5(record, "end_calibration")
        try:
            if await asyncio.to_thread(self._context.journal.step_of, str(command)) is not None:
                return None
            if (number, Mode.CALIBRATING) not in await self._points.standing():
                raise CommandRefused("the point is not in calibration")
            await self._points.step(principal, point, "end_calibration", reason=reason, command=command)
        except AnlanError as error:
            log.warning("calibration kept, its mode not ended", point=point, error=str(error))
            return {"zh": error.text("zh"), "en": error.text("en")}
        return None

    def _kept(self, record: UUID) -> dict[str, Any] | None:
        with self._context.records.reading() as session:
            row = session.get(Calibration, record)
            return None if row is None else calibration_row(row)

    def _keep(
        self, principal: Principal, point: Point, told: dict[str, Any], measured: dict[str, Any], verdicts: list[Verdict],
        began: Micros, command: UUID,
    ) -> dict[str, Any]:  # fmt: skip
        now, limit = self._context.clock.now(), self._limit(point)
        following = ""
        if told["result"] == "pass" and limit is not None and limit.interval is not None:
            following = (self.today() + timedelta(days=limit.interval)).isoformat()
        row = Calibration(
            id=command,
            point=point.id,
            began_at=began,
            ended_at=now,
            gas_on=told.get("gas_on"),
            person=principal.person,
            name_zh=principal.name.text("zh"),
            name_en=principal.name.text("en"),
            post=principal.post,
            gas=told.get("gas") or point.calibration_gas or point.gas,
            applied=told.get("applied"),
            unit=point.unit,
            as_found=told.get("as_found"),
            as_left=told.get("as_left"),
            t90=measured.get("t90"),
            measured=measured,
            judged=[asdict(v) for v in verdicts],
            result=told["result"],
            certificate=told.get("certificate") or "",
            reason=told["reason"],
            next_due=following,
        )
        shown = calibration_row(row)
        with self._context.records.session() as session:
            if (kept := session.get(Calibration, command)) is not None:
                return calibration_row(kept)
            session.add(row)
            append(session, Step.of(principal, now, "point.calibration", point.id, after=shown, reason=told["reason"]))
        return shown

    async def calibrations(self, principal: Principal, point: str, limit: int = 100) -> list[dict[str, Any]]:
        """Of one detector, newest first: its T90 over the years."""
        _, found = self._points.find(principal, point)

        def read() -> list[dict[str, Any]]:
            query = select(Calibration).where(Calibration.point == found.id).order_by(Calibration.ended_at.desc()).limit(limit)
            with self._context.records.reading() as session:
                return [calibration_row(row) for row in session.scalars(query)]

        return await asyncio.to_thread(read)

    def demands(self, point: Point) -> dict[str, Any]:
        """The plant's own limits, and a standard's beside them."""
        limit, hazard = self._limit(point), kinds()[point.kind].hazard
        beside = [asdict(r) for r in references() if r.hazard == hazard]
        own = None if limit is None else limit.model_dump(mode="json")
        return {"own": own, "references": beside}

    def _limit(self, point: Point) -> DetectorLimit | None:
        settings = self._context.plant.detectors
        found: DetectorLimit | None = None if settings is None else settings.limit(kinds()[point.kind].hazard, point.gas)
        return found

    # ---- dates

    async def watch_dates(self) -> None:
        """Until cancelled: tell the engine whose calibration is overdue, when it changes."""
        while True:
            try:
                await self.tell_dates()
            except AnlanError as error:
                log.warning("calibration dates not told", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def tell_dates(self) -> None:
        context, today = self._context, self.today()
        if not context.live.connected:
            return
        dates = await asyncio.to_thread(dates_of, context.plant, context.records)
        for point, due in dates.items():
            number = context.plant.point_numbers.get(due_of(point))
            if number is None:
                continue
            overdue = today > due
            known = float(context.live.value[number]) if number < len(context.live.value) else float("nan")
            if known != float(overdue):
                await self._tell(number, "calibration_overdue" if overdue else "calibration_in_date", overdue)

    async def _tell(self, number: int, kind: PointStepKind, overdue: bool) -> None:
        context = self._context
        await context.core.command(
            {
                "id": str(uuid7(context.clock)),
                "kind": kind,
                "point": number,
                "who": "node",
                "post": "",
                "at": context.clock.now(),
                "reason": OVERDUE_REASON if overdue else IN_DATE_REASON,
                "until": None,
                "work_order": "",
                "approver": "",
            }
        )


def _says(number: int, under_test: frozenset[int]) -> str | None:
    """What the device's own state says of readings that look plain."""
    return "calibrating" if number in under_test else None


def _described(plant: PlantView, number: int) -> dict[str, Any]:
    point = plant.points[number]
    alarms: Iterable[int] = plant.rules_of_point.get(point.id, ())
    limits = {SUFFIX[plant.rules[n].kind]: plant.rules[n].limit for n in alarms if plant.rules[n].limit is not None}
    return {
        "point": point.id,
        "name": point.name.model_dump(),
        "kind": point.kind,
        "place": point.place,
        "gas": point.gas,
        "unit": point.unit,
        "unit_text": unit_label(point).model_dump(),
        "decimals": point.decimals,
        "states": {str(state): label.model_dump() for state, label in point.states.items()} or None,
        "range": [point.range_low, point.range_high],
        "principle": principles()[point.principle].name.model_dump() if point.principle else None,
        "latches": bool(point.principle) and principles()[point.principle].latches,
        "limits": limits,
        "certificate": point.calibration.certificate if point.calibration is not None else "",
    }


def _due(due: date | None, today: date) -> dict[str, Any]:
    if due is None:
        return {"due": None, "days_left": None, "overdue": None}
    return {"due": due.isoformat(), "days_left": (due - today).days, "overdue": today > due}


def _range(point: Point) -> tuple[float, float]:
    """Raises InputError for a detector without one: nothing could be told in per cent of it."""
    if point.range_low is None or point.range_high is None:
        raise InputError("{point} has no range in the plant folder, so its calibration can't be judged", point=point.id)
    return point.range_low, point.range_high


def calibration_row(row: Calibration) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "point": row.point,
        "began_at": row.began_at,
        "ended_at": row.ended_at,
        "ended_at_iso": iso(row.ended_at),
        "gas_on": row.gas_on,
        "who": {"zh": row.name_zh, "en": row.name_en},
        "post": row.post,
        "gas": row.gas,
        "applied": row.applied,
        "unit": row.unit,
        "as_found": row.as_found,
        "as_left": row.as_left,
        "t90": row.t90,
        "measured": row.measured,
        "judged": row.judged,
        "result": row.result,
        "certificate": row.certificate,
        "reason": row.reason,
        "next_due": row.next_due or None,
    }
