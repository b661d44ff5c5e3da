"""The public alarm log of the vinyl acetate plant, measured twice: by us and by SQL that shares nothing with it.

The log has when each alarm began and ended, in whole minutes, one operator and no acknowledgements. Its busiest ten minutes hold 9
alarms, so by the standards' 10 there is no flood in it; floods are therefore also compared at lower numbers.
"""

from __future__ import annotations

import csv
import gzip
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from anlan.model.clock import HOUR, MINUTE, SECOND
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.monitor.flood import BEGINS_AT, ENDS_BELOW, floods
from anlan.monitor.kpi import Columns, Facts, Report, measure
from anlan.monitor.kpi.chattering import chattering

LOG = Path(os.environ.get("ANLAN_SHARED_DATA", Path(__file__).parents[3] / "shared/data")) / "vac_alarms/eventlog.csv.gz"
FAULT = 10_000
"""Codes from here on are injected faults, not alarms."""
EPOCH = 1_767_225_600 * SECOND
Row = tuple[int, int, int]

pytestmark = pytest.mark.skipif(not LOG.exists(), reason="shared/data/vac_alarms is not beside this checkout")


@pytest.fixture(scope="module")
def raw() -> list[Row]:
    """(code, start, end) in minutes, as published."""
    with gzip.open(LOG, "rt") as file:
        rows = [(int(row["code"]), int(row["start"]), int(row["end"])) for row in csv.DictReader(file)]
    return sorted(row for row in rows if row[0] < FAULT)


