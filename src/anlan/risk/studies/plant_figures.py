"""What a study would say with this plant's own failure data in place of the published ones that it was written with.

A study keeps what was written: it does not move with the plant's counts by itself. Beside it stands what these would make of it, so that
whoever answers for the study sees when it is time to write it anew.

    told = of_plant(kind, as_written, written, library, updates)
    told.baseline, told.of_plant, told.factor
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from anlan.model.errors import AnlanError
from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.risk.failures.library import Entry
from anlan.risk.failures.rates import Key, Rates
from anlan.risk.failures.telling import exposure_of, remarks, row_of
from anlan.risk.failures.update import Updated
from anlan.risk.lopa.figures import short
from anlan.risk.studies.drafts import Library, Written, read_draft
from anlan.risk.studies.kinds import Kind, Outcome, kind
from anlan.risk.wording import say
from anlan.web.answers import finite
from anlan.web.paper.document import Column, Section

UNREAD = {"calibration": "Calibrations could not be read.", "stroke": "The demand log could not be read."}
"""Which of the node's own counts are missing."""


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
    """`baseline` as written, `of_plant` with this plant's figures, both in `unit`; None with `why`. `limits`: what must be known of the second
    and not of the first. `missing`: counts of this plant that could not be read."""

    rested: tuple[Rested, ...] = ()
    baseline: float | None = None
    of_plant: float | None = None
    unit: str = ""
    why: Label | None = None
    limits: tuple[Label, ...] = ()
    missing: tuple[Label, ...] = ()

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
            "limits": [one.model_dump() for one in self.limits],
            "missing": [one.model_dump() for one in self.missing],
        }


def of_plant(of: Kind, base: Outcome, written: Written, library: Library | None, updates: Mapping[Key, Updated]) -> PlantFigures:
    """All of it at once, blocking. Raises Mistake for a study that cannot be read as it was written."""
    rested = rested_on(asked_by(written, library), updates)
    why = nothing_moves(rested)
    if why is not None:
        return PlantFigures(rested, base.baseline, unit=base.unit, why=why)
    try:
        return compared(rested, base, of.outcome(of.solve(model_with(written, library, rested), None)))
    except AnlanError as error:
        return not_computed(rested, base, error)


def asked_by(written: Written, library: Library | None) -> dict[Key, Entry]:
    """Which failure data a study asks for, as published, in the order in which it does. Raises Mistake."""
    rates = Rates()
    _read(written, library, rates)
    return rates.asked


def rested_on(asked: Mapping[Key, Entry], updates: Mapping[Key, Updated]) -> tuple[Rested, ...]:
    return tuple(Rested(one, updates[key]) for key, one in asked.items())


def model_with(written: Written, library: Library | None, rested: tuple[Rested, ...]) -> Any:
    """Its kind's model with this plant's figures. Raises Mistake."""
    return _read(written, library, Rates({one.entry.key: one.updated.used for one in rested}))


def nothing_moves(rested: tuple[Rested, ...], missing: Collection[Label] = ()) -> Label | None:
    """Why there is nothing to compute; None where there is."""
    if not rested:
        return say("no figure of this study is from the library of failure data")
    if any(one.moved for one in rested):
        return None
    if missing:
        return say("unknown: what this plant has counted could not be read whole")
    return say("this plant has counted nothing yet that changes one of them")


def compared(rested: tuple[Rested, ...], base: Outcome, after: Outcome, missing: tuple[Label, ...] = ()) -> PlantFigures:
    why = None if after.baseline is not None else next(iter(after.reasons), say("it has no exact value"))
    limits = tuple(one for one in after.limits if one not in base.limits)
    return PlantFigures(rested, base.baseline, after.baseline, after.unit, why, limits, missing)


def not_computed(rested: tuple[Rested, ...], base: Outcome, error: AnlanError, missing: tuple[Label, ...] = ()) -> PlantFigures:
    """The study itself stands all the same."""
    why = Label(zh=error.text("zh"), en=error.text("en"))
    return PlantFigures(rested, base.baseline, unit=base.unit, why=why, missing=missing)


def paper_of(told: PlantFigures, language: Language) -> tuple[Section, ...]:
    """For paper; nothing for a study that rests on no failure data."""
    if not told.rested and told.why is None:
        return ()

    def words(msgid: str) -> str:
        return say(msgid).text(language)

    rows = tuple(
        (
            f"{one.entry.equipment_label.text(language)} · {one.entry.mode_label.text(language)}",
            f"{short(one.entry.law.mean)} {words(_per(one.entry))}",
            _counted(one, language),
            f"{short(one.updated.used.mean)} {words(_per(one.entry))}" if one.moved else "—",
        )
        for one in told.rested
    )
    notes = [summary(told), *told.limits, *told.missing]
    return (
        Section(
            words("This plant's own failure data"),
            (Column(words("Class and mode"), "2fr"), Column(words("Published"), "34mm", "right"), Column(words("Counted here"), "2fr"), Column(words("This plant"), "34mm", "right")),
            rows,
            note="; ".join(one.text(language) for one in notes),
            empty="—",
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


def _per(entry: Entry) -> str:
    return "per hour" if entry.per == "hour" else "per demand"


def _counted(one: Rested, language: Language) -> str:
    """With what a reader must know of the figure."""
    exposure = exposure_of(one.entry, one.updated.counts.exposure).text(language)
    counted = [f"{one.updated.counts.failures} / {exposure}"] if one.moved else ["—"]
    return "; ".join([*counted, *(line.text(language) for line in remarks(one.entry, one.updated))])


def _read(written: Written, library: Library | None, rates: Rates) -> Any:
    draft = read_draft(written, library, rates)
    return kind(draft.kind).read(draft)


def _number(value: float | None) -> float | None:
    return None if value is None else finite(value)
