"""From the tree as written to terms: names are looked up, numbers and conditions told apart, units brought together.

Every mistake is an ExpressionError at the operand that doesn't fit. Conversions become part of the constants where one side is a
constant, and a multiplication (and addition) where both change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NoReturn, ParamSpec, TypeVar

from anlan.model.errors import UnitError
from anlan.model.quality import Reason
from anlan.model.tables import fold, nearest
from anlan.model.units import unit, units
from anlan.monitor.expressions import measures
from anlan.monitor.expressions.errors import ExpressionError, Span
from anlan.monitor.expressions.facts import PointFacts
from anlan.monitor.expressions.measures import BARE, COUNT, PURE, SECONDS, Measure
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
from anlan.monitor.expressions.terms import Term, postfix
from anlan.monitor.expressions.written_units import Written, read_written
from anlan.monitor.program import Op

SHORTEST, LONGEST = 0.1, 31 * 86_400.0
"""A window or hold time. [s]"""

NAMES = 20_000
"""So many names at most are compared with a name that isn't known."""

_ARITHMETIC = {"+": Op.ADD, "-": Op.SUB, "*": Op.MUL, "/": Op.DIV}
_COMPARISONS = {"<": Op.LT, "<=": Op.LE, ">": Op.GT, ">=": Op.GE, "=": Op.EQ, "!=": Op.NE}
_PLAIN = {"sqrt": Op.SQRT, "ln": Op.LN, "exp": Op.EXP}
_TESTS = {"good": Op.GOOD, "bad": Op.BAD, "uncertain": Op.UNCERTAIN}
_REASONS = {
    "calibrating": (Reason.CALIBRATION,),
    "maintained": (Reason.MAINTENANCE,),
    "over_range": (Reason.OVER_RANGE, Reason.OVER_RANGE_LATCHED),
}
_OVER_NUMBER = {
    "avg": Op.AVG, "min": Op.LOWEST, "max": Op.HIGHEST, "spread": Op.SPREAD, "delta": Op.DELTA, "rate": Op.RATE,
}  # fmt: skip

P = ParamSpec("P")
R = TypeVar("R")
Lookup = Callable[[str], PointFacts | None]


