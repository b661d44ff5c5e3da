"""A slow model of calculated points in plain Python: it walks the tree as it was written, not the program it becomes.

Written from docs/expressions.md. It keeps whole lists where the kernel keeps rings, carries each number's unit along at run time
instead of settling it before, and thins out windows only where the page says so. `close` tells that a comparison after a conversion
of units was decided by less than rounding: then no two ways of computing need agree.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from anlan.model.quality import FLAG_MASK, Reason, Severity, quality
from anlan.model.units import Form, convert, unit, units
from anlan.monitor.expressions import PointFacts
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
from anlan.monitor.expressions.written_units import read_written

BAD = 2 << 14
NO_DATA_YET_BAD = quality(Severity.BAD, Reason.NO_DATA_YET)
NO_DATA_YET_UNCERTAIN = quality(Severity.UNCERTAIN, Reason.NO_DATA_YET)
STEPS = 30


@dataclass(frozen=True)
class Value:
    """`unit` None: a condition. `origin`: how often the scale's zero is in it. `literal`: written in the text; `bare`: without unit."""

    value: float
    word: int = 0
    unit: str | None = ""
    per: int = 0
    origin: float | None = 1.0
    literal: bool = False
    bare: bool = False
    exact: bool = True

    @property
    def usable(self) -> bool:
        return self.word >> 14 < 2


# --- quality


def combine(*words: int) -> int:
    worst = max(word >> 14 for word in words)
    first = next(word for word in words if word >> 14 == worst)
    flags = 0
    for word in words:
        flags |= word & FLAG_MASK
    return (first & ~FLAG_MASK & 0xFFFF) | flags


def tidy(value: float, word: int) -> tuple[float, int]:
    """No value under a bad quality; what is no finite number is bad."""
    if word >> 14 >= 2:
        return math.nan, word
    if not math.isfinite(value):
        return math.nan, quality(Severity.BAD, Reason.NOT_A_NUMBER, word & FLAG_MASK)
    return value, word


# --- single steps


