"""Status codes become quality words."""

from __future__ import annotations

import pytest
from asyncua import ua
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.quality import GOOD, Reason, Severity, quality, severity_of
from anlan.sense.opcua.status import name_of, overflowed, quality_of


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Good", GOOD),
        ("GoodClamped", GOOD),
        ("UncertainLastUsableValue", quality(Severity.UNCERTAIN, Reason.LAST_USABLE)),
        ("UncertainSensorCalibration", quality(Severity.UNCERTAIN, Reason.CALIBRATION)),
        ("BadSensorFailure", quality(Severity.BAD, Reason.SENSOR_FAILURE)),
        ("BadNoCommunication", quality(Severity.BAD, Reason.COMMUNICATION)),
        ("BadNodeIdUnknown", quality(Severity.BAD, Reason.CONFIGURATION)),
        ("BadTooManyMonitoredItems", quality(Severity.BAD, Reason.UNSPECIFIED)),
    ],
)
def test_a_code_has_its_severity_and_reason(name: str, word: int) -> None:
    assert quality_of(getattr(ua.StatusCodes, name)) == word


@pytest.mark.parametrize(
    ("number", "name"),
    [(0x40900000, "UncertainLastUsableValue"), (0x80310000, "BadNoCommunication"), (0x808C0000, "BadSensorFailure")],
)
def test_names_agree_with_part_4(number: int, name: str) -> None:
    assert name_of(number) == name


@given(st.integers(0, 2**32 - 1))
def test_any_code_keeps_its_severity(code: int) -> None:
    assert severity_of(quality_of(code)) == min(code >> 30, 2)


def test_info_bits_do_not_change_the_meaning() -> None:
    assert quality_of(ua.StatusCodes.BadSensorFailure | 0x480) == quality_of(ua.StatusCodes.BadSensorFailure)
    assert overflowed(0x480)
    assert not overflowed(0x400)
