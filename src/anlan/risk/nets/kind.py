"""Bayesian nets as studies: nodes that the plant itself tells, and what follows for the node that is asked for.

study: chlorine-leak
kind: net
name: {zh: 氯气泄漏判断, en: Is it chlorine?}
query: [release]
nodes:
  alarm: {noisy-or: {release: 0.95}, leak: 0.001, live: {alarm: AT-203.H, else: no}}
…                                   # as `anlan risk net` reads it; or `file: tree.xml`, a fault tree as a net

Of a fact that is unknown now the last finding stays where it makes what is asked for more probable: unknown never lowers risk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.risk.nets.engine import METHOD, Answer, Engine, ask_engine
from anlan.risk.nets.explaining import Explanation, explain
from anlan.risk.nets.from_trees import from_tree
from anlan.risk.nets.layers import layers
from anlan.risk.nets.mistakes import NetMistake, NetQuestion
from anlan.risk.nets.model import Finding, Gate, GateKind, LiveFinding, Net, NetNode, Noisy, Repairable, Table, refs_of
from anlan.risk.nets.yaml_form import MOST_NODES, NetReading
from anlan.risk.studies.drafts import Draft
from anlan.risk.studies.facts import Binding, Bound, Fact
from anlan.risk.studies.kinds import Moved, Outcome
from anlan.risk.trees.elements import parse_xml
from anlan.risk.trees.openpsa import tree_of
from anlan.risk.wording import say
from anlan.web.paper.document import Column, Section

MOST_DRAWN = 120


MOST_CELLS = 1 << 20
"""pyAgrum keeps the interpreter to itself while it computes, a fifth of a second for so many numbers; the same process tells people their alarms."""


@dataclass(slots=True)
class NetModel:
    """`asked`: the node that the study is about."""

    net: Net
    asked: str
    engine: Engine | None = None
    """Compiled when first asked, and kept."""

    def compiled(self) -> Engine:
        if self.engine is None:
            self.engine = Engine(self.net, MOST_CELLS)
        return self.engine


@dataclass(frozen=True, slots=True)
class NetAnswer:
    """`evidence`: what the plant's facts say, by the names of the unrolled net. `asked`: so, too."""

    model: NetModel
    facts: Mapping[Binding, Fact] | None
    answer: Answer
    asked: str
    explanation: Explanation


class Nets:
    """The kind `net`."""

    name = "net"
    title = Label(zh="贝叶斯网络", en="Bayesian net")

    def read(self, draft: Draft) -> NetModel:
        if draft.file:
            for name, node in draft.body.items():
                raise draft.nodes.unknown(name, node, "file")
            folder = draft.nodes.file.rpartition("/")[0]
            root = parse_xml(draft.attached[draft.file].encode(), f"{folder}/{draft.file}".lstrip("/"))
            net = replace(from_tree(tree_of([root])), label=draft.name)
            if len(net.nodes) > MOST_NODES:
                raise NetMistake("the net has {found} nodes; at most {most} were expected", draft.place_at, found=len(net.nodes), most=MOST_NODES)  # fmt: skip
        else:
            net = NetReading(draft.nodes.file).net(draft.body, draft.place_at, draft.id, draft.name)
        if not net.query:
            raise NetMistake("{part} is missing", draft.place_at, part="query")
        return NetModel(net, net.query[0])

    def bindings(self, model: NetModel) -> Sequence[Bound]:
        return [one.bound for one in model.net.live]

    def solve(self, model: NetModel, facts: Mapping[Binding, Fact] | None) -> NetAnswer:
        """Raises NetQuestion where findings exclude each other."""
        engine = model.compiled()
        evidence = {} if facts is None else findings(engine, model.net, facts)
        asked = engine.net.query[0]
        return NetAnswer(model, facts, ask_engine(engine, evidence), asked, explain(engine, evidence, asked))

    def outcome(self, answer: NetAnswer) -> Outcome:
        told, net = answer.explanation, answer.model.net
        facts = answer.facts or {}
        return Outcome(
            value=told.posterior,
            baseline=told.prior,
            unknown=sum(not one.known for one in facts.values()) / len(facts) if facts else 0.0,
            moved=_moved(answer),
            model=say("Bayesian net {name}: {method}", name=net.name, method=say(METHOD, version=answer.answer.version)),
            limits=limits_of(net),
            more={"asked": {"node": told.node, "state": told.state}, "chance_of_evidence": answer.answer.chance},
        )

    def figure(self, answer: NetAnswer) -> dict[str, Any]:
        return figure_of(answer.model.net, answer.answer, [answer.explanation], answer.facts)

    def paper(self, answer: NetAnswer, language: Language) -> tuple[Section, ...]:
        return sections(answer, language)


