"""Finding readings again: DuckDB, in memory, over the files that their statistics leave and the log's tail if there is one.

DuckDB reads and prunes; order and repeats are settled by `store.sorting`, faster and by the bits. It may open the history's folder
and nothing else, and nobody's SQL but this module's reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from threading import Lock
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anlan.model.clock import Micros
from anlan.model.errors import Corrupt, StoreError
from anlan.model.quality import SEVERITY_SHIFT, Severity
from anlan.model.readings import SCHEMA, Readings
from anlan.store.history_files import DataFile
from anlan.store.sorting import sort, without_repeats

Files = Callable[[], Sequence[DataFile]]
"""The files that count now; asked again when one has gone, because a merge may have replaced it."""

INLINE = 4_096
"""So many points go into the text of the query, where row groups are pruned by them; more are joined."""

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
    """Readings that can't be read now: the file, what its table entry says it holds, and why."""

    file: str
    rows: int
    start: Micros
    end: Micros
    why: str


@dataclass(frozen=True, slots=True)
class _Wanted:
    """points None: all; start ≤ time < end."""

    points: tuple[int, ...] | None
    start: Micros
    end: Micros

    def may_be_in(self, file: DataFile) -> bool:
        if file.max_time < self.start or file.min_time >= self.end:
            return False
        return self.points is None or any(file.min_point <= p <= file.max_point for p in self.points)

    @property
    def condition(self) -> str:
        time = f"time >= {self.start} AND time < {self.end}"
        if self.points is None:
            return time
        low, high = min(self.points), max(self.points)
        if len(self.points) > INLINE:
            return f"{time} AND point BETWEEN {low} AND {high} AND point IN (SELECT number FROM wanted)"  # noqa: S608 - our own text and numbers
        if low == high:
            return f"{time} AND point = {low}"
        return f"{time} AND point IN ({', '.join(map(str, self.points))})"


