"""Bayesian nets against what pyAgrum did not compute: all states one by one, decision diagrams of trees, closed forms."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from anlan.model.words import Label
from anlan.risk import ask, explain, from_tree, read_tree, solve
from anlan.risk.command import register
from anlan.risk.nets import engine as net_engine
from anlan.risk.nets import explaining
from anlan.risk.nets.engine import Answer, Engine, Evidence
from anlan.risk.nets.mistakes import NetMistake, NetQuestion
from anlan.risk.nets.model import BINARY, Gate, GateKind, Literal, Net, NetNode, Noisy, Ref, Rule, Table, refs_of
from anlan.risk.nets.yaml_form import net_of
from anlan.risk.studies.drafts import Written, read_draft
from anlan.risk.studies.facts import Fact
from anlan.risk.studies.kinds import Outcome, kind
from anlan.risk.trees.model import Connective, FaultTree
from tests.risk.test_tree_engine import brute_force, trees

State = dict[str, str]
ARALIA = Path(os.environ.get("ANLAN_SHARED_DATA", Path(__file__).parents[3] / "shared/data")) / "aralia"
PAGE = (Path(__file__).parents[2] / "docs" / "bayesian-nets.md").read_text("utf-8")
LEAK = PAGE.partition("```yaml\n")[2].partition("```")[0]
"""The example of the manual."""


def true(literal: Literal, state: State) -> bool:
    return state[literal.ref.name] in literal.states


def chance(net: Net, name: str, state: State) -> float:
    """P(the node is as in `state` | its parents), by what the rules mean."""
    node = net.nodes[name]
    match node.rule:
        case Table(parents, rows):
            row = 0
            for ref in parents:
                row = row * len(net.nodes[ref.name].states) + net.nodes[ref.name].states.index(state[ref.name])
            return rows[row][node.states.index(state[name])]
        case Gate(kind, literals, least):
            n = sum(true(one, state) for one in literals)
            yes = float(
                {GateKind.AND: n == len(literals), GateKind.OR: n > 0, GateKind.XOR: n % 2 == 1, GateKind.ATLEAST: n >= least}[
                    kind
                ]
            )
        case Noisy(kind, links, leak):
            acting = kind is GateKind.OR
            spared = (1 - leak) * math.prod(1 - p for one, p in links if true(one, state) is acting)
            yes = 1 - spared if acting else spared
        case _:
            raise AssertionError(name)
    return yes if state[name] == node.yes else 1 - yes


def every_state(net: Net) -> Iterator[tuple[State, float]]:
    """All that is possible, with its probability."""
    left, order = dict(net.nodes), list[str]()
    while left:
        ready = [name for name, node in left.items() if not any(ref.name in left for ref in refs_of(node.rule))]
        order += ready
        for name in ready:
            del left[name]

    def grown(i: int, state: State, p: float) -> Iterator[tuple[State, float]]:
        if i == len(order):
            yield dict(state), p
            return
        for value in net.nodes[order[i]].states:
            state[order[i]] = value
            here = chance(net, order[i], state)
            if here > 0:
                yield from grown(i + 1, state, p * here)
        del state[order[i]]

    yield from grown(0, {}, 1.0)


def likelihood(evidence: Evidence, state: State) -> float:
    return math.prod(
        float(state[name] == found) if isinstance(found, str) else found.get(state[name], 0.0) for name, found in evidence.items()
    )


def by_hand(net: Net, evidence: Evidence) -> tuple[float, dict[str, dict[str, float]]]:
    sums = {name: dict.fromkeys(node.states, 0.0) for name, node in net.nodes.items()}
    whole = 0.0
    for state, p in every_state(net):
        weight = p * likelihood(evidence, state)
        whole += weight
        for name, value in state.items():
            sums[name][value] += weight
    return whole, {name: {value: w / whole if whole else math.nan for value, w in each.items()} for name, each in sums.items()}


def agrees(answer: Answer, whole: float, posteriors: dict[str, dict[str, float]]) -> None:
    assert answer.chance == pytest.approx(whole, rel=1e-9)
    for name, each in posteriors.items():
        assert answer.posteriors[name] == pytest.approx(each, rel=1e-9, abs=1e-15)


@st.composite
def nets(draw: st.DrawFn) -> tuple[Net, Evidence]:
    """Up to six nodes of two or three states under each kind of rule, and findings hard and soft."""
    p = st.sampled_from([0.0, 1e-6, 0.05, 0.3, 0.5, 0.9, 1.0])
    nodes: dict[str, NetNode] = {}
    for n in range(draw(st.integers(2, 6))):
        above = draw(st.lists(st.sampled_from(sorted(nodes)), max_size=4, unique=True)) if nodes else []
        kind = draw(st.sampled_from(["table", "gate", "noisy"])) if above else "table"
        states = draw(st.sampled_from([BINARY, ("low", "middle", "high")])) if kind == "table" else BINARY
        literals = tuple(
            Literal(Ref(name), (draw(st.sampled_from(nodes[name].states)),))
            for name in [*above, *above[: draw(st.integers(0, 1))]]
        )
        rule: Rule
        if kind == "gate":
            rule = Gate(draw(st.sampled_from(GateKind)), literals, draw(st.integers(1, len(literals))))
        elif kind == "noisy":
            joins = draw(st.sampled_from([GateKind.OR, GateKind.AND]))
            rule = Noisy(joins, tuple((one, draw(p)) for one in literals), draw(p))
        else:
            above = above[:2]
            rows = []
            for _ in product(*(nodes[name].states for name in above)):
                weights = [draw(st.integers(0, 3)) for _ in states[1:]]
                rows.append(tuple(w / (1 + sum(weights)) for w in [1, *weights]))
            rule = Table(tuple(Ref(name) for name in above), tuple(rows))
        nodes[f"n{n}"] = NetNode(f"n{n}", states, rule)
    evidence: dict[str, str | dict[str, float]] = {}
    for name in draw(st.lists(st.sampled_from(sorted(nodes)), max_size=3, unique=True)):
        states = nodes[name].states
        soft = dict(zip(states, draw(st.permutations([0.2, 1.0, 0.0]))[: len(states)], strict=True))
        evidence[name] = draw(st.one_of(st.sampled_from(states), st.just(soft)))
    return Net("drawn", nodes), evidence


@settings(max_examples=60, deadline=None)
@given(nets())
def test_a_net_is_what_all_its_states_say(drawn: tuple[Net, Evidence]) -> None:
    net, evidence = drawn
    whole, posteriors = by_hand(net, evidence)
    if whole == 0:  # what cannot be is refused, and the findings that remain cannot be together
        with pytest.raises(NetQuestion, match=r"impossible|exclude each other"):
            ask(net, evidence)
        return
    agrees(ask(net, evidence), whole, posteriors)


@settings(max_examples=40, deadline=None)
@given(trees(tuple(Connective)))
def test_tree_net_and_brute_force_are_one(tree: FaultTree) -> None:
    net = from_tree(tree)
    top = net.query[0]
    expected, _ = brute_force(tree)
    assert ask(net, {}, [top]).posteriors[top]["yes"] == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert by_hand(net, {})[1][top]["yes"] == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert solve(tree).probability == pytest.approx(expected, rel=1e-9, abs=1e-15)


@pytest.mark.skipif(not ARALIA.exists(), reason="shared/data/aralia is not beside this checkout")
@pytest.mark.parametrize("name", ["chinese", "isp9603"])
def test_published_trees_as_nets(name: str) -> None:
    """The net has the diagrams' exact probability."""
    tree = read_tree(ARALIA / "xml" / f"{name}.xml")
    net = from_tree(tree)
    top, exact = net.query[0], solve(tree).probability
    assert exact is not None
    assert ask(net, {}, [top]).posteriors[top]["yes"] == pytest.approx(exact, rel=1e-9)
    of, text = kind("net"), (ARALIA / "xml" / f"{name}.xml").read_text("utf-8")
    written = Written(f"study: tree\nkind: net\nname: tree\nfile: {name}.xml\n", attached={f"{name}.xml": text})
    answer = of.solve(of.read(read_draft(written)), None)
    assert of.outcome(answer).value == pytest.approx(exact, rel=1e-9)
    figure = of.figure(answer)
    assert len(figure["nodes"]) + figure["cut"] == len(net.nodes)
    assert sum(map(len, figure["rows"])) == len(figure["nodes"]) <= 120


