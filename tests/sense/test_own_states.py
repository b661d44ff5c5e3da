"""Detectors that say of themselves that they are under test gas or faulty."""

from __future__ import annotations

import numpy as np
import orjson
import pytest

from anlan.model.detector_states import state_points
from anlan.model.events.alarms import AlarmKind, AlarmState
from anlan.model.frames import Frame, Kind, Part
from anlan.model.points import Point
from anlan.model.quality import Flag, Reason, Severity, quality, reason_of
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.monitor.engine import Engine, EngineConfig
from anlan.sense.own_states import OwnStates
from anlan.sense.ranges import Ranges

AT, XS, OTHER = 1, 2, 3
STATES = {
    0: ("工作", "In service"),
    1: ("故障", "Fault"),
    2: ("校验", "Calibration"),
    3: ("抑制", "Inhibited"),
    4: ("超量程", "Over range"),
}


def point(name: str, kind: str, **rest: object) -> Point:
    return Point.model_validate(
        {"id": name, "place": "works/U200", "name": {"zh": name}, "kind": kind, "source": "plc", "address": "hr:0", **rest}
    )


def of(*rows: tuple[int, float] | tuple[int, float, int]) -> Readings:
    return Readings.of([(r[0], 1_000 + i, r[1], r[2] if len(r) > 2 else 0) for i, r in enumerate(rows)])


def own() -> OwnStates:
    return OwnStates([(AT, XS, {1: Reason.SENSOR_FAILURE, 2: Reason.CALIBRATION, 3: Reason.MAINTENANCE})])


def words(readings: Readings) -> list[Reason]:
    return [reason_of(int(word)) for word in readings.quality]


def test_a_detector_and_its_state_are_found_by_their_loop() -> None:
    states = {number: Label(zh=zh, en=en) for number, (zh, en) in STATES.items()}
    found = state_points(
        [
            point("AT-203", "gas.toxic", unit="ppm"),
            point("XS-203", "gas.detector.state", states=states),
            point("AT-204", "gas.toxic", unit="ppm"),
        ]
    )
    assert [(d.id, s.id, r) for d, s, r in found] == [
        ("AT-203", "XS-203", {1: Reason.SENSOR_FAILURE, 2: Reason.CALIBRATION, 3: Reason.MAINTENANCE})
    ]


def test_a_reading_under_test_gas_is_none_of_the_plants_air() -> None:
    states = own()
    assert words(states.judged(of((XS, 2.0), (AT, 5.0), (OTHER, 1.0)))) == [Reason.NONE, Reason.CALIBRATION, Reason.NONE]
    assert words(states.judged(of((AT, 5.0)))) == [Reason.CALIBRATION]  # until its state says otherwise
    assert words(states.judged(of((AT, 0.1), (XS, 0.0)))) == [Reason.NONE, Reason.NONE]
    assert words(states.judged(of((XS, 1.0), (AT, 0.0)))) == [Reason.NONE, Reason.SENSOR_FAILURE]


def test_what_the_device_says_of_its_own_value_stands_and_flags_stay() -> None:
    states = own()
    states.judged(of((XS, 2.0)))
    communication, demo = quality(Severity.BAD, Reason.COMMUNICATION), int(Flag.DEMO)
    found = states.judged(of((AT, 0.0, communication), (AT, 0.0, demo)))
    assert words(found) == [Reason.COMMUNICATION, Reason.CALIBRATION]
    assert int(found.quality[1]) & demo


def test_an_unknown_state_changes_nothing() -> None:
    states = own()
    states.judged(of((XS, 2.0)))
    bad = quality(Severity.BAD, Reason.COMMUNICATION)
    assert words(states.judged(of((XS, float("nan"), bad), (AT, 1.0)))) == [Reason.COMMUNICATION, Reason.CALIBRATION]
    plain = of((OTHER, 1.0))
    assert np.array_equal(OwnStates([]).judged(plain).quality, plain.quality)


@pytest.mark.parametrize(
    ("state", "reason"),
    [(0.0, Reason.OVER_RANGE), (1.0, Reason.OVER_RANGE), (2.0, Reason.CALIBRATION), (3.0, Reason.MAINTENANCE)],
)
def test_over_range_is_a_lower_bound_that_a_fault_does_not_hide_and_test_gas_does(state: float, reason: Reason) -> None:
    states = own()
    states.judged(of((XS, state)))
    over, demo = quality(Severity.UNCERTAIN, Reason.OVER_RANGE), int(Flag.DEMO)
    (word,) = states.judged(of((AT, 100.0, over | demo))).quality
    assert (reason_of(int(word)), int(word) & demo) == (reason, demo)


def test_a_catalytic_detector_driven_off_its_scale_that_calls_itself_faulty_alarms_and_is_latched() -> None:
    """5 → 100 %LEL with its fault → 12: what it reads after that is no evidence that the gas is gone."""
    gas = point("AT-203", "gas.combustible", unit="%LEL", principle="catalytic", range_low=0.0, range_high=100.0)
    ranges, states, engine = Ranges([(AT, gas)]), own(), Engine()
    high_high = {"number": [10], "kind": [AlarmKind.HIGH_HIGH], "target": [AT], "limit": [50.0]}
    config = EngineConfig.from_columns(
        1, {"number": [1]}, {"number": [AT, XS], "source": [1, 1], "latches": [True, False]}, high_high
    )

    def step(kind: Kind, body: bytes, source: int = 0, rows: int = 1) -> None:
        at = 1_000 + engine.frame
        found = engine.step(Frame(engine.frame + 1, (Part(kind, source, 1_000, 0, at, rows, body),)))
        assert not found.faults

    step(Kind.CONFIG, config.to_bytes())
    step(Kind.TICK, orjson.dumps({"now": 1_000, "sources": {"1": "up"}}))
    for k, rows in enumerate([((XS, 0.0), (AT, 5.0)), ((XS, 1.0), (AT, 100.0)), ((AT, 12.0),)]):
        sent = Readings.of([(number, 1_001 + k, value, 0) for number, value in rows])
        step(Kind.READINGS, states.judged(ranges.judged(sent)).to_bytes(), 1, len(rows))
    assert engine.state_of(10) is AlarmState.UNACKNOWLEDGED
    assert reason_of(int(engine.live([AT]).quality[0])) is Reason.OVER_RANGE_LATCHED
