"""Bow-ties against what the diagram did not compute: all states one by one, a published event tree, and what can only go one way."""

from __future__ import annotations

import json
import math
import os
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from anlan.model.words import Label
from anlan.risk import read_tree
from anlan.risk.bowties.health import Health
from anlan.risk.bowties.mistakes import BowTieMistake
from anlan.risk.bowties.model import Barrier, BarrierSort, BowTie, Condition, Consequence, Escalation, Threat
from anlan.risk.bowties.solving import TOP, BowTieAnswer, Prepared
from anlan.risk.bowties.yaml_form import bow_tie_of, read_bow_tie
from anlan.risk.command import register
from anlan.risk.studies.drafts import Written, read_draft
from anlan.risk.studies.facts import Binding, Fact
from anlan.risk.studies.kinds import kind
from anlan.risk.trees.event_trees import sequences
from anlan.risk.trees.model import FaultTree

EXTRA = Path(os.environ.get("ANLAN_SHARED_DATA", Path(__file__).parents[3] / "shared/data")) / "aralia/openpsa_extra"
PAGE = (Path(__file__).parents[2] / "docs" / "bow-ties.md").read_text("utf-8")
CHLORINE = PAGE.partition("```yaml\n")[2].partition("```")[0]
"""The example of the manual."""
NO_TREE = FaultTree("none", {}, {})


def fails(tie: BowTie, name: str, state: dict[str, bool]) -> bool:
    factors = [tie.escalation[each] for each in tie.barriers[name].escalation]
    return state[name] or any(state[one.name] and all(fails(tie, guard, state) for guard in one.barriers) for one in factors)


def by_hand(tie: BowTie) -> dict[str, float]:
    """Every state of everything that can fail or be, one by one."""
    chances = {one.name: one.pfd or 0.0 for one in tie.barriers.values()}
    chances |= {one.name: one.chance for one in tie.escalation.values()} | {
        one.name: one.chance for one in tie.conditions.values()
    }
    sums = dict.fromkeys((TOP, *tie.consequences), 0.0)
    for values in product([False, True], repeat=len(chances)):
        state = dict(zip(chances, values, strict=True))
        p = math.prod(chances[name] if on else 1 - chances[name] for name, on in state.items())
        if not p:
            continue
        for threat in tie.threats.values():
            if all(fails(tie, name, state) for name in threat.barriers):
                sums[TOP] += threat.frequency * p
                for end in tie.consequences.values():
                    follows = all(fails(tie, name, state) for name in end.barriers) and not any(
                        fails(tie, name, state) for name in end.works
                    )
                    if follows and all(state[name] for name in end.given) and not any(state[name] for name in end.unless):
                        sums[end.name] += threat.frequency * p
    return sums


@st.composite
def bow_ties(draw: st.DrawFn, coherent: bool = False) -> BowTie:
    """Up to five barriers shared freely among threats, consequences and escalation factors."""
    p = st.sampled_from([0.0, 1e-6, 0.01, 0.3, 1.0])
    names = [f"b{n}" for n in range(draw(st.integers(1, 5)))]

    def some(of: list[str]) -> tuple[str, ...]:
        return tuple(draw(st.lists(st.sampled_from(of), max_size=3, unique=True))) if of else ()

    escalation, barriers = {}, {}
    for n, name in enumerate(names):
        factors = []
        if draw(st.booleans()):
            factor = Escalation(f"x{n}", draw(p), some(names[:n]))
            escalation[factor.name] = factor
            factors = [factor.name]
        barriers[name] = Barrier(name, BarrierSort.ACTIVE, draw(p), escalation=tuple(factors))
    conditions = {"c": Condition("c", draw(p))}
    threats = {
        f"t{n}": Threat(f"t{n}", draw(st.sampled_from([1e-4, 0.1, 2.0])), some(names)) for n in range(draw(st.integers(1, 3)))
    }
    ends = {}
    for n in range(draw(st.integers(1, 3))):
        failed = some(names)
        works = () if coherent else tuple(name for name in some(names) if name not in failed)
        given_, unless = draw(st.sampled_from([((), ()), (("c",), ()), *([] if coherent else [((), ("c",))])]))
        ends[f"e{n}"] = Consequence(f"e{n}", draw(st.integers(1, 5)), failed, works, given_, unless)
    return BowTie("drawn", Label(), Label(), Label(), threats, barriers, ends, NO_TREE, escalation, conditions)


