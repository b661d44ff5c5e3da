"""From a reading to the alarm seen, under load: columns, OPC UA and MQTT, with 20 consoles open.

A node as `anlan up` runs it (supervisor, core, sense, app) reads one OPC UA server and one MQTT broker through its drivers and is fed
100,000 readings/s of columns over core's socket, while 20 console connections watch 200 tags each. The clock of a sample starts when the
reading that crosses a limit is handed to the socket, written in the OPC UA server, or published; it stops when a subscriber of core's
socket, and when one of the app's event stream, has the transition. Beside us: Prometheus and Alertmanager, from a metric that crosses to
the webhook, at 1 s scrapes and evaluations.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anlan.bus.link import Link
from anlan.bus.wire import Client, Head
from anlan.model.clock import SystemClock
from anlan.model.readings import Readings
from anlan.sense.mqtt.simulator import MqttBroker
from anlan.sense.opcua.simulator import OpcUaServer
from benchmarks._console import address_of, follow_events, signed_in
from benchmarks._core import READY_SECONDS, Feeder, steady
from benchmarks._plant import Described, Plan, point_numbers, probe, whole_node
from benchmarks._report import Measure, arguments, fdatasync_ms, load_average, quantile
from benchmarks._viewers import Viewers

POINTS, PROBES, DEVICE_PROBES = 10_000, 50, 10
ROWS, RATE = 1_000, 100_000
CROSSING_EVERY = 10
"""Parts, 10 ms each: ten samples a second of the columnar path."""
DEVICE_EVERY = 0.1
"""s between values written to each device, at random."""
PUBLISHING = 0.01
"""s. OPC UA publishes in this rhythm; the driver's default of 0.25 s would be most of what is measured."""
BROWSERS, TAGS = 20, 200
HIGH, LOW = 120.0, 60.0
TARGET_MS = 20.0
PATIENCE = 120.0
PATHS = ("columnar", "opcua", "mqtt")
SEERS = ("subscriber", "event_stream")


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    seconds = args.seconds or (10.0 if args.quick else 120.0)
    with tempfile.TemporaryDirectory(prefix="anlan-latency-", dir=args.folder) as name:
        sync = fdatasync_ms(Path(name))
        play = Play(Path(name), seconds, args)
        asyncio.run(play.run())
    theirs = {} if args.no_peers else peers(args.quick)
    floor = f"fdatasync 64 KiB p50 {sync['p50']} ms p99 {sync['p99']} ms; {load_average()}"
    for path in PATHS:
        for seer in SEERS:
            tell(path, seer, play, theirs, floor)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="how long samples are taken")
    parser.add_argument("--points", type=int, default=POINTS, help=f"at least {ROWS}")
    parser.add_argument("--browsers", type=int, default=BROWSERS, help="console connections")
    parser.add_argument("--pages", type=int, default=0, help="real pages in Chromium besides")
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def tell(path: str, seer: str, play: Play, theirs: dict[str, float | None], floor: str) -> None:
    found = [ms for which, ms in play.seen[seer] if which == path]
    best = min((ms for ms in theirs.values() if ms), default=None)
    p99 = quantile(found, 0.99)
    target = f"target at most {TARGET_MS:.0f}; " if (path, seer) == ("columnar", "subscriber") else ""
    Measure(
        name=f"latency.{path}.{seer}",
        value=round(p99, 2),
        unit="ms p99",
        peers=theirs,
        ratio=round(p99 / best, 5) if best else None,
        notes=f"{target}p50 {quantile(found, 0.5):.2f}, p90 {quantile(found, 0.9):.2f}, max {max(found):.2f}, {len(found)} samples of "
        f"{play.sent[path]}; {play.about()}; {floor}",
    ).print()


def peers(quick: bool) -> dict[str, float | None]:
    """p99 of the others in ms; None where a peer is not installed."""
    from benchmarks.peers import figures_of

    figures = figures_of("prometheus", "alert", 5 if quick else 50)
    return {"prometheus+alertmanager": round(figures["p99_ms"]) if figures else None}