def findings(engine: Engine, net: Net, facts: Mapping[Binding, Fact]) -> dict[str, Finding]:
    """What the facts say of the nodes, by the unrolled net's names. Raises NetQuestion where what is known excludes itself.

    Of a fact that is unknown now the last finding is kept where it makes what is asked for more probable, and dropped where it makes it less.
    """
    found = _said(net, {binding: fact.state for binding, fact in facts.items()})
    last = _said(net, {binding: None if fact.known else fact.last for binding, fact in facts.items()})
    asked = engine.net.query[0]
    state = engine.net.nodes[asked].yes
    for name, finding in last.items():
        if name in found:
            continue
        try:
            kept = engine.posteriors({**found, name: finding}, [asked])[asked][state]
        except NetQuestion:
            continue  # it cannot have lasted: what is known excludes it
        if kept >= engine.posteriors(found, [asked])[asked][state]:
            found[name] = finding
    return found


def _said(net: Net, states: Mapping[Binding, bool | None]) -> dict[str, Finding]:
    """Of several facts about one node the first that is true counts, else the first that is false."""
    found: dict[str, Finding] = {}
    for wanted in (True, False):
        for one in net.live:
            said = one.then if wanted else one.otherwise
            if states[one.bound.binding] is wanted and said is not None:
                found.setdefault(_at_start(net, one), said)
    return found


def _at_start(net: Net, one: LiveFinding) -> str:
    return f"{one.node}@0" if net.steps and not net.nodes[one.node].once else one.node


def limits_of(net: Net) -> tuple[Label, ...]:
    found = [say("Given its parents a node depends on nothing else that comes before it; what is not in the net moves nothing.")]
    if net.source:
        found.append(say("Source: {source}", source=net.source))
    found.append(say("Valid for: {validity}", validity=net.validity) if net.validity else say("No range of validity is stated."))
    return tuple(found)


def _moved(answer: NetAnswer) -> tuple[Moved, ...]:
    """Each live finding, what moves the answer most first; its factor is that of the finding alone against the baseline."""
    if answer.facts is None:
        return ()
    told, net = answer.explanation, answer.model.net
    by_node = {one.node: one for one in told.moved}
    found = []
    for live in net.live:
        fact = answer.facts[live.bound.binding]
        moved = by_node.get(_at_start(net, live))
        said = live.then if fact.adverse else live.otherwise
        mine = moved is not None and moved.finding == said
        factor = moved.alone / told.prior if mine and moved is not None and told.prior else 1.0 if told.prior else None
        found.append(Moved(live.node, net.nodes[live.node].label, live.bound.binding, fact, factor))
    return tuple(sorted(found, key=lambda one: -abs((one.factor or 0.0) - 1)))


# ---- telling


def figure_of(
    net: Net, answer: Answer, explanations: Sequence[Explanation], facts: Mapping[Binding, Fact] | None = None
) -> dict[str, Any]:
    """Nodes with their states before and after the evidence, in rows; of a dynamic net each node's course over the steps."""
    drawn = _drawn(net)
    above = {name: [ref.name for ref in refs_of(net.nodes[name].rule) if not ref.before and ref.name != name] for name in drawn}
    return {
        "rows": layers({name: [each for each in parents if each in above] for name, parents in above.items()}),
        "nodes": {name: _node(net, net.nodes[name], answer, facts) for name in drawn},
        "cut": len(net.nodes) - len(drawn),
        "query": list(net.query),
        "steps": net.steps,
        "step_hours": net.step_hours if net.steps else None,
        "chance_of_evidence": answer.chance,
        "evidence": {name: one if isinstance(one, str) else dict(one) for name, one in answer.evidence.items()},
        "explanations": [one.as_json() for one in explanations],
        "method": say(METHOD, version=answer.version).model_dump(),
        "seconds": round(answer.seconds, 4),
        "source": net.source or None,
        "validity": net.validity or None,
    }


