"""Readings as columns: what a driver produces, the log keeps, the engine decides on and history stores.

One row: point uint32 (the point's dense number), time int64 (µs UTC, the source's own stamp, never rewritten), value float64
(states are small integers), quality uint16 (`model.quality`). 22 bytes a reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from anlan.model import columns

SCHEMA = pa.schema(
    [
        pa.field("point", pa.uint32(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("quality", pa.uint16(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """A batch of n readings in arrival order. The arrays are read-only once the batch is published."""

    point: npt.NDArray[np.uint32]
    time: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.uint16]

    def __len__(self) -> int:
        return len(self.point)

    def __getitem__(self, rows: slice) -> Readings:
        return Readings(self.point[rows], self.time[rows], self.value[rows], self.quality[rows])

    @classmethod
    def of(cls, rows: Iterable[tuple[int, int, float, int]]) -> Readings:
        """From (point, time µs, value, quality) tuples; for the few, not for the many."""
        table = list(rows)
        return cls(
            np.array([r[0] for r in table], np.uint32),
            np.array([r[1] for r in table], np.int64),
            np.array([r[2] for r in table], np.float64),
            np.array([r[3] for r in table], np.uint16),
        )

    @classmethod
    def concat(cls, batches: Sequence[Readings]) -> Readings:
        if len(batches) == 1:
            return batches[0]
        if not batches:
            return cls.of([])
        return cls(
            np.concatenate([b.point for b in batches]),
            np.concatenate([b.time for b in batches]),
            np.concatenate([b.value for b in batches]),
            np.concatenate([b.quality for b in batches]),
        )

    def to_arrow(self) -> pa.RecordBatch:
        """Without copying."""
        values = (self.point, self.time, self.value, self.quality)
        return pa.RecordBatch.from_arrays(
            [columns.of(v, field.type) for v, field in zip(values, SCHEMA, strict=True)], schema=SCHEMA
        )

    @classmethod
    def from_arrow(cls, batch: pa.RecordBatch | pa.Table) -> Readings:
        """Without copying when `batch` is one chunk; `time` may also be a timestamp in µs."""
        point, time, value, quality = (columns.to_numpy(batch.column(name)) for name in SCHEMA.names)
        return cls(point, time.view(np.int64), value, quality)

    def to_bytes(self) -> bytes:
        """One Arrow IPC message (record batch without its schema, which is `SCHEMA` by format version)."""
        message: bytes = self.to_arrow().serialize().to_pybytes()
        return message

    @classmethod
    def from_bytes(cls, data: bytes | memoryview | pa.Buffer) -> Readings:
        buffer = data if isinstance(data, pa.Buffer) else pa.py_buffer(data)
        return cls.from_arrow(pa.ipc.read_record_batch(buffer, SCHEMA))
