"""From characters to tokens, one at a time.

An id takes the longest run of letters, digits, `.`, `-` and `_`; so a minus next to an id needs spaces. A unit belongs to the number
before it. Full-width signs as a Chinese keyboard types them (（ ） ， ＞ × ÷ ≥) mean the same as the plain ones.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from anlan.monitor.expressions.errors import ExpressionError, Span
from anlan.monitor.expressions.written_units import Written, unit_at

KEYWORDS = frozenset({"and", "or", "not", "in", "over", "for", "of"})

_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]*")
_SIGNS = {
    "≤": "<=", "≥": ">=", "≠": "!=", "<>": "!=", "==": "=", "×": "*", "÷": "/", "−": "-", "–": "-", "、": ",",
    "<=": "<=", ">=": ">=", "!=": "!=",
}  # fmt: skip
_SINGLE = frozenset("+-*/^<>=(),;{}")
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "「": "」"}
_MEANT = {"&": "and", "|": "or", "!": "not", "~": "not"}


class Kind(StrEnum):
    NUMBER = "number"
    NAME = "name"
    WORD = "word"
    STATE = "state"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is the sign, the name, the keyword in small letters, or what stands in the quotes."""

    kind: Kind
    text: str
    at: Span
    value: float = 0.0
    unit: Written | None = None


class Lexer:
    """Reads `source` from the left. `is_point` tells an id that begins with a digit from a number."""

    def __init__(self, source: str, is_point: Callable[[str], bool]) -> None:
        self._source = source
        self._is_point = is_point
        self._here = 0

    def next(self) -> Token:
        """The next token; END once nothing is left. Raises ExpressionError at a character that can't stand there."""
        source = self._source
        while self._here < len(source) and source[self._here].isspace():
            self._here += 1
        start = self._here
        if start == len(source):
            return Token(Kind.END, "", Span(start, start))
        char = source[start]
        if char in _QUOTES:
            return self._quoted(Kind.STATE, _QUOTES[char])
        if char == "`":
            return self._quoted(Kind.NAME, "`")
        run, number = _RUN.match(source, start), _NUMBER.match(source, start)
        if number and not (run and run.end() > number.end() and self._is_point(run[0])):
            return self._number(number)
        return self._word(run) if run else self._sign()

    def followed_by(self, sign: str) -> bool:
        """Whether the next token is this sign of one character; reads nothing."""
        rest = self._source[self._here :].lstrip()
        return bool(rest) and _plain(rest[0]) == sign

    def _quoted(self, kind: Kind, closing: str) -> Token:
        start = self._here
        end = self._source.find(closing, start + 1)
        if end < 0:
            raise ExpressionError(
                "the quotation that begins here doesn't end; {closing} was expected",
                self._source,
                Span(start, start + 1),
                closing=closing,
            )
        self._here = end + 1
        text = self._source[start + 1 : end].strip()
        if not text:
            raise ExpressionError("nothing stands between these quotes", self._source, Span(start, end + 1))
        return Token(kind, text, Span(start, end + 1))

    def _number(self, match: re.Match[str]) -> Token:
        start, end = match.span()
        value = float(match[0])
        if not math.isfinite(value):
            raise ExpressionError("the number {found} is too large", self._source, Span(start, end), found=match[0])
        begins = end
        while begins < len(self._source) and self._source[begins].isspace():
            begins += 1
        found = None if self._keyword_at(begins) else unit_at(self._source, begins)
        unit, self._here = found or (None, end)
        return Token(Kind.NUMBER, self._source[start : self._here], Span(start, self._here), value, unit)

    def _keyword_at(self, start: int) -> bool:
        run = _RUN.match(self._source, start)
        return run is not None and run[0].casefold() in KEYWORDS

    def _word(self, run: re.Match[str]) -> Token:
        self._here = run.end()
        small = run[0].casefold()
        if small in KEYWORDS:
            return Token(Kind.WORD, small, Span(*run.span()))
        return Token(Kind.NAME, run[0], Span(*run.span()))

    def _sign(self) -> Token:
        start = self._here
        plain = _plain(self._source[start])
        pair = plain + _plain(self._source[start + 1]) if start + 1 < len(self._source) else ""
        if pair in _SIGNS:
            self._here = start + 2
            return Token(Kind.SIGN, _SIGNS[pair], Span(start, start + 2))
        self._here = start + 1
        sign = _SIGNS.get(plain, plain)
        if sign in _SINGLE or plain in _SIGNS:
            return Token(Kind.SIGN, sign, Span(start, start + 1))
        at, shown = Span(start, start + 1), plain if plain.isprintable() else f"U+{ord(plain):04X}"
        if plain in _MEANT:
            raise ExpressionError("found {found}; write {word}", self._source, at, found=shown, word=_MEANT[plain])
        raise ExpressionError("{found} can't stand here", self._source, at, found=shown)


def _plain(char: str) -> str:
    """A full-width sign as the plain one."""
    folded = unicodedata.normalize("NFKC", char)
    return folded if len(folded) == 1 else char