@dataclass
class Play:
    root: Path
    seconds: float
    args: argparse.Namespace
    started: dict[tuple[int, int], tuple[str, float]] = field(default_factory=dict)
    """(alarm, data time µs) → path and perf_counter of what must come."""
    seen: dict[str, list[tuple[str, float]]] = field(default_factory=lambda: defaultdict(list))
    """Seer → path and ms."""
    sent: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PATHS, 0))
    watched: dict[str, float] = field(default_factory=dict)
    fed: float = 0.0
    sampling: bool = False
    tags: int = TAGS

    async def run(self) -> None:
        self.server, self.broker = OpcUaServer(), MqttBroker()
        for n in range(DEVICE_PROBES):
            self.server.add(f"Q{n}", "Double", LOW)
        await self.server.start()
        await self.broker.start()
        described = await asyncio.to_thread(self._describe)
        tasks = [asyncio.ensure_future(whole_node(described).run())]
        try:
            await self._play(described, tasks)
        finally:
            for task in reversed(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.server.stop()
            await self.broker.stop()

    def _describe(self) -> Described:
        plan = Plan(self.args.points, PROBES)
        plan.sources = [
            f"  - {{id: opc, driver: opcua, url: '{self.server.url}', security: none, publishing: {PUBLISHING}, sampling: 0}}\n",
            f"  - {{id: tags, driver: mqtt, host: 127.0.0.1, port: {self.broker.port}, client_id: benchmark, "
            'topics: [{filter: "load/{tag}", point: "{tag}", value: $.v, time: $.t, time_form: us}]}\n',
        ]
        for n in range(DEVICE_PROBES):
            plan.lines += [probe("opc", f"Q{n}", f"ns=2;s=Q{n}"), probe("tags", f"M{n}", f"M{n}")]
        return plan.describe(self.root)

    async def _play(self, described: Described, tasks: list[asyncio.Task[None]]) -> None:
        numbers = described.numbers
        self.alarms = {name: numbers.alarms[f"{name}.H"] for name in numbers.points if name[0] in "PQM"}
        link = Link(described.node.socket, on_connect=_subscribe, on_push=self._hear)
        tasks.append(asyncio.ensure_future(link.run()))
        await asyncio.wait_for(link.wait_connected(), READY_SECONDS)
        address = await address_of(described.node.run)
        client = await signed_in(address)
        tasks.append(asyncio.ensure_future(follow_events(client, self._shown)))
        feeder = self._feeder(described)
        tasks.append(asyncio.ensure_future(feeder.run()))
        await self._sources_up(link)
        shown = [n for n in numbers.points if n[0] == "L"]
        async with self.viewers(address, shown) as viewers:
            tasks += [asyncio.ensure_future(self._write_opcua()), asyncio.ensure_future(self._publish_mqtt())]
            await asyncio.sleep(2.0)
            await self._sample(feeder)
            self.watched = await viewers.told()
        status, _ = await link.request("status")
        if status["engine"]["fault"] or status["log"]["fault"] or status["history"]["fault"]:
            raise SystemExit(f"core is not well: {status}")
        await client.aclose()

    def viewers(self, address: str, shown: list[str]) -> Viewers:
        return Viewers(address, shown, self.args.browsers, self.tags, self.args.pages)

    async def _sample(self, feeder: Feeder) -> None:
        self.sampling, began, fed = True, time.perf_counter(), feeder.acknowledged
        await asyncio.sleep(self.seconds)
        self.sampling = False
        self.fed = (feeder.acknowledged - fed) / (time.perf_counter() - began)
        await asyncio.sleep(2.0)  # what was sent last is on its way

    async def _sources_up(self, link: Link) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            status, _ = await link.request("status")
            if list(status["links"].values()).count("up") == 3 and status["history"]["cursor"]:
                return
            await asyncio.sleep(0.1)
        raise SystemExit(f"not every source is up: {status['links']} {status['sources']}")

    # ---- what is sent

    def _start(self, path: str, name: str, time_us: int) -> None:
        if self.sampling:
            self.sent[path] += 1
            self.started[self.alarms[name], time_us] = (path, time.perf_counter())

    def _feeder(self, described: Described) -> Feeder:
        numbers = described.numbers
        feeder = Crossing(
            described.node,
            SystemClock(),
            source=numbers.sources["load"],
            points=np.array(point_numbers(numbers, [f"L{n:06}" for n in range(self.args.points)]), np.uint32),
            rows=ROWS,
            rate=RATE,
            values=steady(self.args.points, ROWS),
        )
        feeder.probes = [f"P{n:03}" for n in range(PROBES)]
        feeder.numbers = point_numbers(numbers, feeder.probes)
        feeder.on_sent = lambda seq: self._columns_sent(feeder, seq)
        return feeder

    def _columns_sent(self, feeder: Crossing, seq: int) -> None:
        crossing = feeder.crossing(seq)
        if crossing is not None:
            name, row, _ = crossing
            self._start("columnar", name, int(feeder.time_of(np.array([seq + row]))[0]))

    async def _write_opcua(self) -> None:
        chance, count = random.Random(1), 0
        while True:
            await asyncio.sleep(chance.uniform(0, 2 * DEVICE_EVERY))
            cycle, which = divmod(count, DEVICE_PROBES)
            now = SystemClock().now()
            self._start("opcua", f"Q{which}", now)
            await self.server.write(f"Q{which}", LOW if cycle % 2 else HIGH, source_time=now)
            count += 1

    async def _publish_mqtt(self) -> None:
        chance, count = random.Random(2), 0
        while True:
            await asyncio.sleep(chance.uniform(0, 2 * DEVICE_EVERY))
            cycle, which = divmod(count, DEVICE_PROBES)
            now = SystemClock().now()
            self._start("mqtt", f"M{which}", now)
            self.broker.publish(f"load/M{which}", {"v": LOW if cycle % 2 else HIGH, "t": now})
            count += 1

    # ---- what is seen

    def _hear(self, head: Head, body: bytes) -> None:
        if head["push"] == "transitions":
            now = time.perf_counter()
            for row in head["transitions"]:
                self._see("subscriber", row["alarm"], row["happened_at"], now)

    def _shown(self, row: dict[str, Any], at: float) -> None:
        self._see("event_stream", self.alarms.get(row["point"], 0), row["happened_at"], at)

    def _see(self, seer: str, alarm: int, happened_at: int, at: float) -> None:
        start = self.started.get((alarm, happened_at))
        if start is not None:
            self.seen[seer].append((start[0], (at - start[1]) * 1e3))

    def about(self) -> str:
        rates = ", ".join(f"{value:.0f} {name}/s" for name, value in self.watched.items() if not name.endswith("_ms"))
        pages = f" and {self.args.pages} pages in Chromium" if self.args.pages else ""
        return (
            f"{self.fed:.0f} readings/s in parts of {ROWS} from {self.args.points} points x 4 limits, OPC UA publishing every "
            f"{PUBLISHING * 1e3:.0f} ms, {self.args.browsers} console connections of {self.tags} tags{pages} receiving {rates}; devices, "
            "load and viewers on the same machine"
        )


class Crossing(Feeder):
    """Every so many parts one reading, anywhere in it, is of a probe, which in turn rises above its limit and falls again."""

    probes: list[str]
    numbers: list[int]

    def crossing(self, seq: int) -> tuple[str, int, float] | None:
        """The probe's name, its row in the part and its value."""
        number, rest = divmod(seq // self._rows, CROSSING_EVERY)
        if rest:
            return None
        cycle, which = divmod(number, len(self.probes))
        return self.probes[which], number * 7919 % self._rows, LOW if cycle % 2 else HIGH

    def readings(self, seq: int) -> Readings:
        readings, crossing = super().readings(seq), self.crossing(seq)
        if crossing is None:
            return readings
        name, row, level = crossing
        point, value = readings.point.copy(), readings.value.copy()
        point[row], value[row] = self.numbers[self.probes.index(name)], level
        return Readings(point, readings.time, value, readings.quality)


async def _subscribe(client: Client) -> None:
    await client.request("subscribe")


if __name__ == "__main__":
    main()
