"""What a number means: its unit, whether per second, gauge or absolute, of which gas; and what may meet what.

A plant's gas readings in %LEL, %VOL, ppm and mg/m³ never become one another here, whatever the tables could compute: that needs the gas,
its temperature and a pressure, and belongs where a person states them. All factors come from `model/units.py`.

A temperature also has an *origin*: how many times the zero of its scale is in it. A reading has it once, the difference of two readings
not at all, and the mean of two once again ((A + B) / 2). Only so can °C become °F or K rightly: 10 °C is 50 °F, but 10 °C warmer is
18 °F warmer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from anlan.model.errors import UnitError
from anlan.model.gases import substance
from anlan.model.units import Form as _Form
from anlan.model.units import convert, unit
from anlan.monitor.expressions.written_units import Written

Origin = float | Literal["any", "unknown"]
"""`any`: a literal in K, which may be a temperature or a difference. `unknown`: a bare number was added, or the factor isn't fixed."""

_RATES = {
    "": {"count_rate"},
    "length": {"speed", "displacement_rate", "rainfall"},
    "volume": {"volume_flow"},
    "mass": {"mass_flow"},
    "count": {"count_rate"},
    "speed": {"acceleration"},
    "energy": {"power"},
}
"""Dimension → dimensions of the table that are that per time."""

_GASES = {"volume_fraction", "%VOL", "mass_concentration", "lel_fraction", "oel_fraction", "idlh_fraction"}


@dataclass(frozen=True, slots=True)
class Measure:
    """`unit` "" is a number without unit; `bare` one that was written so, and takes the unit of what it meets. `given`: written in the
    expression itself, so it takes the basis of what it meets. `pressure` "difference" is that of two pressures, and fits any basis."""

    unit: str = ""
    per: int = 0
    origin: Origin = 1.0
    pressure: str = ""
    flow: str = ""
    gas: str = ""
    calibration: str = ""
    given: bool = False
    bare: bool = False

    @property
    def quantity(self) -> str:
        """The dimension; "" for none. %VOL stands apart from ppm and ppb."""
        if not self.unit:
            return ""
        return self.unit if self.unit == "%VOL" else unit(self.unit).dimension

    @property
    def pure(self) -> bool:
        """Whether it is a plain number or a ratio."""
        return self.quantity in ("", "ratio") and not self.per

    @property
    def is_temperature(self) -> bool:
        return self.quantity == "temperature" and not self.per

    @property
    def is_time(self) -> bool:
        return self.quantity == "time" and not self.per

    @property
    def text(self) -> str:
        """As the result's unit: Cel, Cel/s."""
        return self.unit + "/s" * self.per

    @property
    def shown(self) -> str:
        """As a message names it, with all that it rests on."""
        basis = {"gauge": "(G)", "absolute": "(A)", "normal": "(N)", "actual": "(act)"}
        facts = [basis.get(self.pressure, ""), basis.get(self.flow, ""), f" {self.gas}" if self.gas else ""]
        return (self.text or "1") + "".join(facts)

    def without_origin(self) -> Measure:
        """As the difference of two of its kind, which has neither a zero nor a basis of pressure."""
        return replace(self, origin=0.0, pressure="difference" if self.quantity == "pressure" else "")


PURE = Measure("1")
BARE = Measure(bare=True, given=True)
SECONDS = Measure("s", given=False)
COUNT = Measure("count")


def measure_of(written: Written | None) -> Measure:
    """Of a literal. A unit per time is a rate: its value stands per second."""
    if written is None:
        return BARE
    form = written.form
    if written.per:
        return Measure(form.unit, 1, 0.0, form.pressure_basis, form.flow_basis, given=True)
    one = unit(form.unit)
    origin: Origin = "any" if one.dimension == "temperature" and not one.offset else 1.0
    return Measure(form.unit, 0, origin, form.pressure_basis, form.flow_basis, given=True)


def fits(here: Measure, there: Measure) -> bool:
    """Whether both measure the same, so that one converts into the other."""
    a, b = here.quantity, there.quantity
    if a == b and here.per == there.per:
        return True
    if {here.text, there.text} == {"", "1"}:
        return True
    return (here.per == 1 and not there.per and b in _RATES.get(a, ())) or (
        there.per == 1 and not here.per and a in _RATES.get(b, ())
    )


def check_meeting(left: Measure, right: Measure) -> None:
    """Whether the two may be added or compared. Raises UnitError saying why not."""
    if left.bare or right.bare:
        return
    if not fits(left, right):
        if {left.quantity, right.quantity} <= _GASES:
            raise UnitError(
                "{left} and {right} never become one another here: that needs the gas, its temperature and pressure; write both in one unit",
                left=left.shown,
                right=right.shown,
            )
        if not (left.text and right.text):
            raise UnitError("one side is in {unit}, the other has no unit", unit=left.text or right.text)
        raise UnitError("{right} doesn't fit {left}; both sides must measure the same", left=left.shown, right=right.shown)
    _check_gas(left, right)
    _check_basis(left, right)


