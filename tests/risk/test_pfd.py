"""PFDavg and PFH against what others have published, closed forms, and a Markov chain that shares no line with them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest
import typer
from scipy.linalg import expm
from typer.testing import CliRunner, Result

from anlan.risk import over_time, read_tree, solve
from anlan.risk.command import register
from anlan.risk.lopa.bands import band_of
from anlan.risk.lopa.form import LopaMistake
from anlan.risk.lopa.functions import read_function
from anlan.risk.lopa.pfd import Channel, SafetyFunctionQuestion, solve_group

# (what, architecture, λD, diagnostic coverage, β, T1, MTTR, PFDavg as printed)
PUBLISHED = [
    # IEC 61508-6:2000 B.2.4, the worked example: from memory, two figures as printed.
    ("sensors, 1 year", "2oo3", 2.5e-6, 0.9, 0.2, 8760, 8, 2.3e-4),
    ("final element, 1 year", "1oo1", 2.5e-6, 0.6, 0, 8760, 8, 4.4e-3),
    ("second final element, 1 year", "1oo1", 5e-6, 0.6, 0, 8760, 8, 8.8e-3),
    # Table B.2 (six months, 8 h): from memory.
    ("B.2", "1oo1", 0.5e-7, 0, 0, 4380, 8, 1.1e-4),
    ("B.2", "1oo1", 0.5e-7, 0.99, 0, 4380, 8, 1.5e-6),
    ("B.2", "1oo2", 0.5e-7, 0, 0.02, 4380, 8, 2.2e-6),
    ("B.2", "1oo2", 0.5e-7, 0.99, 0.02, 4380, 8, 2.6e-8),
]


@pytest.mark.parametrize(
    ("what", "architecture", "rate", "seen", "beta", "interval", "mttr", "printed"),
    PUBLISHED,
    ids=[f"{one[0]} {one[1]} {one[3]}" for one in PUBLISHED],
)
def test_published_figures_come_out_as_printed(
    what: str, architecture: str, rate: float, seen: float, beta: float, interval: float, mttr: float, printed: float
) -> None:
    channel = Channel(
        lambda_du=rate * (1 - seen), lambda_dd=rate * seen, beta=beta, beta_d=beta / 2, proof_test=interval, mttr=mttr
    )
    assert float(f"{solve_group(architecture, channel).pfd:.1e}") == printed


def test_one_channel_as_a_maker_prints_it() -> None:
    """KROHNE SU 501 Ex, safety manual p. 30: PFDavg < 0.044e-2, 0.218e-2, 0.436e-2 for 1, 5, 10 years with PFH < 0.1e-6 per hour."""
    channels = [Channel(lambda_du=0.995e-7, proof_test=8760 * years) for years in (1, 5, 10)]
    figures = [solve_group("1oo1", one) for one in channels]
    assert [round(one.pfd, 5) for one in figures] == [0.00044, 0.00218, 0.00436]
    assert all(one.pfh < 1e-7 for one in figures)


@pytest.mark.parametrize(
    ("architecture", "closed"),
    [
        ("1oo1", lambda x: x / 2), ("1oo2", lambda x: x**2 / 3), ("2oo2", lambda x: x), ("2oo3", lambda x: x**2),
        ("1oo3", lambda x: x**3 / 4), ("2oo4", lambda x: x**3), ("3oo4", lambda x: 2 * x**2), ("4oo4", lambda x: 2 * x),
    ],
)  # fmt: skip
def test_without_repair_and_common_cause_the_closed_forms_are_the_limit(architecture: str, closed: object) -> None:
    figure = solve_group(architecture, Channel(lambda_du=2e-7, proof_test=8760)).pfd
    assert figure == pytest.approx(closed(2e-7 * 8760), rel=1e-12)  # type: ignore[operator]


OK, SEEN, FOUND, HIDDEN, DEEP = range(5)
"""A channel works · is being restored · is being repaired after a test · failed unseen, a proof test finds it · only the full test does."""


def markov(n: int, k: int, one: Channel) -> float:
    """PFDavg over the time between two full tests: n channels that fail alone, each phase by the matrix exponential."""
    coverage, full = one.coverage or 1.0, one.full_test or one.proof_test
    rates = np.zeros((5, 5))
    rates[OK, SEEN] = one.lambda_dd
    rates[OK, HIDDEN] = one.lambda_du * coverage
    rates[OK, DEEP] = one.lambda_du * (1 - coverage)
    rates[SEEN, OK] = rates[FOUND, OK] = 1 / (one.mttr or 1)
    states = list(product(range(5), repeat=n))
    index = {state: i for i, state in enumerate(states)}
    chain, failed, test = np.zeros((len(states),) * 2), np.zeros(len(states)), np.zeros((len(states),) * 2)
    for state, i in index.items():
        for channel, target in product(range(n), range(5)):
            if rates[state[channel], target]:
                other = index[(*state[:channel], target, *state[channel + 1 :])]
                chain[i, other] += rates[state[channel], target]
                chain[i, i] -= rates[state[channel], target]
        failed[i] = sum(each == OK for each in state) < k
        test[i, index[tuple(FOUND if each == HIDDEN else each for each in state)]] = 1
    steps = 400
    step = expm(chain * one.proof_test / steps)
    now, total, phases = np.eye(len(states))[index[(OK,) * n]], 0.0, round(full / one.proof_test)
    for _ in range(phases):
        for _ in range(steps):
            after = now @ step
            total += float((now + after) @ failed) / 2
            now = after
        now = now @ test
    return total / (phases * steps)


@pytest.mark.parametrize("architecture", ["1oo1", "1oo2", "2oo2", "2oo3"])
def test_a_markov_chain_of_every_channel_agrees(architecture: str) -> None:
    """The formulas are first terms: a few per cent above the chain, never below it by more than the terms they leave out."""
    k, n = int(architecture[0]), int(architecture[-1])
    one = Channel(lambda_du=2e-6, lambda_dd=3e-6, proof_test=4380, coverage=0.9, full_test=21900, mttr=12, mrt=12)
    formula, chain = solve_group(architecture, one).pfd, markov(n, k, one)
    assert 0.98 * chain < formula < 1.25 * chain


@pytest.mark.parametrize(("k", "n"), [(1, 2), (2, 3), (2, 4)])
def test_a_fault_tree_integrated_over_time_agrees(k: int, n: int, tmp_path: Path) -> None:
    """The decision diagram of n tested channels and their common cause, averaged over 8,761 hours of the mission."""
    rate, beta, interval = 1e-6, 0.1, 4380
    alone = "".join(f"  c{i}: {{rate: {rate * (1 - beta)}, test-interval: {interval}}}\n" for i in range(n))
    file = tmp_path / "tree.yaml"
    gates = f"gates:\n  top: {{or: [all, {{atleast: {n - k + 1}, of: [{', '.join(f'c{i}' for i in range(n))}]}}]}}\n"
    file.write_text(f"{gates}events:\n{alone}  all: {{rate: {rate * beta}, test-interval: {interval}}}\n", "utf-8")
    average = over_time(solve(read_tree(file, mission_time=8760.0))).average
    figure = solve_group(f"{k}oo{n}", Channel(lambda_du=rate, proof_test=interval, beta=beta)).pfd
    assert figure == pytest.approx(average, rel=0.01)


def test_common_cause_is_the_floor_and_repair_time_counts() -> None:
    alone = Channel(lambda_du=1e-6, lambda_dd=1e-6, proof_test=8760)
    shared = Channel(lambda_du=1e-6, lambda_dd=1e-6, proof_test=8760, beta=0.1, beta_d=0.05, mttr=24)
    group = solve_group("2oo3", shared)
    assert group.common_cause == pytest.approx(0.05 * 1e-6 * 24 + 0.1 * 1e-6 * (4380 + 24))
    assert group.pfd > group.common_cause > solve_group("2oo3", alone).pfd
    assert group.pfh == pytest.approx(6 * 1.85e-6 * 0.9e-6 * group.tce + 1e-7)


def test_k_of_1oo2d_tells_the_editions_apart() -> None:
    old = Channel(lambda_du=5e-8, lambda_dd=4.95e-6, lambda_sd=4.95e-6, beta=0.02, beta_d=0.01, proof_test=8760, mttr=8)
    new = Channel(
        lambda_du=5e-8, lambda_dd=4.95e-6, lambda_sd=4.95e-6, beta=0.02, beta_d=0.01, proof_test=8760, mttr=8, comparison=0.98
    )
    tce = (5e-8 * 4388 + 9.9e-6 * 8) / 9.95e-6
    assert solve_group("1oo2D", new).pfd == pytest.approx(2 * 0.02 * 4.95e-6 * tce + 0.02 * 5e-8 * 4388, rel=1e-2)
    assert solve_group("1oo2D", new).pfd > solve_group("1oo2D", old).pfd


SIF = """sif: SIF-07
name: {zh: 反应器超压切断进料, en: reactor overpressure shuts the feed}
sensor:
  - {name: PT-101 A/B/C, architecture: 2oo3, lambda-du: 2.5e-7, lambda-dd: 2.25e-6, beta: 0.2, beta-d: 0.1, proof-test: 8760, mttr: 8, coverage: 1, source: certificate}