@settings(max_examples=60, deadline=None)
@given(bow_ties())
def test_a_bow_tie_is_what_all_its_states_say(tie: BowTie) -> None:
    assert Prepared(tie).solve().baseline == pytest.approx(by_hand(tie), rel=1e-9, abs=1e-15)


@settings(max_examples=40, deadline=None)
@given(bow_ties(coherent=True), st.data())
def test_a_barrier_more_never_raises_a_frequency(tie: BowTie, data: st.DataObject) -> None:
    before = Prepared(tie).solve().baseline
    barriers = {**tie.barriers, "new": Barrier("new", BarrierSort.PASSIVE, data.draw(st.sampled_from([0.0, 0.1, 1.0])))}
    added = data.draw(st.sampled_from([*tie.barriers, "new"]))
    threats, ends = dict(tie.threats), dict(tie.consequences)
    where = data.draw(st.sampled_from([*threats, *ends]))
    several: dict[str, Any] = threats if where in threats else ends
    several[where] = replace(several[where], barriers=tuple(dict.fromkeys((*several[where].barriers, added))))
    after = Prepared(replace(tie, barriers=barriers, threats=threats, consequences=ends)).solve().baseline
    assert before is not None
    assert after is not None
    assert all(after[end] <= before[end] * (1 + 1e-12) for end in before)


@pytest.mark.skipif(not EXTRA.exists(), reason="shared/data/aralia is not beside this checkout")
def test_the_published_gas_leak(tmp_path: Path) -> None:
    """Andrews and Dunnett 2000: three valves whose trees share what fails them. The bow-tie is the event tree, sequence by sequence."""
    source = EXTRA / "scram_gas_leak_reactive.xml"
    (tmp_path / "leak.xml").write_text(source.read_text("utf-8"), "utf-8")
    valves = {"a": "Isolation-valve-A.root", "b": "Isolation-valve-B.root", "c": "Blowdown-valve.root"}
    barriers = "\n".join(f"  {name}: {{kind: active, gate: {gate}}}" for name, gate in valves.items())
    ends = []
    for n, failed in enumerate(product([False, True], repeat=3), 1):
        broken = ", ".join(name for name, bad in zip(valves, failed, strict=True) if bad)
        whole = ", ".join(name for name, bad in zip(valves, failed, strict=True) if not bad)
        ends.append(f"  S{n}: {{severity: 3, barriers: [{broken}], works: [{whole}]}}")
    file = tmp_path / "leak.yaml"
    file.write_text(
        f"file: leak.xml\ntop-event: leak\nbarriers:\n{barriers}\nthreats:\n  leak: {{frequency: 1}}\nconsequences:\n"
        + "\n".join(ends),
        "utf-8",
    )
    found = Prepared(read_bow_tie(file)).solve().baseline
    assert found is not None
    published = [0.81044, 0.04479, 0.04265, 0.00236, 0.04265, 0.00236, 0.0045, 0.05025]
    assert [found[f"S{n}"] for n in range(1, 9)] == pytest.approx(published, abs=1e-5)
    for one in sequences(read_tree(source)):
        assert found[one.sequence] == pytest.approx(one.probability, rel=1e-12)


def facts_of(model: Prepared, **states: bool | None) -> dict[Binding, Fact]:
    """By id of point, alarm or bypass; what is not named is known and not adverse."""
    found = {}
    for bound in model.bounds():
        state = states.get(bound.binding.id.replace("-", "_").replace(".", "_"), False)
        found[bound.binding] = Fact(state, 1, Label(zh="因", en="why"), state)
    return found


def chlorine() -> Prepared:
    return Prepared(bow_tie_of(CHLORINE))


def ratio(answer: BowTieAnswer, name: str) -> float:
    factor = answer.factor(name)
    assert factor is not None
    return factor


