"""Expressions in the engine itself against the slow reference: parser, program, compiled machine and its memory in one."""

from __future__ import annotations

import math
import os

import numpy as np
from expressions.plant import POINTS, understood
from expressions.reference import ReferenceProgram
from expressions.stories import expressions, pasts
from hypothesis import assume
from hypothesis import strategies as st

from anlan.model.frames import Frame, Kind, Part
from anlan.model.readings import Readings
from anlan.monitor.engine import Engine, EngineConfig
from anlan.monitor.expressions import Expression, ExpressionError, print_text
from anlan.monitor.expressions.syntax import Node
from tests.examples import tried_on

EXAMPLES = int(os.environ.get("ANLAN_EXPRESSION_EXAMPLES", "150"))
RESULT = 1 + max(facts.number for facts in POINTS.values())


@tried_on(expressions, st.sampled_from([0, 3_000_000, 60_000_000]), st.data(), few=50, many=EXAMPLES)
def test_engine_and_reference_agree(tree: Node, max_age: int, data: st.DataObject) -> None:
    try:
        expression = understood(print_text(tree))
    except ExpressionError:
        assume(False)
        return
    engine, reference = running(expression, max_age), ReferenceProgram(expression.tree, POINTS)
    before = 0
    for t, inputs in data.draw(pasts(expression.points)):
        assume(t > before)
        before = t
        expected = reference.evaluate(t, inputs, max_age)
        assume(not reference.close)
        rows = [(POINTS[name].number, t, value, word) for name, (value, word) in inputs.items()]
        step(engine, Kind.READINGS, t, Readings.of(rows).to_bytes(), len(rows))
        result = engine.world.points[RESULT]
        assert int(result["quality"]) == expected[1], (print_text(tree), t, inputs)
        assert same(float(result["value"]), expected[0]), (print_text(tree), t, inputs, float(result["value"]), expected)


def running(expression: Expression, max_age: int) -> Engine:
    numbers = [facts.number for facts in POINTS.values()]
    config = EngineConfig.from_columns(
        1,
        {"number": [1]},
        {
            "number": [*numbers, RESULT],
            "source": [*(1 for _ in numbers), 0],
            "on_change": np.full(len(numbers) + 1, max_age == 0),
            "deadline": np.full(len(numbers) + 1, max_age // 1000),
        },
        {"number": [], "kind": [], "target": []},
        programs=[(RESULT, expression.program)],
    )
    engine = Engine()
    step(engine, Kind.CONFIG, 0, config.to_bytes(), 1)
    step(engine, Kind.TICK, 0, b'{"now": 0, "sources": {"1": "up"}}', 1)
    return engine


def step(engine: Engine, kind: Kind, at: int, body: bytes, rows: int) -> None:
    source = 1 if kind is Kind.READINGS else 0
    found = engine.step(Frame(engine.frame + 1, (Part(kind, source, 0, 0, at, rows, body),)))
    assert not found.faults, found.faults


def same(a: float, b: float) -> bool:
    return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
