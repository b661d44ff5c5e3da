"""Shifts on the site's clocks, against wall times written out by hand and counted minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.model.clock import HOUR, MINUTE, from_datetime
from anlan.model.shifts import DEFAULT_SHIFTS, Shift, end_of_shift, shift_at
from anlan.model.words import Label

SHANGHAI, NEW_YORK = "Asia/Shanghai", "America/New_York"
THREE = tuple(Shift(id=i, name=Label(en=i), start=start) for i, start in (("a", "00:30"), ("b", "08:30"), ("c", "16:30")))


def at(zone: str, text: str, fold: int = 0) -> int:
    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold))


@pytest.mark.parametrize(
    ("now", "shift", "end"),
    [
        ("2026-07-01T07:59:59", "night", "2026-07-01T08:00"),
        ("2026-07-01T08:00:00", "day", "2026-07-01T20:00"),
        ("2026-07-01T19:59:59", "day", "2026-07-01T20:00"),
        ("2026-07-01T20:00:00", "night", "2026-07-02T08:00"),
        ("2026-12-31T23:30:00", "night", "2027-01-01T08:00"),
    ],
)
def test_two_shifts_of_twelve_hours(now: str, shift: str, end: str) -> None:
    running = shift_at(at(SHANGHAI, now), DEFAULT_SHIFTS, SHANGHAI)
    assert (running.shift.id, running.end) == (shift, at(SHANGHAI, end))


def test_three_shifts_of_which_one_begins_after_midnight() -> None:
    assert shift_at(at(SHANGHAI, "2026-07-01T00:10"), THREE, SHANGHAI).shift.id == "c"
    assert shift_at(at(SHANGHAI, "2026-07-01T00:30"), THREE, SHANGHAI).shift.id == "a"


def test_a_lone_shift_runs_for_a_day() -> None:
    alone = THREE[1:2]
    assert end_of_shift(at(SHANGHAI, "2026-07-01T08:29"), alone, SHANGHAI) == at(SHANGHAI, "2026-07-01T08:30")
    assert end_of_shift(at(SHANGHAI, "2026-07-01T08:30"), alone, SHANGHAI) == at(SHANGHAI, "2026-07-02T08:30")


def test_the_night_in_which_an_hour_is_skipped_is_an_hour_shorter() -> None:
    night = shift_at(at(NEW_YORK, "2026-03-07T21:00"), DEFAULT_SHIFTS, NEW_YORK)
    assert night.end - night.start == 11 * HOUR
    assert night.end == at(NEW_YORK, "2026-03-08T08:00")


def test_the_night_in_which_an_hour_comes_twice_is_an_hour_longer() -> None:
    night = shift_at(at(NEW_YORK, "2026-11-01T01:30", fold=1), DEFAULT_SHIFTS, NEW_YORK)
    assert night.shift.id == "night"
    assert night.end - night.start == 13 * HOUR


@given(
    st.integers(0, 3 * 365 * 24 * 3600).map(lambda after: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=after)),
    st.sampled_from([SHANGHAI, NEW_YORK, "Australia/Lord_Howe", "Europe/Berlin"]),
    st.sampled_from([DEFAULT_SHIFTS, THREE, THREE[:1]]),
)
def test_the_shift_ends_where_the_next_ones_clock_time_first_shows(now: datetime, zone: str, shifts: tuple[Shift, ...]) -> None:
    """Counted on the wall's clock, minute by minute; no start chosen here lies in an hour that is skipped or repeated."""
    starts = {shift.start for shift in shifts}
    minute = now.replace(second=0, microsecond=0)
    while (minute := minute + timedelta(minutes=1)).astimezone(ZoneInfo(zone)).strftime("%H:%M") not in starts:
        pass
    end = end_of_shift(from_datetime(now), shifts, zone)
    assert end == from_datetime(minute)
    assert end_of_shift(end - MINUTE, shifts, zone) == end
    assert shift_at(end, shifts, zone).start == end
