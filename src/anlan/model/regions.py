"""Regions of China by their GB/T 2260 code: two digits province, two city, two county.

In: `data/regions.csv` (in force at the end of 2025; withdrawn codes since 2002 with the last edition that lists them).
Out: `region(code)`, with its level and the regions above it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from anlan.model.errors import InputError
from anlan.model.places import Level
from anlan.model.tables import nearest, read_table

NATION = "100000"
"""Not a GB/T 2260 code, but used everywhere for the nation as a whole."""


@dataclass(frozen=True, slots=True)
class Region:
    """`until` is "" for a region in force, else the year and month of the last edition that lists it, e.g. "2019-04"."""

    code: str
    name: str
    until: str = ""

    @property
    def level(self) -> Level:
        if self.code == NATION:
            return Level.NATION
        if self.code.endswith("0000"):
            return Level.PROVINCE
        return Level.CITY if self.code.endswith("00") else Level.COUNTY

    @property
    def ancestors(self) -> tuple[Region, ...]:
        """The regions above, the province first; a county under direct provincial rule (4290xx …) has no city above it."""
        above = (self.code[:2] + "0000", self.code[:4] + "00")
        regions = (_table().get(code) for code in above if self.code not in (code, NATION))
        return tuple(r for r in regions if r is not None and (self.until or not r.until))

    @property
    def full_name(self) -> str:
        """E.g. 江苏省苏州市张家港市; the city of a municipality is not said twice."""
        names = [r.name for r in (*self.ancestors, self)]
        return "".join(n for i, n in enumerate(names) if n not in names[:i] and n not in ("市辖区", "县"))


def region(code: str) -> Region:
    """The region with this code. Raises InputError for a malformed, unknown or withdrawn code, saying what it was or could be."""
    if not re.fullmatch(r"[0-9]{6}", code):
        raise InputError("region {code}: six digits of GB/T 2260 were expected, for example 320582", code=code)
    found = _table().get(code)
    if found is None:
        raise _unknown(code)
    if found.until:
        raise InputError(
            "region {code} ({name}) was withdrawn; the last list that has it is of {until}",
            code=code,
            name=found.full_name,
            until=found.until,
        )
    return found


def was_region(code: str) -> Region | None:
    """The region with this code, in force or withdrawn: old documents keep the code they were issued with."""
    return _table().get(code)


def _unknown(code: str) -> InputError:
    parent = _table().get(code[:4] + "00") or _table().get(code[:2] + "0000")
    if parent is None:
        return InputError("region {code}: no province has the code {province}", code=code, province=code[:2])
    close = nearest(code, (r.code for r in _table().values() if r.code.startswith(parent.code.rstrip("0")[:4]) and not r.until))
    return InputError(
        "region {code} is not in GB/T 2260; did you mean {hint} ({name})?",
        code=code,
        hint=close or parent.code,
        name=_name(close or parent.code),
    )


def _name(code: str) -> str:
    return _table()[code].full_name


@cache
def _table() -> dict[str, Region]:
    table = {row["code"]: Region(row["code"], row["name"], row["until"]) for row in read_table("regions.csv")}
    return {NATION: Region(NATION, "中华人民共和国"), **table}