def _drawn(net: Net) -> list[str]:
    """All nodes, or those nearest to what is asked for: of a net that was a large tree nobody could see more."""
    if len(net.nodes) <= MOST_DRAWN:
        return list(net.nodes)
    near: dict[str, list[str]] = {name: [] for name in net.nodes}
    for name, node in net.nodes.items():
        for ref in refs_of(node.rule):
            near[name].append(ref.name)
            near[ref.name].append(name)
    found = dict.fromkeys(net.query)
    waiting = list(found)
    while waiting and len(found) < MOST_DRAWN:
        for name in near[waiting.pop(0)]:
            if name not in found and len(found) < MOST_DRAWN:
                found[name] = None
                waiting.append(name)
    return [name for name in net.nodes if name in found]


def _node(net: Net, node: NetNode, answer: Answer, facts: Mapping[Binding, Fact] | None) -> dict[str, Any]:
    names = [node.name] if not net.steps or node.once else [f"{node.name}@{step}" for step in range(net.steps + 1)]
    found: dict[str, Any] = {
        "label": node.label.model_dump(),
        "line": node.place.line,
        "states": list(node.states),
        "yes": node.yes,
        "rule": _rule(node),
        "parents": [{"node": ref.name, "before": ref.before} for ref in refs_of(node.rule)],
        "names": names,
        "prior": dict(answer.priors[names[-1]]),
        "posterior": dict(answer.posteriors[names[-1]]),
    }
    if len(names) > 1:
        found["course"] = {
            "prior": [answer.priors[name][node.yes] for name in names],
            "posterior": [answer.posteriors[name][node.yes] for name in names],
        }
    live = [one for one in net.live if one.node == node.name]
    if live:
        found["live"] = [
            {"binding": str(one.bound.binding), **(_fact(facts[one.bound.binding]) if facts is not None else {})} for one in live
        ]
    return found


def _fact(fact: Fact) -> dict[str, Any]:
    return {"state": fact.state, "adverse": fact.adverse, "since": fact.since or None, "why": fact.why.model_dump()}


def _rule(node: NetNode) -> str:
    """In the words of the form."""
    match node.rule:
        case Table((), _):
            return "chances"
        case Table():
            return "rows"
        case Gate(GateKind.ATLEAST, literals, least):
            return f"{least}/{len(literals)}"
        case Gate(kind):
            return kind.value
        case Noisy(kind):
            return f"noisy-{kind.value}"
        case Repairable():
            return "repairable"


def sections(answer: NetAnswer, language: Language) -> tuple[Section, ...]:
    """For paper: every node before and after, and what moved the one that is asked for."""

    def words(msgid: str, **facts: object) -> str:
        return say(msgid, **facts).text(language)

    told, net, found = answer.explanation, answer.model.net, answer.answer
    nodes = tuple(
        (f"{net.nodes[name].label.text(language) or name}", state, f"{found.priors[full][state]:.4g}", f"{value:.4g}")
        for name in net.nodes
        for full in [next(each for each in (f"{name}@{net.steps}", name) if each in found.posteriors)]
        for state, value in found.posteriors[full].items()
    )
    moved = tuple((one.words, f"{one.without:.4g}", "—" if one.factor is None else f"×{one.factor:.3g}", "—" if one.share is None else f"{one.share:+.3g}")
                  for one in told.moved)  # fmt: skip
    return (
        Section(
            words("What moved {node} = {state}", node=told.node, state=told.state),
            (Column(words("Finding"), "2fr"), Column(words("Without it"), "30mm", "right"), Column(words("Factor"), "24mm", "right"),
             Column(words("Share"), "24mm", "right")),
            moved,
            empty=words("Nothing is found now."),
        ),
        Section(
            words("Nodes"),
            (Column(words("Node"), "2fr"), Column(words("State"), "1fr"), Column(words("Baseline"), "28mm", "right"), Column(words("Now"), "28mm", "right")),
            nodes,
        ),
    )  # fmt: skip
