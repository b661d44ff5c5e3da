"""A replay decides as the node did: against a log with a tick each second, and against itself with no tick left out."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest
from engine_leading import engine_config
from engine_reference_state import SECOND, Config, Point, Rule
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.clock import DAY, Micros
from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.engine import Engine
from anlan.monitor.layout import TRANSITION, Structs
from anlan.monitor.program import Instruction, Op, Program, cells_of
from anlan.monitor.replay import Episodes, Remembered, Replay, in_order, replayed, silence_limits
from anlan.monitor.sub_plant import changed, cut, held, measured
from tests.examples import tried_on

START = 1_767_225_600 * SECOND
BAD = quality(Severity.BAD, Reason.SENSOR_FAILURE)
FACTS = ["alarm", "episode", "trigger", "before", "after", "happened_at", "value", "quality", "limit"]
ABSENCE = {int(AlarmKind.STALE), int(AlarmKind.LOSS_OF_VIEW)}
DELAYS = (0, 0, 1 * SECOND, 3 * SECOND, 10 * SECOND)


class EachTick(Replay):
    """Leaves out no tick."""

    def _next_due(self) -> Micros:
        return (self.now // SECOND + 1) * SECOND


def plant(random: Random) -> EngineConfig:
    """Four points, cyclic and on change, of two sources, with every kind of rule that watches a reading."""
    points = tuple(Point(n, 1 + n % 2, random.random() < 0.4, random.choice((2, 3, 30)) * SECOND) for n in range(1, 5))
    rules = [loss(101, 1), loss(102, 2)]
    number = 10
    for point in points:
        for kind in random.sample([k for k in AlarmKind if k < AlarmKind.LOSS_OF_VIEW], 4):
            limit = round(random.gauss(5 if kind in {AlarmKind.HIGH, AlarmKind.HIGH_HIGH} else -5, 1)) * 1.0
            rules.append(
                Rule(
                    number=number,
                    kind=kind,
                    target=point.number,
                    limit=limit,
                    dead_band=random.choice((0.0, 1.0)) if kind <= AlarmKind.HIGH_HIGH else 0.0,
                    on_delay=random.choice(DELAYS),
                    off_delay=random.choice(DELAYS),
                    latching=random.random() < 0.2,
                    states=(1, 2) if kind is AlarmKind.STATE else (),
                )
            )
            number += 1
    return engine_config(Config(1, (1, 2), points, tuple(rules)))


def loss(number: int, source: int) -> Rule:
    return Rule(number=number, kind=AlarmKind.LOSS_OF_VIEW, target=source, priority=1)


def recording(random: Random, rows: int = 150) -> Readings:
    """Values that cross limits, jittered times, gaps from a breath to hours, some bad, some doubled."""
    time, told = START, []
    for _ in range(rows):
        time += random.choice((0, 300_000, SECOND, SECOND, SECOND, 2 * SECOND, 7 * SECOND))
        if random.random() < 0.02:
            time += random.choice((60 * SECOND, 600 * SECOND))
        value = round(random.gauss(0, 4))
        told.append((random.randint(1, 4), time, float(value), BAD if random.random() < 0.05 else 0))
    return Readings.of(told)


def journal(rows: Structs) -> list[tuple[Any, ...]]:
    return [tuple(str(x) for x in row) for row in rows[FACTS].tolist()]


def as_a_node(config: EngineConfig, readings: Readings, phase: Micros) -> Structs:
    """The log of a node that took these readings one by one, with a tick each second `phase` after the whole one, stepped by its engine."""
    engine = Engine()
    found, n = [], 0

    def step(kind: Kind, at: Micros, body: bytes, rows: int = 1) -> None:
        nonlocal n
        n += 1
        found.append(engine.step(Frame(n, (Part(kind, 1, 0, 0, at, rows, body),))).rows)

    def tick(at: Micros, links: dict[str, str] | None = None) -> None:
        step(Kind.TICK, at, orjson.dumps({"now": at, "sources": links or {}}))

    step(Kind.CONFIG, START, config.to_bytes())
    clock = (int(readings.time[0]) - 1) // SECOND * SECOND + phase
    clock -= SECOND if clock >= readings.time[0] else 0
    tick(clock, {"1": "up", "2": "up"})
    for i, at in enumerate(readings.time.tolist()):
        while clock + SECOND < at:
            clock += SECOND
            tick(clock)
        step(Kind.READINGS, at, readings[slice(i, i + 1)].to_bytes())
    while clock < end_of(readings):
        clock += SECOND
        tick(clock)
    return np.concatenate(found)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 32))
@pytest.mark.slow
def test_what_a_node_decided_on_values_is_decided_again(seed: int) -> None:
    random = Random(seed)
    config, readings = plant(random), recording(random)
    kind = dict(zip(config.rule_table["number"].to_pylist(), config.rule_table["kind"].to_pylist(), strict=True))

    def of_values(rows: Structs) -> list[tuple[Any, ...]]:
        # Between two ticks the order of different alarms may differ, that of one alarm not.
        return by_alarm(rows[[kind[int(a)] not in ABSENCE for a in rows["alarm"]]])

    assert of_values(replayed_to_its_end(config, readings)) == of_values(as_a_node(config, readings, phase=400_000))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1 << 32))
@pytest.mark.slow
def test_what_a_node_decided_on_silence_is_decided_again(seed: int) -> None:
    """Stamps and ticks on whole seconds: silence is timed by arrival and ticks, which are a node's own."""
    random = Random(seed)
    config, readings = plant(random), whole_seconds(recording(random))
    everyone = Readings.concat([Readings.of([(n, START, 0.0, 0) for n in range(1, 5)]), readings])
    assert by_alarm(replayed_to_its_end(config, everyone)) == by_alarm(as_a_node(config, everyone, phase=0))


