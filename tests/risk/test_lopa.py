"""Layers of protection against a published case, brute force, and the rules of DOMAIN 10 and 13."""

from __future__ import annotations

from itertools import chain, combinations
from math import prod
from pathlib import Path

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from anlan.model.words import Label
from anlan.risk.command import register
from anlan.risk.failures.library import failure_data
from anlan.risk.lopa.analysis import Analysis, Cause, Layer, Uses
from anlan.risk.lopa.answers import Answer, solve_analysis
from anlan.risk.lopa.credits import credit
from anlan.risk.lopa.form import LopaMistake
from anlan.risk.lopa.reading import read_analysis
from anlan.risk.studies.drafts import Written, read_draft
from anlan.risk.studies.facts import Binding, Fact
from anlan.risk.studies.kinds import kind

HEAD = "study: r101\nkind: lopa\nname: {zh: 反应器超压, en: reactor overpressure}\n"
LUND = """\
consequence: {zh: 分离器破裂, en: separator ruptures}
target: {per-year: 3.0e-5, source: company criterion E}
causes:
  first: {per-year: 0.1, source: thesis}
  second: {per-year: 1.0e-3, source: thesis}
modifiers:
  ignition: 0.3
  people: 0.7
layers:
  psv: {sort: relief, pfd: 0.08, source: thesis, uses: {final: [PSV-1, PSV-2]}}
  hipps: {sort: sif}
"""


def answer(text: str, facts: dict[str, bool | None] | None = None) -> Answer:
    draft = read_draft(Written(HEAD + text, "studies/r101.yaml"))
    model = kind("lopa").read(draft)
    told = None
    if facts is not None:
        told = {
            one.binding: Fact(facts.get(one.binding.id), 0, Label(en="so"), facts.get(one.binding.id))
            for one in kind("lopa").bindings(model)
        }
    found = kind("lopa").solve(model, told)
    assert isinstance(found, Answer)
    return found


def test_the_separator_of_lund() -> None:
    """Lund 2007 as quoted by Lassen 2008 (NTNU, ch. 3.4): 1.717e-3 a year before the SIF, target 3e-5, PFD 1.75e-2, band 1. The thesis rounds
    each cause to two figures before it sums, so 1.2 % more."""
    found = answer(LUND)
    assert found.between == pytest.approx(1.717e-3, rel=0.013)
    assert found.between == pytest.approx((0.1 + 1e-3) * 0.3 * 0.7 * 0.08, rel=1e-12)
    assert found.needed == pytest.approx(1.75e-2, rel=0.013)
    assert found.mitigated == found.between
    with_sif = answer(LUND.replace("{sort: sif}", "{sort: sif, pfd: 1.75e-2, source: thesis}"))
    assert with_sif.mitigated == pytest.approx(3.03e-5, rel=0.03)
    assert with_sif.between == found.between


BASE = """\
target: {per-year: 1.0e-5, source: criterion}
causes:
  loop: {sort: bpcs, per-year: 0.1, source: book, uses: {sensor: PT-101, logic: DCS, final: FV-101}}
  cooling: {sort: equipment, per-year: 0.1, source: book, uses: {final: P-201}, enabling: {summer: 0.5}}
layers:
  control: {sort: bpcs, pfd: 0.02, source: book, uses: {sensor: TT-101, logic: DCS-2, final: FV-102}}
  response: {sort: alarm, pfd: 0.1, minutes: 15, source: book, uses: {sensor: PT-102, logic: panel, person: 内操}}
  sif-07: {sort: sif, pfd: 1.0e-2, source: certificate, uses: {sensor: PT-103, logic: SIS, final: XV-101}, lost: {bypass: BP-07}}
  psv: {sort: relief, pfd: 0.01, source: book, uses: {final: PSV-101}, lost: [{point: PSV-101.ISOLATED, when: "== 1"}]}
"""


def why(found: Answer, layer: str, cause: int = 0) -> str:
    step = next(one for one in found.paths[cause].steps if one.id == layer)
    assert step.credit is not None
    return "" if step.credit.why is None else step.credit.why.text("en")


def test_a_control_system_is_credited_with_ten_at_most_and_not_where_it_is_the_cause() -> None:
    found = answer(BASE)
    assert why(found, "control", 0) == "the control system is the cause"
    factors = {one.id: one.factor for one in found.paths[1].steps}
    assert factors["control"] == 0.1
    assert found.paths[0].mitigated == pytest.approx(0.1 * 0.1 * 1e-2 * 0.01)
    assert found.paths[1].mitigated == pytest.approx(0.1 * 0.5 * 0.1 * 0.1 * 1e-2 * 0.01)
    assert any("credited with 10 at most, not with 50" in one.text("en") for one in found.remarks())


