"""Units: what they are called, how plants write them, and how a value moves from one to another.

In: `data/units.csv` (codes, UCUM forms, factors), `data/unit_aliases.csv` (plants' writings). Out: `convert`, which refuses every
step that needs a fact it was not given: gauge ↔ absolute needs the atmospheric pressure, normal ↔ actual flow needs temperature and
pressure, ppm ↔ mg/m³ needs gas, temperature and pressure, %LEL ↔ ppm needs the gas's LEL, %OEL ↔ mg/m³ its exposure limit.

Normal conditions are 0 °C and 101.325 kPa. Gases are ideal (p V = n R T): within 1 % below 0.5 MPa for permanent gases, not for
vapours near condensation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from anlan.model.errors import UnitError
from anlan.model.gases import Property, Substance, substance
from anlan.model.tables import fold, nearest, read_table
from anlan.model.words import Label

GAS_CONSTANT = 8.314462618
"""R. [J/(mol·K)] Exact since the SI of 2019."""

NORMAL_TEMPERATURE = 273.15
NORMAL_PRESSURE = 101_325.0
"""Normal conditions of a flow marked `normal`. [K], [Pa]"""

ZERO_CELSIUS = 273.15


@dataclass(frozen=True, slots=True)
class Unit:
    """coherent value = value × factor + offset, in the SI unit of `dimension`."""

    code: str
    ucum: str
    label: Label
    dimension: str
    factor: float
    offset: float


@dataclass(frozen=True, slots=True)
class Form:
    """A unit with all that its numbers rest on: e.g. Form("MPa", pressure_basis="gauge"), Form("ppm", gas="Cl2")."""

    unit: str
    pressure_basis: str = ""
    flow_basis: str = ""
    gas: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a conversion may rest on; what is None is not known. `pressure` is that of the gas itself, absolute."""

    temperature: float | None = None
    """[°C]"""
    pressure: float | None = None
    """[kPa absolute]"""
    atmospheric: float | None = None
    """[kPa absolute]"""


@cache
def units() -> dict[str, Unit]:
    """All units by code."""
    return {
        row["code"]: Unit(
            code=row["code"],
            ucum=row["ucum"],
            label=Label(zh=row["zh"], en=row["en"]),
            dimension=row["dimension"],
            factor=float(row["factor"]),
            offset=float(row["offset"]),
        )
        for row in read_table("units.csv")
    }


def unit(code: str) -> Unit:
    """The unit with this code. Raises UnitError that names the nearest one."""
    found = units().get(code)
    if found is None:
        raise _unknown(code)
    return found


def read_unit(written: str) -> Form:
    """A unit as a plant writes it ("℃", "MPaG", "Nm³/h") with the basis that the writing tells. Raises UnitError."""
    found = find_unit(written)
    if found is None:
        raise _unknown(written)
    return found


def find_unit(written: str) -> Form | None:
    """As `read_unit`, but None for what is no unit: for a reader that only tries whether one stands here."""
    if written in units():
        return Form(written)
    found = _writings().get(fold(written)) or _writings().get(_plain(written))
    return None if found is None or _milli_or_mega(written, found.unit) else found


def _milli_or_mega(written: str, code: str) -> bool:
    """Whether only the case of the first letter tells these units apart: "mW" written by hand is no MW."""
    stem = fold(code)[1:]
    return (
        stem in {"pa", "w", "v", "a", "j", "ohm"}
        and code[0] in "mM"
        and written.strip()[0] in "mM"
        and written.strip()[0] != code[0]
    )


def convert(value: float, source: Form, target: Form, conditions: Conditions = Conditions()) -> float:
    """`value` in `target`'s unit and basis. Raises UnitError naming the fact that is missing."""
    here, there = unit(source.unit), unit(target.unit)
    coherent = value * here.factor + here.offset
    if here.dimension != there.dimension:
        coherent *= _gas_factor(here, there, _one_gas(source, target), conditions)
    elif here.dimension == "pressure":
        coherent += _pressure_shift(source, target, conditions)
    elif here.dimension == "volume_flow":
        coherent *= _flow_ratio(source, target, conditions)
    elif here.dimension in _SHARES:
        _same_gas(source, target)
    return (coherent - there.offset) / there.factor


def exact_step(source: Form, target: Form) -> tuple[float, float] | None:
    """(factor, offset) with value × factor + offset in `target`, where that needs no fact beside the two forms; else None."""
    here, there = units().get(source.unit), units().get(target.unit)
    if source == target:
        return 1.0, 0.0
    if (
        here is None
        or there is None
        or here.dimension != there.dimension
        or (source.gas and target.gas and source.gas != target.gas)
    ):
        return None
    try:
        return here.factor / there.factor, convert(0.0, source, target)
    except UnitError:
        return None


def _pressure_shift(source: Form, target: Form, conditions: Conditions) -> float:
    """What to add, in Pa, to move between gauge and absolute."""
    bases = (source.pressure_basis, target.pressure_basis)
    if bases[0] == bases[1]:
        return 0.0
    if "" in bases:
        raise UnitError(
            "pressure in {unit} does not say gauge or absolute, so it does not convert", unit=_shown(source, target, bases)
        )
    if conditions.atmospheric is None:
        raise UnitError("gauge and absolute pressure convert only with the atmospheric pressure")
    atmosphere = conditions.atmospheric * 1_000
    return atmosphere if bases == ("gauge", "absolute") else -atmosphere


