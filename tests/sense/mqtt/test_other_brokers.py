"""The driver with brokers that are not ours: mosquitto (3.1.1 and 5, killed and restarted with persistence) and amqtt."""

from __future__ import annotations

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from amqtt.broker import Broker
from paho.mqtt.enums import CallbackAPIVersion

from anlan.sense.driver import LinkState
from anlan.sense.mqtt.driver import MqttDriver
from anlan.sense.mqtt.harness import Harness
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
        self._conf = folder / "mosquitto.conf"
        self._conf.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_interval 1\nautosave_on_changes true\nuser root\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert MOSQUITTO is not None
        self._process = subprocess.Popen([MOSQUITTO, "-c", str(self._conf)], stderr=subprocess.DEVNULL)

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
