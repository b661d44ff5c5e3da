"""Why an expression has the value it has: every step that the text has, with what it comes to, for given values of the points.

Plain Python over the terms, one evaluation, no memory: what depends on the past (a window, a delay, the inside of a dead-band) is
unknown here unless the rest decides alone. The kernel's own rules of quality hold (docs/expressions.md).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from anlan.model.quality import FLAG_MASK, NO_DATA_YET, Reason, Severity, quality
from anlan.monitor.expressions.errors import Span
from anlan.monitor.expressions.terms import Term, postfix
from anlan.monitor.program import TIMED, Op

BAD = quality(Severity.BAD)


@dataclass(frozen=True, slots=True)
class Worth:
    """A value and its quality; NaN while the quality is bad."""

    value: float
    quality: int

    @property
    def usable(self) -> bool:
        return self.quality < BAD


@dataclass(frozen=True, slots=True)
class Explained:
    """One step of the text. `worth` is None where only the past could tell. `unit` is "" for a condition."""

    text: str
    at: Span
    truth: bool
    unit: str
    worth: Worth | None
    parts: tuple[Explained, ...]


@dataclass(slots=True)
class _Step:
    term: Term
    worth: Worth | None
    parts: tuple[Explained, ...]


def explain_term(source: str, term: Term, values: Mapping[str, tuple[float, int]]) -> Explained:
    """`values` gives value and effective quality by point; a point that is missing has no data yet."""
    stack: list[_Step] = []
    for one in postfix(term):
        operands = stack[len(stack) - len(one.operands) :]
        del stack[len(stack) - len(one.operands) :]
        worth = _worth(one, [step.worth for step in operands], values)
        parts = tuple(part for step in operands for part in _shown(source, step))
        stack.append(_Step(one, worth, tuple({part.at: part for part in parts}.values())))
    return _explained(source, stack[0])


def _shown(source: str, step: _Step) -> tuple[Explained, ...]:
    """A step of the text as one part; steps that were added let theirs through; a constant speaks for itself."""
    if step.term.op is Op.CONST:
        return ()
    return (_explained(source, step),) if step.term.written else step.parts


def _explained(source: str, step: _Step) -> Explained:
    term = step.term
    unit = term.measure.text if term.measure else ""
    return Explained(source[term.at.start : term.at.end], term.at, term.measure is None, unit, step.worth, step.parts)


# --- what a step comes to --------------------------------------------------------------------------------------------------


def _worth(term: Term, operands: list[Worth | None], values: Mapping[str, tuple[float, int]]) -> Worth | None:
    if term.op is Op.CONST:
        return Worth(term.x, 0)
    if term.op is Op.POINT:
        value, word = values.get(term.point, (math.nan, NO_DATA_YET))
        return _finite(value, word)
    if term.op in (Op.AND, Op.OR):
        return _kleene(term.op, operands[0], operands[1])
    known = [one for one in operands if one is not None]
    if term.op in TIMED or len(known) < len(operands):
        return _vote(term, known, len(operands) - len(known)) if term.op is Op.VOTE else None
    match term.op:
        case Op.VOTE:
            return _vote(term, known, 0)
        case Op.IF:
            return _if(*known)
        case Op.GOOD | Op.BAD | Op.UNCERTAIN | Op.REASON:
            return _test(term, known[0])
    word = combined(*known)
    if word >= BAD:
        return Worth(math.nan, word)
    numbers = [one.value for one in known]
    if term.op in (Op.ABOVE, Op.BELOW):
        return _banded(term, numbers, word)
    return _finite(_number(term.op, numbers), word)


def combined(*worths: Worth) -> int:
    """The word of the worst, the first one of those; the flags of all."""
    severity = max(one.quality >> 14 for one in worths)
    word = next(one.quality for one in worths if one.quality >> 14 == severity)
    for one in worths:
        word |= one.quality & FLAG_MASK
    return word


def _finite(value: float, word: int) -> Worth:
    if word >= BAD:
        return Worth(math.nan, word)
    if not math.isfinite(value):
        return Worth(math.nan, quality(Severity.BAD, Reason.NOT_A_NUMBER, word & FLAG_MASK))
    return Worth(value, word)


def _kleene(op: Op, left: Worth | None, right: Worth | None) -> Worth | None:
    for one in (left, right):
        if one is not None and one.usable and (one.value != 0) == (op is Op.OR):
            return Worth(float(op is Op.OR), one.quality)
    if left is None or right is None:
        return None
    word = combined(left, right)
    return Worth(math.nan if word >= BAD else float(op is Op.AND), word)


def _if(condition: Worth, then: Worth, otherwise: Worth) -> Worth:
    if not condition.usable:
        return Worth(math.nan, condition.quality)
    chosen = then if condition.value else otherwise
    return _finite(chosen.value, combined(condition, chosen))


def _test(term: Term, operand: Worth) -> Worth:
    severity, reason, flags = operand.quality >> 14, operand.quality & 0xFF, operand.quality & FLAG_MASK
    wanted = {Op.GOOD: Severity.GOOD, Op.BAD: Severity.BAD, Op.UNCERTAIN: Severity.UNCERTAIN}
    holds = reason == term.x if term.op is Op.REASON else severity == wanted[term.op]
    return Worth(float(holds), flags)


def _banded(term: Term, numbers: list[float], word: int) -> Worth | None:
    """Inside the dead-band only the past tells."""
    value, limit = numbers if term.op is Op.ABOVE else (-numbers[0], -numbers[1])
    if value >= limit:
        return Worth(1.0, word)
    return Worth(0.0, word) if value < limit - term.x else None


UNSEEN = (Reason.COMMUNICATION, Reason.NO_DATA_YET, Reason.LAST_USABLE)
"""A member that is not seen is not faulty: it supports a vote that another has begun."""


def _vote(term: Term, members: list[Worth], unknown: int) -> Worth | None:
    """A member that only the past could tell may still vote or leave: neither takes back a vote that is won already."""
    votes = left = unseen = flags = 0
    for one in members:
        flags |= one.quality & FLAG_MASK
        calibrating = one.quality & 0xFF in (Reason.CALIBRATION, Reason.MAINTENANCE)
        if not calibrating and not one.usable and term.a & 65_536 and one.quality & 0xFF in UNSEEN:
            unseen += 1
        elif calibrating or not one.usable:
            leaves = bool(term.a & 131_072) if calibrating else not term.a & 65_536
            left, votes = left + leaves, votes + (not leaves)
        else:
            votes += one.value != 0
    count, needed = term.a & 0xFF, max(1, (term.a >> 8 & 0xFF) - left)
    won = votes > 0 and votes + unseen >= needed
    if not won and unknown:
        return None
    if count == left:
        return Worth(math.nan, quality(Severity.BAD, Reason.CONFIGURATION, flags))
    if not votes and unseen >= needed:
        return Worth(math.nan, quality(Severity.BAD, Reason.COMMUNICATION, flags))
    return Worth(float(won), flags)


def _number(op: Op, numbers: list[float]) -> float:
    a, b = numbers[0], numbers[-1]
    try:
        return _FUNCTIONS[op](a, b)
    except OverflowError:
        return math.inf
    except (ArithmeticError, ValueError):
        return math.nan


_FUNCTIONS: dict[Op, Callable[..., float]] = {
    Op.ADD: lambda a, b: a + b,
    Op.SUB: lambda a, b: a - b,
    Op.MUL: lambda a, b: a * b,
    Op.DIV: lambda a, b: a / b,
    Op.MIN: min,
    Op.MAX: max,
    Op.POW: math.pow,
    Op.NEG: lambda a, _: -a,
    Op.ABS: lambda a, _: abs(a),
    Op.SQRT: lambda a, _: math.sqrt(a),
    Op.LN: lambda a, _: math.log(a),
    Op.EXP: lambda a, _: math.exp(a),
    Op.LT: lambda a, b: float(a < b),
    Op.LE: lambda a, b: float(a <= b),
    Op.GT: lambda a, b: float(a > b),
    Op.GE: lambda a, b: float(a >= b),
    Op.EQ: lambda a, b: float(a == b),
    Op.NE: lambda a, b: float(a != b),
    Op.NOT: lambda a, _: float(a == 0),
}
