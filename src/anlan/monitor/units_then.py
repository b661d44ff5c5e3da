"""The unit and the name that a point's readings had in their time, and how they become those of today.

What converts exactly (kPa to MPa, ℃ to K) is converted on request; what would need a fact that nobody kept (ppm to mg/m³, gauge to absolute) is not:
it stays as it was stored, and is told so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from anlan.model.clock import Micros, to_datetime
from anlan.model.errors import InputError
from anlan.model.instants import LATEST
from anlan.model.points import Point
from anlan.model.units import Form, exact_step
from anlan.store.scaling import Scale, scaled
from anlan.web.context import History, PlantView
from anlan.web.widgets import unit_label


@dataclass(frozen=True, slots=True)
class Stretch:
    """since ≤ time < until [µs UTC]: how the readings of a point were meant. `step`: (factor, offset) to what it means now, None where that is
    not exact."""

    number: int
    since: Micros
    until: Micros
    point: Point
    step: tuple[float, float] | None

    def told(self) -> dict[str, Any]:
        """`since` and `until` are null where the stretch has no such end."""
        return {
            "since": self.since or None,
            "until": self.until if self.until != LATEST else None,
            "id": self.point.id,
            "name": self.point.name.model_dump(),
            "unit": self.point.unit,
            "unit_text": unit_label(self.point).model_dump(),
            "converts": self.step is not None,
        }


def stretches(plant: PlantView, number: int, start: Micros = 0, end: Micros = LATEST) -> list[Stretch]:
    """Those that touch start ≤ time < end, oldest first; one for a point that always was what it is."""
    was = plant.past.get(number, ())
    last = plant.point_ever(number)
    ends = [(then.until, then.point) for then in was]
    ends = [*ends, (LATEST, last)] if number in plant.points else [*ends[:-1], (LATEST, last)]
    found, since = [], 0
    for until, point in ends:
        if since < end and until > start and until > since:
            found.append(Stretch(number, since, until, point, step_between(point, last)))
        since = max(since, until)
    return found


def step_between(point: Point, last: Point) -> tuple[float, float] | None:
    """(factor, offset) from what a point was to what it is; None where that needs a fact that nobody kept."""
    if point.states or last.states:
        return (1.0, 0.0) if point.states.keys() == last.states.keys() else None
    return exact_step(_form(point), _form(last))


def _form(point: Point) -> Form:
    return Form(point.unit, point.pressure_basis, point.flow_basis, point.gas)


def stretches_now(plant: PlantView, number: int) -> list[Stretch]:
    """As if it had always been what it is, or was last."""
    return [Stretch(number, 0, LATEST, plant.point_ever(number), (1.0, 0.0))]


def scales_or_nothing(found: Iterable[Stretch]) -> list[Scale]:
    """What must be done to the readings as they are stored; of a stretch that does not convert nothing remains (NaN)."""
    steps = ((one, one.step or (math.nan, math.nan)) for one in found)
    return [Scale(one.number, one.since, one.until, *step) for one, step in steps if step != (1.0, 0.0)]


def in_unit(table: pa.Table, steps: Sequence[Scale]) -> pa.Table:
    """Readings (point, time, value, quality), by point and time, with their values so changed."""
    if not steps:
        return table
    value = scaled(table["point"].to_numpy(), table["time"].to_numpy(), table["value"].to_numpy(), steps)
    at = table.schema.get_field_index("value")
    return table.set_column(at, table.schema.field(at), pa.array(value))


def must_convert(found: Sequence[Stretch], last: dict[int, Point]) -> None:
    """Raises InputError for the first stretch that has no exact way to the unit of now."""
    for one in found:
        if one.step is None:
            raise InputError(
                "{point}: until {until} it was kept in {then}, which does not become {now} exactly: ask with unit=then, or for a later span",
                point=last[one.number].id,
                until=f"{to_datetime(one.until):%Y-%m-%d %H:%M:%S} UTC",
                then=one.point.unit or one.point.id,
                now=last[one.number].unit or last[one.number].id,
            )


class InUnitsOfNow:
    """A history as rules of now read it: a replay of old kPa by limits in MPa would find alarms that never were. Fills `read` and `latest` of
    `web.context.History`; both raise InputError where readings do not become what their point means now."""

    def __init__(self, history: History, plant: Callable[[], PlantView]) -> None:
        self._history, self._plant = history, plant

    def read(self, points: Sequence[int], start: Micros, end: Micros, *, limit: int | None = None) -> pa.Table:
        return self._of_now(self._history.read(points, start, end, limit=limit))

    def latest(self, points: Sequence[int], before: Micros) -> pa.Table:
        return self._of_now(self._history.latest(points, before))

    def _of_now(self, table: pa.Table) -> pa.Table:
        plant = self._plant()
        if not plant.past or not table.num_rows:
            return table
        number, time = table["point"].to_numpy(), table["time"].to_numpy()
        held = set(np.unique(number).tolist()) & plant.past.keys()
        found = [one for point in sorted(held) for one in stretches(plant, point)]
        met = [one for one in found if ((number == one.number) & (time >= one.since) & (time < one.until)).any()]
        must_convert(met, {one.number: plant.point_ever(one.number) for one in met})
        return in_unit(table, scales_or_nothing(met))
