"""The safety system as people see it: the live matrix, the demand log over any span, and the wall of bypasses."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import numpy as np

from anlan.guard.principal import Principal
from anlan.model.clock import DAY, SECOND, Micros
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmState
from anlan.model.points import Point
from anlan.model.quality import Severity, quality
from anlan.monitor.companions import approval_of, condition_alarm_of
from anlan.monitor.point_modes import Mode
from anlan.monitor.point_service import PointService, step_row
from anlan.monitor.safety.config import Effect, SafetySystem
from anlan.monitor.safety.demands import FIRST_OUT_WITHIN, Series, demands
from anlan.monitor.safety.matrix import matrix
from anlan.monitor.service import AlarmService
from anlan.monitor.states import ACTIVE
from anlan.web.answers import finite, iso, quality_words
from anlan.web.context import Context
from anlan.web.widgets import unit_label

LONGEST: Micros = 31 * DAY
BUCKETS = 2_000
AROUND: Micros = 5 * SECOND
"""Before a change, so that its edge is in what is read."""
AFTER_STROKE: Micros = 10 * SECOND
_BAD = quality(Severity.BAD)
_NO_DATA = quality(Severity.BAD)
_MINUTES = {"s": 1 / 60, "min": 1.0, "h": 60.0}


class SafetyService:
    """One per app process: `SafetyService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._points, self._alarms = PointService.of(context), AlarmService.of(context)

    @classmethod
    def of(cls, context: Context) -> SafetyService:
        service = context.extras.setdefault("monitor.safety", None)
        if service is None:
            service = context.extras["monitor.safety"] = cls(context)
        assert isinstance(service, cls)
        return service

    @property
    def system(self) -> SafetySystem:
        found = self._context.plant.safety
        return found if isinstance(found, SafetySystem) else SafetySystem()

    # ---- the matrix

    def matrix(self, principal: Principal) -> dict[str, Any]:
        """Causes, effects and the cells between them, of what this person sees."""
        found = matrix(self._seen(principal), self._look, self._overdue)
        causes = [
            {
                "id": row.cause.id,
                "name": self._name(row.cause.name, row.cause.point),
                "point": row.cause.point,
                "state": row.state.value,
                "bypassed": row.bypassed.value,
                "bypass": row.cause.bypass,
                "first_out": row.first_out,
                "sil": row.cause.sil,
                "watches": [self._watched(point) for point in row.cause.watches],
                "effects": {effect: found.cells[row.cause.id, effect].value for effect in row.cause.effects if (row.cause.id, effect) in found.cells},
            }
            for row in found.rows
        ]  # fmt: skip
        effects = [
            {
                "id": column.effect.id,
                "name": self._name(column.effect.name, column.effect.confirmed_by[0] if column.effect.confirmed_by else ""),
                "safe": column.effect.safe,
                "stroke_time": column.effect.stroke_time,
                "position": column.position.value,
                "demanded_by": list(column.demanded_by),
            }
            for column in found.columns
        ]
        return {
            "at": self._context.clock.now(),
            "connected": self._context.live.connected,
            "described": bool(self.system.causes),
            "first_out": self._first_out(found.first_out),
            "causes": causes,
            "effects": effects,
        }

    def _seen(self, principal: Principal) -> SafetySystem:
        """Causes and effects whose points this person may see."""
        plant, system = self._context.plant, self.system

        def may(point: str | None) -> bool:
            number = plant.point_numbers.get(point or "")
            return number is not None and principal.allows("live.view", plant.points[number].place)

        causes = tuple(c for c in system.causes if may(c.point))
        effects = tuple(e for e in system.effects if e.confirmed_by is not None and may(e.confirmed_by[0]))
        return system.model_copy(update={"causes": causes, "effects": effects})

    def _look(self, point: str) -> tuple[float, int]:
        number = self._context.plant.point_numbers.get(point)
        live = self._context.live
        if number is None or number >= len(live.value):
            return float("nan"), _NO_DATA
        return float(live.value[number]), int(live.quality_now(np.array([number], np.int64))[0])

    def _overdue(self, effect: Effect) -> bool:
        confirmed = effect.confirmed_by
        number = self._context.plant.rule_numbers.get(condition_alarm_of(confirmed[0])) if confirmed else None
        standing = self._alarms.board.standing.get(number) if number is not None else None
        # Hidden or not: a valve that has not moved has not moved.
        return standing is not None and (standing.last.after in ACTIVE or standing.last.after in _STILL_ON)

    def _watched(self, point: str) -> dict[str, Any]:
        number = self._context.plant.point_numbers.get(point)
        found = self._context.plant.points[number] if number is not None else None
        value, word = self._look(point)
        trip = self._context.plant.trips.get(point)
        return {
            "point": point,
            "name": found.name.model_dump() if found is not None else {"zh": point, "en": point},
            "value": finite(value),
            "quality": quality_words(word),
            "decimals": found.decimals if found is not None else 0,
            "unit_text": unit_label(found).model_dump() if found is not None else None,
            "text": _text(found, value),
            "trip": None if trip is None else {"low": trip.low, "high": trip.high},
        }

    def _first_out(self, value: float | None) -> dict[str, Any] | None:
        point = self.system.first_out
        number = self._context.plant.point_numbers.get(point or "")
        if point is None or number is None:
            return None
        state = self._context.plant.points[number].states.get(int(value)) if value is not None else None
        return {
            "point": point,
            "value": value,
            "text": state.model_dump() if state is not None else None,
            "time": int(self._context.live.time[number]) or None if number < len(self._context.live.time) else None,
        }

    def _name(self, written: Any, point: str) -> dict[str, str]:
        if written.zh or written.en:
            return dict(written.model_dump())
        number = self._context.plant.point_numbers.get(point)
        return dict(self._context.plant.points[number].name.model_dump()) if number is not None else {"zh": point, "en": point}

    # ---- demands

    async def demands(self, principal: Principal, start: Micros, end: Micros) -> dict[str, Any]:
        """Every time a cause acted between `start` and `end`. Raises InputError for a longer span than a month."""
        if not 0 < end - start <= LONGEST:
            raise InputError("a demand log covers {days} days at most", days=LONGEST // DAY)
        system = self._seen(principal)
        end = min(end, self._context.clock.now())
        found = await asyncio.to_thread(self._found, system, start, end) if system.causes and end > start else []
        return {"start": start, "end": end, "items": [{**one, "at_iso": iso(one["at"])} for one in found]}

    async def whole_log(self, start: Micros, end: Micros) -> list[dict[str, Any]]:
        """The demand log of the whole plant, whoever asks: for counts, which a part of it would make another figure. At most a month."""
        system = self.system
        end = min(end, self._context.clock.now())
        span = max(start, end - LONGEST)
        return await asyncio.to_thread(self._found, system, span, end) if system.causes and end > span else []

    def _found(self, system: SafetySystem, start: Micros, end: Micros) -> list[dict[str, Any]]:
        numbers = self._context.plant.point_numbers
        causes = sorted({numbers[c.point] for c in system.causes})
        spans = self._changes(causes, start, end)
        longest = max((e.stroke_time for e in system.effects), default=0.0)
        more = AFTER_STROKE + FIRST_OUT_WITHIN + round(longest * SECOND)
        log: dict[tuple[str, Micros], dict[str, Any]] = {}
        for since, until in _joined([(a - AROUND, b + more) for a, b in spans]):
            series = self._series(system, since, min(until, end + SECOND))
            for demand in demands(system, series, min(until, end)):
                if start <= demand.at < end:
                    log.setdefault((demand.cause, demand.at), demand.as_json())
        return sorted(log.values(), key=lambda one: (-one["at"], one["cause"]))

    def _changes(self, points: list[int], start: Micros, end: Micros) -> list[tuple[Micros, Micros]]:
        """Spans in which a cause's value moved: only there the readings themselves are looked at."""
        table = self._context.history.trend(points, start, end, BUCKETS)
        rows = zip(*(table[name].to_pylist() for name in ("point", "time", "width", "min", "max", "first", "last")), strict=True)
        found: list[tuple[Micros, Micros]] = []
        before: dict[int, tuple[float, Micros]] = {}
        for point, time, width, low, high, first, last in rows:
            if low is None:
                continue
            known = before.get(point)
            if low != high or (known is not None and known[0] != first):
                found.append((time if low != high else known[1], time + width))  # type: ignore[index]
            before[point] = (last, time)
        return found

    def _series(self, system: SafetySystem, since: Micros, until: Micros) -> dict[str, Series]:
        numbers = self._context.plant.point_numbers
        wanted = {numbers[p]: p for p in system.points() if p in numbers}
        table = self._context.history.read(sorted(wanted), since, until)
        point, columns = table["point"].to_numpy(), [table[name].to_numpy() for name in ("time", "value", "quality")]
        time, value, word = columns
        return {
            name: Series(
                time[point == n].astype(np.int64), value[point == n].astype(np.float64), word[point == n].astype(np.int64)
            )
            for n, name in wanted.items()
        }

    # ---- bypasses

    async def bypasses(self, principal: Principal) -> dict[str, Any]:
        """The wall: every bypass point, whether it is on, by whom it was approved and until when, and whether its compensating measures hold."""
        plant = self._context.plant
        points = [p for p in plant.points.values() if p.kind == "bypass" and principal.allows("live.view", p.place)]
        standing, names = await self._points.standing(), await self._points.names()
        requests = await self._points.requests(principal)
        causes = {c.bypass: c for c in self.system.causes if c.bypass is not None}
        rows = [self._bypass(point, causes.get(point.id), standing, names, requests) for point in points]
        rows.sort(key=lambda row: (not row["alarm"], row["state"] != "on", row["point"]))
        return {"at": self._context.clock.now(), "connected": self._context.live.connected, "items": rows}

    def _bypass(self, point: Point, cause: Any, standing: dict[Any, Any], names: dict[str, str], requests: list[dict[str, Any]]) -> dict[str, Any]:  # fmt: skip
        value, word = self._look(point.id)
        known = word < _BAD and value == value  # noqa: PLR0124  (NaN)
        number = self._context.plant.point_numbers.get(approval_of(point.id), -1)
        approval = standing.get((number, Mode.APPROVED))
        mine = [one for one in requests if one["point"] == point.id and one["kind"] == "bypass"]
        agreed = next((one for one in mine if approval is not None and one["id"] == approval.command), None)
        state = "unknown" if not known else "on" if value else "off"
        return {
            "point": point.id,
            "name": point.name.model_dump(),
            "place": point.place,
            "state": state,
            "value": finite(value),
            "quality": quality_words(word),
            "text": point.states[int(value)].model_dump() if known and int(value) in point.states else None,
            "cause": None if cause is None else {"id": cause.id, "name": self._name(cause.name, cause.point), "sil": cause.sil},
            "left": self._left(cause) if state == "on" else None,
            "approved": approval is not None,
            "approval": None if approval is None else step_row(approval, names),
            "measures": [self._measure(one) for one in (agreed["measures"] if agreed is not None else ())],
            "open": [one for one in mine if one["state"] in {"open", "deciding"}],
            # Last known on and unapproved, whatever can be seen now: losing sight of it must not make it look approved.
            "alarm": approval is None and bool(value) and value == value,  # noqa: PLR0124
        }

    def _left(self, cause: Any) -> float | None:
        """s, by the safety system's own countdown."""
        if cause is None or cause.bypass_left is None:
            return None
        value, word = self._look(cause.bypass_left)
        number = self._context.plant.point_numbers[cause.bypass_left]
        minutes = _MINUTES.get(self._context.plant.points[number].unit)
        return None if word >= _BAD or minutes is None else finite(value * 60 * minutes)

    def _measure(self, one: dict[str, Any]) -> dict[str, Any]:
        """With its live proof: `holds`, `broken`, `unknown`; None where only people can say."""
        if not one.get("point"):
            return {**one, "proof": None, "value": None}
        value, word = self._look(one["point"])
        low, high = one.get("low"), one.get("high")
        if word >= _BAD or value != value:  # noqa: PLR0124  (NaN)
            proof = "unknown"
        elif low is None and high is None:
            proof = "holds"
        else:
            proof = "holds" if (low is None or value >= low) and (high is None or value <= high) else "broken"
        number = self._context.plant.point_numbers[one["point"]]
        point = self._context.plant.points[number]
        return {
            **one,
            "proof": proof,
            "value": finite(value),
            "decimals": point.decimals,
            "unit_text": unit_label(point).model_dump(),
        }


def _text(point: Point | None, value: float) -> dict[str, str] | None:
    """The name of a discrete point's state."""
    state = point.states.get(int(value)) if point is not None and math.isfinite(value) else None
    return None if state is None else state.model_dump()


_STILL_ON = frozenset({AlarmState.SHELVED, AlarmState.SUPPRESSED, AlarmState.OUT_OF_SERVICE})


def _joined(spans: list[tuple[Micros, Micros]]) -> list[tuple[Micros, Micros]]:
    """Spans that touch become one."""
    found: list[tuple[Micros, Micros]] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found
