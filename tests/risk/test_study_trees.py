"""Fault and event trees as studies: what the plant tells moves the top, unknown never lowers it, mistakes are named by line."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from anlan.model.words import Label
from anlan.risk.studies.drafts import Draft, Written, read_draft
from anlan.risk.studies.facts import Binding, Fact
from anlan.risk.studies.kinds import Outcome, kind
from anlan.risk.trees.elements import parse_xml
from anlan.risk.trees.event_trees import sequences
from anlan.risk.trees.openpsa import tree_of
from anlan.risk.trees.openpsa_writing import write_openpsa
from anlan.risk.trees.yaml_form import parse_yaml
from anlan.risk.written import Mistake

TREE = """\
study: no-cooling
kind: fault-tree
name: {zh: 失去冷却, en: No cooling}
top: no-cooling
gates:
  no-cooling: {or: [no-flow, {and: [hot, relief]}]}
  no-flow: {and: [pump-a, pump-b]}
events:
  hot: {label: Too hot, is: 0.1}
  relief: 0.02
common-causes:
  pumps: {model: beta-factor, members: [pump-a, pump-b], probability: 0.01, factors: [0.1]}
houses: {standby: false}
live:
  hot: {point: TI-1, when: "> 90", then: 0.5}
  relief: {bypass: SIF-07, else: 0.001}
  pump-a: {point: P-1, when: "== 0"}
"""
EVENTS = """\
study: leak
kind: event-tree
name: 泄漏
unit: /a
watch: [large]
events: {sensor: 0.01, valve: 0.02}
event-trees:
  leak:
    starts: {hole: 0.001}
    first:
      ask: detection
      fails-by: sensor
      success: {ask: isolation, fails-by: valve, success: small, failure: large}
      failure:
        ask: weather
        paths:
          calm: {chance: 0.25, then: large}
          windy: {chance: 0.75, then: thin}
    sequences: {large: {label: Large release}}
live:
  sensor: {point: AT-1, when: bad}
