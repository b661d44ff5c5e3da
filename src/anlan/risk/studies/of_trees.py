"""Fault trees as studies: the tree in YAML or in an Open-PSA file, and which of its events the plant itself tells.

study: no-cooling
kind: fault-tree
name: {zh: 反应器失去冷却, en: Reactor without cooling}
file: tree.xml                         # or gates:, events: … here, as `anlan risk tree` reads them
live:
  pump-a: {point: P-101.RUN, when: "== 0"}            # known failed: probability 1 unless `then` says otherwise
  relief: {bypass: SIF-07, then: 1.0, else: 2.0e-3}   # `else`: what it is known to be while the fact is known to be false

The diagram is built once; a changed fact only walks it again, in one pass for the baseline, for all facts and for each fact alone.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np

from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.risk.studies.drafts import Draft
from anlan.risk.studies.facts import Binding, Bound, Fact, read_binding
from anlan.risk.studies.kinds import Moved, Outcome
from anlan.risk.trees.ccf import with_common_causes
from anlan.risk.trees.diagrams.building import Diagram
from anlan.risk.trees.elements import parse_xml
from anlan.risk.trees.expressions import Column, Number
from anlan.risk.trees.importances import Importance, importance
from anlan.risk.trees.mistakes import TreeMistake, TreeQuestion
from anlan.risk.trees.model import BasicEvent, Connective, FaultTree, Formula, Gate, Named
from anlan.risk.trees.openpsa import tree_of
from anlan.risk.trees.solving import Limits, Solution, by_level, chances, exact, solve
from anlan.risk.trees.yaml_form import Form
from anlan.risk.wording import say
from anlan.web.paper.document import Column as PaperColumn
from anlan.web.paper.document import Section

LIMITS = Limits(most_nodes=1 << 21)
"""Of one diagram in the console's process: 150 MB at most."""
LISTED = 100
"""Cut sets in a figure, the likeliest first."""
OWN = " ⚡"
"""Behind the name of a group's member: that it is known to have failed by itself."""


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """`at`: the basic event that carries it. `then`, `otherwise`: its probability while the fact is true, false; None: as in the tree."""

    name: str
    at: str
    bound: Bound
    then: float
    otherwise: float | None

    def chance(self, base: float, fact: Fact) -> float:
        """Unknown is never better than the tree itself, and stays what it was last known to be where that is worse."""
        known = self.then if fact.adverse else self.otherwise if self.otherwise is not None and fact.adverse is False else base
        return known if fact.known else max(base, known)


@dataclass(slots=True)
class TreeModel:
    """`tree` as written; `whole` with common causes spelled out and bound switches as events."""

    tree: FaultTree
    whole: FaultTree
    live: tuple[LiveEvent, ...]
    base: Solution | None = None
    """Kept once it has been computed."""

    def solution(self) -> Solution:
        if self.base is None:
            self.base = solve(self.whole, limits=LIMITS)
        return self.base


@dataclass(frozen=True, slots=True)
class TreeAnswer:
    """`p` of each event as the plant is now; `own` factors of each live event, in the order of `model.live`."""

    model: TreeModel
    solution: Solution
    p: Mapping[str, float]
    probability: float | None
    facts: Mapping[Binding, Fact] | None
    own: tuple[float | None, ...] = ()
    _now: list[Solution] = field(default_factory=list)

    def now(self) -> Solution:
        """The solution with the probabilities of now: cut sets and importance follow from it."""
        if not self._now:
            base, sets = self.solution, self.solution.sets
            if sets is not None:
                sets = replace(sets, p=np.array([_literal(self.p, name) for name in sets.names], np.float64))
            self._now.append(replace(base, p=self.p, probability=self.probability, sets=sets))
        return self._now[0]


