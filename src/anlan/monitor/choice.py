"""Which points and which span of time a request means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import Query

from anlan.guard.principal import Principal
from anlan.model.clock import DAY, Micros
from anlan.model.errors import Hidden, InputError, NotFound
from anlan.model.instants import instant
from anlan.web.context import PlantView

IDS = "point ids: `points` once, separated by commas, or once for each"
Points = Annotated[list[str], Query(min_length=1, max_length=1000, description=IDS)]
Instant = Annotated[str, Query(max_length=40, description="µs since 1970 UTC, or RFC 3339 with a zone")]


def chosen_points(
    plant: PlantView, asker: Principal, texts: list[str], *, action: str, most: int, ever: bool = False
) -> list[int]:
    """Numbers of the points named in `texts`, in order, each once; `ever`: also by the ids of points that were renamed or taken away. Raises
    NotFound for one that isn't there or may not be seen."""
    ids = list(dict.fromkeys(part.strip() for text in texts for part in text.split(",") if part.strip()))
    if not ids:
        raise InputError("points: at least one point id was expected, for example AT-203")
    if len(ids) > most:
        raise InputError("points: {found} were named; at most {most} at a time", found=len(ids), most=most)
    known = plant.numbers_ever if ever else plant.point_numbers
    return list(dict.fromkeys(_number(plant, asker, one, action, known) for one in ids))


def _number(plant: PlantView, asker: Principal, point_id: str, action: str, known: Mapping[str, int]) -> int:
    number = known.get(point_id)
    if number is None:
        raise NotFound("there is no point {point}", point=point_id[:100])
    if not asker.allows(action, plant.point_ever(number).place):
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