def test_a_net_as_written_by_hand() -> None:
    net = net_of(LEAK)
    soft: Evidence = {"alarm": "yes", "corrosion": {"none": 0.1, "slight": 0.4, "heavy": 1.0}}
    several: list[Evidence] = [{}, {"alarm": "yes"}, soft]
    for evidence in several:
        agrees(ask(net, evidence), *by_hand(net, evidence))


def test_a_gate_over_many_stays_small() -> None:
    """40 parents: one table would have 10¹² rows. The vote against the binomial, the noisy gates against their closed forms."""
    names = ", ".join(f"x{n}" for n in range(40))
    parts = "\n".join(f"  x{n}: 0.1" for n in range(40))
    links = ", ".join(f"x{n}: 0.2" for n in range(40))
    net = net_of(
        f"nodes:\n{parts}\n  vote: {{atleast: 5, of: [{names}]}}\n  any: {{noisy-or: {{{links}}}, leak: 0.01}}\n"
        f"  all: {{noisy-and: {{{links}}}, leak: 0.01}}"
    )
    answer = ask(net, {}, ["vote", "any", "all"])
    binomial = math.fsum(math.comb(40, k) * 0.1**k * 0.9 ** (40 - k) for k in range(5, 41))
    assert answer.posteriors["vote"]["yes"] == pytest.approx(binomial, rel=1e-12)
    assert answer.posteriors["any"]["yes"] == pytest.approx(1 - 0.99 * (1 - 0.1 * 0.2) ** 40, rel=1e-12)
    assert answer.posteriors["all"]["yes"] == pytest.approx(0.99 * (1 - 0.9 * 0.2) ** 40, rel=1e-12)