def end_of(readings: Readings) -> Micros:
    """Some time after the last reading, so that what is about to end has ended."""
    return int(readings.time[-1]) // SECOND * SECOND + 60 * SECOND


def replayed_to_its_end(config: EngineConfig, readings: Readings) -> Structs:
    replay = Replay(config)
    return np.concatenate([replay.feed(readings), replay.until(end_of(readings))])


def by_alarm(rows: Structs) -> list[tuple[Any, ...]]:
    return sorted(journal(rows), key=lambda row: row[0])


def whole_seconds(readings: Readings) -> Readings:
    return Readings(readings.point, readings.time // SECOND * SECOND, readings.value, readings.quality)


@tried_on(st.integers(0, 1 << 32), st.booleans(), few=20, many=60)
def test_ticks_that_are_left_out_would_have_moved_nothing(seed: int, silence: bool) -> None:
    random = Random(seed)
    config, readings = plant(random), recording(random)
    limits = silence_limits(config, {1: 5 * SECOND, 2: 20 * SECOND}) if silence else {}
    sparse, dense = Replay(config, silent_after=limits), EachTick(config, silent_after=limits)
    end = int(readings.time[-1]) + 100 * SECOND
    assert journal(sparse.feed(readings)) == journal(dense.feed(readings))
    assert journal(sparse.until(end)) == journal(dense.until(end))
    assert sparse.engine.time == dense.engine.time


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32))
def test_how_readings_are_cut_decides_nothing(seed: int) -> None:
    random = Random(seed)
    config, readings = plant(random), recording(random)
    whole = Replay(config).feed(readings)
    cuts = sorted({0, len(readings), *(random.randrange(len(readings)) for _ in range(5))})
    # A cut within one second is a part of its own; its readings arrive a moment earlier, which only silence could notice.
    cuts = [
        c for c in cuts if c in (0, len(readings)) or (readings.time[c] - 1) // SECOND != (readings.time[c - 1] - 1) // SECOND
    ]
    pieces = Replay(config)
    assert journal(np.concatenate([pieces.feed(readings[slice(a, b)]) for a, b in pairwise(cuts)])) == journal(whole)