class FaultTrees:
    """The kind `fault-tree`."""

    name = "fault-tree"
    title = Label(zh="故障树", en="Fault tree")

    def read(self, draft: Draft) -> TreeModel:
        tree = read_tree_of(draft)
        if not tree.top:
            raise TreeMistake("this model defines no gate", draft.place_at)
        return model_of(tree, read_live(draft, tree))

    def bindings(self, model: TreeModel) -> Sequence[Bound]:
        return [one.bound for one in model.live]

    def solve(self, model: TreeModel, facts: Mapping[Binding, Fact] | None) -> TreeAnswer:
        base = model.solution()
        if facts is None or base.diagram is None or base.probability is None:
            return TreeAnswer(model, base, base.p, base.probability if facts is None else None, facts)
        live = [one for one in model.live if one.at in base.p]
        changed = {one.at: one.chance(base.p[one.at], facts[one.bound.binding]) for one in live}
        level = {base.circuit.events[e]: n for n, e in enumerate(base.diagram.levels)}
        column = by_level(base.circuit, base.diagram.levels, base.p)
        columns = np.repeat(column[:, None], 1 + len(live), axis=1)
        for n, one in enumerate(live):
            if one.at in level:
                columns[level[one.at], 0] = columns[level[one.at], 1 + n] = changed[one.at]
        found = walked(base.diagram, columns)
        own = dict(zip((one.name for one in live), found[1:].tolist(), strict=True))
        factors = tuple(own[one.name] / base.probability if one.name in own and base.probability else None for one in model.live)
        return TreeAnswer(model, base, {**base.p, **changed}, float(found[0]), facts, factors)

    def outcome(self, answer: TreeAnswer) -> Outcome:
        base = answer.solution
        return Outcome(
            value=answer.probability,
            baseline=base.probability,
            bound=None if base.bound is None else (base.bound.lower, base.bound.upper),
            unknown=unknown_share(answer.model.live, answer.facts),
            moved=moved(answer.model, answer.facts, answer.own),
            model=say("fault tree {name}: {method}", name=answer.model.tree.name, method=say(base.method)),
            limits=limits_of(answer.model),
            reasons=tuple(say(message, **facts) for message, facts in base.reasons.values()),
            more={"top": base.top, "mission_time": answer.model.tree.mission_time, "events": len(base.circuit.events)},
        )

    def figure(self, answer: TreeAnswer) -> dict[str, Any]:
        return {**drawing(answer.model, answer.p, answer.solution.p, answer.facts), **tables(answer.now(), answer.solution)}

    def paper(self, answer: TreeAnswer, language: Language) -> tuple[Section, ...]:
        return sections(answer, language)


WALKED = 1 << 26
"""Bytes of one walk's table: a large diagram is walked for a few facts at a time."""


