"""The whole pipe in one process, as core holds it: durable log, engine with alarms.db, history; and what a run of it came to."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from anlan.model.clock import Clock
from anlan.model.events.alarms import AlarmTransition
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.monitor.compile import EngineConfig
from anlan.monitor.journal import JournalReader
from anlan.monitor.reader import EngineReader
from anlan.store.history import History
from anlan.store.history_writer import HistoryWriter
from anlan.store.log import Log
from benchmarks._report import fdatasync_ms, load_average, resident_mib, thread_seconds

MOST_BEHIND = 20_000_000
"""Readings: the producer waits for the slower of the two readers, as back-pressure of the log's bound would make it."""


class Frames(Protocol):
    """What a producer appends."""

    rows: int
    """Readings of a frame, at most."""
    readings: int
    """Made so far."""

    def next(self) -> Sequence[Part]:
        """The next frame's parts."""
        ...


@contextmanager
def in_a_folder(parent: Path | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="anlan-pipe-", dir=parent) as name:
        yield Path(name)


def until(seconds: float) -> Callable[[], bool]:
    """Whether the producer goes on: for so long from now."""
    end = time.perf_counter() + seconds
    return lambda: time.perf_counter() < end


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. `cpu`: thread or part of one → ns of processor time a reading; `waits`: ns a reading of the appending
    thread that were no processor time: the disk's sync, the lock of the interpreter, a neighbour on the same core."""

    readings: int
    transitions: int
    told: int
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

    def notes(self, data: str) -> str:
        split = ", ".join(f"{name} {ns:.0f}" for name, ns in self.cpu.items())
        return (
            f"{self.readings} readings, {self.transitions} transitions, append took {self.appended:.1f} s of {self.took:.1f} s; "
            f"processor time in ns a reading: {split}, together {sum(self.cpu.values()):.0f}; appending waited {self.waits:.0f}; "
            f"history {self.bytes_a_reading:.2f} B/reading ({data}); fdatasync 64 KiB p50 {self.sync['p50']} ms "
            f"p99 {self.sync['p99']} ms; resident {self.resident:.0f} MiB; {load_average()}"
        )


class Pipe:
    """Log, engine and history in this process, with a producer that takes no part in what is measured."""

    def __init__(self, folder: Path, config: EngineConfig, load: Frames, clock: Clock) -> None:
        self.folder, self.load = folder, load
        self.sync = fdatasync_ms(folder)
        self.log = Log.open(folder / "log", clock)
        self.log.append([Part(Kind.CONFIG, NODE_SOURCE, 1, 0, clock.now(), 1, config.to_bytes())])
        self.told = 0
        self.reader = EngineReader(self.log, self.journal, folder / "snapshots", clock, self._hear)
        self.reader.start()
        self.store = History.open(folder / "history", incarnation=self.log.incarnation)
        self.history = HistoryWriter.start(self.log, self.store, clock=clock)
        self.spent = {"producer": 0.0, "log": 0.0}
        while self.reader.done < self.log.last:
            time.sleep(0.01)

    @property
    def journal(self) -> Path:
        return self.folder / "alarms.db"

    def _hear(self, transitions: Sequence[AlarmTransition]) -> None:
        self.told += len(transitions)

    def run(self, going_on: Callable[[], bool]) -> Run:
        """Append while `going_on`, then wait until the engine and the history have committed all of it."""
        before, process = thread_seconds(), time.process_time()
        began = time.perf_counter()
        appended, waited = self._append(going_on)
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

    def _append(self, going_on: Callable[[], bool]) -> tuple[float, float]:
        """How long it took and how much of that the appends waited. [s]"""
        began, waited, load, log = time.perf_counter(), 0.0, self.load, self.log
        most_behind = max(1, MOST_BEHIND // load.rows)
        while going_on():
            now, spent = time.perf_counter(), time.thread_time()
            parts = load.next()
            made = time.thread_time()
            frame = log.append(parts)
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
        """Seconds by part. The history's thread and all that are not ours (Arrow's pool works for it) count as history, and so do the
        engine's snapshots, each written by a thread that has ended since."""
        grown = {name: seconds - before.get(name, 0.0) for name, seconds in threads.items()}
        split = self.spent | {
            "checkpoints": grown.get("log-keeper", 0.0),
            "engine": grown.get("engine", 0.0),
        }
        return split | {"history": process - sum(split.values())}

    def _judge(self, took: float, appended: float, waited: float, split: dict[str, float]) -> Run:
        self.reader.close()
        journal = JournalReader.open(self.journal)
        decided = journal.last
        journal.close()
        stored, size = self.store.rows(), self.store.bytes()
        self.store.close()
        self.log.close()
        count = self.load.readings
        if stored != count or self.told != decided or self.reader.fault:
            raise SystemExit(
                f"history holds {stored} readings, {count} were appended; {decided} transitions in the journal, {self.told} told: "
                f"{self.history.fault} {self.reader.fault}"
            )
        cpu = {name: seconds / count * 1e9 for name, seconds in split.items()}
        return Run(
            count,
            decided,
            self.told,
            took,
            appended,
            cpu,
            waited / count * 1e9,
            size / count,
            self.sync,
            resident_mib(os.getpid()),
        )
