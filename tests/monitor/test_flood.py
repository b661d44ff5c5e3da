"""Floods: against counting at every instant, live against after the fact; and a grouped list that hides nothing."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.clock import MINUTE, SECOND
from anlan.monitor.flood import (
    BEGINS_AT,
    BY,
    ENDS_BELOW,
    SPAN,
    Flood,
    FloodWatch,
    Lead,
    floods,
    grouped,
    items_within_ten_minutes,
)

START = 1_767_225_600 * SECOND
LONG_AFTER = START + 10**6 * MINUTE


def counted(at: list[int], step: int, until: int) -> list[tuple[int, int | None]]:
    """(began, ended) by looking at every instant of a grid on which all the annunciations lie."""
    found: list[tuple[int, int | None]] = []
    began: int | None = None
    for now in range(min(at), until + 1, step) if at else ():
        within = sum(now - SPAN < one <= now for one in at)
        if began is None and within >= BEGINS_AT:
            began = now
        elif began is not None and within < ENDS_BELOW:
            found.append((began, now))
            began = None
    return found if began is None else [*found, (began, None)]


bursts = st.lists(st.tuples(st.integers(0, 90), st.integers(1, 8)), min_size=0, max_size=25)
"""(minute, how many at once)."""


def minutes(pairs: list[tuple[int, int]]) -> list[int]:
    return sorted(START + minute * MINUTE for minute, many in pairs for _ in range(many))


@given(bursts)
@settings(max_examples=300, deadline=None)
def test_floods_are_those_found_by_counting_minute_by_minute(pairs: list[tuple[int, int]]) -> None:
    at = minutes(pairs)
    until = START + 120 * MINUTE
    found = floods(np.array(at, np.int64), until)
    assert [(one.began_at, one.ended_at) for one in found] == counted(at, MINUTE, until)


@given(st.lists(st.integers(0, 3000), max_size=120))
@settings(max_examples=200, deadline=None)
def test_floods_are_those_found_by_counting_second_by_second(seconds: list[int]) -> None:
    at = sorted(START + one * SECOND for one in seconds)
    until = START + 3000 * SECOND + 2 * SPAN
    found = floods(np.array(at, np.int64), until)
    assert [(one.began_at, one.ended_at) for one in found] == counted(at, SECOND, until)


@given(bursts, st.integers(0, 110))
@settings(max_examples=300, deadline=None)
def test_the_live_watch_says_the_same(pairs: list[tuple[int, int]], minute: int) -> None:
    now = START + minute * MINUTE
    at = [one for one in minutes(pairs) if one <= now]
    watch = FloodWatch()
    for one in at:
        watch.take("gas", one)
    after = floods(np.array(at, np.int64), now, post="gas")
    expected = after[-1] if after and after[-1].ended_at is None else None
    states = watch.now(now)
    assert [state.flood for state in states] == ([expected] if at else [])
    assert [state.in_ten_minutes for state in states] == ([sum(now - SPAN < one for one in at)] if at else [])


@given(st.lists(st.integers(0, 10_000), max_size=200))
def test_a_flood_holds_at_least_ten_and_floods_do_not_overlap(seconds: list[int]) -> None:
    at = np.array(sorted(START + one * SECOND for one in seconds), np.int64)
    found = floods(at, LONG_AFTER)
    for one in found:
        assert one.ended_at is not None
        assert BEGINS_AT <= one.peak <= one.count
        assert one.first_at <= one.began_at < one.ended_at
        assert one.count == np.count_nonzero((at >= one.first_at) & (at <= one.ended_at)) or _ties(at, one)
    ends = [one.ended_at for one in found]
    assert all(end is not None and end <= following.began_at for end, following in zip(ends, found[1:], strict=False))


def _ties(at: np.ndarray[Any, Any], one: Flood) -> bool:
    """The instant of the first of ten may hold more alarms than belong to the ten."""
    return bool(np.count_nonzero(at == one.first_at) > 1)


def test_the_tenth_begins_it_and_the_fifth_last_ends_it_when_ten_minutes_old() -> None:
    at = [START + i * 30 * SECOND for i in range(12)]
    (one,) = floods(np.array(at, np.int64), LONG_AFTER)
    assert one == Flood(at[0], at[9], at[7] + SPAN, 12, 12)
    assert floods(np.array(at[:9], np.int64), LONG_AFTER) == []
    (running,) = floods(np.array(at, np.int64), at[11])
    assert running.ended_at is None


def test_a_node_clock_that_was_set_back_does_not_stop_the_count() -> None:
    watch = FloodWatch()
    for i in range(20):
        watch.take("gas", START + (i if i < 5 else i - 3600) * SECOND)
    (state,) = watch.now(START + 30 * SECOND)
    assert state.flood is not None
    assert state.in_ten_minutes == 20


# --- grouping

row_of = st.builds(
    lambda priority, unit, post, source, happened, delay, state: {"priority": priority, "post": post, "groups": {"unit": unit, "source": source, "first_out": source}, "happened_at": happened * SECOND, "on_delay": delay, "first_out_states": [state]},
    st.integers(1, 4),
    st.sampled_from(["", "U1", "U2", "U3"]),
    st.sampled_from(["gas", "tanks"]),
    st.sampled_from(["plc", "dcs"]),
    st.integers(0, 50),
    st.integers(0, 20),
    st.integers(0, 3),
)  # fmt: skip
lists = st.lists(row_of, max_size=60).map(
    lambda rows: [{**row, "n": n, "noticed_at": START + n * SECOND} for n, row in enumerate(rows)]
)


@given(lists, st.sampled_from(BY))
def test_grouping_neither_hides_nor_repeats_and_priority_1_stands_alone(rows: list[dict[str, Any]], by: str) -> None:
    groups = grouped(rows, by)
    assert Counter(row["n"] for group in groups for row in group.rows) == Counter(row["n"] for row in rows)
    for group in groups:
        assert all(row["priority"] != 1 for row in group.rows) or len(group.rows) == 1
        assert len({row["post"] for row in group.rows}) == 1
        if by != "first_out":
            assert list(group.rows) == sorted(group.rows, key=lambda row: (row["happened_at"], row["n"]))
            assert group.lead is None
        assert group.worst == min(row["priority"] for row in group.rows)
        if group.key:
            assert {row["groups"][by] for row in group.rows} == {group.key}
    assert len({(group.first["post"], group.key) for group in groups if group.key}) == sum(bool(group.key) for group in groups)


@pytest.mark.parametrize("by", BY)
def test_groups_come_in_the_order_of_the_list(by: str) -> None:
    rows = [
        {"priority": 3, "post": "gas", "groups": {by: key}, "happened_at": -n, "n": n, "noticed_at": START, "on_delay": 0}
        for n, key in enumerate("abacb")
    ]
    groups = grouped(rows, by)
    assert [group.key for group in groups] == ["a", "b", "c"]
    assert [row["n"] for row in groups[0].rows] == [2, 0]


def first_out_rows() -> list[dict[str, Any]]:
    """The cause's alarm waits 2 s before it comes at 12 s, its consequence's comes at 11 s at once; the third belongs to cause 2."""
    facts = (("cause", 12, 2, [1]), ("consequence", 11, 0, []), ("other cause", 13, 0, [2]))
    return [
        {"id": name, "priority": 2, "post": "gas", "groups": {"first_out": "XA-900"}, "n": n, "noticed_at": START,
         "happened_at": START + at * SECOND, "on_delay": delay, "first_out_states": states}
        for n, (name, at, delay, states) in enumerate(facts)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("registers", "order", "lead"),
    [
        ({"XA-900": 2}, ["other cause", "cause", "consequence"], Lead.REGISTER),
        ({"XA-900": 1}, ["cause", "consequence", "other cause"], Lead.REGISTER),
        ({"XA-900": 0}, ["cause", "consequence", "other cause"], Lead.STAMPS),
        ({"XA-900": 7}, ["cause", "consequence", "other cause"], Lead.STAMPS),
        ({}, ["cause", "consequence", "other cause"], Lead.UNKNOWN),
        (None, ["cause", "consequence", "other cause"], Lead.UNKNOWN),
    ],
)
def test_a_first_out_group_leads_with_what_the_register_trapped_else_by_stamps_less_the_on_delays(
    registers: dict[str, int] | None, order: list[str], lead: Lead
) -> None:
    (group,) = grouped(first_out_rows(), "first_out", registers)
    assert [row["id"] for row in group.rows] == order
    assert group.lead is lead


def test_a_storm_of_ten_thousand_alarms_is_a_few_items_for_each_post() -> None:
    """T13: 10,000 alarms in 10 s from 8 units of 4 posts, 5 of them of priority 1."""
    rng = np.random.default_rng(13)
    units = rng.integers(0, 8, 10_000)
    rows = [
        {
            "n": n,
            "priority": 1 if n % 2000 == 0 else int(rng.integers(2, 5)),
            "post": f"post {units[n] // 2}",
            "groups": {"unit": f"U{units[n]}"},
            "happened_at": START + n * 1000,
            "noticed_at": START + n * 1000,
        }
        for n in range(10_000)
    ]
    groups = grouped(rows, "unit")
    items = items_within_ten_minutes(groups, START + 10 * SECOND)
    assert sum(len(group.rows) for group in groups) == 10_000
    assert max(items.values()) <= 10
    assert sum(items.values()) == 8 + 5
