"""A broker listened to for some seconds: which topics speak, and what numbers stand in their last message.

It listens under a client id of its own and with a clean session: nothing is left behind at the broker, and no running source loses its place.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import paho.mqtt.client as paho

from anlan.model.errors import DriverError, InputError
from anlan.sense.looking.reach import reach
from anlan.sense.looking.requests import MqttListen, NotReached
from anlan.sense.mqtt.config import MqttConfig, TlsConfig
from anlan.sense.mqtt.connection import Connection, refusal
from anlan.sense.mqtt.paths import shown
from anlan.sense.mqtt.template import TopicConfig

MOST_TOPICS = 300
MOST_FIELDS = 60
SHOWN_BYTES = 400
LARGEST = 64 * 2**10
"""Bytes of a message that are looked into."""
TIMES = {"time", "ts", "timestamp", "t", "datetime", "date"}


@dataclass(slots=True)
class _Topic:
    payload: bytes = b""
    messages: int = 0
    retained: bool = False


async def listen(look: MqttListen) -> dict[str, Any]:
    """`items`: topics by name, each with its last message, its fields (JSON path → value) and which of them look like its time."""
    await reach(look.host, look.port)
    topics: dict[str, _Topic] = {}
    missed = 0

    def take(_: Connection, message: paho.MQTTMessage) -> None:
        nonlocal missed
        if message.topic not in topics and len(topics) >= MOST_TOPICS:
            missed += 1
            return
        topic = topics.setdefault(message.topic, _Topic())
        topic.payload, topic.messages = bytes(message.payload[:LARGEST]), topic.messages + 1
        topic.retained = topic.retained or bool(message.retain)

    connection = Connection(_config(look), take, clean=True, password=look.password)
    try:
        await connection.open()
        refused = await connection.subscribe([(look.filter, 0)])
        if refused:
            raise refusal(refused)
        await asyncio.wait([connection.closed], timeout=look.seconds)
        if connection.closed.done():
            raise NotReached("the broker ended the connection: {why}", why=connection.closed.result())
    except DriverError as failed:
        raise NotReached(failed.message, **failed.facts) from failed
    finally:
        connection.close()
    return {"items": [_row(name, topics[name]) for name in sorted(topics)], "left_out": missed, "seconds": look.seconds}


def _config(look: MqttListen) -> MqttConfig:
    try:
        topic = TopicConfig(filter=look.filter, point="x")
    except ValueError as wrong:
        raise InputError(
            "the topic filter {filter} is none: + stands alone between slashes, # alone and last", filter=look.filter
        ) from wrong
    return MqttConfig(
        host=look.host, port=look.port, version=look.version, client_id=f"anlan-look-{secrets.token_hex(4)}", username=look.username,
        tls=TlsConfig() if look.tls else None, topics=(topic,), session_expiry=0,
    )  # fmt: skip


def _row(name: str, topic: _Topic) -> dict[str, Any]:
    row: dict[str, Any] = {"topic": name, "messages": topic.messages, "retained": topic.retained, "fields": [], "times": []}
    row["payload"] = topic.payload[:SHOWN_BYTES].decode("utf-8", "replace")
    try:
        document = orjson.loads(topic.payload)
    except ValueError:
        return row | {"json": False}
    for steps, value in _leaves(document, ()):
        if len(row["fields"]) >= MOST_FIELDS:
            break
        row["fields"].append({"path": shown(steps), "value": value})
        if steps and str(steps[-1]).casefold() in TIMES:
            row["times"].append(shown(steps))
    return row | {"json": True}


def _leaves(document: Any, steps: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Numbers, truths and short words with the path to each; names that a path cannot hold are left out, and so is what lies very deep."""
    if len(steps) > 6:
        return
    if isinstance(document, dict):
        for key, value in document.items():
            if key and not set(key) & set(".[]'\" "):
                yield from _leaves(value, (*steps, key))
    elif isinstance(document, list):
        for number, value in enumerate(document[:20]):
            yield from _leaves(value, (*steps, number))
    elif isinstance(document, bool | int | float) or (isinstance(document, str) and len(document) <= 60):
        yield steps, document
