"""What is in the tanks now, beside what they are designed for. It changes no level; unknown stays unknown."""

from __future__ import annotations

from collections.abc import Iterator
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
from anlan.risk.hazards.config import Content, HazardUnit, LiveMass
from anlan.risk.hazards.masses import formula
from anlan.web.answers import iso
from anlan.web.context import Context


@dataclass(frozen=True, slots=True)
class TankNow:
    """`mass` t is None while it is unknown, `why` says so. `beyond`: the level lies outside of its strapping table, so the mass is that of its end."""

    unit: HazardUnit
    content: Content
    point: str
    mass: float | None
    at: Micros
    why: Label
    beyond: bool
    deviation: float

    @property
    def design(self) -> float | None:
        return None if self.content.quantity is None else float(self.content.quantity)

    @property
    def fill(self) -> float | None:
        """Share of the design maximum."""
        return None if self.mass is None or not self.design else self.mass / self.design

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
            "above_design": None if self.fill is None else self.fill > 1,
            "beyond_table": self.beyond,
            "why_unknown": None if self.mass is not None else self.why.model_dump(),
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
        return TankNow(unit, content, point, None, 0, why, beyond=False, deviation=0.0)
    value, at, word = _look(context, number)
    known = severity_of(word) is not Severity.BAD and not np.isnan(value)
    return TankNow(
        unit,
        content,
        point,
        value if known else None,
        at,
        reasons()[reason_of(word)].label,
        beyond=known and _beyond(context, live),
        deviation=_deviation(context, live),
    )


def _look(context: Context, number: int) -> tuple[float, Micros, int]:
    live = context.live
    if number >= len(live):
        live.reserve(number + 1)
    word = int(live.quality_now(np.array([number], np.int64))[0])
    return float(live.value[number]), int(live.time[number]), word


_TO_METRES = {"%": 1.0, "m": 1.0, "cm": 0.01, "mm": 0.001}


def _beyond(context: Context, live: LiveMass) -> bool:
    number = context.plant.point_numbers.get(live.level)
    if number is None or live.strapping is None:
        return False
    level = _look(context, number)[0] * _TO_METRES.get(context.plant.points[number].unit, 1.0)
    table = live.strapping.table
    return not float(table[0].at) <= level <= float(table[-1].at)


def _deviation(context: Context, live: LiveMass) -> float:
    number = context.plant.point_numbers.get(live.level)
    if number is None or live.strapping is None:
        return 0.0
    level, temperature = print_text(PointName(live.level)), print_text(PointName(live.temperature)) if live.temperature else ""
    in_percent = context.plant.points[number].unit == "%"
    return formula(live, level=level, temperature=temperature, in_percent=in_percent).deviation
