"""What `anlan risk` prints for people, in their language."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from anlan.model.languages import translate
from anlan.risk.trees.cut_sets import CutSet
from anlan.risk.trees.event_trees import SequenceResult
from anlan.risk.trees.importances import Importance
from anlan.risk.trees.solving import Solution
from anlan.risk.trees.spread import OverTime, Spread
from anlan.risk.trees.validation import Case, Summary


def number(value: float | None) -> str:
    return "–" if value is None else f"{value:.6g}"


class Report:
    def __init__(self, language: str) -> None:
        self.language = language

    def say(self, msgid: str, **facts: object) -> None:
        typer.echo(translate(msgid, self.language).format(**facts))

    def solution(
        self,
        one: Solution,
        listed: Sequence[CutSet],
        matters: Sequence[Importance],
        spread: Spread | None,
        course: OverTime | None,
    ) -> None:
        self.say("{model}, top event {top}: {events} events, {gates} gates", model=one.tree.name, top=one.top,
                 events=len(one.circuit.events), gates=one.circuit.gates)  # fmt: skip
        if len(one.tree.tops) > 1:
            self.say("this model has {count} top gates; --top chooses another: {names}", count=len(one.tree.tops),
                     names=", ".join(one.tree.tops[:10]))  # fmt: skip
        self.say("probability          {value}", value=number(one.probability))
        if one.bound is not None and one.probability is None:
            self.say("between              {lower} … {upper}", lower=number(one.bound.lower), upper=number(one.bound.upper))
        self.say("rare-event sum       {value}", value=number(one.rare_event))
        self.say("min-cut upper bound  {value}", value=number(one.mcub))
        self.say("minimal cut sets     {count}", count="–" if one.mcs is None else one.mcs)
        if one.order_limit is not None:
            self.say("cut sets are known up to order {order}", order=one.order_limit)
        if one.mcs_by_order:
            self.say("by order             {orders}", orders=", ".join(f"{k}: {n}" for k, n in one.mcs_by_order.items()))
        for message, facts in one.reasons.values():
            self.say("not computed: {reason}", reason=translate(message, self.language).format(**facts))
        if not one.circuit.coherent():
            self.say("The tree has negations: cut sets are those of its coherent hull; --prime-implicants lists absences too.")
        self.say(
            "method               {method}, {seconds} s",
            method=translate(one.method, self.language),
            seconds=f"{one.seconds:.3f}",
        )
        for cut in listed:
            typer.echo(f"  {number(cut.probability):>12}  {' · '.join(cut.events)}")
        if matters:
            self.say("p, Birnbaum, criticality, Fussell-Vesely, RAW, RRW, event")
            for each in matters[:30]:
                values = (each.probability, each.birnbaum, each.criticality, each.fussell_vesely, each.raw, each.rrw)
                typer.echo("  " + "  ".join(f"{number(value):>11}" for value in values) + f"  {each.event}")
        if spread is not None:
            self.say("{samples} samples: mean {mean}, sigma {sigma}, 5 % {low}, median {median}, 95 % {high}", samples=spread.samples,
                     mean=number(spread.mean), sigma=number(spread.sigma), low=number(spread.quantiles[0.05]),
                     median=number(spread.quantiles[0.5]), high=number(spread.quantiles[0.95]))  # fmt: skip
        if course is not None:
            self.say("over {hours} h: average {average}, largest {largest} at {at} h", hours=number(float(course.hours[-1])),
                     average=number(course.average), largest=number(course.largest), at=number(course.at))  # fmt: skip

    def sequences(self, results: Sequence[SequenceResult]) -> None:
        for one in results:
            start = f"{one.initiating_event} → " if one.initiating_event else ""
            typer.echo(f"  {number(one.probability):>12}  {start}{one.event_tree} → {one.sequence}")

    def case(self, case: Case) -> None:
        typer.echo(f"{'✓' if case.within else '·' if case.within is None else '✗'} {case.case}  {case.ours} / {case.reference}")
        if case.unusable:
            typer.echo(f"  {case.note}")

    def summary(self, summary: Summary) -> None:
        self.say("{cases} cases: {within} within, {outside} outside, {unknown} without a reference, {unusable} contradicted by their file; {seconds} s",
                 cases=summary.cases, within=summary.within, outside=summary.outside, unknown=summary.unknown, unusable=summary.unusable,
                 seconds=f"{summary.seconds:.1f}")  # fmt: skip
