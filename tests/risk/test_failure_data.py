"""Failure data: the closed forms against scipy and numerical integration, the library against its printed means, conflicts told."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats
from typer.testing import CliRunner

import anlan
from anlan.model.clock import DAY, SystemClock
from anlan.model.errors import NotFound
from anlan.risk import read_tree, solve, uncertainty
from anlan.risk.command import register
from anlan.risk.failures.folder import COLUMNS, FILE, FailureMistake, bring_in, export, read_file
from anlan.risk.failures.history import SORTS, Happening, tally
from anlan.risk.failures.laws import Beta, FailureQuestion, Gamma, of_lognormal
from anlan.risk.failures.library import failure_data, library
from anlan.risk.failures.store import Entered, FailureStore
from anlan.risk.failures.update import Counts, tails, update_failures
from anlan.risk.trees.mistakes import TreeMistake
from anlan.store.records import Records

DEMO = Path(anlan.__file__).parent / "sense" / "demo" / "plant"
COUNTS = st.tuples(st.integers(0, 12), st.floats(1e3, 1e7))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.2, 30), st.floats(1e3, 1e7), COUNTS)
def test_a_rate_agrees_with_bayes_by_numbers(a: float, b: float, counts: tuple[int, float]) -> None:
    """Prior density × Poisson likelihood, normalised on a fine grid, has the mean and the quantiles of the closed form."""
    n, hours = counts
    found = update_failures(Gamma(a, b), Counts(n, hours)).joined
    rates = np.exp(np.linspace(math.log(found.mean) - 60 / max(found.a, 1), math.log(found.mean) + 4, 20_001))
    logs = stats.gamma.logpdf(rates, a, scale=1 / b) + stats.poisson.logpmf(n, rates * hours)
    density = np.exp(logs - logs.max())
    mass = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(rates))])
    mean = np.trapezoid(rates * density, rates) / mass[-1]
    assert found.mean == pytest.approx(mean, rel=2e-3)
    assert found.quantile(0.95) == pytest.approx(float(np.interp(0.95, mass / mass[-1], rates)), rel=5e-3)
    assert found.quantile(0.05) == pytest.approx(stats.gamma.ppf(0.05, a + n, scale=1 / (b + hours)), rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 30), st.floats(1, 5e4), st.integers(1, 400), st.data())
def test_on_demand_agrees_with_scipy(a: float, b: float, demands: int, data: st.DataObject) -> None:
    n = data.draw(st.integers(0, min(demands, 15)))
    found, at = update_failures(Beta(a, b), Counts(n, demands)), stats.betabinom(demands, a, b)
    assert found.joined.quantile(0.95) == pytest.approx(stats.beta.ppf(0.95, a + n, b + demands - n), rel=1e-9)
    assert found.at_most == pytest.approx(at.cdf(n), rel=1e-6, abs=1e-9)
    assert found.at_least == pytest.approx(at.sf(n - 1), rel=1e-6, abs=1e-9)


def test_the_tails_of_a_rate_are_the_negative_binomial() -> None:
    at = stats.nbinom(2.5, 1e5 / (1e5 + 4e4))
    assert tails(Gamma(2.5, 1e5), Counts(3, 4e4)) == pytest.approx((at.sf(2), at.cdf(3)), rel=1e-9)
    assert tails(Gamma(2.5, 1e5), Counts(0, 4e4))[0] == 1


def test_a_lognormal_keeps_mean_and_variance() -> None:
    found = of_lognormal(2e-7, 2.5)
    printed = stats.lognorm(math.log(2.5) / stats.norm.ppf(0.95), scale=2e-7)
    assert found.mean == pytest.approx(printed.mean(), rel=1e-9)
    assert found.a / found.b**2 == pytest.approx(printed.var(), rel=1e-9)


def test_what_contradicts_its_source_is_told_and_never_narrowed() -> None:
    """Fifty failures where one was foreseen: the joined figure would be narrow and below what the plant shows."""
    prior = Gamma(400, 400 / 1e-6)
    found = update_failures(prior, Counts(50, 1e6))
    assert (found.conflict, found.taken) == ("worse", "plant")
    assert found.used.mean == pytest.approx(50.5 / 1e6)
    assert found.joined.mean < found.used.mean
    low, high = found.interval()
    assert low < 5e-5 < high
    one = update_failures(prior, Counts(1, 1e3))
    assert (one.conflict, one.taken) == ("worse", "weakened")
    assert one.used.mean == pytest.approx(1.5 / (0.5 / 1e-6 + 1e3))
    assert one.used.quantile(0.95) / one.used.quantile(0.05) > 5 * prior.quantile(0.95) / prior.quantile(0.05)
    better = update_failures(Gamma(20, 20 / 1e-3), Counts(0, 1e5))
    assert (better.conflict, better.taken) == ("better", "joined")
    assert better.used.mean > better.alone.mean  # type: ignore[union-attr]


def test_nothing_counted_leaves_the_source_as_it_is() -> None:
    found = update_failures(Gamma(2, 1e5), Counts(0, 0))
    assert (found.used, found.taken, found.conflict, found.at_least) == (Gamma(2, 1e5), "prior", "", None)


@pytest.mark.parametrize(
    ("prior", "counts", "message"),
    [
        (Gamma(1, 1e5), Counts(-1, 1e4), "counts are -1"),
        (Gamma(1, 1e5), Counts(2, 0), "2 failures without any hours"),
        (Beta(1, 100), Counts(3, 2), "3 failures of 2 demands"),
    ],
)
def test_counts_that_cannot_be_are_refused(prior: Gamma | Beta, counts: Counts, message: str) -> None:
    with pytest.raises(FailureQuestion, match=message):
        update_failures(prior, counts)


@pytest.mark.parametrize(
    ("equipment", "mode", "mean", "high"),
    [
        # INL/EXT-21-65055 table 1: printed mean and 95 % quantile.
        ("motor-pump", "start", 5.88e-4, 1.38e-3),
        ("motor-pump", "run-early", 9.13e-5, 3.33e-4),
        ("motor-pump", "run", 8.12e-6, 3.1e-5),
        ("diesel-generator", "start", 2.22e-3, 3.02e-3),
        ("diesel-generator", "run", 1.18e-3, 2.31e-3),
        ("check-valve", "open", 1.12e-5, 4.29e-5),
        ("battery", "operate", 4.05e-7, 1.42e-6),
        ("ac-bus", "operate", 5.88e-7, 1.77e-6),
    ],
)
def test_the_library_gives_the_printed_figures(equipment: str, mode: str, mean: float, high: float) -> None:
    law = failure_data(equipment, mode).law
    assert law.mean == pytest.approx(mean, rel=6e-3)
    assert law.quantile(0.95) == pytest.approx(high, rel=1.5e-2)


def test_every_entry_says_where_it_comes_from_and_whether_anybody_read_it() -> None:
    for one in library().values():
        assert one.source
        assert one.population
        assert one.equipment_label.zh
        assert one.equipment_label.en
        assert one.checked == one.source.startswith("silsafedata")
        assert one.law.quantile(0.05) < one.law.mean < one.law.quantile(0.95)
    with pytest.raises(NotFound, match="motor-pump start"):
        failure_data("motor-pump", "explode")


def test_from_the_command_line() -> None:
    app = typer.Typer()
    register(app)
    told = CliRunner().invoke(
        app, ["risk", "failures", "shutdown-valve", "undetected", "--failures", "40", "--exposure", "876000"]
    )
    assert told.exit_code == 0
    assert "shutdown-valve undetected" in told.output
    assert "4.623e-05" in told.output
    one = CliRunner().invoke(app, ["risk", "failures", "motor-pump", "--json"])
    assert one.output.count('"equipment":"motor-pump"') == 3


def entered(*told: tuple[str, str, int] | tuple[str, str, int, bool], equipment: str, mode: str) -> list[Happening]:
    """(sort, item, day, passed)"""
    return [Happening(sort, item, "", equipment, mode, day * DAY, *(passed or [None])) for sort, item, day, *passed in told]  # type: ignore[arg-type]


def test_hours_that_show_nothing_make_no_figure_better() -> None:
    """A valve that nobody has tested, and one that was tested long ago, have run without a known failure only up to then."""
    valve = {"equipment": "shutdown-valve", "mode": "undetected"}
    service = [("in-service", "XV-1", 0), ("in-service", "XV-2", 0)]
    untested = tally(failure_data(*valve.values()), entered(*service, **valve), 3000 * DAY)
    assert (untested.hours, untested.counts) == (144_000, Counts(0, 0))
    tested = tally(failure_data(*valve.values()), entered(*service, ("test", "XV-1", 1000, True), **valve), 3000 * DAY)
    assert tested.counts == Counts(0, 24_000)
    again = [("retired", "XV-1", 500), ("in-service", "XV-1", 800), ("test", "XV-1", 1000, True)]
    assert tally(failure_data(*valve.values()), entered(*service, *again, **valve), 3000 * DAY).counts == Counts(0, 700 * 24)
    bus = {"equipment": "ac-bus", "mode": "operate"}
    assert tally(failure_data(*bus.values()), entered(("in-service", "B-1", 0), **bus), 1000 * DAY).counts == Counts(0, 24_000)


def test_a_standby_pump_has_not_run_all_the_years_it_has_stood_there() -> None:
    run = {"equipment": "motor-pump", "mode": "run"}
    told = tally(failure_data(*run.values()), entered(("in-service", "P-1", 0), ("failure", "P-1", 900), **run), 3000 * DAY)
    assert (told.counts, told.failures) == (Counts(0, 0), 1)
    start = {"equipment": "motor-pump", "mode": "start"}
    happened = entered(("in-service", "P-1", 0), ("test", "P-1", 100, True), ("failure", "P-1", 900), **start)
    assert tally(failure_data(*start.values()), happened, 3000 * DAY).counts == Counts(1, 2), "it would have failed when needed"


HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("built,XV-1,shutdown-valve,,,2021-03-01,,", "sort is built"),
        ("in-service,XV-1,valve,,,2021-03-01,,", "equipment is valve"),
        ("test,XV-1,shutdown-valve,explode,,2021-03-01,yes,", "mode is explode; one of undetected"),
        ("test,XV-1,shutdown-valve,undetected,,yesterday,yes,", "at is yesterday"),
        ("test,XV-1,shutdown-valve,undetected,,2021-03-01,maybe,", "passed is maybe"),
        ("test,XV-1,shutdown-valve,undetected,,2021-03-01,yes,a,b", "a line has 8 values"),
    ],
)
def test_a_line_of_the_plant_folder_that_is_wrong_is_named(line: str, message: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(f"{HEADER}\nin-service,XV-1,shutdown-valve,,,2021-03-01,,\n{line}\n", "utf-8")
    good, bad = read_file(tmp_path)
    assert isinstance(good, Entered)
    assert good.at == 1_614_556_800_000_000
    assert isinstance(bad, FailureMistake)
    assert str(bad).startswith(f"{FILE}:3: {message}")


def test_the_demo_plants_history_reads_without_mistakes() -> None:
    found = read_file(DEMO)
    assert len(found) > 20
    assert all(isinstance(one, Entered) for one in found)


def test_a_tree_takes_rates_and_their_uncertainty_from_the_library(tmp_path: Path) -> None:
    """Two valves of one class share what is not known of it, so that both failing is likelier than the square of the mean."""
    file = tmp_path / "tree.yaml"
    event = "{rate: {failure-data: shutdown-valve undetected}, test-interval: 8760}"
    file.write_text(f"gates: {{top: {{and: [a, b]}}}}\nevents:\n  a: {event}\n  b: {event}\n", "utf-8")
    solution = solve(read_tree(file))
    mean = failure_data("shutdown-valve", "undetected").law.mean
    assert solution.probability == pytest.approx((1 - math.exp(-mean * 8760)) ** 2, rel=1e-9)
    assert uncertainty(solution, 4000, 1).mean > 1.5 * solution.probability
    file.write_text("gates: {top: {or: [a]}}\nevents:\n  a: {failure-data: valve}\n", "utf-8")
    with pytest.raises(TreeMistake, match=r"tree.yaml:3: no failure data of valve; there are pressure-switch undetected"):
        read_tree(file)


def test_a_file_has_no_more_lines_than_can_be_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "in-service,XV-{n},shutdown-valve,,,2021-03-01,,\n"
    head = ",".join(COLUMNS) + "\n"
    monkeypatch.setattr("anlan.risk.failures.folder.MOST", 2)
    for lines, mistakes in ((2, 0), (3, 1)):
        (tmp_path / FILE).write_text(head + "".join(line.format(n=n) for n in range(lines)), "utf-8")
        found = [one for one in read_file(tmp_path) if isinstance(one, FailureMistake)]
        assert len(found) == mistakes
    assert "more than 2 lines" in str(found[0])


notes = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(
    ["stuck\nat 30 %", "stuck\rat 30 %", "a\u2028b", '"x", y', "=1"]
)


@st.composite
def entries(draw: st.DrawFn) -> Entered:
    sort = draw(st.sampled_from(SORTS))
    one = draw(st.sampled_from(sorted(library().values(), key=lambda one: (one.equipment, one.mode))))
    return Entered(
        sort=sort,
        item=draw(st.from_regex(r"[A-Za-z0-9._\-]{1,8}", fullmatch=True)),
        point=draw(st.sampled_from(["", "XV-101.ZSC"])),
        equipment=one.equipment,
        mode="" if sort in ("in-service", "retired") else one.mode,
        at=draw(st.integers(0, 4_000_000_000_000_000)),
        passed=draw(st.booleans()) if sort in ("test", "demand") else None,
        note=draw(notes),
    )


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[tuple[Records, Records]]:
    """The records of two nodes."""
    both = (Records.open(tmp_path / "one.db"), Records.open(tmp_path / "other.db"))
    for one in both:
        one.migrate({"guard": "anlan.guard", "risk": "anlan.risk"})
    yield both
    for one in both:
        one.close()


def entered_in(records: Records) -> Counter[Entered]:
    names = [field.name for field in fields(Entered)]
    rows = FailureStore(records, SystemClock()).rows()
    return Counter(Entered(**{name: getattr(row, name) for name in names}) for row in rows)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    told=st.lists(entries(), min_size=1, max_size=4, unique_by=lambda one: (one.sort, one.item, one.equipment, one.mode, one.at))
)
def test_entries_come_back_from_a_plant_folder_as_they_were(
    nodes: tuple[Records, Records], tmp_path: Path, told: list[Entered]
) -> None:
    """Into another node the same entries; into the same node nothing new. What one example entered stays, as nothing is ever taken out."""
    before = {(one.sort, one.item, one.equipment, one.mode, one.at) for one in entered_in(nodes[0])}
    new = [one for one in told if (one.sort, one.item, one.equipment, one.mode, one.at) not in before]
    expected = entered_in(nodes[0]) + Counter(new)
    for one in new:
        FailureStore(nodes[0], SystemClock()).enter(None, uuid4(), one)
    export(nodes[0], tmp_path, SystemClock())
    for records in nodes:
        bring_in(records, tmp_path, SystemClock())
    assert entered_in(nodes[0]) == entered_in(nodes[1]) == expected
