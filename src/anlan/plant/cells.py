"""Cells of a point list as values. Each reader returns None for a blank cell and raises `BadCell` saying what was expected.

People type full-width digits, Chinese commas and minus signs, dashes for "none" and √ for yes; these are understood. What could be
read in two ways (0,5) is refused.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import date
from functools import lru_cache

from anlan.model.words import Label
from anlan.plant.yaml_file import label

BLANK = {"", "/", "\\", "-", "--", "—", "——", "–", "无", "n/a", "na", "none", "null", "nil"}
YES = {"yes", "y", "true", "1", "是", "√", "有", "投用", "on"}
NO = {"no", "n", "false", "0", "否", "×", "x", "停用", "off"}

_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?", re.IGNORECASE)
_THOUSANDS = re.compile(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?")


class BadCell(Exception):
    """`expected` is a msgid: what should have stood in the cell."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def plain(text: str) -> str:
    """The cell with full-width forms and Chinese signs as ASCII; "" for a dash that means none."""
    folded = (
        unicodedata.normalize("NFKC", text).replace("−", "-").replace("，", ",").replace("；", ";").replace("、", ";").strip()
    )
    return "" if folded.casefold() in BLANK else folded


@lru_cache(65_536)
def number(text: str) -> float | None:
    written = plain(text)
    if not written:
        return None
    if _THOUSANDS.fullmatch(written):
        written = written.replace(",", "")
    if not _NUMBER.fullmatch(written):
        raise BadCell("a number")
    return float(written)


def whole(text: str) -> int | None:
    value = number(text)
    if value is not None and not value.is_integer():
        raise BadCell("a whole number")
    return None if value is None else int(value)


def yes_no(text: str) -> bool | None:
    written = plain(text).casefold()
    if not written or written in YES or written in NO:
        return written in YES if written else None
    raise BadCell("yes or no")


def day(text: str) -> date | None:
    written = plain(text)
    if not written:
        return None
    parts = re.fullmatch(r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?", written)
    try:
        return date(*(int(p) for p in parts.groups())) if parts else date.fromisoformat(written)
    except ValueError:
        raise BadCell("a date such as 2027-03-01") from None


def integers(text: str) -> tuple[int, ...] | None:
    """`1` or `1;2`."""
    written = plain(text)
    if not written:
        return None
    parts = [p.strip() for p in re.split(r"[;,\s]+", written) if p.strip()]
    if not all(re.fullmatch(r"-?\d+", p) for p in parts):
        raise BadCell("states such as 1 or 1;2")
    return tuple(int(p) for p in parts)


def states(text: str) -> dict[int, Label] | None:
    """`0=关/Closed; 1=开/Open`; the English half may be left out. A sign that belongs to a name has a backslash before it."""
    if not plain(text):
        return None
    result: dict[int, Label] = {}
    for part in filter(str.strip, _split(text, ";；,，、\n")):
        number_text, *rest = _split(part, "=＝:：", 1)
        names = [_unescape(name) for name in _split(rest[0], "/／")] if rest else []
        key = unicodedata.normalize("NFKC", number_text).strip()
        if not re.fullmatch(r"[-+]?\d+", key) or int(key) in result or len(names) not in (1, 2) or not any(names):
            raise BadCell("states such as 0=关/Closed; 1=开/Open")
        result[int(key)] = Label(zh=names[0], en=names[1]) if len(names) == 2 else label(names[0])
    return result


def write_states(names: Mapping[int, Label]) -> str:
    """The inverse of `states`."""
    return "; ".join(f"{number}={_escape(name.zh)}/{_escape(name.en)}" for number, name in sorted(names.items()))


def _split(text: str, signs: str, most: int = -1) -> list[str]:
    """At signs without a backslash before them; a backslash before a backslash is a letter like any other."""
    parts: list[str] = []
    start = 0
    for found in re.finditer(rf"\\.|[{signs}]", text, re.DOTALL):
        if found[0][0] != "\\" and len(parts) != most:
            parts.append(text[start : found.start()])
            start = found.end()
    return [*parts, text[start:]]


def _escape(text: str) -> str:
    return re.sub(r"([;；,，、\n=＝:：/／\\])", r"\\\1", text)


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text.strip(), flags=re.DOTALL)


def trips(text: str) -> tuple[tuple[str, float], ...] | None:
    """`>95`, `<10`, `<10;>95`, or a bare number whose side its alarms tell; as (side or "", value)."""
    written = plain(text)
    if not written:
        return None
    result = []
    for part in filter(None, (p.strip() for p in written.split(";"))):
        found = re.fullmatch(r"([<>≥≤]?)=?\s*(.+)", part)
        value = number(found[2]) if found else None
        if found is None or value is None:
            raise BadCell("a trip such as >95 or <10;>95")
        result.append((found[1].replace("≥", ">").replace("≤", "<"), value))
    return tuple(result)