def _flow_ratio(source: Form, target: Form, conditions: Conditions) -> float:
    bases = (source.flow_basis, target.flow_basis)
    if bases[0] == bases[1]:
        return 1.0
    if "" in bases:
        raise UnitError(
            "flow in {unit} does not say normal or actual, so it does not convert", unit=_shown(source, target, bases)
        )
    kelvin, pascal = _state(
        conditions, "normal and actual flow convert only with the temperature and absolute pressure of the gas"
    )
    expansion = (NORMAL_PRESSURE / pascal) * (kelvin / NORMAL_TEMPERATURE)
    return expansion if bases == ("normal", "actual") else 1 / expansion


def _shown(source: Form, target: Form, bases: tuple[str, str]) -> str:
    return source.unit if not bases[0] else target.unit


def _state(conditions: Conditions, why: str) -> tuple[float, float]:
    """(K, Pa absolute) of the gas, or UnitError with the message `why`."""
    if conditions.temperature is None or conditions.pressure is None:
        raise UnitError(why)
    kelvin, pascal = conditions.temperature + ZERO_CELSIUS, conditions.pressure * 1_000
    if kelvin <= 0 or pascal <= 0:
        raise UnitError("temperature must be above −273.15 °C and absolute pressure above 0")
    return kelvin, pascal


# --- gases: each dimension hangs below another by one factor; a conversion climbs to the common one and down again -----------


def _gas_factor(here: Unit, there: Unit, gas: Substance | None, conditions: Conditions) -> float:
    """Coherent `here` × factor = coherent `there`."""
    up, down = _climb(here.dimension), _climb(there.dimension)
    if up[-1] != down[-1] or len(up) == len(down) == 1:
        raise UnitError(
            "{source} is {source_dimension} and {target} is {target_dimension}: they do not convert",
            source=here.code,
            target=there.code,
            source_dimension=here.dimension.replace("_", " "),
            target_dimension=there.dimension.replace("_", " "),
        )
    if gas is None:
        raise UnitError("{source} and {target} convert only for a named gas", source=here.code, target=there.code)
    factor = 1.0
    for dimension in _only_in(up, down):
        factor *= _STEPS[dimension][1](gas, conditions)
    for dimension in _only_in(down, up):
        factor /= _STEPS[dimension][1](gas, conditions)
    return factor


def _climb(dimension: str) -> list[str]:
    path = [dimension]
    while path[-1] in _STEPS:
        path.append(_STEPS[path[-1]][0])
    return path


def _only_in(path: list[str], other: list[str]) -> list[str]:
    return [d for d in path if d not in other]


def _mass_to_fraction(gas: Substance, conditions: Conditions) -> float:
    """kg/m³ → fraction of volume: x = c R T / (p M)."""
    kelvin, pascal = _state(conditions, "ppm and mg/m3 convert only with the temperature and absolute pressure of the gas")
    if gas.molar_mass is None:
        raise UnitError("{gas} is a mixture without a molar mass: ppm and mg/m3 do not convert", gas=gas.name.text("en"))
    return GAS_CONSTANT * kelvin / (pascal * gas.molar_mass / 1_000)


def _lel(gas: Substance, _: Conditions) -> float:
    """Fraction of LEL → fraction of volume (or of path)."""
    return _known(gas.lel, "{gas} has no lower explosive limit in the tables", gas) / 100


def _oel(gas: Substance, _: Conditions) -> float:
    """Fraction of OEL → kg/m³."""
    return _known(gas.oel, "{gas} has no exposure limit in the tables", gas) / 1e6


def _idlh(gas: Substance, _: Conditions) -> float:
    return _known(gas.idlh, "{gas} has no IDLH in GB/T 50493", gas) / 1e6


def _known(found: Property | None, message: str, gas: Substance) -> float:
    if found is None:
        raise UnitError(message, gas=gas.name.text("en"))
    return found.value


_STEPS: dict[str, tuple[str, Callable[[Substance, Conditions], float]]] = {
    "lel_fraction": ("volume_fraction", _lel),
    "mass_concentration": ("volume_fraction", _mass_to_fraction),
    "oel_fraction": ("mass_concentration", _oel),
    "idlh_fraction": ("mass_concentration", _idlh),
    "lel_path": ("volume_fraction_path", _lel),
}

_SHARES = {"lel_fraction", "oel_fraction", "idlh_fraction", "lel_path"}
"""Shares of a property of the gas: %LEL of propane is not %LEL of methane."""


def _one_gas(source: Form, target: Form) -> Substance | None:
    _same_gas(source, target)
    name = source.gas or target.gas
    return substance(name) if name else None


def _same_gas(source: Form, target: Form) -> None:
    if source.gas and target.gas and substance(source.gas) != substance(target.gas):
        raise UnitError(
            "{source} of {gas} does not convert to another gas ({other})", source=source.unit, gas=source.gas, other=target.gas
        )


# --- what plants write -----------------------------------------------------------------------------------------------------


@cache
def _writings() -> dict[str, Form]:
    """Folded writing → form; a code's own folded form never hides another code (mPa·s, MPa)."""
    table = {
        fold(row["written"]): Form(row["code"], row["pressure_basis"], row["flow_basis"])
        for row in read_table("unit_aliases.csv")
    }
    for one in units().values():
        for written in (one.label.zh, one.label.en, one.ucum, one.code):
            table.setdefault(fold(written), Form(one.code))
    return {written: form for written, form in table.items() if written not in ("", "—")}


def _plain(written: str) -> str:
    return fold(written).replace("·", ".").replace("²", "2").replace("³", "3").replace("^", "").replace("**", "")


def _unknown(written: str) -> UnitError:
    close = nearest(written, [*units(), *_writings()])
    if not close:
        return UnitError("unit {unit} is not known; units are written like Cel, MPa, m3/h or %LEL", unit=written)
    hint = _writings()[fold(close)].unit if fold(close) in _writings() else close
    return UnitError("unit {unit} is not known; did you mean {hint}?", unit=written, hint=hint)
