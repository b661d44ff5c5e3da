"""Times in messages."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

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
    assert instant(held, form, zone, T) == expected


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
        instant(held, form, "", T)


INSTANTS = st.integers(SECOND * 200_000_000, SECOND * 3_800_000_000)


@given(INSTANTS, st.integers(-12 * 60, 14 * 60))
def test_iso_text_of_any_zone_is_exact(time: int, offset: int) -> None:
    text = to_datetime(time).astimezone(timezone(timedelta(minutes=offset))).isoformat()
    assert instant(text, "auto", "", T) == time


@given(INSTANTS)
def test_auto_tells_seconds_from_milliseconds_from_microseconds(time: int) -> None:
    assert instant(time, "auto", "", T) == time
    assert instant(time // 1000, "auto", "", T) == time // 1000 * 1000
    assert instant(time // 1_000_000, "auto", "", T) == time // 1_000_000 * 1_000_000


HOUR = 3600 * SECOND
CHANGE = 1_792_890_000 * SECOND
"""2026-10-25T01:00Z: clocks of Berlin go back from 03:00 to 02:00."""


@pytest.mark.parametrize("away", [-59, -31, -1, 0, 1, 31, 59])
@pytest.mark.parametrize("late", [0, 5, 25])
def test_the_hour_that_comes_twice_is_the_one_that_has_just_been(away: int, late: int) -> None:
    """Oracle: the wall clock of that instant, as zoneinfo tells it."""
    time = CHANGE + away * 60 * SECOND
    text = to_datetime(time).astimezone(ZoneInfo("Europe/Berlin")).replace(tzinfo=None).isoformat()
    assert instant(text, "iso", "Europe/Berlin", time + late * 60 * SECOND) == time


def test_an_hour_that_spring_leaves_out_is_told_by_the_clock_that_was_not_set() -> None:
    received = 1_774_749_600 * SECOND - 30 * 60 * SECOND + HOUR
    assert (
        to_datetime(instant("2026-03-29T02:30:00", "iso", "Europe/Berlin", received)).isoformat() == "2026-03-29T01:30:00+00:00"
    )
