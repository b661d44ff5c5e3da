"""T90 from readings: against a first-order lag, whose T90 is known in closed form, and by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from anlan.model.clock import SECOND
from anlan.monitor.detectors.response import error_of_range, judge, measure

GAS_ON = 1_767_225_600 * SECOND


def readings(values: list[float], first: float, period: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    times = [GAS_ON + round((first + i * period) * SECOND) for i in range(len(values))]
    return np.array(times, np.int64), np.array(values)


@pytest.mark.parametrize(("t90", "period"), [(20.0, 1.0), (40.0, 1.0), (40.0, 0.2), (12.0, 2.0)])
def test_a_first_order_lag_has_the_t90_it_was_made_with(t90: float, period: float) -> None:
    count = round((5 * t90 + 15) / period)
    values = [
        0.1 if t <= 0 else 0.1 + 4.9 * (1 - math.exp(-t * math.log(10) / t90)) for t in (i * period - 5 for i in range(count))
    ]
    found = measure(*readings(values, -5, period), GAS_ON, 10.0)
    assert found.settled
    assert found.t90 == pytest.approx(t90, abs=period)
    assert found.resolution == pytest.approx(period)
    assert found.final == pytest.approx(5.0, abs=0.01)


def test_by_hand_the_crossing_lies_between_two_readings() -> None:
    """0 → 10 in steps: 8 at 3 s, 10 at 4 s; 9 is passed half way."""
    found = measure(*readings([0, 0, 0, 2, 5, 8] + [10] * 20, -2), GAS_ON, 20.0)
    assert found.t90 == pytest.approx(3.5)
    assert found.resolution == 1.0


def test_while_it_still_rises_there_is_no_t90() -> None:
    values = [0.0 if t <= 0 else 5 * (1 - math.exp(-t * math.log(10) / 60)) for t in range(-5, 30)]
    found = measure(*readings(values, -5), GAS_ON, 10.0)
    assert (found.settled, found.t90) == (False, None)


@pytest.mark.parametrize("values", [[0.0] * 40, [0.0, 0.01] * 20])
def test_a_detector_that_does_not_answer_has_none(values: list[float]) -> None:
    found = measure(*readings(values, -5), GAS_ON, 10.0)
    assert (found.settled, found.t90) == (False, None)


def test_without_a_reading_before_the_gas_nothing_is_known() -> None:
    assert measure(*readings([5.0] * 30, 1), GAS_ON, 10.0).baseline is None


def test_oxygen_that_is_displaced_falls() -> None:
    found = measure(*readings([20.9, 20.9, 20.9, 18, 12, 4] + [0.9] * 20, -2), GAS_ON, 25.0)
    assert found.t90 == pytest.approx(3 - 0.0 + (4 - 2.9) / (4 - 0.9), abs=1e-6)


def test_only_a_limit_of_the_plant_judges() -> None:
    assert judge("t90", 40.0, 60.0, "s").within is True
    assert judge("t90", 61.0, 60.0, "s").within is False
    assert judge("t90", 61.0, None, "s").within is None
    assert judge("t90", None, 60.0, "s").within is None
    assert judge("error", -11.0, 10.0, "%").within is False
    assert error_of_range(5.5, 5.0, 0.0, 10.0) == pytest.approx(5.0)
    assert error_of_range(None, 5.0, 0.0, 10.0) is None
