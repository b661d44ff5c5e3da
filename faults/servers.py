"""Devices, servers and brokers killed and restarted under load, and between them core and sense too.

One round, for each protocol: the device is killed without a goodbye while values pour in, its link must be told down exactly once,
it comes back, and values must flow again. Every third round core stays away for a while and sense dies in it, so that readings are
under way at every step. In the end nothing that a driver had acknowledged may be missing, and nothing may be there twice.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from anlan.model.clock import Clock, SystemClock
from anlan.model.errors import Unavailable
from anlan.model.readings import Readings
from anlan.sense.driver import LinkState, Tag
from anlan.sense.sink import SinkSettings, SourceSink
from faults._devices import DEVICES, Device, Row
from faults._report import Report, run

WAIT = 30.0  # s for anything that must come
SETTINGS = SinkSettings(retry=(0.01, 0.1))


class Core:
    """What core does with parts: durable, numbered, without what it has already; away when told to be."""

    def __init__(self) -> None:
        self.away = False
        self.rows: list[Row] = []
        self.held: set[Row] = set()
        self.states: list[str] = []
        self._next: dict[int, int] = {}

    async def send(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> int:
        await asyncio.sleep(0.002)  # a group commit
        if self.away:
            raise Unavailable("core is away")
        have = self._next.get(epoch, 0)
        fresh = readings[max(0, have - first_seq) :]
        self._next[epoch] = max(have, first_seq + len(readings))
        rows = list(zip(fresh.point.tolist(), fresh.time.tolist(), fresh.value.tolist(), strict=True))
        kept = [row for row in rows if not (redelivered and row in self.held)]
        self.rows += kept
        self.held.update(kept)
        return len(self.rows)

    async def look_ahead(self, source: int, epoch: int, received_at: int, readings: Readings) -> None:
        raise Unavailable("this core refuses nothing")

    async def link_state(self, source: int, state: str, reason: str) -> None:
        if self.away:
            raise Unavailable("core is away")
        if not self.states or self.states[-1] != state:
            self.states.append(state)


class Tap:
    """Between driver and sink: sees what is acknowledged. Planted, it acknowledges before the core has anything."""

    def __init__(self, sink: SourceSink, device: Device, early: bool) -> None:
        self._sink, self._device, self._early = sink, device, early
        self._loose: set[asyncio.Task[None]] = set()

    async def deliver(self, readings: Readings, *, redelivered: bool = False) -> None:
        if self._early:
            task = asyncio.create_task(self._sink.deliver(readings, redelivered=redelivered))
            self._loose.add(task)
        else:
            await self._sink.deliver(readings, redelivered=redelivered)
        self._device.taken(list(zip(readings.point.tolist(), readings.time.tolist(), readings.value.tolist(), strict=True)))

    async def link(self, state: LinkState, reason: str = "") -> None:
        await self._sink.link(state, reason)

    def die(self) -> None:
        for task in self._loose:
            task.cancel()


class Sense:
    """The sense process of one source: driver and sink, ended without ceremony by `die`."""

    def __init__(self, device: Device, core: Core, clock: Clock, folder: Path, early: bool) -> None:
        self._sink = SourceSink(1, core, clock, keep_alive=1.0, settings=SETTINGS)
        self._tap = Tap(self._sink, device, early)
        config = device.kind.Config.model_validate(device.options(folder))
        tags = [Tag(n, f"P-{n}", device.kind.parse(a, {"states": {}}), 0.02) for n, a in enumerate(device.harness.addresses(), 1)]
        self._sink.start()
        self._task = asyncio.create_task(device.kind(config, tags, self._tap, clock).run())

    async def die(self) -> None:
        self._task.cancel()
        self._tap.die()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._sink.stop()


class Game:
    """One protocol through all its rounds."""

    def __init__(self, name: str, report: Report, rng: random.Random, folder: Path, early: bool) -> None:
        self._name, self._report, self._rng, self._folder, self._early = name, report, rng, folder, early
        self._clock = SystemClock()
        self._device, self._core = DEVICES[name](self._clock), Core()

    async def play(self, rounds: int) -> None:
        await self._device.harness.start()
        sense = self._sense()
        # A broker keeps nothing for a client that it has never seen.
        await self._until(lambda: self._core.states[-1:] == ["up"], "first up")
        load = asyncio.create_task(self._load())
        for number in range(rounds):
            await self._outage()
            if number % 3 == 2:
                sense = await self._sense_dies(sense)
            self._report.rounds += 1
        load.cancel()
        await self._drained()
        await sense.die()
        await self._device.harness.stop()
        self._judge()

    def _sense(self) -> Sense:
        return Sense(self._device, self._core, self._clock, self._folder, self._early)

    async def _load(self) -> None:
        while True:
            await self._device.write()
            await asyncio.sleep(1 / self._device.writes_per_second)

    async def _outage(self) -> None:
        """The device dies, is told down once, comes back, is told up once, and new values arrive."""
        if not await self._until(lambda: self._core.states[-1:] == ["up"], "up"):
            return
        await asyncio.sleep(self._rng.uniform(0.05, 0.3))
        before = len(self._core.states)
        await self._device.harness.stop()
        if not await self._until(lambda: self._core.states[-1] == "down", "down"):
            self._report.missed_alarms += 1
        await asyncio.sleep(self._rng.uniform(0.0, 0.1))
        await self._device.harness.start()
        await self._until(lambda: self._core.states[-1] == "up", "up again")
        seen = len(self._core.rows)
        await self._until(lambda: len(self._core.rows) > seen, "new values")
        extra = self._core.states[before:].count("down") - 1
        self._report.false_alarms += max(0, extra)

    async def _sense_dies(self, sense: Sense) -> Sense:
        """Core goes away, readings pile up under way, sense dies with them, both come back."""
        self._core.away = True
        await asyncio.sleep(self._rng.uniform(0.1, 0.3))
        await sense.die()
        self._core.away = False
        # Core marks the sources of a sense that is gone down by itself; here the next sense tells its own.
        self._core.states.append("unknown")
        again = self._sense()
        await self._until(lambda: self._core.states[-1] == "up", "up after sense died")
        return again

    async def _drained(self) -> None:
        if self._device.keeps_all:
            await self._until(lambda: self._device.written <= self._core.held or self._early, "all that was published")
        await asyncio.sleep(0.5)

    async def _until(self, true: Callable[[], bool], what: str) -> bool:
        deadline = self._clock.monotonic() + WAIT
        while not true():
            if self._clock.monotonic() > deadline:
                self._report.violation(f"{self._name}: no {what} within {WAIT:.0f} s; states {self._core.states[-3:]}")
                return False
            await asyncio.sleep(0.002)
        return True

    def _judge(self) -> None:
        device, core = self._device, self._core
        due = device.written if device.keeps_all else device.acknowledged
        self._report.acknowledged += len(due)
        self._report.lost += len(due - core.held)
        self._report.duplicates += len(core.rows) - len(core.held)
        self._report.phantom += len({(point, value) for point, _, value in core.held} - device.values)


def play(report: Report, args: argparse.Namespace, rng: random.Random) -> None:
    for library in ("pymodbus", "asyncua", "asyncio"):
        logging.getLogger(library).setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        for name in args.driver or DEVICES:
            asyncio.run(Game(name, report, rng, Path(folder), args.plant == "ack-early").play(args.rounds))


def options(parser: Any) -> None:
    parser.add_argument("--driver", action="append", choices=list(DEVICES), help="only this one; may be given again")


if __name__ == "__main__":
    sys.exit(run("servers", play, rounds=10, bugs=["ack-early"], options=options))
