"""Event trees as studies: how often each sequence comes about, as written and as the plant is now.

study: chlorine-leak
kind: event-tree
name: {zh: 液氯泄漏后果, en: After a chlorine leak}
unit: /a                       # of the initiating events' frequencies
watch: [large-release]         # the sequences whose sum is told in one line; absent: the last one
event-trees: …                 # with gates: and events:, or file: an Open-PSA file
live: …                        # as in a fault tree
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.risk.studies.drafts import Draft
from anlan.risk.studies.facts import Binding, Bound, Fact
from anlan.risk.studies.kinds import Outcome
from anlan.risk.studies.of_trees import (
    LIMITS,
    TreeModel,
    fact_row,
    label_of,
    limits_of,
    model_of,
    moved,
    read_live,
    read_tree_of,
    unknown_share,
)
from anlan.risk.trees.event_trees import SequenceResult, sequences
from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.trees.model import Branch, FaultTree
from anlan.risk.trees.solving import chances
from anlan.risk.wording import say
from anlan.web.paper.document import Column, Section

OWN_ENTRIES = ("unit", "watch")
LISTED = 20
"""Cut sets of each sequence."""


@dataclass(slots=True)
class EventModel:
    of: TreeModel
    unit: str
    watch: tuple[str, ...]
    base: list[SequenceResult] | None = None

    def results(self) -> list[SequenceResult]:
        if self.base is None:
            self.base = sequences(self.of.whole, LIMITS)
        return self.base


@dataclass(frozen=True, slots=True)
class EventAnswer:
    """`now` in the order of `model.results()`."""

    model: EventModel
    p: Mapping[str, float]
    base_p: Mapping[str, float]
    now: tuple[float | None, ...]
    facts: Mapping[Binding, Fact] | None
    own: tuple[float | None, ...] = ()


class EventTrees:
    """The kind `event-tree`."""

    name = "event-tree"
    title = Label(zh="事件树", en="Event tree")

    def read(self, draft: Draft) -> EventModel:
        nodes, body = draft.nodes, dict(draft.body)
        own = {name: body.pop(name) for name in OWN_ENTRIES if name in body}
        rest = Draft(**{name: getattr(draft, name) for name in Draft.__dataclass_fields__ if name != "body"}, body=body)
        tree = read_tree_of(rest)
        if not tree.event_trees:
            raise TreeMistake("this model defines no event tree", draft.place_at)
        known = [name for one in tree.event_trees.values() for name, end in one.sequences.items() if not end.linked]
        watch = tuple(nodes.text(one) for one in nodes.items(own["watch"])) if "watch" in own else (known[-1],)
        for one in watch:
            if one not in known:
                raise TreeMistake(
                    "{found} is no sequence of this model; its sequences are {known}",
                    nodes.place(own["watch"]),
                    found=one,
                    known=", ".join(known),
                )
        unit = nodes.text(own["unit"]) if "unit" in own else ""
        return EventModel(model_of(tree, read_live(rest, tree)), unit, watch)

    def bindings(self, model: EventModel) -> Sequence[Bound]:
        return [one.bound for one in model.of.live]

    def solve(self, model: EventModel, facts: Mapping[Binding, Fact] | None) -> EventAnswer:
        results, base_p = model.results(), chances(model.of.whole)
        if facts is None:
            return EventAnswer(model, base_p, base_p, tuple(one.probability for one in results), None)
        changed = {one.at: one.chance(base_p[one.at], facts[one.bound.binding]) for one in model.of.live}
        now = tuple(one.again({**base_p, **changed}) for one in results)
        base = _watched(model, [one.probability for one in results])
        own = []
        for name, value in changed.items():
            alone = _watched(model, [one.again({**base_p, name: value}) for one in results])
            own.append(alone / base if alone is not None and base else None)
        return EventAnswer(model, {**base_p, **changed}, base_p, now, facts, tuple(own))

    def outcome(self, answer: EventAnswer) -> Outcome:
        model, results = answer.model, answer.model.results()
        return Outcome(
            value=_watched(model, answer.now),
            baseline=_watched(model, [one.probability for one in results]),
            unit=model.unit,
            unknown=unknown_share(model.of.live, answer.facts),
            moved=moved(model.of, answer.facts, answer.own),
            model=say("event tree {name}: exact by decision diagrams, successes counted as negations", name=", ".join(model.of.tree.event_trees)),
            limits=limits_of(model.of),
            more={"watch": list(model.watch), "sequences": len(results)},
        )  # fmt: skip

    def figure(self, answer: EventAnswer) -> dict[str, Any]:
        tree, results = answer.model.of.tree, answer.model.results()
        rows = [
            {
                "tree": one.event_tree,
                "sequence": one.sequence,
                "label": tree.event_trees[one.event_tree].sequences[one.sequence].label,
                "initiating": one.initiating_event,
                "baseline": one.probability,
                "value": value,
                "watched": one.sequence in answer.model.watch,
                "mcs": one.mcs,
                "cut_sets": [
                    {"events": cut.events, "probability": cut.probability}
                    for part in one.parts
                    if part.sets is not None
                    for cut in islice(part.sets.likeliest(), LISTED)
                ][:LISTED],
            }
            for one, value in zip(results, answer.now, strict=True)
        ]
        live = [
            {
                "event": one.name,
                "label": label_of(tree, one.name),
                "binding": str(one.bound.binding),
                "probability": answer.p[one.at],
                "baseline": answer.base_p[one.at],
                **(fact_row(answer.facts[one.bound.binding]) if answer.facts is not None else {}),
            }
            for one in answer.model.of.live
        ]
        trees = [
            {"name": name, "functions": one.functional_events, "initial": _branch(tree, name, one.initial)}
            for name, one in tree.event_trees.items()
        ]
        starts = [{"name": one.name, "tree": one.event_tree} for one in tree.initiating_events.values()]
        return {"event_trees": trees, "starts": starts, "sequences": rows, "live": live, "unit": answer.model.unit}

    def paper(self, answer: EventAnswer, language: Language) -> tuple[Section, ...]:
        def words(msgid: str) -> str:
            return say(msgid).text(language)

        columns = (
            Column(words("Sequence"), "2fr"),
            Column(words("Baseline"), "30mm", "right"),
            Column(words("At present"), "30mm", "right"),
            Column(words("Cut sets"), "24mm", "right"),
        )
        rows = tuple(
            (one["label"] or one["sequence"], _shown(one["baseline"]), _shown(one["value"]), str(one["mcs"] if one["mcs"] is not None else "—"))
            for one in self.figure(answer)["sequences"]
        )  # fmt: skip
        return (Section(words("Sequences"), columns, rows, empty=words("This event tree has no sequence.")),)


def _watched(model: EventModel, values: Sequence[float | None]) -> float | None:
    """The sum over the watched sequences."""
    total = 0.0
    for one, value in zip(model.results(), values, strict=True):
        if one.sequence in model.watch:
            if value is None:
                return None
            total += value
    return total


MOST_DEEP = 40


def _branch(tree: FaultTree, name: str, branch: Branch, depth: int = 0) -> dict[str, Any]:
    """Forks within forks, named branches followed."""
    event_tree = tree.event_trees[name]
    if branch.fork is not None and depth < MOST_DEEP:
        paths = [{"state": one.state, **_branch(tree, name, one.branch, depth + 1)} for one in branch.fork.paths]
        return {"ask": branch.fork.functional_event, "paths": paths}
    if branch.branch and depth < MOST_DEEP:
        return _branch(tree, name, event_tree.branches[branch.branch], depth + 1)
    end = event_tree.sequences.get(branch.sequence)
    return {"sequence": branch.sequence, "linked": end.linked if end is not None else ""}


def _shown(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}"
