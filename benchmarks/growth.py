"""What a million points with four limits each cost, the memory of a real core process under load and the throughput that is left; and what
an hour costs.

Memory: a core process is started on the configuration, every point is fed over its socket, scan after scan, until at least two
snapshots have been written; its resident memory is looked at all the while (VmRSS; VmHWM is the kernel's own highest mark).
An hour: a core with the points of a small plant takes 2,000 readings/s; what it holds in memory and on disk is looked at every ten seconds. It
rises to what its parts may hold and stays there: the last quarter is compared with the second.
Throughput: the pipe of `benchmarks.pipeline` at a million points against the same at ten thousand, in turn, medians.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from anlan.bus.wire import Client
from anlan.model.clock import SystemClock
from anlan.node.layout import NodeFolder
from benchmarks._core import CoreProcess, Feeder, connected, new_folder, steady
from benchmarks._load import configuration
from benchmarks._report import Measure, arguments, fdatasync_ms, highest_mib, load_average, median, resident_mib
from benchmarks.pipeline import DATA, Run, play

POINTS, FEW = 1_000_000, 10_000
LIMIT_MIB, LEAST_SHARE = 1024, 0.70
ROWS, RATE = 10_000, 200_000
SNAPSHOTS = 2
LONGEST = 300.0
"""s for the loaded core to have written its snapshots."""


PLANT, CALM = 1_000, 2_000
"""Points of the small plant, and the readings/s that it gives."""
MINUTES, LOOK_EVERY = 60.0, 10.0
LIMIT_RISE_MIB = 16


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    _an_hour((args.minutes or (1.0 if args.quick else MINUTES)) * 60, args.folder)
    if args.hour_only:
        return
    points = args.points or (100_000 if args.quick else POINTS)
    seconds = args.seconds or (3.0 if args.quick else 20.0)
    with tempfile.TemporaryDirectory(prefix="anlan-growth-", dir=args.folder) as folder:
        sync = fdatasync_ms(Path(folder))
        memory = asyncio.run(Loaded(new_folder(Path(folder)), points, seconds).run())
    many, few = [], []
    for _ in range(1 if args.quick else 3):
        few.append(play(FEW, ROWS, seconds, args.folder))
        many.append(play(points, ROWS, seconds, args.folder))
    Measure(
        name="growth.resident",
        value=round(memory.highest),
        unit="MiB",
        notes=f"{points} points x 4 limits; target at most {LIMIT_MIB}; {memory.notes()}; fdatasync 64 KiB p50 {sync['p50']} ms "
        f"p99 {sync['p99']} ms; {load_average()}",
    ).print()
    share = median([run.rate for run in many]) / median([run.rate for run in few])
    Measure(
        name="growth.throughput_kept",
        value=round(share, 3),
        unit=f"share of {FEW} points",
        notes=f"target at least {LEAST_SHARE}; {_rates(points, many)}; {_rates(FEW, few)}",
    ).print()


def _an_hour(seconds: float, parent: Path | None) -> None:
    with tempfile.TemporaryDirectory(prefix="anlan-growth-", dir=parent) as folder:
        seen = asyncio.run(_watched(new_folder(Path(folder)), seconds))
    quarter = len(seen) // 4
    second, last = seen[quarter : 2 * quarter], seen[-quarter:]
    memory = [[mib for mib, _ in some] for some in (second, last)]
    Measure(
        name="growth.hour",
        value=round(median(memory[1]) - median(memory[0]), 1),
        unit="MiB",
        notes=f"resident memory in the last quarter of {seconds / 60:.0f} min less that in the second, medians of what was seen every "
        f"{LOOK_EVERY:.0f} s; target at most {LIMIT_RISE_MIB}; {PLANT} points x 4 limits, {CALM} readings/s; medians "
        f"{median(memory[0]):.0f} and {median(memory[1]):.0f}, highest {max(mib for mib, _ in seen):.0f} MiB, at the start {seen[0][0]:.0f} MiB; "
        f"log on disk at the most {max(log for _, log in seen):.0f}, at last {seen[-1][1]:.0f} MiB; {load_average()}",
    ).print()


async def _watched(folder: NodeFolder, seconds: float) -> list[tuple[float, float]]:
    """(resident memory, log on disk) [MiB], every ten seconds."""
    folder.engine_config.write_bytes(configuration(PLANT).to_bytes())
    core = CoreProcess(folder)
    core.start()
    try:
        client = await connected(core)
        points, values = np.arange(1, PLANT + 1, dtype=np.uint32), steady(PLANT, CALM // 10)
        feeder = Feeder(folder, SystemClock(), source=1, points=points, rows=CALM // 10, rate=CALM, values=values)
        feeding = asyncio.ensure_future(feeder.run())
        seen, until = [], time.monotonic() + seconds
        while time.monotonic() < until:
            await asyncio.sleep(LOOK_EVERY)
            seen.append((resident_mib(core.pid), sum(one.stat().st_size for one in folder.log.iterdir()) / 2**20))
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        await client.close()
        if feeder.acknowledged < 0.9 * CALM * seconds:
            raise SystemExit(f"core took {feeder.acknowledged} readings in {seconds:.0f} s\n{core.said()}")
        return seen
    finally:
        core.stop()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--minutes", type=float, help="how long the hour is")
    parser.add_argument("--hour-only", action="store_true", help="without the million points")
    parser.add_argument("--points", type=int, help="instead of a million")
    parser.add_argument("--seconds", type=float, help="how long each run lasts")
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def _rates(points: int, runs: list[Run]) -> str:
    rates = " ".join(f"{run.rate:.0f}" for run in runs)
    return f"{points} points: {rates} readings/s ({sorted(runs, key=lambda run: run.rate)[len(runs) // 2].notes(DATA)})"


@dataclass
class Loaded:
    """A core with all points alive, watched."""

    folder: NodeFolder
    points: int
    seconds: float
    seen: list[float] = field(default_factory=list)
    highest: float = 0.0
    readings: int = 0
    started: float = 0.0
    settled: float = 0.0
    status: dict = field(default_factory=dict)  # type: ignore[type-arg]

    async def run(self) -> Loaded:
        self.folder.engine_config.write_bytes(configuration(self.points).to_bytes())
        core = CoreProcess(self.folder)
        began = time.monotonic()
        core.start()
        try:
            client = await connected(core)
            self.started = time.monotonic() - began
            await self._feed(core, client)
            await client.close()
        finally:
            core.stop()
        return self

    async def _feed(self, core: CoreProcess, client: Client) -> None:
        clock = SystemClock()
        numbers = np.arange(1, self.points + 1, dtype=np.uint32)
        feeder = Feeder(
            self.folder, clock, source=1, points=numbers, rows=ROWS, rate=RATE, values=steady(self.points, ROWS), most_waiting=8
        )
        feeding = asyncio.ensure_future(feeder.run())
        began, snapshots, needs = time.monotonic(), 0, 0
        while time.monotonic() - began < LONGEST:
            self.seen.append(resident_mib(core.pid))
            await asyncio.sleep(0.1)
            self.status, _ = await client.request("status")
            if self.status["engine"]["needs"] != needs:
                snapshots, needs = snapshots + 1, self.status["engine"]["needs"]
            whole = feeder.acknowledged >= 2 * self.points
            if whole and snapshots > SNAPSHOTS and time.monotonic() - began >= self.seconds:
                break
        feeding.cancel()
        await asyncio.gather(feeding, return_exceptions=True)
        self.readings, self.settled = feeder.acknowledged, self.seen[-1]
        self.highest = highest_mib(core.pid)
        if self.status["engine"]["fault"] or self.status["engine"]["ledger"]["1"]["applied"] < self.points:
            raise SystemExit(f"core did not take the load: {self.status['engine']}\n{core.said()}")

    def notes(self) -> str:
        return (
            f"served {self.started:.1f} s after its start with all of it; {self.readings} readings fed at up to {RATE}/s; resident "
            f"median {median(self.seen):.0f}, last {self.settled:.0f}, highest mark of the process (start, configuration, load and "
            f"snapshots) {self.highest:.0f} MiB; a snapshot took {self.status['engine']['snapshot_seconds']} s"
        )


if __name__ == "__main__":
    main()
