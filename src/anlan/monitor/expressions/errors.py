"""What is wrong in an expression, and where: the sentence, the line, and a caret under the character."""

from __future__ import annotations

import unicodedata
from typing import Any, NamedTuple

from anlan.model.errors import InputError
from anlan.model.languages import translate

BEFORE, AFTER = 60, 40
"""Characters of a long line that are shown on either side of the mistake."""


class Span(NamedTuple):
    """Where something stands in the text: from column `start` (0-based) up to, not including, `end`."""

    start: int
    end: int


class ExpressionError(InputError):
    """The first mistake in an expression. `position` and `length` say where; `facts["expected"]` is a msgid too."""

    code = "expression"

    def __init__(self, message: str, source: str, at: Span, **facts: Any) -> None:
        self.source = source
        self.position, self.length = at.start, max(1, at.end - at.start)
        super().__init__(message, position=self.position, length=self.length, **facts)

    def sentence(self, language: str = "en") -> str:
        """What is wrong, without the line."""
        facts = self.facts
        if "expected" in facts:
            facts = {**facts, "expected": translate(facts["expected"], language)}
        return translate(self.message, language).format(**facts)

    def text(self, language: str = "en") -> str:
        return f"{self.sentence(language)}\n{excerpt(self.source, self.position, self.length)}"


def excerpt(source: str, position: int, length: int) -> str:
    """The line around the mistake and carets under it, each on a line of its own; a wide character takes two columns."""
    line = "".join(" " if char.isspace() else char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in source)
    start, end = max(0, position - BEFORE), position + AFTER
    lead = "…" if start else ""
    shown = f"{lead}{line[start:end]}{'…' if end < len(line) else ''}"
    marked = line[position : min(position + length, end)]
    return f"  {shown}\n  {' ' * _columns(lead + line[start:position])}{'^' * max(1, _columns(marked))}"


def _columns(text: str) -> int:
    return sum(_width(char) for char in text)


def _width(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
