"""Loosening is told from tightening by one pure function; the table below was written by hand from DOMAIN.md 16."""

from pathlib import Path
from typing import Any

import pytest
from works import gas, line, write

from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.rationalisation import AlarmClass
from anlan.plant.description import Plant
from anlan.plant.folder import load
from anlan.plant.loosening import NEUTRAL, SecondPersonNeeded, loosened, loosened_rule

HIGH = AlarmRule(id="P.H", point="P", kind="H", limit=50, on_delay=2, priority=2, post="panel")  # type: ignore[arg-type]
LOW = AlarmRule(id="P.L", point="P", kind="L", limit=10, on_delay=2, priority=2, post="panel")  # type: ignore[arg-type]
STATE = AlarmRule(id="P.ST", point="P", kind="ST", states=(1, 2), priority=2, post="panel", latching=True)  # type: ignore[arg-type]

RATE = AlarmRule(id="P.ROC", point="P", kind="ROC", limit=5, window=60)  # type: ignore[arg-type]
FROZEN = AlarmRule(id="P.FRZ", point="P", kind="FRZ", limit=0.1, window=60)  # type: ignore[arg-type]

TABLE = [
    (RATE, {"limit": 6}, ["limit"]),
    (RATE, {"limit": 4}, []),
    (RATE, {"direction": "up"}, ["direction"]),
    (FROZEN, {"limit": 0.05}, ["limit"]),
    (FROZEN, {"limit": 0.2}, []),
    (HIGH, {"suppress_when": "P > 1"}, ["suppress_when"]),
    (HIGH, {"limit": 51}, ["limit"]),
    (HIGH, {"limit": 49}, []),
    (LOW, {"limit": 9}, ["limit"]),
    (LOW, {"limit": 11}, []),
    (HIGH, {"on_delay": 3}, ["on_delay"]),
    (HIGH, {"on_delay": 0}, []),
    (HIGH, {"off_delay": 60, "dead_band": 5}, []),
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
    assert set(AlarmRule.model_fields) >= NEUTRAL


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
    assert loosened(plant, before) == []


def test_the_refusal_names_what_would_be_loosened() -> None:
    refusal = SecondPersonNeeded(loosened_rule(HIGH, HIGH.model_copy(update={"limit": 60.0})))
    assert refusal.status == 403
    assert "takes two persons" in refusal.text("en")
    assert "P.H: limit 50.0 → 60.0" in refusal.text("en")
    assert "需两人" in refusal.text("zh")
