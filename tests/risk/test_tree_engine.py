"""The tree engine against what it did not compute itself: brute force, closed forms, and published figures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.risk import BasicEvent, Connective, FaultTree, Formula, Gate, Limits, Named, importance, over_time, read_tree, solve
from anlan.risk.trees.checks import check
from anlan.risk.trees.event_trees import sequences
from anlan.risk.trees.expressions import Number, repaired_after_tests
from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.trees.model import Constant, Logic, names_in
from anlan.risk.trees.openpsa import tree_of
from anlan.risk.trees.openpsa_writing import write_openpsa
from anlan.risk.trees.solving import Solution
from anlan.risk.trees.yaml_form import parse_yaml

EVENTS = tuple("abcdef")
JOINING = (Connective.AND, Connective.OR, Connective.ATLEAST)


def a_tree(formulas: list[Logic], chances: list[float]) -> FaultTree:
    gates = {f"g{n}": Gate(f"g{n}", formula) for n, formula in enumerate(formulas)}
    events = {name: BasicEvent(name, Number(p)) for name, p in zip(EVENTS, chances, strict=True)}
    return FaultTree("drawn", gates, events, top=f"g{len(formulas) - 1}")


@st.composite
def trees(draw: st.DrawFn, connectives: tuple[Connective, ...]) -> FaultTree:
    """Up to five gates over six events; each may use the gates before it."""
    formulas: list[Logic] = []
    for n in range(draw(st.integers(1, 5))):
        names = [*EVENTS, *(f"g{m}" for m in range(n))]
        connective = draw(st.sampled_from(connectives))
        fewest, most = {Connective.NOT: (1, 1), Connective.IFF: (2, 2), Connective.IMPLY: (2, 2)}.get(connective, (2, 4))
        arguments = draw(st.lists(st.sampled_from(names), min_size=fewest, max_size=most, unique=True))
        least = draw(st.integers(1, len(arguments))) if connective is Connective.ATLEAST else 0
        formulas.append(Formula(connective, tuple(Named(name) for name in arguments), least))
    chance = st.sampled_from([0.0, 1e-9, 0.01, 0.3, 0.5, 0.9, 1.0])
    return a_tree(formulas, draw(st.lists(chance, min_size=len(EVENTS), max_size=len(EVENTS))))


def truth(tree: FaultTree, formula: Logic, occurred: frozenset[str]) -> bool:
    if isinstance(formula, Constant):
        return formula.value
    if isinstance(formula, Named):
        return truth(tree, tree.gates[formula.name].formula, occurred) if formula.name in tree.gates else formula.name in occurred
    values = [truth(tree, one, occurred) for one in formula.arguments]
    return {
        Connective.AND: all(values), Connective.NAND: not all(values), Connective.OR: any(values), Connective.NOR: not any(values),
        Connective.NOT: not values[0], Connective.XOR: sum(values) % 2 == 1, Connective.IFF: values[0] == values[-1],
        Connective.IMPLY: not values[0] or values[-1], Connective.ATLEAST: sum(values) >= formula.least,
    }[formula.connective]  # fmt: skip


def subsets() -> list[frozenset[str]]:
    return [frozenset(one) for n in range(len(EVENTS) + 1) for one in itertools.combinations(EVENTS, n)]


def brute_force(tree: FaultTree) -> tuple[float, set[frozenset[str]]]:
    """P by all 2⁶ states, and the minimal sets whose occurrence alone is enough."""
    p = {name: event.probability.value for name, event in tree.events.items()}  # type: ignore[union-attr]
    true = [one for one in subsets() if truth(tree, Named(tree.top), one)]
    total = math.fsum(math.prod(p[e] if e in one else 1 - p[e] for e in EVENTS) for one in true)
    return total, {one for one in true if not any(other < one for other in true)}


def listed(solution: Solution) -> set[frozenset[str]]:
    assert solution.sets is not None
    return {frozenset(cut.events) for cut in solution.sets.shortest()}


@settings(max_examples=60, deadline=None)
@given(trees(tuple(Connective)))
def test_a_tree_is_what_all_its_states_say(tree: FaultTree) -> None:
    total, cuts = brute_force(tree)
    solution = solve(tree)
    assert solution.probability == pytest.approx(total, rel=1e-12, abs=1e-300)
    assert listed(solution) == cuts
    assert solution.mcs == len(cuts)


@settings(max_examples=40, deadline=None)
@given(trees(tuple(Connective)))
def test_prime_implicants_are_the_smallest_conditions(tree: FaultTree) -> None:
    found = listed(solve(tree, limits=Limits(prime_implicants=True)))
    every = [frozenset(x for x in ways if x) for ways in itertools.product(*(("", e, f"¬{e}") for e in EVENTS))]
    states = {one: truth(tree, Named(tree.top), one) for one in subsets()}

    def implies(literals: frozenset[str]) -> bool:
        return all(
            true for one, true in states.items() if all((x[1:] not in one) if x[0] == "¬" else (x in one) for x in literals)
        )

    implicants = {one for one in every if implies(one)}
    assert found == {one for one in implicants if not any(one - {x} in implicants for x in one)}


@settings(max_examples=40, deadline=None)
@given(trees(JOINING), st.sampled_from(EVENTS))
def test_a_barrier_never_raises_the_risk(tree: FaultTree, barrier: str) -> None:
    before, top = solve(tree), tree.top
    guarded = FaultTree(
        "guarded",
        {**tree.gates, "guarded": Gate("guarded", Formula(Connective.AND, (Named(top), Named(barrier))))},
        tree.events,
        "guarded",
    )
    after = solve(guarded)
    assert before.probability is not None
    assert after.probability is not None
    # The two are summed in another order: equal ones may differ in the last digits.
    assert 0 <= after.probability <= before.probability * (1 + 1e-12) <= 1 + 1e-12
    assert before.mcub is not None
    assert before.rare_event is not None
    assert before.probability <= before.mcub + 1e-12
    assert before.mcub <= before.rare_event + 1e-12


@settings(max_examples=30, deadline=None)
@given(trees(JOINING), st.integers(1, 3))
def test_a_bound_holds_when_no_diagram_fits(tree: FaultTree, highest: int) -> None:
    from anlan.risk.trees.circuit import circuit_of
    from anlan.risk.trees.solving import chances, cut_sets_of, lower_bound
    from anlan.risk.trees.truncated import truncated

    total, cuts = brute_force(tree)
    circuit, p = circuit_of(tree, (Named(tree.top),)), chances(tree)
    found = truncated(circuit, circuit.roots[0], [p[e] for e in circuit.events], highest=highest)
    sets = cut_sets_of(circuit, found.family, p, False)
    assert sets is not None
    assert lower_bound(circuit, found, sets) <= total + 1e-12
    assert total <= found.upper + 1e-12
    assert {frozenset(cut.events) for cut in sets.shortest()} == {one for one in cuts if len(one) <= highest}


@settings(max_examples=20, deadline=None)
@given(trees(tuple(Connective)))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, tree: FaultTree) -> None:
    file = tmp_path_factory.mktemp("written") / "tree.xml"
    file.write_text(write_openpsa(tree), "utf-8")
    again = read_tree(file)
    assert {n: g.formula for n, g in again.gates.items()} == {n: g.formula for n, g in tree.gates.items()}
    assert {n: e.probability for n, e in again.events.items()} == {n: e.probability for n, e in tree.events.items()}
    assert again.top == tree.top


def test_small_probabilities_keep_their_digits() -> None:
    tree = a_tree([Formula(Connective.AND, tuple(map(Named, EVENTS)))], [1e-50] * 6)
    assert solve(tree).probability == pytest.approx(1e-300, rel=1e-12)


def test_counts_beyond_64_bits_are_exact() -> None:
    """60 pairs in series: 2⁶⁰ … here 80, so that 2⁸⁰ cut sets of order 80 are counted."""
    pairs: list[Logic] = [Formula(Connective.OR, (Named(f"a{n}"), Named(f"b{n}"))) for n in range(80)]
    events = {name: BasicEvent(name, Number(0.5)) for n in range(80) for name in (f"a{n}", f"b{n}")}
    tree = FaultTree("wide", {"top": Gate("top", Formula(Connective.AND, tuple(pairs)))}, events, "top")
    solution = solve(tree)
    assert solution.mcs_by_order == {80: 2**80}
    assert solution.probability == pytest.approx(0.75**80, rel=1e-12)


def test_a_tree_as_deep_as_a_file_is_long() -> None:
    gates = {f"g{n}": Gate(f"g{n}", Formula(Connective.OR, (Named(f"g{n + 1}"), Named("a")))) for n in range(5_000)}
    gates["g5000"] = Gate("g5000", Named("b"))
    events = {name: BasicEvent(name, Number(0.5)) for name in "ab"}
    tree = FaultTree("deep", gates, events, "g0")
    check(tree)
    assert solve(tree).probability == 0.75


def test_a_probability_that_is_not_given_is_none() -> None:
    tree = FaultTree("bare", {"top": Gate("top", Named("a"))}, {"a": BasicEvent("a")}, "top")
    solution = solve(tree)
    assert (solution.probability, solution.bound, solution.rare_event, solution.mcub) == (None, None, None, None)
    assert solution.mcs == 1
    assert "a" in solution.as_json()["reasons"]["probability"]


def test_a_diagram_out_of_reach_ends_with_a_bound() -> None:
    """A coherent tree under the smallest cap."""
    names = [f"e{n}" for n in range(40)]
    gates = {
        f"k{n}": Gate(f"k{n}", Formula(Connective.ATLEAST, tuple(Named(names[(7 * n + 11 * m) % 40]) for m in range(9)), 3))
        for n in range(12)
    }
    gates["top"] = Gate("top", Formula(Connective.ATLEAST, tuple(Named(f"k{n}") for n in range(12)), 5))
    tree = FaultTree("large", gates, {n: BasicEvent(n, Number(0.01)) for n in names}, "top")
    small, whole = solve(tree, limits=Limits(most_nodes=1024)), solve(tree)
    assert small.probability is None
    assert small.bound is not None
    assert whole.probability is not None
    assert small.bound.lower <= whole.probability <= small.bound.upper
    assert "1024" in small.as_json()["reasons"]["probability"]


@pytest.mark.parametrize(("least", "closed_form"), [(1, 3.0e-3), (2, 3e-6), (3, 1e-9)])
def test_importance_of_equal_parts(least: int, closed_form: float) -> None:
    arguments = tuple(Named(name) for name in "abc")
    tree = FaultTree(
        "vote",
        {"top": Gate("top", Formula(Connective.ATLEAST, arguments, least))},
        {n: BasicEvent(n, Number(1e-3)) for n in "abc"},
        "top",
    )
    solution = solve(tree)
    first, second, third = importance(solution)
    assert solution.probability == pytest.approx(closed_form, rel=2e-3)
    assert first.birnbaum == pytest.approx(second.birnbaum) == pytest.approx(third.birnbaum)
    assert first.birnbaum == pytest.approx(math.comb(2, least - 1) * 1e-3 ** (least - 1) * 0.999 ** (3 - least), rel=1e-9)
    assert first.cut_sets == math.comb(2, least - 1)


def test_unavailability_between_tests() -> None:
    """PFDavg of one channel is λT/2, of one out of two (λT)²/3 (IEC 61508-6 without repair and common cause), for λT ≪ 1."""
    from anlan.risk.trees.expressions import Apply, MissionTime

    part = Apply("periodic-test", (Number(1e-8), Number(8760.0), Number(8760.0), MissionTime()))
    events = {name: BasicEvent(name, part) for name in "ab"}
    both = FaultTree("1oo2", {"top": Gate("top", Formula(Connective.AND, (Named("a"), Named("b"))))}, events, "top")
    one = FaultTree("1oo1", {"top": Gate("top", Named("a"))}, events, "top")
    assert over_time(solve(one)).average == pytest.approx(8.76e-5 / 2, rel=1e-3)
    assert over_time(solve(both)).average == pytest.approx(8.76e-5**2 / 3, rel=1e-3)


def test_repair_after_a_test_leaves_what_repair_leaves() -> None:
    """Without failures between, what a test has found stands until e^−μt is over; with endless repair it never comes back."""
    hidden = 1 - math.exp(-1e-3 * 100)
    assert float(repaired_after_tests(1e-3, 0.0, 1000.0, 100.0, 100.0)) == pytest.approx(hidden)
    later = float(repaired_after_tests(1e-3, 0.5, 1000.0, 100.0, 101.0))
    works, repaired = 1 - hidden, hidden * 0.5 / (0.5 - 1e-3) * (math.exp(-1e-3) - math.exp(-0.5))
    assert later == pytest.approx(1 - works * math.exp(-1e-3) - repaired)


@pytest.mark.parametrize("interval", [0, -720, 1e-7])
def test_tests_that_nobody_can_make_are_refused(interval: float) -> None:
    """At once: no event is harmless because its tests take no time."""
    text = f"gates: {{top: {{or: [a]}}}}\nevents:\n  a: {{rate: 1e-6, test-interval: {interval}, repair-rate: 0.1}}\n"
    with pytest.raises(TreeMistake, match=r"tree\.yaml:3: the probability of a is nan"):
        tree_of([parse_yaml(text.encode(), "tree.yaml")])


def test_parameters_that_use_each_other_without_end_are_refused() -> None:
    chain = "".join(f"  p{n}: {{add: [p{n + 1}, 1e-9]}}\n" for n in range(1200))
    text = f"gates: {{top: {{or: [a]}}}}\nevents: {{a: p0}}\nparameters:\n{chain}  p1200: 1e-6\n"
    with pytest.raises(TreeMistake, match="nested too deeply"):
        tree_of([parse_yaml(text.encode(), "tree.yaml")])


@pytest.mark.parametrize(
    ("model", "factors", "expected"),
    [
        ("beta-factor", [0.1], 0.09**3 + 0.01 * (1 - 0.09**3)),
        ("MGL", [0.2, 0.5], None),
        ("alpha-factor", [0.9, 0.07, 0.03], None),
    ],
)
def test_common_causes_keep_a_members_total(model: str, factors: list[float], expected: float | None, tmp_path: Path) -> None:
    """All ways of a member to fail, as rare events, add up to its own probability; beta's three of three is a closed form."""
    file = tmp_path / "tree.yaml"
    file.write_text(
        "gates: {top: {and: [a, b, c]}, one: {or: [a]}}\n"
        f"common-causes: {{pumps: {{model: {model}, members: [a, b, c], probability: 0.1, factors: {factors}}}}}\n",
        "utf-8",
    )
    single = solve(read_tree(file, top="one"))
    assert single.rare_event == pytest.approx(0.1, rel=1e-9)
    whole = solve(read_tree(file, top="top"))
    assert whole.probability is not None
    assert whole.probability > 0.1**3
    assert expected is None or whole.probability == pytest.approx(expected, rel=1e-9)


