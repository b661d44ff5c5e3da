"""The running demo plant: a world that moves with the wall clock, N times faster, and the devices that show it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import structlog

from anlan.model.clock import Clock
from anlan.model.errors import InputError
from anlan.sense.demo import wiring
from anlan.sense.demo.recording import Live, Recorded
from anlan.sense.demo.scenario import DEFAULT_SPEED, Scenario, scenario
from anlan.sense.demo.servers import Device, device
from anlan.sense.demo.world import World

TICK = 1.0
"""How often the devices get new values. [s of the wall]"""
FASTEST = 600.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Play:
    """What is to be played."""

    scenario: str = "default"
    speed: float = DEFAULT_SPEED
    live: bool = False
    """The process computed now by tep-studio (extra `demo`), not played from the recording."""

    def __post_init__(self) -> None:
        if not 0.1 <= self.speed <= FASTEST:
            raise InputError("a speed of {speed} lies outside 0.1 … {most}", speed=self.speed, most=FASTEST)


@dataclass
class DemoPlant:
    """`await start()`, `await run()` until cancelled, `await stop()`.

    `folder` is the node's run folder: it gets `demo.json`, which says what is being played; certificates are kept in `pki/demo` beside it.
    """

    folder: Path
    clock: Clock
    play: Play = field(default_factory=Play)
    sources: Sequence[wiring.Source] = field(default_factory=wiring.read)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.devices: dict[str, Device] = {
            source.id: device(source, self.clock, self.folder.parent / "pki" / "demo") for source in self.sources
        }
        self.broken: set[str] = set()
        self._up: set[str] = set()
        self._scenario: Scenario = scenario(self.play.scenario, live=self.play.live)
        self._world: World | None = None
        self._began = 0.0
        # Clock, control socket and scenario all move the same world and devices; one of them at a time.
        self._turn = asyncio.Lock()

    @property
    def seconds(self) -> float:
        """Plant time since the scenario began. [s]"""
        return (self.clock.monotonic() - self._began) * self.play.speed

    async def start(self) -> None:
        wiring.refuse_taken(self.sources)
        await self.change(self.play)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            await self.tick()

    async def stop(self) -> None:
        for name in list(self._up):
            await self._take_down(name)

    async def tick(self) -> None:
        """Let the plant catch up with the clock and show it on every device."""
        async with self._turn:
            await self._show()

    async def _show(self) -> None:
        assert self._world is not None
        # A live process can compute for a while, and the devices must answer meanwhile.
        await asyncio.to_thread(self._world.advance_to, self.seconds)
        values, marks = self._world.values(), self._world.marks()
        for one in self.devices.values():
            await one.publish(values, marks)
        await self._connect_and_cut()

    async def change(self, play: Play) -> None:
        """Begin another scenario, or the same from its start."""
        chosen = scenario(play.scenario, live=play.live)
        process = (Live if play.live else Recorded)(chosen.process)
        async with self._turn:
            self._world = await asyncio.to_thread(World, chosen, process)
            self.play, self._scenario, self._began = play, chosen, self.clock.monotonic()
            log.info("scenario begins", scenario=play.scenario, speed=play.speed, live=play.live)
            await self._show()
        self._tell()

    async def cut(self, source: str) -> None:
        """Cut a source off, as a broken cable does, until `mend`."""
        self.broken.add(self._known(source))
        await self._settle()

    async def mend(self, source: str) -> None:
        self.broken.discard(self._known(source))
        await self._settle()

    def state(self) -> dict[str, Any]:
        """What is being played and where the devices listen, as JSON values."""
        return {
            "scenario": self.play.scenario,
            "title": self._scenario.title.model_dump(),
            "speed": self.play.speed,
            "live": self.play.live,
            "plant_seconds": round(self.seconds, 1),
            "sources": {s.id: self._source_state(s) for s in self.sources},
        }

    def _source_state(self, source: wiring.Source) -> Mapping[str, Any]:
        port = self.devices[source.id].port
        return {"driver": source.driver, "host": source.host, "port": port, "broken": source.id not in self._up}

    async def _settle(self) -> None:
        async with self._turn:
            await self._connect_and_cut()
        self._tell()

    async def _connect_and_cut(self) -> None:
        assert self._world is not None
        down = self.broken | self._world.cut()
        for name, one in self.devices.items():
            if name in down and name in self._up:
                await self._take_down(name)
            elif name not in down and name not in self._up:
                await self._bring_up(name, one)

    async def _bring_up(self, name: str, one: Device) -> None:
        try:
            await one.start()
        except OSError as taken:
            # Somebody took the port while the source was cut off; the next tick tries again.
            log.error("source cannot listen", source=name, port=one.port, why=str(taken))
            return
        self._up.add(name)
        log.info("source listens", source=name, port=one.port)

    async def _take_down(self, name: str) -> None:
        self._up.discard(name)
        await self.devices[name].stop()
        log.info("source cut off", source=name)

    def _known(self, source: str) -> str:
        if source not in self.devices:
            raise InputError(
                "the demo plant has no source {source!r}; it has: {known}", source=source, known=", ".join(self.devices)
            )
        return source

    def _tell(self) -> None:
        """For the console, which shows ×N, and whoever looks into the folder."""
        part = self.folder / "demo.json.part"
        part.write_bytes(orjson.dumps({**self.state(), "at": self.clock.now()}))
        part.replace(self.folder / "demo.json")
