"""The history's Parquet files: `day=2026-01-31/<cursor>-<random>-<CRC32C of the footer>.parquet`, rows sorted by (point, time).

    column   Delta type   Parquet encoding (then zstd)
    point    long         DELTA_BINARY_PACKED: long runs cost nearly nothing
    time     long, µs     DELTA_BINARY_PACKED: what is sampled evenly has small differences
    value    double       dictionary if few values differ, as from a converter of 12 bits or two decimals (2.5 B a reading where
                          the bytes split take 4.8), else BYTE_STREAM_SPLIT (3 B for 32-bit floats where a dictionary takes 5.5)
    quality  integer      dictionary: nearly always 0

Statistics are kept of point and time only; they are what queries prune by. Pages carry a CRC32, the name
carries the footer's CRC32C, because nothing inside the file checks that. `day` is the UTC date of the
reading's own time, held between 1990-01-01 and 2099-12-31, because a device with a broken clock may claim any year.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from anlan.model.clock import DAY, Micros
from anlan.store.durable import sync_all
from anlan.store.sorting import Columns

EPOCH = date(1970, 1, 1)
FIRST_DAY, LAST_DAY = (date(1990, 1, 1) - EPOCH).days, (date(2099, 12, 31) - EPOCH).days

ROW_GROUP = 64 * 1024
"""Rows of the smallest piece that a query must decode: 1 ms. Twice as many would save 10 % of the bytes and cost twice the time."""

SAMPLE = ROW_GROUP
REPETITIVE = 0.5
"""A dictionary of values pays when fewer of a sample's values than this are distinct."""

FAST, SMALL = 1, 3
"""zstd levels: level 3 costs a third more time to append and saves under 1 % (12-bit values: 10 %); merged files have the time."""

TABLE = pa.schema(
    [
        pa.field("point", pa.int64(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("quality", pa.int32(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file as the table's log describes it; `path` is relative to the table. Times in µs UTC, both ends included."""

    path: str
    day: date
    rows: int
    size: int
    min_point: int
    max_point: int
    min_time: Micros
    max_time: Micros

    @property
    def statistics(self) -> str:
        """As the Delta protocol wants it: JSON."""
        low, high = {"point": self.min_point, "time": self.min_time}, {"point": self.max_point, "time": self.max_time}
        return json.dumps({"numRecords": self.rows, "minValues": low, "maxValues": high, "nullCount": dict.fromkeys(low, 0)})


def day_of(time: Micros) -> date:
    """The partition of a reading's time."""
    number = min(max(time // DAY, FIRST_DAY), LAST_DAY)
    return datetime.fromtimestamp(number * 86_400, UTC).date()


def by_day(columns: Columns) -> Iterator[tuple[date, Columns]]:
    """Sorted rows split by the UTC day of their time; nearly always there is one."""
    if not columns.rows:
        return
    first, last = day_of(int(columns.time.min())), day_of(int(columns.time.max()))
    if first == last:
        yield first, columns
        return
    days = np.clip(columns.time // DAY, FIRST_DAY, LAST_DAY)
    for number in np.unique(days):
        yield day_of(int(number) * DAY), columns.where(days == number)


def write(
    root: Path, day: date, pieces: Iterable[Columns], cursor: int, *, level: int = FAST, durable: bool = True
) -> DataFile | None:
    """Write rows, sorted within the pieces and from piece to piece, as a new file of `day`; only one piece is held at a time. None when there
    are no rows. Durable on return when asked (its folder's name included). Raises OSError."""
    filled = (piece for piece in pieces if piece.rows)
    piece = next(filled, None)
    if piece is None:
        return None
    folder = root / f"day={day.isoformat()}"
    is_new = not folder.is_dir()
    folder.mkdir(parents=True, exist_ok=True)
    unnamed = folder / f"{cursor:012d}-{uuid4().hex}.parquet"
    spans = []
    with pq.ParquetWriter(unnamed, TABLE, **_options(piece, level)) as file:
        while piece is not None:
            file.write_table(pa.Table.from_arrays(list(map(pa.array, piece)), schema=TABLE), row_group_size=ROW_GROUP)
            spans.append(_span(piece))
            piece = None  # before the next is made: two at once would be twice the memory
            piece = next(filled, None)
    path = unnamed.rename(unnamed.with_stem(f"{unnamed.stem}-{checksum_of(footer_of(unnamed))}"))
    if durable:
        sync_all([path, folder, *([root] if is_new else [])])
    rows, first_points, last_points, earliest, latest = zip(*spans, strict=True)
    return DataFile(
        path=path.relative_to(root).as_posix(),
        day=day,
        rows=sum(rows),
        size=path.stat().st_size,
        min_point=first_points[0],
        max_point=last_points[-1],
        min_time=min(earliest),
        max_time=max(latest),
    )


def _span(piece: Columns) -> tuple[int, int, int, int, int]:
    """(rows, first point, last point, earliest time, latest time)"""
    points, times = piece.point, piece.time
    return piece.rows, int(points[0]), int(points[-1]), int(times.min()), int(times.max())


def _options(columns: Columns, level: int) -> dict[str, Any]:
    encodings = {"point": "DELTA_BINARY_PACKED", "time": "DELTA_BINARY_PACKED"}
    repetitive = _is_repetitive(columns)
    return {
        "compression": "zstd",
        "compression_level": level,
        "use_dictionary": ["quality", "value"] if repetitive else ["quality"],
        "column_encoding": encodings if repetitive else encodings | {"value": "BYTE_STREAM_SPLIT"},
        "write_statistics": ["point", "time"],
        "write_page_checksum": True,
    }


def _is_repetitive(columns: Columns) -> bool:
    """Judged by rows from the middle: a dictionary is made per row group, of neighbouring points."""
    middle = columns.rows // 2
    sample = columns.value[max(0, middle - SAMPLE // 2) : middle + SAMPLE // 2]
    return len(np.unique(sample.view(np.int64))) < REPETITIVE * len(sample)


def checksum_of(footer: bytes) -> str:
    """As it stands in the file's name."""
    return f"{google_crc32c.value(footer):08x}"


def footer_of(path: Path) -> bytes:
    """The file's footer, its length and the closing magic. Raises OSError, ValueError when it has none."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 8))
        length, magic = struct.unpack("<I4s", file.read(8).ljust(8, b"\0"))
        if magic != b"PAR1" or length + 12 > size:
            raise ValueError("it does not end as a Parquet file does")
        file.seek(size - 8 - length)
        return file.read(length + 8)