def test_sequences_of_an_event_tree_add_up(tmp_path: Path) -> None:
    def names(formulas: Iterable[Logic]) -> set[str]:
        return {name for one in formulas for name in names_in(one)}

    file = tmp_path / "tree.xml"
    file.write_text(
        """<opsa-mef>
<define-initiating-event name="leak" event-tree="t"><float value="0.5"/></define-initiating-event>
<define-event-tree name="t"><define-functional-event name="shut"/><define-functional-event name="cool"/>
<define-sequence name="held"/><define-sequence name="burns"/>
<initial-state><fork functional-event="shut">
<path state="yes"><collect-formula><not><gate name="stuck"/></not></collect-formula><sequence name="held"/></path>
<path state="no"><collect-formula><gate name="stuck"/></collect-formula><sequence name="burns"/></path>
</fork></initial-state></define-event-tree>
<define-fault-tree name="f"><define-gate name="stuck"><or><basic-event name="a"/><basic-event name="b"/></or></define-gate></define-fault-tree>
<model-data><define-basic-event name="a"><float value="0.1"/></define-basic-event>
<define-basic-event name="b"><float value="0.2"/></define-basic-event></model-data></opsa-mef>""",
        "utf-8",
    )
    tree = read_tree(file)
    held, burns = sequences(tree)
    assert [held.probability, burns.probability] == pytest.approx([0.36, 0.14])
    assert names(g.formula for g in tree.gates.values()) == {"a", "b"}
    assert read_again(tmp_path, tree) == [held.probability, burns.probability]


def read_again(folder: Path, tree: FaultTree) -> list[float | None]:
    file = folder / "again.xml"
    file.write_text(write_openpsa(tree), "utf-8")
    return [one.probability for one in sequences(read_tree(file))]
