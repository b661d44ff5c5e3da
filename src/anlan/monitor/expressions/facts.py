"""What an expression needs to know of a point that it names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from anlan.model.frames import NODE_ID
from anlan.model.points import Point
from anlan.model.words import Label

_DIFFERENCES = frozenset({"pressure.difference"})


@dataclass(frozen=True, slots=True)
class PointFacts:
    """`unit` is a code of units.csv, or such a code per time (Cel/min) for a calculated point. `difference`: the value is that of two
    pressures or temperatures; None: nobody says, so it keeps its own unit. A point with `states` is discrete."""

    number: int
    unit: str = ""
    gas: str = ""
    calibration_gas: str = ""
    pressure_basis: str = ""
    flow_basis: str = ""
    difference: bool | None = False
    states: Mapping[int, Label] = field(default_factory=dict)

    @classmethod
    def of(cls, number: int, point: Point) -> PointFacts:
        """Of a point of the plant. Whether a calculated one is a difference, its point doesn't tell."""
        return cls(
            number=number,
            unit=point.unit,
            gas=point.gas,
            calibration_gas=point.calibration_gas,
            pressure_basis=point.pressure_basis,
            flow_basis=point.flow_basis,
            difference=None if point.source == NODE_ID else point.kind in _DIFFERENCES,
            states=point.states,
        )
