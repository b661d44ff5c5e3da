"""The driver with brokers that are not ours: mosquitto (3.1.1 and 5, killed and restarted with persistence) and amqtt."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from amqtt.broker import Broker
from paho.mqtt.enums import CallbackAPIVersion

from anlan.model.clock import SystemClock
from anlan.model.errors import LogFull
from anlan.model.readings import Readings
from anlan.sense.config import SourceConfig
from anlan.sense.driver import LinkState, Tag
from anlan.sense.mqtt.config import MqttConfig
from anlan.sense.mqtt.driver import MqttDriver
from anlan.sense.mqtt.harness import Harness
from anlan.sense.runner import Running, SenseRunner
from tests.sense.benches import reading

MOSQUITTO = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin")
needs_mosquitto = pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed")
T = 1_700_000_000_000_000


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


class Elsewhere(Harness):
    """The harness' options with a broker that somebody else runs."""

    async def start(self) -> None:
        return None

    async def stop(self) -> None:
        return None


class Mosquitto:
    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._conf, self._log = folder / "mosquitto.conf", folder / "mosquitto.log"
        self._conf.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\nuser root\nlog_type all\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        with self._log.open("ab") as log:
            self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._conf)], stderr=log)

    def knows(self, client: str) -> bool:
        """Whether this client is connected and has subscribed, by the broker's own log."""
        told = self._log.read_text("utf-8")
        return told.rfind(f"Sending SUBACK to {client}") > told.rfind(f"Received DISCONNECT from {client}")

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path)
    broker.start()
    yield broker
    broker.kill()


def publish(port: int, messages: list[tuple[str, str]]) -> None:
    """Publish with QoS 1 and wait until the broker has them all."""
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, payload in messages:
        client.publish(topic, payload, qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()


@needs_mosquitto
@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_mosquitto_killed_and_restarted_keeps_our_session(version: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    harness = Elsewhere(mosquitto.port)
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, version=version) as bench:
        await bench.until(lambda: LinkState.UP in bench.witness.states, "link")
        await asyncio.to_thread(publish, mosquitto.port, [("plant/T-1", f'{{"v":{n},"t":{T + n}}}') for n in range(50)])
        await bench.until(lambda: len(bench.witness.rows) >= 50, "values")
        bench.witness.states.clear()
        await asyncio.to_thread(mosquitto.kill)
        await bench.until_state(LinkState.DOWN)
        mosquitto.start()
        await bench.until_state(LinkState.DOWN, LinkState.UP)
        await asyncio.to_thread(publish, mosquitto.port, [("plant/T-1", f'{{"v":{n},"t":{T + n}}}') for n in range(50, 100)])
        await bench.until(lambda: bench.witness.values() >= {float(n) for n in range(100)}, "values after the restart")


@needs_mosquitto
@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_mosquitto_sends_what_we_missed(version: str, mosquitto: Mosquitto, tmp_path: Path) -> None:
    harness = Elsewhere(mosquitto.port)
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, version=version) as bench:
        await bench.until(lambda: LinkState.UP in bench.witness.states, "link")
    await asyncio.to_thread(publish, mosquitto.port, [("plant/T-1", f'{{"v":{n},"t":{T + n}}}') for n in range(50)])
    async with reading(MqttDriver, harness, ["T-1"], tmp_path, version=version) as bench:
        await bench.until(lambda: len(bench.witness.rows) == 50, "what was published while we were away")
        assert [row[2] for row in bench.witness.rows] == [float(n) for n in range(50)]


class FullCore:
    """A core whose log takes nothing while `full`."""

    def __init__(self) -> None:
        self.full, self.durable, self.shown = False, list[float](), list[float]()

    async def send(self, source: int, epoch: int, first_seq: int, received_at: int, readings: Readings, redelivered: bool) -> int:
        if self.full:
            raise LogFull("the log is full")
        self.durable += readings.value.tolist()
        return 1

    async def look_ahead(self, source: int, epoch: int, received_at: int, readings: Readings) -> None:
        self.shown += readings.value.tolist()

    async def link_state(self, source: int, state: str, reason: str) -> None: ...


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.02)


@needs_mosquitto
@pytest.mark.slow
@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_what_a_broker_holds_back_while_the_log_refuses_is_seen_and_recorded_later(
    version: str, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    harness, core = Elsewhere(mosquitto.port), FullCore()
    options = harness.options(tmp_path) | {"version": version, "receive_maximum": 20}
    tags = [Tag(1, "P-1", MqttDriver.parse("T-1", {"states": {}}), 1.0)]
    config = MqttConfig.model_validate(options)
    runner = SenseRunner([Running(7, SourceConfig(id="gw", driver="mqtt"), config, tags)], core, SystemClock())
    await runner.start()
    values = [float(n) for n in range(200)]
    try:
        await until(lambda: runner.health()[0].state == "up")
        core.full = True
        first, then = values[:100], values[100:]
        await asyncio.to_thread(publish, mosquitto.port, [("plant/T-1", f'{{"v":{v},"t":{T + int(v)}}}') for v in first])
        await until(lambda: runner.health()[0].state == "down")
        await until(lambda: core.shown[:1] == [0.0])
        await until(lambda: mosquitto.knows("contract-live"))
        await asyncio.to_thread(publish, mosquitto.port, [("plant/T-1", f'{{"v":{v},"t":{T + int(v)}}}') for v in then])
        await until(lambda: core.shown[-1:] == values[-1:])
        assert core.shown[-100:] == then
        assert core.durable == []
        core.full = False
        await until(lambda: len(core.durable) >= len(values))
        assert core.durable == values, "each once, in order"
        await until(lambda: not mosquitto.knows("contract-live"))
    finally:
        await runner.stop()


@pytest.mark.slow
@pytest.mark.skipif(sys.version_info >= (3, 14), reason="amqtt 0.12 is not made for it")
@pytest.mark.filterwarnings("ignore")
async def test_amqtt_serves_us_too(tmp_path: Path) -> None:
    port = free_port()
    config: dict[str, Any] = {
        "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
        "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
    }
    broker = Broker(config)
    await broker.start()
    async with reading(MqttDriver, Elsewhere(port), ["T-1"], tmp_path) as bench:
        await bench.until(lambda: LinkState.UP in bench.witness.states, "link")
        await asyncio.to_thread(publish, port, [("plant/T-1", f'{{"v":{n},"t":{T + n}}}') for n in range(20)])
        await bench.until(lambda: len(bench.witness.rows) >= 20, "values")
    await broker.shutdown()
