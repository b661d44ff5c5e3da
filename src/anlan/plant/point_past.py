"""What points were: readings keep for ever the unit, the name and the meaning of their time, whatever a later version calls them.

    version n ─▶ version n+1 makes MPa of kPa, or takes the point away ─▶ the point as it was, until then ─▶ history tells it so

Only what changed is kept; what a point is now stands in the version in force.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise

import sqlalchemy as sa
import structlog
from sqlalchemy.orm import Session

from anlan.model.clock import Micros
from anlan.model.errors import AnlanError
from anlan.model.points import Point
from anlan.plant.compile import all_points
from anlan.plant.description import Plant
from anlan.plant.numbers import read_numbers
from anlan.plant.records import PointThenRow, VersionRow
from anlan.store.records import Records
from anlan.web.context import PointThen

MEANING = ("id", "name", "kind", "unit", "pressure_basis", "flow_basis", "gas", "states")
"""What a reading of a point means; a change of anything else leaves its history as it was."""

log = structlog.get_logger()


def means_the_same(before: Point, after: Point) -> bool:
    return before is after or all(getattr(before, name) == getattr(after, name) for name in MEANING)


def ended(before: Plant, after: Plant) -> Iterator[tuple[Point, Point | None]]:
    """Each point of `before` of which `after` makes something else: as it was, and what it becomes; None where it goes."""
    now = {point.id: point for point in all_points(after)}
    renamed = {point.was: point for point in after.points if point.was and point.was not in now}
    for point in all_points(before):
        becomes = now.get(point.id) or renamed.get(point.id)
        if becomes is None or not means_the_same(point, becomes):
            yield point, becomes


def keep_past(
    session: Session, before: Plant, after: Plant, number_of: Callable[[str], int | None], version: int, at: Micros
) -> None:
    """In the caller's transaction. `number_of`: the number that an id, of either plant, stands for."""
    found = ((number_of(becomes.id if becomes is not None else point.id), point) for point, becomes in ended(before, after))
    rows = [
        {"number": number, "version": version, "until": at, "point": point.model_dump(mode="json")}
        for number, point in found
        if number is not None
    ]
    if rows:
        session.execute(sa.insert(PointThenRow), rows)


def read_past(session: Session) -> dict[int, tuple[PointThen, ...]]:
    """By number, oldest first."""
    found: dict[int, list[PointThen]] = {}
    for row in session.scalars(sa.select(PointThenRow).order_by(PointThenRow.number, PointThenRow.until, PointThenRow.version)):
        found.setdefault(row.number, []).append(PointThen(row.until, Point.model_validate(row.point)))
    return {number: tuple(then) for number, then in found.items()}


def past_of(records: Records) -> dict[int, tuple[PointThen, ...]]:
    """Empty of a folder that this release has not started yet."""
    with records.reading() as session:
        kept = sa.inspect(session.connection()).has_table(PointThenRow.__tablename__)
        return read_past(session) if kept else {}


def fill(session: Session, plant_of: Callable[[VersionRow], Plant]) -> None:
    """For records of a release that kept none of it: from their versions, once, two at a time. A version that cannot be read tells nothing."""
    kept = list(session.scalars(sa.select(VersionRow.number).order_by(VersionRow.number)))
    if len(kept) < 2:
        return
    later: dict[str, str] = {}
    for plant, _ in _plants(session, kept, plant_of):
        later |= {point.was: point.id for point in plant.points if point.was}
    numbers = read_numbers(session).points
    for (before, _), (after, row) in pairwise(_plants(session, kept, plant_of)):
        keep_past(session, before, after, lambda one: _number(one, numbers, later), row.number, row.at)


def _plants(session: Session, kept: Iterable[int], plant_of: Callable[[VersionRow], Plant]) -> Iterator[tuple[Plant, VersionRow]]:
    for number in kept:
        row = session.get_one(VersionRow, number)
        if (plant := _readable(row, plant_of)) is not None:
            yield plant, row
        session.expunge(row)


def _readable(row: VersionRow, plant_of: Callable[[VersionRow], Plant]) -> Plant | None:
    try:
        return plant_of(row)
    except (AnlanError, ValueError) as error:
        log.error("a version tells nothing of what points were", version=row.number, error=str(error))
        return None


def _number(one: str, numbers: Mapping[str, int], later: Mapping[str, str]) -> int | None:
    """By what it is called in the end: a number stands under its newest id."""
    for _ in range(len(later) + 1):
        if one in numbers:
            return numbers[one]
        one = later.get(one, one)
    return None