@pytest.mark.parametrize(
    ("old", "new", "layer", "reason"),
    [
        ("minutes: 15", "minutes: 9", "response", "9 min to respond; 10 are needed"),
        ("minutes: 15, ", "", "response", "the minutes to respond are not stated; 10 are needed"),
        ("minutes: 15", "minutes: 15, by: anlan", "response", "alarms of this program are no independent layer"),
        (
            "logic: panel, ",
            "",
            "response",
            "the control system is the cause, and which logic raises the alarm is not stated (uses: logic)",
        ),
        ("logic: panel", "logic: DCS", "response", "shares DCS with the cause"),
        ("sensor: PT-103", "sensor: PT-101", "sif-07", "shares PT-101 with the cause"),
        ("sensor: PT-102", "sensor: PT-103", "response", "shares PT-103 with sif-07, which is credited"),
        ("person: 内操", "person: 内操, final: XV-101", "response", "shares XV-101 with sif-07, which is credited"),
        ("{sort: sif, pfd: 1.0e-2", "{sort: sif, causes: cooling, pfd: 1.0e-2", "sif-07", "it does not work against this cause"),
    ],
)
def test_a_layer_without_credit_says_why(old: str, new: str, layer: str, reason: str) -> None:
    assert BASE.count(old) == 1
    found = answer(BASE.replace(old, new))
    assert why(found, layer) == reason
    assert next(one for one in found.paths[0].steps if one.id == layer).factor == 1


def test_what_nobody_has_stated_and_what_is_out_of_range_is_told() -> None:
    """Modifiers make a safety function no less often needed: four leaks a year ask it four times, whether or not they burn."""
    text = LUND.replace("per-year: 0.1", "per-year: 50").replace("{sort: sif}", "{sort: sif, pfd: 1.0e-6}")
    found = answer(text)
    assert found.asked(found.analysis.layers[1]) == pytest.approx((50 + 1e-3) * 0.08)
    remarks = [one.text("en") for one in found.remarks()]
    assert any(one.startswith("hipps — outside of the range of validity: needed 4 times a year") for one in remarks)
    assert any("needed 4 times a year" in one.text("en") for one in kind("lopa").outcome(found).limits)
    assert any(one.startswith("hipps — PFD 1e-06 is smaller than the customary 0.0001") for one in remarks)
    assert {
        "first — independence: not assessed, no elements are stated",
        "ignition — the source of its probability is not stated",
    } <= {*remarks}
    usual = answer(LUND.replace("{sort: sif}", "{sort: sif, pfd: 1.0e-2}"))
    assert not any("outside of the range" in one.text("en") for one in usual.remarks())


def test_credit_for_our_own_alarms_needs_a_name_and_stays_visible() -> None:
    found = answer(BASE.replace("minutes: 15", "minutes: 15, by: anlan, accepted: 'safety manager Li, MOC-31'"))
    assert why(found, "response") == ""
    assert any(
        "credit for alarms of this program, accepted by: safety manager Li, MOC-31" in one.text("en") for one in found.remarks()
    )


def test_a_bypass_takes_its_layer_away_and_the_factor_says_so() -> None:
    usual, lost = (
        answer(BASE, {"BP-07": False, "PSV-101.ISOLATED": False}),
        answer(BASE, {"BP-07": True, "PSV-101.ISOLATED": None}),
    )
    outcome = kind("lopa").outcome(lost)
    assert usual.mitigated == usual.baseline == lost.baseline
    assert outcome.factor == pytest.approx(100)
    assert outcome.unknown == 0.5
    assert [(one.what, one.fact.state, round(one.factor or 0)) for one in outcome.moved] == [
        ("sif-07", True, 100),
        ("psv", None, 1),
    ]
    assert outcome.moved[0].binding == Binding("bypass", "BP-07")


def test_what_was_last_known_to_be_lost_stays_lost_while_it_is_unknown() -> None:
    model = kind("lopa").read(read_draft(Written(HEAD + BASE, "r101.yaml")))
    facts = {one.binding: Fact(None, 0, Label(en="no reading"), True) for one in kind("lopa").bindings(model)}
    assert kind("lopa").outcome(kind("lopa").solve(model, facts)).factor == pytest.approx(1e4)


LAYER = st.builds(
    lambda n, pfd, uses, sort: (pfd, uses, sort),
    st.none(), st.sampled_from([0.5, 0.1, 0.05, 0.01]), st.sets(st.sampled_from("abcdx"), max_size=2), st.sampled_from(["relief", "bpcs", "other"]),
)  # fmt: skip


def of(claims: list[tuple[float, set[str], str]]) -> Analysis:
    layers = tuple(
        Layer(f"l{n}", Label(en=f"l{n}"), sort, pfd, "book", Uses(dict.fromkeys(uses, "any")))
        for n, (pfd, uses, sort) in enumerate(claims)
    )
    cause = Cause("c", Label(en="c"), "equipment", 1.0, uses=Uses({"x": "final"}))
    return Analysis(Label(), 1e-5, "", (cause,), (), layers)


def brute_force(claims: list[tuple[float, set[str], str]]) -> float:
    """The smallest product over all choices of layers that share nothing with each other or the cause, one of the control system at most."""
    able = [(max(pfd, 0.1) if sort == "bpcs" else pfd, uses, sort) for pfd, uses, sort in claims if "x" not in uses]
    found = []
    for choice in chain.from_iterable(combinations(able, size) for size in range(len(able) + 1)):
        apart = all(not a[1] & b[1] and not a[2] == b[2] == "bpcs" for a, b in combinations(choice, 2))
        found.append(prod(one[0] for one in choice) if apart else 1.0)
    return min(found)


