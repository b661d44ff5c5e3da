"""The device's own time in a message: ISO 8601 text, or a number of seconds, milliseconds or microseconds since 1970. Pure."""

from __future__ import annotations

import math
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from anlan.model.clock import from_datetime

TimeForm = Literal["auto", "s", "ms", "us", "iso"]
FACTOR = {"s": 1_000_000, "ms": 1_000, "us": 1}
LATEST = 4_102_444_800_000_000
"""2100-01-01: a time beyond it is a wrong unit or garbage. [µs]"""


def instant(held: Any, form: TimeForm, zone: str, received_at: int) -> int:
    """µs UTC; ValueError says what is wrong. `received_at` tells which of the two hours is meant that have one name in autumn: the nearer one.

    `auto`: text is ISO 8601 (or digits); a number below 10¹¹ is seconds, below 10¹⁴ milliseconds, else microseconds.
    """
    if isinstance(held, str) and form in {"auto", "iso"} and not held.strip().lstrip("-").replace(".", "", 1).isdigit():
        return _within(_iso(held.strip(), zone, received_at))
    if isinstance(held, bool) or not isinstance(held, int | float | str) or form == "iso":
        raise ValueError(f"{held!r} is not a time")
    number = _number(held)
    scaled = number * FACTOR[_unit(abs(number)) if form == "auto" else form]
    if scaled in {math.inf, -math.inf}:
        raise ValueError(f"{held!r} lies outside 1970 … 2100")
    return _within(round(scaled))


def _number(held: int | float | str) -> int | float:
    if isinstance(held, int):
        return held
    try:
        number = float(held)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"{held!r} is not a time")
    return number


def _unit(number: float) -> str:
    return "s" if number < 1e11 else "ms" if number < 1e14 else "us"


def _iso(text: str, zone: str, received_at: int) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an ISO 8601 time") from None
    meant = [moment]
    if moment.tzinfo is None:
        if not zone:
            raise ValueError(f"{text!r} has no time zone, and the template names none")
        meant = [moment.replace(tzinfo=ZoneInfo(zone), fold=fold) for fold in (0, 1)]
        if meant[0].utcoffset() < meant[1].utcoffset():  # type: ignore[operator]  # an hour that spring leaves out: by the clock that was not set
            meant.pop()
    try:
        return min(map(from_datetime, meant), key=lambda time: abs(time - received_at))
    except OverflowError:
        raise ValueError(f"{text!r} lies outside 1970 … 2100") from None


def _within(time: int) -> int:
    if not 0 <= time <= LATEST:
        raise ValueError(f"{time} µs lies outside 1970 … 2100")
    return time
