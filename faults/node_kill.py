"""kill -9 of every process of a whole node, one at a time and all at once, while a broker delivers and alarms are acknowledged.

A real broker (mosquitto) holds what the node has not acknowledged; every message it took from us must be in history once, every crossing
of a limit in the journal once, every acknowledgement that was answered still there. `--plant forget` leaves one published message out of
what is expected, `--plant imagine` expects one more, `--plant unanswered` expects an acknowledgement that nobody made.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from anlan.bus.wire import Client
from anlan.model.clock import SystemClock
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import AlarmState, AlarmTransition, Trigger
from anlan.monitor.commands import Command
from anlan.monitor.journal import JournalReader
from anlan.node.layout import NodeFolder
from anlan.node.supervisor import read_processes
from anlan.plant.versions import version
from anlan.store.history_reader import HistoryReader
from anlan.store.history_tail import WholeHistory
from anlan.store.ids import uuid7
from anlan.store.logreader import LogReader
from anlan.store.records import Records
from faults._report import Report, Skip, run

POINTS = 20
HALF_WAVE = 25
VICTIMS = ("core", "sense", "app", "node")
READY_SECONDS, SETTLE_SECONDS = 90.0, 60.0

PLANT = """\
plant: {{id: works, name: {{en: Works}}}}
posts: [{{id: panel, name: {{en: Panel}}}}]
places: [{{id: U1, name: {{en: Unit}}, post: panel}}]
sources:
  - id: tags
    driver: mqtt
    host: 127.0.0.1
    port: {port}
    client_id: anlan-works
    topics: [{{filter: "load/{{tag}}", point: "{{tag}}", value: $.v, time: $.t, time_form: us}}]
