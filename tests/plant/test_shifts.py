"""Shifts and escalation as the plant folder writes them: read, checked, compiled, exported and read again."""

from __future__ import annotations

from pathlib import Path

import pytest
from works import PLANT, texts, write

from anlan.model.shifts import DEFAULT_SHIFTS
from anlan.monitor.compile import EngineConfig, arrays_of
from anlan.plant.compile import engine_config
from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.folder import load
from anlan.plant.version import Numbers
from anlan.plant.writing import plant_yaml

SHIFTS = """
shifts:
  - {id: early, name: 早班, start: "06:00"}
  - {id: late, name: 中班, start: "14:00"}
  - {id: night, name: 夜班, start: "22:00"}
"""
STEPS = """\
  escalation:
    - {after: 30, to: panel}
    - {after: 90.5, to: commander}
"""


def described(more: str, steps: str = "") -> str:
    return PLANT.replace("  stale: safety\n", f"  stale: safety\n{steps}") + more


def read(folder: Path, more: str, steps: str = "") -> Plant:
    return load(write(folder, plant=described(more, steps)))


def numbered(plant: Plant) -> EngineConfig:
    from anlan.plant.compile import all_points, all_rules

    numbers = Numbers(
        points={p.id: n for n, p in enumerate(all_points(plant), 1)},
        alarms={r.id: n for n, r in enumerate(all_rules(plant), 1)},
        sources={s.id: n for n, s in enumerate(plant.sources, 1)} | {"node": 0},
    )
    return engine_config(plant, numbers, 1)


def test_a_plant_that_says_nothing_has_two_shifts_and_the_usual_levels(tmp_path: Path) -> None:
    plant = read(tmp_path, "")
    assert plant.shifts == DEFAULT_SHIFTS
    assert [(step.after, step.to) for step in plant.alarms.escalation] == [(60, "shift_leader"), (120, "duty_leader")]
    assert numbered(plant).escalation == (60_000, 120_000)


def test_what_is_written_reaches_the_engine(tmp_path: Path) -> None:
    plant = read(tmp_path, SHIFTS, STEPS)
    assert [shift.start for shift in plant.shifts] == ["06:00", "14:00", "22:00"]
    assert arrays_of(EngineConfig.from_bytes(numbered(plant).to_bytes())).escalation == (30_000, 90_500)


def test_it_is_exported_and_read_again(tmp_path: Path) -> None:
    plant = read(tmp_path / "a", SHIFTS, STEPS)
    again = load(write(tmp_path / "b", plant=plant_yaml(plant)))
    assert (again.shifts, again.alarms) == (plant.shifts, plant.alarms)
    assert Plant.from_json(plant.to_json()) == plant


def test_a_change_is_told(tmp_path: Path) -> None:
    before, after = read(tmp_path / "a", SHIFTS), read(tmp_path / "b", SHIFTS.replace("22:00", "21:30"))
    assert [change.text("en") for change in differences(before, after)] == ["shift night: start 22:00 → 21:30"]


@pytest.mark.parametrize(
    ("shifts", "steps", "expected"),
    [
        (SHIFTS.replace("22:00", "14:00"), "", "the shifts late and night both begin at 14:00"),
        (SHIFTS.replace("22:00", "24:00"), "", "start was"),
        (SHIFTS.replace("id: night", "id: late"), "", "the shift late stands here a second time"),
        ("", STEPS.replace("90.5", "30"), "escalation: 30 s stands after 30 s; rising times were expected"),
        (
            "",
            STEPS.replace("commander", "comander"),
            "escalation goes to comander, which is neither a post of this plant nor a role — did you mean commander?",
        ),
        ("", STEPS.replace("90.5", "3601"), "comes after 3601 s; at most 3600 s was expected"),
        ("", "  escalation: []\n", "escalation needs at least 1 entries"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, shifts: str, steps: str, expected: str) -> None:
    found = texts(write(tmp_path, plant=described(shifts, steps)))
    assert any(expected in text for text in found), found
