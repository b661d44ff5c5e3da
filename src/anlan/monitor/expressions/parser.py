"""Text to tree by recursive descent: one method for each line of the grammar (docs/expressions.md).

any     = all { "or" all }
all     = not { "and" not }
not     = "not" not | compare
compare = sum [ ( "<" | "<=" | ">" | ">=" | "=" | "!=" ) sum | "in" "{" state { "," state } "}" ]
sum     = product { ( "+" | "-" ) product }
product = signed { ( "*" | "/" ) signed }
signed  = "-" signed | power
power   = atom [ "^" signed ]
atom    = number [ unit ] | id | "state" | "(" any ")" | function
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from anlan.model.tables import nearest
from anlan.model.units import units
from anlan.monitor.expressions.errors import ExpressionError, Span
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
from anlan.monitor.expressions.tokens import Kind, Lexer, Token

LENGTH = 2_000
"""Characters of an expression at most."""

DEPTH = 32
"""Brackets, functions and signs inside one another at most."""

MEMBERS = 32
"""Members of a vote at most."""

ARGUMENTS: dict[str, tuple[int, int]] = {
    "abs": (1, 1), "sqrt": (1, 1), "ln": (1, 1), "exp": (1, 1), "min": (2, 99), "max": (2, 99), "if": (3, 3), "above": (3, 3), "below": (3, 3),
    "duration": (1, 1), "good": (1, 1), "bad": (1, 1), "uncertain": (1, 1), "calibrating": (1, 1), "maintained": (1, 1), "over_range": (1, 1),
}  # fmt: skip
"""Function → how many arguments it takes, at least and at most."""

WINDOWS = {name: "over" for name in ("avg", "min", "max", "spread", "delta", "rate", "count")} | {"hold": "for"}
"""Function over time → the word before its time."""

FUNCTIONS = sorted({*ARGUMENTS, *WINDOWS, "vote"})

_COMPARE = ("<", "<=", ">", ">=", "=", "!=")
_OPTIONS = {"fault": "alarms", "calibration": "leaves"}
"""Option of a vote → what holds when it isn't written."""


def parse_text(source: str, is_point: Callable[[str], bool] = lambda _: False) -> Node:
    """The tree of `source`. Raises ExpressionError with the first mistake."""
    if len(source) > LENGTH:
        raise ExpressionError(
            "the expression has {found} characters; at most {most} are taken",
            source,
            Span(LENGTH, len(source)),
            found=len(source),
            most=LENGTH,
        )
    return _Parser(source, is_point).whole()


