"""Terms brought to a unit: a constant is changed now, a value by steps of its program; what doesn't fit is a mistake at its operand."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import ParamSpec, TypeVar

from anlan.model.errors import UnitError
from anlan.monitor.expressions import measures
from anlan.monitor.expressions.errors import ExpressionError, Span
from anlan.monitor.expressions.measures import BARE, PURE, Measure
from anlan.monitor.expressions.terms import Term
from anlan.monitor.program import Op

P = ParamSpec("P")
R = TypeVar("R")


class Conversions:
    """Of one expression: `source` is its text, for what its mistakes show."""

    def __init__(self, source: str) -> None:
        self.source = source

    def fit(self, at: Span, rule: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A rule of units; what it refuses is a mistake at `at`."""
        try:
            return rule(*args, **kwargs)
        except UnitError as wrong:
            raise ExpressionError(wrong.message, self.source, at, **wrong.facts) from None

    def converted(self, term: Term, target: Measure, origin: measures.Origin, at: Span | None = None) -> Term:
        """`term` in `target`'s unit: a changed constant, or the steps that change a value."""
        one = term.measure
        assert one is not None
        if term.constant is not None:
            value = self.fit(at or term.at, measures.converted, term.constant, one, target, origin)
            return replace(term, x=value, measure=one if one.bare else replace(one, unit=target.unit, per=target.per))
        scale, shift = self.fit(at or term.at, measures.conversion, one, target, origin)
        if (scale, shift) == (1.0, 0.0):
            return term
        return replace(self.scaled(term, scale, shift), measure=replace(one, unit=target.unit, per=target.per))

    def scaled(self, term: Term, scale: float, shift: float) -> Term:
        for op, number, idle in ((Op.MUL, scale, 1.0), (Op.ADD, shift, 0.0)):
            if number != idle:
                constant = Term(Op.CONST, term.at, measure=BARE, x=number, written=False)
                term = Term(op, term.at, (term, constant), term.measure, written=False)
        return term

    def pure(self, term: Term, one: Measure) -> Term:
        """A ratio as a plain number: 50 % is 0.5."""
        return self.converted(term, PURE, 0.0) if one.unit not in ("", "1") else term

    def constant_or(self, term: Term) -> Term:
        """Computed now when all operands are constants. Raises ExpressionError when that has no finite value."""
        values = [operand.constant for operand in term.operands]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            return term
        result = _compute(term.op, numbers)
        if not math.isfinite(result):
            raise ExpressionError("this has no finite value", self.source, term.at)
        return replace(term, op=Op.CONST, operands=(), x=result)

    def together(self, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> tuple[Term, Term]:
        """Both in one unit, for a comparison."""
        self.fit(at, measures.check_meeting, here, there)
        here, there = self.fit(left.at, measures.settled, here), self.fit(right.at, measures.settled, there)
        target = chief_of(left, here, right, there)
        origin = self.fit(at, measures.origin_together, here, there) if target.is_temperature else 0.0
        return self.converted(left, target, origin, at), self.converted(right, target, origin, at)


def chief_of(left: Term, here: Measure, right: Term, there: Measure) -> Measure:
    """The side whose unit both take: the one that is no bare number, and rather one that changes than a literal."""
    if here.bare or (here.given and not there.given and not there.bare):
        return there
    return here


def _compute(op: Op, numbers: list[float]) -> float:
    a, b = numbers[0], numbers[-1]
    try:
        match op:
            case Op.NEG:
                return -a
            case Op.ADD:
                return a + b
            case Op.SUB:
                return a - b
            case Op.MUL:
                return a * b
            case Op.DIV:
                return a / b
        return math.pow(a, b)
    except (ArithmeticError, ValueError):
        return math.nan
