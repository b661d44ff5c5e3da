"""Recorded files for tests of the replay."""

from __future__ import annotations

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

START = 1_767_225_600
"""2026-01-01T00:00:00Z [s]."""


def iso(second: float) -> str:
    whole, part = divmod(round(second * 1000), 1000)
    return f"2026-01-01T{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}.{part:03}Z"


def long_csv(file: Path, rows: list[tuple[float, str, object]], head: str = "time,point,value") -> Path:
    text = "\n".join([head, *(f"{iso(at)},{point},{value}" for at, point, value in rows)]) + "\n"
    file.write_bytes(gzip.compress(text.encode()) if file.suffix == ".gz" else text.encode())
    return file


def parquet(file: Path, rows: list[tuple[float, str, float]]) -> Path:
    table = pa.table(
        {
            "time": pa.array([round((START + at) * 1e6) for at, _, _ in rows], pa.timestamp("us", "UTC")),
            "point": [point for _, point, _ in rows],
            "value": [value for _, _, value in rows],
        }
    )
    pq.write_table(table, file)
    return file
