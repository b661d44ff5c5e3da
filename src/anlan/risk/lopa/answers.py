"""An analysis solved: frequencies from each cause down to the consequence, what is left to reduce, and how facts of the plant move it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from anlan.model.words import Label
from anlan.risk.lopa.analysis import Analysis, Cause, Chance, Layer
from anlan.risk.lopa.bands import band_remark
from anlan.risk.lopa.credits import Credit, credit, rules
from anlan.risk.lopa.figures import short
from anlan.risk.studies.facts import Binding, Fact
from anlan.risk.wording import say

Facts = Mapping[Binding, Fact]


@dataclass(frozen=True, slots=True)
class Step:
    """One factor on the way from a cause to the consequence. `frequency` a year after it; `usual`: the factor without what the plant says."""

    what: str
    """cause, enabling, modifier or layer."""
    id: str
    name: Label
    factor: float
    usual: float
    frequency: float
    credit: Credit | None = None


@dataclass(frozen=True, slots=True)
class Path:
    """From one cause to the consequence. A year: `unmitigated` before any layer, `between` after every layer but safety functions, `mitigated`."""

    cause: Cause
    steps: tuple[Step, ...]
    unmitigated: float
    between: float
    mitigated: float


@dataclass(frozen=True, slots=True)
class Answer:
    """`baseline`: mitigated frequency without the plant's facts, equal to it when none were asked."""

    analysis: Analysis
    paths: tuple[Path, ...]
    baseline: float
    facts: Facts | None

    @property
    def unmitigated(self) -> float:
        return sum(path.unmitigated for path in self.paths)

    @property
    def between(self) -> float:
        """Intermediate event frequency: what safety functions are left to reduce."""
        return sum(path.between for path in self.paths)

    @property
    def mitigated(self) -> float:
        return sum(path.mitigated for path in self.paths)

    @property
    def needed(self) -> float | None:
        """PFD that one safety function against every cause would need; None where the other layers leave nothing to it."""
        return self.analysis.target / self.between if self.between > self.analysis.target else None

    @property
    def against_target(self) -> float:
        """Mitigated frequency over target."""
        return self.mitigated / self.analysis.target

    def asked(self, layer: Layer) -> float:
        """How often a year a safety function is needed: what the causes bring through the layers before it. Modifiers make it no rarer."""
        return sum(
            prod(
                step.factor
                for step in path.steps
                if step.what in ("cause", "enabling") or (step.credit is not None and step.credit.layer.sort != "sif")
            )
            for path in self.paths
            if any(step.credit is not None and step.credit.layer is layer and step.credit.credited for step in path.steps)
        )

    def beyond(self) -> tuple[Label, ...]:
        """Where PFDavg is no measure: a safety function that is needed too often."""
        most, origin, _ = rules()["low-demand-most"]
        return tuple(
            say("{name} — {remark}", name=layer.name, remark=say(
                "outside of the range of validity: needed {found} times a year; PFDavg holds for {most} at most ({origin}, text not checked)",
                found=short(often), most=short(most), origin=origin,
            ))
            for layer in self.analysis.layers
            if layer.sort == "sif" and (often := self.asked(layer)) > most
        )  # fmt: skip

    def remarks(self) -> tuple[Label, ...]:
        """The result in words, then what it rests on."""
        target = short(self.analysis.target)
        found = [
            say("mitigated {found} a year, {factor} of the target {target} a year",
                found=short(self.mitigated), factor=f"×{short(self.against_target)}", target=target),
            say("before safety functions {found} a year: they need PFDavg {needed}, a reduction of {reduction}; {band}",
                found=short(self.between), needed=short(self.needed), reduction=short(1 / self.needed), band=band_remark(self.needed))
            if self.needed is not None
            else say("before safety functions {found} a year, not above the target {target}", found=short(self.between), target=target),
        ]  # fmt: skip
        if not self.analysis.target_source:
            found.append(say("the source of the target is not stated"))
        found += self.beyond()
        analysis = self.analysis
        found += [say("{name} — {remark}", name=one.name, remark=say("the source of its frequency is not stated")) for one in analysis.causes if not one.source]  # fmt: skip
        found += [say("{name} — {remark}", name=one.name, remark=say("independence: not assessed, no elements are stated")) for one in analysis.causes if not one.uses.elements]  # fmt: skip
        found += [say("{name} — {remark}", name=one.name, remark=say("the source of its probability is not stated")) for one in analysis.chances() if not one.source]  # fmt: skip
        seen = set()
        for path in self.paths:
            for step in path.steps:
                for remark in step.credit.remarks if step.credit is not None else ():
                    if (step.id, remark.en) not in seen:
                        seen.add((step.id, remark.en))
                        found.append(say("{name} — {remark}", name=step.name, remark=remark))
        for layer in self.analysis.layers:
            if layer.function is not None:
                found += [say("{name} — {remark}", name=layer.name, remark=one) for one in layer.function.remarks()]
        return tuple(found)


def solve_analysis(analysis: Analysis, facts: Facts | None = None) -> Answer:
    """Frequencies of all causes of one consequence, summed. With `facts`: a lost layer counts as failed, a present condition as certain."""
    credits = {cause.id: credit(analysis, cause) for cause in analysis.causes}
    usual = tuple(_path(analysis, cause, credits[cause.id], None) for cause in analysis.causes)
    baseline = sum(path.mitigated for path in usual)
    if facts is None:
        return Answer(analysis, usual, baseline, None)
    paths = tuple(_path(analysis, cause, credits[cause.id], facts) for cause in analysis.causes)
    return Answer(analysis, paths, baseline, facts)


def with_fact(answer: Answer, binding: Binding) -> float | None:
    """By what factor this fact alone moves the mitigated frequency; None where there is nothing to compare with."""
    if answer.facts is None or not answer.baseline:
        return None
    alone = solve_analysis(answer.analysis, {binding: answer.facts[binding]})
    return alone.mitigated / answer.baseline


def _path(analysis: Analysis, cause: Cause, credits: tuple[Credit, ...], facts: Facts | None) -> Path:
    steps = [Step("cause", cause.id, cause.name, cause.frequency, cause.frequency, cause.frequency)]
    frequency = cause.frequency

    def go(what: str, id: str, name: Label, usual: float, now: float, given: Credit | None = None) -> None:
        nonlocal frequency
        frequency *= now
        steps.append(Step(what, id, name, now, usual, frequency, given))

    for what, chances in (("enabling", cause.enabling), ("modifier", analysis.modifiers)):
        for one in chances:
            go(what, one.id, one.name, one.probability, 1.0 if holds(one, facts) else one.probability)
    unmitigated = frequency
    for each in (*(one for one in credits if one.layer.sort != "sif"), *(one for one in credits if one.layer.sort == "sif")):
        go("layer", each.layer.id, each.layer.name, each.pfd, 1.0 if holds(each.layer, facts) else each.pfd, each)
    others = prod(step.factor for step in steps if step.credit is not None and step.credit.layer.sort != "sif")
    return Path(cause, tuple(steps), unmitigated, unmitigated * others, frequency)


def holds(one: Layer | Chance, facts: Facts | None) -> bool:
    """Whether the plant says that this layer is lost, or this condition present: known so, or last known so."""
    if facts is None:
        return False
    bounds = one.lost if isinstance(one, Layer) else one.present
    return any(bound.binding in facts and facts[bound.binding].adverse is True for bound in bounds)
