"""What is in the tanks now, beside what they are designed for. It changes no level; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anlan.model.clock import Micros
from anlan.model.quality import Severity, reason_of, severity_of
from anlan.model.reasons import reasons
from anlan.model.words import Label
from anlan.monitor.companions import mass_of
from anlan.monitor.expressions import print_text
from anlan.monitor.expressions.syntax import PointName
from anlan.risk.hazards.config import Content, HazardUnit, LiveMass, Row
from anlan.risk.hazards.masses import formula
from anlan.web.answers import iso
from anlan.web.context import Context


@dataclass(frozen=True, slots=True)
class TankNow:
    """`mass` t is None while it is unknown, `why` says so; `doubt`: it is known, but its quality is uncertain. `beyond`: the level lies outside of its
    strapping table, `too_cold_or_hot` the temperature outside of the density's, so that the mass is that of the table's end."""

    unit: HazardUnit
    content: Content
    point: str
    mass: float | None
    at: Micros
    why: Label
    deviation: float
    beyond: bool = False
    too_cold_or_hot: bool = False
    doubt: bool = False

    @property
    def design(self) -> float | None:
        return None if self.content.quantity is None else float(self.content.quantity)

    @property
    def fill(self) -> float | None:
        """Share of the design maximum."""
        return None if self.mass is None or not self.design else self.mass / self.design

    @property
    def above_design(self) -> bool | None:
        """None while it is unknown, and where a table's end hides how much more there is."""
        if self.fill is None:
            return None
        return True if self.fill > 1 else None if self.beyond or self.too_cold_or_hot else False

    def as_json(self) -> dict[str, Any]:
        strapping = self.content.live.strapping if self.content.live is not None else None
        return {
            "unit": self.unit.id,
            "id": self.content.id,
            "name": self.content.name.model_dump(),
            "place": self.content.place or self.unit.places[0],
            "substance": self.content.substance,
            "cas": self.content.cas,
            "point": self.point,
            "mass_t": self.mass,
            "design_t": self.design,
            "fill": self.fill,
            "above_design": self.above_design,
            "beyond_table": self.beyond,
            "beyond_density": self.too_cold_or_hot,
            "why_unknown": None if self.mass is not None else self.why.model_dump(),
            "doubt": self.why.model_dump() if self.doubt else None,
            "at": self.at or None,
            "at_iso": iso(self.at) if self.at else None,
            "strapping": None
            if strapping is None
            else {
                "rows": len(strapping.table),
                "calibrated_on": strapping.calibrated_on.isoformat() if strapping.calibrated_on else None,
                "certificate": strapping.certificate,
                "deviation_m3": self.deviation,
            },
        }


def tanks_now(context: Context, unit: HazardUnit) -> Iterator[TankNow]:
    """On the app's event loop."""
    for content in unit.contents:
        if content.live is not None:
            yield _now(context, unit, content, content.live)


def _now(context: Context, unit: HazardUnit, content: Content, live: LiveMass) -> TankNow:
    point = mass_of(content.id)
    number = context.plant.point_numbers.get(point)
    if number is None:
        why = Label(zh="配置中没有该测点", en="the plant has no such point")
        return TankNow(unit, content, point, None, 0, why, 0.0)
    value, at, word = _look(context, number)
    known = severity_of(word) is not Severity.BAD and not np.isnan(value)
    return TankNow(
        unit,
        content,
        point,
        value if known else None,
        at,
        reasons()[reason_of(word)].label,
        _deviation(context, live),
        beyond=known and live.strapping is not None and _outside(context, live.level, live.strapping.table),
        too_cold_or_hot=known and len(live.density) > 1 and _outside(context, live.temperature, live.density),
        doubt=known and severity_of(word) is not Severity.GOOD,
    )


def _look(context: Context, number: int) -> tuple[float, Micros, int]:
    live = context.live
    if number >= len(live):
        live.reserve(number + 1)
    word = int(live.quality_now(np.array([number], np.int64))[0])
    return float(live.value[number]), int(live.time[number]), word


_AS_IN_TABLES = {"%": 1.0, "m": 1.0, "cm": 0.01, "mm": 0.001, "Cel": 1.0}


def _outside(context: Context, point: str, table: Sequence[Row]) -> bool:
    number = context.plant.point_numbers.get(point)
    unit = None if number is None else _AS_IN_TABLES.get(context.plant.points[number].unit)
    if number is None or unit is None:
        return False
    at = _look(context, number)[0] * unit
    return not float(table[0].at) <= at <= float(table[-1].at)


def _deviation(context: Context, live: LiveMass) -> float:
    number = context.plant.point_numbers.get(live.level)
    if number is None or live.strapping is None:
        return 0.0
    level, temperature = print_text(PointName(live.level)), print_text(PointName(live.temperature)) if live.temperature else ""
    in_percent = context.plant.points[number].unit == "%"
    return formula(live, level=level, temperature=temperature, in_percent=in_percent).deviation
