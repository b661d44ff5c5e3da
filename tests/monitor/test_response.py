"""Did the action work? Hand-made stories, and the line against scipy's."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from anlan.model.clock import MINUTE, SECOND
from anlan.model.events.alarms import AlarmKind
from anlan.model.quality import Flag, Reason, Severity, quality
from anlan.monitor import response
from anlan.monitor.response import Question, judge

START = 1_767_225_600 * SECOND
BAD = int(quality(Severity.BAD, Reason.SENSOR_FAILURE))
RNG = np.random.default_rng(7)


@pytest.fixture(scope="module")
def stats() -> ModuleType:
    """scipy's: importing it takes seconds, so only who runs these tests does."""
    return import_module("scipy.stats")


def asked(values: Any, *, every: float = 1.0, words: Any = None, **more: Any) -> Question:
    """Readings each `every` s from START; HIGH 12.0 with a dead-band of 0.2, so that it clears below 11.8."""
    values = np.asarray(values, np.float64)
    times = START + np.arange(len(values)) * round(every * SECOND)
    words = np.zeros(len(values), np.uint16) if words is None else np.asarray(words, np.uint16)
    given = {
        "kind": AlarmKind.HIGH, "condition": True, "limit": 12.0, "dead_band": 0.2, "step": 0.01,
        "value": float(values[-1]) if len(values) else float("nan"), "quality": int(words[-1]) if len(words) else BAD,
        "start": START, "end": int(times[-1]) if len(times) else START, "times": times, "values": values, "qualities": words,
    }  # fmt: skip
    return Question(**{**given, **more})


def noisy(slope: float, *, seconds: int = 300, level: float = 12.6, noise: float = 0.02) -> np.ndarray:
    return level + slope * np.arange(seconds) / 60 + RNG.normal(0, noise, seconds)


def test_a_value_that_falls_towards_its_limit_returns_within_a_range() -> None:
    found = judge(asked(noisy(-0.1)))
    assert (found.verdict, found.because, found.basis) == ("returning", "trend", "limit")
    assert found.clears_at == pytest.approx(11.8)
    assert found.distance == pytest.approx(0.3, abs=0.06)
    assert found.slope_low < -0.1 < found.slope_high
    earliest, latest = found.back
    assert earliest < 60 * found.distance / 0.1 < latest
    assert (found.readings, found.usable, found.span) == (300, 300, 299)


def test_the_same_falling_value_is_worse_for_a_low_limit() -> None:
    found = judge(asked(noisy(-0.1), kind=AlarmKind.LOW, limit=13.0))
    assert found.verdict == "worsening"
    assert found.clears_at == pytest.approx(13.2)
    assert found.distance == pytest.approx(13.2 - 12.1, abs=0.1)
    assert found.back is None


def test_a_rising_value_is_worse_for_a_high_limit() -> None:
    found = judge(asked(noisy(0.1)))
    assert (found.verdict, found.back) == ("worsening", None)


def test_one_that_stays_is_unchanged_with_and_without_noise() -> None:
    assert judge(asked(noisy(0.0))).verdict == "unchanged"
    flat = judge(asked(np.full(300, 12.6)))
    assert flat.verdict == "unchanged"
    assert (flat.slope_low, flat.slope_high) == pytest.approx((0, 0), abs=1e-9)


def test_a_change_smaller_than_what_is_shown_is_none() -> None:
    assert judge(asked(np.linspace(12.6, 12.595, 300))).verdict == "unchanged"
    assert judge(asked(np.linspace(12.6, 12.595, 300), step=0.001)).verdict == "returning"


def test_noise_greater_than_the_way_back_decides_nothing() -> None:
    found = judge(asked(11.9 + np.random.default_rng(3).normal(0, 2, 60), every=5, value=11.9))
    assert (found.verdict, found.because, found.back) == ("unknown", "noise", None)


@pytest.mark.parametrize(
    ("values", "because"),
    [([12.6] * 4, "few"), ([12.6] * 20, "short"), ([], "quality")],
)
def test_too_little_decides_nothing(values: list[float], because: str) -> None:
    found = judge(asked(values))
    assert (found.verdict, found.because, found.back) == ("unknown", because, None)


@pytest.mark.parametrize(
    ("word", "because"),
    [
        (BAD, "quality"),
        (int(quality(Severity.UNCERTAIN, Reason.LAST_USABLE)), "quality"),
        (int(quality(Severity.BAD, Reason.CALIBRATION)), "calibration"),
        (int(Flag.CLOCK_BAD), "clock"),
    ],
)
def test_a_value_that_is_not_plainly_good_says_nothing_even_of_an_alarm_that_is_over(word: int, because: str) -> None:
    for condition in (True, False, None):
        found = judge(asked(noisy(-0.1), quality=word, condition=condition))
        assert (found.verdict, found.because, found.value, found.distance) == ("unknown", because, None, None)


def test_test_gas_is_no_return() -> None:
    assert judge(asked(noisy(-1.0), under_test=True)).because == "calibration"


def test_a_window_of_mostly_bad_readings_decides_nothing() -> None:
    words = np.where(np.arange(300) % 3 == 2, 0, BAD)
    found = judge(asked(noisy(-0.1), words=words))
    assert (found.verdict, found.because, found.readings, found.usable) == ("unknown", "quality", 300, 100)