@settings(max_examples=150, deadline=None)
@given(st.lists(LAYER, max_size=6), LAYER)
def test_credit_is_the_best_independent_choice_and_a_further_layer_never_raises_the_figure(
    claims: list[tuple[float, set[str], str]], more: tuple[float, set[str], str]
) -> None:
    found = solve_analysis(of(claims)).mitigated
    assert found == pytest.approx(brute_force(claims), rel=1e-12)
    assert solve_analysis(of([*claims, more])).mitigated <= found * (1 + 1e-12)
    analysis = of(claims)
    assert all(one.credited == (one.why is None) for one in credit(analysis, analysis.causes[0]))


def test_a_function_written_in_a_layer_gives_its_pfd() -> None:
    sif = "{sort: sif, function: {final: [{architecture: 1oo1, lambda-du: 2.0e-6, proof-test: 8760, mttr: 8}]}"
    found = answer(BASE.replace("{sort: sif, pfd: 1.0e-2", sif))
    assert next(one for one in found.paths[0].steps if one.id == "sif-07").factor == pytest.approx(2e-6 * (4380 + 8))
    assert any("sif-07 — systematic capability: not assessed" in one.text("en") for one in found.remarks())
    told = answer(
        BASE.replace("{sort: sif, pfd: 1.0e-2, source: certificate", sif.replace("mttr: 8}", "mttr: 8, source: report 7}"))
    )
    steps = kind("lopa").figure(told)["paths"][0]["steps"]
    assert next(one["source"] for one in steps if one["id"] == "sif-07") == "report 7", "its rates say where they come from"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (LUND.replace("pfd: 0.08", "pfd: 1.3"), 13, "1.3 was found; a number within 0 … 1"),
        (LUND.replace("sort: relief", "sort: relieve"), 13, "sort is relieve; one of bpcs, alarm"),
        (LUND.replace("pfd: 0.08, ", ""), 13, "pfd is missing"),
        (LUND.replace("per-year: 0.1", "per-year: often"), 7, "often was found"),
        (LUND.replace("modifiers", "modifyers"), 9, "modifyers is not known here"),
        (LUND.replace("{sort: sif}", "{sort: sif, causes: third}"), 14, "third is not known here; one of first, second"),
        (LUND.replace("per-year: 3.0e-5", "per-year: 0"), 5, "per-year is 0.0; a number above 0"),
        (LUND.replace("{sort: sif}", '{sort: sif, lost: {point: A}}'), 14, "a point needs a condition"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_line(text: str, line: int, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(HEAD + text, "utf-8")
    with pytest.raises(LopaMistake) as found:
        read_analysis(file)
    assert f"{file}:{line}: " in str(found.value)
    assert message in str(found.value)


def test_from_the_command_line_and_on_paper(tmp_path: Path) -> None:
    file = tmp_path / "r101.yaml"
    file.write_text(HEAD + LUND, "utf-8")
    app = typer.Typer()
    register(app)
    told = CliRunner().invoke(app, ["risk", "lopa", str(file)], env={"LANG": "zh_CN.UTF-8", "LC_ALL": "zh_CN.UTF-8"})
    assert told.exit_code == 0
    assert "0.001697 /a  × 0.08" not in told.output
    assert "PFDavg 0.01768" in told.output
    assert "第 1 区间" in told.output
    json = CliRunner().invoke(app, ["risk", "lopa", str(file), "--json"])
    assert '"needed_pfd":0.0176' in json.output
    paper = kind("lopa").paper(answer(LUND), "zh")
    assert [len(one.rows) for one in paper] == [5, 5, 0]
    lost = kind("lopa").paper(answer(BASE, {"BP-07": True, "PSV-101.ISOLATED": False}), "en")[0]
    assert [row[3] for row in lost.rows if row[0] == "sif-07"] == ["lost: ×100"]


def test_figures_may_come_from_the_library_with_their_source() -> None:
    text = """\
target: {per-year: 1.0e-5}
causes:
  power: {per-year: {failure-data: ac-bus operate}}
layers:
  pump: {sort: mechanical, pfd: {failure-data: motor-pump start}}
  sif: {sort: sif, function: {final: [{architecture: 1oo1, lambda-du: {failure-data: shutdown-valve undetected}, proof-test: 8760}]}}
"""
    found = answer(text)
    bus, pump, valve = (
        failure_data(*key).law.mean for key in (("ac-bus", "operate"), ("motor-pump", "start"), ("shutdown-valve", "undetected"))
    )
    assert found.mitigated == pytest.approx(bus * 8760 * pump * valve * 4380)
    assert found.analysis.causes[0].source == "ac-bus operate: INL/EXT-21-65055 p. 11 (未核对原文)"
    with pytest.raises(LopaMistake, match="no failure data of ac-bus operate; there are motor-pump start"):
        answer(text.replace("motor-pump start", "ac-bus operate"))