class Query:
    """One DuckDB for all threads. Every method raises Corrupt for a file that can't be read unless `holes` takes it."""

    def __init__(self, root: Path, *, threads: int, memory: str) -> None:
        self.root = root
        self._lock = Lock()
        self._database = _database(root, threads, memory)

    def read(
        self,
        files: Files,
        points: Sequence[int] | None,
        start: Micros,
        end: Micros,
        *,
        limit: int | None = None,
        tail: pa.Table | None = None,
        holes: list[Hole] | None = None,
    ) -> pa.Table:
        """Rows of `SCHEMA` by (point, time), exact repeats once, the first `limit`."""
        wanted = _Wanted(_numbers(points), start, end)
        asked = None if limit is None else limit + 1
        while True:
            table = self._rows(files, wanted, tail, holes, asked)
            rows = without_repeats(sort(Readings.from_arrow(table))).readings()
            if asked is None or len(rows) >= (limit or 0) or table.num_rows < asked:
                return pa.Table.from_batches([rows[:limit].to_arrow() if limit is not None else rows.to_arrow()])
            asked *= 2  # repeats took the place of rows that were wanted

    def latest(
        self,
        files: Files,
        points: Sequence[int],
        before: Micros,
        *,
        tail: pa.Table | None = None,
        holes: list[Hole] | None = None,
    ) -> pa.Table:
        """Rows of `SCHEMA`, one for each point that has any with time < before, by point."""
        found = _Newest(points)
        if tail is not None:
            found.add(self._newest((), _Wanted(found.points, _EARLIEST, before), tail, holes))
        remaining = sorted((f for f in files() if f.min_time < before), key=lambda f: f.max_time, reverse=True)
        while remaining:
            batch, remaining = remaining[:BATCH], remaining[BATCH:]
            open_points = found.older_than(min(batch[0].max_time, before - 1))
            if not open_points:
                break
            found.add(self._newest(batch, _Wanted(open_points, _EARLIEST, before), None, holes))
        return found.table()

    def trend(
        self,
        files: Files,
        points: Sequence[int],
        start: Micros,
        end: Micros,
        buckets: int,
        *,
        tail: pa.Table | None = None,
        holes: list[Hole] | None = None,
    ) -> pa.Table:
        """Rows of `TREND` by (point, time): spans of one round width, at most buckets + 1 a point, only those that have readings.

        Spans begin at multiples of the width, so that the same spans come again when the window moves; every reading falls into
        exactly one, so that no spike is lost.
        """
        width = width_for(end - start, buckets)
        wanted = _Wanted(_numbers(points), start, end)

        def select(source: str) -> str:
            return _TREND_SQL.format(width=width, source=source, bad=int(Severity.BAD), shift=SEVERITY_SHIFT)

        return self._answer(files, wanted, tail, holes, select).cast(TREND)

    def rows_per_point(self, files: Sequence[DataFile]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Ascending points and how many rows each has."""
        everything = _Wanted(None, _EARLIEST, _LATEST)

        def select(source: str) -> str:
            return f"SELECT point, count(*) AS rows FROM {source} GROUP BY point ORDER BY point"  # noqa: S608 - our own text and numbers

        table = self._answer(lambda: files, everything, None, None, select)
        return table["point"].to_numpy(), table["rows"].to_numpy()

    def range_of_points(self, files: Sequence[DataFile], low: int, high: int) -> pa.Table:
        """All rows of the points low … high, in no order."""
        relevant = [f for f in files if f.min_point <= high and f.max_point >= low]

        def select(source: str) -> str:
            return f"{_ROWS_OF.format(source=source)} WHERE point BETWEEN {low} AND {high}"

        return self._answer(lambda: relevant, _Wanted(None, _EARLIEST, _LATEST), None, None, select).cast(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _rows(
        self, files: Files, wanted: _Wanted, tail: pa.Table | None, holes: list[Hole] | None, limit: int | None
    ) -> pa.Table:
        first = "" if limit is None else f" ORDER BY point, time LIMIT {limit}"
        return self._answer(files, wanted, tail, holes, lambda source: _ROWS_OF.format(source=source) + first).cast(SCHEMA)

    def _newest(self, files: Sequence[DataFile], wanted: _Wanted, tail: pa.Table | None, holes: list[Hole] | None) -> pa.Table:
        return self._answer(lambda: files, wanted, tail, holes, lambda source: _NEWEST_SQL.format(source=source)).cast(SCHEMA)

    def _answer(
        self, files: Files, wanted: _Wanted, tail: pa.Table | None, holes: list[Hole] | None, select: Callable[[str], str]
    ) -> pa.Table:
        """The answer over the files that may matter; if one can't be read, over the rest, or Corrupt."""
        relevant = [f for f in files() if wanted.may_be_in(f)]
        try:
            return self._run(select(_source(self.root, relevant, wanted, tail)), wanted, tail)
        except duckdb.Error as failure:
            again = [f for f in files() if wanted.may_be_in(f)]
            whole = [f for f in again if self._note_if_broken(f, holes)]
            if len(whole) == len(again) and again == relevant:
                raise StoreError(
                    "The history in {folder} can't be queried: {why}", folder=str(self.root), why=str(failure)
                ) from failure
        return self._run(select(_source(self.root, whole, wanted, tail)), wanted, tail)

    def _note_if_broken(self, file: DataFile, holes: list[Hole] | None) -> bool:
        """True if the file reads from end to end."""
        path = self.root / file.path
        try:
            if not path.exists():
                raise FileNotFoundError(path)
            self._run(_WHOLE_FILE_SQL.format(source=_parquet(self.root, [file])), None, None)
        except (duckdb.Error, OSError) as failure:
            why = "the file is missing" if isinstance(failure, FileNotFoundError) else str(failure)
            if holes is None:
                raise Corrupt(
                    "The history's file {file} can't be read: {why}", file=str(path), why=why, rows=file.rows
                ) from failure
            hole = Hole(file.path, file.rows, file.min_time, file.max_time, why)
            if hole not in holes:
                holes.append(hole)
            return False
        return True

    def _run(self, sql: str, wanted: _Wanted | None, tail: pa.Table | None) -> pa.Table:
        with self._lock:
            cursor = self._database.cursor()
        try:
            if wanted is not None and wanted.points is not None and len(wanted.points) > INLINE:
                cursor.register("wanted", pa.table({"number": pa.array(wanted.points, pa.int64())}))
            if tail is not None:
                cursor.register("tail", tail)
            return cursor.sql(sql).to_arrow_table()
        finally:
            cursor.close()


class _Newest:
    """The newest reading of each point so far."""

    def __init__(self, points: Sequence[int]) -> None:
        self.points = _numbers(points) or ()
        self._rows: dict[int, tuple[int, float, int]] = {}

    def add(self, table: pa.Table) -> None:
        for point, time, value, quality in zip(*(table[name].to_pylist() for name in SCHEMA.names), strict=True):
            if point not in self._rows or time > self._rows[point][0]:
                self._rows[point] = time, value, quality

    def older_than(self, time: Micros) -> tuple[int, ...]:
        """Points of which a reading at `time` or earlier could still be the newest."""
        return tuple(p for p in self.points if p not in self._rows or self._rows[p][0] < time)

    def table(self) -> pa.Table:
        rows = Readings.of((p, *self._rows[p]) for p in self.points if p in self._rows)
        return pa.Table.from_batches([rows.to_arrow()])


def width_for(span: Micros, buckets: int) -> Micros:
    """The smallest round width of which `buckets` cover the span."""
    least = -(-max(span, 1) // max(buckets, 1))
    return next((width for width in WIDTHS if width >= least), least)


_EARLIEST, _LATEST = -(2**63), 2**63 - 1

_ROWS_OF = "SELECT point, time, value, quality FROM {source}"

_WHOLE_FILE_SQL = "SELECT max(point), max(time), max(value), max(quality) FROM {source}"

_NEWEST_SQL = """
    SELECT point, max(time) AS time, arg_max(value, time) AS value, arg_max(quality, time) AS quality
    FROM {source} GROUP BY point ORDER BY point"""

_TREND_SQL = """
    WITH once AS (SELECT DISTINCT point, time, value, quality FROM {source}),
    judged AS (SELECT *, (quality >> {shift}) < {bad} AND isfinite(value) AS good FROM once)
    SELECT point, time - ((time % {width}) + {width}) % {width} AS time, {width} AS width, count(*) AS count,
        count(*) FILTER (good) AS usable,
        min(value) FILTER (good) AS min, max(value) FILTER (good) AS max,
        arg_min(value, time) FILTER (good) AS first, arg_max(value, time) FILTER (good) AS last,
        avg(value) FILTER (good) AS avg, max(quality) AS quality
    FROM judged GROUP BY ALL ORDER BY ALL"""


def _source(root: Path, files: Sequence[DataFile], wanted: _Wanted, tail: pa.Table | None) -> str:
    """What to read from: a subquery of the wanted rows."""
    parts = [_parquet(root, files)] if files else []
    if tail is not None or not parts:
        parts.append("tail" if tail is not None else _NOTHING)
    return "(" + " UNION ALL ".join(f"{_ROWS_OF.format(source=part)} WHERE {wanted.condition}" for part in parts) + ")"


_NOTHING = "(SELECT 0::BIGINT AS point, 0::BIGINT AS time, 0::DOUBLE AS value, 0::INTEGER AS quality LIMIT 0)"


def _parquet(root: Path, files: Sequence[DataFile]) -> str:
    # In order of time, which DuckDB keeps: then the rows of a point arrive sorted and `store.sorting` has only to look.
    in_time = sorted(files, key=lambda f: (f.min_time, f.path))
    names = ", ".join("'" + escape(str(root / f.path)).replace("'", "''") + "'" for f in in_time)
    return f"read_parquet([{names}], hive_partitioning = false)"


def _numbers(points: Sequence[int] | None) -> tuple[int, ...] | None:
    """Ascending, each once; −1 is no point, and stands for none so that the query finds nothing."""
    return None if points is None else tuple(np.unique(np.asarray(points, np.int64)).tolist()) or (-1,)


def _database(root: Path, threads: int, memory: str) -> duckdb.DuckDBPyConnection:
    settings: dict[str, Any] = {
        "threads": threads,
        "memory_limit": memory,
        "temp_directory": str(root / "_spill"),
        "parquet_metadata_cache": True,
        "python_enable_replacements": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allowed_directories": [str(root)],
        "enable_external_access": False,
        "lock_configuration": True,
    }
    connection = duckdb.connect(":memory:")
    for name, value in settings.items():
        text = f"'{value}'" if isinstance(value, str) else str(value)
        connection.execute(f"SET {name} = {text}")
    return connection
