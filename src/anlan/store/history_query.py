"""Finding readings again: over the files that the table's statistics leave, and the log's tail if there is one.

Files are read by `history_scan`, which checks every byte; so little is left to do with the rows that NumPy does it, and no SQL
engine is needed here. (The table is plain Delta Lake: DuckDB, Spark and others read it, without those checks.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa

from anlan.model.clock import Micros
from anlan.model.errors import Corrupt, StoreError
from anlan.model.quality import SEVERITY_SHIFT, Severity
from anlan.model.readings import Readings
from anlan.store.history_files import DataFile
from anlan.store.history_scan import EARLIEST, Scanner, Wanted, damaged
from anlan.store.scaling import Scale, scaled
from anlan.store.sorting import Columns, sort, without_repeats

T = TypeVar("T")

Files = Callable[[], Sequence[DataFile]]
"""The files that count now; asked again when one has gone, because a merge may have replaced it."""

TailOf = Sequence[Readings]
"""Readings that the files do not contain yet, in any order."""

ATTEMPTS = 5
"""So often may merges take files away under one question."""

BATCH = 16
"""`latest` looks back through so many files at a time, newest first."""

WIDTHS: tuple[Micros, ...] = tuple(
    [step * 10**power for power in range(6) for step in (1, 2, 5)]
    + [
        seconds * 1_000_000
        for seconds in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200)
    ]
    + [days * 86_400_000_000 for days in (1, 2, 7, 14, 28, 56, 112, 364, 728, 3_640)]
)

TREND = pa.schema(
    [
        pa.field("point", pa.uint32(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),  # start of the span, a multiple of its width [µs UTC]
        pa.field("width", pa.int64(), nullable=False),  # [µs]
        pa.field("count", pa.int64(), nullable=False),  # readings in the span
        pa.field(
            "usable", pa.int64(), nullable=False
        ),  # … of which not bad and a number; the next five are of these, null if none
        pa.field("min", pa.float64()),
        pa.field("max", pa.float64()),
        pa.field("first", pa.float64()),
        pa.field("last", pa.float64()),
        pa.field("avg", pa.float64()),
        pa.field("quality", pa.uint16(), nullable=False),  # the worst in the span
    ]
)


@dataclass(frozen=True, slots=True)
class Hole:
    """Readings that can't be read now: the file, how many and when by the table's account, and why."""

    file: str
    rows: int
    start: Micros
    end: Micros
    why: str


class Query:
    """Thread-safe. Every method raises Corrupt for a file that can't be read unless a list of `holes` takes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.scanner = Scanner(root)

    def read(
        self, files: Files, wanted: Wanted, *, limit: int | None = None, tail: TailOf = (), holes: list[Hole] | None = None
    ) -> Readings:
        """By (point, time), exact repeats once, the first `limit`."""
        rows = without_repeats(sort(self._rows(files, wanted, limit, tail, holes))).readings()
        return rows if limit is None else rows[:limit]

    def latest(
        self,
        files: Files,
        points: Sequence[int],
        before: Micros,
        *,
        tail: TailOf = (),
        holes: list[Hole] | None = None,
    ) -> Readings:
        """One row for each point that has any with time < before, by point."""
        return self._again_if_replaced(lambda: self._latest(files, points, before, tail, holes))

    def trend(
        self,
        files: Files,
        wanted: Wanted,
        buckets: int,
        *,
        tail: TailOf = (),
        holes: list[Hole] | None = None,
        scales: Sequence[Scale] = (),
    ) -> pa.Table:
        """Rows of `TREND` by (point, time): spans of one round width, at most buckets + 1 a point, only those that have readings.

        Spans begin at multiples of the width, so that the same spans come again when the window moves; every reading falls into
        exactly one, so that no spike is lost. `scales`: what becomes of values before they are folded; one that becomes NaN is not usable.
        """
        rows = without_repeats(sort(self._rows(files, wanted, None, tail, holes)))
        rows = rows._replace(value=scaled(rows.point, rows.time, rows.value, scales))
        return fold(rows, width_for(wanted.end - wanted.start, buckets))

    def _rows(self, files: Files, wanted: Wanted, limit: int | None, tail: TailOf, holes: list[Hole] | None) -> Columns:
        """The wanted rows of all files and the tail; with a limit, at least the first so many different ones of each."""
        rest = [Columns.of(wanted.pick_unsorted(part)) for part in tail]
        return self._again_if_replaced(
            lambda: Columns.concat([*self._of_files(files(), files, wanted, limit, holes), *rest]),
        )

    def _latest(self, files: Files, points: Sequence[int], before: Micros, tail: TailOf, holes: list[Hole] | None) -> Readings:
        found = _Newest(points)
        found.add(sort(Readings.concat([found.wanted(EARLIEST, before).pick_unsorted(part) for part in tail])))
        remaining = sorted((f for f in files() if f.min_time < before), key=lambda f: f.max_time, reverse=True)
        while remaining:
            batch, remaining = remaining[:BATCH], remaining[BATCH:]
            wanted = found.wanted(min(batch[0].max_time, before - 1), before)
            if wanted.points is None or not len(wanted.points):
                break
            for rows in self._of_files(batch, files, wanted, None, holes):
                found.add(rows)
        return found.readings()

    def _of_files(
        self, chosen: Sequence[DataFile], files: Files, wanted: Wanted, limit: int | None, holes: list[Hole] | None
    ) -> Iterator[Columns]:
        """Each file's wanted rows, by (point, time). In order of time: then the rows of a point come nearly sorted."""
        for file in sorted((f for f in chosen if wanted.may_be_in(f)), key=lambda f: (f.min_time, f.path)):
            try:
                yield self.scanner.rows(file, wanted, limit)
            except FileNotFoundError as gone:
                if file not in files():
                    raise _Replaced from gone
                _note(holes, file, damaged(self.root / file.path, file.rows, "it is missing"))
            except Corrupt as broken:
                _note(holes, file, broken)

    def _again_if_replaced(self, ask: Callable[[], T]) -> T:
        for _ in range(ATTEMPTS):
            try:
                return ask()
            except _Replaced:
                continue
        raise StoreError(
            "The history in {folder} changed {times} times during one question", folder=str(self.root), times=ATTEMPTS
        )


