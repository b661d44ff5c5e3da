"""The cause-and-effect matrix and the demand log, by hand."""

from __future__ import annotations

import math

import pytest

from anlan.model.clock import SECOND
from anlan.model.quality import GOOD, Reason, Severity, quality
from anlan.monitor.safety.config import SafetySystem
from anlan.monitor.safety.demands import Series, Stroke, demands
from anlan.monitor.safety.matrix import Cell, Position, State, matrix

BAD = quality(Severity.BAD, Reason.SENSOR_FAILURE)
START = 1_767_225_600 * SECOND
SYSTEM = SafetySystem.model_validate(
    {
        "first_out": "XA",
        "causes": [
            {"id": "SIF-1", "point": "SIF-1", "effects": ["XV", "P"], "bypass": "BP-1", "first_out": 1},
            {"id": "HS-1", "point": "HS-1", "effects": ["XV"]},
        ],
        "effects": [
            {"id": "XV", "closed": "XV.C", "open": "XV.O", "stroke_time": 5},
            {"id": "P", "safe": "stopped", "running": "P.R", "stroke_time": 2},
        ],
    }
)
CALM = {"SIF-1": 0.0, "HS-1": 0.0, "BP-1": 0.0, "XA": 0.0, "XV.C": 0.0, "XV.O": 1.0, "P.R": 1.0}


def seen(bad: str = "", overdue: bool = False, **values: float):  # type: ignore[no-untyped-def]
    now = CALM | {k.replace("__", ".").replace("_", "-"): v for k, v in values.items()}

    def look(point: str) -> tuple[float, int]:
        return (now[point], BAD if point == bad else GOOD) if point in now else (math.nan, BAD)

    return matrix(SYSTEM, look, lambda effect: overdue)


def test_a_calm_plant_is_idle_everywhere() -> None:
    found = seen()
    assert set(found.cells.values()) == {Cell.IDLE}
    assert {row.state for row in found.rows} == {State.CLEAR}
    assert [c.position for c in found.columns] == [Position.NOT_SAFE, Position.NOT_SAFE]
    assert found.cells.keys() == {("SIF-1", "XV"), ("SIF-1", "P"), ("HS-1", "XV")}


def test_a_demand_moves_then_reaches() -> None:
    moving = seen(SIF_1=1, XA=1)
    assert moving.cells == {("SIF-1", "XV"): Cell.MOVING, ("SIF-1", "P"): Cell.MOVING, ("HS-1", "XV"): Cell.IDLE}
    assert [row.first_out for row in moving.rows] == [True, False]
    assert moving.columns[0].demanded_by == ("SIF-1",)
    there = seen(SIF_1=1, XV__C=1, XV__O=0, P__R=0)
    assert (there.cells["SIF-1", "XV"], there.cells["SIF-1", "P"]) == (Cell.REACHED, Cell.REACHED)


def test_one_that_is_late_has_failed() -> None:
    assert seen(SIF_1=1, overdue=True).cells["SIF-1", "XV"] is Cell.FAILED


@pytest.mark.parametrize(("bad", "cell"), [("XV.C", ("SIF-1", "XV")), ("SIF-1", ("SIF-1", "P"))])
def test_what_nobody_knows_is_unknown(bad: str, cell: tuple[str, str]) -> None:
    assert seen(bad, SIF_1=1).cells[cell] is Cell.UNKNOWN


def test_open_and_closed_at_once_is_told() -> None:
    found = seen(SIF_1=1, XV__C=1, XV__O=1)
    assert found.columns[0].position is Position.CONTRADICTORY
    assert found.cells["SIF-1", "XV"] is Cell.UNKNOWN


@pytest.mark.parametrize(("value", "bad", "expected"), [(0, "", State.CLEAR), (1, "", State.ACTIVE), (2, "", State.ACTIVE), (0, "BP-1", State.UNKNOWN)])  # fmt: skip
def test_a_bypass_is_on_off_or_unknown(value: float, bad: str, expected: State) -> None:
    assert seen(bad, BP_1=value).rows[0].bypassed is expected


def test_a_first_out_register_that_nobody_can_read_marks_nothing() -> None:
    found = seen("XA", SIF_1=1, XA=1)
    assert found.first_out is None
    assert not any(row.first_out for row in found.rows)


# ------------------------------------------------------------------------------------------------------------- demands


def series(values: list[float], first: float = 0.0, bad: tuple[int, ...] = ()) -> Series:
    """One reading a second."""
    return Series.of([(START + round((first + i) * SECOND), v, BAD if i in bad else GOOD) for i, v in enumerate(values)])


def told(**points: Series) -> list:  # type: ignore[type-arg]
    named = {k.replace("__", ".").replace("_", "-"): v for k, v in points.items()}
    return demands(SYSTEM, named, START + 30 * SECOND)


def test_a_demand_with_its_stroke_times() -> None:
    """SIF-1 acts at 3 s; the valve is closed at 6.5 s (3.5 s of 5), the pump stops at 6.5 s (3.5 s of 2: late)."""
    (found,) = told(
        SIF_1=series([0, 0, 0] + [1] * 10 + [0] * 5),
        XA=series([0, 0, 0] + [1] * 15),
        XV__C=series([0] * 6 + [1] * 12, 0.5),
        P__R=series([1] * 6 + [0] * 12, 0.5),
    )
    assert (found.cause, (found.at - START) / SECOND, (found.ended - START) / SECOND, found.first_out) == ("SIF-1", 3, 13, True)
    assert found.strokes == (Stroke("XV", 5, 3.5, False, True), Stroke("P", 2, 3.5, False, False))


def test_one_that_never_arrives_is_late_and_one_that_nobody_saw_is_unknown() -> None:
    (found,) = told(SIF_1=series([0, 1, 1, 1]), XV__C=series([0] * 20))
    assert found.strokes == (Stroke("XV", 5, None, False, False), Stroke("P", 2, None, False, None))
    (found,) = told(SIF_1=series([0, 1, 1, 1]), XV__C=series([0] * 3))
    assert found.strokes[0] == Stroke("XV", 5, None, False, None)


def test_what_was_safe_already_did_not_travel() -> None:
    (found,) = told(SIF_1=series([0, 0, 1]), P__R=series([0, 0, 0, 0]))
    assert found.strokes[1] == Stroke("P", 2, 0.0, True, True)


def test_each_activation_is_one_demand_newest_first() -> None:
    found = told(SIF_1=series([0, 1, 0, 1]), HS_1=series([0, 0, 1, 1]))
    assert [(d.cause, (d.at - START) / SECOND) for d in found] == [("SIF-1", 3), ("HS-1", 2), ("SIF-1", 1)]


def test_a_cause_that_acts_when_the_record_begins_or_comes_out_of_the_dark_is_no_new_demand() -> None:
    assert told(SIF_1=series([1, 1, 1])) == []
    assert told(SIF_1=series([1, 0, 1], bad=(1,))) == []


def test_another_cause_in_the_register_is_not_this_one() -> None:
    (found,) = told(SIF_1=series([0, 1, 1]), XA=series([0, 7, 7]))
    assert found.first_out is False
    (silent,) = told(SIF_1=series([0, 1, 1]))
    assert silent.first_out is None
