"""Loosening is told from tightening by one pure function; the table below was written by hand from DOMAIN.md 16."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from test_safety_points import SAFETY
from test_safety_points import folder as safety_works
from works import PLANT, gas, line, write

from anlan.model.points import Calibration, Reporting
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.detectors.config import DetectorLimit, DetectorSettings
from anlan.monitor.rationalisation import AlarmClass
from anlan.plant.description import Escalation, Plant
from anlan.plant.folder import load
from anlan.plant.judgements import JUDGED
from anlan.plant.loosening import SecondPersonNeeded, loosened, loosened_rule

HIGH = AlarmRule(id="P.H", point="P", kind="H", limit=50, on_delay=2, priority=2, post="panel")  # type: ignore[arg-type]
LOW = AlarmRule(id="P.L", point="P", kind="L", limit=10, on_delay=2, priority=2, post="panel")  # type: ignore[arg-type]
STATE = AlarmRule(id="P.ST", point="P", kind="ST", states=(1, 2), priority=2, post="panel", latching=True)  # type: ignore[arg-type]

RATE = AlarmRule(id="P.ROC", point="P", kind="ROC", limit=5, window=60)  # type: ignore[arg-type]
ONE_WAY = RATE.model_copy(update={"direction": "up"})
COUNT = AlarmRule(id="P.CNT", point="P", kind="CNT", limit=5, states=(1,), window=600)  # type: ignore[arg-type]
DEVIATION = AlarmRule(id="P.DEV", point="P", kind="DEV", limit=5, against="SP")  # type: ignore[arg-type]
CONDITION = AlarmRule(id="P.IF", point="P", kind="IF", when="P > 1 or Q > 1")  # type: ignore[arg-type]
SUPPRESSED = HIGH.model_copy(update={"suppress_when": "P > 1"})
HOLDING = HIGH.model_copy(update={"off_delay": 60.0, "dead_band": 5.0})
FROZEN = AlarmRule(id="P.FRZ", point="P", kind="FRZ", limit=0.1, window=60)  # type: ignore[arg-type]

TABLE = [
    (RATE, {"limit": 6}, ["limit"]),
    (RATE, {"limit": 4}, []),
    (RATE, {"direction": "up"}, ["direction"]),
    (ONE_WAY, {"direction": "down"}, ["direction"]),
    (ONE_WAY, {"direction": "both"}, []),
    (RATE, {"window": 120}, ["window"]),
    (RATE, {"window": 30}, ["window"]),
    (RATE, {"per": "s"}, ["per"]),
    (COUNT, {"window": 300}, ["window"]),
    (COUNT, {"window": 900}, []),
    (COUNT, {"limit": 6}, ["limit"]),
    (FROZEN, {"window": 120}, ["window"]),
    (FROZEN, {"window": 30}, []),
    (DEVIATION, {"limit": 6}, ["limit"]),
    (DEVIATION, {"against": "50"}, ["against"]),
    (CONDITION, {"when": "P > 1"}, ["when"]),
    (SUPPRESSED, {"suppress_when": ""}, []),
    (SUPPRESSED, {"suppress_when": "P > 0"}, ["suppress_when"]),
    (FROZEN, {"limit": 0.05}, ["limit"]),
    (FROZEN, {"limit": 0.2}, []),
    (HIGH, {"suppress_when": "P > 1"}, ["suppress_when"]),
    (HIGH, {"limit": 51}, ["limit"]),
    (HIGH, {"limit": 49}, []),
    (LOW, {"limit": 9}, ["limit"]),
    (LOW, {"limit": 11}, []),
    (HIGH, {"on_delay": 3}, ["on_delay"]),
    (HIGH, {"on_delay": 0}, []),
    (HIGH, {"off_delay": 604_800}, ["off_delay"]),
    (HIGH, {"dead_band": 5}, ["dead_band"]),
    (HOLDING, {"off_delay": 0, "dead_band": 0}, []),
    (HIGH, {"priority": 3}, ["priority"]),
    (HIGH, {"priority": 1}, []),
    (HIGH, {"enabled": False}, ["enabled"]),
    (HIGH, {"post": ""}, ["post"]),
    (HIGH, {"post": "shift"}, []),
    (HIGH, {"latching": True}, []),
    (STATE, {"latching": False}, ["latching"]),
    (STATE, {"states": (1,)}, ["states"]),
    (STATE, {"states": (1, 2, 3)}, []),
    (HIGH, {"consequence": Label(zh="x"), "time_to_respond": 60, "severity": "major"}, []),
    (HIGH, {"limit": 60, "priority": 1, "on_delay": 9}, ["limit", "on_delay"]),
    (HIGH, None, [""]),
    (HIGH.model_copy(update={"enabled": False}), {"limit": 90}, []),
]


@pytest.mark.parametrize(("before", "change", "expected"), TABLE)
def test_what_loosens(before: AlarmRule, change: dict[str, Any] | None, expected: list[str]) -> None:
    after = None if change is None else before.model_copy(update=change)
    assert [one.field for one in loosened_rule(before, after)] == expected


def test_every_field_is_judged_or_counts_as_loosened() -> None:
    """A field of a later release that this module does not know must not be a way past the second person."""

    class Later(AlarmRule):
        gain: float = 1.0

    before = Later(**HIGH.model_dump())
    assert [one.field for one in loosened_rule(before, before.model_copy(update={"gain": 2.0}))] == ["gain"]
    for model, table in JUDGED.items():
        assert set(model.model_fields) >= set(table), model  # type: ignore[attr-defined]


def changed(plant: Plant, alarm: str, **change: Any) -> Plant:
    return plant.model_copy(update={"rules": tuple(r.model_copy(update=change) if r.id == alarm else r for r in plant.rules)})


def test_only_safety_and_gas_points_and_lost_sources_are_guarded(tmp_path: Path) -> None:
    plant = load(write(tmp_path, line(), gas("20")))
    assert loosened(plant, changed(plant, "LT-101.H", limit=85.0)) == []
    assert [one.text() for one in loosened(plant, changed(plant, "AT-1.H", limit=24.0))] == ["AT-1.H: limit 20.0 → 24.0"]
    without = plant.model_copy(update={"rules": tuple(r for r in plant.rules if r.id != "AT-1.H")})
    assert [one.text() for one in loosened(plant, without)] == ["AT-1.H removed"]
    view = AlarmRule(id="plc.VIEW", point="plc", kind="VIEW", priority=1, post="panel", on_delay=60)  # type: ignore[arg-type]
    assert [one.field for one in loosened(plant, plant.model_copy(update={"rules": (*plant.rules, view)}))] == ["on_delay"]


def test_quality_alarms_that_the_settings_take_away_are_loosened(tmp_path: Path) -> None:
    plant = load(write(tmp_path, gas("20")))
    none = plant.model_copy(update={"alarms": plant.alarms.model_copy(update={"stale": "none"})})
    assert [one.alarm for one in loosened(plant, none)] == ["AT-1.STALE"]


def test_a_class_that_demands_less_loosens_its_safety_alarms(tmp_path: Path) -> None:
    plant = load(write(tmp_path, gas("20")))
    strict = AlarmClass(id="c", name=Label(en="c"), shelvable=False, comment_required=True)

    def with_class(one: AlarmClass) -> Plant:
        marked = changed(plant, "AT-1.H", alarm_class="c")
        return marked.model_copy(update={"alarms": marked.alarms.model_copy(update={"classes": (one,)})})

    before = with_class(strict)
    assert [o.field for o in loosened(before, with_class(strict.model_copy(update={"shelvable": True})))] == ["shelvable"]
    assert [o.field for o in loosened(before, with_class(strict.model_copy(update={"comment_required": False})))] == [
        "comment_required"
    ]
    for demand, tighter, looser in (("test_interval", 30, 0), ("review_interval", 30, 60), ("training", True, False)):
        demanding = with_class(strict.model_copy(update={demand: tighter}))
        demanding_less = with_class(strict.model_copy(update={demand: looser}))
        assert [o.field for o in loosened(demanding, demanding_less)] == [demand]
    assert loosened(plant, before) == []


DUE = Calibration(due=date(2026, 3, 1), last=date(2025, 3, 1))
POINT_TABLE: list[tuple[dict[str, Any], dict[str, Any], list[str]]] = [
    ({"principle": "catalytic"}, {"principle": "infrared"}, ["principle"]),
    ({"principle": "catalytic"}, {"principle": ""}, ["principle"]),
    ({"principle": "infrared"}, {"principle": ""}, ["principle"]),
    ({"principle": "infrared"}, {"principle": "catalytic"}, []),
    ({"principle": ""}, {"principle": "infrared"}, []),
    ({"range_high": 100.0}, {"range_high": 200.0}, ["range_high"]),
    ({"range_high": 100.0}, {"range_high": None}, ["range_high"]),
    ({"range_high": 100.0}, {"range_high": 90.0}, []),
    ({}, {"range_high": 100.0}, []),
    ({"range_low": 0.0}, {"range_low": -5.0}, ["range_low"]),
    ({"range_low": 0.0}, {"range_low": 1.0}, []),
    ({"range_low": 0.0}, {"range_low": None}, ["range_low"]),
    ({}, {"reporting": Reporting(period=2.0)}, ["reporting"]),
    ({"reporting": Reporting(period=2.0)}, {"reporting": Reporting(period=1.0)}, []),
    ({}, {"reporting": Reporting(stale_after=4.0)}, ["reporting"]),
    ({}, {"reporting": Reporting(stale_after=2.0)}, []),
    ({"reporting": Reporting(stale_after=2.0)}, {"reporting": Reporting()}, ["reporting"]),
    ({"reporting": Reporting(mode="on_change", stale_after=600.0)}, {"reporting": Reporting(mode="on_change")}, ["reporting"]),
    ({"reporting": Reporting(mode="on_change")}, {"reporting": Reporting(mode="on_change", stale_after=600.0)}, []),
    ({}, {"address": "hr:20 float32"}, ["address"]),
    ({}, {"source": "other"}, ["source"]),
    ({}, {"kind": "concentration"}, ["kind"]),
    ({}, {"unit": "%VOL"}, ["unit"]),
    ({"gas": "methane"}, {"gas": "hydrogen"}, ["gas"]),
    ({"gas": ""}, {"gas": "methane"}, []),
    ({}, {"calibration_gas": "propane"}, ["calibration_gas"]),
    ({}, {"response_factor": 0.5}, ["response_factor"]),
    ({}, {"place": "U200"}, ["place"]),
    ({}, {"states": {0: Label(zh="正常")}}, ["states"]),
    ({"calibration": DUE}, {"calibration": DUE.model_copy(update={"due": date(2027, 3, 1)})}, ["calibration"]),
    ({"calibration": DUE}, {"calibration": Calibration(due=date(2027, 3, 1), last=date(2026, 2, 1))}, []),
    ({"calibration": DUE}, {"calibration": DUE.model_copy(update={"due": date(2026, 2, 1)})}, []),
    ({}, {"calibration": DUE}, []),
    ({}, {"name": Label(zh="x"), "decimals": 1, "accuracy": 2.0, "subject": "environment"}, []),
]


def with_point(plant: Plant, point: str, **change: Any) -> Plant:
    return plant.model_copy(update={"points": tuple(p.model_copy(update=change) if p.id == point else p for p in plant.points)})


@pytest.mark.parametrize(("given", "change", "expected"), POINT_TABLE)
def test_what_loosens_a_gas_point(tmp_path: Path, given: dict[str, Any], change: dict[str, Any], expected: list[str]) -> None:
    before = with_point(load(write(tmp_path, gas("20"))), "AT-1", **given)
    assert [one.field for one in loosened(before, with_point(before, "AT-1", **change)) if one.alarm == "AT-1"] == expected


def test_a_point_that_guards_nothing_is_one_persons_to_change(tmp_path: Path) -> None:
    before = load(write(tmp_path, line(), gas("20")))
    assert loosened(before, with_point(before, "LT-101", address="hr:90 float32", range_high=200.0, kind="flow")) == []


def test_a_safety_point_that_is_none_any_more_or_is_gone_is_loosened(tmp_path: Path) -> None:
    before = load(write(tmp_path, line(kind="tank.level"), gas("20")))
    assert ("LT-101", "safety") in {(o.alarm, o.field) for o in loosened(before, with_point(before, "LT-101", safety=False))}
    without = before.model_copy(
        update={"points": before.points[1:], "rules": tuple(r for r in before.rules if r.point == "AT-1")}
    )
    assert {"LT-101 removed", "LT-101.HH removed", "LT-101.STALE removed"} <= {o.text() for o in loosened(before, without)}


def test_a_state_point_that_joins_a_detector_can_silence_it(tmp_path: Path) -> None:
    state = line(id="XS-1", place="U100", kind="gas.detector.state", unit="", address="hr:30 uint16", states="0=正常;1=校准", H="", HH="",
                 L="", LL="", trip="", dead_band="", range_low="", range_high="")  # fmt: skip
    before, after = load(write(tmp_path / "a", gas("20"))), load(write(tmp_path / "b", gas("20"), state))
    assert [one.text() for one in loosened(before, after)] == ["AT-1: state None → XS-1"]
    assert loosened(after, after) == []


@pytest.mark.parametrize(
    ("points", "change", "expected"),
    [
        ([gas("20")], {"keep_alive": 60.0}, ["keep_alive"]),
        ([gas("20")], {"keep_alive": 1.0}, []),
        ([gas("20")], {"options": {"host": "127.0.0.2"}}, ["options"]),
        ([gas("20")], {"driver": "demo"}, ["driver"]),
        ([gas("20")], {"name": Label(zh="x")}, []),
        ([line()], {"keep_alive": 60.0}, ["keep_alive"]),
        ([line()], {"options": {"host": "127.0.0.2"}}, []),
    ],
)
def test_what_loosens_a_source(tmp_path: Path, points: list[str], change: dict[str, Any], expected: list[str]) -> None:
    before = load(write(tmp_path, *points))
    after = before.model_copy(update={"sources": tuple(one.model_copy(update=change) for one in before.sources)})
    assert [one.field for one in loosened(before, after)] == expected


def test_what_one_alarm_is_told_to_a_second_and_when_is_loosened_for_all(tmp_path: Path) -> None:
    before = load(write(tmp_path, gas("20")))

    def told(*steps: tuple[float, str]) -> list[str]:
        escalation = tuple(Escalation(after=after, to=to) for after, to in steps)
        after = before.model_copy(update={"alarms": before.alarms.model_copy(update={"escalation": escalation})})
        return [one.text() for one in loosened(before, after)]

    assert told((60, "shift_leader"), (120, "duty_leader")) == []
    assert told((30, "shift_leader"), (60, "duty_leader"), (90, "commander")) == []
    assert told((61, "shift_leader"), (120, "duty_leader")) == ["alarms: escalation shift_leader 60.0 → 61.0"]
    assert told((60, "shift_leader")) == ["alarms: escalation duty_leader 120.0 → None"]


VOTES = """\
votes:
  - {id: AV-1, name: 表决, place: U100, needed: 2, members: [AT-1, AT-2, AT-3, AT-4], limit: 20, calibration: alarm, fewest: 3, post: panel}