def one(*rules: Rule, on_change: bool = False, deadline: int = 3 * SECOND) -> EngineConfig:
    return engine_config(Config(1, (1,), (Point(1, 1, on_change, deadline),), rules))


def rule(kind: AlarmKind, number: int = 10, **rest: Any) -> Rule:
    return Rule(number=number, kind=kind, target=1, **rest)


def read(*rows: tuple[float, float]) -> Readings:
    return Readings.of([(1, START + round(at * SECOND), value, 0) for at, value in rows])


def seconds(rows: Structs) -> list[tuple[str, float]]:
    return [(Trigger(int(t)).name, (int(at) - START) / SECOND) for t, at in rows[["trigger", "happened_at"]].tolist()]


def test_three_days_of_silence_raise_one_alarm_at_the_right_moment_and_cost_few_ticks() -> None:
    config = one(rule(AlarmKind.STALE, on_delay=5 * SECOND))
    replay = Replay(config)
    found = replay.feed(read((0, 1.0), (1, 1.0), (3 * 86_400, 1.0)))
    assert seconds(found) == [("CONDITION_ON", 9.0), ("CONDITION_OFF", 3 * 86_400.0)]
    assert replay.engine.frame < 20
    assert replay.now <= START + 3 * DAY


def test_a_delay_runs_through_the_silence_of_a_point_that_reports_on_change() -> None:
    config = one(rule(AlarmKind.HIGH, limit=8.0, on_delay=3600 * SECOND), on_change=True, deadline=0)
    assert seconds(Replay(config).feed(read((0, 1.0), (10, 9.0), (2 * 86_400, 9.0)))) == [("CONDITION_ON", 3610.0)]


def test_a_recording_of_changes_only_is_held_when_it_is_said_so() -> None:
    config = one(rule(AlarmKind.HIGH, limit=8.0, on_delay=60 * SECOND), rule(AlarmKind.STALE, 11))
    readings = read((0, 9.0), (600, 1.0))
    assert seconds(Replay(config).feed(readings)) == [("CONDITION_ON", 3.0), ("CONDITION_OFF", 600.0)]
    assert seconds(Replay(held(config)).feed(readings)) == [("CONDITION_ON", 60.0), ("CONDITION_OFF", 600.0)]


def test_a_silent_source_is_one_alarm_and_its_points_are_not_stale_each() -> None:
    config = one(rule(AlarmKind.STALE, on_delay=20 * SECOND), loss(101, 1))
    replay = Replay(config, silent_after=silence_limits(config, {1: 5 * SECOND}))
    found = replay.feed(read((0, 1.0), (1, 1.0), (100, 1.0)))
    assert [(int(a), *s) for a, s in zip(found["alarm"], seconds(found), strict=True)] == [
        (101, "CONDITION_ON", 16.0),
        (101, "CONDITION_OFF", 100.0),
    ]


def test_a_source_whose_points_report_on_change_is_not_lost_by_silence() -> None:
    assert silence_limits(one(rule(AlarmKind.HIGH, limit=1.0), on_change=True), {1: 5 * SECOND}) == {}


def test_points_that_the_recording_lacks_raise_nothing() -> None:
    config = engine_config(
        Config(
            1,
            (1,),
            (Point(1, 1, False, 3 * SECOND), Point(2, 1, False, 3 * SECOND)),
            (Rule(10, AlarmKind.STALE, 1), Rule(11, AlarmKind.STALE, 2)),
        )
    )
    replay = Replay(config)
    assert len(replay.feed(read(*((at, 1.0) for at in range(100))))) == 0
    assert replay.heard().tolist() == [1]