def arithmetic(sign: str, a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    try:
        match sign:
            case "+":
                return a + b
            case "-":
                return a - b
            case "*":
                return a * b
            case "/":
                return a / b
            case "^":
                return a**b if a >= 0 or b == math.floor(b) else math.nan
            case "min":
                return a if a < b else b
            case "max":
                return a if a > b else b
    except ZeroDivisionError:
        return math.nan
    except OverflowError:
        return math.inf
    raise ValueError(sign)


def function(name: str, a: float) -> float:
    if math.isnan(a):
        return a
    match name:
        case "abs":
            return abs(a)
        case "sqrt":
            return math.sqrt(a) if a >= 0 else math.nan
        case "ln":
            return math.log(a) if a > 0 else math.nan
        case "exp":
            return math.exp(a) if a < 709.7 else math.inf
    raise ValueError(name)


def compare(sign: str, a: float, b: float) -> float:
    return float({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "=": a == b, "!=": a != b}[sign])


def kleene(word: str, a: tuple[float, int], b: tuple[float, int]) -> tuple[float, int]:
    decides = 0.0 if word == "and" else 1.0
    for value, quality_word in (a, b):
        if quality_word >> 14 < 2 and float(value != 0) == decides:
            return decides, quality_word
    return tidy(1.0 - decides, combine(a[1], b[1]))


def choose(condition: tuple[float, int], then: tuple[float, int], otherwise: tuple[float, int]) -> tuple[float, int]:
    if condition[1] >> 14 >= 2:
        return math.nan, condition[1]
    chosen = then if condition[0] != 0 else otherwise
    return tidy(chosen[0], combine(condition[1], chosen[1]))


def vote(needed: int, members: list[tuple[float, int]], *, fault_votes: bool, calibration_leaves: bool) -> tuple[float, int]:
    votes = left = unseen = flags = 0
    for value, word in members:
        flags |= word & FLAG_MASK
        if word & 0xFF in (int(Reason.CALIBRATION), int(Reason.MAINTENANCE)):
            if calibration_leaves:
                left += 1
            else:
                votes += 1
        elif word >> 14 >= 2:
            if not fault_votes:
                left += 1
            elif word & 0xFF in (int(Reason.COMMUNICATION), int(Reason.NO_DATA_YET), int(Reason.LAST_USABLE)):
                unseen += 1
            else:
                votes += 1
        elif value != 0:
            votes += 1
    if left == len(members):
        return math.nan, quality(Severity.BAD, Reason.CONFIGURATION, flags)
    needed = max(1, needed - left)
    if not votes and unseen >= needed:
        return math.nan, quality(Severity.BAD, Reason.COMMUNICATION, flags)
    return float(votes > 0 and votes + unseen >= needed), flags


# --- over time: each takes (t, value, word, max_age) and gives (value, word); t in µs, values usable or not


@dataclass
class Change:
    """delta and rate."""

    window: float
    per_second: bool
    kept: list[tuple[float, float]] = field(default_factory=list)

    def step(self, t: int, value: float, word: int, _: int) -> tuple[float, int]:
        if word >> 14 >= 2:
            return math.nan, word
        if self.kept and t - self.kept[-1][0] > 2 * self.window:
            self.kept.clear()
        if not self.kept or t - self.kept[-1][0] >= self.window / STEPS:
            self.kept.append((t, value))
        before = [entry for entry in self.kept if entry[0] <= t - self.window]
        if not before:
            return math.nan, NO_DATA_YET_BAD | (word & FLAG_MASK)
        at, then = before[-1]
        return tidy((value - then) / ((t - at) / 1e6) if self.per_second else value - then, word)


@dataclass
class Extremes:
    """min, max and spread over a window."""

    window: float
    what: str
    slots: list[list[float]] = field(default_factory=list)
    filled_from: float = 0.0
    last: float | None = None

    def step(self, t: int, value: float, word: int, _: int) -> tuple[float, int]:
        if word >> 14 >= 2:
            return math.nan, word
        if self.last is None or t - self.last > 2 * self.window:
            self.slots, self.filled_from = [], t
        self.last = t
        if not self.slots or t - self.slots[-1][0] >= self.window / STEPS:
            self.slots.append([t, value, value])
        else:
            self.slots[-1][1:] = [min(self.slots[-1][1], value), max(self.slots[-1][2], value)]
        followed = zip(self.slots, [*self.slots[1:], [math.inf]], strict=True)
        seen = [slot for slot, following in followed if following[0] > t - self.window]
        low, high = min(slot[1] for slot in seen), max(slot[2] for slot in seen)
        if t - self.filled_from < self.window:
            word = combine(word, NO_DATA_YET_BAD if self.what == "spread" else NO_DATA_YET_UNCERTAIN)
        return tidy({"min": low, "max": high, "spread": high - low}[self.what], word)


@dataclass
class Mean:
    """avg: weighted with the time for which each value was known."""

    window: float
    kept: list[tuple[float, float, float]] = field(default_factory=list)
    integral: float = 0.0
    covered: float = 0.0
    last: float | None = None
    last_value: float | None = None

    def step(self, t: int, value: float, word: int, max_age: int) -> tuple[float, int]:
        if word >> 14 >= 2:
            self.last_value = None
            return math.nan, word
        if self.last is not None and t - self.last > 2 * self.window:
            self.kept, self.integral, self.covered = [], 0.0, 0.0
        elif self.last is not None and self.last_value is not None:
            known = t - self.last
            if max_age > 0:
                known = min(known, max_age)
            self.integral += self.last_value * (known / 1e6)
            self.covered += known / 1e6
        self.last, self.last_value = t, value
        if not self.kept or t - self.kept[-1][0] >= self.window / STEPS:
            self.kept.append((t, self.integral, self.covered))
        before = [entry for entry in self.kept if entry[0] <= t - self.window]
        reference = before[-1] if before else self.kept[0]
        if not before:
            word = combine(word, NO_DATA_YET_UNCERTAIN)
        covered = self.covered - reference[2]
        return tidy((self.integral - reference[1]) / covered if covered > 0 else value, word)


@dataclass
class Edges:
    """count of rising edges."""

    window: float
    slots: list[list[float]] = field(default_factory=list)
    previous: bool | None = None

    def step(self, t: int, value: float, word: int, _: int) -> tuple[float, int]:
        if word >> 14 >= 2:
            return math.nan, word
        if value != 0 and self.previous is False:
            # A slot that has left the window is gone: an edge begins its own.
            recent = self.slots and self.slots[-1][0] > t - self.window
            if recent and t - self.slots[-1][0] < self.window / STEPS:
                self.slots[-1][1] += 1
            else:
                self.slots.append([t, 1])
        self.previous = value != 0
        return float(sum(edges for start, edges in self.slots if start > t - self.window)), word


@dataclass
class Lasting:
    """duration of a condition."""

    since: float | None = None
    last: float = 0.0
    unknown_from: int | None = None
    """On change: when it was said to be unknown."""

    def step(self, t: int, value: float, word: int, max_age: int) -> tuple[float, int]:
        if word >> 14 >= 2:
            if max_age == 0 and self.unknown_from is None and self.last:
                self.unknown_from = t
            return math.nan, word
        if value == 0:
            self.since = None
        elif self.since is None:
            self.since = t
        elif self.unknown_from is not None:
            self.since += t - self.unknown_from
        elif max_age > 0:
            self.since += max(0.0, t - self.last - max_age)
        self.last, self.unknown_from = t, None
        return (0.0 if self.since is None else (t - self.since) / 1e6), word


@dataclass
class Hold:
    """Whether a condition has lasted."""

    time: float
    lasting: Lasting = field(default_factory=Lasting)

    def step(self, t: int, value: float, word: int, max_age: int) -> tuple[float, int]:
        seconds, word = self.lasting.step(t, value, word, max_age)
        if math.isnan(seconds):
            return seconds, word
        since = self.lasting.since
        return float(since is not None and t - since >= self.time), word


@dataclass
class Banded:
    """above and below with their dead-band."""

    band: float
    upward: bool
    on: bool = False

    def step(self, value: float, limit: float, word: int) -> tuple[float, int]:
        if word >> 14 >= 2:
            return math.nan, word
        margin = value - limit if self.upward else limit - value
        self.on = margin >= (-self.band if self.on else 0.0)
        return float(self.on), word


def memory_of(name: str, window: float) -> Any:
    """The memory of a function over time."""
    if name in ("delta", "rate"):
        return Change(window, name == "rate")
    if name in ("min", "max", "spread"):
        return Extremes(window, name)
    return {"avg": Mean, "count": Edges, "hold": Hold}[name](window)


# --- units, at run time


def _factor(one: Value) -> float:
    return unit(one.unit).factor if one.unit else 1.0


def _offset(one: Value) -> float:
    return unit(one.unit).offset if one.unit and not one.per else 0.0


def _dimension(one: Value) -> str:
    return unit(one.unit).dimension if one.unit else ""


def into(one: Value, target: Value, origin: float | None = 0.0) -> Value:
    """`one` in the unit of `target`."""
    if one.bare or one.unit == target.unit or {one.unit, target.unit} == {"", "1"}:
        return replace(one, unit=target.unit, per=target.per)
    assert one.unit is not None
    assert target.unit is not None
    if origin == 1.0 and _dimension(one) == "temperature" and not one.per:
        value = convert(one.value, Form(one.unit), Form(target.unit))
    else:
        value = one.value * (_factor(one) / _factor(target))
    return replace(one, value=value, unit=target.unit, per=target.per, exact=False)


def leads(left: Value, right: Value) -> Value:
    if left.bare or (left.literal and not right.literal):
        return right
    return left


class ReferenceProgram:
    """One calculated point with its memory."""

    def __init__(self, tree: Node, points: Mapping[str, PointFacts] | None = None) -> None:
        self.tree = tree
        self.points = points or {}
        self.memory: dict[int, Any] = {}
        self.close = False
        self.t = 0
        self.max_age = 0
        self.inputs: Mapping[str, tuple[float, int]] = {}

    def evaluate(self, t: int, inputs: Mapping[str, tuple[float, int]], max_age: int = 0) -> tuple[float, int]:
        """Value and quality at data time `t` [µs], in the unit that the expression's result has."""
        self.t, self.inputs, self.max_age = t, inputs, max_age
        found = self.of(self.tree)
        return found.value, found.word

    def of(self, node: Node) -> Value:
        match node:
            case Number():
                return self.number(node)
            case PointName():
                return self.point(node)
            case Negative():
                operand = self.of(node.operand)
                return replace(operand, value=-operand.value, origin=_times(operand.origin, -1.0))
            case Chain():
                whole = self.of(node.first)
                for sign, operand in node.steps:
                    whole = self.step(sign, whole, self.of(operand))
                return whole
            case Power():
                base, exponent = self.plain(self.of(node.base)), self.plain(self.of(node.exponent))
                value, word = tidy(arithmetic("^", base.value, exponent.value), combine(base.word, exponent.word))
                return Value(value, word, "" if base.bare and exponent.bare else "1", bare=base.bare and exponent.bare)
            case Comparison():
                return self.comparison(node)
            case Among():
                return self.among(node)
            case Not():
                operand = self.of(node.operand)
                return truth(*tidy(float(operand.value == 0), operand.word))
            case Logic():
                pairs = [(one.value, one.word) for one in map(self.of, node.operands)]
                whole_pair = pairs[0]
                for pair in pairs[1:]:
                    whole_pair = kleene(node.word, whole_pair, pair)
                return truth(*whole_pair)
            case Call():
                return self.call(node)
            case Window():
                return self.window(node)
            case Vote():
                members = [(one.value, one.word) for one in map(self.of, node.members)]
                return truth(
                    *vote(
                        node.needed,
                        members,
                        fault_votes=not node.fault_leaves,
                        calibration_leaves=not node.calibration_alarms,
                    )
                )
        raise TypeError(node)

    # --- leaves

    def number(self, node: Number) -> Value:
        if node.unit is None:
            return Value(node.value, literal=True, bare=True, origin=0.0)
        code, per = node.unit.form.unit, node.unit.per
        if per:
            return Value(node.value / unit(per).factor, 0, code, 1, 0.0, literal=True)
        # K is None until it meets something: a temperature or a difference.
        origin = None if code == "K" else 1.0
        return Value(node.value, 0, code, 0, origin, literal=True)

    def point(self, node: PointName) -> Value:
        facts = self.points.get(node.id, PointFacts(0))
        value, word = tidy(*self.inputs.get(node.id, (math.nan, NO_DATA_YET_BAD)))
        if facts.unit and facts.unit not in units():
            written = read_written(facts.unit)
            assert written is not None
            return Value(value / unit(written.per).factor, word, written.form.unit, 1, 0.0, exact=False)
        return Value(value, word, facts.unit, 0, 0.0 if facts.difference else 1.0)

    # --- arithmetic

    def step(self, sign: str, left: Value, right: Value) -> Value:
        word = combine(left.word, right.word)
        exact = left.exact and right.exact
        literal, bare = left.literal and right.literal, left.bare and right.bare
        if sign in "+-":
            target = leads(left, right)
            origins = _in_sum(left, right), _in_sum(right, left)
            a, b = into(left, target, origins[0]), into(right, target, origins[1])
            value, word = tidy(arithmetic(sign, a.value, b.value), word)
            origin = None if None in origins else origins[0] + (1 if sign == "+" else -1) * origins[1]  # type: ignore[operator]
            return Value(value, word, target.unit, target.per, origin, literal, bare, exact and a.exact and b.exact)
        return self.product(sign, left, right, word, replace(Value(0.0), literal=literal, bare=bare, exact=exact))

    def product(self, sign: str, left: Value, right: Value, word: int, shape: Value) -> Value:
        def result(a: Value, b: Value, like: Value, per: int = 0) -> Value:
            value, quality_word = tidy(arithmetic(sign, a.value, b.value), word)
            return replace(
                shape,
                value=value,
                word=quality_word,
                unit=like.unit,
                per=per,
                origin=like.origin,
                exact=shape.exact and a.exact and b.exact,
            )

        plain, second = Value(0.0, unit="1"), Value(0.0, unit="s", origin=0.0)
        if sign == "*":
            if left.bare or right.bare:
                whole, factor = (right, left) if left.bare else (left, right)
                return result(
                    left, right, replace(whole, origin=_times(whole.origin, factor.value if factor.literal else None)), whole.per
                )
            if _is_plain(left) or _is_plain(right):
                whole = right if _is_plain(left) else left
                a, b = (self.plain(one) if _is_plain(one) else one for one in (left, right))
                return result(a, b, plain if _is_plain(whole) else replace(whole, origin=_times(whole.origin, None)), whole.per)
            if left.per:
                return result(left, into(right, second), replace(left, origin=0.0), left.per - 1)
            return result(into(left, second), right, replace(right, origin=0.0), right.per - 1)
        if right.bare:
            fixed = 1 / right.value if right.literal and right.value else None
            return result(left, right, replace(left, origin=_times(left.origin, fixed)), left.per)
        if left.bare:
            return result(left, right, plain)
        if _same(left, right):
            if right.literal:
                return result(into(left, right, left.origin), right, plain)
            target = leads(left, right)
            return result(into(left, target), into(right, target), plain)
        if _is_plain(right):
            return result(left, self.plain(right), replace(left, origin=_times(left.origin, None)), left.per)
        if _dimension(right) == "time" and not right.per:
            return result(left, into(right, second), replace(left, origin=0.0), left.per + 1)
        return result(left, into(right, replace(left, per=left.per + 1)), second)

    def plain(self, one: Value) -> Value:
        """A ratio as a plain number."""
        return one if one.unit in ("", "1") else into(one, Value(0.0, unit="1"))

    # --- conditions

    def comparison(self, node: Comparison) -> Value:
        for point, other, turned in ((node.left, node.right, False), (node.right, node.left, True)):
            if isinstance(point, PointName) and isinstance(other, StateName | Number) and self.states(point):
                value, state = self.of(point), self.state(point, other)
                pair = (state, value.value) if turned else (value.value, state)
                return truth(*tidy(compare(node.sign, *pair), value.word))
        left, right = self.together(self.of(node.left), self.of(node.right))
        return truth(*tidy(compare(node.sign, left.value, right.value), combine(left.word, right.word)))

    def together(self, left: Value, right: Value) -> tuple[Value, Value]:
        target = leads(left, right)
        origin = left.origin if right.literal and not left.literal else right.origin
        if left.literal and right.literal:
            origin = 1.0
        a, b = into(left, target, origin), into(right, target, origin)
        if not (a.exact and b.exact) and math.isclose(a.value, b.value, rel_tol=1e-9, abs_tol=1e-9):
            self.close = True
        return a, b

    def states(self, point: PointName) -> Mapping[int, Any]:
        return self.points[point.id].states if point.id in self.points else {}

    def state(self, point: PointName, other: Node) -> float:
        if isinstance(other, Number):
            return other.value
        assert isinstance(other, StateName)
        return float(next(n for n, label in self.states(point).items() if other.name in (label.zh, label.en)))

    def among(self, node: Among) -> Value:
        assert isinstance(node.operand, PointName)
        value = self.of(node.operand)
        states = [self.state(node.operand, other) for other in node.values]
        return truth(*tidy(float(value.value in states), value.word))

    # --- functions

    def call(self, node: Call) -> Value:
        values = [self.of(argument) for argument in node.arguments]
        first = values[0]
        match node.name:
            case "abs":
                return replace(first, value=abs(first.value))
            case "sqrt" | "ln" | "exp":
                plain = self.plain(first)
                value, word = tidy(function(node.name, plain.value), plain.word)
                return Value(value, word, "" if first.bare else "1", bare=first.bare, exact=plain.exact)
            case "min" | "max":
                alike = self.alike(values)
                whole = alike[0]
                for one in alike[1:]:
                    if not (whole.exact and one.exact):
                        self.close |= math.isclose(whole.value, one.value, rel_tol=1e-9, abs_tol=1e-9)
                    value, word = tidy(arithmetic(node.name, whole.value, one.value), combine(whole.word, one.word))
                    whole = replace(whole, value=value, word=word, exact=whole.exact and one.exact)
                return whole
            case "if":
                branches = values[1:] if values[1].unit is None else self.alike(values[1:])
                pairs = [(one.value, one.word) for one in (first, *branches)]
                value, word = choose(*pairs)
                return replace(branches[0], value=value, word=word, exact=all(one.exact for one in branches))
            case "above" | "below":
                left, right = self.together(first, values[1])
                band = into(values[2], left, 0.0).value
                memory = self.memory.setdefault(id(node), Banded(band, node.name == "above"))
                if not (left.exact and right.exact):
                    self.close |= math.isclose(left.value - right.value, -band if memory.upward else band, abs_tol=1e-9)
                return truth(*memory.step(left.value, right.value, combine(left.word, right.word)))
            case "duration":
                memory = self.memory.setdefault(id(node), Lasting())
                return Value(*memory.step(self.t, first.value, first.word, self.max_age), unit="s", origin=0.0)
        return truth(float(self.test(node.name, first.word)), first.word & FLAG_MASK)

    @staticmethod
    def test(name: str, word: int) -> bool:
        reason = word & 0xFF
        match name:
            case "good":
                return word >> 14 == 0
            case "uncertain":
                return word >> 14 == 1
            case "bad":
                return word >> 14 >= 2
            case "calibrating":
                return reason == Reason.CALIBRATION
            case "maintained":
                return reason == Reason.MAINTENANCE
        return reason in (Reason.OVER_RANGE, Reason.OVER_RANGE_LATCHED)

    def alike(self, values: list[Value]) -> list[Value]:
        changing = [one for one in values if not one.literal]
        with_unit = [one for one in values if not one.bare]
        chief = (changing + with_unit + values)[0]
        return [replace(into(one, chief, chief.origin), origin=chief.origin, literal=False, bare=chief.bare) for one in values]

    def window(self, node: Window) -> Value:
        operand = self.of(node.operand)
        assert node.width.unit is not None
        width = float(round(node.width.value * unit(node.width.unit.form.unit).factor * 1e6))
        memory = self.memory.setdefault(id(node), memory_of(node.name, width))
        value, word = memory.step(self.t, operand.value, operand.word, self.max_age)
        match node.name:
            case "count":
                return Value(value, word, "count")
            case "hold":
                return truth(value, word)
            case "rate":
                return replace(operand, value=value, word=word, per=operand.per + 1, origin=0.0, literal=False, bare=False)
            case "delta" | "spread":
                return replace(operand, value=value, word=word, origin=0.0, literal=False)
        return replace(operand, value=value, word=word, literal=False)


def truth(value: float, word: int) -> Value:
    return Value(value, word, None)


def _times(origin: float | None, factor: float | None) -> float | None:
    if origin is None or origin == 0.0:
        return origin
    return None if factor is None else origin * factor


def _in_sum(one: Value, other: Value) -> float | None:
    if one.bare:
        return 0.0
    if one.origin is None and one.literal:
        return 0.0
    if one.literal and one.origin == 1.0 and other.origin == 0.0 and not other.bare:
        return 0.0
    return one.origin


def _is_plain(one: Value) -> bool:
    return not one.per and _dimension(one) in ("", "ratio")


def _same(left: Value, right: Value) -> bool:
    if _is_plain(left) and _is_plain(right):
        return left.unit == right.unit or {left.unit, right.unit} <= {"", "1"} or "" not in (left.unit, right.unit)
    return _dimension(left) == _dimension(right) and left.per == right.per
