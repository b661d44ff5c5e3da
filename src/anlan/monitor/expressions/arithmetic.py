"""Two numbers with their units added, multiplied or divided: which unit the result has, and which mixtures have none."""

from __future__ import annotations

from dataclasses import replace

from anlan.monitor.expressions import measures
from anlan.monitor.expressions.conversions import Conversions, chief_of
from anlan.monitor.expressions.errors import ExpressionError, Span
from anlan.monitor.expressions.measures import PURE, SECONDS, Measure
from anlan.monitor.expressions.terms import Term
from anlan.monitor.program import Op

_ARITHMETIC = {"+": Op.ADD, "-": Op.SUB, "*": Op.MUL, "/": Op.DIV}


class Arithmetic:
    """The four operations of one expression."""

    def __init__(self, units: Conversions) -> None:
        self._units = units
        self._by_sign = {"+": self._plus, "-": self._plus, "*": self._times, "/": self._over}

    def of(self, sign: str, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        """`left` sign `right`, of the measures `here` and `there`. Raises ExpressionError at `at`, where the right one stands."""
        return self._by_sign[sign](sign, left, here, right, there, at)

    def _plus(self, sign: str, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        self._units.fit(at, measures.check_meeting, here, there)
        origins = measures.origin_in_sum(here, there), measures.origin_in_sum(there, here)
        target = chief_of(left, here, right, there)
        result = measures.met(here, there, target)
        if target.is_temperature:
            result = replace(result, origin=measures.origin_of_sum(*origins, 1.0 if sign == "+" else -1.0))
        if sign == "-" and target.quantity == "pressure" and "difference" not in (here.pressure, there.pressure):
            result = replace(result, pressure="difference")
        operands = (self._units.converted(left, target, origins[0], at), self._units.converted(right, target, origins[1], at))
        return Term(_ARITHMETIC[sign], at, operands, result)

    def _times(self, sign: str, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        if here.bare or there.bare:
            whole, factor = (there, left) if here.bare else (here, right)
            result = replace(whole, origin=measures.origin_scaled(whole, factor.constant), given=here.given and there.given)
            return Term(Op.MUL, at, (left, right), result)
        if here.pure or there.pure:
            whole = there if here.pure else here
            operands = (
                self._units.pure(left, here) if here.pure else left,
                self._units.pure(right, there) if there.pure else right,
            )
            result = PURE if whole.pure else replace(whole, origin=measures.origin_scaled(whole, None), given=False)
            return Term(Op.MUL, at, operands, result)
        if here.per and there.is_time:
            result = replace(here, per=here.per - 1, origin=0.0, given=False)
            return Term(Op.MUL, at, (left, self._units.converted(right, SECONDS, 0.0, at)), result)
        if there.per and here.is_time:
            return self._times(sign, right, there, left, here, at)
        raise ExpressionError(
            "{left} times {right} has no unit that is known here; divide one by a literal of its unit first, for example / 1 {unit}",
            self._units.source,
            at,
            left=here.shown,
            right=there.shown,
            unit=there.text,
        )

    def _over(self, sign: str, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        if there.bare:
            factor = 1 / right.constant if right.constant else None
            result = replace(here, origin=measures.origin_scaled(here, factor), given=here.given and there.given)
            return Term(Op.DIV, at, (left, right), result)
        if here.bare and there.text in ("", "1"):
            return Term(Op.DIV, at, (left, right), PURE)
        if not here.bare:
            if measures.fits(here, there):
                return self._ratio(left, here, right, there, at)
            if there.pure:
                result = replace(here, origin=measures.origin_scaled(here, None), given=False)
                return Term(Op.DIV, at, (left, self._units.pure(right, there)), result)
            if there.is_time and not (here.is_temperature and self._has_zero(here)):
                result = replace(here.without_origin(), per=here.per + 1, given=False)
                return Term(Op.DIV, at, (left, self._units.converted(right, SECONDS, 0.0, at)), result)
            rate = replace(here.without_origin(), per=here.per + 1)
            if measures.fits(rate, there) and not (here.is_temperature and self._has_zero(here)):
                return Term(Op.DIV, at, (left, self._units.converted(right, rate, 0.0, at)), SECONDS)
        raise ExpressionError(
            "{left} divided by {right} has no unit that is known here; divide by a literal of the unit first, for example / 1 {unit}",
            self._units.source,
            at,
            left=here.shown,
            right=there.shown,
            unit=there.text or "1",
        )

    def _ratio(self, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        self._units.fit(at, measures.check_meeting, here, there)
        if there.given:
            # Dividing by a literal takes the unit away: TI-101 / 1 Cel is the number on the scale.
            origin = self._units.fit(at, measures.origin_together, here, there) if here.is_temperature else 0.0
            return Term(Op.DIV, at, (self._units.converted(left, there, origin, at), right), PURE)
        if here.is_temperature and (self._has_zero(here) or self._has_zero(there)):
            raise ExpressionError(
                "the ratio of two temperatures depends on their scale; divide each by a literal first, for example / 1 K",
                self._units.source,
                at,
            )
        target = chief_of(left, here, right, there)
        return Term(
            Op.DIV, at, (self._units.converted(left, target, 0.0, at), self._units.converted(right, target, 0.0, at)), PURE
        )

    @staticmethod
    def _has_zero(one: Measure) -> bool:
        return one.origin not in (0.0, "any")