def test_a_point_first_heard_late_is_not_late_before() -> None:
    config = engine_config(
        Config(1, (1,), (Point(1, 1, False, 3 * SECOND), Point(2, 1, False, 3 * SECOND)), (Rule(11, AlarmKind.STALE, 2),))
    )
    rows = [(1, START + at * SECOND, 1.0, 0) for at in range(60)] + [(2, START + 30 * SECOND, 1.0, 0)]
    assert seconds(Replay(config).feed(in_order(Readings.of(rows)))) == [("CONDITION_ON", 33.0)]


def test_links_that_are_known_are_told() -> None:
    config = one(loss(101, 1), rule(AlarmKind.HIGH, limit=8.0))
    links = [(START + 5 * SECOND, 1, "down"), (START + 15 * SECOND, 1, "up")]
    found = replayed(config, Remembered(read((20, 9.0), (0, 1.0)), links), START + 20 * SECOND)
    assert seconds(found) == [("CONDITION_ON", 5.0), ("CONDITION_OFF", 15.0), ("CONDITION_ON", 20.0)]


def test_counts_say_what_became_of_each_row() -> None:
    replay = Replay(one(rule(AlarmKind.HIGH, limit=8.0)))
    replay.feed(Readings.of([(1, START, 1.0, 0), (1, START, 1.0, 0), (7, START, 1.0, 0), (1, START + 1, 2.0, BAD)]))
    counts = replay.counts
    assert (counts.readings, counts.applied, counts.duplicate, counts.unknown, counts.late) == (4, 2, 1, 1, 0)
    assert counts.quality == (3, 0, 1)


