"""Random expressions that make sense for the points of `plant`, and random pasts of their inputs."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from anlan.model.quality import Flag, Reason, Severity, quality
from anlan.model.units import Form
from anlan.monitor.expressions.syntax import (
    Among,
    Call,
    Chain,
    Comparison,
    Logic,
    Negative,
    Node,
    Not,
    Number,
    PointName,
    Power,
    StateName,
    Vote,
    Window,
)
from anlan.monitor.expressions.written_units import Written

SECOND = 1_000_000
SIGNS = ("<", "<=", ">", ">=", "=", "!=")
PLAIN = ("QI-101", "QI-102", "over", "A.b_c-9")
LITERALS = {
    "TI-101": ("Cel", "degF", "K"), "TI-102": ("Cel",), "TI-103": ("degF", "Cel"), "PI-101": ("MPa", "kPa", "bar"), "PI-102": ("kPa", "MPa"),
    "LI-101": ("%",), "AT-101": ("%LEL",), "AT-102": ("%LEL",), "FI-102": ("m3/h", "L/min"), "FI-103": ("L/min", "m3/h"), "XI-101": ("mm", "cm"),
}  # fmt: skip
"""Measured points and the units of literals that they meet."""

ALIKE = (("TI-101", "TI-102"), ("TI-101", "TI-103"), ("PI-101", "PI-102"), ("AT-101", "AT-102"), ("FI-102", "FI-103"))

numbers = st.one_of(st.integers(-8, 8).map(float), st.sampled_from([0.5, 2.25, 1e-3, 1e6]))
widths = st.sampled_from([(10.0, "s"), (1.0, "min"), (0.5, "h"), (30.0, "s")]).map(lambda w: Number(w[0], Written(Form(w[1]))))


def literal(value: float, code: str = "") -> Number:
    return Number(value, Written(Form(code)) if code else None)


def negative(node: Node) -> Node:
    """As the parser makes it: the sign of a literal belongs to it."""
    return Number(0.0 - node.value, node.unit) if isinstance(node, Number) else Negative(node)


def chain(parts: tuple[Node, list[tuple[str, Node]]]) -> Node:
    return Chain(parts[0], tuple(parts[1])) if parts[1] else parts[0]


def plain_numbers(depth: int) -> st.SearchStrategy[Node]:
    """Numbers without unit, of any shape."""
    leaves: st.SearchStrategy[Node] = st.one_of(st.sampled_from(PLAIN).map(PointName), numbers.map(literal))
    if depth == 0:
        return leaves
    inner = plain_numbers(depth - 1)
    return st.one_of(
        leaves,
        inner.map(negative),
        st.tuples(inner, st.lists(st.tuples(st.sampled_from("+-"), inner), min_size=1, max_size=3)).map(chain),
        st.tuples(inner, st.lists(st.tuples(st.sampled_from("*/"), inner), min_size=1, max_size=3)).map(chain),
        st.builds(Power, inner, inner),
        st.builds(lambda name, a: Call(name, (a,)), st.sampled_from(["abs", "sqrt", "ln", "exp"]), inner),
        st.builds(
            lambda name, many: Call(name, tuple(many)), st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=4)
        ),
        st.builds(lambda c, a, b: Call("if", (c, a, b)), conditions(depth - 1), inner, inner),
        st.builds(Window, st.sampled_from(["avg", "min", "max", "spread", "delta"]), inner, widths),
    )


def measured(depth: int) -> st.SearchStrategy[Node]:
    """Conditions over points with units, where the reference must convert as the parser does."""
    pairs = st.sampled_from(sorted(LITERALS)).flatmap(
        lambda name: st.tuples(st.just(PointName(name)), st.sampled_from(LITERALS[name]), numbers)
    )
    against = pairs.map(lambda p: (p[0], literal(p[2], p[1])))
    alike = st.sampled_from(ALIKE).map(lambda names: (PointName(names[0]), PointName(names[1])))
    both: st.SearchStrategy[tuple[Node, Node]] = st.one_of(against, alike)
    rates = {"TI-101": "Cel", "PI-101": "kPa", "LI-101": "%"}
    steep = st.builds(
        lambda name, width, value: Comparison(
            ">", Window("rate", PointName(name), width), Number(value, Written(Form(rates[name]), "min"))
        ),
        st.sampled_from(sorted(rates)), widths, numbers,
    )  # fmt: skip
    return st.one_of(
        st.builds(lambda sign, ab: Comparison(sign, *ab), st.sampled_from(SIGNS), both),
        st.builds(lambda sign, ab: Comparison(sign, *reversed(ab)), st.sampled_from(SIGNS), both),
        st.builds(lambda name, ab: Call(name, (*ab, literal(0.5))), st.sampled_from(["above", "below"]), both),
        st.builds(lambda ab: Comparison(">", Chain(ab[0], (("-", ab[1]),)), literal(2.0)), both),
        st.builds(lambda name, ab: Comparison("<", Call(name, ab), literal(3.0)), st.sampled_from(["min", "max"]), both),
        st.builds(lambda ab, width: Comparison(">=", Window("avg", ab[0], width), ab[1]), both, widths),
        steep,
    )


def conditions(depth: int) -> st.SearchStrategy[Node]:
    inner_numbers = plain_numbers(max(depth - 1, 0))
    valve = st.sampled_from(["XV-101", "XC-101"]).map(PointName)
    states = st.one_of(st.sampled_from([0.0, 1.0, 2.0]).map(literal), st.sampled_from(["关", "开", "Open"]).map(StateName))
    leaves = st.one_of(
        measured(depth),
        st.builds(Comparison, st.sampled_from(SIGNS), inner_numbers, inner_numbers),
        st.builds(Comparison, st.sampled_from(["=", "!="]), valve, st.one_of(states, valve)),
        st.builds(lambda point, many: Among(point, tuple(many)), valve, st.lists(states, min_size=1, max_size=3)),
        st.builds(
            lambda name, point: Call(name, (point,)),
            st.sampled_from(["good", "bad", "uncertain", "calibrating", "maintained", "over_range"]),
            st.sampled_from([*PLAIN, *LITERALS]).map(PointName),
        ),
        st.builds(
            lambda name, a, b, band: Call(name, (a, b, literal(band))),
            st.sampled_from(["above", "below"]), inner_numbers, inner_numbers, st.sampled_from([0.0, 1.0, 2.5]),
        ),
    )  # fmt: skip
    if depth == 0:
        return leaves
    inner = conditions(depth - 1)
    return st.one_of(
        leaves,
        inner.map(Not),
        st.builds(lambda word, many: Logic(word, tuple(many)), st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
        st.builds(Window, st.just("hold"), inner, widths),
        st.builds(
            lambda sign, name, a, width, n: Comparison(sign, Window(name, a, width), literal(n)),
            st.sampled_from(SIGNS), st.just("count"), inner, widths, st.sampled_from([0.0, 1.0, 2.0]),
        ),
        st.builds(lambda a, b: Comparison(">", Call("duration", (a,)), b), inner, widths),
        st.lists(inner, min_size=1, max_size=4).flatmap(
            lambda many: st.builds(Vote, st.integers(1, len(many)), st.just(tuple(many)), st.booleans(), st.booleans())
        ),
        st.builds(lambda c, a, b: Call("if", (c, a, b)), inner, inner, inner),
    )  # fmt: skip


expressions = st.one_of(conditions(2), plain_numbers(2), conditions(3))

WORDS = st.one_of(
    st.just(0),
    st.just(0),
    st.builds(
        quality,
        st.sampled_from(list(Severity)),
        st.sampled_from(
            [Reason.NONE, Reason.CALIBRATION, Reason.MAINTENANCE, Reason.OVER_RANGE, Reason.OVER_RANGE_LATCHED, Reason.STALE]
        ),
        st.sampled_from([0, int(Flag.LATE), int(Flag.DEMO | Flag.MANUAL)]),
    ),
)
values = st.one_of(st.integers(-6, 6).map(float), st.floats(-100, 100, width=32))


@st.composite
def pasts(draw: Any, names: tuple[str, ...]) -> list[tuple[int, dict[str, tuple[float, int]]]]:
    """Evaluations at times that never go back, each with what the inputs were."""
    t, past = 1_700_000_000 * SECOND, []
    for _ in range(draw(st.integers(1, 25))):
        t += draw(st.sampled_from([0, 100_000, SECOND, 2 * SECOND, 7 * SECOND, 45 * SECOND, 200 * SECOND, 4000 * SECOND]))
        inputs = {}
        for name in names:
            state = name.startswith("X") and name[1] in "VC"
            inputs[name] = (float(draw(st.integers(0, 2))) if state else draw(values), draw(WORDS))
        past.append((t, inputs))
    return past
