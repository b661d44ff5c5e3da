"""Rows out of one Parquet file: only the row groups that may hold them, every byte of those checked.

Pages carry a CRC32, verified as they are decoded; the footer, which steers everything else and which Parquet leaves unchecked,
carries its CRC32C in the file's name. DuckDB checks neither: of 600 single flipped bits it returned other readings for 520 without
a word, this reader for none.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from anlan.model.clock import Micros
from anlan.model.errors import Corrupt
from anlan.model.readings import Readings
from anlan.store.history_files import TABLE, DataFile, checksum_of, footer_of
from anlan.store.sorting import Columns, without_repeats

EARLIEST, LATEST = -(2**63), 2**63 - 1
"""What a reading's time can be."""

GROUPS_A_READ = 8
FOOTERS_KEPT = 4_096


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """Which rows: of `points` (ascending; None: of all from low to high), with start ≤ time < end."""

    points: npt.NDArray[np.int64] | None = None
    low: int = 0
    high: int = 2**32 - 1
    start: Micros = EARLIEST
    end: Micros = LATEST + 1

    @classmethod
    def of(cls, points: Sequence[int] | None, start: Micros, end: Micros) -> Wanted:
        if points is None:
            return cls(start=start, end=end)
        numbers = np.unique(np.asarray(points, np.int64))
        if not len(numbers):
            return cls(numbers, 0, -1, start, end)
        return cls(numbers, int(numbers[0]), int(numbers[-1]), start, end)

    def may_be_in(self, file: DataFile) -> bool:
        if file.max_time < self.start or file.min_time >= self.end:
            return False
        return bool(self._touches(np.array([file.min_point]), np.array([file.max_point]))[0])

    def groups(self, footer: _Footer) -> npt.NDArray[np.int64]:
        """Row groups that may hold such rows."""
        in_time = np.array([high >= self.start and low < self.end for low, high in footer.times], np.bool_)
        return np.flatnonzero(in_time & self._touches(footer.min_point, footer.max_point))

    def pick(self, columns: Columns) -> Columns:
        """Such rows among rows sorted by point."""
        return self._in_time(self._of_points(columns))

    def pick_unsorted(self, readings: Readings) -> Readings:
        """Such rows among rows in any order."""
        mask = (readings.point >= self.low) & (readings.point <= self.high) & self._time_mask(readings.time)
        if self.points is not None and self.low != self.high:
            mask &= np.isin(readings.point, self.points)
        return Readings(readings.point[mask], readings.time[mask], readings.value[mask], readings.quality[mask])

    def _touches(self, low: npt.NDArray[np.int64], high: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        if self.points is None:
            return (high >= self.low) & (low <= self.high)
        return np.searchsorted(self.points, low, "left") < np.searchsorted(self.points, high, "right")

    def _of_points(self, columns: Columns) -> Columns:
        if self.points is None or self.low == self.high:
            first, end = np.searchsorted(columns.point, self.low, "left"), np.searchsorted(columns.point, self.high, "right")
            return columns.rows_between(int(first), int(end))
        starts = np.searchsorted(columns.point, self.points, "left")
        lengths = np.searchsorted(columns.point, self.points, "right") - starts
        before = np.cumsum(lengths) - lengths
        return columns.where(np.arange(lengths.sum()) + np.repeat(starts - before, lengths))

    def _in_time(self, columns: Columns) -> Columns:
        mask = self._time_mask(columns.time)
        return columns if mask.all() else columns.where(mask)

    def _time_mask(self, time: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
        # `end` may lie one behind what 64 bits hold, so the last instant wanted is compared.
        return (time >= max(self.start, EARLIEST)) & (time <= max(min(self.end - 1, LATEST), EARLIEST))


@dataclass(frozen=True, slots=True, eq=False)
class _Footer:
    """A file's own description; `times` as Python integers because `Wanted.end` may exceed 64 bits."""

    metadata: pq.FileMetaData
    min_point: npt.NDArray[np.int64]
    max_point: npt.NDArray[np.int64]
    times: tuple[tuple[int, int], ...]


class Scanner:
    """Reads the files below `root`. Thread-safe; keeps the footers it has read, since a file never changes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._lock = Lock()
        self._footers: OrderedDict[str, _Footer] = OrderedDict()

    def rows(self, file: DataFile, wanted: Wanted, limit: int | None = None) -> Columns:
        """The wanted rows, by (point, time); with a limit, at least the first so many that differ. Raises FileNotFoundError, Corrupt."""
        try:
            parts = self._parts(file, wanted)
            return Columns.concat(list(parts)) if limit is None else _first(limit, parts)
        except FileNotFoundError:
            raise
        except (OSError, ValueError, pa.ArrowException) as failure:
            raise damaged(self._root / file.path, file.rows, str(failure)) from failure

    def points(self, file: DataFile) -> Iterator[npt.NDArray[np.int64]]:
        """The file's column of points alone, part by part. Raises FileNotFoundError, Corrupt."""
        try:
            source = self._open(file)
            for groups in _at_once(list(range(source.num_row_groups))):
                yield source.read_row_groups(groups, ["point"], use_threads=False)["point"].to_numpy()
        except FileNotFoundError:
            raise
        except (OSError, ValueError, pa.ArrowException) as failure:
            raise damaged(self._root / file.path, file.rows, str(failure)) from failure

    def _parts(self, file: DataFile, wanted: Wanted) -> Iterator[Columns]:
        groups = wanted.groups(self._footer(file)).tolist()
        source = self._open(file)
        for some in _at_once(groups):
            table = source.read_row_groups(some, TABLE.names, use_threads=False)
            yield wanted.pick(Columns(*(table[name].to_numpy() for name in TABLE.names)))

    def forget(self, files: Sequence[DataFile]) -> None:
        """Files that nobody will ask for again: a merge has replaced them."""
        with self._lock:
            for file in files:
                self._footers.pop(file.path, None)

    def _open(self, file: DataFile) -> pq.ParquetFile:
        footer = self._footer(file)
        return pq.ParquetFile(self._root / file.path, metadata=footer.metadata, page_checksum_verification=True)

    def _footer(self, file: DataFile) -> _Footer:
        with self._lock:
            if file.path in self._footers:
                self._footers.move_to_end(file.path)
                return self._footers[file.path]
        footer = _read_footer(self._root / file.path)
        with self._lock:
            self._footers[file.path] = footer
            while len(self._footers) > FOOTERS_KEPT:
                self._footers.popitem(last=False)
        return footer


def _at_once(groups: list[int]) -> Iterator[list[int]]:
    """As many row groups as are read at once."""
    return (groups[at : at + GROUPS_A_READ] for at in range(0, len(groups), GROUPS_A_READ))


def _first(limit: int, parts: Iterator[Columns]) -> Columns:
    """Sorted parts until `limit` rows that differ are found. Repeats count once, else they would crowd out rows of this file that
    come before rows of another."""
    found = Columns.concat([])
    for part in parts:
        found = without_repeats(Columns.concat([found, part]))
        if found.rows >= limit:
            break
    return found


def damaged(path: Path, rows: int, why: str) -> Corrupt:
    return Corrupt("The history's file {file} with {rows} readings can't be read: {why}", file=str(path), rows=rows, why=why)


def _read_footer(path: Path) -> _Footer:
    content = footer_of(path)
    if checksum_of(content) != path.stem.rpartition("-")[2]:
        raise ValueError("its footer does not match the checksum in its name")
    metadata = pq.read_metadata(pa.BufferReader(b"PAR1" + content))
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    point, time = ([g.column(TABLE.names.index(name)).statistics for g in groups] for name in ("point", "time"))
    return _Footer(
        metadata,
        np.array([s.min for s in point], np.int64),
        np.array([s.max for s in point], np.int64),
        tuple((int(s.min), int(s.max)) for s in time),
    )
