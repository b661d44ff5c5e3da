"""A small MQTT broker (3.1.1 and 5) for tests and demo plants: persistent sessions, QoS 1 with resend, wills, retained messages.

Sessions outlive a stop, as in a broker with persistence on disk. Every packet a client sends is recorded, and `on_acknowledged`
hears which messages the client took responsibility for: what a ledger needs to prove that nothing was acknowledged too early.
"""

from __future__ import annotations

import asyncio
import ssl
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from anlan.sense.mqtt import packets
from anlan.sense.mqtt.packets import Connect, Malformed, Message, NeedMore, Packet, Type
from anlan.sense.recording import Recording

NOT_AUTHORISED = {4: 5, 5: 0x87}
REFUSED = 0x80


@dataclass(slots=True)
class Session:
    """What the broker remembers of a client, connected or not."""

    client: str
    subscriptions: dict[str, int] = field(default_factory=dict)
    waiting: deque[Message] = field(default_factory=deque)
    unacknowledged: dict[int, Message] = field(default_factory=dict)
    received: set[int] = field(default_factory=set)
    persistent: bool = False
    next_id: int = 0
    connection: _Connection | None = None

    def number(self) -> int:
        while True:
            self.next_id = self.next_id % 65_535 + 1
            if self.next_id not in self.unacknowledged:
                return self.next_id


class MqttBroker:
    """`await start()`, then `.port` and `publish(topic, payload)`; `stop()` cuts every client, `start()` opens the same port."""

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        users: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        most_unacknowledged: int = 20,
        queue: int = 100_000,
    ) -> None:
        self.host, self.port = host, port
        self.recording = Recording()
        self.sessions: dict[str, Session] = {}
        self.retained: dict[str, Message] = {}
        self.forbidden: set[str] = set()
        """Filters that no client may subscribe to."""
        self.dropped = 0
        """Messages thrown away because a session's queue was full."""
        self.on_acknowledged: Callable[[str, Message], None] | None = None
        self.on_published: Callable[[Message], None] | None = None
        self._users, self._tls = users, tls
        self._most_unacknowledged, self._queue = most_unacknowledged, queue
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self.host, self.port, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and cut every client without a goodbye; sessions and retained messages stay. Idempotent."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for connection in list(self._connections):
            connection.cut()
        await server.wait_closed()
        await asyncio.sleep(0)

    kill = stop

    def forget(self) -> None:
        """Lose all sessions and retained messages, as a broker without persistence does when it dies."""
        self.sessions.clear()
        self.retained.clear()

    def publish(self, topic: str, payload: Any, qos: int = 1, retain: bool = False) -> None:
        """Hand a message to all subscribers; anything but bytes and str is written as JSON."""
        data = payload if isinstance(payload, bytes) else payload.encode() if isinstance(payload, str) else orjson.dumps(payload)
        self.route(Message(topic, data, qos, retain))

    def route(self, message: Message) -> None:
        if self.on_published is not None:
            self.on_published(message)
        if message.retain:
            self.retained[message.topic] = message
        for session in self.sessions.values():
            granted = [qos for filter, qos in session.subscriptions.items() if packets.matches(filter, message.topic)]
            if granted:
                self.queue(session, replace(message, qos=min(message.qos, max(granted)), retain=False, dup=False))

    def queue(self, session: Session, message: Message) -> None:
        if message.qos == 0:
            if session.connection is not None:
                session.connection.send(packets.publish(message, session.connection.version))
        elif len(session.waiting) >= self._queue:
            self.dropped += 1
        else:
            session.waiting.append(message)
            self.drain(session)

    def drain(self, session: Session) -> None:
        """Send waiting messages while the client's receive maximum allows."""
        connection = session.connection
        while connection is not None and session.waiting and len(session.unacknowledged) < connection.receive_maximum:
            message = replace(session.waiting.popleft(), packet_id=session.number())
            session.unacknowledged[message.packet_id] = message
            connection.send(packets.publish(message, connection.version))

    def admit(self, connection: _Connection, asked: Connect) -> Session | None:
        """The session of a CONNECT, answered; None when refused."""
        if self._users is not None and self._users.get(asked.username or "") != (asked.password or b"").decode():
            connection.send(packets.connack(asked.version, False, NOT_AUTHORISED[asked.version]))
            return None
        client = asked.client or f"auto-{uuid.uuid4().hex}"
        session = self.sessions.get(client)
        if session is not None and session.connection is not None:
            session.connection.cut()
        present = session is not None and not asked.clean
        if session is None or asked.clean:
            session = self.sessions[client] = Session(client)
        expiry = asked.properties.get(packets.SESSION_EXPIRY, 0)
        session.persistent = bool(expiry) if asked.version == 5 else not asked.clean
        session.connection = connection
        connection.send(packets.connack(asked.version, present, 0, "" if asked.client else client))
        return session

    def resume(self, session: Session) -> None:
        """Send again what was not acknowledged, marked DUP, before anything new (3.1.1, 4.4)."""
        assert session.connection is not None
        for message in list(session.unacknowledged.values()):
            session.connection.send(packets.publish(replace(message, dup=True), session.connection.version))
        self.drain(session)

    def acknowledged(self, session: Session, packet_id: int) -> None:
        message = session.unacknowledged.pop(packet_id, None)
        if message is not None and self.on_acknowledged is not None:
            self.on_acknowledged(session.client, message)
        self.drain(session)

    def left(self, connection: _Connection) -> None:
        """A connection ended: its will is sent unless it said goodbye, its session kept if it is to persist."""
        self._connections.discard(connection)
        session = connection.session
        if session is None or session.connection is not connection:
            return
        session.connection = None
        if not session.persistent:
            self.sessions.pop(session.client, None)
        if connection.will is not None:
            self.route(connection.will)

    def joined(self, connection: _Connection) -> None:
        self._connections.add(connection)

    def receive_maximum(self, asked: Connect) -> int:
        limit = int(asked.properties.get(packets.RECEIVE_MAXIMUM, 65_535))
        return min(limit, self._most_unacknowledged) if asked.version == 4 else limit


