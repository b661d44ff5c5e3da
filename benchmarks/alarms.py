"""Readings a second with every kind of rule on every point, and transitions a second, through the whole pipe.

`alarms.every_kind`: 100,000 points, on each of them four limits with dead-band and delays, bad quality, silence, rate of change, deviation
from a neighbour, frozen, discrepancy, time in state, count, a two-of-three vote and a free condition, on a fourth of them suppression by
design: 1,400,000 alarms, 825,000 calculated points. Clock runs from the first append until the engine and the history have committed the
last reading. Some points leave their limits so that every kind comes on and goes off; all transitions are counted again by numpy, without
the engine, and must agree. Beside us Prometheus, with all of it that PromQL can say, in memory and without history of alarms.

`alarms.transitions`: every reading moves an alarm; clock stops when all are committed to alarms.db and told. Beside us Alerta on
PostgreSQL, its HTTP API moving alarms between two severities.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from anlan.model.clock import SECOND, Micros, SystemClock
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import Kind, Part
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from benchmarks._every_kind import ENOUGH, RULES, EveryKind, configuration
from benchmarks._pipe import Pipe, Run, in_a_folder
from benchmarks._recount import check
from benchmarks._report import Measure, arguments

POINTS = 100_000
SCANS, TOGGLES = 600, 20
DATA = "values drift around each point's own level, two decimals, all new; a scan a second with one stamp"


PROMETHEUS = (
    "Prometheus scrapes and evaluates every second, in memory, on each series: four limits with `for:` and without dead-band, silence, "
    "rate of change, frozen, time in state, count, mean over 60 s; on each second one deviation, discrepancy, suppression, on each third "
    "a vote; no bad quality"
)


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    points = args.points or (10_000 if args.quick else POINTS)
    scans = args.scans or (ENOUGH if args.quick else SCANS)
    runs = {rows: play(points, rows, scans, args.folder) for rows in (10_000, 1_000)}
    moved = toggle(points, 2 if args.quick else TOGGLES, args.folder)
    prometheus, alerta = (Peers(), Peers()) if args.no_peers else (_prometheus(args.quick), _alerta(args.quick))
    for rows, (run, counts) in runs.items():
        about = f"{points} points, {points * len(RULES)} alarms; {run.notes(DATA)}; transitions, as recounted: {_listed(counts)}"
        tell(f"alarms.every_kind.frames_of_{rows}", run.rate, "readings/s", prometheus, about)
        engine = "processor time of the engine's thread"
        tell(f"alarms.every_kind.frames_of_{rows}.engine", run.cpu["engine"], "ns/reading", Peers(), engine)
    tell("alarms.transitions", moved.rate, "transitions/s", alerta, f"{points} alarms; {moved.notes('0 and 1 in turn')}")


@dataclass(frozen=True, slots=True)
class Peers:
    """Rates of others. `floor`: the rate is no more than what was tried, so that nothing can be divided by it."""

    rates: dict[str, float | None] = field(default_factory=dict)
    floor: bool = False
    about: str = ""


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, help=f"instead of {POINTS}")
    parser.add_argument("--scans", type=int, help=f"instead of {SCANS}; {ENOUGH} are needed to see every kind come and go")
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def tell(name: str, value: float, unit: str, peers: Peers, notes: str) -> None:
    best = None if peers.floor else max((rate for rate in peers.rates.values() if rate), default=None)
    Measure(
        name=name,
        value=round(value),
        unit=unit,
        peers=peers.rates,
        ratio=round(value / best, 1) if best else None,
        notes=notes + peers.about,
    ).print()


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))


def play(points: int, rows: int, scans: int, parent: Path | None = None) -> tuple[Run, dict[str, int]]:
    """Scans of all points in frames of `rows`, then wait until all is done; and the transitions of each kind, as recounted."""
    with in_a_folder(parent) as folder:
        clock = SystemClock()
        load = EveryKind(points, rows, clock.now())
        pipe = Pipe(folder, configuration(points), load, clock)
        run = pipe.run(lambda: load.scans < scans)
        return run, check(load, pipe.journal)


def toggle(points: int, scans: int, parent: Path | None = None) -> Run:
    """Every reading moves the alarm of its point, on and off in turn."""
    with in_a_folder(parent) as folder:
        clock = SystemClock()
        load = Toggles(points, clock.now())
        numbers = np.arange(1, points + 1)
        rules = {"number": numbers, "kind": np.full(points, int(AlarmKind.STATE)), "target": numbers, "states": [[1]] * points}
        config = EngineConfig.from_columns(1, {"number": [1]}, {"number": numbers, "source": np.ones(points)}, rules)
        run = Pipe(folder, config, load, clock).run(lambda: load.readings < points * scans)
        if run.transitions != run.readings:
            raise SystemExit(f"{run.readings} readings made {run.transitions} transitions")
        return run


@dataclass
class Toggles:
    """1 for every point, then 0 for every point, and so on, a scan a second of data time."""

    points: int
    start: Micros
    rows: int = 1_000
    readings: int = 0
    _quality: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.rows = min(self.rows, self.points)
        self._quality = np.zeros(self.rows, np.uint16)

    def next(self) -> list[Part]:
        scan, first = divmod(self.readings, self.points)
        now = self.start + scan * SECOND
        numbers = np.arange(first + 1, first + self.rows + 1, dtype=np.uint32)
        body = Readings(numbers, np.full(self.rows, now), np.full(self.rows, 1.0 - scan % 2), self._quality)
        part = Part(Kind.READINGS, 1, self.start, self.readings, now, self.rows, body.to_bytes())
        self.readings += self.rows
        return [part]


def _prometheus(quick: bool) -> Peers:
    """Readings a second that it evaluates without falling behind."""
    from benchmarks.peers import figures_of

    figures = figures_of("prometheus", "rules", int(quick))
    if not figures:
        return Peers({"prometheus": None})
    floor = figures["rate"] == figures["most"]
    more = "; it kept up with all that was tried, so that there is no ratio" if floor else ""
    return Peers({"prometheus": round(figures["rate"])}, floor, f"; {PROMETHEUS}{more}")


def _alerta(quick: bool) -> Peers:
    """Transitions a second that its API takes."""
    from benchmarks.peers import run_peer

    rate = run_peer("alerta", 200 if quick else 10_000, "transitions")
    about = "; Alerta: its ISA-18.2 model, gunicorn with 4 workers of 2 threads, 8 connections, 1,000 alarms, PostgreSQL"
    return Peers({"alerta": None if rate is None else round(rate)}, about=about)


if __name__ == "__main__":
    main()
