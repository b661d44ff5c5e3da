"""The program of an expression against the slow reference, which walks the tree; and its offsets, points and depth by hand."""

from __future__ import annotations

import math
import os

import pytest
from expressions.machine import Machine
from expressions.plant import POINTS, numbered, understood
from expressions.reference import ReferenceProgram
from expressions.stories import expressions, pasts
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from anlan.monitor.expressions import ExpressionError, print_text
from anlan.monitor.expressions.syntax import Node
from anlan.monitor.program import Instruction, Op, cells_of

EXAMPLES = int(os.environ.get("ANLAN_EXPRESSION_EXAMPLES", "150"))
story_settings = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@story_settings
@given(expressions, st.sampled_from([0, 3_000_000, 60_000_000]), st.data())
def test_program_and_reference_agree(tree: Node, max_age: int, data: st.DataObject) -> None:
    try:
        expression = understood(print_text(tree))
    except ExpressionError as refused:
        assume("no point" in refused.message or "finite" in refused.message)
        assume(False)
        return
    machine, reference = Machine(expression.program), ReferenceProgram(expression.tree, POINTS)
    for t, inputs in data.draw(pasts(expression.points)):
        expected = reference.evaluate(t, inputs, max_age)
        found = machine.evaluate(t, numbered(inputs), max_age)
        assume(not reference.close)
        assert found[1] == expected[1], (print_text(tree), t, inputs)
        assert same(found[0], expected[0]), (print_text(tree), t, inputs, found, expected)


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)


def test_postfix_with_constants_in_the_points_unit() -> None:
    program = understood("TI-101 > 212 degF and LI-101 < 5").program
    assert program.code == (
        Instruction(Op.POINT, 1), Instruction(Op.CONST, 0, 100.0), Instruction(Op.GT),
        Instruction(Op.POINT, 13), Instruction(Op.CONST, 0, 5.0), Instruction(Op.LT),
        Instruction(Op.AND),
    )  # fmt: skip
    assert (program.points, program.cells, program.timed, program.depth) == ((1, 13), 0, False, 3)


def test_each_memory_has_its_own_cells_one_after_the_other() -> None:
    program = understood(
        "above(QI-101, 5, 1) and hold(QI-101 > avg(QI-102 over 1 min) for 5 s) and rate(QI-101 over 10 s) > 0"
    ).program
    offsets = [(step.op, step.a) for step in program.code if cells_of(step.op)]
    assert offsets == [(Op.ABOVE, 0), (Op.AVG, 1), (Op.HOLD, 1 + 102), (Op.RATE, 1 + 102 + 3)]
    assert program.cells == 1 + 102 + 3 + 66
    assert program.timed


def test_points_stand_once_in_order_of_appearance() -> None:
    expression = understood("QI-102 > QI-101 or QI-102 < A.b_c-9")
    assert expression.points == ("QI-102", "QI-101", "A.b_c-9")
    assert expression.program.points == (24, 23, 30)


@pytest.mark.parametrize(
    ("text", "packed"),
    [
        ("vote(2 of QI-101 > 1, QI-102 > 1, `over` > 1)", 3 + 256 * 2 + 65536 + 131072),
        ("vote(1 of QI-101 > 1, QI-102 > 1; fault leaves)", 2 + 256 + 131072),
        ("vote(2 of QI-101 > 1, QI-102 > 1; fault alarms; calibration alarms)", 2 + 512 + 65536),
        ("vote(2 of QI-101 > 1, QI-102 > 1; calibration alarms; fault leaves)", 2 + 512),
    ],
)
def test_a_vote_is_packed(text: str, packed: int) -> None:
    assert understood(text).program.code[-1] == Instruction(Op.VOTE, packed)


def test_a_point_in_a_rates_unit_stands_per_second_inside() -> None:
    assert understood("TR-101 > 0.05 Cel/s").program.code == (
        Instruction(Op.POINT, 27), Instruction(Op.CONST, 0, 1 / 60), Instruction(Op.MUL), Instruction(Op.CONST, 0, 0.05), Instruction(Op.GT),
    )  # fmt: skip


def test_a_sum_of_three_hundred_points_needs_no_deep_stack() -> None:
    program = understood("+".join(["QI-101"] * 280)).program
    assert program.depth == 2
    assert len(program.code) == 2 * 280 - 1