def test_a_repairable_unit_step_by_step() -> None:
    """A(t) = μ/(λ+μ) + λ/(λ+μ)·e^{−(λ+μ)t}, and what is seen at the end tells about the steps before."""
    net = net_of("steps: 12\nstep-hours: 24\nquery: [pump]\nnodes:\n  pump: {repairable: {rate: 0.001, repair-rate: 0.02}}\n"
                 "  worn: {once: true, chances: 0.3}\n  noise: {parents: [pump, worn], rows: {'works, no': 0, 'works, yes': 0.1, 'failed, no': 0.8, 'failed, yes': 0.9}}")  # fmt: skip
    answer = ask(net)
    for step in range(13):
        available = 0.02 / 0.021 + 0.001 / 0.021 * math.exp(-0.021 * 24 * step)
        assert answer.posteriors[f"pump@{step}"]["works"] == pytest.approx(available, rel=1e-12)
    assert answer.net.query == ("pump@12",)
    heard = ask(net, {"noise@12": "yes"}).posteriors
    assert heard["pump@11"]["failed"] > 5 * answer.posteriors["pump@11"]["failed"]
    short = net_of("steps: 3\nnodes:\n  a: {start: 0.1, parents: [a@before], rows: {no: 0.1, yes: 0.9}}\n  b: {or: [a]}")
    evidence: Evidence = {"b@1": "no", "a@3": "yes"}
    flat = Engine(short).net
    agrees(ask(short, evidence), *by_hand(flat, evidence))
    with pytest.raises(NetQuestion, match="a stands once a step; a@0 to a@3"):
        ask(short, {"a": "yes"})