class _Replaced(Exception):
    """A file went away because a merge replaced it: look again."""


class _Newest:
    """The newest row of each point so far; no row yet where the time is the earliest there is."""

    def __init__(self, points: Sequence[int]) -> None:
        self.points = np.unique(np.asarray(points, np.int64))
        rows = len(self.points)
        self.has = np.zeros(rows, np.bool_)
        self.time = np.full(rows, EARLIEST, np.int64)
        self.value, self.quality = np.zeros(rows), np.zeros(rows, np.int32)

    def wanted(self, time: Micros, before: Micros) -> Wanted:
        """Points of which a row at `time` could still be the newest."""
        return Wanted.of(self.points[~self.has | (self.time < time)].tolist(), EARLIEST, before)

    def add(self, rows: Columns) -> None:
        """Take over what is newer of rows sorted by (point, time)."""
        last = np.flatnonzero(np.diff(rows.point, append=-1))
        newest = rows.where(last)
        place = np.searchsorted(self.points, newest.point)
        newer = ~self.has[place] | (newest.time > self.time[place])
        place, newest = place[newer], newest.where(newer)
        self.has[place] = True
        self.time[place], self.value[place], self.quality[place] = newest.time, newest.value, newest.quality

    def readings(self) -> Readings:
        return Columns(self.points, self.time, self.value, self.quality).where(self.has).readings()


def width_for(span: Micros, buckets: int) -> Micros:
    """The smallest round width of which `buckets` cover the span."""
    least = -(-max(span, 1) // max(buckets, 1))
    return next((width for width in WIDTHS if width >= least), least)


def fold(rows: Columns, width: Micros) -> pa.Table:
    """Rows sorted by (point, time), each once, folded into spans of `width`: a table of `TREND`."""
    if not rows.rows:
        return TREND.empty_table()
    span = rows.time // width
    starts = np.flatnonzero(np.diff(rows.point, prepend=-1) | np.diff(span, prepend=span[0]))
    good = (rows.quality >> SEVERITY_SHIFT < Severity.BAD) & np.isfinite(rows.value)
    numbers = np.arange(rows.rows)
    usable = np.add.reduceat(good.astype(np.int64), starts)
    none = usable == 0
    first = np.minimum.reduceat(np.where(good, numbers, rows.rows - 1), starts)
    last = np.maximum.reduceat(np.where(good, numbers, 0), starts)
    total = np.add.reduceat(np.where(good, rows.value, 0.0), starts)
    columns = {
        "point": rows.point[starts],
        "time": span[starts] * width,
        "width": np.full(len(starts), width),
        "count": np.diff(starts, append=rows.rows),
        "usable": usable,
        "min": pa.array(np.minimum.reduceat(np.where(good, rows.value, np.inf), starts), mask=none),
        "max": pa.array(np.maximum.reduceat(np.where(good, rows.value, -np.inf), starts), mask=none),
        "first": pa.array(rows.value[first], mask=none),
        "last": pa.array(rows.value[last], mask=none),
        "avg": pa.array(total / np.maximum(usable, 1), mask=none),
        "quality": np.maximum.reduceat(rows.quality, starts),
    }
    return pa.table(columns).cast(TREND)


def _note(holes: list[Hole] | None, file: DataFile, broken: Corrupt) -> None:
    if holes is None:
        raise broken
    hole = Hole(file.path, file.rows, file.min_time, file.max_time, broken.text())
    if hole not in holes:
        holes.append(hole)