@pytest.fixture(scope="module")
def log(raw: list[Row]) -> list[Row]:
    """Four rows begin while the same alarm is still on: it is not annunciated a second time."""
    merged: list[Row] = []
    for code, start, end in raw:
        if merged and merged[-1][0] == code and start <= merged[-1][2]:
            merged[-1] = (code, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((code, start, end))
    return merged


@pytest.fixture(scope="module")
def last(log: list[Row]) -> int:
    """Minutes of the window, in whole hours."""
    return (max(end for _, _, end in log) // 60 + 1) * 60


def priority_of(code: int) -> int:
    """The log has none; a number made of the code lets the distribution be compared."""
    return code // 10 % 4 + 1


@pytest.fixture(scope="module")
def columns(log: list[Row]) -> Columns:
    """Start → CONDITION_ON, end → CONDITION_OFF; nobody acknowledges."""
    steps = []
    for number, (code, start, end) in enumerate(log):  # sorted: the end of one comes before the start of the next of that alarm
        steps += [(start, number, 0, code), (end, number, 1, code)]
    steps.sort()
    known: dict[int, AlarmState] = {}
    rows = []
    for minute, _, off, code in steps:
        trigger, to = (
            (Trigger.CONDITION_ON, AlarmState.UNACKNOWLEDGED),
            (Trigger.CONDITION_OFF, AlarmState.RETURNED_UNACKNOWLEDGED),
        )[off]
        rows.append((code, trigger, known.get(code, AlarmState.NORMAL), to, EPOCH + minute * MINUTE, EPOCH + minute * MINUTE))
        known[code] = to
    return Columns(*np.array(rows, np.int64).T)


@pytest.fixture(scope="module")
def report(log: list[Row], columns: Columns, last: int) -> Report:
    facts = {code: Facts(priority_of(code), "operator", 10 * MINUTE) for code, _, _ in log}
    return measure(columns, facts, EPOCH, EPOCH + last * MINUTE)


@pytest.fixture(scope="module")
def sql(raw: list[Row], last: int) -> Iterator[sqlite3.Connection]:
    """The raw log, its overlapping rows joined by SQL; and every minute with how many were told in it and in the ten up to it."""
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE raw(code, start, stop)")
        db.executemany("INSERT INTO raw VALUES (?, ?, ?)", raw)
        db.executescript(
            f"""CREATE TABLE log AS
                  WITH reached AS (SELECT *, max(stop) OVER (PARTITION BY code ORDER BY start, stop
                                     ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM raw),
                       island AS (SELECT *, sum(before IS NULL OR start > before) OVER (PARTITION BY code ORDER BY start, stop) AS i FROM reached)
                  SELECT code, min(start) AS start, max(stop) AS stop FROM island GROUP BY code, i;
                CREATE TABLE minute(t INTEGER PRIMARY KEY, told, within);
                WITH RECURSIVE clock(t) AS (SELECT 0 UNION ALL SELECT t + 1 FROM clock WHERE t < {last + 10})
                INSERT INTO minute SELECT t, coalesce(n, 0), sum(coalesce(n, 0)) OVER (ORDER BY t ROWS 9 PRECEDING)
                  FROM clock LEFT JOIN (SELECT start, count(*) AS n FROM log GROUP BY start) ON start = t;"""
        )
        yield db


def test_the_log_is_the_one_that_was_described(raw: list[Row], log: list[Row]) -> None:
    assert (len(raw), len(log)) == (4063, 4059)
    assert len({code for code, _, _ in log}) == 36


def test_rates_are_those_of_the_query(report: Report, sql: sqlite3.Connection, last: int) -> None:
    rate = report.posts["operator"].rate
    (count,) = sql.execute("SELECT count(*) FROM log").fetchone()
    assert rate.count == count
    assert rate.per_hour == pytest.approx(count / (last / 60))
    for width, peak in ((10, rate.peak_10_min), (60, rate.peak_hour)):
        (most,) = sql.execute("SELECT max(n) FROM (SELECT count(*) AS n FROM log GROUP BY start / ?)", (width,)).fetchone()
        assert peak == most
    (sliding,) = sql.execute("SELECT max(within) FROM minute").fetchone()
    assert rate.peak_10_min_any == sliding == 9
    for width, above in ((10, rate.periods_above), (60, rate.hours_above)):
        for limit, share in above.items():
            (over,) = sql.execute(
                "SELECT count(*) FROM (SELECT count(*) AS n FROM log GROUP BY start / ? HAVING n > ?)", (width, limit)
            ).fetchone()
            assert share == pytest.approx(over / (last / width))


def test_priorities_bad_actors_and_times_are_those_of_the_query(report: Report, sql: sqlite3.Connection) -> None:
    found = report.whole
    assert found.priorities == dict(sql.execute("SELECT code / 10 % 4 + 1, count(*) FROM log GROUP BY 1"))
    top = sql.execute("SELECT code, count(*) AS n FROM log GROUP BY code ORDER BY n DESC, code LIMIT 10").fetchall()
    assert [(one.alarm, one.count) for one in found.actors] == top
    (brief,) = sql.execute("SELECT count(*) FROM log WHERE (stop - start) * 60 < 10").fetchone()
    assert found.fleeting == brief > 0
    (within, longest) = sql.execute("SELECT avg(stop - start <= 10), max(stop - start) * 60 FROM log").fetchone()
    respond = found.answered.respond
    assert found.answered.in_time == pytest.approx(within)
    assert (respond.count, respond.longest) == (4059, longest)
    (median,) = sql.execute("SELECT stop - start FROM log ORDER BY 1 LIMIT 1 OFFSET 2029").fetchone()
    assert respond.median == median * 60
    assert found.answered.acknowledge.count == 0
    assert found.answered.never + found.answered.waiting == 4059


def test_the_chattering_index_is_that_of_the_query(report: Report, log: list[Row], sql: sqlite3.Connection) -> None:
    """In minutes the log cannot chatter by seconds; the index itself is compared for every alarm."""
    wanted = dict(
        sql.execute(
            """WITH run AS (SELECT code, start - lag(start) OVER (PARTITION BY code ORDER BY start) AS r FROM log),
                    share AS (SELECT code, max(r * 60, 1) AS r, count(*) * 1.0 / sum(count(*)) OVER (PARTITION BY code) AS p
                              FROM run WHERE r IS NOT NULL GROUP BY code, max(r * 60, 1))
               SELECT code, sum(p / r) FROM share GROUP BY code"""
        )
    )
    codes = np.array([code for code, _, _ in log], np.int64)
    times = EPOCH + np.array([start for _, start, _ in log], np.int64) * MINUTE
    found = {one.alarm: one.index for one in chattering(codes, times)}
    assert found.keys() == wanted.keys()
    assert all(found[code] == pytest.approx(psi, rel=1e-12) for code, psi in wanted.items())
    assert {one.alarm for one in report.whole.chattering} == {code for code, psi in wanted.items() if psi > 0.05}


@pytest.mark.parametrize(("begins_at", "ends_below"), [(BEGINS_AT, ENDS_BELOW), (6, 3), (5, 3), (4, 2), (3, 1)])
def test_floods_are_those_of_the_query(
    log: list[Row], sql: sqlite3.Connection, last: int, begins_at: int, ends_below: int
) -> None:
    """The state of each minute follows from that of the minute before: on from `begins_at`, off below `ends_below`."""
    minutes = sql.execute(
        """WITH RECURSIVE state(t, flooded) AS (
             SELECT 0, 0
             UNION ALL SELECT m.t, CASE WHEN s.flooded THEN m.within >= :off ELSE m.within >= :on END
                       FROM state s JOIN minute m ON m.t = s.t + 1)
           SELECT t FROM (SELECT t, flooded, lag(flooded, 1, 0) OVER (ORDER BY t) AS was FROM state) WHERE flooded <> was ORDER BY t""",
        {"on": begins_at, "off": ends_below},
    ).fetchall()
    edges = [t for (t,) in minutes]
    wanted = list(zip(edges[::2], edges[1::2], strict=True))
    at = np.array(sorted(EPOCH + start * MINUTE for _, start, _ in log), np.int64)
    found = floods(at, EPOCH + (last + 10) * MINUTE, begins_at=begins_at, ends_below=ends_below)
    assert [((one.began_at - EPOCH) // MINUTE, ((one.ended_at or 0) - EPOCH) // MINUTE) for one in found] == wanted
    assert bool(found) is (begins_at < 10)


def test_the_report_has_no_flood_as_nobody_was_told_of_ten(report: Report) -> None:
    assert report.whole.flood.count == 0
    assert report.whole.flood.share == 0.0
    assert report.whole.end - report.whole.start > 300 * 24 * HOUR
