"""Which points and which span of time a request means."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query

from anlan.guard.principal import Principal
from anlan.model.clock import DAY, Micros, from_datetime
from anlan.model.errors import Hidden, InputError, NotFound
from anlan.web.context import PlantView

EARLIEST: Micros = 0
LATEST: Micros = 1 << 60
"""Year 38505: within int64 with room to add a span."""

Points = Annotated[str, Query(min_length=1, max_length=100_000, description="point ids, separated by commas")]
Instant = Annotated[str, Query(max_length=40, description="µs since 1970 UTC, or RFC 3339 with a zone")]


def chosen_points(plant: PlantView, asker: Principal, text: str, *, action: str, most: int) -> list[int]:
    """Numbers of the points named in `text`, in order, each once. Raises NotFound for one that isn't there or may not be seen."""
    ids = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not ids:
        raise InputError("points: at least one point id was expected, for example AT-203")
    if len(ids) > most:
        raise InputError("points: {found} were named; at most {most} at a time", found=len(ids), most=most)
    return [_number(plant, asker, one, action) for one in ids]


def _number(plant: PlantView, asker: Principal, point_id: str, action: str) -> int:
    number = plant.point_numbers.get(point_id)
    if number is None:
        raise NotFound("there is no point {point}", point=point_id[:100])
    if not asker.allows(action, plant.points[number].place):
        raise Hidden("there is no point {point}", point=point_id[:100])
    return number


def span(start: str, end: str, *, longest: Micros = 50 * 366 * DAY) -> tuple[Micros, Micros]:
    """start ≤ time < end. Raises InputError."""
    first, last = instant("start", start), instant("end", end)
    if first >= last:
        raise InputError("start {start} must lie before end {end}", start=start, end=end)
    if last - first > longest:
        raise InputError("the span from {start} to {end} is longer than {days} days", start=start, end=end, days=longest // DAY)
    return first, last


def instant(name: str, text: str) -> Micros:
    """µs, or RFC 3339 with its zone: a time whose zone nobody knows is refused."""
    try:
        found = int(text) if text.lstrip("-").isascii() and text.lstrip("-").isdigit() else from_datetime(_moment(text))
    except (ValueError, OverflowError) as error:
        raise InputError(
            "{name}: {found} was given; µs since 1970 or a time with its zone was expected, for example 2026-01-01T08:00:00+08:00",
            name=name,
            found=text[:60],
        ) from error
    if not EARLIEST <= found <= LATEST:
        raise InputError("{name}: {found} lies outside 1970 … 38505", name=name, found=text[:60])
    return found


def _moment(text: str) -> datetime:
    # A "+" in a query that nobody escaped arrives as a space.
    return datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