class Meaning:
    """Settles one expression. `points` knows the plant, `names` lists it for a hint."""

    def __init__(self, source: str, points: Lookup, names: Callable[[], Iterable[str]]) -> None:
        self._source = source
        self._points = points
        self._names = names
        self._settled: dict[int, Term] = {}
        """By the node's identity: a node that is looked at from two sides is settled once."""

    def of(self, tree: Node) -> Term:
        """The whole expression: a number, a discrete point or a condition. Raises ExpressionError."""
        term = self._term(tree)
        if all(part.op is not Op.POINT for part in postfix(term)):
            raise ExpressionError("the expression names no point, so it would never change", self._source, tree.at)
        if term.measure is not None:
            term = replace(term, measure=self._fit(tree.at, measures.settled, term.measure))
        return term

    def in_unit(self, term: Term, wanted: str) -> Term:
        """The result in a unit that somebody else chose. Raises ExpressionError when it doesn't become that."""
        if term.measure is None:
            raise ExpressionError("this is a condition; it has no value in {unit}", self._source, term.at, unit=wanted)
        written = read_written(wanted)
        if written is None:
            raise ExpressionError("{unit} is no unit that is known", self._source, term.at, unit=wanted)
        target = measures.measure_of(written)
        self._fit(term.at, measures.check_meeting, term.measure, target)
        origin = self._fit(term.at, measures.origin_together, term.measure, target) if target.is_temperature else 0.0
        found = self._converted(term, target, origin)
        return self._scaled(found, written.seconds, 0.0) if written.per else found

    # --- by kind of node

    def _term(self, node: Node) -> Term:
        found = self._settled.get(id(node))
        if found is None:
            found = self._settled[id(node)] = self._fresh(node)
        return found

    def _fresh(self, node: Node) -> Term:
        match node:
            case Number():
                measure = measures.measure_of(node.unit)
                return Term(Op.CONST, node.at, measure=measure, x=node.value / (node.unit.seconds if node.unit else 1.0))
            case PointName():
                return self._point(node)
            case StateName():
                raise ExpressionError(
                    "a state's name stands only beside its point, for example XV-101 = {name}",
                    self._source,
                    node.at,
                    name=self._source[node.at.start : node.at.end],
                )
            case Negative():
                return self._negative(node)
            case Chain():
                return self._chain(node)
            case Power():
                return self._power(node)
            case Comparison():
                return self._comparison(node)
            case Among():
                return self._among(node)
            case Not():
                return Term(Op.NOT, node.at, (self._truth(node.operand),))
            case Logic():
                terms = [self._truth(operand) for operand in node.operands]
                return _folded(Op.AND if node.word == "and" else Op.OR, terms, node.at, None)
            case Call():
                return self._call(node)
            case Window():
                return self._window(node)
            case Vote():
                return self._vote(node)
        raise TypeError(node)

    def _number(self, node: Node) -> tuple[Term, Measure]:
        term = self._term(node)
        if term.states is not None:
            raise ExpressionError(
                "{point} has states: it is compared by =, != or in, not computed with", self._source, node.at, point=term.point
            )
        if term.measure is None:
            raise ExpressionError(
                "this is a condition; a number was expected: if(condition, 1, 0) makes one", self._source, node.at
            )
        return term, term.measure

    def _truth(self, node: Node) -> Term:
        if isinstance(node, StateName):
            return self._term(node)
        term = self._term(node)
        if term.measure is not None:
            raise ExpressionError(
                "this is a number; a condition was expected: compare it with something, for example {found} > 5",
                self._source,
                node.at,
                found=term.point or "x",
            )
        return term

    # --- points and states

    def _point(self, node: PointName) -> Term:
        facts = self._points(node.id)
        if facts is None:
            self._unknown_point(node)
        if facts.states:
            return Term(Op.POINT, node.at, measure=Measure(), a=facts.number, point=node.id, states=facts.states)
        written = read_written(facts.unit) if facts.unit and facts.unit not in units() else None
        if facts.unit and facts.unit not in units() and written is None:
            raise ExpressionError(
                "the unit {unit} of {point} is not known", self._source, node.at, unit=facts.unit, point=node.id
            )
        measure = _measure_of_point(facts, written)
        term = Term(Op.POINT, node.at, measure=measure, a=facts.number, point=node.id)
        return term if written is None else self._scaled(term, 1 / written.seconds, 0.0)

    def _unknown_point(self, node: PointName) -> NoReturn:
        parts = node.id.split("-")
        for count in range(len(parts) - 1, 0, -1):
            left, right = "-".join(parts[:count]), "-".join(parts[count:])
            if self._points(left) is not None and (not right or self._points(right) is not None or _is_number(right)):
                raise ExpressionError(
                    "{id} is read as one id, because ids may hold a minus; to subtract, write spaces around it: {left} - {right}",
                    self._source,
                    node.at,
                    id=node.id,
                    left=left,
                    right=right or "…",
                )
        close = _nearest_name(node.id, self._names())
        if close:
            raise ExpressionError("there is no point {id}; did you mean {hint}?", self._source, node.at, id=node.id, hint=close)
        raise ExpressionError("there is no point {id}", self._source, node.at, id=node.id)

    def _state(self, point: Term, value: Node) -> float:
        """The integer of a state of a discrete point, named or numbered."""
        states = point.states or {}
        known = ", ".join(f"{number} {'/'.join(filter(None, (label.zh, label.en)))}" for number, label in states.items())
        if isinstance(value, StateName):
            wanted = fold(value.name)
            found = [n for n, label in states.items() if wanted in (fold(label.zh), fold(label.en))]
            if len(found) == 1:
                return float(found[0])
        elif isinstance(value, Number) and value.unit is None and value.value in states:
            return value.value
        raise ExpressionError(
            "{point} has no state {found}; it has {known}",
            self._source,
            value.at,
            point=point.point,
            found=self._source[value.at.start : value.at.end],
            known=known,
        )

    # --- arithmetic

    def _negative(self, node: Negative) -> Term:
        term, measure = self._number(node.operand)
        result = replace(measure, origin=measures.origin_scaled(measure, -1.0))
        return self._constant_or(Term(Op.NEG, node.at, (term,), result))

    def _chain(self, node: Chain) -> Term:
        left, right_end = self._number(node.first), node.first.at.end
        for sign, operand in node.steps:
            right = self._number(operand)
            right_end = operand.at.end
            at = Span(node.at.start, right_end)
            combine = {"+": self._plus, "-": self._plus, "*": self._times, "/": self._over}[sign]
            term = self._constant_or(
                replace(combine(sign, left[0], left[1], right[0], right[1], operand.at), at=at, written=False)
            )
            assert term.measure is not None
            left = (term, term.measure)
        return replace(left[0], at=node.at, written=True)

    def _plus(self, sign: str, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        self._fit(at, measures.check_meeting, here, there)
        origins = measures.origin_in_sum(here, there), measures.origin_in_sum(there, here)
        target = _target(left, here, right, there)
        result = measures.met(here, there, target)
        if target.is_temperature:
            result = replace(result, origin=measures.origin_of_sum(*origins, 1.0 if sign == "+" else -1.0))
        if sign == "-" and target.quantity == "pressure" and "difference" not in (here.pressure, there.pressure):
            result = replace(result, pressure="difference")
        operands = (self._converted(left, target, origins[0], at), self._converted(right, target, origins[1], at))
        return Term(_ARITHMETIC[sign], at, operands, result)

    def _times(self, sign: str, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        if here.bare or there.bare:
            whole, factor = (there, left) if here.bare else (here, right)
            result = replace(whole, origin=measures.origin_scaled(whole, factor.constant), given=here.given and there.given)
            return Term(Op.MUL, at, (left, right), result)
        if here.pure or there.pure:
            whole = there if here.pure else here
            operands = (self._pure(left, here) if here.pure else left, self._pure(right, there) if there.pure else right)
            result = PURE if whole.pure else replace(whole, origin=measures.origin_scaled(whole, None), given=False)
            return Term(Op.MUL, at, operands, result)
        if here.per and there.is_time:
            result = replace(here, per=here.per - 1, origin=0.0, given=False)
            return Term(Op.MUL, at, (left, self._converted(right, SECONDS, 0.0, at)), result)
        if there.per and here.is_time:
            return self._times(sign, right, there, left, here, at)
        raise ExpressionError(
            "{left} times {right} has no unit that is known here; divide one by a literal of its unit first, for example / 1 {unit}",
            self._source,
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
                return Term(Op.DIV, at, (left, self._pure(right, there)), result)
            if there.is_time and not (here.is_temperature and self._has_zero(here)):
                result = replace(here.without_origin(), per=here.per + 1, given=False)
                return Term(Op.DIV, at, (left, self._converted(right, SECONDS, 0.0, at)), result)
            rate = replace(here.without_origin(), per=here.per + 1)
            if measures.fits(rate, there) and not (here.is_temperature and self._has_zero(here)):
                return Term(Op.DIV, at, (left, self._converted(right, rate, 0.0, at)), SECONDS)
        raise ExpressionError(
            "{left} divided by {right} has no unit that is known here; divide by a literal of the unit first, for example / 1 {unit}",
            self._source,
            at,
            left=here.shown,
            right=there.shown,
            unit=there.text or "1",
        )

    def _ratio(self, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> Term:
        self._fit(at, measures.check_meeting, here, there)
        if there.given:
            # Dividing by a literal takes the unit away: TI-101 / 1 Cel is the number on the scale.
            origin = self._fit(at, measures.origin_together, here, there) if here.is_temperature else 0.0
            return Term(Op.DIV, at, (self._converted(left, there, origin, at), right), PURE)
        if here.is_temperature and (self._has_zero(here) or self._has_zero(there)):
            raise ExpressionError(
                "the ratio of two temperatures depends on their scale; divide each by a literal first, for example / 1 K",
                self._source,
                at,
            )
        target = _target(left, here, right, there)
        return Term(Op.DIV, at, (self._converted(left, target, 0.0, at), self._converted(right, target, 0.0, at)), PURE)

    @staticmethod
    def _has_zero(one: Measure) -> bool:
        return one.origin not in (0.0, "any")

    def _power(self, node: Power) -> Term:
        terms = [self._plain_number(operand, "^") for operand in (node.base, node.exponent)]
        bare = all(term.measure is not None and term.measure.bare for term in terms)
        return self._constant_or(Term(Op.POW, node.at, tuple(terms), BARE if bare else PURE))

    def _plain_number(self, node: Node, name: str) -> Term:
        term, measure = self._number(node)
        if not (measure.bare or measure.pure):
            raise ExpressionError(
                "{name} takes numbers without unit, this is {found}; divide it by a literal of its unit first, for example / 1 {unit}",
                self._source,
                node.at,
                name=name,
                found=measure.shown,
                unit=measure.text,
            )
        return term if measure.bare else self._pure(term, measure)

    # --- conditions

    def _comparison(self, node: Comparison) -> Term:
        sides = [None if isinstance(side, StateName) else self._term(side) for side in (node.left, node.right)]
        if any(side is not None and side.states is not None for side in sides):
            return self._discrete(node, sides[0], sides[1])
        (left, here), (right, there) = self._number(node.left), self._number(node.right)
        left, right = self._together(left, here, right, there, node.right.at)
        return Term(_COMPARISONS[node.sign], node.at, (left, right))

    def _discrete(self, node: Comparison, left: Term | None, right: Term | None) -> Term:
        if node.sign not in ("=", "!="):
            name = next(side.point for side in (left, right) if side is not None and side.states is not None)
            raise ExpressionError("{point} has states: it is compared by =, != or in", self._source, node.at, point=name)
        op = _COMPARISONS[node.sign]
        if left is not None and right is not None and left.states is not None and right.states is not None:
            return Term(op, node.at, (left, right))
        point, other = (left, node.right) if left is not None and left.states is not None else (right, node.left)
        assert point is not None
        if not isinstance(other, Number | StateName):
            self._number(other)
            raise ExpressionError(
                "{point} has states: it compares with a state or with another point that has states",
                self._source,
                other.at,
                point=point.point,
            )
        state = Term(Op.CONST, other.at, measure=BARE, x=self._state(point, other))
        return Term(op, node.at, (point, state) if point is left else (state, point))

    def _among(self, node: Among) -> Term:
        point = self._term(node.operand)
        if point.states is None:
            raise ExpressionError(
                "in asks for the state of a discrete point; {found} has no states",
                self._source,
                node.operand.at,
                found=self._source[node.operand.at.start : node.operand.at.end],
            )
        terms = [
            Term(Op.EQ, node.at, (point, Term(Op.CONST, value.at, measure=BARE, x=self._state(point, value))), written=False)
            for value in node.values
        ]
        return _folded(Op.OR, terms, node.at, None)

    def _together(self, left: Term, here: Measure, right: Term, there: Measure, at: Span) -> tuple[Term, Term]:
        """Both in one unit, for a comparison."""
        self._fit(at, measures.check_meeting, here, there)
        here, there = self._fit(left.at, measures.settled, here), self._fit(right.at, measures.settled, there)
        target = _target(left, here, right, there)
        origin = self._fit(at, measures.origin_together, here, there) if target.is_temperature else 0.0
        return self._converted(left, target, origin, at), self._converted(right, target, origin, at)

    # --- functions

    def _call(self, node: Call) -> Term:
        first, *others = node.arguments
        match node.name:
            case "abs":
                term, measure = self._number(first)
                return Term(Op.ABS, node.at, (term,), self._fit(first.at, measures.settled, measure))
            case "sqrt" | "ln" | "exp":
                term = self._plain_number(first, node.name)
                bare = term.measure is not None and term.measure.bare
                return Term(_PLAIN[node.name], node.at, (term,), BARE if bare else PURE)
            case "min" | "max":
                terms, measure = self._alike(node.arguments)
                return _folded(Op.MIN if node.name == "min" else Op.MAX, terms, node.at, measure)
            case "if":
                return self._if(node, self._truth(first), others)
            case "above" | "below":
                return self._banded(node)
            case "duration":
                return Term(Op.DURATION, node.at, (self._truth(first),), SECONDS)
            case "good" | "bad" | "uncertain":
                return Term(_TESTS[node.name], node.at, (self._term(first),))
        return self._reason(node, first)

    def _if(self, node: Call, condition: Term, branches: list[Node]) -> Term:
        terms = [self._term(branch) for branch in branches]
        if all(term.measure is None for term in terms):
            return Term(Op.IF, node.at, (condition, *terms))
        alike, measure = self._alike(branches)
        return Term(Op.IF, node.at, (condition, *alike), measure)

    def _alike(self, nodes: Iterable[Node]) -> tuple[list[Term], Measure]:
        """Numbers brought to one unit: that of the first that changes, else of the first that has one."""
        found = [(*self._number(node), node.at) for node in nodes]
        order = [f for f in found if not f[1].given] + [f for f in found if not f[1].bare] + found
        chief, target, _ = order[0]
        terms, measure = [], target
        for term, one, at in found:
            if term is chief:
                terms.append(term)
                continue
            self._fit(at, measures.check_meeting, measure, one)
            origin = self._fit(at, measures.origin_together, measure, one) if target.is_temperature else 0.0
            terms.append(self._converted(term, target, origin, at))
            measure = measures.met(measure, one, measure) if not one.bare else measure
        return terms, self._fit(chief.at, measures.settled, measure)

    def _banded(self, node: Call) -> Term:
        value, limit, band = ((*self._number(argument), argument.at) for argument in node.arguments)
        terms = self._together(value[0], value[1], limit[0], limit[1], limit[2])
        target = terms[0].measure
        assert target is not None
        if target.bare:
            target = limit[1]
        width, given, at = band
        if width.constant is None or width.constant < 0:
            raise ExpressionError("the dead-band is a fixed number, 0 or more", self._source, at)
        self._fit(at, measures.check_meeting, target.without_origin(), given)
        fixed = self._converted(width, target, 0.0, at).constant or 0.0
        return Term(Op.ABOVE if node.name == "above" else Op.BELOW, node.at, terms, x=fixed)

    def _reason(self, node: Call, argument: Node) -> Term:
        term = self._term(argument)
        if term.op is not Op.POINT:
            raise ExpressionError("{name} asks about a point; its id was expected", self._source, argument.at, name=node.name)
        terms = [Term(Op.REASON, node.at, (term,), x=float(reason), written=False) for reason in _REASONS[node.name]]
        return _folded(Op.OR, terms, node.at, None)

    def _window(self, node: Window) -> Term:
        width = self._micros(node.width)
        if node.name in ("count", "hold"):
            op, measure = (Op.COUNT, COUNT) if node.name == "count" else (Op.HOLD, None)
            return Term(op, node.at, (self._truth(node.operand),), measure, x=width)
        term, one = self._number(node.operand)
        one = replace(self._fit(node.operand.at, measures.settled, one), given=False)
        if node.name == "rate":
            one = replace(one.without_origin(), per=one.per + 1, bare=False)
        elif node.name in ("delta", "spread"):
            one = one.without_origin()
        return Term(_OVER_NUMBER[node.name], node.at, (term,), one, x=width)

    def _micros(self, width: Number) -> float:
        """A window's time in µs."""
        form = measures.measure_of(width.unit)
        seconds = measures.converted(width.value, form, SECONDS, 0.0) if form.is_time else math.nan
        if not SHORTEST <= seconds <= LONGEST:
            raise ExpressionError(
                "{found} is no time that can be looked back over; 0.1 s … 31 d can",
                self._source,
                width.at,
                found=self._source[width.at.start : width.at.end],
            )
        return float(round(seconds * 1e6))

    def _vote(self, node: Vote) -> Term:
        members = tuple(self._truth(member) for member in node.members)
        packed = len(members) + 256 * node.needed
        packed += 65_536 * (not node.fault_leaves) + 131_072 * (not node.calibration_alarms)
        return Term(Op.VOTE, node.at, members, a=packed)

    # --- units

    def _fit(self, at: Span, rule: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """A rule of units; what it refuses is a mistake at `at`."""
        try:
            return rule(*args, **kwargs)
        except UnitError as wrong:
            raise ExpressionError(wrong.message, self._source, at, **wrong.facts) from None

    def _converted(self, term: Term, target: Measure, origin: measures.Origin, at: Span | None = None) -> Term:
        """`term` in `target`'s unit: a changed constant, or the steps that change a value."""
        one = term.measure
        assert one is not None
        if term.constant is not None:
            value = self._fit(at or term.at, measures.converted, term.constant, one, target, origin)
            return replace(term, x=value, measure=one if one.bare else replace(one, unit=target.unit, per=target.per))
        scale, shift = self._fit(at or term.at, measures.conversion, one, target, origin)
        if (scale, shift) == (1.0, 0.0):
            return term
        return replace(self._scaled(term, scale, shift), measure=replace(one, unit=target.unit, per=target.per))

    def _scaled(self, term: Term, scale: float, shift: float) -> Term:
        for op, number, idle in ((Op.MUL, scale, 1.0), (Op.ADD, shift, 0.0)):
            if number != idle:
                constant = Term(Op.CONST, term.at, measure=BARE, x=number, written=False)
                term = Term(op, term.at, (term, constant), term.measure, written=False)
        return term

    def _pure(self, term: Term, one: Measure) -> Term:
        """A ratio as a plain number: 50 % is 0.5."""
        return self._converted(term, PURE, 0.0) if one.unit not in ("", "1") else term

    def _constant_or(self, term: Term) -> Term:
        """Computed now when all operands are constants. Raises ExpressionError when that has no finite value."""
        values = [operand.constant for operand in term.operands]
        numbers = [value for value in values if value is not None]
        if len(numbers) < len(values):
            return term
        result = _compute(term.op, numbers)
        if not math.isfinite(result):
            raise ExpressionError("this has no finite value", self._source, term.at)
        return replace(term, op=Op.CONST, operands=(), x=result)


def _target(left: Term, here: Measure, right: Term, there: Measure) -> Measure:
    """The side whose unit both take: the one that is no bare number, and rather one that changes than a literal."""
    if here.bare or (here.given and not there.given and not there.bare):
        return there
    return here


def _folded(op: Op, terms: list[Term], at: Span, measure: Measure | None) -> Term:
    """From left to right, two at a time; the last step is the one that was written."""
    whole = terms[0]
    for term in terms[1:]:
        whole = Term(op, at, (whole, term), measure, written=False)
    if len(terms) == 1:
        return whole if whole.written else replace(whole, at=at, written=True)
    return replace(whole, written=True)


def _measure_of_point(facts: PointFacts, written: Written | None) -> Measure:
    if written is not None:
        return Measure(written.form.unit, 1, 0.0, gas=facts.gas, calibration=facts.calibration_gas)
    quantity = unit(facts.unit).dimension if facts.unit else ""
    pressure = facts.pressure_basis
    if quantity == "pressure" and facts.difference:
        pressure = "difference"
    origin: measures.Origin = "unknown" if facts.difference is None else 0.0 if facts.difference else 1.0
    return Measure(facts.unit, 0, origin, pressure, facts.flow_basis, facts.gas, facts.calibration_gas)


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


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _nearest_name(wanted: str, names: Iterable[str]) -> str:
    """Among names of about the same length; a plant may have a million."""
    close = [name for name in names if abs(len(name) - len(wanted)) <= 2]
    if len(close) > NAMES:
        start = wanted[:2].casefold()
        close = [name for name in close if name[:2].casefold() == start][:NAMES]
    return nearest(wanted, close)
