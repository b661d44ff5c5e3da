"""What a study would say with this plant's own failure data in place of the published ones that it was written with.

A study keeps what was written: it does not move with the plant's counts by itself. Beside it stands what these would make of it, so that
whoever answers for the study sees when it is time to write it anew.

    told = of_plant(kind, as_written, written, library, updates)
    told.baseline, told.of_plant, told.factor
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anlan.model.words import Label, Language
from anlan.risk.failures.library import Entry
from anlan.risk.failures.rates import Key, Rates
from anlan.risk.failures.telling import exposure_of, row_of
from anlan.risk.failures.update import Updated
from anlan.risk.lopa.figures import short
from anlan.risk.studies.drafts import Library, Written, read_draft
from anlan.risk.studies.kinds import Kind, Outcome, kind
from anlan.risk.wording import say
from anlan.web.answers import finite
from anlan.web.paper.document import Column, Section


@dataclass(frozen=True, slots=True)
class Rested:
    """One entry of failure data that a study rests on, and what this plant's counts made of it."""

    entry: Entry
    updated: Updated

    @property
    def moved(self) -> bool:
        """Whether the plant's own figure is another than the published."""
        return self.updated.taken != "prior"


@dataclass(frozen=True, slots=True)
class PlantFigures:
    """`baseline` as written, `of_plant` with this plant's figures, both in `unit`; None with `why`."""

    rested: tuple[Rested, ...]
    baseline: float | None = None
    of_plant: float | None = None
    unit: str = ""
    why: Label | None = None

    @property
    def factor(self) -> float | None:
        return self.of_plant / self.baseline if self.of_plant is not None and self.baseline else None

    def as_json(self) -> dict[str, Any]:
        return {
            "items": [row_of(one.entry, one.updated) for one in self.rested],
            "baseline": _number(self.baseline),
            "of_plant": _number(self.of_plant),
            "factor": _number(self.factor),
            "unit": self.unit,
            "why": self.why.model_dump() if self.why is not None else None,
        }


def rested_on(written: Written, library: Library | None, updates: Mapping[Key, Updated]) -> tuple[Rested, ...]:
    """Which failure data a study asks for, in the order in which it does. Raises Mistake."""
    rates = Rates()
    _read(written, library, rates)
    return tuple(Rested(one, updates[key]) for key, one in rates.asked.items())


def model_with(written: Written, library: Library | None, rested: tuple[Rested, ...]) -> Any:
    """Its kind's model with this plant's figures. Raises Mistake."""
    return _read(written, library, Rates({one.entry.key: one.updated.used for one in rested}))


def of_plant(of: Kind, base: Outcome, written: Written, library: Library | None, updates: Mapping[Key, Updated]) -> PlantFigures:
    """All of it at once, blocking. Raises Mistake."""
    rested = rested_on(written, library, updates)
    why = nothing_moves(rested)
    if why is not None:
        return PlantFigures(rested, base.baseline, unit=base.unit, why=why)
    return compared(rested, base, of.outcome(of.solve(model_with(written, library, rested), None)))


def compared(rested: tuple[Rested, ...], base: Outcome, after: Outcome) -> PlantFigures:
    why = None if after.baseline is not None else next(iter(after.reasons), say("it has no exact value"))
    return PlantFigures(rested, base.baseline, after.baseline, after.unit, why)


def nothing_moves(rested: tuple[Rested, ...]) -> Label | None:
    """Why there is nothing to compute; None where there is."""
    if not rested:
        return say("no figure of this study is from the library of failure data")
    if not any(one.moved for one in rested):
        return say("this plant has counted nothing yet that changes one of them")
    return None


def paper_of(told: PlantFigures, language: Language) -> tuple[Section, ...]:
    """For paper; nothing for a study that rests on no failure data."""
    if not told.rested:
        return ()

    def words(msgid: str) -> str:
        return say(msgid).text(language)

    rows = tuple(
        (
            f"{one.entry.equipment_label.text(language)} · {one.entry.mode_label.text(language)}",
            short(one.entry.law.mean),
            f"{one.updated.counts.failures} / {exposure_of(one.entry, one.updated.counts.exposure).text(language)}"
            if one.moved
            else "—",
            short(one.updated.used.mean) if one.moved else "—",
        )
        for one in told.rested
    )
    return (
        Section(
            words("This plant's own failure data"),
            (Column(words("Class and mode"), "2fr"), Column(words("Published"), "28mm", "right"), Column(words("Counted here"), "2fr"), Column(words("This plant"), "28mm", "right")),
            rows,
            note=summary(told).text(language),
        ),
    )  # fmt: skip


def summary(told: PlantFigures) -> Label:
    if told.of_plant is None or told.baseline is None or told.factor is None:
        return told.why or say("it has no exact value")
    return say(
        "with this plant's own figures the baseline is {plant} instead of {published}, ×{factor}; the study keeps the published ones",
        plant=f"{short(told.of_plant)} {told.unit}".rstrip(),
        published=f"{short(told.baseline)} {told.unit}".rstrip(),
        factor=f"{told.factor:.3g}",
    )


def _read(written: Written, library: Library | None, rates: Rates) -> Any:
    draft = read_draft(written, library, rates)
    return kind(draft.kind).read(draft)


def _number(value: float | None) -> float | None:
    return None if value is None else finite(value)
