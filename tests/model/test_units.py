"""Units: against closed forms and published factors, and refusals that name the missing fact."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.errors import UnitError
from anlan.model.gases import substance, substances
from anlan.model.units import Conditions, Form, convert, exact_step, read_unit, units

ROOM = Conditions(temperature=25.0, pressure=101.325)


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [  # NIST SP 811 (2008), appendix B.8
        (1.0, "psi", "kPa", 6.894757),
        (1.0, "kgf/cm2", "kPa", 98.0665),
        (1.0, "atm", "kPa", 101.325),
        (760.0, "mmHg", "kPa", 101.325),
        (1.0, "mmH2O", "Pa", 9.80665),
        (212.0, "degF", "Cel", 100.0),
        (-40.0, "Cel", "degF", -40.0),
        (0.0, "K", "Cel", -273.15),
        (1.0, "km/h", "m/s", 1 / 3.6),
        (1.0, "t/h", "kg/s", 1000 / 3600),
        (1.0, "kWh", "MJ", 3.6),
        (10_000.0, "ppm", "%VOL", 1.0),
    ],
)
def test_published_factors(value: float, source: str, target: str, expected: float) -> None:
    assert convert(value, Form(source), Form(target)) == pytest.approx(expected, rel=1e-6)


def test_every_unit_converts_to_itself_and_back_through_every_other_of_its_dimension() -> None:
    pairs = [(a, b) for a in units().values() for b in units().values() if a.dimension == b.dimension]
    assert len(pairs) > len(units())
    for a, b in pairs:
        there = convert(12.5, Form(a.code), Form(b.code))
        assert convert(there, Form(b.code), Form(a.code)) == pytest.approx(12.5, rel=1e-9), (a.code, b.code)


def test_ppm_to_mg_per_m3_is_the_molar_volume() -> None:
    # 24.465 L/mol at 25 °C and 1 atm: the closed form that occupational hygiene prints, mg/m3 = ppm · M / 24.45
    assert convert(1.0, Form("ppm", gas="Cl2"), Form("mg/m3"), ROOM) == pytest.approx(70.9 / 24.465, rel=1e-4)
    assert convert(24.0, Form("ppm", gas="CO"), Form("mg/m3"), Conditions(0, 101.325)) == pytest.approx(
        24 * 28.01 / 22.414, rel=1e-4
    )


@pytest.mark.parametrize("gas", [s.cas for s in substances() if s.molar_mass and s.lel and s.oel])
@given(value=st.floats(0.01, 100), temperature=st.floats(-30, 60), pressure=st.floats(60, 110))
def test_gas_units_come_back(gas: str, value: float, temperature: float, pressure: float) -> None:
    here = Conditions(temperature, pressure)
    chain = ["%LEL", "ppm", "mg/m3", "%OEL", "%VOL", "%LEL"]
    moved = value
    for a, b in itertools.pairwise(chain):
        moved = convert(moved, Form(a, gas=gas), Form(b, gas=gas), here)
    assert moved == pytest.approx(value, rel=1e-9)


def test_lel_of_methane_is_five_percent() -> None:
    assert convert(25.0, Form("%LEL", gas="甲烷"), Form("%VOL")) == pytest.approx(1.25)
    assert convert(1.0, Form("LEL.m", gas="CH4"), Form("ppm.m")) == pytest.approx(50_000)


def test_oel_of_chlorine_is_its_mac_of_annex_b() -> None:
    assert convert(100.0, Form("%OEL", gas="氯气"), Form("mg/m3")) == pytest.approx(1.0)
    assert convert(10.0, Form("%IDLH", gas="氯气"), Form("mg/m3")) == pytest.approx(8.8)


@given(value=st.floats(-0.1, 100), atmosphere=st.floats(50, 110))
def test_gauge_and_absolute_differ_by_the_atmosphere(value: float, atmosphere: float) -> None:
    absolute = convert(value, Form("MPa", "gauge"), Form("kPa", "absolute"), Conditions(atmospheric=atmosphere))
    assert absolute == pytest.approx(value * 1000 + atmosphere, rel=1e-12, abs=1e-9)


def test_normal_flow_grows_with_temperature_and_shrinks_with_pressure() -> None:
    normal, actual = Form("m3/h", flow_basis="normal"), Form("m3/h", flow_basis="actual")
    assert convert(100, normal, actual, Conditions(273.15, 202.65)) == pytest.approx(
        100.0
    )  # twice the temperature, twice the pressure
    assert convert(100, actual, normal, Conditions(0, 1013.25)) == pytest.approx(1000.0)


@pytest.mark.parametrize(
    ("source", "target", "conditions", "message"),
    [
        (Form("ppm"), Form("mg/m3"), ROOM, "ppm and mg/m3 convert only for a named gas"),
        (
            Form("ppm", gas="Cl2"),
            Form("mg/m3"),
            Conditions(25),
            "convert only with the temperature and absolute pressure of the gas",
        ),
        (Form("%LEL", gas="Cl2"), Form("ppm"), ROOM, "chlorine has no lower explosive limit in the tables"),
        (Form("%LEL"), Form("ppm"), ROOM, "%LEL and ppm convert only for a named gas"),
        (Form("%LEL", gas="CH4"), Form("%LEL", gas="C3H8"), ROOM, "%LEL of CH4 does not convert to another gas (C3H8)"),
        (Form("MPa", "gauge"), Form("MPa", "absolute"), ROOM, "only with the atmospheric pressure"),
        (Form("MPa"), Form("kPa", "absolute"), ROOM, "pressure in MPa does not say gauge or absolute"),
        (
            Form("m3/h", flow_basis="normal"),
            Form("m3/h", flow_basis="actual"),
            Conditions(20),
            "temperature and absolute pressure of the gas",
        ),
        (Form("m3/h", flow_basis="normal"), Form("m3/h"), ROOM, "flow in m3/h does not say normal or actual"),
        (Form("ppm", gas="汽油"), Form("mg/m3"), ROOM, "gasoline is a mixture without a molar mass"),
        (Form("m"), Form("kg"), ROOM, "m is length and kg is mass: they do not convert"),
        (Form("mg/L"), Form("mg/m3"), ROOM, "do not convert"),
        (Form("xyz"), Form("m"), ROOM, "unit xyz is not known"),
        (Form("ppm", gas="C4H10"), Form("mg/m3"), ROOM, "gas C4H10 could be n-butane (106-97-8), isobutane (75-28-5)"),
        (
            Form("ppm", gas="chlorin"),
            Form("mg/m3"),
            ROOM,
            "gas chlorin is not known; a name, formula or CAS number was expected: chlorine?",
        ),
        (Form("ppm", gas="Cl2"), Form("mg/m3"), Conditions(-300, 100), "above −273.15 °C"),
    ],
)
def test_a_missing_fact_is_named(source: Form, target: Form, conditions: Conditions, message: str) -> None:
    with pytest.raises(UnitError) as refusal:
        convert(1.0, source, target, conditions)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("written", "form"),
    [
        ("℃", Form("Cel")),
        ("MPaG", Form("MPa", "gauge")),
        ("ＭＰａ（Ｇ）", Form("MPa", "gauge")),
        ("KPA", Form("kPa")),
        ("Nm³/h", Form("m3/h", flow_basis="normal")),
        ("m^3/h", Form("m3/h")),
        ("％LEL", Form("%LEL")),
        ("mole %", Form("mol%")),
        ("mPa·s", Form("mPa.s")),
        ("r/min", Form("rpm")),
        ("MM/S", Form("mm/s")),
        ("吨/小时", Form("t/h")),
    ],
)
def test_units_are_read_as_plants_write_them(written: str, form: Form) -> None:
    assert read_unit(written) == form


@pytest.mark.parametrize(("written", "hint"), [("mPa", "MPa"), ("MA", "mA"), ("Celc", "Cel"), ("m3/hh", "m3/h")])
def test_an_unknown_or_ambiguous_unit_is_refused_with_the_nearest(written: str, hint: str) -> None:
    with pytest.raises(UnitError) as refusal:
        read_unit(written)
    assert str(refusal.value) == f"unit {written} is not known; did you mean {hint}?"


def test_a_unit_that_resembles_none_is_refused_without_a_guess() -> None:
    with pytest.raises(UnitError, match="unit 格令 is not known; units are written like Cel, MPa"):
        read_unit("格令")


@pytest.mark.parametrize("written", ["percent", "Procent", "PROZENT", "pct"])
def test_percent_in_words(written: str) -> None:
    assert read_unit(written).unit == "%"


def test_every_number_tells_how_far_to_trust_it() -> None:
    chlorine, methane = substance("Cl2"), substance("CH4")
    assert chlorine.oel is not None
    assert chlorine.oel.verified
    assert methane.lel is not None
    assert not methane.lel.verified


def test_factors_of_derived_units_are_what_their_names_say() -> None:
    expected = {
        "psi": 0.45359237 * 9.80665 / 0.0254**2,
        "rpm": 1 / 60,
        "deg": math.pi / 180,
        "degF": 5 / 9,
        "m3/d": 1 / 86400,
        "t/d": 1000 / 86400,
    }
    assert {code: units()[code].factor for code in expected} == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize(
    ("source", "target", "step"),
    [
        (Form("kPa", "gauge"), Form("MPa", "gauge"), (0.001, 0.0)),
        (Form("Cel"), Form("K"), (1.0, 273.15)),
        (Form("degF"), Form("Cel"), (5 / 9, -160 / 9)),
        (Form("ppm", gas="Cl2"), Form("ppm", gas="Cl2"), (1.0, 0.0)),
        (Form("t/h"), Form("kg/s"), (1 / 3.6, 0.0)),
        (Form("kPa", "gauge"), Form("kPa", "absolute"), None),
        (Form("kPa"), Form("kPa", "gauge"), None),
        (Form("ppm", gas="Cl2"), Form("mg/m3", gas="Cl2"), None),
        (Form("ppm", gas="Cl2"), Form("ppm", gas="NH3"), None),
        (Form("m3/h", flow_basis="normal"), Form("m3/h", flow_basis="actual"), None),
        (Form("%"), Form("m"), None),
    ],
)
def test_an_exact_step_rests_on_the_two_forms_alone(source: Form, target: Form, step: tuple[float, float] | None) -> None:
    """NIST SP 811, appendix B.8 and B.9."""
    assert exact_step(source, target) == (step if step is None else pytest.approx(step))
