"""The clock of a signed identification: when it must be done again, and on which occasions besides."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

from anlan.model.words import Label

SOON_DAYS = 90
"""From so many days before the end the page says so."""


@dataclass(frozen=True, slots=True)
class LegalClock:
    years: int
    occasions: dict[str, Label]
    source: Label
    verified: bool


@cache
def legal_clock() -> LegalClock:
    content = json.loads((files("anlan.risk.hazards") / "data" / "legal_clock.json").read_text("utf-8"))
    meta = content["_meta"]
    return LegalClock(
        years=content["years"],
        occasions={one["id"]: Label(zh=one["zh"], en=one["en"]) for one in content["occasions"]},
        source=Label(**meta["source"]),
        verified=meta["confidence"] == "verified-from-source",
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
