"""Readings a second through the whole pipe: durable in the log, durable in history, checked against four limits with dead-band and delays.

Clock runs from the first append until the engine and the history have committed the last reading. Beside us: the same rule in Flink
(MATCH_RECOGNIZE-free DataStream in one JVM) and bytewax, both in memory, without log and history.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path

from anlan.model.clock import SECOND, SystemClock
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.monitor.journal import JournalReader
from anlan.monitor.reader import EngineReader
from anlan.store.history import History
from anlan.store.history_writer import HistoryWriter
from anlan.store.log import Log
from benchmarks._load import Load, configuration
from benchmarks._report import Measure, arguments, fdatasync_ms, median, resident_mib

POINTS = 100_000


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    seconds = args.seconds or (5.0 if args.quick else 60.0)
    ours, notes = {}, {}
    for rows in (10_000, 1_000):
        ours[rows], notes[rows] = play(rows, seconds, args.folder)
    theirs = peers(args.quick) if not args.no_peers else {}
    best = max((rate for rate in theirs.values() if rate), default=None)
    for rows, value in ours.items():
        Measure(
            name=f"pipeline.frames_of_{rows}",
            value=round(value),
            unit="readings/s",
            peers=theirs,
            ratio=round(value / best, 1) if best else None,
            notes=notes[rows],
        ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="how long each run appends")
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def play(rows: int, seconds: float, parent: Path | None = None) -> tuple[float, str]:
    """Append for `seconds`, wait until all is done; readings/s over the whole span and what else was seen."""
    folder = Path(tempfile.mkdtemp(prefix="anlan-pipeline-", dir=parent))
    try:
        return _play(folder, rows, seconds)
    finally:
        shutil.rmtree(folder)


def _play(folder: Path, rows: int, seconds: float) -> tuple[float, str]:
    clock = SystemClock()
    sync = fdatasync_ms(folder)
    log = Log.open(folder / "log", clock)
    log.append([Part(Kind.CONFIG, NODE_SOURCE, 1, 0, clock.now(), 1, configuration(POINTS).to_bytes())])
    reader = EngineReader(log, folder / "alarms.db", folder / "snapshots", clock)
    reader.start()
    store = History.open(folder / "history", incarnation=log.incarnation)
    history = HistoryWriter.start(log, store, clock=clock)
    # A scan over all points takes 100 ms of data time, so that a frame never spans more.
    load = Load(POINTS, rows, SECOND // 10, clock.now())
    began = time.perf_counter()
    appended = _append(log, reader, history, load, began + seconds)
    last = log.last
    while reader.done < last or history.cursor < last:
        time.sleep(0.01)
    took = time.perf_counter() - began
    reader.close()
    history.close()
    journal = JournalReader.open(folder / "alarms.db")
    decided = journal.last
    journal.close()
    stored, size = store.rows(), store.bytes()
    store.close()
    log.close()
    count = load.frames * load.rows
    if stored != count:
        raise SystemExit(f"history holds {stored} readings, {count} were appended")
    spans = f"append took {appended:.1f} s of {took:.1f} s"
    return count / took, (
        f"{count} readings, {decided} transitions, {spans}, history {size / count:.2f} B/reading, "
        f"fdatasync 64 KiB p50 {sync['p50']} ms p99 {sync['p99']} ms, resident {resident_mib():.0f} MiB"
    )


MOST_BEHIND = 2_000
"""Frames: the producer waits for the slower of the two readers, as back-pressure of the log's bound would make it."""


def _append(log: Log, reader: EngineReader, history: HistoryWriter, load: Load, until: float) -> float:
    began = time.perf_counter()
    while time.perf_counter() < until:
        frame = log.append([load.next()])
        if frame.n % 64 == 0:
            log.trim(min(reader.needs, history.needs))
            while frame.n - min(reader.done, history.cursor) > MOST_BEHIND:
                time.sleep(0.001)
    return time.perf_counter() - began


def peers(quick: bool) -> dict[str, float | None]:
    """Rates of the others on the same rule, medians of what benchmarks/peers/*.py print; None where a peer is not installed."""
    from benchmarks.peers import run_peer

    events = 200_000 if quick else 2_000_000
    found = {}
    for name in ("flink", "bytewax"):
        rates = [run_peer(name, events) for _ in range(1 if quick else 3)]
        known = [rate for rate in rates if rate is not None]
        found[name] = round(median(known)) if known else None
    return found


if __name__ == "__main__":
    main()