"""
TI, SIF, P = "point TI-1 > 90", "bypass SIF-07", "point P-1 == 0"
P_PUMPS = 0.001 + 0.999 * 0.009**2
HOT = 0.1 * 0.02


def draft(text: str, **attached: str) -> Draft:
    return read_draft(Written(text, "studies/one.yaml", {name.replace("_", "."): each for name, each in attached.items()}))


def told(text: str, states: Mapping[str, tuple[bool | None, bool | None]] | None = None) -> Outcome:
    """The outcome for (state, last) of each binding; false where nothing is said."""
    made = draft(text)
    of = kind(made.kind)
    model = of.read(made)

    def fact(binding: Binding) -> Fact:
        state, last = (states or {}).get(str(binding), (False, False))
        return Fact(state, 0, Label(en="so"), last if state is None else state)

    facts = {one.binding: fact(one.binding) for one in of.bindings(model)} if states is not None else None
    return of.outcome(of.solve(model, facts))


def either(*p: float) -> float:
    none = 1.0
    for one in p:
        none *= 1 - one
    return 1 - none


def test_the_top_event_moves_with_the_plant() -> None:
    base = either(P_PUMPS, HOT)
    assert told(TREE).value == pytest.approx(base, rel=1e-12)
    calm = told(TREE, {})
    assert calm.value == pytest.approx(either(P_PUMPS, 0.1 * 0.001), rel=1e-12), "known not bypassed is less than the tree's own"
    hot = told(TREE, {TI: (True, None)})
    assert hot.value == pytest.approx(either(P_PUMPS, 0.5 * 0.001), rel=1e-12)
    pump = told(TREE, {P: (True, None), SIF: (True, None)})
    alone = either(0.1, 1 - (1 - 0.001) * (1 - 0.009))
    assert pump.value == pytest.approx(alone, rel=1e-12)
    assert pump.factor == pytest.approx(alone / base)
    assert [one.what for one in pump.moved] == ["relief", "pump-a", "hot"]
    assert pump.moved[0].factor == pytest.approx(either(P_PUMPS, 0.1) / base)


def test_unknown_never_lowers() -> None:
    never = told(TREE, {SIF: (None, None), TI: (None, None)})
    assert never.value == pytest.approx(either(P_PUMPS, HOT), rel=1e-12), "never known: the tree's own"
    assert never.unknown == pytest.approx(2 / 3)
    assert told(TREE, {SIF: (None, True)}).value == told(TREE, {SIF: (True, None)}).value, "last known adverse: stays so"
    assert told(TREE, {SIF: (None, False)}).value == never.value, "last known good: no longer counts as good"


def test_sequences_follow_facts_and_the_yaml_form_means_the_same_as_xml() -> None:
    small, large, thin = 0.99 * 0.98, 0.99 * 0.02 + 0.01 * 0.25, 0.01 * 0.75
    tree = tree_of([parse_yaml(EVENTS.split("watch: [large]\n")[1].split("live:", maxsplit=1)[0].encode(), "e.yaml")])
    for one in (tree, tree_of([parse_xml(write_openpsa(tree).encode(), "e.xml")])):
        found = {each.sequence: each.probability for each in sequences(one)}
        assert found == pytest.approx({"small": small * 1e-3, "large": large * 1e-3, "thin": thin * 1e-3}, rel=1e-12)
    assert told(EVENTS).value == pytest.approx(large * 1e-3, rel=1e-12)
    blind = told(EVENTS, {"point AT-1 bad": (True, None)})
    assert blind.value == pytest.approx(0.25e-3, rel=1e-12)
    assert blind.factor == pytest.approx(0.25 / large)
    assert blind.unit == "/a"


def test_a_tree_in_a_file_beside_the_study() -> None:
    text = TREE.split("top:", maxsplit=1)[0] + "file: tree.xml\nlive: {hot: {alarm: TI-1.H}}\n"
    xml = write_openpsa(
        tree_of([parse_yaml(TREE.split("Cooling}\n".replace("C", "c"))[1].split("live:", maxsplit=1)[0].encode(), "t.yaml")])
    )
    of = kind("fault-tree")
    model = of.read(draft(text, tree_xml=xml))
    assert of.outcome(of.solve(model, None)).value == pytest.approx(either(P_PUMPS, HOT), rel=1e-12)
    with pytest.raises(Mistake, match=r"studies/tree\.xml:1: "):
        of.read(draft(text, tree_xml="<opsa-mef><define-fault-tree/></opsa-mef>"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (TREE.replace("  relief: {bypass", "  relif: {bypass"), "one.yaml:16: relif is no event of this tree"),
        (TREE.replace("then: 0.5", "then: 0.05"), "one.yaml:15: `then` of hot is 0.05, less than its probability 0.1"),
        (TREE.replace("then: 0.5", "than: 0.5"), "one.yaml:15: than is not known here"),
        (TREE.replace('"> 90"', "hot"), "one.yaml:15: hot is no condition"),
        (TREE.replace("relief: 0.02", "relief: 1.3"), "one.yaml:10: the probability of relief is 1.3"),
        (TREE.replace("[hot, relief]", "[hot, no-cooling]"), "one.yaml:6: no-cooling depends on itself"),
        (EVENTS.replace("watch: [large]", "watch: [huge]"), "one.yaml:5: huge is no sequence of this model"),
        (EVENTS.replace("failure: large}", "later: large}"), "one.yaml:13: later was found"),
        (EVENTS.replace("fails-by: sensor", "fails-by: senser"), "one.yaml:12: senser is used but nowhere defined"),
        (EVENTS.replace("sequences: {large:", "sequences: {larg:"), "one.yaml:19: no path of event tree leak ends in larg"),
    ],
)
def test_a_mistake_is_named_by_its_line(text: str, found: str) -> None:
    made = draft(text)
    with pytest.raises(Mistake) as caught:
        kind(made.kind).read(made)
    assert found in str(caught.value)


def test_what_the_page_draws() -> None:
    of = kind("fault-tree")
    made = draft(TREE)
    model = of.read(made)
    figure = of.figure(of.solve(model, {one.binding: Fact(None, 0, Label(en="away"), None) for one in of.bindings(model)}))
    assert figure["nodes"]["no-cooling"]["of"] == ["no-flow", {"kind": "and", "least": 0, "of": ["hot", "relief"]}]
    assert figure["nodes"]["pump-a"]["group"] == "pumps"
    assert figure["nodes"]["hot"]["live"]["why"]["en"] == "away"
    assert [one["events"] for one in figure["cut_sets"]][:2] == [("hot", "relief"), ("[pump-a pump-b]",)]
    assert figure["importance"][0]["event"] in {"hot", "relief"}
