"""What order 40 asks for besides the identification itself: when it is done again, on which occasions, and which papers the filing takes along."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

from anlan.model.words import Label
from anlan.risk.hazards.standard import VERIFIED

SOON_DAYS = 90
"""From so many days before the end the page says so."""


@dataclass(frozen=True, slots=True)
class LegalClock:
    years: int
    occasions: dict[str, Label]
    source: Label
    verified: bool


@dataclass(frozen=True, slots=True)
class FilingPapers:
    """`papers`: id → name, in the order of the text."""

    papers: dict[str, Label]
    source: Label
    verified: bool


@cache
def filing_papers() -> FilingPapers:
    content = _read("filing_papers.json")
    meta = content["_meta"]
    names = {one["id"]: Label(zh=one["zh"], en=one["en"]) for one in content["papers"]}
    return FilingPapers(names, Label(**meta["source"]), meta["confidence"] == VERIFIED)


def _read(name: str) -> Any:
    return json.loads((files("anlan.risk.hazards") / "data" / name).read_text("utf-8"))


@cache
def legal_clock() -> LegalClock:
    content = _read("legal_clock.json")
    meta = content["_meta"]
    return LegalClock(
        years=content["years"],
        occasions={one["id"]: Label(zh=one["zh"], en=one["en"]) for one in content["occasions"]},
        source=Label(**meta["source"]),
        verified=meta["confidence"] == VERIFIED,
    )


def due(assessed_on: date) -> date:
    """The day after which it is overdue; of the 29th of February the 28th.

    >>> due(date(2024, 2, 29)), due(date(2023, 6, 1))
    (datetime.date(2027, 2, 28), datetime.date(2026, 6, 1))
    """
    years = legal_clock().years
    try:
        return assessed_on.replace(year=assessed_on.year + years)
    except ValueError:
        return assessed_on.replace(year=assessed_on.year + years, day=28)