class _Parser:
    def __init__(self, source: str, is_point: Callable[[str], bool]) -> None:
        self._source = source
        self._lexer = Lexer(source, is_point)
        self._depth = 0
        self._last = Span(0, 0)
        self._number_before = False
        self._token = self._lexer.next()

    def whole(self) -> Node:
        if self._token.kind is Kind.END:
            raise ExpressionError(
                "the expression is empty; a condition or a number was expected, for example TI-101 > 80 Cel",
                self._source,
                Span(0, 1),
            )
        tree = self._any()
        self._expect_end()
        return tree

    # --- the grammar

    def _any(self) -> Node:
        return self._logic("or", self._all)

    def _all(self) -> Node:
        return self._logic("and", self._not)

    def _logic(self, word: str, operand: Callable[[], Node]) -> Node:
        start, operands = self._token.at.start, [operand()]
        while self._take(Kind.WORD, word):
            operands.append(operand())
        return operands[0] if len(operands) == 1 else Logic(word, tuple(operands), at=self._since(start))

    def _not(self) -> Node:
        start = self._token.at.start
        if not self._take(Kind.WORD, "not"):
            return self._compare()
        with self._deeper(start):
            return Not(self._not(), at=self._since(start))

    def _compare(self) -> Node:
        start, left = self._token.at.start, self._sum()
        if self._take(Kind.WORD, "in"):
            left = Among(left, self._values(), at=self._since(start))
        elif self._is_sign(*_COMPARE):
            sign = self._advance().text
            left = Comparison(sign, left, self._sum(), at=self._since(start))
        if self._is_sign(*_COMPARE):
            raise ExpressionError(
                "comparisons don't chain; write a < b and b < c", self._source, self._token.at, found=self._token.text
            )
        return left

    def _values(self) -> tuple[Number | StateName, ...]:
        self._expect("{", "{ and states")
        values = [self._value()]
        while self._take(Kind.SIGN, ","):
            values.append(self._value())
        self._expect("}", ", or }")
        return tuple(values)

    def _value(self) -> Number | StateName:
        value = self._signed() if self._token.kind in (Kind.NUMBER, Kind.STATE) or self._is_sign("-") else None
        if not isinstance(value, Number | StateName):
            self._unexpected("a state: a number or a name in quotes")
        return value

    def _sum(self) -> Node:
        return self._chain(("+", "-"), self._product)

    def _product(self) -> Node:
        return self._chain(("*", "/"), self._signed)

    def _chain(self, signs: tuple[str, ...], operand: Callable[[], Node]) -> Node:
        start, first = self._token.at.start, operand()
        steps = []
        while self._is_sign(*signs):
            steps.append((self._advance().text, operand()))
        return Chain(first, tuple(steps), at=self._since(start)) if steps else first

    def _signed(self) -> Node:
        start = self._token.at.start
        if not self._take(Kind.SIGN, "-"):
            return self._power()
        with self._deeper(start):
            operand = self._signed()
        at = self._since(start)
        # −5 ℃ is a temperature below zero, not the opposite of one above.
        return Number(0.0 - operand.value, operand.unit, at=at) if isinstance(operand, Number) else Negative(operand, at=at)

    def _power(self) -> Node:
        start, base = self._token.at.start, self._atom()
        if not self._take(Kind.SIGN, "^"):
            return base
        with self._deeper(start):
            return Power(base, self._signed(), at=self._since(start))

    def _atom(self) -> Node:
        token = self._token
        if token.kind is Kind.NUMBER:
            self._advance()
            return Number(token.value, token.unit, at=token.at)
        if token.kind is Kind.STATE:
            self._advance()
            return StateName(token.text, at=token.at)
        if token.kind is Kind.NAME:
            return self._function() if self._lexer.followed_by("(") else self._point()
        if self._is_sign("("):
            return self._bracket()
        self._unexpected("a number, a point or a function")

    def _point(self) -> Node:
        token = self._advance()
        return PointName(token.text, at=token.at)

    def _bracket(self) -> Node:
        opened = self._advance()
        with self._deeper(opened.at.start):
            inner = self._any()
        self._expect(")", "an operator or )")
        return inner

    # --- functions

    def _function(self) -> Node:
        word = self._advance()
        name = word.text.casefold()
        if name not in FUNCTIONS:
            hint = nearest(name, FUNCTIONS)
            if hint:
                raise ExpressionError(
                    "{name} is no function; did you mean {hint}?", self._source, word.at, name=word.text, hint=hint
                )
            raise ExpressionError(
                "{name} is no function; these are: {known}", self._source, word.at, name=word.text, known=", ".join(FUNCTIONS)
            )
        self._expect("(", "(")
        with self._deeper(word.at.start):
            return self._vote(word) if name == "vote" else self._arguments(word, name)

    def _arguments(self, word: Token, name: str) -> Node:
        first = self._any()
        if self._token.kind is Kind.WORD and self._token.text in ("over", "for"):
            return self._window(word, name, first)
        if name not in ARGUMENTS:
            self._unexpected(
                "for and a time, for example for 10 s" if name == "hold" else "over and a time, for example over 10 min"
            )
        arguments = [first]
        while self._take(Kind.SIGN, ","):
            arguments.append(self._any())
        self._expect(")", "an operator, a comma or )")
        at, (least, most) = self._since(word.at.start), ARGUMENTS[name]
        if not least <= len(arguments) <= most:
            raise ExpressionError(
                "{name} takes {expected_count}; it was given {found}",
                self._source,
                at,
                name=name,
                expected_count=str(least) if least == most else f"{least} … {most}",
                found=len(arguments),
            )
        return Call(name, tuple(arguments), at=at)

    def _window(self, word: Token, name: str, operand: Node) -> Node:
        if WINDOWS.get(name) != self._token.text:
            raise ExpressionError(
                "{name} is not followed by {found} and a time; {known} are",
                self._source,
                self._token.at,
                name=name,
                found=self._token.text,
                known=", ".join(n for n, w in WINDOWS.items() if w == self._token.text),
            )
        self._advance()
        width = self._token
        if width.kind is not Kind.NUMBER or width.unit is None:
            self._unexpected("a time with its unit, for example 10 min")
        self._advance()
        self._expect(")", ")")
        return Window(name, operand, Number(width.value, width.unit, at=width.at), at=self._since(word.at.start))

    def _vote(self, word: Token) -> Node:
        needed = self._token
        if needed.kind is not Kind.NUMBER or needed.unit or needed.value != int(needed.value):
            self._unexpected("how many members must alarm, for example 2 of A > 5, B > 5, C > 5")
        self._advance()
        self._expect_word("of", "of and the members")
        members = [self._any()]
        while self._take(Kind.SIGN, ","):
            members.append(self._any())
        options = self._options()
        self._expect(")", "a comma, a semicolon or )")
        at = self._since(word.at.start)
        if len(members) > MEMBERS:
            raise ExpressionError(
                "the vote has {found} members; at most {most} are taken", self._source, at, found=len(members), most=MEMBERS
            )
        if not 1 <= needed.value <= len(members):
            raise ExpressionError(
                "{found} of {members} members can't be asked for; 1 … {members} can",
                self._source,
                needed.at,
                found=needed.text,
                members=len(members),
            )
        return Vote(int(needed.value), tuple(members), options["fault"] == "leaves", options["calibration"] == "alarms", at=at)

    def _options(self) -> dict[str, str]:
        options: dict[str, str] = {}
        while self._take(Kind.SIGN, ";"):
            key = self._token
            if key.kind is not Kind.NAME or key.text not in _OPTIONS or key.text in options:
                self._unexpected("fault or calibration, each once")
            self._advance()
            choice = self._token
            if choice.kind is not Kind.NAME or choice.text not in ("alarms", "leaves"):
                self._unexpected("alarms or leaves")
            options[key.text] = self._advance().text
        return {**_OPTIONS, **options}

    # --- tokens

    def _advance(self) -> Token:
        token = self._token
        self._last = token.at
        self._number_before = token.kind is Kind.NUMBER and token.unit is None
        self._token = self._lexer.next()
        return token

    def _is_sign(self, *signs: str) -> bool:
        return self._token.kind is Kind.SIGN and self._token.text in signs

    def _take(self, kind: Kind, text: str) -> bool:
        there = self._token.kind is kind and self._token.text == text
        if there:
            self._advance()
        return there

    def _expect(self, sign: str, expected: str) -> None:
        if not self._take(Kind.SIGN, sign):
            self._unexpected(expected)

    def _expect_word(self, word: str, expected: str) -> None:
        if not self._take(Kind.WORD, word):
            self._unexpected(expected)

    def _expect_end(self) -> None:
        if self._token.kind is not Kind.END:
            self._unexpected("an operator")

    def _unexpected(self, expected: str) -> NoReturn:
        token = self._token
        if token.kind is Kind.END:
            raise ExpressionError("the expression ends here; {expected} was expected", self._source, token.at, expected=expected)
        found = self._source[token.at.start : token.at.end]
        if self._after_number():
            hint = nearest(found, [code for code in units() if len(code) > 1]) or "Cel, MPa, m3/h, %LEL, min"
            raise ExpressionError(
                "{found} is no unit that is known; did you mean {hint}?", self._source, token.at, found=found, hint=hint
            )
        raise ExpressionError("found {found}; {expected} was expected", self._source, token.at, found=found, expected=expected)

    def _after_number(self) -> bool:
        """Whether a name stands right behind a number without a unit, where only a unit makes sense."""
        return self._token.kind is Kind.NAME and self._number_before

    def _since(self, start: int) -> Span:
        """From `start` to the end of what was read last."""
        return Span(start, self._last.end)

    @contextmanager
    def _deeper(self, start: int) -> Iterator[None]:
        self._depth += 1
        if self._depth > DEPTH:
            raise ExpressionError(
                "more than {most} brackets, functions or signs stand inside one another; make a calculated point of the inner part",
                self._source,
                Span(start, start + 1),
                most=DEPTH,
            )
        yield
        self._depth -= 1
