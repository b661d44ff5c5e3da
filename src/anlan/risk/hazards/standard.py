"""The tables of GB 18218-2018: named substances (1), hazard classes with thresholds and β (2, 4), β by name (3), α (5), levels (6).

Numbers are exact fractions: S = 1 and R = 10, 50, 100 belong to the upper side, and no rounding may move a unit across.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from importlib.resources import files

from anlan.model.tables import fold, read_table
from anlan.model.words import Label

EDITION = "GB 18218-2018"
VERIFIED = "verified-from-source"


@dataclass(frozen=True, slots=True)
class NamedSubstance:
    """A row of table 1. `suggested_beta` follows from a class that the table's reader gave it, 未核对原文."""

    number: int
    name: str
    aliases: tuple[str, ...]
    cas: tuple[str, ...]
    threshold: Fraction
    suggested_beta: Fraction | None
    basis: str


@dataclass(frozen=True, slots=True)
class HazardClass:
    """A row of table 2 with the β that table 4 gives it. `threshold` t."""

    symbol: str
    group: str
    hazard: Label
    category: Label
    threshold: Fraction
    beta: Fraction


@dataclass(frozen=True, slots=True)
class Band:
    """From `least` on, inclusive."""

    least: Fraction
    value: Fraction


@dataclass(frozen=True)
class Standard:
    """One edition. `betas` is table 3, by CAS number and folded name; `alphas` by people, `levels` by R, each from the highest band down."""

    edition: str
    substances: tuple[NamedSubstance, ...]
    classes: Mapping[str, HazardClass]
    betas: Mapping[str, Fraction]
    alphas: tuple[Band, ...]
    levels: tuple[Band, ...]

    @cached_property
    def _by_cas(self) -> Mapping[str, Sequence[NamedSubstance]]:
        found: dict[str, list[NamedSubstance]] = defaultdict(list)
        for row in self.substances:
            for cas in row.cas:
                found[cas].append(row)
        return found

    @cached_property
    def _by_name(self) -> Mapping[str, Sequence[NamedSubstance]]:
        found: dict[str, list[NamedSubstance]] = defaultdict(list)
        for row in self.substances:
            for name in dict.fromkeys(map(fold, (row.name, *row.aliases, *_spoken(row.name)))):
                found[name].append(row)
        return found

    def named(self, cas: str, name: str = "", row: int | None = None) -> Sequence[NamedSubstance]:
        """Rows of table 1 that this substance may be: by number, else by CAS number and by name. A full name settles which of several rows.

        A CAS number that the table doesn't list hides no name that it lists (烷基铝); where both are listed and disagree, all are told.
        """
        if row is not None:
            return [one for one in self.substances if one.number == row]
        by_cas, by_name = self._by_cas.get(cas, ()), self._by_name.get(fold(name), ())
        found = by_cas if any(one in by_name for one in by_cas) else [*by_cas, *by_name]
        exact = [one for one in found if fold(one.name) == fold(name)]
        return exact if exact and (not by_cas or exact[0] in by_cas) else found

    def beta(self, *names: str) -> Fraction | None:
        """Of table 3, by any of the CAS numbers or names that a substance has."""
        return next((self.betas[key] for name in names if (key := fold(name)) in self.betas), None)

    def alpha(self, people: int) -> Fraction:
        """Table 5, by the people registered within 500 m outside the plant's boundary."""
        return _band(self.alphas, Fraction(people))

    def level(self, risk: Fraction) -> int:
        """Table 6: 1 is the gravest."""
        return int(_band(self.levels, risk))


def _spoken(name: str) -> Iterator[str]:
    """A row's name as people say it, without what stands in brackets.

    >>> list(_spoken("汽油(乙醇汽油、甲醇汽油)")), list(_spoken("甲烷,天然气")), list(_spoken("1,3-丁二烯"))
    (['汽油'], ['甲烷', '天然气'], ['1,3-丁二烯'])
    """
    yield from re.split(r",(?=[\u4e00-\u9fff])", re.split(r"[(\[]", name)[0])


def _band(bands: Sequence[Band], value: Fraction) -> Fraction:
    return next(band.value for band in bands if value >= band.least)


@cache
def gb18218() -> Standard:
    package = "anlan.risk.hazards"
    factors = json.loads((files(package) / "data" / "gb18218_factors.json").read_text("utf-8"))
    betas = {fold(row[key]): Fraction(str(row["beta"])) for row in factors["beta_table3"] for key in ("cas", "name")}
    classes = [_class(row) for row in read_table("gb18218_categories.csv", package)]
    return Standard(
        edition=EDITION,
        substances=tuple(_substance(row) for row in read_table("gb18218_substances.csv", package)),
        classes={one.symbol: one for one in classes},
        betas=betas,
        alphas=tuple(Band(Fraction(row["people_min"]), Fraction(str(row["alpha"]))) for row in factors["alpha_table5"]),
        levels=tuple(Band(Fraction(row["min_inclusive"] or 0), Fraction(row["level"])) for row in factors["grading"]["levels"]),
    )


def _substance(row: Mapping[str, str]) -> NamedSubstance:
    suggested = row["beta_basis"] != "Table3" and row["beta"]
    return NamedSubstance(
        number=int(row["no"]),
        name=row["name"],
        aliases=tuple(filter(None, row["aliases"].split(";"))),
        cas=tuple(filter(None, row["cas"].split(";"))),
        threshold=Fraction(row["threshold_t"]),
        suggested_beta=Fraction(suggested) if suggested else None,
        basis=row["beta_basis"],
    )


def _class(row: Mapping[str, str]) -> HazardClass:
    return HazardClass(
        row["symbol"],
        row["hazard_group"],
        Label(zh=row["hazard_class"], en=row["hazard_class_en"]),
        Label(zh=row["category"], en=row["category_en"]),
        Fraction(row["threshold_t"]),
        Fraction(row["beta"]),
    )
