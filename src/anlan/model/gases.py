"""Gases and vapours by name, formula or CAS number, with the properties that gas units need.

In: `data/substances.csv`, `data/toxic_limits.csv` (GB/T 50493-2019 annex B). Out: `Substance`. Every property carries how far it
may be trusted; what was not read in the standard's own text is shown as 未核对原文 and never decides a pass or fail.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache

from anlan.model.errors import UnitError
from anlan.model.tables import fold, nearest, read_table
from anlan.model.words import Label

VERIFIED = "verified-from-source"


@dataclass(frozen=True, slots=True)
class Property:
    """A number with its source; `verified` is whether it was read in that source's text."""

    value: float
    source: str
    confidence: str

    @property
    def verified(self) -> bool:
        return self.confidence == VERIFIED


@dataclass(frozen=True, slots=True)
class Substance:
    """`molar_mass` g/mol; `lel` vol% in air; `oel` mg/m³ (MAC where there is one, otherwise PC-TWA); `idlh` mg/m³ of annex B."""

    name: Label
    cas: str
    formula: str
    molar_mass: float | None
    lel: Property | None
    oel: Property | None
    idlh: Property | None


def substance(name: str) -> Substance:
    """The substance called `name` (Chinese or English name, formula, CAS). Raises UnitError if unknown or ambiguous."""
    found = _index().get(fold(name), ())
    if len(found) == 1:
        return found[0]
    if found:
        raise UnitError(
            "gas {gas} could be {candidates}; write the CAS number",
            gas=name,
            candidates=", ".join(f"{s.name.text('en')} ({s.cas})" for s in found),
        )
    close = nearest(name, _index())
    hint = f"{close}?" if close else "Cl2, 7782-50-5, 氯"
    raise UnitError("gas {gas} is not known; a name, formula or CAS number was expected: {hint}", gas=name, hint=hint)


@cache
def substances() -> tuple[Substance, ...]:
    """All substances of the table, in its order."""
    limits = {row["cas"]: row for row in read_table("toxic_limits.csv")}
    return tuple(_substance(row, limits.get(row["cas"], {})) for row in read_table("substances.csv"))


def _substance(row: dict[str, str], annex_b: dict[str, str]) -> Substance:
    return Substance(
        name=Label(zh=row["name_zh"], en=row["name_en"]),
        cas=row["cas"],
        formula=row["formula"],
        molar_mass=float(row["mw"]) if row["mw"] else None,
        lel=_property(row["lel_pct"], row["source"], row["conf_lel"]),
        oel=_annex_b(annex_b, "mac") or _annex_b(annex_b, "twa") or _gbz(row),
        idlh=_annex_b(annex_b, "idlh"),
    )


def _annex_b(row: dict[str, str], column: str) -> Property | None:
    return _property(row.get(column, ""), row.get("source", ""), row.get("confidence", ""))


def _gbz(row: dict[str, str]) -> Property | None:
    return _property(row["mac_mgm3"] or row["pc_twa_mgm3"], "GBZ 2.1-2019", row["conf_oel"])


def _property(text: str, source: str, confidence: str) -> Property | None:
    return Property(float(text), source, confidence) if text else None


@cache
def _index() -> dict[str, tuple[Substance, ...]]:
    index: dict[str, list[Substance]] = defaultdict(list)
    for one, row in zip(substances(), read_table("substances.csv"), strict=True):
        plain = re.sub(r"\(.*\)", "", one.name.zh)
        names = {plain, one.name.zh, one.name.en, one.cas, one.formula, *row["aliases"].split("|")}
        for name in {fold(n) for n in names} - {""}:
            index[name].append(one)
    return {name: tuple(found) for name, found in index.items()}
