"""Expressions of calculated points and free alarm conditions: own small grammar, units checked, compiled for the kernel.

In: a text such as `rate(TI-101 over 5 min) > 3 Cel/min`, and what the plant knows of its points. Out: an `Expression` with its program,
or an `ExpressionError` at the character. docs/expressions.md is the language's page.

tokens → parser → syntax (as written) → meaning (what is a number, what a condition; `names`, `arithmetic` and `conversions` of units) → terms → emit (the program); `explain` computes its steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from anlan.monitor.expressions.emit import points_of, program_of
from anlan.monitor.expressions.errors import ExpressionError, Span
from anlan.monitor.expressions.explain import Explained, Worth, explain_term
from anlan.monitor.expressions.facts import PointFacts
from anlan.monitor.expressions.meaning import Meaning
from anlan.monitor.expressions.parser import parse_text
from anlan.monitor.expressions.syntax import Node, print_text
from anlan.monitor.expressions.terms import Term
from anlan.monitor.layout import STACK
from anlan.monitor.program import Program

__all__ = ["Explained", "Expression", "ExpressionError", "PointFacts", "Worth", "explain", "parse", "print_text"]


@dataclass(frozen=True, slots=True)
class Expression:
    """A text that is understood. `unit` is a code of units.csv or such a code per second (Cel/s); "" for a condition or a plain number.

    `difference`: the number is that of two temperatures or pressures; whoever makes a point of it tells so in that point's facts.
    """

    text: str
    kind: Literal["number", "truth"]
    unit: str
    difference: bool
    program: Program
    points: tuple[str, ...]
    tree: Node = field(repr=False, compare=False)
    term: Term = field(repr=False, compare=False)


def parse(
    text: str, points: Callable[[str], PointFacts | None], names: Callable[[], Iterable[str]] = tuple, *, unit: str = ""
) -> Expression:
    """Understand `text`; with `unit`, as a number in that unit. Raises ExpressionError with the first mistake.

    `points` gives what is known of a point or None; `names` lists all ids, asked only for a hint.
    """
    tree = parse_text(text, lambda name: points(name) is not None)
    meaning = Meaning(text, points, names)
    term = meaning.of(tree)
    measure = term.measure
    if unit:
        term = meaning.in_unit(term, unit)
    program = program_of(term)
    if program.depth >= STACK:
        raise ExpressionError(
            "{found} values wait for one another here; at most {most} may: make a calculated point of a part",
            text,
            Span(0, len(text)),
            found=program.depth,
            most=STACK - 1,
        )
    return Expression(
        text=text,
        kind="truth" if measure is None else "number",
        unit=unit or ("" if measure is None else measure.text),
        difference=measure is not None
        and (measure.pressure == "difference" or (measure.is_temperature and measure.origin == 0.0)),
        program=program,
        points=points_of(term),
        tree=tree,
        term=term,
    )


def explain(expression: Expression, values: Mapping[str, tuple[float, int]]) -> Explained:
    """What each step of the expression comes to, for these values and effective qualities of its points."""
    return explain_term(expression.text, expression.term, values)
