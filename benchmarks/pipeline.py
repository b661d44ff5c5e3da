"""Readings a second through the whole pipe: durable in the log, durable in history, checked against four limits with dead-band and delays.

Clock runs from the first append until the engine and the history have committed the last reading. Beside us: the same rule in Flink
(a process function) and bytewax, and in Flink SQL crossings alone, without dead-band and delays; all in memory, without log and history.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from anlan.model.clock import SECOND, SystemClock
from benchmarks._load import Load, configuration
from benchmarks._pipe import Pipe, Run, in_a_folder, until
from benchmarks._report import Measure, arguments, median

POINTS = 100_000
DATA = "values: each point's own level ± 1.5 (normal), two decimals, none twice in a file; times: every point each 100 ms exactly"


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    seconds = args.seconds or (5.0 if args.quick else 60.0)
    runs = {rows: play(args.points, rows, seconds, args.folder) for rows in (10_000, 1_000)}
    theirs = peers(args.quick) if not args.no_peers else {}
    best = max((rate for rate in theirs.values() if rate), default=None)
    for rows, run in runs.items():
        Measure(
            name=f"pipeline.frames_of_{rows}",
            value=round(run.rate),
            unit="readings/s",
            peers=theirs,
            ratio=round(run.rate / best, 1) if best else None,
            notes=run.notes(DATA),
        ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="how long each run appends")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def play(points: int, rows: int, seconds: float, parent: Path | None = None) -> Run:
    """Append frames of `rows` readings of `points` points for `seconds`, then wait until all is done."""
    with in_a_folder(parent) as folder:
        clock = SystemClock()
        # A scan over all points takes 100 ms of data time, so that a frame never spans more.
        load = Load(points, rows, SECOND // 10, clock.now())
        return Pipe(folder, configuration(points), load, clock).run(until(seconds))


def peers(quick: bool) -> dict[str, float | None]:
    """Rates of the others on the same rule, medians of what benchmarks/peers/*.py print; None where a peer is not installed."""
    from benchmarks.peers import run_peer

    found = {}
    for name, most in (("flink", 500_000), ("flink_sql", 2_000_000), ("bytewax", 2_000_000)):
        events = most // 10 if quick else most
        rates = [run_peer(name, events) for _ in range(1 if quick else 3)]
        known = [rate for rate in rates if rate is not None]
        found[name] = round(median(known)) if known else None
    return found


if __name__ == "__main__":
    main()
