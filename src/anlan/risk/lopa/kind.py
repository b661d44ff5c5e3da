"""Layers of protection as a kind of study: read, solved against the plant, drawn and printed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.risk.lopa.analysis import MODEL, Analysis, Chance, Layer
from anlan.risk.lopa.answers import Answer, Path, Step, holds, solve_analysis, with_fact
from anlan.risk.lopa.bands import band_of
from anlan.risk.lopa.figures import short
from anlan.risk.lopa.reading import parse_analysis
from anlan.risk.studies.drafts import Draft
from anlan.risk.studies.facts import Binding, Bound, Fact
from anlan.risk.studies.kinds import Moved, Outcome
from anlan.risk.wording import say
from anlan.web.paper.document import Column, Section


class Lopa:
    """The kind `lopa`."""

    name = "lopa"
    title = Label(zh="保护层分析", en="Layers of protection")

    def read(self, draft: Draft) -> Analysis:
        return parse_analysis(draft.nodes, draft.body, draft.place_at)

    def bindings(self, model: Analysis) -> Sequence[Bound]:
        return model.bindings()

    def solve(self, model: Analysis, facts: Mapping[Binding, Fact] | None) -> Answer:
        return solve_analysis(model, facts)

    def outcome(self, answer: Answer) -> Outcome:
        facts = answer.facts or {}
        unknown = sum(not fact.known for fact in facts.values()) / len(facts) if facts else 0.0
        needed = answer.needed
        return Outcome(
            value=answer.mitigated,
            baseline=answer.baseline,
            unit="/a",
            unknown=unknown,
            moved=_moved(answer),
            model=MODEL,
            limits=limits_of(answer),
            more={
                "target": answer.analysis.target,
                "unmitigated": answer.unmitigated,
                "intermediate": answer.between,
                "needed_pfd": needed,
                "needed_reduction": None if needed is None else 1 / needed,
                "needed_band": None if needed is None or band_of(needed) is None else band_of(needed).band,  # type: ignore[union-attr]
                "against_target": answer.against_target,
            },
        )

    def figure(self, answer: Answer) -> dict[str, Any]:
        return {
            "consequence": answer.analysis.consequence.model_dump(),
            "target": answer.analysis.target,
            "unmitigated": answer.unmitigated,
            "intermediate": answer.between,
            "mitigated": answer.mitigated,
            "baseline": answer.baseline,
            "needed_pfd": answer.needed,
            "against_target": answer.against_target,
            "paths": [_path(answer, path) for path in answer.paths],
            "layers": [_layer(answer, layer) for layer in answer.analysis.layers],
            "remarks": [one.model_dump() for one in answer.remarks()],
            "model": MODEL.model_dump(),
        }

    def paper(self, answer: Answer, language: Language) -> tuple[Section, ...]:
        return sections(answer, language)


def limits_of(answer: Answer) -> tuple[Label, ...]:
    """By which assumptions the frequency must be read."""
    found = [
        say("Causes are summed; layers are credited only where they share no element that is stated."),
        say("Orders of magnitude: frequencies and PFDs are single figures without their uncertainty."),
    ]
    found += [
        say("{name} — {remark}", name=layer.name, remark=doubt)
        for layer in answer.analysis.layers
        if layer.function is not None
        for part in layer.function.parts
        for doubt in part.group.doubts
    ]
    return (*found, *answer.beyond())


def _moved(answer: Answer) -> tuple[Moved, ...]:
    if answer.facts is None:
        return ()
    found = []
    moving: list[Layer | Chance] = [*answer.analysis.layers, *answer.analysis.chances()]
    for one in moving:
        for bound in one.lost if isinstance(one, Layer) else one.present:
            found.append(Moved(one.id, one.name, bound.binding, answer.facts[bound.binding], with_fact(answer, bound.binding)))
    return tuple(sorted(found, key=lambda moved: -(moved.factor or 0.0)))


def _path(answer: Answer, path: Path) -> dict[str, Any]:
    return {
        "cause": path.cause.id,
        "name": path.cause.name.model_dump(),
        "source": path.cause.source,
        "unmitigated": path.unmitigated,
        "intermediate": path.between,
        "mitigated": path.mitigated,
        "steps": [{**_step(step), "source": _source(answer, step)} for step in path.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    """`factor` is 1 for a layer without credit, or one that the plant says is lost; `usual` tells these apart."""
    credit = step.credit
    return {
        "what": step.what,
        "id": step.id,
        "name": step.name.model_dump(),
        "factor": step.factor,
        "usual": step.usual,
        "frequency": step.frequency,
        "credited": None if credit is None else credit.credited,
        "why": None if credit is None or credit.why is None else credit.why.model_dump(),
    }


def _layer(answer: Answer, layer: Layer) -> dict[str, Any]:
    facts: Mapping[Binding, Fact] = answer.facts or {}
    return {
        "id": layer.id,
        "name": layer.name.model_dump(),
        "sort": layer.sort,
        "pfd": layer.pfd,
        "source": layer.source,
        "uses": layer.uses.elements,
        "lost": holds(layer, answer.facts),
        "facts": [
            {"binding": str(bound.binding), "state": fact.state, "adverse": fact.adverse, "since": fact.since, "why": fact.why.model_dump()}
            for bound in layer.lost
            if (fact := facts.get(bound.binding)) is not None
        ],
    }  # fmt: skip


def sections(answer: Answer, language: Language) -> tuple[Section, ...]:
    """For paper: the way of each cause, then what the figures rest on."""

    def words(msgid: str) -> str:
        return say(msgid).text(language)

    columns = (Column(words("Step"), "3fr"), Column(words("Factor"), "24mm", "right"), Column(words("per year"), "24mm", "right"), Column(words("Reason or source"), "4fr"))  # fmt: skip
    ways = [
        Section(
            path.cause.name.text(language),
            columns,
            tuple(
                (
                    step.name.text(language),
                    "—" if step.what == "cause" else f"× {short(step.factor)}",
                    short(step.frequency),
                    _reason(answer, step).text(language),
                )
                for step in path.steps
            ),
        )
        for path in answer.paths
    ]
    return (*ways, Section(words("What it rests on"), lines=tuple(one.text(language) for one in answer.remarks())))


def _reason(answer: Answer, step: Step) -> Label:
    """Why a layer is not credited, or that the plant says it is lost; else the source of the figure."""
    if step.credit is not None and step.credit.why is not None:
        return step.credit.why
    if step.factor != step.usual:
        msgid = "lost: {factor}" if step.credit is not None else "present now"
        return say(msgid, factor=f"×{short(step.factor / step.usual)}" if step.usual else "")
    return Label(zh=_source(answer, step))


def _source(answer: Answer, step: Step) -> str:
    analysis = answer.analysis
    known: dict[str, tuple[Any, ...]] = {
        "cause": analysis.causes,
        "modifier": analysis.modifiers,
        "layer": analysis.layers,
        "enabling": tuple(one for cause in analysis.causes for one in cause.enabling),
    }
    found = next((one for one in known[step.what] if one.id == step.id), None)
    if isinstance(found, Layer) and found.function is not None and not found.source:
        return ", ".join(dict.fromkeys(part.source for part in found.function.parts if part.source))
    return "" if found is None else str(found.source)