def _check_gas(left: Measure, right: Measure) -> None:
    if not left.gas or not right.gas:
        return
    if substance(left.gas) != substance(right.gas):
        raise UnitError("readings of different gases don't mix: {left} and {right}", left=left.gas, right=right.gas)
    here, there = left.calibration or left.gas, right.calibration or right.gas
    if substance(here) != substance(there):
        raise UnitError(
            "these detectors of {gas} are calibrated with different gases, so their readings don't mix: {left} and {right}",
            gas=left.gas,
            left=here,
            right=there,
        )


def _check_basis(left: Measure, right: Measure) -> None:
    for here, there, message in (
        (left.pressure, right.pressure, _PRESSURE),
        (left.flow, right.flow, _FLOW),
    ):
        free = here == there or "difference" in (here, there) or (left.given and not here) or (right.given and not there)
        if not free:
            raise UnitError(message, left=left.shown, right=right.shown)


_PRESSURE = "gauge, absolute and unstated pressure don't mix: {left} and {right}"
_FLOW = "normal, actual and unstated flow don't mix: {left} and {right}"


def met(left: Measure, right: Measure, target: Measure) -> Measure:
    """`target`, one of the two, with the basis and gas that only the other one states."""
    other = right if target is left else left
    bases = {left.pressure, right.pressure} - {"", "difference"}
    return replace(
        target,
        pressure=next(iter(bases)) if bases else target.pressure or other.pressure,
        flow=target.flow or other.flow,
        gas=target.gas or other.gas,
        calibration=target.calibration if target.gas else other.calibration,
        given=left.given and right.given,
    )


def conversion(source: Measure, target: Measure, origin: Origin) -> tuple[float, float]:
    """(scale, shift): value × scale + shift stands in `target`'s unit. `origin` counts for temperatures only. Raises UnitError."""
    if source.bare or source.unit == target.unit or {source.unit, target.unit} == {"", "1"}:
        return 1.0, 0.0
    here, there = (unit(one.unit) if one.unit else unit("1") for one in (source, target))
    scale = here.factor / there.factor
    if here.offset == there.offset or not source.is_temperature:
        return scale, 0.0
    if not isinstance(origin, float):
        raise UnitError(
            "it isn't known whether this is a temperature or a difference, so {left} doesn't become {right}; give each number its unit",
            left=source.text,
            right=target.text,
        )
    return scale, origin * (here.offset - there.offset) / there.factor


def converted(value: float, source: Measure, target: Measure, origin: Origin) -> float:
    """A literal in `target`'s unit: exactly as `units.convert` would where the scale's zero is in it once."""
    scale, shift = conversion(source, target, origin)
    if (scale, shift) == (1.0, 0.0):
        return value
    if source.is_temperature and origin == 1.0:
        return convert(value, _Form(source.unit), _Form(target.unit))
    return value * scale + shift


# --- origins of temperatures -----------------------------------------------------------------------------------------------


def origin_in_sum(one: Measure, other: Measure) -> Origin:
    """What a term of a sum counts as, next to `other`: a literal in K is a difference, one in °C beside a difference too."""
    if one.bare:
        return 0.0 if other.origin == 0.0 else "unknown"
    if one.origin == "any":
        return "any" if other.origin == "any" else 0.0
    if one.given and one.origin == 1.0 and other.origin == 0.0:
        return 0.0
    return one.origin


def origin_of_sum(left: Origin, right: Origin, sign: float) -> Origin:
    if isinstance(left, float) and isinstance(right, float):
        return left + sign * right
    return "any" if left == right == "any" else "unknown"


def origin_scaled(one: Measure, factor: float | None) -> Origin:
    """Of a product with a fixed number; without one it is no longer known."""
    if not isinstance(one.origin, float) or one.origin == 0.0:
        return one.origin
    return "unknown" if factor is None else one.origin * factor


def settled(one: Measure) -> Measure:
    """A measure whose temperature has its zero once or not at all. Raises UnitError for the sum of two."""
    if not one.is_temperature or not isinstance(one.origin, float):
        return one
    for whole in (0.0, 1.0):
        if math.isclose(one.origin, whole, abs_tol=1e-9):
            return replace(one, origin=whole)
    raise UnitError("temperatures are added up here, which has no meaning; divide their sum by their number, or subtract one")


def origin_together(left: Measure, right: Measure) -> Origin:
    """Of two temperatures that are compared. Raises UnitError when one is a temperature and the other a difference."""
    for one, other in ((left, right), (right, left)):
        if one.bare or one.origin == "any" or (one.given and one.origin == 1.0):
            return 1.0 if other.origin == "any" else other.origin
    if left.origin == right.origin:
        return left.origin
    if "unknown" in (left.origin, right.origin):
        return "unknown"
    raise UnitError("a temperature and a difference of temperatures don't compare")
