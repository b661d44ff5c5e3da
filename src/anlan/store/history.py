"""History: every reading ever stored, on one machine and on many.

A Delta Lake table of Parquet files sorted by (point, time), one partition per UTC day, and in each commit the position in the log
up to which readings are contained: a reading is in the history exactly once, whenever the process dies. The story:

    history_files   what one file looks like          sorting         how rows get into order
    history_table   which files count (Delta's log)   history_query   how readings are found again
    history_writer  from the log into the history     history_merge   many small files into few
    history_reader  for other processes               history_tail    history and the log's tail as one

One process writes (a lock file says so); others open a HistoryReader.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import RLock
from typing import Self

import pyarrow as pa

from anlan.model.clock import Micros
from anlan.model.errors import StoreError
from anlan.model.readings import SCHEMA, Readings
from anlan.store import history_files
from anlan.store.history_files import DataFile
from anlan.store.history_merge import merged
from anlan.store.history_query import Hole, Query
from anlan.store.history_scan import Wanted
from anlan.store.history_table import Table, table_errors
from anlan.store.scaling import Scale
from anlan.store.sorting import sort


@dataclass(frozen=True, slots=True)
class HistorySettings:
    """How the history is written and queried."""

    merged_rows: int = 8_000_000
    """Rows of a merged file."""
    held_rows: int = 1 << 18
    """Rows that a merge holds in memory at once, about 80 bytes each."""
    durable: bool = True
    """False only where nothing may be kept: replays into a scratch folder."""


class Snapshot:
    """What History and HistoryReader share: reading from the files that count. Thread-safe."""

    def __init__(self, root: Path, table: Table, settings: HistorySettings) -> None:
        self.root = root
        self.settings = settings
        self._table = table
        self._lock = RLock()
        self.query = Query(root)

    def files(self) -> tuple[DataFile, ...]:
        """The files that count now."""
        with self._lock:
            return self._table.files

    def position(self, incarnation: str) -> int:
        """The last position of this incarnation of the log whose readings are all contained; 0 at first."""
        with self._lock:
            return self._table.cursor(incarnation)

    def read(
        self,
        points: Sequence[int] | None,
        start: Micros,
        end: Micros,
        *,
        limit: int | None = None,
        columns: Sequence[str] = tuple(SCHEMA.names),
        holes: list[Hole] | None = None,
    ) -> pa.Table:
        """Readings of `points` (None: all) with start ≤ time < end, by (point, time), exact duplicates once; the first `limit`.

        Types are those of `model.readings.SCHEMA`. A file that is missing or damaged raises Corrupt with its name, or, if a list
        is given for `holes`, is noted there and the rest is returned.
        """
        return table_of(self.query.read(self.files, Wanted.of(points, start, end), limit=limit, holes=holes), columns)

    def latest(self, points: Sequence[int], before: Micros, *, holes: list[Hole] | None = None) -> pa.Table:
        """For each point that has one, its newest reading with time < before, by point."""
        return table_of(self.query.latest(self.files, points, before, holes=holes))

    def trend(
        self,
        points: Sequence[int],
        start: Micros,
        end: Micros,
        buckets: int,
        *,
        holes: list[Hole] | None = None,
        scales: Sequence[Scale] = (),
    ) -> pa.Table:
        """Readings folded into at most `buckets` + 1 spans a point; see `history_query.TREND` for the columns."""
        return self.query.trend(self.files, Wanted.of(points, start, end), buckets, holes=holes, scales=scales)

    def days(self) -> list[date]:
        """UTC days that have readings, in order."""
        return sorted({f.day for f in self.files()})

    def rows(self) -> int:
        return sum(f.rows for f in self.files())

    def bytes(self) -> int:
        """Of the files that count. [B]"""
        return sum(f.size for f in self.files())


def table_of(readings: Readings, columns: Sequence[str] = tuple(SCHEMA.names)) -> pa.Table:
    return pa.Table.from_batches([readings.to_arrow()]).select(list(columns))


class History(Snapshot):
    """The one writer."""

    def __init__(self, root: Path, table: Table, settings: HistorySettings, lock: int, incarnation: str) -> None:
        super().__init__(root, table, settings)
        self._lock_file = lock
        self._incarnation = incarnation
        # Taken in this order; questions wait only for the last, which is held while a commit is written, not while data is.
        self._merging, self._appending = RLock(), RLock()

    @classmethod
    def open(cls, folder: Path | str, settings: HistorySettings | None = None, *, incarnation: str = "") -> Self:
        """Create or open the table, mend what a crash left and delete files that no commit names. Raises StoreError, Corrupt.

        `incarnation` is the log's, to which `cursor` belongs; `follow` sets it later.
        """
        root = Path(folder).absolute()
        lock = _lock(root)
        try:
            history = cls(root, Table.create_or_open(root), settings or HistorySettings(), lock, incarnation)
            history.sweep()
        except BaseException:
            os.close(lock)
            raise
        return history

    @property
    def cursor(self) -> int:
        """`position` of the incarnation that this history follows."""
        return self.position(self._incarnation)

    def follow(self, incarnation: str) -> int:
        """From now on positions are those of this incarnation of the log; returns its cursor."""
        with self._lock:
            self._incarnation = incarnation
            return self.cursor

    def append(self, readings: Readings, cursor: int) -> None:
        """Store the readings of the log's frames up to `cursor`, durable on return. Raises StoreError.

        Does nothing if `cursor` is contained already. May be empty: then only the position moves. After an error call `reopen`.
        """
        with self._appending:
            if cursor <= self.cursor:
                return
            durable = self.settings.durable
            with table_errors(self.root):
                parts = history_files.by_day(sort(readings))
                written = [history_files.write(self.root, day, [part], cursor, durable=durable) for day, part in parts]
            with self._lock:
                self._table.commit([f for f in written if f is not None], position=(self._incarnation, cursor), durable=durable)

    def reopen(self) -> None:
        """Start over on a new handle after an error: what the old one believes about the disk is not to be trusted."""
        with self._lock:
            self._table = Table.create_or_open(self.root)

    def optimize_day(self, day: date, *, below_rows: int | None = None) -> int:
        """Merge the day's files into few, each a range of points, sorted, exact repeats removed; returns how many were replaced.

        With `below_rows` only files smaller than that. Appends go on meanwhile; what they add is left for the next time.
        """
        with self._merging:
            old = [f for f in self.files() if f.day == day and (below_rows is None or f.rows < below_rows)]
            if len(old) < 2:
                return 0
            with table_errors(self.root):
                rows, held, durable = self.settings.merged_rows, self.settings.held_rows, self.settings.durable
                new = list(merged(self.query.scanner, self.root, day, old, rows, held, durable))
            with self._lock:
                self._table.commit(new, removed=old, durable=durable)
            self.query.scanner.forget(old)
            return len(old)

    def sweep(self) -> int:
        """Delete data files that no commit names and that are older than the last commit; returns how many.

        A process killed between writing and committing leaves such files, a merge does on purpose. A reader that still holds an
        older version of the table meets a missing file, refreshes and reads again.
        """
        # What an append or a merge has written is named by no commit until it ends.
        with self._merging, self._appending, self._lock, table_errors(self.root):
            named = {f.path for f in self.files()}
            since = self._table.committed_at
            orphans = [p for p in self.root.glob("day=*/*.parquet") if p.relative_to(self.root).as_posix() not in named]
            return sum(_unlink_if_older(orphan, since) for orphan in orphans)

    def close(self) -> None:
        if self._lock_file >= 0:
            os.close(self._lock_file)
            self._lock_file = -1


def _unlink_if_older(path: Path, since: float) -> bool:
    if path.stat().st_mtime >= since:
        return False
    path.unlink()
    return True


def _lock(root: Path) -> int:
    with table_errors(root):
        root.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(root / "_writer.lock", os.O_RDWR | os.O_CREAT, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as held:
        os.close(descriptor)
        raise StoreError("Another process writes the history in {folder}; one node has one writer", folder=str(root)) from held
    return descriptor
