"""Readings a second of `anlan replay`: recorded files through a plant folder's rules, four limits a point with dead-band and delays.

Clock runs from opening the plant folder until the last transition is told; making the files and loading the compiled kernel are not counted.
Beside us, in the same run on the same files: pandas, reading the file whole and working out the same activations (dead-band by forward
fill, delays by run lengths) for the same four rules a point. It holds everything in memory and knows neither quality, nor silence, nor
states; its count of activations must equal ours, or the run fails.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from anlan.model.clock import SECOND, SystemClock
from anlan.monitor.warm import warm_up
from anlan.plant.folder import load
from anlan.plant.replaying.run import Wish, run
from benchmarks._report import Measure, arguments, load_average, resident_mib

START = 1_767_225_600
LIMITS = {"LL": 10.0, "L": 20.0, "H": 80.0, "HH": 90.0}
DEAD_BAND, DELAY = 2.0, 1.5
PLANT = """\
plant: {id: works, name: {en: Works}}
posts: [{id: panel, name: {en: Panel}}]
places: [{id: U1, name: {en: Unit}, post: panel}]
sources: [{id: plc, driver: modbus, name: {en: PLC}, host: 127.0.0.1}]
alarms: {stale: none, bad: none}
"""
HEAD = "id,place,name_en,kind,unit,source,address,period,HH,H,L,LL,dead_band,on_delay,off_delay,priority,consequence_en,corrective_action_en,time_to_respond"


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    points, seconds = args.points, args.seconds or (200 if args.quick else 10_000)
    folder = Path(tempfile.mkdtemp(prefix="anlan-replay-", dir=args.folder))
    warm_up()
    try:
        plant = write_plant(folder / "works", points)
        for file in write_recording(folder, points, seconds):
            rate, episodes, transitions, resident = ours(plant, file)
            theirs, found = (None, None) if args.no_peers else pandas_batch(file)
            if found is not None and found != episodes:
                raise SystemExit(f"{file.name}: pandas found {found} activations, the engine {episodes}")
            Measure(
                name=f"replay.{file.suffix[1:]}",
                value=round(rate),
                unit="readings/s",
                peers={} if theirs is None else {"pandas": round(theirs)},
                ratio=round(rate / theirs, 1) if theirs else None,
                notes=(
                    f"{points * seconds} readings of {points} points, one a second each, {4 * points} rules; {transitions} transitions, "
                    f"{episodes} activations{', as many as pandas found' if found is not None else ''}; file {file.stat().st_size / 1e6:.0f} MB; "
                    f"resident {resident:.0f} MiB; {load_average()}"
                ),
            ).print()
    finally:
        shutil.rmtree(folder)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, default=2_000)
    parser.add_argument("--seconds", type=int, help="how long the recording is")
    parser.add_argument("--folder", type=Path, help="where the files are made; default the system's temporary folder")


def write_plant(folder: Path, points: int) -> Path:
    folder.mkdir()
    (folder / "plant.yaml").write_text(PLANT, "utf-8")
    limits = ",".join(f"{LIMITS[kind]:g}" for kind in ("HH", "H", "L", "LL"))
    rows = [
        f"P{n},U1,P{n},level,%,plc,{1 + n // 30_000}/hr:{2 * (n % 30_000)} float32,1,{limits},{DEAD_BAND:g},{DELAY:g},{DELAY:g},3,x,x,600"
        for n in range(points)
    ]
    (folder / "points.csv").write_text("\n".join([HEAD, *rows]) + "\n", "utf-8")
    return folder


def write_recording(folder: Path, points: int, seconds: int) -> list[Path]:
    """The same readings as Parquet and as CSV, by time: each point around its own level, now and then away from it for a few seconds."""
    random = np.random.default_rng(7)
    names = np.array([f"P{n}" for n in range(points)])
    level = random.uniform(35, 65, points)
    away, left = np.zeros(points), np.zeros(points, np.int64)
    parquet, csv = folder / "recorded.parquet", folder / "recorded.csv"
    schema = pa.schema([("time", pa.timestamp("us", "UTC")), ("point", pa.string()), ("value", pa.float64())])
    with pq.ParquetWriter(parquet, schema) as table, pa.csv.CSVWriter(csv, schema) as text:
        for first in range(0, seconds, 50):
            count = min(50, seconds - first)
            values = np.empty((count, points))
            for i in range(count):
                leaves = (left == 0) & (random.random(points) < 0.002)
                left[leaves] = random.integers(1, 8, int(leaves.sum()))
                away[leaves] = random.choice([-50.0, -30.0, 30.0, 50.0], int(leaves.sum()))
                values[i] = np.round(level + np.where(left > 0, away, 0) + random.normal(0, 1.5, points), 2)
                left = np.maximum(left - 1, 0)
            times = (START + first + np.arange(count)) * SECOND
            stamps = pa.array(np.repeat(times, points)).cast(pa.timestamp("us", "UTC"))
            batch = pa.record_batch([stamps, pa.array(np.tile(names, count)), pa.array(values.ravel())], schema=schema)
            table.write_batch(batch)
            text.write_batch(batch)
    return [parquet, csv]


def ours(plant: Path, file: Path) -> tuple[float, int, int, float]:
    """(readings/s, activations, transitions, resident MiB)."""
    transitions = 0

    def tell(_: object) -> None:
        nonlocal transitions
        transitions += 1

    began = time.perf_counter()
    summary = run(load(plant), Wish([file]), SystemClock(), tell=tell).summary
    took = time.perf_counter() - began
    return summary.readings / took, summary.episodes, transitions, resident_mib(os.getpid())


def pandas_batch(file: Path) -> tuple[float | None, int | None]:
    """(readings/s, activations) of pandas on the same file; None where it isn't installed."""
    try:
        import pandas as pd
    except ImportError:
        return None, None
    began = time.perf_counter()
    frame = pd.read_parquet(file) if file.suffix == ".parquet" else pd.read_csv(file, parse_dates=["time"], engine="pyarrow")
    point = frame["point"].astype("category").cat.codes.to_numpy()
    at = frame["time"].dt.tz_convert(None).to_numpy().astype("datetime64[us]").astype(np.int64)
    order = np.lexsort((at, point))
    point, at, value = point[order], at[order], frame["value"].to_numpy()[order]
    found = sum(_activations(pd, point, at, value, kind, limit) for kind, limit in LIMITS.items())
    return len(frame) / (time.perf_counter() - began), found


def _activations(pd: object, point: np.ndarray, at: np.ndarray, value: np.ndarray, kind: str, limit: float) -> int:
    """Of one rule over all points: runs of the condition after its dead-band, those long enough, each that follows an end."""
    high = kind.startswith("H")
    on = value >= limit if high else value <= limit
    off = value < limit - DEAD_BAND if high else value > limit + DEAD_BAND
    known = np.where(on, 1.0, np.where(off, 0.0, np.nan))
    first_of_point = np.diff(point, prepend=-1) != 0
    known[first_of_point & np.isnan(known)] = 0.0
    condition = pd.Series(known).ffill().to_numpy()  # type: ignore[attr-defined]
    starts = np.flatnonzero(first_of_point | (np.diff(condition, prepend=-1) != 0))
    ends = np.append(starts[1:], len(value)) - 1
    enough = at[ends] - at[starts] >= DELAY * SECOND
    runs = starts[enough]
    before = np.concatenate([[0.0], condition[runs][:-1]])
    before[np.diff(point[runs], prepend=-1) != 0] = 0.0
    return int(np.count_nonzero((condition[runs] == 1) & (before == 0)))


if __name__ == "__main__":
    main()