"""


def main() -> int:
    return run("node_kill", play, rounds=20, bugs=["forget", "imagine", "unanswered"], options=_options)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--victim", choices=VICTIMS, help="kill only this; without it, each in turn")


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    if shutil.which("mosquitto") is None and not Path("/usr/sbin/mosquitto").exists():
        raise Skip("Debian's mosquitto is not installed")
    with tempfile.TemporaryDirectory(prefix="anlan-node-kill-") as folder:
        asyncio.run(Play(Path(folder), report, args, chance).run())


@dataclass
class Play:
    folder: Path
    report: Report
    args: argparse.Namespace
    chance: random.Random
    acknowledged: list[str] = field(default_factory=list)
    """Ids of the acknowledgements that were answered as accepted."""

    async def run(self) -> None:
        self.node = NodeFolder(self.folder / "data")
        broker_port, self.port = free_port(), free_port()
        write_plant(self.folder / "plant", broker_port)
        broker = await start_broker(self.folder, broker_port)
        try:
            await self.start_node()
            self.load = Load(broker_port, SystemClock().now())
            self.load.start()
            acting = asyncio.ensure_future(self.acknowledge_alarms())
            for number in range(self.args.rounds):
                await self.strike(self.args.victim or VICTIMS[number % len(VICTIMS)])
                self.report.rounds += 1
            acting.cancel()
            await asyncio.to_thread(self.load.stop)
            await self.settle()
            await self.stop_node()
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self.up.pid, signal.SIGKILL)
            broker.kill()
            await broker.wait()
        self.judge()

    # ---- the node

    async def start_node(self) -> None:
        self.node.run.mkdir(parents=True, exist_ok=True)
        arguments = [
            sys.executable,
            "-m",
            "anlan",
            "up",
            str(self.folder / "plant"),
            "--data",
            str(self.node.root),
            "--port",
            str(self.port),
        ]
        with (self.folder / "up.log").open("ab") as told:
            self.up = await asyncio.create_subprocess_exec(*arguments, stdout=told, stderr=told, start_new_session=True)
        await self.reading()

    async def reading(self) -> None:
        """Until the node reads its source and its console answers."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.05)
            with suppress(AnlanError, OSError, TimeoutError):
                status = await self.status()
                up = status["links"].get("1") == "up" and status["sense"]
                if up and (self.node.run / "console.json").exists() and not status["engine"]["fault"]:
                    return
        raise RuntimeError(f"the node is not ready after {READY_SECONDS} s: {(self.folder / 'up.log').read_text()[-2000:]}")

    async def status(self) -> dict:  # type: ignore[type-arg]
        async with asyncio.timeout(3):
            client = await Client.connect(self.node.socket)
            try:
                return (await client.request("status"))[0]
            finally:
                await client.close()

    async def strike(self, victim: str) -> None:
        await asyncio.sleep(self.chance.uniform(0.2, 2.0))
        if victim == "node":
            os.killpg(self.up.pid, signal.SIGKILL)
            await self.up.wait()
            await self.start_node()
            return
        pid = read_processes(self.node.run)["children"][victim]["pid"]
        with suppress(ProcessLookupError, TypeError):
            os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.3)
        await self.reading()

    async def stop_node(self) -> None:
        self.up.terminate()
        await asyncio.wait_for(self.up.wait(), 40)

    # ---- a person

    async def acknowledge_alarms(self) -> None:
        while True:
            await asyncio.sleep(0.2)
            with suppress(AnlanError, OSError, TimeoutError):
                await self.acknowledge_one()

    async def acknowledge_one(self) -> None:
        journal = JournalReader.open(self.node.journal)
        standing = [t for t in journal.standing() if t.after is AlarmState.UNACKNOWLEDGED]
        journal.close()
        if not standing:
            return
        step = acknowledgement(self.chance.choice(standing))
        async with asyncio.timeout(5):
            client = await Client.connect(self.node.socket)
            try:
                reply, _ = await client.request("command", step.to_bytes())
            finally:
                await client.close()
        if reply["accepted"]:
            self.acknowledged.append(step.id)

    # ---- what came of it

    async def settle(self) -> None:
        deadline, before = time.monotonic() + SETTLE_SECONDS, -1
        while time.monotonic() < deadline:
            await asyncio.sleep(1.5)
            with suppress(AnlanError, OSError, TimeoutError):
                status = await self.status()
                got = sum(status["received"].values())
                if got == before and status["engine"]["done"] >= status["log"]["last"] - 2:
                    return
                before = got
        self.report.violation("the node did not come to rest")

    def judge(self) -> None:
        expected = set(self.load.taken)
        if self.args.plant == "forget":
            expected.pop()
        if self.args.plant == "imagine":
            expected.add((1, 1, 1.0))
        if self.args.plant == "unanswered":
            self.acknowledged.append("nobody")
        self.report.acknowledged = len(expected)
        self._judge_history(expected)
        self._judge_journal()

    def _judge_history(self, expected: set[tuple[int, int, float]]) -> None:
        records = Records.open(self.node.records)
        numbers = version(records)[2].points
        records.close()
        # What the node tells of itself (source 0) was not published by anybody.
        tag = {number: int(name[1:]) for name, number in numbers.items() if not name.startswith("node.")}
        whole = WholeHistory(HistoryReader.open(self.node.history), LogReader.open(self.node.log))
        table = whole.read(None, 0, 1 << 62)
        columns = zip(table["point"].to_pylist(), table["time"].to_pylist(), table["value"].to_pylist(), strict=True)
        rows = [(tag[point], time_, value) for point, time_, value in columns if point in tag]
        # Exact repeats are folded by the query, so twice is looked for in the log as it was written.
        stored = [r for f in LogReader.open(self.node.log).read(LogReader.open(self.node.log).first - 1, 1 << 30) for p in f.parts if p.kind == 1 and p.source for r in zip(p.readings().point.tolist(), p.readings().time.tolist(), strict=True)]  # fmt: skip
        self.report.lost += len(expected - set(rows))
        self.report.phantom += len(set(rows) - expected - self.load.unsure)
        self.report.duplicates += len(rows) - len(set(rows)) + len(stored) - len(set(stored))

    def _judge_journal(self) -> None:
        journal = JournalReader.open(self.node.journal)
        found: list[AlarmTransition] = []
        while page := journal.read(found[-1].n if found else 0, 10_000):
            found += page
        journal.close()
        crossings = [
            (t.happened_at, t.trigger)
            for t in found
            if t.trigger in (Trigger.CONDITION_ON, Trigger.CONDITION_OFF) and t.limit == 100.0
        ]
        wanted = self.load.crossings()
        self.report.missed_alarms += len(set(wanted) - set(crossings))
        self.report.false_alarms += len(set(crossings) - set(wanted)) + len(crossings) - len(set(crossings))
        kept = {t.command for t in found if t.command}
        gone = set(self.acknowledged) - kept
        self.report.lost += len(gone)
        print(f"{len(self.acknowledged)} acknowledgements answered, {len(crossings)} crossings decided", file=sys.stderr)


