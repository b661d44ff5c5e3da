"""The measures of the alarm system, against a slow reference; the chattering index, in closed form; what the journal hands out."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kpi_reference import reference, walk

from anlan.model.clock import DAY, HOUR, MINUTE, SECOND
from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmState, AlarmTransition, Trigger
from anlan.monitor import journal_columns
from anlan.monitor.journal import Journal, JournalReader
from anlan.monitor.kpi import Columns, Facts, Performance, measure
from anlan.monitor.kpi.chattering import Chatter, chattering, chattering_index, run_lengths
from anlan.monitor.kpi.targets import figures, targets, targets_for

START = 1_767_225_600 * SECOND
FACTS = {
    1: Facts(1, "gas", 60 * SECOND),
    2: Facts(2, "gas", 0),
    3: Facts(3, "gas", 300 * SECOND),
    4: Facts(3, "tanks", 30 * SECOND),
    5: Facts(4, "tanks", 0),
}
"""Alarm 6 of the walks is one that the plant no longer has."""


def near(a: Any, b: Any) -> bool:
    """Equal but for the last digits; None only to None."""
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(near(a[key], b[key]) for key in a)
    if isinstance(a, tuple):
        return len(a) == len(b) and all(map(near, a, b))
    return a is b is None if a is None or b is None else math.isclose(a, b, rel_tol=1e-12, abs_tol=1e-9)


def check_against_reference(found: Performance, expected: dict[str, object]) -> None:
    rate, answered, stood = found.rate, found.answered, found.stood
    assert rate.count == expected["count"]
    assert near(rate.per_hour, expected["per_hour"])
    assert rate.peak_10_min == expected["peak_10_min"]
    assert rate.peak_10_min_any == expected["peak_10_min_any"]
    assert rate.peak_minute == expected["peak_minute"]
    assert near(dict(rate.periods_above), expected["periods_above"])
    assert near(dict(rate.hours_above), expected["hours_above"])
    assert sum(rate.periods) == rate.count
    assert found.priorities == expected["priorities"]
    assert found.fleeting == expected["fleeting"]
    index = expected["index"]
    assert isinstance(index, dict)
    assert {one.alarm for one in found.chattering} == {alarm for alarm, psi in index.items() if psi > 0.05 + 1e-12}
    assert all(near(one.index, index[one.alarm]) for one in found.chattering)
    assert [(one.alarm, one.count) for one in found.actors] == expected["actors"]
    for waits, name in ((answered.acknowledge, "acknowledge"), (answered.respond, "respond")):
        assert near((waits.count, waits.median, waits.p90, waits.longest), expected[name])
        assert sum(waits.classes) == waits.count
    assert (answered.never, answered.waiting) == (expected["never"], expected["waiting"])
    assert near((answered.timed, answered.in_time), expected["in_time"])
    assert answered.never + answered.waiting + answered.acknowledge.count == rate.count
    assert near(stood.average, expected["average"])
    assert (stood.most, stood.at_end) == (expected["most"], expected["at_end"])
    assert list(stood.stale) == expected["stale"]
    hidden = {name: (one.times, one.seconds, one.at_end) for name, one in found.hidden.items()}
    assert near(hidden, expected["hidden"])


@given(st.integers(0, 10**6), st.integers(0, 300), st.sampled_from([60, 600, 6000]), st.data())
@settings(max_examples=120, deadline=None)
def test_the_measures_are_those_of_the_reference(seed: int, length: int, most_seconds: int, data: st.DataObject) -> None:
    transitions = walk(seed, length, most_seconds=most_seconds, start=START)
    reach = (transitions[-1].noticed_at - START) // SECOND if transitions else 100
    start = START + data.draw(st.integers(-100, reach), "start") * SECOND
    end = start + data.draw(st.integers(1, max(1, reach)), "length") * SECOND
    known = [one for one in transitions if one.noticed_at < end]
    report = measure(Columns.of_transitions(known), FACTS, start, end)
    check_against_reference(report.whole, reference(known, FACTS, start, end, None))
    assert set(report.posts) == {"gas", "tanks"}
    for post, found in report.posts.items():
        check_against_reference(found, reference(known, FACTS, start, end, post))
        assert all(flood.post == post for flood in found.flood.each)
    assert report.whole.flood.count == sum(one.flood.count for one in report.posts.values())
    shares = [one.flood.share for one in report.posts.values()]
    assert max(shares) <= report.whole.flood.share + 1e-12
    assert report.whole.flood.share <= min(1.0, sum(shares)) + 1e-12


def test_every_measure_with_a_guide_value_is_measured() -> None:
    report = measure(Columns.of_transitions([]), FACTS, START, START + HOUR)
    names = {one.measure for one in targets()} - {"flood.begins", "flood.ends", "chattering.index"}
    assert names <= set(figures(report.whole))
    assert all(one.confidence in {"verified-from-source", "secondary", "from-memory"} for one in targets())
    assert {one.value for one in targets_for({1, 2, 3}) if one.measure == "priority.3"} == {80}
    assert {one.value for one in targets_for({1, 2, 3, 4}) if one.measure == "priority.3"} == {15}


def test_a_window_without_alarms_tells_nothing_where_nothing_is_known() -> None:
    found = measure(Columns.of_transitions([]), FACTS, START, START + 5 * MINUTE).posts["gas"]
    told = figures(found)
    assert told["rate.count"] == 0
    assert told["rate.periods_above_10"] is None, "no whole ten minutes lie in five"
    assert told["acknowledge.median"] is told["respond.in_time"] is told["actors.share"] is told["priority.1"] is None


def test_a_stale_alarm_counts_on_each_day_on_which_it_is_stale() -> None:
    raised = transition(1, Trigger.CONDITION_ON, AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, START)
    end = START + 5 * DAY
    stood = measure(Columns.of_transitions([raised]), FACTS, START, end).whole.stood
    assert (stood.stale, stood.stale_most_in_a_day, stood.stale_at_end) == ((1,), 1, 1)
    first_day = measure(Columns.of_transitions([raised]), FACTS, START, START + DAY).whole.stood
    assert (first_day.stale, first_day.stale_at_end) == ((), 0), "exactly a day is not longer than a day"


# --- the chattering index
#
# Kondaveeti et al. show their run length distributions as figures of plant data, which are not public; what follows are the cases that
# their definition decides in closed form.


@given(st.integers(1, 10_000), st.integers(2, 200))
def test_an_alarm_that_comes_every_r_seconds_has_the_index_1_over_r(r: int, count: int) -> None:
    times = START + np.arange(count, dtype=np.int64) * r * SECOND
    assert near(chattering_index(times), 1 / r)


def test_three_a_minute_is_the_border_and_does_not_chatter_yet() -> None:
    for r, chatters in ((19, True), (20, False), (21, False)):
        times = START + np.arange(50, dtype=np.int64) * r * SECOND
        (one,) = chattering(np.full(50, 7, np.int64), times)
        assert one == Chatter(7, 50, pytest.approx(1 / r), r)
        assert one.chatters is chatters


def test_a_distribution_of_run_lengths_written_out() -> None:
    """Runs 1, 1, 2, 4, 4, 4, 8, 3600: P₁ = 2/8, P₂ = 1/8, P₄ = 3/8, P₈ = 1/8, P₃₆₀₀ = 1/8."""
    runs = [1, 1, 2, 4, 4, 4, 8, 3600]
    times = START + np.cumsum([0, *runs]).astype(np.int64) * SECOND
    assert run_lengths(times).tolist() == runs
    assert near(chattering_index(times), 2 / 8 + 1 / 8 / 2 + 3 / 8 / 4 + 1 / 8 / 8 + 1 / 8 / 3600)


def test_geometric_run_lengths_have_the_index_of_their_closed_form() -> None:
    """An alarm that comes in each second with probability p has P_r = p (1 − p)^(r−1), so Ψ = −p ln p / (1 − p)."""
    rng = np.random.default_rng(5)
    for p in (0.5, 0.1, 0.02):
        times = START + np.flatnonzero(rng.random(2_000_000) < p).astype(np.int64) * SECOND
        assert chattering_index(times) == pytest.approx(-p * np.log(p) / (1 - p), rel=0.02)


def test_times_count_in_whole_seconds_and_two_in_one_second_make_a_run_of_one() -> None:
    assert run_lengths(START + np.array([900_000, 1_100_000, 1_950_000, 4_000_000], np.int64)).tolist() == [1, 1, 3]
    assert chattering_index(START + np.array([5], np.int64)) is None


@given(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 100_000)), max_size=150))
def test_of_many_alarms_each_has_its_own_index(pairs: list[tuple[int, int]]) -> None:
    alarm = np.array([a for a, _ in pairs], np.int64)
    times = START + np.array([t for _, t in pairs], np.int64) * 100_000
    found = {one.alarm: one for one in chattering(alarm, times)}
    assert set(found) == {a for a in set(alarm.tolist()) if np.count_nonzero(alarm == a) > 1}
    for number, one in found.items():
        own = times[alarm == number]
        assert near(one.index, chattering_index(own))
        assert 0 < one.index <= 1
        assert (one.annunciations, one.shortest) == (len(own), run_lengths(own).min())


# --- what the journal hands out


def transition(alarm: int, trigger: Trigger, before: AlarmState, to: AlarmState, at: int, n: int = 1) -> AlarmTransition:
    return AlarmTransition(n=n, frame=1, alarm=alarm, episode=1, trigger=trigger, before=before, after=to, happened_at=at, noticed_at=at, value=0.0, quality=0, limit=0.0)  # fmt: skip


def write(path: Path, transitions: list[AlarmTransition]) -> None:
    Journal.open(path).close()
    with apsw.Connection(str(path)) as db:
        rows = (
            (t.n, 1, t.alarm, 1, t.trigger, t.before, t.after, t.happened_at, t.noticed_at, 0.0, 0, None, "", "", "", "")
            for t in transitions
        )
        db.executemany("INSERT INTO transition VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,0)", rows)


@pytest.mark.parametrize("seed", range(6))
def test_a_window_of_the_journal_measures_as_the_whole_of_it(tmp_path: Path, seed: int) -> None:
    """The read is bounded: what stood before is told by alarm. Floods need the lead-in alone, so they are compared without."""
    transitions = walk(seed, 400, most_seconds=3000, start=START)
    write(tmp_path / "alarms.db", transitions)
    reader = JournalReader.open(tmp_path / "alarms.db")
    times = [t.noticed_at for t in transitions]
    for begin, stop in ((0, 399), (100, 300), (250, 251), (390, 399)):
        start, end = times[begin], times[stop] + SECOND
        window = Columns.of(reader.window(start, end))
        whole = Columns.of_transitions([t for t in transitions if t.noticed_at < end])
        assert len(window) == sum(start <= at < end for at in times)
        ours, theirs = measure(window, FACTS, start, end), measure(whole, FACTS, start, end)
        for one, other in ((ours.whole, theirs.whole), *((ours.posts[p], theirs.posts[p]) for p in ours.posts)):
            mine, wanted = figures(one), figures(other)
            for name in [name for name in mine if name.startswith("flood.")]:
                del mine[name], wanted[name]
            assert mine == wanted
    reader.close()


def test_an_empty_window_still_tells_what_stands(tmp_path: Path) -> None:
    raised = transition(3, Trigger.CONDITION_ON, AlarmState.NORMAL, AlarmState.UNACKNOWLEDGED, START)
    write(tmp_path / "alarms.db", [raised])
    window = Columns.of(JournalReader.open(tmp_path / "alarms.db").window(START + DAY, START + 3 * DAY))
    assert len(window) == 0
    assert (window.start.alarm.tolist(), window.start.since.tolist()) == ([3], [START])
    stood = measure(window, FACTS, START + DAY, START + 3 * DAY).posts["gas"].stood
    assert (stood.average, stood.at_end, stood.stale) == (1.0, 1, (3,))


def test_columns_of_some_alarms_only() -> None:
    transitions = walk(3, 200, start=START)
    some = Columns.of_transitions(transitions).only([2, 5])
    assert set(some.alarm.tolist()) == {2, 5}
    assert len(some) == sum(t.alarm in {2, 5} for t in transitions)
    assert len(Columns.of_transitions(transitions).only([])) == 0


def test_too_long_a_window_is_refused_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "alarms.db", walk(1, 50, start=START))
    monkeypatch.setattr(journal_columns, "MOST", 49)
    reader = JournalReader.open(tmp_path / "alarms.db")
    with pytest.raises(InputError, match="50 transitions"):
        reader.window(0, START + DAY * 100)


@pytest.fixture(scope="module")
def a_million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of 10⁶ transitions of 2,000 alarms over 30 days."""
    path = tmp_path_factory.mktemp("million") / "alarms.db"
    Journal.open(path).close()
    rng = np.random.default_rng(7)
    life = [(Trigger.CONDITION_ON, 0, 1), (Trigger.ACKNOWLEDGE, 1, 2), (Trigger.CONDITION_OFF, 2, 0)]
    begin = np.sort(rng.integers(0, 30 * DAY - HOUR, 333_334))
    steps = sorted(
        (START + int(t) + k * int(rng.integers(1, 600)) * SECOND, i % 2000 + 1, *life[k]) for i, t in enumerate(begin) for k in range(3)
    )[:1_000_000]  # fmt: skip
    with apsw.Connection(str(path)) as db:
        db.executemany(
            "INSERT INTO transition VALUES (?,1,?,1,?,?,?,?,?,0.0,0,NULL,'','','','',0)",
            ((n, alarm, int(trigger), before, to, at, at) for n, (at, alarm, trigger, before, to) in enumerate(steps, 1)),
        )
    return path


@pytest.mark.slow
def test_a_report_of_30_days_over_a_million_transitions_takes_about_a_second(a_million: Path) -> None:
    facts = {n: Facts(n % 4 + 1, f"post {n % 8}", 300 * SECOND) for n in range(1, 2001)}
    took = []
    for _ in range(3):
        begun = time.process_time()
        reader = JournalReader.open(a_million)
        report = measure(Columns.of(reader.window(START, START + 30 * DAY)), facts, START, START + 30 * DAY)
        reader.close()
        took.append(time.process_time() - begun)
    print(f"30 days, 10⁶ transitions, 8 posts: {min(took):.2f} s")
    assert report.whole.rate.count > 330_000
    assert min(took) < 1.5, "0.8 s where nothing else runs"


def test_levels_units_and_notes_of_the_guide_values_have_their_chinese() -> None:
    for one in targets():
        told = one.as_json()
        for name in ("level", "note", "unit"):
            text = getattr(one, name)
            assert not text or text in {"%", "1/s"} or told[name]["zh"] != text, f"{one.measure}: {text!r} has no Chinese"
    assert not any(one.verified for one in targets()), "none of the standards' own texts was at hand"
