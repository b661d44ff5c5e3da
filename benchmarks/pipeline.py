"""Readings a second through the whole pipe: durable in the log, durable in history, checked against four limits with dead-band and delays.

Clock runs from the first append until the engine and the history have committed the last reading. Beside us: the same rule in Flink
(a process function) and bytewax, and in Flink SQL crossings alone, without dead-band and delays; all in memory, without log and history.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from anlan.model.clock import SECOND, SystemClock
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.monitor.journal import JournalReader
from anlan.monitor.reader import EngineReader
from anlan.store.history import History
from anlan.store.history_writer import HistoryWriter
from anlan.store.log import Log
from benchmarks._load import Load, configuration
from benchmarks._report import Measure, arguments, fdatasync_ms, load_average, median, resident_mib, thread_seconds

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
            notes=run.notes(),
        ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="how long each run appends")
    parser.add_argument("--points", type=int, default=POINTS)
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. `cpu`: thread or part of one → ns of processor time a reading; `waits`: ns a reading of the appending
    thread that were no processor time: the disk's sync, the lock of the interpreter, a neighbour on the same core."""

    readings: int
    transitions: int
    took: float
    appended: float
    cpu: Mapping[str, float]
    waits: float
    bytes_a_reading: float
    sync: Mapping[str, float]
    resident: float

    @property
    def rate(self) -> float:
        return self.readings / self.took

    def notes(self) -> str:
        split = ", ".join(f"{name} {ns:.0f}" for name, ns in self.cpu.items())
        return (
            f"{self.readings} readings, {self.transitions} transitions, append took {self.appended:.1f} s of {self.took:.1f} s; "
            f"processor time in ns a reading: {split}, together {sum(self.cpu.values()):.0f}; appending waited {self.waits:.0f}; "
            f"history {self.bytes_a_reading:.2f} B/reading ({DATA}); fdatasync 64 KiB p50 {self.sync['p50']} ms "
            f"p99 {self.sync['p99']} ms; resident {self.resident:.0f} MiB; {load_average()}"
        )


def play(points: int, rows: int, seconds: float, parent: Path | None = None) -> Run:
    """Append frames of `rows` readings of `points` points for `seconds`, then wait until all is done."""
    folder = Path(tempfile.mkdtemp(prefix="anlan-pipeline-", dir=parent))
    try:
        return _Pipe(folder, points, rows).run(seconds)
    finally:
        shutil.rmtree(folder)


MOST_BEHIND = 20_000_000
"""Readings: the producer waits for the slower of the two readers, as back-pressure of the log's bound would make it."""


class _Pipe:
    """Log, engine and history as core holds them, in this process, with a producer that takes no part in what is measured."""

    def __init__(self, folder: Path, points: int, rows: int) -> None:
        clock = SystemClock()
        self.folder = folder
        self.sync = fdatasync_ms(folder)
        self.log = Log.open(folder / "log", clock)
        self.log.append([Part(Kind.CONFIG, NODE_SOURCE, 1, 0, clock.now(), 1, configuration(points).to_bytes())])
        self.reader = EngineReader(self.log, folder / "alarms.db", folder / "snapshots", clock)
        self.reader.start()
        self.store = History.open(folder / "history", incarnation=self.log.incarnation)
        self.history = HistoryWriter.start(self.log, self.store, clock=clock)
        # A scan over all points takes 100 ms of data time, so that a frame never spans more.
        self.load = Load(points, rows, SECOND // 10, clock.now())
        self.spent = {"producer": 0.0, "log": 0.0}
        while self.reader.done < self.log.last:
            time.sleep(0.01)

    def run(self, seconds: float) -> Run:
        before, process = thread_seconds(), time.process_time()
        began = time.perf_counter()
        appended, waited = self._append(began + seconds)
        while self.reader.done < self.log.last:
            time.sleep(0.005)
        # What the writer has taken is committed at once: nobody waits for the end of its span when the load has ended.
        while self.history.taken < self.log.last:
            time.sleep(0.005)
        threads = thread_seconds()
        self.history.close()
        took = time.perf_counter() - began
        process = time.process_time() - process
        return self._judge(took, appended, waited, self._split(before, threads, process))

    def _append(self, until: float) -> tuple[float, float]:
        """How long it took and how much of that the appends waited. [s]"""
        began, waited, load, log = time.perf_counter(), 0.0, self.load, self.log
        most_behind = max(1, MOST_BEHIND // load.rows)
        while (now := time.perf_counter()) < until:
            spent = time.thread_time()
            part = load.next()
            made = time.thread_time()
            frame = log.append([part])
            done = time.thread_time()
            self.spent["producer"] += made - spent
            self.spent["log"] += done - made
            waited += time.perf_counter() - now - (done - spent)
            if frame.n % 64 == 0:
                log.trim(min(self.reader.needs, self.history.needs))
                while frame.n - min(self.reader.done, self.history.cursor) > most_behind:
                    time.sleep(0.001)
        return time.perf_counter() - began, waited

    def _split(self, before: dict[str, float], threads: dict[str, float], process: float) -> dict[str, float]:
        """Seconds by part. The history's thread and all that are not ours (Arrow's pool works for it) count as history."""
        grown = {name: seconds - before.get(name, 0.0) for name, seconds in threads.items()}
        split = self.spent | {
            "checkpoints": grown.get("log-keeper", 0.0),
            "engine": grown.get("engine", 0.0) + grown.get("engine-snapshot", 0.0),
        }
        return split | {"history": process - sum(split.values())}

    def _judge(self, took: float, appended: float, waited: float, split: dict[str, float]) -> Run:
        self.reader.close()
        journal = JournalReader.open(self.folder / "alarms.db")
        decided = journal.last
        journal.close()
        stored, size = self.store.rows(), self.store.bytes()
        self.store.close()
        self.log.close()
        count = self.load.frames * self.load.rows
        if stored != count:
            raise SystemExit(f"history holds {stored} readings, {count} were appended: {self.history.fault}")
        cpu = {name: seconds / count * 1e9 for name, seconds in split.items()}
        return Run(count, decided, took, appended, cpu, waited / count * 1e9, size / count, self.sync, resident_mib(os.getpid()))


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
