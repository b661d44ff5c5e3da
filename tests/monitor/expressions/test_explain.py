"""Why an expression has its value: the tree of its steps, against the program wherever the past has no say."""

from __future__ import annotations

import math

import pytest
from expressions.machine import Machine
from expressions.plant import POINTS, numbered, understood
from expressions.stories import conditions, pasts
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from anlan.model.quality import Reason, Severity, quality
from anlan.monitor.expressions import Explained, ExpressionError, explain, print_text
from anlan.monitor.expressions.syntax import Node
from anlan.monitor.program import TIMED, Op

STALE = quality(Severity.BAD, Reason.STALE)


def lines(one: Explained, depth: int = 0) -> list[str]:
    worth = "?" if one.worth is None else f"{one.worth.value:g}" + (f" q{one.worth.quality}" if one.worth.quality else "")
    own = f"{'  ' * depth}{one.text} = {worth}{f' {one.unit}' if one.unit else ''}"
    return [own, *(line for part in one.parts for line in lines(part, depth + 1))]


def test_each_step_of_the_text_with_its_value_and_unit() -> None:
    expression = understood("TI-101 - TI-103 > 5 K and (PI-101 > 500 kPa or XV-101 in {1, 2})")
    values = {"TI-101": (30.0, 0), "TI-103": (68.0, 0), "PI-101": (0.4, 0), "XV-101": (2.0, 0)}
    assert lines(explain(expression, values)) == [
        "TI-101 - TI-103 > 5 K and (PI-101 > 500 kPa or XV-101 in {1, 2}) = 1",
        "  TI-101 - TI-103 > 5 K = 1",
        "    TI-101 - TI-103 = 10 Cel",
        "      TI-101 = 30 Cel",
        "      TI-103 = 68 degF",
        "  PI-101 > 500 kPa or XV-101 in {1, 2} = 1",
        "    PI-101 > 500 kPa = 0",
        "      PI-101 = 0.4 MPa",
        "    XV-101 in {1, 2} = 1",
        "      XV-101 = 2",
    ]


def test_what_the_past_decides_is_unknown_unless_the_rest_settles_it() -> None:
    expression = understood("QI-101 > 5 or hold(QI-102 > 1 for 10 s)")
    assert explain(expression, {"QI-101": (6.0, 0), "QI-102": (2.0, 0)}).worth is not None
    unknown = explain(expression, {"QI-101": (4.0, 0), "QI-102": (2.0, 0)})
    assert unknown.worth is None
    assert [part.worth is None for part in unknown.parts] == [False, True]
    assert lines(unknown)[-2:] == ["    QI-102 > 1 = 1", "      QI-102 = 2"]
    band = understood("above(QI-101, 5, 1)")
    assert [explain(band, {"QI-101": (v, 0)}).worth is None for v in (5.0, 4.5, 3.9)] == [False, True, False]
    vote = understood("vote(1 of QI-101 > 5, hold(QI-102 > 1 for 10 s))")
    assert [explain(vote, {"QI-101": (v, 0), "QI-102": (2.0, 0)}).worth is None for v in (6.0, 5.0)] == [False, True]


def test_a_point_without_a_value_has_no_data_yet() -> None:
    found = explain(understood("QI-101 > 5"), {})
    assert found.worth is not None
    assert math.isnan(found.worth.value)
    assert found.worth.quality == quality(Severity.BAD, Reason.NO_DATA_YET)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(conditions(2), st.data())
def test_it_comes_to_what_the_program_comes_to(tree: Node, data: st.DataObject) -> None:
    try:
        expression = understood(print_text(tree))
    except ExpressionError:
        assume(False)
        return
    assume(not any(step.op in TIMED or step.op in (Op.ABOVE, Op.BELOW) for step in expression.program.code))
    for t, inputs in data.draw(pasts(expression.points))[:3]:
        expected = Machine(expression.program).evaluate(t, numbered(inputs))
        worth = explain(expression, inputs).worth
        assert worth is not None
        assert (worth.value, worth.quality) == (pytest.approx(expected[0], nan_ok=True), expected[1])


def test_all_points_of_the_plant_explain_themselves() -> None:
    assert all(explain(understood(f"good(`{name}`)"), {name: (1.0, STALE)}).worth for name in POINTS)