class Load:
    """Publishes with QoS 1 from a thread of its own; `taken` is what the broker has confirmed."""

    def __init__(self, port: int, start: int) -> None:
        self._start, self._stopping = start, threading.Event()
        self._sample = 0
        self.taken: list[tuple[int, int, float]] = []
        self.unsure: set[tuple[int, int, float]] = set()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="load", protocol=mqtt.MQTTv311)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.loop_stop()
        self._client.disconnect()

    def _run(self) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            messages = [(row, self._publish(row)) for row in self.rows(self._sample)]
            for row, message in messages:
                message.wait_for_publish(10)
                (self.taken.append if message.is_published() else self.unsure.add)(row)
            self._sample += 1
            self._stopping.wait(max(0.0, 0.05 - (time.monotonic() - began)))

    def _publish(self, row: tuple[int, int, float]) -> mqtt.MQTTMessageInfo:
        point, when, value = row
        return self._client.publish(f"load/P{point:02}", orjson.dumps({"t": when, "v": value}), qos=1)

    def rows(self, sample: int) -> list[tuple[int, int, float]]:
        """One value of each point; every (point, time) is there once."""
        value = (150.0 if (sample // HALF_WAVE) % 2 else 50.0) + sample % 7
        return [(p, self._start + sample * 50_000 + p, value) for p in range(1, POINTS + 1)]

    def crossings(self) -> list[tuple[int, Trigger]]:
        turning = range(HALF_WAVE, self._sample, HALF_WAVE)
        kinds = {1: Trigger.CONDITION_ON, 0: Trigger.CONDITION_OFF}
        return [(when, kinds[(s // HALF_WAVE) % 2]) for s in turning for _, when, _ in self.rows(s)]


def acknowledgement(standing: AlarmTransition) -> Command:
    clock = SystemClock()
    return Command(
        id=str(uuid7(clock)),
        kind="acknowledge",
        alarm=standing.alarm,
        episode=standing.episode,
        priority=3,
        who="load",
        post="panel",
        at=clock.now(),
    )


def write_plant(folder: Path, port: int) -> None:
    folder.mkdir()
    (folder / "plant.yaml").write_text(PLANT.format(port=port), "utf-8")
    head = "id,place,name_en,kind,unit,source,address,reporting,period,stale_after,H,priority,time_to_respond,post,consequence_en,corrective_action_en\n"
    line = "P{0:02},U1,Point {0},temperature,Cel,tags,P{0:02},cyclic,1,3600,100,3,600,panel,Too hot,Cool it\n"
    (folder / "points.csv").write_text(head + "".join(line.format(n) for n in range(1, POINTS + 1)), "utf-8")


async def start_broker(folder: Path, port: int) -> asyncio.subprocess.Process:
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\nmax_inflight_messages 100\n")
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    with (folder / "mosquitto.log").open("wb") as told:
        broker = await asyncio.create_subprocess_exec(program, "-c", str(config), stderr=told)
    for _ in range(100):
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return broker
        await asyncio.sleep(0.05)
    raise RuntimeError((folder / "mosquitto.log").read_text())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
