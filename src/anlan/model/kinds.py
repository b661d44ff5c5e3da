"""Semantic kinds of points: what a point measures, told apart from its tag, so that rooms can find "all bypasses" of any plant.

In: `data/point_kinds.csv`. Out: `kinds()` by id and `read_kind` by id or by its name in either language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from anlan.model.errors import InputError
from anlan.model.points import Subject
from anlan.model.tables import fold, nearest, read_table
from anlan.model.units import unit
from anlan.model.words import Label


@dataclass(frozen=True, slots=True)
class Kind:
    """`dimensions` lists what its unit may measure ("*": anything); `hazard` names the gas limits that hold for it."""

    id: str
    name: Label
    subject: Subject
    dimensions: tuple[str, ...]
    default_unit: str
    discrete: bool
    safety: bool
    hazard: str

    def fits(self, code: str) -> bool:
        """Whether a point of this kind may have the unit `code` ("" = none)."""
        if not code or self.dimensions == ("*",):
            return True
        return not self.discrete and unit(code).dimension in self.dimensions


@cache
def kinds() -> dict[str, Kind]:
    """All kinds by id."""
    return {row["id"]: _kind(row) for row in read_table("point_kinds.csv")}


def read_kind(written: str) -> Kind:
    """The kind with this id, or with this name in Chinese or English. Raises InputError with the nearest one."""
    found = kinds().get(written) or _names().get(fold(written))
    if found is None:
        close = nearest(written, _names())
        hint = _names()[close].id if close else "temperature, pressure, level, flow, gas.toxic"
        raise InputError("kind {kind} is not known; did you mean {hint}?", kind=written, hint=hint)
    return found


def _kind(row: dict[str, str]) -> Kind:
    return Kind(
        id=row["id"],
        name=Label(zh=row["zh"], en=row["en"]),
        subject=Subject(row["subject"]),
        dimensions=tuple(d for d in row["dimensions"].split("|") if d),
        default_unit=row["default_unit"],
        discrete=row["discrete"] == "yes",
        safety=row["safety"] == "yes",
        hazard=row["hazard"],
    )


@cache
def _names() -> dict[str, Kind]:
    return {fold(written): kind for kind in kinds().values() for written in (kind.id, kind.name.zh, kind.name.en)}
