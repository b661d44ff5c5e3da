"""What each scenario makes of the plant, and when: the first five minutes of a new user depend on it."""

from __future__ import annotations

import csv
import math
import operator
from functools import cache

import pytest

from anlan.model.errors import InputError
from anlan.sense.demo.recording import Recorded
from anlan.sense.demo.scenario import DEFAULT_SPEED, Event, Scenario, scenario, scenarios
from anlan.sense.demo.wiring import PLANT, read
from anlan.sense.demo.world import World
from anlan.sense.demo.world.gas import SOURCES
from anlan.sense.demo.world.safety import BUTTONS, EFFECTS

STEP = 20.0
TESTS = {"HH": operator.gt, "H": operator.gt, "L": operator.lt, "LL": operator.lt}


@cache
def rows() -> list[dict[str, str]]:
    with (PLANT / "points.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def alarms(name: str, minutes: float = 10.0) -> dict[str, float]:
    """The alarms whose condition the scenario meets within `minutes` on the wall at the default speed → wall seconds of the first time."""
    world = World(scenario(name), Recorded(scenario(name).process))
    limits = [(r["id"], kind, float(r[kind])) for r in rows() for kind in TESTS if r[kind]]
    states = [(r["id"], {float(s) for s in r["ST"].split(";")}) for r in rows() if r["ST"]]
    found: dict[str, float] = {}
    for seconds in range(0, int(minutes * 60 * DEFAULT_SPEED), int(STEP)):
        world.advance_to(seconds)
        values, wall = world.values(), seconds / DEFAULT_SPEED
        met = [f"{p}.{kind}" for p, kind, limit in limits if TESTS[kind](values[p], limit)]
        met += [f"{p}.ST" for p, alarming in states if values[p] in alarming]
        found = {**dict.fromkeys(met, wall), **found}
    return found


def within(found: dict[str, float], alarm: str, minute: int, second: int, slack: float) -> bool:
    return abs(found.get(alarm, math.inf) - (60 * minute + second)) <= slack


def test_the_main_story_keeps_its_times() -> None:
    found = alarms("default")
    assert within(found, "PI-101.H", 2, 0, 5)
    assert within(found, "PI-101.HH", 2, 20, 5)
    assert within(found, "AT-201.H", 3, 10, 5)
    assert within(found, "AT-201.HH", 3, 30, 5)


def test_nothing_else_alarms_in_the_first_minutes_of_the_main_story() -> None:
    early = {alarm for alarm, wall in alarms("default").items() if wall < 240}
    assert early == {"PI-101.H", "PI-101.HH", "AT-201.H", "AT-201.HH", "XA-200.ST"}


def test_the_bypass_lets_the_chlorine_vote_pass_without_a_trip() -> None:
    assert "SIF-07.ST" not in alarms("default")


@pytest.mark.slow
def test_nothing_alarms_in_quiet_operation_for_two_rounds() -> None:
    assert alarms("quiet", minutes=50.0) == {}


@pytest.mark.parametrize(
    ("name", "alarm", "minute", "second"),
    [
        ("chlorine-leak", "AT-201.HH", 1, 8),
        ("chlorine-leak", "SIF-07.ST", 1, 25),
        ("lpg-leak", "AT-303.H", 1, 10),
        ("lpg-leak", "AT-303.HH", 1, 20),
        ("bypass-overdue", "BP-07.ST", 1, 0),
        ("tank-overfill", "LI-301.HH", 1, 5),
        ("tank-overfill", "SIF-08.ST", 1, 10),
        ("warehouse-fire", "XS-402.ST", 1, 0),
        ("person-down", "XS-705.ST", 1, 0),
    ],
)
def test_a_scenario_does_what_it_says(name: str, alarm: str, minute: int, second: int) -> None:
    assert within(alarms(name, minutes=2.0), alarm, minute, second, 6)


def test_a_frozen_sensor_never_shows_the_overpressure() -> None:
    found = alarms("sensor-freeze", minutes=3.0)
    assert "PI-101.H" not in found


def test_a_leak_stops_when_the_safety_function_shuts_the_valve() -> None:
    world = World(scenario("chlorine-leak"), Recorded("normal"))
    world.advance_to(1_800.0)
    at_the_trip = world.values()
    world.advance_to(2_400.0)
    assert (at_the_trip["SIF-07"], at_the_trip["XV-201.ZSC"], at_the_trip["XR-203F"]) == (1.0, 1.0, 1.0)
    assert world.values()["AT-201"] < 0.1


@pytest.mark.parametrize("name", [n for n in scenarios() if n.startswith("tep-idv-")])
def test_a_tep_disturbance_enters_after_a_wall_minute(name: str) -> None:
    chosen = scenario(name)
    assert chosen.onset == 60 * DEFAULT_SPEED
    assert chosen.process == name.removeprefix("tep-")


def test_every_event_speaks_of_something_that_exists() -> None:
    known = {
        "leak": set(SOURCES),
        "bypass": set(EFFECTS),
        "press": set(BUTTONS),
        "cut": {source.id for source in read()},
        "sos": {r["id"].removeprefix("XS-") for r in rows() if r["kind"] == "person.sos"},
        "fill": {"V-201", "V-202", "V-301", "V-302", "V-303"},
    }
    points = {r["id"] for r in rows()}
    lost = [(s.name, e.target) for s in scenarios().values() for e in s.events if e.target not in known.get(e.do, points)]
    assert lost == []


def test_every_scenario_is_told_in_both_languages() -> None:
    assert [s.name for s in scenarios().values() if not (s.title.zh and s.title.en and s.story.zh and s.story.en)] == []


def test_the_default_stands_first() -> None:
    assert next(iter(scenarios())) == "default"


def test_an_unknown_scenario_is_answered_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"'nosuch'.*default, quiet, chlorine-leak"):
        scenario("nosuch")


def test_a_live_demo_plays_disturbances_that_are_not_recorded() -> None:
    assert scenario("tep-idv-20", live=True).process == "idv-20"


def test_a_story_begins_again_after_its_cycle() -> None:
    told = scenario("tank-overfill")
    assert told.now(told.cycle + 600.0) == 600.0
    assert told.acting("fill", told.now(told.cycle + 599.0)) == []
    assert [e.target for e in told.acting("fill", told.now(told.cycle + 600.0))] == ["V-301"]


def test_a_leak_opens_over_its_ramp_and_ends() -> None:
    leak = Event(do="leak", target="V-201", at=100.0, lasts=50.0, ramp=40.0, rate=1.0)
    assert [leak.opening(t) for t in (99.0, 100.0, 120.0, 140.0, 149.0, 150.0)] == [0.0, 0.0, 0.5, 1.0, 1.0, 0.0]


def test_a_scenario_refuses_keys_it_does_not_know() -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        Scenario.model_validate({"title": {"en": "x"}, "story": {"en": "y"}, "speeed": 3})