def walked(diagram: Diagram, columns: Column) -> Column:
    """The top's probability for each column of float64[levels, columns]."""
    width = max(1, WALKED // (16 * len(diagram.nodes)))
    return np.concatenate([exact(diagram, columns[:, at : at + width])[0] for at in range(0, columns.shape[1], width)])


# ---- reading


def read_tree_of(draft: Draft) -> FaultTree:
    """The tree that a study holds: of its own entries, or of the Open-PSA file that it names."""
    form = Form(draft.nodes.file, draft.nodes.rates)
    body = {name: node for name, node in draft.body.items() if name != "live"}
    if not draft.file:
        return tree_of([form.made(body, next(iter(draft.body.values()), None), draft.id)])
    for name, node in body.items():
        if name not in ("top", "mission-time"):
            raise draft.nodes.unknown(name, node, "top, mission-time, live")
    root = parse_xml(draft.attached[draft.file].encode(), f"{draft.nodes.file.rpartition('/')[0]}/{draft.file}".lstrip("/"))
    if "mission-time" in body:
        root.attributes["mission-time"] = draft.nodes.text(body["mission-time"])
    return tree_of([root], top=draft.nodes.text(body["top"]) if "top" in body else "")


def read_live(draft: Draft, tree: FaultTree) -> tuple[LiveEvent, ...]:
    nodes, found = draft.nodes, []
    members = {member for group in tree.groups for member in group.members}
    known = chances(tree)
    for name, node in nodes.entries(draft.body["live"]) if "live" in draft.body else ():
        if name not in tree.events and name not in tree.houses and name not in members:
            raise TreeMistake("{name} is no event of this tree", nodes.place(node), name=name)
        bound, more = read_binding(nodes, node, "then", "else")
        then = nodes.number(more["then"], 0, 1) if "then" in more else 1.0
        otherwise = nodes.number(more["else"], 0, then) if "else" in more else None
        base = 0.0 if name in members else float(tree.houses[name].state) if name in tree.houses else known[name]
        if name in members and otherwise is not None:
            raise TreeMistake(
                "{name} is a member of a common-cause group: only `then` can be said of it", nodes.place(node), name=name
            )
        if draft.nodes.rates.of_plant:
            # Written for the published figure: with this plant's own the event may be likelier than `then` says, and never less so.
            then = max(then, base)
        if then < base:
            raise TreeMistake(
                "`then` of {name} is {found}, less than its probability {base}: a fact that is true is the adverse one",
                nodes.place(more.get("then", node)),
                name=name,
                found=then,
                base=f"{base:g}",
            )
        found.append(LiveEvent(name, name + OWN if name in members else name, bound, then, otherwise))
    return tuple(found)


def model_of(tree: FaultTree, live: tuple[LiveEvent, ...]) -> TreeModel:
    """Bound switches become events of probability 0 or 1; a bound member of a group may also have failed by itself, seen by the plant."""
    whole = with_common_causes(tree)
    houses, events, gates = dict(whole.houses), dict(whole.events), dict(whole.gates)
    for one in live:
        if one.name in houses:
            house = houses.pop(one.name)
            events[one.name] = BasicEvent(one.name, Number(float(house.state)), house.label, house.place)
        elif one.at != one.name:
            gate = gates[one.name]
            events[one.at] = BasicEvent(one.at, Number(0.0), gate.label, gate.place)
            gates[one.name] = Gate(one.name, Formula(Connective.OR, (gate.formula, Named(one.at))), gate.label, gate.place)
    return TreeModel(tree, replace(whole, houses=houses, events=events, gates=gates), live)


def _literal(p: Mapping[str, float], name: str) -> float:
    return 1 - p[name[1:]] if name.startswith("¬") and name not in p else p[name]


# ---- telling


def unknown_share(live: Sequence[LiveEvent], facts: Mapping[Binding, Fact] | None) -> float:
    """Of the bound facts."""
    if not live or facts is None:
        return 0.0
    return sum(not facts[one.bound.binding].known for one in live) / len(live)


def moved(model: TreeModel, facts: Mapping[Binding, Fact] | None, own: Sequence[float | None]) -> tuple[Moved, ...]:
    """The live events, the one that moves the top most first."""
    if facts is None:
        return ()
    padded = [*own, *[None] * (len(model.live) - len(own))]
    found = [
        Moved(one.name, Label(zh=label_of(model.tree, one.name)), one.bound.binding, facts[one.bound.binding], factor)
        for one, factor in zip(model.live, padded, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: -abs(math.log(one.factor)) if one.factor else 0.0))


def label_of(tree: FaultTree, name: str) -> str:
    for table in (tree.events, tree.gates, tree.houses):
        if name in table and table[name].label:
            return str(table[name].label)
    return name


def limits_of(model: TreeModel) -> tuple[Label, ...]:
    found = [
        say("Basic events are independent unless a common-cause group joins them."),
        say("At {hours} h of mission time; what is uncertain stands at its mean.", hours=f"{model.tree.mission_time:g}"),
    ]
    if any(one.at != one.name for one in model.live):
        found.append(
            say("A member of a common-cause group that is known to have failed does not make a common cause more probable here.")
        )
    return tuple(found)


def tables(now: Solution, base: Solution) -> dict[str, Any]:
    """Cut sets and importance as they are now."""
    listed = list(islice(now.sets.likeliest(), LISTED)) if now.sets is not None else []
    try:
        matters = importance(now)
    except TreeQuestion:
        matters = []
    return {
        "cut_sets": [
            {
                "events": one.events,
                "order": one.order,
                "probability": one.probability,
                "share": None if one.probability is None or not now.probability else min(one.probability / now.probability, 1.0),
            }
            for one in listed
        ],
        "mcs": base.mcs,
        "mcs_by_order": None if base.mcs_by_order is None else {str(k): n for k, n in base.mcs_by_order.items()},
        "order_limit": base.order_limit,
        "method": say(base.method).model_dump(),
        "seconds": round(base.seconds, 4),
        "importance": [_matter(one) for one in matters],
    }


def _matter(one: Importance) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


MOST_DRAWN = 5_000


def drawing(
    model: TreeModel, now: Mapping[str, float], base: Mapping[str, float], facts: Mapping[Binding, Fact] | None
) -> dict[str, Any]:
    """Gates and events below the top, each once; a formula within a gate is a node without a name. `cut`: nodes beyond MOST_DRAWN are left out."""
    tree, live = model.tree, {one.name: one for one in model.live}
    nodes: dict[str, dict[str, Any]] = {}
    for gate in _below(tree):
        if len(nodes) >= MOST_DRAWN:
            break
        nodes[gate] = _gate(tree, gate) if gate in tree.gates else _leaf(tree, gate, live.get(gate), now, base, facts)
    return {"top": tree.top, "nodes": nodes, "cut": len(nodes) >= MOST_DRAWN, "mission_time": tree.mission_time}


def _below(tree: FaultTree) -> Iterator[str]:
    from anlan.risk.trees.model import names_in

    waiting, met = [tree.top], {tree.top}
    while waiting:
        name = waiting.pop(0)
        yield name
        for one in names_in(tree.gates[name].formula) if name in tree.gates else ():
            if one not in met:
                met.add(one)
                waiting.append(one)


def _gate(tree: FaultTree, name: str) -> dict[str, Any]:
    gate = tree.gates[name]
    return {"label": gate.label, "line": gate.place.line, **_formula(gate.formula)}


def _formula(formula: Any) -> dict[str, Any]:
    if isinstance(formula, Formula):
        arguments = [one.name if isinstance(one, Named) else _formula(one) for one in formula.arguments]
        return {"kind": formula.connective.value, "least": formula.least, "of": arguments}
    if isinstance(formula, Named):
        return {"kind": "same", "of": [formula.name]}
    return {"kind": "constant", "value": formula.value}


def _leaf(
    tree: FaultTree,
    name: str,
    live: LiveEvent | None,
    now: Mapping[str, float],
    base: Mapping[str, float],
    facts: Mapping[Binding, Fact] | None,
) -> dict[str, Any]:
    house = tree.houses.get(name)
    group = next((one for one in tree.groups if name in one.members), None)
    label = label_of(tree, name)
    found: dict[str, Any] = {
        "kind": "house" if house is not None else "event",
        "label": "" if label == name else label,
        "line": (
            house.place if house is not None else tree.events[name].place if name in tree.events else model_place(group)
        ).line,
        "probability": _finite(now.get(name)),
        "baseline": _finite(base.get(name)),
        "group": group.name if group is not None else None,
    }
    if house is not None and live is None:
        found["state"] = house.state
    if live is not None:
        found["live"] = {"binding": str(live.bound.binding), "then": live.then, "else": live.otherwise}
        if facts is not None:
            found["live"] |= fact_row(facts[live.bound.binding])
    return found


def model_place(group: Any) -> Any:
    return group.place


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def fact_row(fact: Fact) -> dict[str, Any]:
    return {"state": fact.state, "last": fact.last, "adverse": fact.adverse, "since": fact.since, "why": fact.why.model_dump()}


def sections(answer: TreeAnswer, language: Language) -> tuple[Section, ...]:
    """For paper: cut sets and importance."""
    told = tables(answer.now(), answer.solution)

    def words(msgid: str) -> str:
        return say(msgid).text(language)

    def named(event: str) -> str:
        """The sign of a member's own event is none that paper draws."""
        label = label_of(answer.model.tree, event)
        return label.replace(OWN, f" ({words('by its own fact')})")

    # Of probability 0 is what rests on a fact that is not so now: counted, not listed.
    likely = [one for one in told["cut_sets"] if one["probability"] != 0]
    rest = len(told["cut_sets"]) - len(likely)
    cuts = tuple(
        (str(n), " · ".join(map(named, one["events"])), str(one["order"]), _shown(one["probability"]))
        for n, one in enumerate(likely, 1)
    )
    matters = tuple(
        (
            named(one["event"]),
            *(_shown(one[k]) for k in ("probability", "criticality", "fussell_vesely", "raw", "rrw")),
        )
        for one in told["importance"]
    )
    return (
        Section(
            say("Minimal cut sets").text(language),
            (PaperColumn("n", "12mm", "right"), PaperColumn(words("Events"), "3fr"), PaperColumn(words("Order"), "15mm", "right"), PaperColumn("P", "28mm", "right")),
            cuts,
            empty=words("No cut set is known."),
            note=say("{n} more rest on facts that are not so now", n=rest).text(language) if rest else "",
        ),
        Section(
            say("Importance").text(language),
            (PaperColumn(words("Event"), "2fr"), PaperColumn("P", "24mm", "right"), PaperColumn(words("Criticality"), "24mm", "right"), PaperColumn("F-V", "24mm", "right"), PaperColumn("RAW", "24mm", "right"), PaperColumn("RRW", "24mm", "right")),
            matters,
            empty=words("Importance needs an exact probability."),
        ),
    )  # fmt: skip


def _shown(value: float | None) -> str:
    return "—" if value is None else f"{value:.4g}"
