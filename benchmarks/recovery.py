"""kill -9 of core under load, with a long history: how long until an alarm is decided again, and until the console shows it.

A node as `anlan up` runs it (supervisor, core, app) holds a history of 10⁸ readings and is fed 100,000 readings/s over core's socket; some
of them cross a limit. After each kill: the first transition that the new core tells a subscriber of its socket, and that same transition
in the app's event stream. The clock starts right before the kill.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anlan.bus.link import Link
from anlan.bus.wire import Client, Head
from anlan.model.clock import DAY, SECOND, SystemClock
from anlan.model.errors import AnlanError
from anlan.model.readings import Readings
from anlan.node.layout import NodeFolder
from anlan.node.sounder import Sounder
from anlan.node.supervisor import Child, Supervisor, python
from anlan.store.history import History
from benchmarks._console import address_of, follow_events, signed_in
from benchmarks._core import READY_SECONDS, Feeder, as_sense, steady
from benchmarks._plant import Described, Plan, point_numbers
from benchmarks._report import Measure, arguments, fdatasync_ms, load_average, median

POINTS, PROBES = 10_000, 50
ROWS, RATE = 1_000, 100_000
CROSSING_EVERY = 2
"""Parts: one of so many holds a reading that crosses a limit; that is how finely the time is seen (20 ms)."""
STORED = 100_000_000
APPEND = 2_000_000
STEADY_SECONDS = 4.0
PATIENCE = 60.0
LONGEST_ALARM, LONGEST_CONSOLE = 2.0, 5.0
STEPS = ("loaded", "log", "engine", "serving")


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    stored = args.readings or (1_000_000 if args.quick else STORED)
    rounds = args.rounds or (3 if args.quick else 10)
    with tempfile.TemporaryDirectory(prefix="anlan-recovery-", dir=args.folder) as name:
        root = Path(name)
        sync = fdatasync_ms(root)
        described = Plan(POINTS, PROBES).describe(root)
        take_history(described.node, stored, args.folder)
        play = Play(described, rounds, stored, args.steady)
        asyncio.run(play.run())
    tell(play, f"{stored} readings in history, {play.counted()}; fdatasync 64 KiB p50 {sync['p50']} ms p99 {sync['p99']} ms")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--readings", type=int, help="how many the history holds")
    parser.add_argument("--rounds", type=int, help="how many kills")
    parser.add_argument("--steady", type=float, default=STEADY_SECONDS, help="s between all being well and the next kill")
    parser.add_argument("--folder", type=Path, help="where the stores are made; the history is kept there for the next run")


def tell(play: Play, notes: str) -> None:
    alarms = [r.alarm for r in play.rounds]
    console = [r.console for r in play.rounds]
    for name, values, target in (("first_alarm", alarms, LONGEST_ALARM), ("console", console, LONGEST_CONSOLE)):
        spread = f"median of {len(values)} kills, max {max(values):.2f} s, target at most {target} s; {play.steps()}; {notes}; {load_average()}"
        Measure(name=f"recovery.{name}", value=round(median(values), 3), unit="s", notes=spread).print()


# ---- the history


def take_history(node: NodeFolder, readings: int, kept: Path | None) -> None:
    """Build it, or link to the files of the one that is kept: a data file is never changed once it is there."""
    if kept is None:
        build_history(node.history, readings)
        return
    made = kept / f"history-{readings}"
    if not made.exists():
        unfinished = kept / f"history-{readings}.part"
        shutil.rmtree(unfinished, ignore_errors=True)
        build_history(unfinished, readings)
        unfinished.rename(made)
    shutil.copytree(made, node.history, copy_function=_link_data, dirs_exist_ok=True)


def _link_data(source: str, target: str) -> None:
    if source.endswith(".parquet") and "_delta_log" not in source:
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def build_history(folder: Path, readings: int) -> None:
    """Each point once a second, up to an hour ago, in files as the writer makes them under load."""
    store = History.open(folder, incarnation="built")
    scans = max(1, APPEND // POINTS)
    numbers = np.tile(np.arange(1, POINTS + 1, dtype=np.uint32), scans)
    order = np.argsort(numbers, kind="stable")
    start = SystemClock().now() // DAY * DAY - readings // POINTS * SECOND
    chance = np.random.default_rng(7)
    for number in range(-(-readings // (scans * POINTS))):
        time_us = start + (number * scans + np.repeat(np.arange(scans), POINTS)) * SECOND
        values = np.round(chance.normal(50, 3, len(numbers)), 2)
        rows = min(len(numbers), readings - number * len(numbers))
        store.append(Readings(numbers[order], time_us[order], values, np.zeros(len(numbers), np.uint16))[:rows], number + 1)
    if store.rows() != readings:
        raise SystemExit(f"the history holds {store.rows()} readings, {readings} were appended")
    store.close()


# ---- the kills


@dataclass
class Round:
    """s from the kill. `started` is what the new core says of its start: step → s since its process began."""

    alarm: float
    console: float
    started: dict[str, float]
    recovered: dict[str, Any]


@dataclass
class Play:
    described: Described
    kills: int
    stored: int
    steady: float
    rounds: list[Round] = field(default_factory=list)
    told: list[tuple[float, int]] = field(default_factory=list)
    """(perf_counter, n) of each transition that the core of now has told."""
    shown: dict[int, float] = field(default_factory=dict)
    fed: int = 0

    @property
    def folder(self) -> NodeFolder:
        return self.described.node

    async def run(self) -> None:
        self.core = Child("core", python("anlan.node.core", str(self.folder.root)), environment=self.described.environment)
        app = Child("app", python("anlan.node.app", str(self.folder.root), "--port", "0"), environment=self.described.environment)
        supervisor = Supervisor(self.folder, [self.core, app], SystemClock(), Sounder(self.folder.run, ["true"]))
        self.link = Link(self.folder.socket, on_connect=self._subscribe, on_push=self._hear)
        tasks = [asyncio.ensure_future(supervisor.run()), asyncio.ensure_future(self.link.run())]
        try:
            await asyncio.wait_for(self.link.wait_connected(), READY_SECONDS)
            client = await signed_in(await address_of(self.folder.run))
            tasks.append(asyncio.ensure_future(follow_events(client, self._shown)))
            feeder = self._feeder()
            tasks.append(asyncio.ensure_future(feeder.run()))
            for _ in range(self.kills):
                await self._kill(feeder)
            self.fed = feeder.acknowledged
            await client.aclose()
        finally:
            for task in reversed(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _feeder(self) -> Feeder:
        numbers = self.described.numbers
        points = point_numbers(numbers, [f"L{n:06}" for n in range(POINTS)])
        source = numbers.sources["load"]
        feeder = Crossing(
            self.folder,
            SystemClock(),
            source=source,
            points=np.array(points, np.uint32),
            rows=ROWS,
            rate=RATE,
            values=steady(POINTS, ROWS),
            on_connect=lambda client: as_sense(client, source),
        )
        feeder.probes = np.array(point_numbers(numbers, [f"P{n:03}" for n in range(PROBES)]), np.uint32)
        feeder.every = CROSSING_EVERY
        return feeder

    async def _subscribe(self, client: Client) -> None:
        """The core of now: what a core before it has told does not count."""
        self.told = []
        await client.request("subscribe")

    def _hear(self, head: Head, body: bytes) -> None:
        if head["push"] == "transitions":
            now = time.perf_counter()
            self.told += [(now, row["n"]) for row in head["transitions"]]

    def _shown(self, row: dict[str, Any], at: float) -> None:
        self.shown[row["n"]] = at

    async def _kill(self, feeder: Feeder) -> None:
        await self._all_well(feeder)
        pid = self.core.pid
        assert pid is not None
        before, self.told = self.told, []
        began = time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        await self._until(lambda: bool(self.told) and self.core.pid not in (None, pid), "no alarm was decided")
        at, n = self.told[0]
        await self._until(lambda: n in self.shown, "the console did not show it")
        status, _ = await self.link.request("status")
        if n <= max(n for _, n in before):
            raise SystemExit(f"transition {n} was told twice")
        self.rounds.append(Round(at - began, self.shown[n] - began, status["started"], status["engine"]["recovered"]))

    async def _all_well(self, feeder: Feeder) -> None:
        """Load flows, alarms come through to the console, the history is written again."""
        began, acknowledged = time.perf_counter(), feeder.acknowledged
        await self._until(lambda: feeder.acknowledged >= acknowledged + RATE * self.steady / 2, "the load does not flow")
        await asyncio.sleep(max(0.0, began + self.steady - time.perf_counter()))
        last = self.told[-1][1] if self.told else 0
        await self._until(lambda: bool(self.shown) and max(self.shown) > last, "the console is not live")
        deadline = time.perf_counter() + PATIENCE
        while time.perf_counter() < deadline:
            status, _ = await self.link.request("status")
            if status["history"]["cursor"] and not status["history"]["fault"] and not status["engine"]["fault"]:
                return
            await asyncio.sleep(0.1)
        raise SystemExit(f"core is not well: {status}")

    async def _until(self, true: Any, what: str) -> None:
        deadline = time.perf_counter() + PATIENCE
        while not true():
            if time.perf_counter() > deadline:
                raise SystemExit(f"{what} within {PATIENCE} s; see {self.folder.run}/*.log: {self._said()}")
            await asyncio.sleep(0.002)

    def _said(self) -> str:
        return (self.folder.run / "core.log").read_text("utf-8")[-3000:]

    def counted(self) -> str:
        return f"{RATE} readings/s in parts of {ROWS} from {POINTS} points x 4 limits ({self.fed} in all)"

    def steps(self) -> str:
        """Where the time goes: medians of the new core's steps, and what lies around them."""
        marks = {step: median([r.started[step] for r in self.rounds]) for step in STEPS}
        spans = [f"{step} {marks[step] - before:.2f}" for step, before in zip(STEPS, (0.0, *marks.values()), strict=False)]
        rest = median([r.alarm - r.started["serving"] for r in self.rounds])
        frames = median([r.recovered["frames"] for r in self.rounds])
        return (
            f"of it in s: {', '.join(spans)} (frames decided again {frames:.0f}, s {median([r.recovered['seconds'] for r in self.rounds]):.2f}), "
            f"noticing, starting, reconnecting, first part {rest:.2f}"
        )


class Crossing(Feeder):
    """Every so many parts the first reading is of a probe, which in turn rises above its limit and falls again."""

    probes: np.ndarray
    every: int

    def readings(self, seq: int) -> Readings:
        readings = super().readings(seq)
        number, rest = divmod(seq // self._rows, self.every)
        if rest:
            return readings
        cycle, which = divmod(number, len(self.probes))
        point, value = readings.point.copy(), readings.value.copy()
        point[0], value[0] = self.probes[which], 120.0 if cycle % 2 == 0 else 60.0
        return Readings(point, readings.time, value, readings.quality)


if __name__ == "__main__":
    try:
        main()
    except AnlanError as error:
        raise SystemExit(error.text("en")) from error
