"""Units by hand: the numbers beside each expression were computed on paper."""

from __future__ import annotations

import math

import pytest
from expressions.machine import Machine
from expressions.plant import numbered, understood
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.units import Form, convert
from anlan.monitor.expressions import ExpressionError, PointFacts, parse
from anlan.monitor.expressions.written_units import read_written
from anlan.monitor.program import Op


def value(text: str, *, unit: str = "", **inputs: float) -> float:
    expression = understood(text, unit=unit)
    given_values = {name.replace("_", "-"): (number, 0) for name, number in inputs.items()}
    return Machine(expression.program).evaluate(0, numbered(given_values))[0]


def constants(text: str) -> list[float]:
    return [step.x for step in understood(text).program.code if step.op is Op.CONST]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("rate(TI-101 over 5 min) > 3 Cel/min", 0.05),
        ("rate(TI-101 over 5 min) > 3 ℃/min", 0.05),
        ("rate(TI-101 over 5 min) > 0.05 K/s", 0.05),
        ("rate(TI-101 over 5 min) > 5.4 degF/min", 0.05),
        ("rate(PI-101 over 1 min) > 60 kPa/min", 0.001),
        ("rate(VI-101 over 1 h) > 3.6 m3/h", 0.001),
        ("rate(XI-101 over 1 d) > 86.4 mm/d", 0.001),
        ("rate(LI-101 over 10 min) > 6 %/h", 6 / 3600),
        ("TI-101 > 212 degF", 100.0),
        ("TI-101 > 373.15 K", 100.0),
        ("TI-104 > 100 Cel", 373.15),
        ("TI-103 > 100 Cel", 212.0),
        ("TI-101 - TI-102 > 9 degF", 5.0),
        ("TI-101 - TI-102 > 5 K", 5.0),
        ("delta(TI-101 over 1 min) > 18 degF", 10.0),
        ("spread(TI-103 over 1 min) > 10 K", 18.0),
        ("(TI-101 + TI-102) / 2 > 212 degF", 100.0),
        ("0.25 * TI-101 + 0.75 * TI-102 > 212 degF", 100.0),
        ("TI-101 > -40 degF", -40.0),
        ("PI-101 > 500 kPaG", 0.5),
        ("PI-101 > 5 bar", 0.5),
        ("PI-101 - PI-101 > 20 kPa", 0.02),
        ("FI-103 > 6 m3/h", 100.0),
        ("AT-201 > 500 ppb", 0.5),
        ("AT-202 > 1500 ug/m3", 1.5),
        ("LI-101 > 0.8 * 100", 80.0),
        ("LI-101 > 5 ‰", 0.5),
        ("duration(QI-101 > `over`) > 5 min", 300.0),
        ("2 min > duration(QI-101 > `over`)", 120.0),
    ],
)
def test_a_literal_stands_in_the_points_unit(text: str, expected: float) -> None:
    assert constants(text)[-1 if not text.startswith("2 min") else 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "inputs", "expected"),
    [
        ("TI-101 - TI-103", {"TI_101": 30.0, "TI_103": 68.0}, 10.0),
        ("max(TI-101, TI-103)", {"TI_101": 30.0, "TI_103": 104.0}, 40.0),
        ("(TI-101 + TI-103) / 2", {"TI_101": 30.0, "TI_103": 68.0}, 25.0),
        ("TI-101 + 5 K", {"TI_101": 30.0}, 35.0),
        ("TI-101 - 212 degF", {"TI_101": 30.0}, -70.0),
        ("TI-101 / 1 K", {"TI_101": 26.85}, 300.0),
        ("TI-101 / 1 Cel", {"TI_101": 26.85}, 26.85),
        ("PI-101 - PI-102", {"PI_101": 0.5, "PI_102": 200.0}, 0.3),
        ("PI-102 + PDI-101", {"PI_102": 200.0, "PDI_101": 5.0}, 205.0),
        ("PI-101 / PI-102", {"PI_101": 0.5, "PI_102": 200.0}, 2.5),
        ("LI-101 * VI-101", {"LI_101": 50.0, "VI_101": 3.0}, 1.5),
        ("2 * LI-101", {"LI_101": 50.0}, 100.0),
        ("LI-101 * LI-101", {"LI_101": 50.0}, 0.25),
        ("FI-102 + FI-103", {"FI_102": 6.0, "FI_103": 100.0}, 12.0),
        ("FI-102 / 1 m3/h * QI-101", {"FI_102": 6.0, "QI_101": 2.0}, 12.0),
        ("(30 m3 - VI-101) / FI-102", {"VI_101": 20.0, "FI_102": 60.0}, 600.0),
        ("VI-101 / 5 min", {"VI_101": 30.0}, 0.1),
        ("sqrt(LI-101)", {"LI_101": 25.0}, 0.5),
        ("TR-101 * 2 min", {"TR_101": 3.0}, 6.0),
        ("-TI-101 + TI-102", {"TI_101": 30.0, "TI_102": 32.0}, 2.0),
        ("2 ^ 3 ^ 2 - QI-101", {"QI_101": 0.0}, 512.0),
        ("-QI-101 ^ 2", {"QI_101": 3.0}, -9.0),
        ("QI-101 - 1 - 1 + 2 * 3 / 4", {"QI_101": 3.0}, 2.5),
    ],
)
def test_values_by_hand(text: str, inputs: dict[str, float], expected: float) -> None:
    assert value(text, **inputs) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "unit", "difference"),
    [
        ("TI-101 - TI-102", "Cel", True),
        ("avg(TI-101 over 1 min)", "Cel", False),
        ("rate(TI-101 over 1 min)", "Cel/s", False),
        ("PI-101 - PI-102", "MPa", True),
        ("PI-101 / PI-102", "1", False),
        ("count(XV-101 = 1 over 1 h)", "count", False),
        ("duration(XV-101 = 1)", "s", False),
        ("QI-101 + 1", "", False),
        ("LI-101 + rate(LI-101 over 5 min) * 10 min", "%", False),
        ("(95 % - LI-101) / rate(LI-101 over 5 min)", "s", False),
        ("min(5, PI-102)", "kPa", False),
        ("if(XV-101 = 1, TI-101, TI-103)", "Cel", False),
        ("XV-101", "", False),
        ("1 / (PI-101 / PI-102)", "1", False),
    ],
)
def test_the_results_unit(text: str, unit: str, difference: bool) -> None:
    expression = understood(text)
    assert (expression.kind, expression.unit, expression.difference) == ("number", unit, difference)


