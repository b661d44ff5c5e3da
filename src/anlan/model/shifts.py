"""The shifts of a site: which one runs at an instant and when it ends, on the site's own clocks, summer time included.

A shift begins at its time of day and runs until the next one begins. In the night when the clocks change it is an hour shorter or
longer. A beginning inside the hour that a clock skips comes as much later; one inside an hour that comes twice is the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field

from anlan.model.clock import Micros, from_datetime, to_datetime
from anlan.model.places import Id
from anlan.model.words import Label


class Shift(BaseModel):
    """One shift; `start` is "HH:MM" in the site's zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    name: Label
    start: str = Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="HH:MM")


DEFAULT_SHIFTS: tuple[Shift, ...] = (
    Shift(id="day", name=Label(zh="白班", en="Day shift"), start="08:00"),
    Shift(id="night", name=Label(zh="夜班", en="Night shift"), start="20:00"),
)


@dataclass(frozen=True, slots=True)
class Running:
    """A shift on one day: start ≤ instant < end."""

    shift: Shift
    start: Micros
    end: Micros


def shift_at(instant: Micros, shifts: Sequence[Shift], zone: str) -> Running:
    """The shift that runs at `instant`. `shifts` is not empty."""
    starts = sorted(_starts(instant, shifts, zone), key=lambda one: one[0])
    # A day may be 25 h long: the days around `instant` hold at least one start on either side.
    before = max(i for i, (start, _) in enumerate(starts) if start <= instant)
    (start, shift), (end, _) = starts[before], starts[before + 1]
    return Running(shift, start, end)


def end_of_shift(instant: Micros, shifts: Sequence[Shift], zone: str) -> Micros:
    """When the shift that runs at `instant` ends."""
    return shift_at(instant, shifts, zone).end


def _starts(instant: Micros, shifts: Sequence[Shift], zone: str) -> Iterator[tuple[Micros, Shift]]:
    local = ZoneInfo(zone)
    today = to_datetime(instant).astimezone(local).date()
    for day in range(-2, 3):
        for shift in shifts:
            begins = datetime.combine(today + timedelta(days=day), time.fromisoformat(shift.start), local)
            yield from_datetime(begins), shift
