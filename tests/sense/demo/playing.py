"""A running demo plant on free ports, and the node's own drivers reading it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from anlan.model.clock import SystemClock
from anlan.model.readings import Readings
from anlan.plant.folder import load
from anlan.sense.demo import wiring
from anlan.sense.demo.demo_plant import DemoPlant, Play
from anlan.sense.registry import driver_config, tag_of
from anlan.sense.runner import Running, SenseRunner

PATIENCE = 30.0


async def eventually(what: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Wait until `what` is true; TimeoutError if it never is."""
    async with asyncio.timeout(seconds):
        while not what():
            await asyncio.sleep(0.05)


@dataclass
class Heard:
    """What would go to the core: the latest (value, quality) of each point, the state of each link, everything in order."""

    names: dict[int, str]
    sources: dict[int, str]
    latest: dict[str, tuple[float, int]] = field(default_factory=dict)
    times: dict[str, list[int]] = field(default_factory=dict)
    states: dict[str, list[str]] = field(default_factory=dict)
    frames: int = 0

    async def send(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> int:
        rows = zip(readings.point, readings.time, readings.value, readings.quality, strict=True)
        for point, time, value, quality in rows:
            self.latest[self.names[int(point)]] = (float(value), int(quality))
            self.times.setdefault(self.names[int(point)], []).append(int(time))
        self.frames += 1
        return self.frames

    async def look_ahead(self, source: int, epoch: int, received_at: int, readings: Readings) -> None:
        raise AssertionError("nothing is refused here")

    async def link_state(self, source: int, state: str, reason: str) -> None:
        told = self.states.setdefault(self.sources[source], [])
        if told[-1:] != [state]:
            told.append(state)


def on_free_ports() -> list[wiring.Source]:
    return [replace(source, port=0) for source in wiring.read()]


@asynccontextmanager
async def playing(folder: Path, play: Play, *, moving: bool = True) -> AsyncIterator[DemoPlant]:
    """A demo plant on free ports; it stands at its start unless `moving`."""
    demo = DemoPlant(folder / "run", SystemClock(), play, on_free_ports())
    await demo.start()
    running = asyncio.ensure_future(demo.run() if moving else asyncio.sleep(0))
    try:
        yield demo
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await demo.stop()


@asynccontextmanager
async def watched(demo: DemoPlant, folder: Path) -> AsyncIterator[Heard]:
    """The real drivers of the demo plant folder reading this demo."""
    plant = load(wiring.PLANT)
    numbers = {p.id: n for n, p in enumerate(plant.points, 1)}
    running = []
    for number, written in enumerate(plant.sources, 1):
        by = demo.devices[written.id].port - wiring.endpoint(written.options)[1]
        source = written.model_copy(update={"options": wiring.moved(written.options, by)})
        tags = [tag_of(numbers[p.id], p, source.driver) for p in plant.points if p.source == source.id]
        running.append(Running(number, source, driver_config(source, folder), tags))
    heard = Heard({n: p for p, n in numbers.items()}, {r.number: r.source.id for r in running})
    runner = SenseRunner(running, heard, SystemClock())
    await runner.start()
    try:
        yield heard
    finally:
        await runner.stop()