logic:
  - {name: SIS, architecture: 1oo2D, lambda-du: 5.0e-8, lambda-dd: 4.95e-6, lambda-sd: 4.95e-6, beta: 0.02, beta-d: 0.01, proof-test: 8760, mttr: 8}
final:
  - {name: XV-101, architecture: 1oo1, lambda-du: 1.0e-6, lambda-dd: 1.5e-6, proof-test: 8760, mttr: 8}
  - {name: SOV-101, architecture: 1oo1, lambda-du: 2.0e-6, lambda-dd: 3.0e-6, proof-test: 8760, mttr: 8}
"""


def ask(*arguments: str) -> Result:
    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, ["risk", "pfd", *arguments], env={"LANG": "en_GB.UTF-8", "LC_ALL": "en_GB.UTF-8"})


def test_a_whole_function_is_the_sum_of_its_parts_and_says_what_nobody_assessed(tmp_path: Path) -> None:
    """IEC 61508-6:2000 B.2.4 prints 1.3e-2 for this loop."""
    file = tmp_path / "sif-07.yaml"
    file.write_text(SIF, "utf-8")
    function = read_function(file)
    assert float(f"{function.pfd:.1e}") == 1.3e-2
    assert function.pfd == pytest.approx(sum(part.group.pfd for part in function.parts))
    assert function.tolerance == 0
    told = "\n".join(one.text("en") for one in function.remarks())
    assert "in band 1: 0.01 to below 0.1 (a band of the figure, not a SIL)" in told
    assert "systematic capability: not assessed" in told
    assert "XV-101 — proof-test coverage: not assessed" in told
    assert "PT-101 A/B/C — proof-test coverage" not in told
    assert "SIL 1" not in told
    assert "SIL 2" not in told
    answer = ask(str(file), "--json")
    assert answer.exit_code == 0
    assert '"band":1' in answer.output
    assert "PFDavg  0.013" in ask(str(file)).output


def test_one_group_by_options_and_what_lies_outside_of_the_range() -> None:
    answer = ask("--architecture", "2oo3", "--lambda-du", "3e-5", "--proof-test", "8760")
    assert answer.exit_code == 0
    assert "outside of the range of validity: λDU·T is 0.2628" in answer.output


@pytest.mark.parametrize(
    ("figures", "message"),
    [
        ({"lambda_du": -1e-6, "proof_test": 8760}, "lambda-du is -1e-06"),
        ({"lambda_du": 1e-6, "proof_test": 0}, "proof-test is 0"),
        ({"lambda_du": 1e-6, "proof_test": 8760, "coverage": 0.9}, "full-test must say"),
        ({"lambda_du": 1e-6, "proof_test": 8760, "coverage": 0.9, "full_test": 4380}, "at least proof-test"),
        ({"lambda_du": 1e-6, "proof_test": 8760, "beta": 1.2}, "beta is 1.2"),
    ],
)
def test_figures_that_describe_no_channel_are_refused(figures: dict[str, float], message: str) -> None:
    with pytest.raises(SafetyFunctionQuestion, match=message):
        Channel(**figures)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("sif: A\nsensor:\n  - {architecture: 3oo2, lambda-du: 1e-6, proof-test: 8760}\n", 3, "3oo2 is no architecture"),
        ("sif: A\nsensor:\n  - {architecture: 1oo1, lambda-du: x, proof-test: 8760}\n", 3, "x was found; a number"),
        (
            "sif: A\nsensor:\n  - {architecture: 1oo1, lambda-du: 1e-6, proof-test: 8760, betta: 1}\n",
            3,
            "betta is not known here",
        ),
        ("sif: A\n", 1, "a safety function needs one group"),
        ("name: A\n", 1, "sif is missing"),
    ],
)
def test_a_mistake_has_its_line(text: str, line: int, message: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(LopaMistake) as found:
        read_function(file)
    assert f"{file}:{line}: " in str(found.value)
    assert message in str(found.value)


def test_a_band_holds_its_lower_limit_and_not_its_upper() -> None:
    assert [getattr(band_of(figure), "band", None) for figure in (1e-1, 9.9e-2, 1e-2, 9.99e-3, 1e-5, 9e-6)] == [
        None,
        1,
        1,
        2,
        4,
        None,
    ]
    assert getattr(band_of(3e-8, "pfh"), "band", None) == 3