def test_what_moved_what(monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of(LEAK)
    evidence: Evidence = {"alarm": "yes", "corrosion": "heavy", "power-lost": {"yes": 0.9, "no": 0.1}}
    told = explain(net, evidence, "release")
    assert told.posterior == pytest.approx(by_hand(net, evidence)[1]["release"]["yes"], rel=1e-9)
    assert told.factor == pytest.approx(told.posterior / told.prior)
    shares = [one.share for one in told.moved if one.share is not None]
    assert math.fsum(shares) == pytest.approx(told.posterior - told.prior, rel=1e-9)
    assert shares == sorted(shares, reverse=True)
    alarm = next(one for one in told.moved if one.node == "alarm")
    rest = {name: each for name, each in evidence.items() if name != "alarm"}
    assert alarm.without == pytest.approx(by_hand(net, rest)[1]["release"]["yes"], rel=1e-9)
    monkeypatch.setattr(explaining, "MOST_ASKED", 10)
    assert {one.share for one in explain(net, evidence, "release").moved} == {None}, "too many questions: only without each"
    monkeypatch.undo()
    backwards = explain(net, dict(reversed(list(evidence.items()))), "release")
    assert {one.node: one.share for one in backwards.moved} == pytest.approx({one.node: one.share for one in told.moved})


STUDY = LEAK.replace("source:", "#").replace("leak: 0.001}", 'leak: 0.001, live: {alarm: AT-203.H, else: no}}').replace(
    "power-lost: 0.005", 'power-lost: {chances: 0.005, live: {point: PI-1, when: "< 0.1", then: {yes: 0.9, no: 0.1}}}'
).replace("query:", "kind: net\nname: {zh: 泄漏, en: Leak}\nquery:")  # fmt: skip


def test_a_net_as_a_study() -> None:
    """Unknown never lowers risk: the last finding stays where it makes what is asked for more probable."""
    of = kind("net")
    model = of.read(read_draft(Written(STUDY)))
    power, alarm = (one.binding for one in of.bindings(model))

    def told(alarm_state: bool | None, last: bool | None = None) -> Outcome:
        facts = {
            alarm: Fact(alarm_state, 1, Label(en="why"), alarm_state if alarm_state is not None else last),
            power: Fact(True, 1, Label(en="why"), True),
        }
        return of.outcome(of.solve(model, facts))

    soft: Evidence = {"power-lost": {"yes": 0.9, "no": 0.1}}
    for outcome, evidence in [
        (told(True), {**soft, "alarm": "yes"}), (told(None, True), {**soft, "alarm": "yes"}), (told(None), soft),
        (told(None, False), soft), (told(False), {**soft, "alarm": "no"}),
    ]:  # fmt: skip
        assert outcome.value == pytest.approx(by_hand(model.net, evidence)[1]["release"]["yes"], rel=1e-9)
    loud = told(True)
    assert loud.moved[0].what == "alarm"
    assert loud.moved[0].factor == pytest.approx(by_hand(model.net, {"alarm": "yes"})[1]["release"]["yes"] / 0.00014193)
    assert told(None).unknown == 0.5
    figure = of.figure(of.solve(model, None))
    assert [sorted(row) for row in figure["rows"]] == [
        ["corrosion", "power-lost", "valve-fails"], ["flange-leaks", "isolated"], ["alarm", "release"],
    ]  # fmt: skip
    json.dumps(figure)

    # A fire explains the alarm away: lost from sight, it no longer may; and that there is no fire stays.
    rival = of.read(read_draft(Written(STUDY + RIVAL)))
    bound = {one.binding.id: one.binding for one in of.bindings(rival)}
    facts = {binding: Fact(True, 1, Label(), True) for binding in bound.values()}
    loud_: Evidence = {**soft, "bell": "yes"}
    for last, evidence in [(True, loud_), (False, {**loud_, "fire": "no"})]:
        facts[bound["XR-9"]] = Fact(None, 1, Label(), last)
        facts[bound["AT-203.H"]] = Fact(None, 1, Label(), None)
        outcome = of.outcome(of.solve(rival, facts))
        assert outcome.value == pytest.approx(by_hand(rival.net, evidence)[1]["release"]["yes"], rel=1e-9)
    course = of.read(read_draft(Written(PUMP)))
    bent = of.solve(course, {one.binding: Fact(True, 1, Label(en="why"), True) for one in of.bindings(course)})
    assert of.figure(bent)["nodes"]["pump"]["course"]["posterior"][0] == 1
    assert [section.title for section in of.paper(bent, "en")] == ["What moved pump@3 = failed", "Nodes"]


RIVAL = """  fire: {chances: 0.01, live: {point: XR-9, when: "== 1", else: no}}
  bell: {noisy-or: {flange-leaks: 0.9, fire: 0.9}, live: {alarm: AT-9.H}}
"""
PUMP = """
study: pump
kind: net
name: pump
steps: 3
query: [pump]
nodes:
  pump: {repairable: {rate: 0.001, repair-rate: 0.02}, start: [0.5, 0.5], live: {point: XR-1, when: "== 0"}}
"""


def test_what_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    net = net_of(LEAK)
    with pytest.raises(NetQuestion, match="release = yes, flange-leaks = no exclude each other"):
        ask(net, {"alarm": "yes", "release": "yes", "valve-fails": "no", "flange-leaks": "no"})
    refused: list[tuple[Evidence, str]] = [
        ({"allarm": "yes"}, "there is no node allarm"), ({"alarm": "loud"}, "alarm has no state loud; one of no, yes"),
        ({"alarm": {"yes": 1.3}}, "likelihood of alarm = yes is 1.3"), ({"alarm": {"yes": 0.0}}, "rules out each"),
    ]  # fmt: skip
    for evidence, message in refused:
        with pytest.raises(NetQuestion, match=message):
            ask(net, evidence)
    monkeypatch.setattr(net_engine, "MOST_CELLS", 10)
    with pytest.raises(NetQuestion, match="too entangled"):
        ask(net)


def test_a_gate_that_counts_far_costs_little_or_is_refused() -> None:
    def counting(least: int, of: list[str]) -> Net:
        events = "".join(f"  {one}: 0.1\n" for one in dict.fromkeys(of))
        return net_of(f"nodes:\n{events}  top: {{atleast: {least}, of: [{', '.join(of)}]}}\n")

    answer = ask(counting(6, [f"e{n}" for n in range(40)]), about=["top"])
    binomial = math.fsum(math.comb(40, k) * 0.1**k * 0.9 ** (40 - k) for k in range(6, 41))
    assert answer.posteriors["top"]["yes"] == pytest.approx(binomial, rel=1e-9)
    with pytest.raises(NetQuestion, match="too entangled"):
        ask(counting(900, ["a", "b"] * 460))
    of = kind("net")
    text = (
        "study: x\nkind: net\nname: x\nquery: [top]\nnodes: {a: 0.1, b: 0.1, top: {atleast: 100, of: [" + "a, b, " * 100 + "]}}\n"
    )
    with pytest.raises(NetQuestion, match="more than 1048576 numbers"):  # where alarms are told as well
        of.solve(of.read(read_draft(Written(text))), None)
    with pytest.raises(NetMistake, match="from 1 to 1000"):
        ask(counting(1001, ["a"] * 1200))


BAD = [
    ("nodes:\n  a: 1.3\n", 2, "the probability of a is 1.3"),
    ("nodes:\n  a: {or: [b]}\n  b: {or: [a]}\n", 2, "a depends on itself: a → b → a"),
    ("nodes:\n  a: 0.1\n  b: {parents: [c], rows: {no: 0, yes: 1}}\n", 3, "c is used but nowhere defined"),
    ("nodes:\n  a: 0.1\n  b:\n    parents: [a]\n    rows:\n      no: [0.5, 0.5]\n      yes: [0.5, 0.4]\n", 7, "adds up to 0.9"),
    ("nodes:\n  a: 0.1\n  b:\n    parents: [a]\n    rows:\n      no: 0.5\n", 6, "b has no row for yes"),
    ("nodes:\n  a: 0.1\n  b:\n    parents: [a]\n    rows:\n      no: 0.5\n      maybe: 0.1\n", 7, "b has a row 'maybe'"),
    ("nodes:\n  a: {states: [x, y, z], chances: [0.5, 0.5]}\n", 2, "has 2 chances; 3 were expected"),
    ("nodes:\n  a: {states: [x, y, z], chances: [0.5, 0.3, 0.2]}\n  b: {or: [a]}\n", 3, "a=state was expected"),
    ("nodes:\n  a: 0.1\n  b: {or: [a=maybe]}\n", 3, "a has no state maybe"),
    ("nodes:\n  a: 0.1\n  b: {atleast: 3, of: [a, a]}\n", 3, "within 1 … 2"),
    ("nodes:\n  a: 0.1\n  a: 0.2\n", 3, "a is given twice"),
    ("nodes:\n  a: 0.1\n  b: {nor: [a]}\n", 3, "nor is not known here"),
    ("nodes:\n  a: {and: [a@before]}\n", 2, "the net has no steps"),
    ("steps: 2\nnodes:\n  a: {and: [a@before]}\n", 3, "has no start"),
    ("nodes:\n  a: {chances: 0.1\n", 2, "the bracket { of this line is not closed"),
    ("nods: {}\n", 1, "nods is not known here"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), BAD, ids=[message[:30] for _, _, message in BAD])
def test_a_mistake_in_a_net_has_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(NetMistake) as found:
        net_of(text, "bad.yaml")
    assert str(found.value).startswith(f"bad.yaml:{line}: ")
    assert message in str(found.value)
    assert found.value.text("zh") != found.value.text("en")


def test_the_command_says_what_the_manual_prints(tmp_path: Path) -> None:
    file = tmp_path / "leak.yaml"
    file.write_text(LEAK, "utf-8")
    app = typer.Typer()
    register(app)
    line, printed = PAGE.partition("$ anlan ")[2].partition("```")[0].split("\n", 1)
    shown = CliRunner().invoke(
        app, line.replace("leak.yaml", str(file)).split(), env={"LANG": "en_GB.UTF-8", "LC_ALL": "en_GB.UTF-8"}
    )
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.splitlines()[1:] == printed.splitlines()[1:]
    told = CliRunner().invoke(app, ["risk", "net", str(file), "-e", "alarm=yes", "--explain", "--json"])
    found = json.loads(told.stdout)
    assert found["posteriors"]["release"]["yes"] == pytest.approx(0.01685833190603098)
    assert found["explanations"][0]["moved"][0]["node"] == "alarm"
