"""From the tree as written to terms: names are looked up, numbers and conditions told apart, units brought together.

Every mistake is an ExpressionError at the operand that doesn't fit. Conversions become part of the constants where one side is a
constant, and a multiplication (and addition) where both change.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from anlan.model.quality import Reason
from anlan.monitor.expressions import measures
from anlan.monitor.expressions.arithmetic import Arithmetic
from anlan.monitor.expressions.conversions import Conversions
from anlan.monitor.expressions.errors import ExpressionError, Span
from anlan.monitor.expressions.measures import BARE, COUNT, PURE, SECONDS, Measure
from anlan.monitor.expressions.names import Lookup, Names
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
from anlan.monitor.expressions.written_units import read_written
from anlan.monitor.program import Op

SHORTEST, LONGEST = 0.1, 31 * 86_400.0
"""A window or hold time. [s]"""

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


class Meaning:
    """Settles one expression. `points` knows the plant, `names` lists it for a hint."""

    def __init__(self, source: str, points: Lookup, names: Callable[[], Iterable[str]]) -> None:
        self._source = source
        self._units = Conversions(source)
        self._arithmetic = Arithmetic(self._units)
        self._named = Names(self._units, points, names)
        self._settled: dict[int, Term] = {}
        """By the node's identity: a node that is looked at from two sides is settled once."""

    def of(self, tree: Node) -> Term:
        """The whole expression: a number, a discrete point or a condition. Raises ExpressionError."""
        term = self._term(tree)
        if all(part.op is not Op.POINT for part in postfix(term)):
            raise ExpressionError("the expression names no point, so it would never change", self._source, tree.at)
        if term.measure is not None:
            term = replace(term, measure=self._units.fit(tree.at, measures.settled, term.measure))
        return term

    def in_unit(self, term: Term, wanted: str) -> Term:
        """The result in a unit that somebody else chose. Raises ExpressionError when it doesn't become that."""
        if term.measure is None:
            raise ExpressionError("this is a condition; it has no value in {unit}", self._source, term.at, unit=wanted)
        written = read_written(wanted)
        if written is None:
            raise ExpressionError("{unit} is no unit that is known", self._source, term.at, unit=wanted)
        target = measures.measure_of(written)
        self._units.fit(term.at, measures.check_meeting, term.measure, target)
        origin = self._units.fit(term.at, measures.origin_together, term.measure, target) if target.is_temperature else 0.0
        found = self._units.converted(term, target, origin)
        return self._units.scaled(found, written.seconds, 0.0) if written.per else found

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
                return self._named.point(node)
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

    # --- arithmetic

    def _negative(self, node: Negative) -> Term:
        term, measure = self._number(node.operand)
        result = replace(measure, origin=measures.origin_scaled(measure, -1.0))
        return self._units.constant_or(Term(Op.NEG, node.at, (term,), result))

    def _chain(self, node: Chain) -> Term:
        left, right_end = self._number(node.first), node.first.at.end
        for sign, operand in node.steps:
            right = self._number(operand)
            right_end = operand.at.end
            at = Span(node.at.start, right_end)
            term = self._units.constant_or(
                replace(self._arithmetic.of(sign, left[0], left[1], right[0], right[1], operand.at), at=at, written=False)
            )
            assert term.measure is not None
            left = (term, term.measure)
        return replace(left[0], at=node.at, written=True)

    def _power(self, node: Power) -> Term:
        terms = [self._plain_number(operand, "^") for operand in (node.base, node.exponent)]
        bare = all(term.measure is not None and term.measure.bare for term in terms)
        return self._units.constant_or(Term(Op.POW, node.at, tuple(terms), BARE if bare else PURE))

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
        return term if measure.bare else self._units.pure(term, measure)

    # --- conditions

    def _comparison(self, node: Comparison) -> Term:
        sides = [None if isinstance(side, StateName) else self._term(side) for side in (node.left, node.right)]
        if any(side is not None and side.states is not None for side in sides):
            return self._discrete(node, sides[0], sides[1])
        (left, here), (right, there) = self._number(node.left), self._number(node.right)
        left, right = self._units.together(left, here, right, there, node.right.at)
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
        state = Term(Op.CONST, other.at, measure=BARE, x=self._named.state(point, other))
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
            Term(
                Op.EQ, node.at, (point, Term(Op.CONST, value.at, measure=BARE, x=self._named.state(point, value))), written=False
            )
            for value in node.values
        ]
        return _folded(Op.OR, terms, node.at, None)

    # --- functions

    def _call(self, node: Call) -> Term:
        first, *others = node.arguments
        match node.name:
            case "abs":
                term, measure = self._number(first)
                return Term(Op.ABS, node.at, (term,), self._units.fit(first.at, measures.settled, measure))
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
            self._units.fit(at, measures.check_meeting, measure, one)
            origin = self._units.fit(at, measures.origin_together, measure, one) if target.is_temperature else 0.0
            terms.append(self._units.converted(term, target, origin, at))
            measure = measures.met(measure, one, measure) if not one.bare else measure
        return terms, self._units.fit(chief.at, measures.settled, measure)

    def _banded(self, node: Call) -> Term:
        value, limit, band = ((*self._number(argument), argument.at) for argument in node.arguments)
        terms = self._units.together(value[0], value[1], limit[0], limit[1], limit[2])
        target = terms[0].measure
        assert target is not None
        if target.bare:
            target = limit[1]
        width, given, at = band
        if width.constant is None or width.constant < 0:
            raise ExpressionError("the dead-band is a fixed number, 0 or more", self._source, at)
        self._units.fit(at, measures.check_meeting, target.without_origin(), given)
        fixed = self._units.converted(width, target, 0.0, at).constant or 0.0
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
        one = replace(self._units.fit(node.operand.at, measures.settled, one), given=False)
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


def _folded(op: Op, terms: list[Term], at: Span, measure: Measure | None) -> Term:
    """From left to right, two at a time; the last step is the one that was written."""
    whole = terms[0]
    for term in terms[1:]:
        whole = Term(op, at, (whole, term), measure, written=False)
    if len(terms) == 1:
        return whole if whole.written else replace(whole, at=at, written=True)
    return replace(whole, written=True)