def test_bad_readings_among_good_ones_move_no_line() -> None:
    values, words = noisy(-0.1), np.zeros(300, np.uint16)
    values[50:100], words[50:100] = 99.0, BAD
    found = judge(asked(values, words=words))
    assert found.verdict == "returning"
    assert found.slope == pytest.approx(-0.1, abs=0.02)
    assert found.usable == 250


def test_back_within_the_limit_but_not_yet_over_its_delay() -> None:
    found = judge(asked(noisy(-0.1, level=12.0)))
    assert (found.verdict, found.because) == ("returning", "delay")
    assert found.distance < 0
    assert found.back is None


def test_over_is_what_the_engine_says() -> None:
    assert judge(asked(noisy(0.1), condition=False)).verdict == "returned"
    hidden = judge(asked(noisy(-0.1, level=12.0), condition=None))
    assert (hidden.verdict, hidden.because) == ("returned", "value")
    assert judge(asked(noisy(0.1), condition=None)).verdict == "worsening"


def test_a_return_beyond_a_shift_is_not_told() -> None:
    slow = judge(asked(np.linspace(900, 899.9, 300)))
    assert (slow.verdict, slow.back) == ("returning", None)


def test_a_value_that_is_told_on_change_holds_in_between() -> None:
    held = Question(
        kind=AlarmKind.HIGH, condition=True, value=12.6, quality=0, limit=12.0, step=0.1, start=START, end=START + 5 * MINUTE,
        times=np.array([START - 60 * MINUTE]), values=np.array([12.6]), qualities=np.zeros(1, np.uint16), holds=True,
    )  # fmt: skip
    found = judge(held)
    assert (found.verdict, found.readings, found.span, found.slope) == ("unchanged", 0, 300, 0)


def test_each_held_value_counts_for_as_long_as_it_held(stats: Any) -> None:
    times = START + np.array([-600, 60, 120, 180, 240]) * SECOND
    found = judge(
        Question(
            kind=AlarmKind.HIGH, condition=True, value=12.2, quality=0, limit=12.0, step=0.1, start=START, end=START + 300 * SECOND,
            times=times, values=np.array([13.0, 12.8, 12.6, 12.4, 12.2]), qualities=np.zeros(5, np.uint16), holds=True,
        )
    )  # fmt: skip
    grid = np.arange(0, 300, 0.5) + 0.25
    signal = 13.0 - 0.2 * (grid // 60)
    means = signal.reshape(10, -1).mean(axis=1)
    middle = grid.reshape(10, -1).mean(axis=1) / 60
    assert found.slope == pytest.approx(stats.linregress(middle, means).slope)
    assert found.verdict == "returning"


def test_the_line_and_its_interval_are_those_of_scipy(stats: Any) -> None:
    values = noisy(-0.05, seconds=240, noise=0.3)
    found = judge(asked(values))
    minutes = np.arange(240) / 60
    where = np.minimum(np.arange(240) * 10 // 239, 9)
    at = np.array([minutes[where == i].mean() for i in range(10)])
    mean = np.array([values[where == i].mean() for i in range(10)])
    line = stats.linregress(at, mean)
    half = stats.t.ppf(0.975, 8) * line.stderr
    assert found.slope == pytest.approx(line.slope)
    assert (found.slope_low, found.slope_high) == pytest.approx((line.slope - half, line.slope + half), rel=1e-3)
    for freedom, quantile in response._T95.items():
        assert quantile == pytest.approx(stats.t.ppf(0.975, freedom), abs=5e-4)


def test_noise_that_remembers_itself_seldom_looks_like_a_trend() -> None:
    """Readings of a process resemble those before: of 300 stories without a trend few may be called one."""
    called = 0
    for _ in range(300):
        value, values = 0.0, []
        for shock in RNG.normal(0, 0.1, 300):
            value = 0.8 * value + shock
            values.append(20 + value)
        called += judge(asked(values)).verdict in {"returning", "worsening"}
    assert called <= 30


@pytest.mark.parametrize(
    ("condition", "value", "verdict"),
    [(True, 1, "unchanged"), (False, 0, "returned"), (None, 1, "unchanged"), (None, 0, "returned")],
)
def test_a_state_has_no_distance(condition: bool | None, value: float, verdict: str) -> None:
    found = judge(Question(kind=AlarmKind.STATE, condition=condition, value=value, quality=0, states=(1,)))
    assert (found.basis, found.verdict, found.distance, found.slope) == ("state", verdict, None, None)


def test_an_alarm_of_quality_is_over_when_its_value_can_be_used() -> None:
    def of(condition: bool, word: int) -> tuple[str, str]:
        found = judge(Question(kind=AlarmKind.BAD_QUALITY, condition=condition, value=1.0, quality=word))
        return found.verdict, found.because

    assert of(True, BAD) == ("unchanged", "quality")
    assert of(True, 0) == ("returning", "delay")
    assert of(False, 0) == ("returned", "ended")
    assert of(False, BAD) == ("unchanged", "quality")


def test_loss_of_view_goes_by_the_link() -> None:
    def of(condition: bool, in_view: bool | None) -> str:
        return judge(Question(AlarmKind.LOSS_OF_VIEW, condition, float("nan"), BAD, in_view=in_view)).verdict

    assert [of(True, False), of(True, True), of(False, True), of(False, None)] == [
        "unchanged",
        "returning",
        "returned",
        "unknown",
    ]
