"""The columns of a point list, and how a header is recognised: by our name, by its Chinese name, or as plants write it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from anlan.model.tables import fold, nearest, read_table

SUFFIXES = ("HH", "H", "L", "LL", "ST")
"""Alarm kinds that have a column of their own, most severe first on each side."""

REQUIRED = ("id", "place", "kind", "source", "address")


@dataclass(frozen=True, slots=True)
class Column:
    """`name` is one of columns.csv; `suffix` is the one alarm it speaks of, "" for all of the point's.

    `exact` is whether the header is our own name: then `name_zh` is Chinese, while under 描述 or Description stands either language.
    """

    name: str
    suffix: str = ""
    exact: bool = True

    @property
    def key(self) -> str:
        return f"{self.name}_{self.suffix}" if self.suffix else self.name


@cache
def column_names() -> tuple[str, ...]:
    """All columns, in the order in which they are written."""
    return tuple(row["column"] for row in _table())


@cache
def per_alarm() -> frozenset[str]:
    """The columns that may carry the name of one alarm behind them."""
    return frozenset(row["column"] for row in _table() if row["each"])


@cache
def titles() -> dict[str, str]:
    """Column → its Chinese name."""
    return {row["column"]: row["zh"] for row in _table()}


def recognise(header: str) -> Column | None:
    """The column that a header cell means, or None. "高报警值(MPa)" and "H Limit" are both H."""
    return _recognise(header.strip())


@cache
def _recognise(header: str) -> Column | None:
    base, _, suffix = header.rpartition("_")
    if suffix in SUFFIXES and base:
        found = _plain(base)
        return Column(found, suffix, found == base) if found in per_alarm() else None
    name = _plain(header)
    return Column(name, "", name == header) if name else None


def _plain(header: str) -> str | None:
    if header in column_names():
        return header
    return _writings().get(squeeze(header)) or _writings().get(squeeze(re.sub(r"[（(\[【].*?[)）\]】]", "", header)))


def squeeze(header: str) -> str:
    """A header without case, width, spaces and punctuation."""
    return re.sub(r"[\s_\-.:：*#\n]+", "", fold(header))


def closest(header: str) -> str:
    """The column that a misspelt header probably meant, or ""."""
    close = nearest(header, [*column_names(), *_writings()])
    return close if close in column_names() else _writings().get(close, "")


def match(headers: Sequence[str]) -> list[Column | None]:
    """One column or None for each header cell."""
    return [recognise(header) if header else None for header in headers]


@cache
def _writings() -> dict[str, str]:
    table: dict[str, str] = {}
    for row in _table():
        for written in (row["column"], row["zh"], row["en"], *row["aliases"].split("|")):
            table.setdefault(squeeze(written), row["column"])
    table.pop("", None)
    return table


@cache
def _table() -> tuple[dict[str, str], ...]:
    return tuple(read_table("columns.csv", "anlan.plant"))
