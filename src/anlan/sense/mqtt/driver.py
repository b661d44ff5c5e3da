"""The MQTT driver: messages become readings, and each is acknowledged (QoS 1) only when its readings are durable.

What a broker sends again after a cut is recognised: within this process by its packet number and content, after a restart of ours
by the core, which knows the (point, time, value) it has, if the message carries the device's own time.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar

import paho.mqtt.client as paho
import structlog

from anlan.model.clock import Clock
from anlan.model.errors import DriverError, StoreError
from anlan.model.quality import Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.sense.backoff import Backoff
from anlan.sense.driver import DriverConfig, LinkState, Show, Sink, Tag
from anlan.sense.mqtt.address import Address, parse
from anlan.sense.mqtt.config import MqttConfig
from anlan.sense.mqtt.connection import Connection, refusal
from anlan.sense.mqtt.dead_letters import DeadLetters, Reject
from anlan.sense.mqtt.template import Mapped, Row, Template, matching

log = structlog.get_logger(__name__)

BATCH = 2000
"""Messages made durable together."""
NOT_A_NUMBER = quality(Severity.BAD, Reason.NOT_A_NUMBER)
NOT_SUBSCRIBED = quality(Severity.BAD, Reason.CONFIGURATION)


@dataclass(slots=True)
class Taken:
    """A message of QoS 1 that we have: where to acknowledge it, and whether we may."""

    number: int
    content: int
    connection: Connection
    durable: bool = False


@dataclass(slots=True)
class Arrived:
    topic: str
    payload: bytes
    again: bool
    received_at: int
    taken: Taken | None


class MqttDriver:
    """MQTT 3.1.1 and 5: JSON messages by templates, acknowledged by hand once they are durable."""

    API: ClassVar[int] = 1
    KEEPS_UNACKNOWLEDGED: ClassVar[bool] = True
    Config: ClassVar[type[DriverConfig]] = MqttConfig

    def __init__(self, config: MqttConfig, tags: Sequence[Tag], sink: Sink, clock: Clock) -> None:
        self.counters: Counter[str] = Counter()
        self._config, self._sink, self._clock = config, sink, clock
        self._templates = [Template(topic) for topic in config.topics]
        self._filters = list({t.filter: t.config.qos for t in self._templates}.items())
        self._tags: dict[str, list[Tag]] = {}
        for tag in tags:
            self._tags.setdefault(tag.address.key, []).append(tag)
        folder = config.folder / "rejects" / f"{config.client_id}.jsonl" if config.folder is not None else None
        self.dead_letters = DeadLetters(folder)
        self._backoff = Backoff(config.reconnect, config.reconnect_most)
        self._queue: deque[Arrived] = deque()
        self._arrived = asyncio.Event()
        self._taken: dict[int, Taken] = {}
        self._connection: Connection | None = None

    @classmethod
    def parse(cls, address: str, point: dict[str, Any]) -> Address:
        return parse(address, point.get("states"))

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._settle())
            group.create_task(self._connect())

    async def _connect(self) -> None:
        while True:
            try:
                await self._one_connection()
            except DriverError as lost:
                self.counters["link_losses"] += 1
                await self._sink.link(LinkState.DOWN, str(lost))
            await asyncio.sleep(self._backoff.delay())

    async def _one_connection(self) -> None:
        """From connecting to the loss, which raises DriverError."""
        connection = Connection(self._config, self._arrive)
        try:
            if not await connection.open():
                # A new session numbers its messages anew: what we know of the old numbers means nothing any more.
                self._taken.clear()
            self._connection = connection
            refused = await connection.subscribe(self._filters)
            if len(refused) == len(self._filters):
                raise refusal(refused)
            self._backoff.reset()
            backoff = Backoff(self._config.reconnect, self._config.reconnect_most)
            again = self._clock.monotonic() + backoff.delay()
            await self._note_refused(refused)
            while not connection.closed.done():
                await self._sink.link(LinkState.UP)
                await asyncio.wait([connection.closed], timeout=min(1.0, self._config.reconnect_most))
                connection.tick()
                if refused and self._clock.monotonic() >= again and not connection.closed.done():
                    refused = await connection.subscribe([f for f in self._filters if f[0] in refused])
                    again = self._clock.monotonic() + backoff.delay()
                    self.counters["refused_subscriptions"] = len(refused)
            why = await connection.closed
            raise DriverError("{host}:{port} was lost: {why}", host=self._config.host, port=self._config.port, why=why)
        finally:
            connection.close()

    async def _note_refused(self, refused: Mapping[str, str]) -> None:
        """One refused topic does not end the others: the points that only it could bring are bad, and it is asked for again."""
        self.counters["refused_subscriptions"] = len(refused)
        for filter, why in refused.items():
            log.error("subscription refused", host=self._config.host, filter=filter, why=why)
        open_ones = [t for t in self._templates if t.filter not in refused]
        lost = [tag for key, tags in self._tags.items() if not any(t.makes(key) for t in open_ones) for tag in tags]
        if refused and lost:
            now = self._clock.now()
            await self._sink.deliver(Readings.of((tag.number, now, math.nan, NOT_SUBSCRIBED) for tag in lost))

    async def look_past(self, show: Show) -> None:
        """By a second connection, for which the broker keeps nothing: at most so many messages (mosquitto: 20) may be unacknowledged on ours."""
        config = self._config.model_copy(update={"client_id": f"{self._config.client_id}-live", "session_expiry": 0})
        backoff = Backoff(self._config.reconnect, self._config.reconnect_most)
        while True:
            try:
                await self._look_on(config, show)
            except DriverError as lost:
                log.warning("no sight past what is unacknowledged", host=config.host, client_id=config.client_id, why=str(lost))
            await asyncio.sleep(backoff.delay())

    async def _look_on(self, config: MqttConfig, show: Show) -> None:
        """From connecting to the loss, which raises DriverError."""
        came, queue = asyncio.Event(), deque[Arrived](maxlen=config.queue)

        def take(_: Connection, message: paho.MQTTMessage) -> None:
            if not message.retain:  # what the broker kept since some time is not new
                queue.append(Arrived(_topic(message), bytes(message.payload), False, self._clock.now(), None))
                came.set()

        connection = Connection(config, take, clean=True)
        try:
            await connection.open()
            refused = await connection.subscribe([(filter, 0) for filter, _ in self._filters])
            if len(refused) == len(self._filters):
                raise refusal(refused)
            while not connection.closed.done():
                with suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await came.wait()
                came.clear()
                connection.tick()
                rows = [row for _ in range(len(queue)) for row in self._understood(queue.popleft())[1]]
                if rows:
                    await show(Readings.of(rows))
            raise DriverError("the connection ended: {why}", why=connection.closed.result())
        finally:
            connection.close()

    def _arrive(self, connection: Connection, message: paho.MQTTMessage) -> None:
        """Queue one message, or answer at once what we already have. Called from the connection's reading."""
        taken = None
        if message.qos:
            taken = self._known_or_new(connection, message)
            if taken is None:
                return
        elif len(self._queue) >= self._config.queue:
            # QoS 0 promises nothing, and waiting would hold up those that do.
            self.counters["dropped"] += 1
            return
        self.counters["messages"] += 1
        again = bool(message.dup or message.retain)
        topic = _topic(message)
        self._queue.append(Arrived(topic, bytes(message.payload), again, self._clock.now(), taken))
        self._arrived.set()
        if taken is not None and len(self._queue) >= self._config.queue:
            connection.pause()

    def _known_or_new(self, connection: Connection, message: paho.MQTTMessage) -> Taken | None:
        content = hash((_topic(message), bytes(message.payload)))
        known = self._taken.get(message.mid)
        if message.dup and known is not None and known.content == content:
            self.counters["duplicates"] += 1
            known.connection = connection
            if known.durable:
                connection.acknowledge(known.number)
            return None
        self._taken[message.mid] = taken = Taken(message.mid, content, connection)
        return taken

    async def _settle(self) -> None:
        """Make what arrived durable and acknowledge it, in order of arrival, for as long as the driver runs."""
        while True:
            await self._arrived.wait()
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            if not self._queue:
                self._arrived.clear()
            await self._take(batch)
            if self._connection is not None and len(self._queue) <= self._config.queue // 2:
                self._connection.resume()

    async def _take(self, batch: list[Arrived]) -> None:
        rejects: list[Reject] = []
        rows: list[tuple[int, int, float, int]] = []
        again = batch[0].again
        for message in batch:
            if message.again != again:
                await self._sink.deliver(Readings.of(rows), redelivered=again)
                rows, again = [], message.again
            found, read = self._understood(message)
            rows.extend(read)
            rejects.extend(self._rejected(found, message))
        await self._sink.deliver(Readings.of(rows), redelivered=again)
        await self._keep(rejects)
        for message in batch:
            if message.taken is not None:
                message.taken.durable = True
                message.taken.connection.acknowledge(message.taken.number)

    def _understood(self, message: Arrived) -> tuple[Mapped, list[tuple[int, int, float, int]]]:
        """What a message comes to. One that trips a fault of ours is a reject: unacknowledged, it would come again for ever."""
        try:
            found = self._mapped(message)
            return found, self._read(found, message)
        except Exception as bug:
            log.exception("message not understood", topic=message.topic)
            return Mapped(rejects=[f"cannot be read: {bug!r}"]), []

    def _mapped(self, message: Arrived) -> Mapped:
        whole = Mapped()
        for template, captures in matching(self._templates, message.topic):
            found = template.map(captures, message.payload, message.received_at)
            whole.rows += found.rows
            whole.rejects += found.rejects
        return whole

    def _read(self, found: Mapped, message: Arrived) -> list[tuple[int, int, float, int]]:
        rows = []
        for row in found.rows:
            tags = self._tags.get(row.key, [])
            if not tags:
                self.counters["unknown_keys"] += 1
            for tag in tags:
                try:
                    rows.append(self._row(tag, row, message.received_at))
                except ValueError:
                    found.rejects.append(f"{row.key}: {row.value!r} is neither a number nor a known word")
        return rows

    @staticmethod
    def _row(tag: Tag, row: Row, received_at: int) -> tuple[int, int, float, int]:
        value = tag.address.valued(row.value)
        word = row.quality if not math.isnan(value) or row.quality >> 14 == Severity.BAD else NOT_A_NUMBER
        return tag.number, received_at if row.time is None else row.time, value, word

    def _rejected(self, found: Mapped, message: Arrived) -> list[Reject]:
        text = message.payload[:500].decode("utf-8", "backslashreplace")
        return [Reject(message.received_at, message.topic, why, text) for why in found.rejects]

    async def _keep(self, rejects: list[Reject]) -> None:
        """Rejects are recorded before their messages are acknowledged; a full disk makes us wait, as a full log does."""
        if not rejects:
            return
        self.counters["rejected"] += len(rejects)
        log.warning("messages rejected", count=len(rejects), topic=rejects[0].topic, reason=rejects[0].reason)
        backoff = Backoff()
        while True:
            try:
                await asyncio.to_thread(self.dead_letters.record, rejects)
                return
            except StoreError as full:
                log.error("rejects not recorded", why=str(full))
            await asyncio.sleep(backoff.delay())


def _topic(message: paho.MQTTMessage) -> str:
    """The topic; one that is not UTF-8, which MQTT forbids, is shown escaped and matches no template."""
    try:
        return message.topic
    except UnicodeDecodeError:
        return message._topic.decode("utf-8", "backslashreplace")
