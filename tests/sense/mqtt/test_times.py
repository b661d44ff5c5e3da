"""Times in messages."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.clock import SECOND, to_datetime
from anlan.sense.mqtt.times import instant

T = 1_700_000_000_123_456


@pytest.mark.parametrize(
    ("held", "form", "zone", "expected"),
    [
        (1_700_000_000, "auto", "", 1_700_000_000_000_000),
        (1_700_000_000.123456, "s", "", T),
        (1_700_000_000_123, "auto", "", 1_700_000_000_123_000),
        (T, "auto", "", T),
        ("1700000000123", "auto", "", 1_700_000_000_123_000),
        ("2023-11-14T22:13:20.123456Z", "auto", "", T),
        ("2023-11-15T06:13:20.123456+08:00", "iso", "", T),
        ("2023-11-15 06:13:20.123456", "iso", "Asia/Shanghai", T),
        (1_700_000_000, "us", "", 1_700_000_000),
    ],
)
def test_a_time_in_each_form(held: Any, form: Any, zone: str, expected: int) -> None:
    assert instant(held, form, zone) == expected


@pytest.mark.parametrize(
    ("held", "form", "said"),
    [
        ("2023-11-15 06:13:20", "iso", "no time zone"),
        ("yesterday", "auto", "not an ISO 8601 time"),
        (True, "auto", "is not a time"),
        (None, "auto", "is not a time"),
        ("NaN", "s", "is not a time"),
        (10**30, "us", "outside 1970 … 2100"),
        (-5, "s", "outside 1970 … 2100"),
        (5, "iso", "is not a time"),
        (float("inf"), "s", "is not a time"),
        (1e308, "s", "outside 1970 … 2100"),
        ("0001-01-01T00:00:00+08:00", "auto", "outside 1970 … 2100"),
        ("9999-12-31T23:59:59-08:00", "iso", "outside 1970 … 2100"),
    ],
)
def test_what_is_no_time_is_told(held: Any, form: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        instant(held, form, "")


INSTANTS = st.integers(SECOND * 200_000_000, SECOND * 3_800_000_000)


@given(INSTANTS, st.integers(-12 * 60, 14 * 60))
def test_iso_text_of_any_zone_is_exact(time: int, offset: int) -> None:
    text = to_datetime(time).astimezone(timezone(timedelta(minutes=offset))).isoformat()
    assert instant(text, "auto", "") == time


@given(INSTANTS)
def test_auto_tells_seconds_from_milliseconds_from_microseconds(time: int) -> None:
    assert instant(time, "auto", "") == time
    assert instant(time // 1000, "auto", "") == time // 1000 * 1000
    assert instant(time // 1_000_000, "auto", "") == time // 1_000_000 * 1_000_000