def test_a_result_in_a_wanted_unit() -> None:
    assert value("TI-101", unit="degF", TI_101=100.0) == pytest.approx(212.0)
    assert value("TI-101 - TI-102", unit="degF", TI_101=100.0, TI_102=90.0) == pytest.approx(18.0)
    assert value("TR-101", unit="Cel/min", TR_101=3.0) == pytest.approx(3.0)
    assert value("TR-101", unit="degF/h", TR_101=3.0) == pytest.approx(324.0)
    assert value("PI-101", unit="kPa", PI_101=0.5) == pytest.approx(500.0)
    assert value("QI-101 * 1 kPa", unit="Pa", QI_101=4.0) == pytest.approx(4000.0)
    assert understood("rate(TI-101 over 1 min)", unit="Cel/min").unit == "Cel/min"


def test_a_calculated_temperature_of_which_nobody_says_what_it_is_keeps_its_unit() -> None:
    facts = {"TDI-101": PointFacts(1, "Cel", difference=None), "TDI-102": PointFacts(2, "Cel", difference=True)}
    assert parse("TDI-101 > 5 and TDI-101 > 5 Cel and TDI-101 - 5 > TDI-102", facts.get).kind == "truth"
    with pytest.raises(ExpressionError, match="isn't known whether"):
        parse("TDI-101 > 9 degF", facts.get)
    assert [step.x for step in parse("TDI-102 > 9 degF", facts.get).program.code if step.op is Op.CONST] == [5.0]


@given(st.floats(-60, 400), st.floats(-60, 400))
def test_temperatures_meet_as_the_tables_convert(celsius: float, fahrenheit: float) -> None:
    """Against `units.convert`, which knows nothing of differences."""
    there = convert(fahrenheit, Form("degF"), Form("Cel"))
    assert math.isclose(value("TI-101 - TI-103", TI_101=celsius, TI_103=fahrenheit), celsius - there, abs_tol=1e-9)
    assert math.isclose(value("max(TI-103, TI-101)", TI_101=celsius, TI_103=fahrenheit), max(convert(celsius, Form("Cel"), Form("degF")), fahrenheit), abs_tol=1e-9)  # fmt: skip


def test_states_by_name_in_both_languages() -> None:
    for text in ('XV-101 = "关"', "XV-101 = 'closed'", '"关" = XV-101', "XV-101 = 0", "XV-101 in {“关”, 2}", "XV-101 = 「关」"):
        assert value(text, XV_101=0.0) == 1.0, text
        assert value(text, XV_101=1.0) == 0.0, text
    assert value("XV-101 != XC-101", XV_101=1.0, XC_101=0.0) == 1.0


@pytest.mark.parametrize(
    "text",
    ["PI-103 > 5", "PI-103 > 5 kPaA", "FI-101 > 5 Nm3/h", "AT-101 + AT-102 > 25 %LEL", "AT-104 > 25 %LEL", "PI-104 > 5 kPa",
     "PDI-101 > PI-104", "PI-101 > PDI-101", "AT-301 < 19.5 %VOL", "min(TI-101, TI-103, 5 K) > 3", "TI-101 > 300 K + 73.15 K"],
)  # fmt: skip
def test_what_may_meet(text: str) -> None:
    assert understood(text).kind == "truth"


@pytest.mark.parametrize(
    ("text", "code", "basis", "per"),
    [
        ("℃", "Cel", "", ""), ("°C", "Cel", "", ""), ("kPa", "kPa", "", ""), ("MPaG", "MPa", "gauge", ""), ("MPa(A)", "MPa", "absolute", ""),
        ("%LEL", "%LEL", "", ""), ("%", "%", "", ""), ("mg/m³", "mg/m3", "", ""), ("m3/h", "m3/h", "", ""), ("m/s", "m/s", "", ""),
        ("Cel/min", "Cel", "", "min"), ("MPa/h", "MPa", "", "h"), ("%LEL/s", "%LEL", "", "s"), ("t/h", "t/h", "", ""), ("t/min", "t", "", "min"),
        ("分钟", "min", "", ""), ("毫米/天", "mm/d", "", ""), ("per mille", "per mille", "", ""),
    ],
)  # fmt: skip
def test_units_as_plants_write_them(text: str, code: str, basis: str, per: str) -> None:
    found = read_written(text)
    assert found is not None
    assert (found.form.unit, found.form.pressure_basis, found.per) == (code, basis, per)
    assert read_written(found.text()) == found


@pytest.mark.parametrize("text", ["", "smoot", "Cel/", "Cel/fortnight", "m / s", "ppm*m", "mpa", "5", "{count}", "Cel/min2"])
def test_what_is_no_unit(text: str) -> None:
    assert read_written(text) is None
