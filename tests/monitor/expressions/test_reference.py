"""The reference itself, by stories that were computed by hand from docs/expressions.md: what windows, holds and votes come to."""

from __future__ import annotations

import math

import pytest
from expressions.plant import POINTS
from expressions.reference import ReferenceProgram

from anlan.model.quality import Flag, Reason, Severity, quality
from anlan.monitor.expressions.parser import parse_text

GOOD = 0
STALE = quality(Severity.BAD, Reason.STALE)
NOT_YET = quality(Severity.BAD, Reason.NO_DATA_YET)
PARTLY = quality(Severity.UNCERTAIN, Reason.NO_DATA_YET)
CALIBRATING = quality(Severity.UNCERTAIN, Reason.CALIBRATION)
FAILED = quality(Severity.BAD, Reason.SENSOR_FAILURE)

Story = list[tuple[float, float, int]]


def told(text: str, story: Story, max_age: float = 0) -> list[tuple[float, int]]:
    """(second, value, quality) of QI-101 → what the expression came to each time."""
    program = ReferenceProgram(parse_text(text, lambda name: name in POINTS), POINTS)
    return [
        program.evaluate(round(t * 1e6), {"QI-101": (value, word), "QI-102": (1.0, 0)}, round(max_age * 1e6))
        for t, value, word in story
    ]


def values(text: str, story: Story, max_age: float = 0) -> list[float | None]:
    return [None if math.isnan(value) else round(value, 9) for value, _ in told(text, story, max_age)]


def test_delta_and_rate_look_back_a_whole_window() -> None:
    story = [(t, t * 2.0, GOOD) for t in (0, 10, 20, 30, 40)]
    assert told("delta(QI-101 over 30 s)", story)[:3] == [(pytest.approx(math.nan, nan_ok=True), NOT_YET)] * 3
    assert values("delta(QI-101 over 30 s)", story) == [None, None, None, 60.0, 60.0]
    assert values("rate(QI-101 over 30 s)", story) == [None, None, None, 2.0, 2.0]
    # The reference may be older than the window: the rate is over the time that truly passed.
    assert values("rate(QI-101 over 30 s)", [(0, 0, GOOD), (45, 90, GOOD)]) == [None, 2.0]
    # After more than twice the window without a usable value the past is forgotten.
    assert values("delta(QI-101 over 30 s)", [(0, 0, GOOD), (61, 90, GOOD), (91, 91, GOOD)]) == [None, None, 1.0]
    assert told("delta(QI-101 over 30 s)", [(0, 0, GOOD), (10, 5, STALE), (30, 3, GOOD)])[1:] == [
        (pytest.approx(math.nan, nan_ok=True), STALE),
        (3.0, GOOD),
    ]


def test_values_closer_than_a_step_are_not_kept_for_delta() -> None:
    # step = 30 s / 30 = 1 s: the value at 0.5 s is no reference later, that of 0 s is.
    assert values("delta(QI-101 over 30 s)", [(0, 1, GOOD), (0.5, 100, GOOD), (30.6, 2, GOOD)]) == [None, None, 1.0]


def test_lowest_and_highest_are_uncertain_until_the_window_is_full() -> None:
    story = [(0, 5, GOOD), (10, 1, GOOD), (20, 7, GOOD), (30, 4, GOOD), (41, 4, GOOD), (71, 4, GOOD)]
    assert values("min(QI-101 over 30 s)", story) == [5, 1, 1, 1, 1, 4]
    assert values("max(QI-101 over 30 s)", story) == [5, 5, 7, 7, 7, 4]
    assert [word for _, word in told("max(QI-101 over 30 s)", story)] == [PARTLY, PARTLY, PARTLY, GOOD, GOOD, GOOD]
    assert values("spread(QI-101 over 30 s)", story) == [None, None, None, 6, 6, 0]
    assert told("spread(QI-101 over 30 s)", story)[0][1] == NOT_YET


def test_an_average_weighs_with_time() -> None:
    # 10 for 9 s, then 0 for 1 s.
    story = [(0, 10, GOOD), (9, 0, GOOD), (10, 5, GOOD)]
    assert values("avg(QI-101 over 10 s)", story) == [10, 10, 9]
    assert [word for _, word in told("avg(QI-101 over 10 s)", story)] == [PARTLY, PARTLY, GOOD]
    # With a cyclic input a value is known for 3 s only: 10 for 3 s of 9, 0 for 1 s.
    assert values("avg(QI-101 over 10 s)", story, 3) == [10, 10, 7.5]
    # What nobody knew counts for nothing: 10 for 4 s, unknown for 5 s, 0 for 1 s.
    gap = [(0, 10, GOOD), (4, 3, GOOD), (4, 3, STALE), (9, 0, GOOD), (10, 5, GOOD)]
    assert values("avg(QI-101 over 10 s)", gap) == [10, 10, None, 10, 8]


def test_edges_are_counted_within_the_window() -> None:
    story = [(t, v, GOOD) for t, v in ((0, 1), (1, 0), (2, 1), (3, 0), (4, 1), (5, 1), (12.5, 1), (14.5, 1))]
    assert values("count(QI-101 > 0 over 10 s)", story) == [0, 0, 1, 1, 2, 2, 1, 0]
    unknown = [(0, 0, GOOD), (1, 1, STALE), (2, 1, GOOD), (3, 0, STALE), (4, 1, GOOD)]
    assert values("count(QI-101 > 0 over 10 s)", unknown) == [0, None, 1, None, 1]


