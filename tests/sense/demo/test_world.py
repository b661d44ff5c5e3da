"""The demo plant behind its devices: gas, tanks, the safety system, the people and the tanker."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.words import Label
from anlan.sense.demo.recording import Recorded
from anlan.sense.demo.scenario import Deed, Event, Scenario, scenario
from anlan.sense.demo.wiring import PLANT
from anlan.sense.demo.world import Mark, World
from anlan.sense.demo.world.gas import plume
from anlan.sense.demo.world.loading import PHASES, ROAD, TARE, Loading, along
from anlan.sense.demo.world.people import PACE, ROUNDS, People
from anlan.sense.demo.world.safety import SafetySystem, Vote
from anlan.sense.demo.world.tanks import CHLORINE, PROPANE
from anlan.sense.demo.world.whole import tags

rates = st.floats(0.01, 1_000.0)
winds = st.floats(0.5, 20.0)
distances = st.floats(3.0, 500.0)


def points() -> list[dict[str, str]]:
    with (PLANT / "points.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def world(*events: Event) -> World:
    told = Scenario(name="test", title=Label(en="t"), story=Label(en="s"), events=events)
    return World(told, Recorded("normal"))


def event(do: Deed, target: str, **more: float) -> Event:
    return Event(do=do, target=target, **more)


def test_the_world_gives_exactly_the_points_of_the_folder() -> None:
    assert set(world().values()) == {row["id"] for row in points()}


def test_the_process_has_its_53_tags_and_the_reactor_pressure_is_its_seventh() -> None:
    assert len(set(tags())) == 53
    assert tags()[6] == "PI-101"


def test_every_value_of_quiet_operation_lies_in_its_range() -> None:
    quiet = world()
    quiet.advance_to(3_600.0)
    values = quiet.values()
    outside = [
        (r["id"], values[r["id"]])
        for r in points()
        if r["range_low"] and not float(r["range_low"]) - 0.05 <= values[r["id"]] <= float(r["range_high"])
    ]
    assert outside == []


def test_states_are_states_of_their_points() -> None:
    values = world().values()
    named = {r["id"]: {float(s.split("=")[0]) for s in r["states"].split(";")} for r in points() if r["states"]}
    assert [(p, values[p]) for p, states in named.items() if values[p] not in states] == []


def test_looking_does_not_change_what_happens() -> None:
    watched, alone = world(), world()
    for seconds in range(0, 600, 10):
        watched.advance_to(seconds)
        watched.values()
    watched.advance_to(600.0)
    alone.advance_to(600.0)
    assert watched.values()["WI-302"] == alone.values()["WI-302"]
    assert watched._weather.direction == alone._weather.direction


def test_another_seed_makes_another_weather() -> None:
    one, other = (World(scenario("quiet"), Recorded("normal"), seed) for seed in (1, 2))
    one.advance_to(60.0)
    other.advance_to(60.0)
    assert one.values()["WD-701"] != other.values()["WD-701"]


def test_a_failed_transmitter_shows_nothing_and_a_frozen_one_the_same() -> None:
    broken = world(event("fail", "TI-404"), event("freeze", "TI-701"))
    broken.advance_to(10.0)
    before = broken.values()["TI-701"]
    broken.advance_to(600.0)
    assert math.isnan(broken.values()["TI-404"])
    assert broken.marks()["TI-404"] is Mark.FAILED
    assert broken.values()["TI-701"] == before


def test_a_calibrated_detector_shows_zero_air_and_says_so() -> None:
    leaking = world(event("leak", "V-201", rate=0.3), event("bypass", "SIF-07"), event("calibrate", "AT-201"))
    leaking.advance_to(300.0)
    values = leaking.values()
    assert (values["AT-201"], values["XS-201"]) == (0.0, 2.0)
    assert values["AT-202"] > 0.05


def test_what_holds_at_the_start_is_shown_from_the_start() -> None:
    values = world(event("bypass", "SIF-07"), event("calibrate", "AT-203")).values()
    assert [values[p] for p in ("BP-07", "UA-200", "XS-203")] == [1.0, 1.0, 2.0]


# --- gas -------------------------------------------------------------------------------------------------------------------


@given(rates, distances, winds)
def test_nothing_goes_upwind(rate: float, distance: float, wind: float) -> None:
    assert plume(rate, -distance, 0.0, wind) == 0.0


@given(rates, distances, winds, st.floats(1.1, 50.0))
def test_a_plume_is_proportional_to_the_rate_and_thins_with_distance_and_wind(
    rate: float, distance: float, wind: float, more: float
) -> None:
    here = plume(rate, distance, 0.0, wind)
    assert plume(rate * more, distance, 0.0, wind) == pytest.approx(here * more)
    assert plume(rate, distance, 0.0, wind * more) == pytest.approx(here / more)
    assert plume(rate, distance * more, 0.0, wind) < here


@pytest.mark.parametrize("distance", [50.0, 200.0])
def test_what_flows_through_a_plane_across_the_plume_is_what_leaks(distance: float) -> None:
    """Oracle: conservation of mass. Integrated over y and z > 0 with the wind it must give the rate back."""
    sigma_z = 0.06 * distance / math.sqrt(1 + 0.0015 * distance)
    y = np.linspace(-300, 300, 4_001)
    ground = np.array([plume(5.0, distance, float(v), 3.0) for v in y])
    over_height = math.sqrt(math.pi / 2) * sigma_z
    assert np.trapezoid(ground, y) * over_height * 3.0 == pytest.approx(5.0, rel=1e-3)


def test_a_detector_follows_slowly_and_recovers() -> None:
    leaking = world(event("leak", "V-201", rate=0.1, lasts=600.0), event("bypass", "SIF-07"))
    leaking.advance_to(5.0)
    soon = leaking.values()["AT-201"]
    leaking.advance_to(300.0)
    later = leaking.values()["AT-201"]
    leaking.advance_to(1_200.0)
    assert soon < later / 2
    assert leaking.values()["AT-201"] < 0.05


# --- tanks -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("substance", "celsius", "kpa"),
    # Oracle: NIST Chemistry WebBook, vapour pressure of chlorine and saturation of propane; two-point fits agree to 3 %.
    [(CHLORINE, 0.0, 367.0), (CHLORINE, 20.0, 679.0), (CHLORINE, 40.0, 1_140.0), (PROPANE, 0.0, 474.0), (PROPANE, 20.0, 836.0)],
)
def test_vapour_pressure_is_that_of_the_tables(substance: object, celsius: float, kpa: float) -> None:
    assert substance.pressure(celsius) * 1_000 + 101.325 == pytest.approx(kpa, rel=0.03)  # type: ignore[attr-defined]


def test_a_tanker_takes_what_the_sphere_loses() -> None:
    loading = world()
    before = loading.values()["WI-302"]
    loading.advance_to(2_350.0)
    values = loading.values()
    used_by_the_plant = 6.0 * 2_350 / 3_600
    assert values["XS-503"] == 1.0  # full, arm still connected
    assert before - values["WI-302"] == pytest.approx(values["WI-501"] - TARE + used_by_the_plant, abs=0.2)


def test_an_overfilled_sphere_is_shut_off_before_it_is_full() -> None:
    filled = world(event("fill", "V-301", rate=400.0))
    filled.advance_to(3_000.0)
    values = filled.values()
    assert values["SIF-08"] == 1.0
    assert 92.9 < values["LI-301"] < 93.3


# --- safety system ---------------------------------------------------------------------------------------------------------

QUIET = {"AT-201": 0.0, "AT-202": 0.0, "AT-203": 0.0}


@pytest.mark.parametrize(
    ("high", "calibrating", "faulty", "reached", "in_force"),
    [
        ((), (), (), False, 0),
        (("AT-201",), (), (), False, 0),
        (("AT-201", "AT-203"), (), (), True, 0),
        (("AT-201",), ("AT-203",), (), True, 1),
        (("AT-203",), ("AT-203",), (), False, 1),
        (("AT-201",), (), ("AT-202",), True, 0),
        ((), (), ("AT-202",), False, 0),
        (("AT-201",), ("AT-202", "AT-203"), (), True, 2),
        ((), ("AT-201", "AT-202", "AT-203"), (), False, 3),
    ],
)
def test_the_vote(
    high: tuple[str, ...], calibrating: tuple[str, ...], faulty: tuple[str, ...], reached: bool, in_force: int
) -> None:
    """DOMAIN.md 6: a fault votes alarm, a member in calibration leaves the vote, and the vote in force is shown."""
    vote = Vote()
    vote.count({**QUIET, **dict.fromkeys(high, 2.0)}, calibrating, faulty)
    assert (vote.reached, vote.in_force) == (reached, in_force)


def stepped(system: SafetySystem, seconds: int, demands: dict[str, bool], *bypasses: Event, start: int = 0) -> dict[str, float]:
    for second in range(start, start + seconds):
        system.step(1.0, demands, bypasses, (), float(second))
    return system.values()


def test_a_valve_takes_its_stroke_and_both_feedbacks_are_off_on_the_way() -> None:
    system = SafetySystem()
    moving = stepped(system, 2, {"SIF-01": True})
    closed = stepped(system, 4, {"SIF-01": True}, start=2)
    assert (moving["XV-101.ZSO"], moving["XV-101.ZSC"]) == (0.0, 0.0)
    assert (closed["XV-101.ZSO"], closed["XV-101.ZSC"]) == (0.0, 1.0)
    assert (closed["XV-105.ZSO"], closed["XV-105.ZSC"]) == (1.0, 0.0)


def test_a_trip_stays_and_the_first_out_is_kept() -> None:
    system = SafetySystem()
    stepped(system, 1, {"SIF-02": True})
    after = stepped(system, 5, {"SIF-01": True, "SIF-02": False}, start=1)
    assert (after["SIF-01"], after["SIF-02"], after["XA-900"]) == (1.0, 1.0, 2.0)


def test_a_bypassed_function_does_not_act_and_its_time_runs_out() -> None:
    system, bypass = SafetySystem(), event("bypass", "SIF-01", allowed=120.0)
    inside = stepped(system, 60, {"SIF-01": True}, bypass)
    over = stepped(system, 120, {"SIF-01": True}, bypass, start=60)
    ended = stepped(system, 1, {"SIF-01": True}, start=180)
    assert (inside["SIF-01"], inside["BP-01"], inside["BR-01"]) == (0.0, 1.0, 1.0)
    assert (over["SIF-01"], over["BP-01"], over["BR-01"]) == (0.0, 2.0, -1.0)
    assert (ended["SIF-01"], ended["BP-01"], ended["BR-01"]) == (1.0, 0.0, 0.0)


def test_a_button_closes_its_valves_and_lets_go_of_them() -> None:
    pressed = world(event("press", "HS-301", at=10.0, lasts=60.0))
    pressed.advance_to(30.0)
    held = pressed.values()
    pressed.advance_to(90.0)
    assert (held["HS-301"], held["XV-302.ZSC"]) == (1.0, 1.0)
    assert (pressed.values()["HS-301"], pressed.values()["XV-302.ZSO"]) == (0.0, 1.0)


# --- people and the tanker ---------------------------------------------------------------------------------------------------


def test_people_walk_at_their_pace_and_come_to_every_stop() -> None:
    people = People(np.random.default_rng(3))
    seen: set[tuple[str, int]] = set()
    for _ in range(20_000):
        before = {p.tag: (p.x, p.y) for p in people._all}
        people.step(1.0, frozenset())
        seen |= {(p.tag, p.stop) for p in people._all}
        assert all(math.dist(before[p.tag], (p.x, p.y)) <= PACE + 1e-9 for p in people._all)
    assert seen == {(tag, stop) for tag, stops in ROUNDS.items() for stop in range(len(stops))}


def test_a_person_who_calls_stays_where_they_are() -> None:
    calling = world(event("sos", "705", at=60.0))
    calling.advance_to(120.0)
    before = calling.values()
    calling.advance_to(2_000.0)
    after = calling.values()
    assert after["XS-705"] == 1.0
    assert math.dist((before["GX-705"], before["GY-705"]), (after["GX-705"], after["GY-705"])) < 3.0


def test_the_tanker_is_earthed_before_it_is_connected_and_never_loads_otherwise() -> None:
    loading, noise, phases = Loading(), np.random.default_rng(1), []
    for _ in range(int(sum(span for _, span in PHASES))):
        loading.step(1.0, allowed=True)
        values = loading.values(noise)
        phases.append(loading.phase)
        assert not (loading.pumping and not loading.earthed)
        assert not (values["XS-503"] and not values["XS-501"])
    assert list(dict.fromkeys(phases)) == [name for name, _ in PHASES]


def test_loading_waits_while_it_is_not_allowed() -> None:
    loading = Loading()
    for _ in range(5_000):
        loading.step(1.0, allowed=False)
    assert (loading.phase, loading.flow) == ("loads", 0.0)


@given(st.floats(0.0, 1.0))
def test_the_tanker_stays_on_its_road(share: float) -> None:
    x, y = along(ROAD, share)
    assert min(p[0] for p in ROAD) <= x <= max(p[0] for p in ROAD)
    assert min(p[1] for p in ROAD) - 1e-9 <= y <= max(p[1] for p in ROAD) + 1e-9


def test_the_road_is_measured_by_length() -> None:
    assert along(((0.0, 0.0), (10.0, 0.0), (10.0, 30.0)), 0.5) == (10.0, 10.0)