class _Connection(asyncio.Protocol):
    """One client's socket: finds packets in the bytes and answers them."""

    def __init__(self, broker: MqttBroker) -> None:
        self._broker = broker
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._keep_alive = 0
        self.version = 4
        self.receive_maximum = 20
        self.session: Session | None = None
        self.will: Message | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._broker.joined(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._broker.left(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        try:
            while not isinstance(packet := packets.decode(self._buffer), NeedMore):
                self._buffer = self._buffer[packet.used :]
                self._answer(packet)
        except Malformed as bad:
            self._broker.recording.note("malformed", str(bad))
            self.cut()
        self._watch()

    def send(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def cut(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._keep_alive:
            self._timer = asyncio.get_running_loop().call_later(1.5 * self._keep_alive, self.cut)

    def _answer(self, packet: Packet) -> None:
        self._broker.recording.note(packet.type.name)
        if packet.type is Type.CONNECT:
            self._connect(packets.connect(packet.body))
        elif self.session is None:
            raise Malformed(f"{packet.type.name} before CONNECT")
        else:
            self._serve(packet, self.session)

    def _connect(self, asked: Connect) -> None:
        self.version, self._keep_alive = asked.version, asked.keep_alive
        self.receive_maximum = self._broker.receive_maximum(asked)
        self.session = self._broker.admit(self, asked)
        if self.session is None:
            if self._transport is not None:
                self._transport.close()
            return
        self.will = asked.will
        self._broker.resume(self.session)

    def _serve(self, packet: Packet, session: Session) -> None:
        match packet.type:
            case Type.PUBLISH:
                self._published(packets.published(packet, self.version), session)
            case Type.PUBACK:
                self._broker.acknowledged(session, packets.Cursor(packet.body).two())
            case Type.PUBREL:
                number = packets.Cursor(packet.body).two()
                session.received.discard(number)
                self.send(packets.reply(Type.PUBCOMP, number))
            case Type.SUBSCRIBE:
                self._subscribe(packet, session)
            case Type.UNSUBSCRIBE:
                number, filters = packets.unsubscriptions(packet.body, self.version)
                for filter in filters:
                    session.subscriptions.pop(filter, None)
                self.send(packets.suback(number, [0] * len(filters), self.version, Type.UNSUBACK))
            case Type.PINGREQ:
                self.send(packets.frame(Type.PINGRESP))
            case Type.DISCONNECT:
                self.will = None
                if self._transport is not None:
                    self._transport.close()
            case _:
                raise Malformed(f"{packet.type.name} is not for a broker")

    def _published(self, message: Message, session: Session) -> None:
        if message.qos < 2 or message.packet_id not in session.received:
            self._broker.route(message)
        if message.qos == 1:
            self.send(packets.reply(Type.PUBACK, message.packet_id))
        elif message.qos == 2:
            session.received.add(message.packet_id)
            self.send(packets.reply(Type.PUBREC, message.packet_id))

    def _subscribe(self, packet: Packet, session: Session) -> None:
        number, wanted = packets.subscriptions(packet.body, self.version)
        granted = [REFUSED if filter in self._broker.forbidden else min(qos, 1) for filter, qos in wanted]
        wanted = [one for one, code in zip(wanted, granted, strict=True) if code != REFUSED]
        session.subscriptions |= {filter: min(qos, 1) for filter, qos in wanted}
        self.send(packets.suback(number, granted, self.version))
        for message in list(self._broker.retained.values()):
            if any(packets.matches(filter, message.topic) for filter, _ in wanted):
                self._broker.queue(session, replace(message, qos=min(message.qos, 1)))
