"""An entry of the library and what the plant's counts made of it, as JSON and as sentences."""

from __future__ import annotations

from typing import Any

from anlan.model.words import Label
from anlan.risk.failures.history import Tally
from anlan.risk.failures.laws import Gamma, Law
from anlan.risk.failures.library import Entry
from anlan.risk.failures.update import MODEL, Updated
from anlan.risk.lopa.figures import short
from anlan.risk.wording import say


def row_of(one: Entry, updated: Updated) -> dict[str, Any]:
    return {
        "equipment": one.equipment,
        "equipment_label": one.equipment_label.model_dump(),
        "mode": one.mode,
        "mode_label": one.mode_label.model_dump(),
        "per": one.per,
        "prior": law_row(one.law) | {"printed": one.printed},
        "source": one.source,
        "population": one.population,
        "confidence": one.confidence,
        "checked": one.checked,
        "failures": updated.counts.failures,
        "exposure": updated.counts.exposure,
        "used": law_row(updated.used),
        "taken": updated.taken,
        "alone": None if updated.alone is None else law_row(updated.alone),
        "conflict": updated.conflict,
        "at_least": updated.at_least,
        "at_most": updated.at_most,
        "remarks": [line.model_dump() for line in remarks(one, updated)],
        "model": MODEL,
    }


def law_row(law: Law) -> dict[str, Any]:
    """`low`, `high`: 5 % and 95 %."""
    return {
        "law": "gamma" if isinstance(law, Gamma) else "beta", "a": law.a, "b": law.b, "mean": law.mean,
        "low": law.quantile(0.05), "median": law.quantile(0.5), "high": law.quantile(0.95),
    }  # fmt: skip


def remarks(one: Entry, updated: Updated) -> tuple[Label, ...]:
    """What a reader must know of the figure."""
    found = []
    if not one.checked:
        found.append(say("text not checked: {source}", source=one.source))
    facts = {"failures": updated.counts.failures, "exposure": exposure_of(one, updated.counts.exposure)}
    if updated.conflict == "worse":
        found.append(
            say("the plant contradicts the source: {failures} failures or more in {exposure} had a probability of {chance}",
                chance=short(updated.at_least or 0.0), **facts)
        )  # fmt: skip
    elif updated.conflict == "better":
        found.append(
            say("the plant contradicts the source: {failures} failures or fewer in {exposure} had a probability of {chance}",
                chance=short(updated.at_most or 0.0), **facts)
        )  # fmt: skip
    if updated.taken == "plant":
        found.append(
            say("the plant's own counts are used alone: joined with the source they would be lower and look surer than they are")
        )
    elif updated.taken == "weakened":
        found.append(say("the source counts less here: taken as far vaguer around the same mean, since the plant contradicts it"))
    return tuple(found)


def of_history(one: Entry, counted: Tally) -> tuple[Label, ...]:
    """Which hours of this plant's history its figure does without, and why."""
    if not counted.items:
        return ()
    if one.shows == "running":
        return (say("the hours of running are not counted here: the plant's {n} failures leave the published figure as it is", n=counted.failures),)  # fmt: skip
    if one.per == "hour" and one.shows == "test":
        unseen = counted.hours - counted.counts.exposure
        return (say("of {all} h in service {n} h lie after each item's last test or demand and count for nothing", all=f"{counted.hours:.0f}", n=f"{unseen:.0f}"),)  # fmt: skip
    return ()


def of_studies(one: Entry, updated: Updated) -> tuple[Label, ...]:
    """What "used" does not mean: a study keeps the figure that it was written with."""
    if updated.taken == "prior":
        return ()
    return (
        say("a study that names this entry counts with the published {published}, not with {used}: write the figure there if it shall count",
            published=short(one.law.mean), used=short(updated.used.mean)),
    )  # fmt: skip


def exposure_of(one: Entry, exposure: float) -> Label:
    return say("{n} hours", n=f"{exposure:.0f}") if one.per == "hour" else say("{n} demands", n=f"{exposure:.0f}")


def told(one: Entry, updated: Updated) -> tuple[Label, ...]:
    """For the command line."""
    unit = say("per hour") if one.per == "hour" else say("per demand")
    low, high = updated.interval()
    lines = [
        say("{equipment} · {mode} ({key})", equipment=one.equipment_label, mode=one.mode_label, key=f"{one.equipment} {one.mode}"),
        say("  source   {mean} {unit} ({low} … {high}); {source}; {population}", mean=short(one.law.mean), unit=unit,
            low=short(one.law.quantile(0.05)), high=short(one.law.quantile(0.95)), source=one.source, population=one.population),
    ]  # fmt: skip
    if updated.taken != "prior":
        lines.append(
            say("  updated  {mean} {unit} ({low} … {high}) by {failures} failures in {exposure}", mean=short(updated.used.mean), unit=unit,
                low=short(low), high=short(high), failures=updated.counts.failures, exposure=exposure_of(one, updated.counts.exposure))
        )  # fmt: skip
    return (*lines, *(say("  ! {remark}", remark=line) for line in remarks(one, updated)))