def test_episodes_are_conditions_not_acknowledgements() -> None:
    config = one(rule(AlarmKind.HIGH, limit=8.0))
    episodes = Episodes()
    episodes.add(Replay(config).feed(read((0, 1.0), (1, 9.0), (2, 1.0), (3, 9.5))))
    assert [((e.begins - START) // SECOND, e.ends and (e.ends - START) // SECOND, e.value) for e in episodes.all] == [
        (1, 2, 9.0),
        (3, None, 9.5),
    ]


def test_an_episode_ends_where_the_alarm_is_hidden_and_another_begins_where_it_comes_back() -> None:
    rows: Structs = np.zeros(4, TRANSITION)
    rows["alarm"], rows["happened_at"] = 10, (1, 5, 9, 12)
    rows["trigger"] = (Trigger.CONDITION_ON, Trigger.SUPPRESS, Trigger.UNSUPPRESS, Trigger.CONDITION_OFF)
    rows["after"] = (
        AlarmState.UNACKNOWLEDGED,
        AlarmState.SUPPRESSED,
        AlarmState.UNACKNOWLEDGED,
        AlarmState.RETURNED_UNACKNOWLEDGED,
    )
    episodes = Episodes()
    episodes.add(rows)
    assert [(e.begins, e.ends) for e in episodes.all] == [(1, 5), (9, 12)]


# -------------------------------------------------------------------------------------------------------- calculated points


def calculating(on_change: bool = False) -> EngineConfig:
    """Point 5 = point 1 held above 2 for 4 s; point 6 = point 5 or point 2 above 3; alarm 20 on 6; point 3 has nothing to do with it."""
    longer = Program(
        (Instruction(Op.POINT, 1), Instruction(Op.CONST, 0, 2.0), Instruction(Op.GT), Instruction(Op.HOLD, 0, 4e6)),
        (1,),
        cells_of(Op.HOLD),
        True,
        2,
    )
    either = Program(
        (
            Instruction(Op.POINT, 5),
            Instruction(Op.POINT, 2),
            Instruction(Op.CONST, 0, 3.0),
            Instruction(Op.GT),
            Instruction(Op.OR),
        ),
        (5, 2),
        0,
        False,
        3,
    )
    return EngineConfig.from_columns(
        1,
        {"number": [1]},
        {"number": [1, 2, 3, 5, 6], "source": [1] * 5, "on_change": [on_change] * 5, "deadline": [0 if on_change else 3_000] * 5},
        {
            "number": [20, 30],
            "kind": [int(AlarmKind.STATE), int(AlarmKind.HIGH)],
            "target": [6, 3],
            "limit": [math.nan, 2.0],
            "states": [[1], []],
        },
        programs=[(5, longer), (6, either)],
    )


@tried_on(st.integers(0, 1 << 32), st.booleans(), few=15, many=40)
def test_calculated_points_miss_no_tick_that_matters(seed: int, on_change: bool) -> None:
    readings = recording(Random(seed))
    sparse, dense = Replay(calculating(on_change)), EachTick(calculating(on_change))
    assert journal(sparse.feed(readings)) == journal(dense.feed(readings))


def test_a_condition_that_must_hold_ends_by_time_alone() -> None:
    assert seconds(Replay(calculating(on_change=True)).feed(read((0, 1.0), (10, 5.0), (1000, 5.0)))) == [("CONDITION_ON", 14.0)]


def test_a_calculated_point_takes_its_inputs_along() -> None:
    part = cut(calculating(), [6])
    assert part.point_table["number"].to_pylist() == [1, 2, 5, 6]
    assert measured(part) == [1, 2]
    assert part.rule_table["number"].to_pylist() == [20]
    assert part.code_table.num_rows == 9
    only = cut(calculating(), [3])
    assert (only.point_table["number"].to_pylist(), only.program_table.num_rows, only.code_table.num_rows) == ([3], 0, 0)
    whole, alone = (seconds_of(Replay(config).feed(rows()), 20) for config in (calculating(), part))
    assert whole == alone != []


def rows() -> Readings:
    return Readings.of([(1 + at % 3, START + at * SECOND, float(at % 7), 0) for at in range(200)])


def seconds_of(found: Structs, alarm: int) -> list[tuple[str, float]]:
    return seconds(found[found["alarm"] == alarm])


# ------------------------------------------------------------------------------------------------------------- sub-plants


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 32), st.sets(st.integers(1, 4), min_size=1))
@pytest.mark.slow
def test_a_part_of_the_plant_is_decided_as_in_the_whole(seed: int, points: set[int]) -> None:
    random = Random(seed)
    config, readings = plant(random), recording(random)
    part = cut(config, points)
    assert set(measured(part)) == points
    own = np.isin(readings.point, sorted(points))
    few = Readings(readings.point[own], readings.time[own], readings.value[own], readings.quality[own])
    whole = Replay(config)
    found = np.concatenate([whole.feed(readings), whole.until(int(readings.time[-1]) + SECOND)])
    alone = Replay(part)
    expected = found[np.isin(found["alarm"], part.rule_table["number"].to_pylist())]
    got = np.concatenate([alone.feed(few), alone.until(int(readings.time[-1]) + SECOND)])
    by_values = [f for f in FACTS if f != "happened_at"]
    for alarm in part.rule_table["number"].to_pylist():
        of = [
            [tuple(str(x) for x in row) for row in rows[rows["alarm"] == alarm][by_values].tolist()] for rows in (got, expected)
        ]
        assert of[0] == of[1]


def test_a_changed_rule_is_checked_again() -> None:
    from anlan.model.errors import InputError

    config = one(rule(AlarmKind.HIGH, limit=8.0))
    other = changed(config, {10: {"limit": 9.0, "on_delay": 2_000}})
    assert other.rule_table["limit"].to_pylist() == [9.0]
    assert other.rule_table["on_delay"].to_pylist() == [2_000]
    assert config.rule_table["limit"].to_pylist() == [8.0]
    with pytest.raises(InputError, match="no finite limit"):
        changed(config, {10: {"limit": float("nan")}})
    with pytest.raises(InputError, match="alarm 99 does not exist"):
        changed(config, {99: {"limit": 1.0}})
