"""The first five minutes decided by the real engine: each transition of the main story at the time a new user is promised."""

from __future__ import annotations

from functools import cache

import orjson
import pytest

from anlan.model.clock import SECOND
from anlan.model.detector_states import state_points
from anlan.model.events.alarms import AlarmState
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.monitor.engine import Engine
from anlan.plant.compile import all_points, all_rules, engine_config
from anlan.plant.folder import load
from anlan.plant.version import Numbers
from anlan.sense.demo.recording import Recorded
from anlan.sense.demo.scenario import DEFAULT_SPEED, scenario
from anlan.sense.demo.wiring import PLANT
from anlan.sense.demo.world import World
from anlan.sense.own_states import OwnStates

pytestmark = pytest.mark.slow
START = 1_767_225_600 * SECOND
FAILED = quality(Severity.BAD, Reason.NE43_LOW)


@cache
def story(name: str, minutes: float) -> list[tuple[str, AlarmState, float]]:
    """(alarm, its state after, wall seconds) of every transition, the plant read once a second."""
    plant = load(PLANT)
    numbers = Numbers(*({t.id: n for n, t in enumerate(of, 1)} for of in (plant.sources, all_points(plant), all_rules(plant))))
    alarm_of = {number: alarm for alarm, number in numbers.alarms.items()}
    engine, world = Engine(), World(scenario(name), Recorded(scenario(name).process))
    config = engine_config(plant, numbers, 1).to_bytes()
    engine.step(Frame(1, (Part(Kind.CONFIG, 0, 0, 0, START, 0, config),)))
    states = OwnStates((numbers.points[d.id], numbers.points[s.id], reasons) for d, s, reasons in state_points(plant.points))
    found = []
    for second in range(int(60 * minutes)):
        now = START + second * SECOND
        world.advance_to(second * DEFAULT_SPEED)
        values = world.values()
        parts = [_part(plant, numbers, states, values, source, number, second, now) for source, number in numbers.sources.items()]
        tick = Part(Kind.TICK, 0, 0, second, now, 0, orjson.dumps({"now": now}))
        done = engine.step(Frame(second + 2, (*parts, tick)))
        moved = [e for e in done.events() if e.after is not e.before]
        found += [(alarm_of[e.alarm], e.after, (e.happened_at - START) / SECOND) for e in moved]
    return found


def _part(
    plant: object, numbers: Numbers, states: OwnStates, values: dict[str, float], source: str, number: int, second: int, now: int
) -> Part:
    rows = [
        (
            numbers.points[p.id],
            now,
            values[p.id] if values[p.id] == values[p.id] else 0.0,
            GOOD if values[p.id] == values[p.id] else FAILED,
        )
        for p in plant.points  # type: ignore[attr-defined]
        if p.source == source
    ]
    return Part.of_readings(number, START, second * len(rows), now, states.judged(Readings.of(rows)))


def raised(name: str, minutes: float) -> list[tuple[str, float]]:
    return [(alarm, wall) for alarm, after, wall in story(name, minutes) if after is AlarmState.UNACKNOWLEDGED]


def test_the_main_story_raises_these_alarms_at_these_times() -> None:
    """SIF-07 is bypassed and nobody has approved it; 2:00 high, 2:20 high-high, 3:10 chlorine level 1, 3:30 level 2 and with it the vote,
    of two since AT-203 is being calibrated; nothing else in four minutes."""
    promised = {
        "BP-07.IF": 0,
        "PI-101.H": 120,
        "PI-101.HH": 140,
        "AT-201.H": 190,
        "AT-201.HH": 210,
        "AV-200.ST": 210,
        "XA-200.ST": 210,
    }
    told = raised("default", 4.0)
    assert [alarm for alarm, _ in told] == list(promised)
    assert {alarm: wall for alarm, wall in told if abs(wall - promised[alarm]) > 5} == {}


def test_pressure_returns_after_the_valve_is_throttled() -> None:
    after = {alarm: state for alarm, state, wall in story("default", 4.0)}
    assert after["PI-101.H"] is after["PI-101.HH"] is AlarmState.RETURNED_UNACKNOWLEDGED


def test_quiet_operation_raises_no_alarm() -> None:
    """The low flow of a pump that stands still is suppressed by design, and comes back with the pump."""
    assert raised("quiet", 5.0) == []
    assert {alarm for alarm, _, _ in story("quiet", 5.0)} == {"FI-501.L"}
