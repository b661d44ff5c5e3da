"""How a detector measures, told apart because it decides what a reading over range is worth. `data/principles.csv`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from anlan.model.errors import InputError
from anlan.model.tables import fold, nearest, read_table
from anlan.model.words import Label


@dataclass(frozen=True, slots=True)
class Principle:
    id: str
    name: Label
    latches: bool
    """Over range once is over range until somebody resets it on site."""


@cache
def principles() -> dict[str, Principle]:
    return {
        row["id"]: Principle(row["id"], Label(zh=row["zh"], en=row["en"]), row["latches"] == "yes")
        for row in read_table("principles.csv")
    }


def read_principle(written: str) -> Principle:
    """The principle with this id or name in either language. Raises InputError with the nearest one."""
    found = _names().get(fold(written))
    if found is None:
        close = nearest(written, _names())
        hint = _names()[close] if close else ", ".join(list(principles())[:4])
        raise InputError("principle {principle} is not known; did you mean {hint}?", principle=written, hint=hint)
    return principles()[found]


@cache
def _names() -> dict[str, str]:
    found: dict[str, str] = {}
    for row in read_table("principles.csv"):
        for name in (row["id"], row["zh"], row["en"], *row["aliases"].split("|")):
            found.setdefault(fold(name), row["id"])
    found.pop("", None)
    return found
