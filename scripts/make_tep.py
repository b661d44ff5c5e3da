"""Record the Tennessee Eastman process for the demo plant: `python scripts/make_tep.py [FILE]`, about half a minute, needs `tep-studio`.

One row every 18 s of plant time. Each value is rounded to the power of two that lies below a sixteenth of its own noise, which nobody can
see and which lets the file shrink to a third.
"""

from __future__ import annotations

import math
import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from anlan.sense.demo.disturbances import GRID, LEAD, LENGTH, NORMAL, RECORDINGS
from anlan.sense.demo.live import COLUMNS, SEED, Disturbance, LiveProcess

TARGET = Path(__file__).parents[1] / "src/anlan/sense/demo/data/tep.parquet"


def main(target: Path) -> None:
    runs = {name: record(disturbance, lead=LEAD if name == NORMAL else 0.0) for name, disturbance in RECORDINGS.items()}
    quantum = quanta(runs[NORMAL][1])
    table = pa.concat_tables([tabulate(name, seconds, values, quantum) for name, (seconds, values) in runs.items()])
    table = table.replace_schema_metadata(receipt())
    pq.write_table(
        table,
        target,
        compression="zstd",
        compression_level=19,
        use_dictionary=["scenario"],
        column_encoding=dict.fromkeys(("t_seconds", *COLUMNS), "BYTE_STREAM_SPLIT"),
        row_group_size=len(table),
    )
    print(f"{target}: {len(table)} rows, {target.stat().st_size / 1e6:.2f} MB")


def record(disturbance: Disturbance, lead: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Times [s] and values (n, 53) on the grid, shorter if the process shuts itself down."""
    process = LiveProcess(disturbance, lead)
    seconds, values = [], []
    for row in range(round((lead + LENGTH) / GRID)):
        process.advance_to(row * GRID - lead)
        if process.tripped:
            break
        seconds.append(row * GRID - lead)
        values.append(process.values)
    return np.array(seconds), np.array(values)


def quanta(normal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each column the largest power of two below 1/16 of its scatter from row to row (columns that stand still: 1/64)."""
    scatter = np.diff(normal, axis=0).std(axis=0) / math.sqrt(2)
    return np.exp2(np.floor(np.log2(np.where(scatter > 1e-3, scatter, 0.25) / 16)))


def tabulate(
    name: str, seconds: npt.NDArray[np.float64], values: npt.NDArray[np.float64], quantum: npt.NDArray[np.float64]
) -> pa.Table:
    rounded = (np.round(values / quantum) * quantum).astype(np.float32)
    columns = {"scenario": pa.array([name] * len(seconds)), "t_seconds": pa.array(seconds.astype(np.float32))}
    return pa.table(columns | {column: pa.array(rounded[:, i]) for i, column in enumerate(COLUMNS)})


def receipt() -> dict[str, str]:
    return {
        "made_by": "scripts/make_tep.py",
        "tep-studio": version("tep-studio"),
        "seed": str(SEED),
        "units": "Downs and Vogel (1993); t_seconds is plant time, 0 where the disturbance enters",
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
