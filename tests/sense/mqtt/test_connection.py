"""One connection by itself: what ends it, and that it leaves nothing behind."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from anlan.model.errors import DriverError
from anlan.sense.mqtt.config import MqttConfig
from anlan.sense.mqtt.connection import Connection
from anlan.sense.mqtt.harness import Harness


def config(harness: Harness, folder: Path, **more: Any) -> MqttConfig:
    return MqttConfig.model_validate(harness.options(folder) | more)


def refuse(connection: Connection, message: Any) -> None:
    raise KeyError("what a malformed packet might make the library raise")


async def test_whatever_is_raised_while_reading_ends_the_connection(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    connection = Connection(config(harness, tmp_path), refuse)
    assert await connection.open() is False
    await connection.subscribe([("plant/+", 1)])
    harness.publish("plant/T-1", "{}")
    async with asyncio.timeout(5):
        assert "KeyError" in await connection.closed
    await harness.stop()


async def test_the_session_of_an_earlier_connection_is_found_again(tmp_path: Path) -> None:
    harness = Harness()
    await harness.start()
    for known in (False, True):
        connection = Connection(config(harness, tmp_path), lambda c, m: None)
        assert await connection.open() is known
        connection.close()
        async with asyncio.timeout(5):
            while harness.connections:
                await asyncio.sleep(0.005)
    await harness.stop()


async def test_a_port_that_is_shut_is_told_at_once(tmp_path: Path) -> None:
    harness = Harness(port=1)
    connection = Connection(config(harness, tmp_path), lambda c, m: None)
    with pytest.raises(DriverError, match=r"127\.0\.0\.1:1 cannot be reached"):
        await connection.open()


async def test_a_broker_that_says_nothing_is_told_after_the_timeout(tmp_path: Path) -> None:
    taken: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: taken.append(writer), "127.0.0.1", 0)
    harness = Harness(port=server.sockets[0].getsockname()[1])
    connection = Connection(config(harness, tmp_path, timeout=0.2), lambda c, m: None)
    with pytest.raises(DriverError, match="does not answer"):
        await connection.open()
    connection.close()
    server.close()
    taken[0].transport.abort()