calculated:
  - {id: AC-1, name: 平均, place: U100, expression: AT-1 + AT-2, unit: "%LEL"}
"""
VOTE_TABLE: list[tuple[dict[str, Any], list[str]]] = [
    ({"needed": 3}, ["AV-1.needed"]),
    ({"needed": 1}, []),
    ({"limit": 25.0}, ["AV-1.limit"]),
    ({"limit": 15.0}, []),
    ({"side": "low"}, ["AV-1.side"]),
    ({"limit": None, "states": (1,)}, ["AV-1.limit"]),
    ({"dead_band": 2.0}, ["AV-1.dead_band"]),
    ({"fault": "leave"}, ["AV-1.fault"]),
    ({"calibration": "leave"}, ["AV-1.calibration"]),
    ({"fewest": 2}, ["AV-1.HEALTHY.L.limit"]),
    ({"fewest": 4}, []),
    ({"members": ("AT-1", "AT-2", "AT-3")}, ["AV-1.members"]),
    ({"members": ("AT-4", "AT-3", "AT-2", "AT-1")}, []),
    ({"on_delay": 5.0}, ["AV-1.ST.on_delay"]),
    ({"priority": 2}, ["AV-1.ST.priority"]),
    ({"name": Label(zh="x"), "consequence": Label(zh="y")}, []),
]


@pytest.mark.parametrize(("change", "expected"), VOTE_TABLE)
def test_what_loosens_a_vote(tmp_path: Path, change: dict[str, Any], expected: list[str]) -> None:
    before = voting(tmp_path)
    after = before.model_copy(update={"votes": tuple(one.model_copy(update=change) for one in before.votes)})
    assert [f"{one.alarm}.{one.field}" for one in loosened(before, after)] == expected


def test_a_vote_or_a_formula_that_is_gone_or_another_is_loosened(tmp_path: Path) -> None:
    before = voting(tmp_path)
    assert {"AV-1 removed", "AV-1.ST removed"} <= {o.text() for o in loosened(before, before.model_copy(update={"votes": ()}))}
    assert "AC-1 removed" in {o.text() for o in loosened(before, before.model_copy(update={"calculated": ()}))}

    def calculated(**change: Any) -> list[str]:
        other = tuple(one.model_copy(update=change) for one in before.calculated)
        return [o.field for o in loosened(before, before.model_copy(update={"calculated": other}))]

    assert calculated(expression="AT-1") == ["expression"]
    assert calculated(unit="%") == ["unit"]
    assert calculated(name=Label(zh="x"), decimals=1) == []


def voting(tmp_path: Path) -> Plant:
    return load(
        write(tmp_path, *(gas("20", id=f"AT-{n}", address=f"hr:{n * 2} float32") for n in range(1, 5)), plant=PLANT + VOTES)
    )


def test_calibrations_that_may_be_worse_or_rarer_are_loosened(tmp_path: Path) -> None:
    plant = load(write(tmp_path, gas("20")))
    general = DetectorLimit(hazard="toxic", error=10.0, t90=60.0, interval=365)

    def loose(before: list[DetectorLimit], after: list[DetectorLimit]) -> list[str]:
        plants = [plant.model_copy(update={"detectors": DetectorSettings(limits=tuple(one))}) for one in (before, after)]
        return [one.text() for one in loosened(*plants)]

    assert loose([], [general]) == []
    assert loose([general], []) == ["detectors toxic removed"]
    assert loose([general], [general.model_copy(update={"error": 5.0, "interval": 180})]) == []
    assert loose([general], [general.model_copy(update={"t90": None})]) == ["detectors toxic: t90 60.0 → None"]
    assert loose([general], [general, general.model_copy(update={"gas": "chlorine", "interval": 730})]) == [
        "detectors toxic chlorine: interval 365 → 730"
    ]


def test_a_final_element_that_the_plant_forgets_is_loosened(tmp_path: Path) -> None:
    """Its point need not be marked safety-related: the section `safety` says what it is."""
    before = load(safety_works(tmp_path / "a"))
    assert not before.points_by_id["P-101.RUN"].safety
    without = load(safety_works(tmp_path / "b", SAFETY.replace(", P-101]", "]")))
    assert "P-101.RUN.IF removed" in [one.text() for one in loosened(before, without)]
    slower = load(safety_works(tmp_path / "c", SAFETY.replace("stroke_time: 2", "stroke_time: 20")))
    assert [one.text() for one in loosened(before, slower)] == ["P-101.RUN.IF: on_delay 2.0 → 20.0"]
    assert [one.field for one in loosened(before, with_point(before, "P-101.RUN", address="hr:99 uint16"))] == ["address"]


def test_a_real_plant_that_says_it_is_a_demo_is_loosened(tmp_path: Path) -> None:
    real = load(write(tmp_path, gas("20")))
    demo = real.model_copy(update={"site": real.site.model_copy(update={"demo": True})})
    assert [one.text() for one in loosened(real, demo)] == ["works: demo False → True"]
    assert loosened(demo, real) == []


def test_the_refusal_names_what_would_be_loosened() -> None:
    refusal = SecondPersonNeeded(loosened_rule(HIGH, HIGH.model_copy(update={"limit": 60.0})))
    assert refusal.status == 403
    assert "takes two persons" in refusal.text("en")
    assert "P.H: limit 50.0 → 60.0" in refusal.text("en")
    assert "需两人" in refusal.text("zh")