def test_a_bow_tie_with_a_tree_and_an_escalation() -> None:
    found = chlorine().solve().baseline
    relief = 1 - (1 - 0.01) * (1 - 0.05 * 0.2)
    blind = 3 * 0.02**2 * 0.98 + 0.02**3
    top = 1e-3 * 0.1 + 0.1 * relief
    assert chlorine().solve().fails["relief"] == pytest.approx((relief, relief))
    assert found == pytest.approx({TOP: top, "cloud": top * blind * 0.1 * 0.3, "seen-in-time": top * (1 - blind)}, rel=1e-12)


def test_what_the_plant_tells_moves_it() -> None:
    model = chlorine()
    same = model.solve(facts_of(model))
    assert same.now == same.baseline
    assert {name: one.shown for name, one in same.health.items()} == {
        "inspection": Health.UNWATCHED, "relief": Health.UNWATCHED, "tracing": Health.UNWATCHED,
        "detection": Health.EFFECTIVE, "scrubber": Health.EFFECTIVE,
    }  # fmt: skip
    one_lost = model.solve(facts_of(model, BP_202=True))
    assert one_lost.health["detection"].counted is Health.DEGRADED
    blind = 3 * 0.02**2 * 0.98 + 0.02**3
    assert ratio(one_lost, "cloud") == pytest.approx((1 - (1 - 0.05) * (1 - blind)) / blind)
    assert ratio(one_lost, TOP) == 1
    assert one_lost.fails["detection"] == pytest.approx((blind, 1 - (1 - 0.05) * (1 - blind)))
    both = model.solve(facts_of(model, AT_201=True, AT_202=True, XR_203P=True, PI_201_H=True))
    assert both.health["detection"].counted is both.health["scrubber"].counted is Health.FAILED
    alone = {(one.part, one.name): one.factors["cloud"] for one in both.changes}
    assert alone[("barrier", "detection")] == pytest.approx(1 / blind)
    assert alone[("barrier", "scrubber")] == pytest.approx(10)
    assert ratio(both, "cloud") == pytest.approx(math.prod(value for value in alone.values() if value is not None))
    assert both.now is not None
    assert sum(p for (_, end), p in both.paths.items() if end == TOP) == pytest.approx(both.now[TOP])


def test_losing_sight_of_a_barrier_never_makes_it_better() -> None:
    model = chlorine()
    facts = facts_of(model, AT_201=True, AT_202=True, XR_203P=None)
    seen = model.solve(facts)
    blind = {binding: Fact(None, 1, fact.why, fact.state) for binding, fact in facts.items()}
    unseen = model.solve(blind)
    assert unseen.now == seen.now
    assert unseen.health["detection"].counted is Health.FAILED
    assert unseen.health["detection"].unknown == 3
    assert seen.health["scrubber"].shown is Health.UNKNOWN
    assert seen.health["scrubber"].counted is Health.EFFECTIVE


def test_a_bow_tie_as_a_study() -> None:
    of = kind("bow-tie")
    model = of.read(read_draft(Written(CHLORINE)))
    assert {str(one.binding) for one in of.bindings(model)} == {
        "point AT-201 bad", "point AT-202 bad", "bypass BP-202", "point AT-203 bad", "point XR-203P == 0", "alarm PI-201.H",
    }  # fmt: skip
    answer = of.solve(model, facts_of(model, XR_203P=True, BP_202=None))
    told = of.outcome(answer)
    assert told.unit == "/a"
    assert told.factor == pytest.approx(10)
    assert told.unknown == pytest.approx(1 / 6)
    assert told.moved[0].what == "scrubber"
    assert told.moved[0].factor == pytest.approx(10)
    figure = of.figure(answer)
    assert figure["barriers"]["scrubber"]["health"] == "failed"
    assert figure["barriers"]["detection"]["health"] == "unknown"
    assert figure["changes"][0]["factors"]["cloud"] == pytest.approx(10)
    json.dumps(figure)
    assert [section.title for section in of.paper(answer, "zh")] == ["后果", "威胁", "屏障"]