def test_hold_and_duration() -> None:
    story = [(0, 0, GOOD), (1, 1, GOOD), (5, 1, GOOD), (11, 1, GOOD), (12, 0, GOOD), (13, 1, GOOD)]
    assert values("duration(QI-101 > 0)", story) == [0, 0, 4, 10, 0, 0]
    assert values("hold(QI-101 > 0 for 10 s)", story) == [0, 0, 0, 1, 0, 0]
    # A cyclic input is known for 3 s: of the 4 and 6 s between the readings 3 count each.
    assert values("duration(QI-101 > 0)", story, 3) == [0, 0, 3, 6, 0, 0]
    assert values("duration(QI-101 > 0)", [(0, 1, GOOD), (5, 1, STALE), (8, 1, GOOD)]) == [0, None, 8]


def test_a_dead_band_holds() -> None:
    story = [(t, v, GOOD) for t, v in enumerate((4, 5, 4.5, 4, 3.9, 4.5, 5))]
    assert values("above(QI-101, 5, 1)", story) == [0, 1, 1, 1, 0, 0, 1]
    assert values("below(QI-101, 4, 1)", story) == [1, 1, 1, 1, 1, 1, 1]
    assert values("below(QI-101, 4, 0.5)", story) == [1, 0, 0, 1, 1, 1, 0]
    assert values("above(QI-101, 5, 1)", [(0, 5, GOOD), (1, 0, STALE), (2, 4, GOOD)]) == [1, None, 1]


MEMBERS = ("TI-101", "TI-102", "TI-103")


@pytest.mark.parametrize(
    ("text", "members", "expected"),
    [
        ("2", [(9, GOOD), (1, GOOD), (1, GOOD)], (0.0, GOOD)),
        ("2", [(9, GOOD), (9, GOOD), (1, GOOD)], (1.0, GOOD)),
        # 2oo3 with one faulty member that votes is 1oo2 of the rest.
        ("2", [(9, GOOD), (1, GOOD), (1, FAILED)], (1.0, GOOD)),
        # 2oo3 with one calibrating is 1oo2, however bad its quality.
        ("2", [(9, GOOD), (1, GOOD), (9, CALIBRATING)], (1.0, GOOD)),
        ("2", [(1, GOOD), (1, GOOD), (9, CALIBRATING)], (0.0, GOOD)),
        ("2", [(1, GOOD), (1, GOOD), (9, quality(Severity.BAD, Reason.MAINTENANCE))], (0.0, GOOD)),
        ("2; fault leaves", [(1, GOOD), (1, GOOD), (1, FAILED)], (0.0, GOOD)),
        ("2; fault leaves", [(9, GOOD), (1, GOOD), (1, FAILED)], (1.0, GOOD)),
        ("2; calibration alarms", [(9, GOOD), (1, GOOD), (1, CALIBRATING)], (1.0, GOOD)),
        ("2", [(1, CALIBRATING), (1, CALIBRATING), (9, GOOD)], (1.0, GOOD)),
        ("2", [(1, CALIBRATING)] * 3, (math.nan, quality(Severity.BAD, Reason.CONFIGURATION))),
        ("2", [(1, GOOD), (1, int(Flag.DEMO)), (1, FAILED | int(Flag.LATE))], (0.0, int(Flag.DEMO | Flag.LATE))),
    ],
)
def test_votes(text: str, members: list[tuple[float, int]], expected: tuple[float, int]) -> None:
    needed, _, options = text.partition(";")
    each = ", ".join(f"{name} > 5" for name in MEMBERS)
    tree = parse_text(f"vote({needed} of {each}{';' * bool(options)}{options})", POINTS.__contains__)
    value, word = ReferenceProgram(tree, POINTS).evaluate(0, dict(zip(MEMBERS, members, strict=True)))
    assert (value, word) == (pytest.approx(expected[0], nan_ok=True), expected[1])


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        # The worst quality wins, the first of two equal ones, and all flags stay.
        ("QI-101 + QI-102 > 0", STALE | int(Flag.MANUAL), (math.nan, STALE | int(Flag.MANUAL))),
        ("QI-101 > 0 and QI-102 < 0", STALE, (0.0, GOOD)),
        ("QI-101 > 0 and QI-102 > 0", STALE, (math.nan, STALE)),
        ("QI-101 > 0 or QI-102 > 0", STALE, (1.0, GOOD)),
        ("QI-101 > 0 or QI-102 < 0", STALE, (math.nan, STALE)),
        ("if(QI-101 > 0, QI-102, 5)", STALE, (math.nan, STALE)),
        ("if(QI-102 > 0, 7, QI-101)", STALE, (7.0, GOOD)),
        ("bad(QI-101)", STALE | int(Flag.DEMO), (1.0, int(Flag.DEMO))),
        ("good(QI-101)", STALE, (0.0, GOOD)),
        ("uncertain(QI-101)", CALIBRATING, (1.0, GOOD)),
        ("calibrating(QI-101)", CALIBRATING, (1.0, GOOD)),
        ("over_range(QI-101)", quality(Severity.BAD, Reason.OVER_RANGE_LATCHED), (1.0, GOOD)),
        ("sqrt(0 - QI-102)", GOOD, (math.nan, quality(Severity.BAD, Reason.NOT_A_NUMBER))),
        ("1 / (QI-102 - 1)", int(Flag.LATE), (math.nan, quality(Severity.BAD, Reason.NOT_A_NUMBER))),
    ],
)  # fmt: skip
def test_quality_goes_along(text: str, word: int, expected: tuple[float, int]) -> None:
    value, found = told(text, [(0, 3.0, word)])[0]
    assert (value, found) == (pytest.approx(expected[0], nan_ok=True), expected[1])
