"""NE 43: the limits of NAMUR NE 43 themselves, each side of each."""

from __future__ import annotations

import pytest

from anlan.model.quality import Reason, Severity, reason_of, severity_of
from anlan.sense.modbus.address import Ne43
from anlan.sense.modbus.ne43 import judged, scaled


@pytest.mark.parametrize(
    ("current", "severity", "reason"),
    [
        (0.0, Severity.BAD, Reason.NE43_LOW),
        (3.6, Severity.BAD, Reason.NE43_LOW),
        (3.61, Severity.UNCERTAIN, Reason.UNDER_RANGE),
        (3.8, Severity.GOOD, Reason.NONE),
        (20.5, Severity.GOOD, Reason.NONE),
        (20.51, Severity.UNCERTAIN, Reason.OVER_RANGE),
        (20.99, Severity.UNCERTAIN, Reason.OVER_RANGE),
        (21.0, Severity.BAD, Reason.NE43_HIGH),
        (25.0, Severity.BAD, Reason.NE43_HIGH),
    ],
)
def test_a_current_says_how_the_sensor_is(current: float, severity: Severity, reason: Reason) -> None:
    assert (severity_of(judged(current)), reason_of(judged(current))) == (severity, reason)


@pytest.mark.parametrize(("current", "value"), [(4.0, -20.0), (12.0, 40.0), (20.0, 100.0), (20.8, 106.0)])
def test_the_span_is_linear_and_goes_on_outside(current: float, value: float) -> None:
    assert scaled(current, Ne43(-20.0, 100.0)) == pytest.approx(value)


def test_without_a_span_the_value_is_the_current() -> None:
    assert scaled(12.3, Ne43()) == 12.3