def test_paths_that_cannot_fail_at_all() -> None:
    tie = bow_tie_of("top-event: x\nthreats: {t: {frequency: 0.5}}\nconsequences: {c: {severity: 1}}")
    assert Prepared(tie).solve().baseline == {TOP: 0.5, "c": 0.5}


HEAD = "top-event: x\nthreats: {t: {frequency: 1}}\nconsequences: {c: {severity: 1}}\n"
BAD = [
    (HEAD + "barriers:\n  b: {kind: active, pfd: 1.3}\n", 5, "the probability of b is 1.3"),
    (HEAD + "barriers:\n  b: {kind: magic, pfd: 0.3}\n", 5, "the kind of b is magic"),
    (HEAD + "barriers:\n  b: {kind: active}\n", 5, "b has –; one of pfd, effectiveness, gate"),
    (HEAD + "barriers:\n  b: {kind: active, gate: g}\n", 5, "there is no gate g"),
    (HEAD + "barriers:\n  b: {kind: active, pfd: 0.1, escalation: [f]}\n", 5, "f is used but nowhere defined"),
    (HEAD + "barriers:\n  b: {kind: active, pfd: 0.1, escalation: [f]}\nescalation:\n  f: {chance: 0.1, barriers: [b]}\n", 5, "b depends on itself"),
    (HEAD + "barriers:\n  b: {kind: active, pfd: 0.1, health: {needs: 1, of: [{bypass: A}, {bypass: B}]}}\n", 5, "degraded-pfd is missing"),
    (HEAD + "barriers:\n  b: {kind: active, pfd: 0.1, health: {point: A}}\n", 5, "a point needs a condition"),
    ("top-event: x\nthreats: {t: {frequency: 1, barriers: [b]}}\nconsequences: {c: {severity: 1}}\n", 2, "b is used but nowhere defined"),
    ("top-event: x\nthreats: {t: {frequency: -1}}\nconsequences: {c: {severity: 1}}\n", 2, "-1 was found"),
    ("top-event: x\nthreats: {t: {frequency: 1}}\nconsequences: {c: {severity: 9}}\n", 3, "9 was found"),
    ("threats: {t: {frequency: 1}}\nconsequences: {c: {severity: 9}}\n", 1, "top-event is missing"),
    (HEAD + "barrier: {}\n", 4, "barrier is not known here"),
    (HEAD + "file: ../../etc/passwd\n", 4, "../../etc/passwd is no name of a file beside the study"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), BAD, ids=[message[:30] for _, _, message in BAD])
def test_a_mistake_in_a_bow_tie_has_its_line(text: str, line: int, message: str) -> None:
    with pytest.raises(BowTieMistake) as found:
        bow_tie_of(text, "bad.yaml")
    assert str(found.value).startswith(f"bad.yaml:{line}: ")
    assert message in str(found.value)
    assert found.value.text("zh") != found.value.text("en")


def test_the_command_says_what_the_manual_prints(tmp_path: Path) -> None:
    file = tmp_path / "chlorine.yaml"
    file.write_text(CHLORINE, "utf-8")
    app = typer.Typer()
    register(app)
    printed = PAGE.partition("$ anlan ")[2].partition("```")[0].splitlines()[1:]
    shown = CliRunner().invoke(app, ["risk", "bowtie", str(file)], env={"LANG": "en_GB.UTF-8", "LC_ALL": "en_GB.UTF-8"})
    assert shown.exit_code == 0, shown.output
    assert [line for line in shown.stdout.splitlines() if "method" not in line] == [
        line for line in printed if "method" not in line
    ]
    assert '"cloud":' in CliRunner().invoke(app, ["risk", "bowtie", str(file), "--json"]).stdout


def test_a_tree_beside_it_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / "tree.xml").write_bytes(b"\xe4\x00")
    (tmp_path / "tie.yaml").write_text(HEAD + "file: tree.xml\n", "utf-8")
    with pytest.raises(BowTieMistake, match=r"tree\.xml: this is not text in UTF-8"):
        read_bow_tie(tmp_path / "tie.yaml")
