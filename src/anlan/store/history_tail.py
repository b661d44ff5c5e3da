"""History and the log's tail as one: what is read is complete up to the newest durable frame.

History contains the log up to its cursor; the frames behind it are decoded once, kept, and let go when the cursor passes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anlan.model.clock import Micros
from anlan.model.frames import Frame, Kind
from anlan.model.readings import SCHEMA, Readings
from anlan.store.history import Snapshot, table_of
from anlan.store.history_query import Hole
from anlan.store.history_scan import Wanted
from anlan.store.scaling import Scale
from anlan.store.shelf import Gap

FRAMES_A_READ = 256


class LogSource(Protocol):
    """What the history needs of the log: `Log` in the process that writes it, `LogReader` in others."""

    @property
    def incarnation(self) -> str: ...

    def read(self, after: int, limit: int = 256) -> list[Frame]: ...

    def wait(self, after: int, timeout: float) -> bool: ...


def readings_of(frames: Sequence[Frame]) -> Readings:
    """All readings of the frames, in order."""
    return Readings.concat([p.readings() for f in frames for p in f.parts if p.kind is Kind.READINGS])


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Readings of some frames; those of frame positions[i] end before row ends[i]."""

    readings: Readings
    positions: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]

    @classmethod
    def of(cls, frames: Sequence[Frame]) -> _Chunk:
        rows = np.array([f.rows for f in frames], np.int64)
        return cls(readings_of(frames), np.array([f.n for f in frames], np.int64), np.cumsum(rows))

    def after(self, cursor: int) -> Readings:
        passed = int(np.searchsorted(self.positions, cursor, side="right"))
        return self.readings[int(self.ends[passed - 1]) if passed else 0 :]


class Tail:
    """The log's readings behind a position that only moves on. Thread-safe."""

    def __init__(self, log: LogSource) -> None:
        self._log = log
        self._lock = Lock()
        self._chunks: list[_Chunk] = []
        self._from = 0
        self._upto = 0

    def after(self, cursor: int) -> list[Readings]:
        """Readings of all frames behind `cursor`. Raises Gap when the log no longer has them, StoreError."""
        with self._lock:
            self._let_go(cursor)
            while frames := self._log.read(self._upto, FRAMES_A_READ):
                self._chunks.append(_Chunk.of(frames))
                self._upto = frames[-1].n
            return [chunk.after(cursor) for chunk in self._chunks]

    def _let_go(self, cursor: int) -> None:
        if cursor < self._from or cursor > self._upto:
            self._chunks, self._upto = [], cursor
        self._from = cursor
        self._chunks = [c for c in self._chunks if c.positions[-1] > cursor]


class WholeHistory:
    """The same questions as to History, answered with the log's tail."""

    def __init__(self, history: Snapshot, log: LogSource) -> None:
        self._history = history
        self._log = log
        self._tail = Tail(log)

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
        """As `History.read`."""
        tail = self._consistent_tail()
        wanted = Wanted.of(points, start, end)
        return table_of(self._history.query.read(self._history.files, wanted, limit=limit, tail=tail, holes=holes), columns)

    def latest(self, points: Sequence[int], before: Micros, *, holes: list[Hole] | None = None) -> pa.Table:
        """As `History.latest`."""
        tail = self._consistent_tail()
        return table_of(self._history.query.latest(self._history.files, points, before, tail=tail, holes=holes))

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
        """As `History.trend`."""
        tail = self._consistent_tail()
        return self._history.query.trend(
            self._history.files, Wanted.of(points, start, end), buckets, tail=tail, holes=holes, scales=scales
        )

    def _consistent_tail(self) -> list[Readings]:
        """What the files do not contain yet. Taken before the files are looked at: if a commit falls between, its readings are in
        both, and exact repeats count once; the other order would lose them."""
        cursor = self._history.position(self._log.incarnation)
        try:
            return self._tail.after(cursor)
        except Gap:
            newer = self._history.position(self._log.incarnation)
            if newer == cursor:
                raise  # the log has let go of frames that history does not contain
            return self._tail.after(newer)  # the writer committed and the log was trimmed between our two looks


def read_with_tail(
    history: Snapshot,
    log: LogSource,
    points: Sequence[int] | None,
    start: Micros,
    end: Micros,
    *,
    limit: int | None = None,
    holes: list[Hole] | None = None,
) -> pa.Table:
    """One read of history and tail; who reads often keeps a WholeHistory, which decodes each frame once."""
    return WholeHistory(history, log).read(points, start, end, limit=limit, holes=holes)
