"""Units as they stand in an expression: those of `model/units.py` in all their writings, and each of them per time (`3 ℃/min`).

In: text at a position. Out: the longest unit that stands there, whole: it is not followed by more letters or digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from anlan.model.tables import read_table
from anlan.model.units import Form, find_unit, unit, units

LONGEST = 12
"""Characters of the longest writing that is understood here."""

PER = {
    "s": "s", "sec": "s", "秒": "s", "min": "min", "分": "min", "分钟": "min", "h": "h", "hr": "h", "小时": "h", "时": "h",
    "d": "d", "day": "d", "天": "d", "日": "d",
}  # fmt: skip
"""Writings behind the stroke of a rate → code of the time."""

_NEVER_FIRST = "0123456789×[{/"
_NEVER_IN = "*{[ "
"""Writings that would be read as something else here: `ppm*m` is a product, `{count}` a set, `/h` a division."""


@dataclass(frozen=True, slots=True)
class Written:
    """A unit of the table, or (`per` not empty) such a unit per time."""

    form: Form
    per: str = ""

    @property
    def seconds(self) -> float:
        """By what the number is divided to stand per second; 1 for a plain unit."""
        return unit(self.per).factor if self.per else 1.0

    def text(self) -> str:
        """A writing that is read as this unit again."""
        spelling = _spelling(self.form)
        return f"{spelling}/{self.per}" if self.per else spelling


def unit_at(text: str, start: int) -> tuple[Written, int] | None:
    """The longest unit that begins at `start`, and where it ends; None if there is none."""
    longest: tuple[Written, int] | None = None
    for end in range(min(len(text), start + LONGEST), start, -1):
        found = _form(text[start:end])
        if found is None:
            continue
        plain = None if _goes_on(text, end) else (Written(found), end)
        for here in filter(None, (plain, _rate(text, end, found))):
            if longest is None or here[1] > longest[1]:
                longest = here
    return longest


def read_written(text: str) -> Written | None:
    """The unit that `text` is as a whole."""
    found = unit_at(text, 0)
    return found[0] if found and found[1] == len(text) else None


def _rate(text: str, stroke: int, form: Form) -> tuple[Written, int] | None:
    """`form` per time, when a stroke and a time stand behind it; as the table's own unit where it has that one (mm/d)."""
    if text[stroke : stroke + 1] != "/":
        return None
    for length in (3, 2, 1):
        end = stroke + 1 + length
        code = PER.get(text[stroke + 1 : end])
        if code and len(text) >= end and not _goes_on(text, end):
            whole = Form(f"{form.unit}/{code}")
            return Written(whole) if whole.unit in units() else Written(form, code), end
    return None


def _goes_on(text: str, end: int) -> bool:
    return end < len(text) and (text[end].isalnum() or text[end] == "_")


@cache
def _form(candidate: str) -> Form | None:
    if candidate == "per mille":
        return Form(candidate)
    if candidate[0] in _NEVER_FIRST or any(char in candidate for char in _NEVER_IN) or candidate != candidate.strip():
        return None
    return find_unit(candidate)


@cache
def _spelling(form: Form) -> str:
    """The code where it is read as itself; else the first of the table's writings that is."""
    one = unit(form.unit)
    codes = [form.unit, one.label.en, one.label.zh]
    for candidate in (*codes, *(row["written"] for row in read_table("unit_aliases.csv"))):
        if candidate and unit_at(candidate, 0) == (Written(form), len(candidate)):
            return candidate
    return form.unit
