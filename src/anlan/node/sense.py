"""The sense process: drivers, and the way of their readings into core. Run as `python -m anlan.node.sense DATA`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import orjson
import structlog

from anlan.bus.link import Link
from anlan.bus.tasks import end
from anlan.bus.wire import Client, Head
from anlan.model.clock import Clock, SystemClock
from anlan.model.errors import AnlanError
from anlan.model.readings import Readings
from anlan.node.heart import beat
from anlan.node.layout import NodeFolder
from anlan.node.process import die_with_parent, run_until_signal, spare_what_is_loaded
from anlan.node.wiring import sources_in_force, wiring_in_force
from anlan.sense.runner import Running, SenseRunner
from anlan.web.logs import configure

HEALTH_SECONDS = 1.0

log = structlog.get_logger()


class SocketLink:
    """`sense.sink.CoreLink` over the node's socket. While core is away a send fails at once, and the sink comes again."""

    def __init__(self, folder: NodeFolder, version: int) -> None:
        self._folder, self._version = folder, version
        self._wiring = wiring_in_force(folder, version)[1]
        self._news = asyncio.Event()
        self._link = Link(folder.socket, on_connect=self._greet, on_push=self._hear)

    async def send(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> int:
        reply, _ = await self._link.request(
            "append",
            readings.to_bytes(),
            source=source,
            epoch=epoch,
            first_seq=first_seq,
            received_at=received_at,
            rows=len(readings),
            redelivered=redelivered,
        )
        return int(reply["n"])

    async def look_ahead(self, source: int, epoch: int, received_at: int, readings: Readings) -> None:
        body, rows = readings.to_bytes(), len(readings)
        await self._link.request("ahead", body, source=source, epoch=epoch, received_at=received_at, rows=rows)

    async def link_state(self, source: int, state: str, reason: str) -> None:
        await self._link.request("link", source=source, state=state, reason=reason)

    async def run(self) -> None:
        await self._link.run()

    async def wait_connected(self) -> None:
        await self._link.wait_connected()

    @property
    def connected(self) -> bool:
        return self._link.connected

    async def tell_health(self, health: bytes) -> None:
        await self._link.request("health", health)

    async def _greet(self, client: Client) -> None:
        reply, _ = await client.request("sense", config=self._version)
        if reply["config"] != self._version:
            self._news.set()

    def _hear(self, head: Head, body: bytes) -> None:
        if head["push"] == "config":
            self._news.set()

    async def follow_versions(self, take: Callable[[list[Running]], Awaitable[None]]) -> None:
        """A new version with the same sources and points is ours as it stands; of another, `take` begins and ends what differs."""
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                version, wiring = await asyncio.to_thread(wiring_in_force, self._folder)
                if wiring != self._wiring:
                    version, sources = await asyncio.to_thread(sources_in_force, self._folder)
                    await take(sources)
                self._version, self._wiring = version, wiring
                await self._link.request("loaded", process="sense", config=version)
                log.info("new configuration", number=version)
            except AnlanError as error:
                log.error("new configuration not taken", error=str(error), runs=self._version)


class Sense:
    """The runner and its link, as an object, so that `--single` and tests run the same."""

    def __init__(self, folder: NodeFolder, clock: Clock) -> None:
        version, sources = sources_in_force(folder)
        self._link = SocketLink(folder, version)
        self._runner = SenseRunner(sources, self._link, clock)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        self._tasks = [
            asyncio.ensure_future(job)
            for job in (beat(), self._link.run(), self._tell_health(), self._link.follow_versions(self._take))
        ]
        await self._runner.start()

    async def close(self) -> None:
        await self._runner.stop()
        await end(self._tasks)

    async def _take(self, sources: list[Running]) -> None:
        ended, begun = await self._runner.change(sources)
        log.info("sources changed", ended=ended, begun=begun)

    async def _tell_health(self) -> None:
        """How each source fares, to core once a second: its status is where everybody looks."""
        while True:
            await self._link.wait_connected()
            try:
                await self._link.tell_health(orjson.dumps([asdict(h) for h in self._runner.health()]))
            except Exception as error:
                # Told again in a second; a report that cannot be given must not end the process that reads the plant.
                log.warning("health of sources not told", error=str(error))
            await asyncio.sleep(HEALTH_SECONDS)


async def main(folder: NodeFolder) -> None:
    sense = Sense(folder, SystemClock())
    await sense.start()
    spare_what_is_loaded()
    try:
        await run_until_signal()
    finally:
        await sense.close()


if __name__ == "__main__":
    configure("sense")
    die_with_parent()
    asyncio.run(main(NodeFolder(Path(sys.argv[1]))))
