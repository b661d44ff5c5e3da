"""MQTT control packets as a broker sees them, 3.1.1 (OASIS 2014) and 5 (OASIS 2019). Pure: bytes in, packets out, no socket.

Only the simulator's broker uses this; the driver speaks through paho-mqtt, so that each checks the other.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum


class Type(IntEnum):
    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


SESSION_EXPIRY, RECEIVE_MAXIMUM, ASSIGNED_CLIENT = 0x11, 0x21, 0x12
_BYTE = {0x01, 0x17, 0x19, 0x24, 0x25, 0x28, 0x29, 0x2A}
_TWO = {0x13, 0x21, 0x22, 0x23}
_FOUR = {0x02, 0x11, 0x18, 0x27}
_TEXT = {0x03, 0x08, 0x09, 0x12, 0x15, 0x16, 0x1A, 0x1C, 0x1F}


class Malformed(Exception):
    """Bytes that no version of the protocol allows; the broker closes the connection."""


@dataclass(frozen=True, slots=True)
class NeedMore:
    """The buffer ends before the packet does."""


@dataclass(frozen=True, slots=True)
class Packet:
    type: Type
    flags: int
    body: bytes
    used: int


@dataclass(slots=True)
class Connect:
    version: int
    client: str
    clean: bool
    keep_alive: int
    username: str | None = None
    password: bytes | None = None
    will: Message | None = None
    properties: dict[int, int | str | bytes] = field(default_factory=dict)


@dataclass(slots=True)
class Message:
    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    packet_id: int = 0
    dup: bool = False


class Cursor:
    """Reads the fields of a body from left to right; running out of bytes is Malformed."""

    def __init__(self, body: bytes) -> None:
        self._body, self._at = body, 0

    @property
    def rest(self) -> bytes:
        return self._body[self._at :]

    def take(self, count: int) -> bytes:
        piece = self._body[self._at : self._at + count]
        if len(piece) < count:
            raise Malformed(f"{count} bytes expected, {len(piece)} left")
        self._at += count
        return piece

    def byte(self) -> int:
        return self.take(1)[0]

    def two(self) -> int:
        return int.from_bytes(self.take(2), "big")

    def binary(self) -> bytes:
        return self.take(self.two())

    def text(self) -> str:
        try:
            return self.binary().decode()
        except UnicodeDecodeError as bad:
            raise Malformed(str(bad)) from bad

    def varint(self) -> int:
        value, shift = 0, 0
        while shift < 28:
            digit = self.byte()
            value |= (digit & 0x7F) << shift
            if digit < 0x80:
                return value
            shift += 7
        raise Malformed("a length of more than four bytes")

    def properties(self) -> dict[int, int | str | bytes]:
        inner = Cursor(self.take(self.varint()))
        found: dict[int, int | str | bytes] = {}
        while inner.rest:
            found |= inner._property()
        return found

    def _property(self) -> dict[int, int | str | bytes]:
        name = self.varint()
        if name in _BYTE:
            return {name: self.byte()}
        if name in _TWO:
            return {name: self.two()}
        if name in _FOUR:
            return {name: int.from_bytes(self.take(4), "big")}
        if name == 0x0B:
            return {name: self.varint()}
        if name == 0x26:
            return {name: f"{self.text()}={self.text()}"}
        if name in _TEXT:
            return {name: self.binary()}
        raise Malformed(f"property {name:#x} does not exist")


def decode(buffer: bytes) -> NeedMore | Packet:
    """The first packet of `buffer`; raises Malformed."""
    cursor = Cursor(buffer)
    try:
        head = cursor.byte()
        length = cursor.varint()
    except Malformed:
        if len(buffer) < 5:
            return NeedMore()
        raise
    used = len(buffer) - len(cursor.rest) + length
    if len(buffer) < used:
        return NeedMore()
    if head >> 4 == 0:
        raise Malformed("packet type 0")
    return Packet(Type(head >> 4), head & 15, buffer[used - length : used], used)


def connect(body: bytes) -> Connect:
    """The fields of a CONNECT packet."""
    cursor = Cursor(body)
    name, version, flags, keep_alive = cursor.text(), cursor.byte(), cursor.byte(), cursor.two()
    if name != "MQTT" or version not in {4, 5}:
        raise Malformed(f"protocol {name!r} version {version}")
    properties = cursor.properties() if version == 5 else {}
    found = Connect(version, cursor.text(), bool(flags & 2), keep_alive, properties=properties)
    if flags & 4:
        if version == 5:
            cursor.properties()
        found.will = Message(cursor.text(), cursor.binary(), flags >> 3 & 3, bool(flags & 32))
    if flags & 128:
        found.username = cursor.text()
    if flags & 64:
        found.password = cursor.binary()
    return found


def published(packet: Packet, version: int) -> Message:
    """The message of a PUBLISH packet."""
    cursor = Cursor(packet.body)
    qos = packet.flags >> 1 & 3
    topic = cursor.text()
    number = cursor.two() if qos else 0
    if version == 5:
        cursor.properties()
    return Message(topic, cursor.rest, qos, bool(packet.flags & 1), number, bool(packet.flags & 8))


def subscriptions(body: bytes, version: int) -> tuple[int, list[tuple[str, int]]]:
    """(packet id, [(filter, requested QoS)]) of a SUBSCRIBE packet."""
    cursor = Cursor(body)
    number = cursor.two()
    if version == 5:
        cursor.properties()
    wanted = []
    while cursor.rest:
        wanted.append((cursor.text(), cursor.byte() & 3))
    return number, wanted


def unsubscriptions(body: bytes, version: int) -> tuple[int, list[str]]:
    cursor = Cursor(body)
    number = cursor.two()
    if version == 5:
        cursor.properties()
    wanted = []
    while cursor.rest:
        wanted.append(cursor.text())
    return number, wanted


def frame(kind: Type, body: bytes = b"", flags: int = 0) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (0x80 if length else 0))
        if not length:
            return bytes([kind << 4 | flags]) + bytes(digits) + body


def connack(version: int, present: bool, reason: int, assigned: str = "") -> bytes:
    body = bytes([present, reason])
    if version == 5:
        name = assigned.encode()
        extra = bytes([ASSIGNED_CLIENT]) + struct.pack(">H", len(name)) + name if name else b""
        body += bytes([len(extra)]) + extra
    return frame(Type.CONNACK, body)


def publish(message: Message, version: int) -> bytes:
    topic = message.topic.encode()
    body = struct.pack(">H", len(topic)) + topic
    if message.qos:
        body += struct.pack(">H", message.packet_id)
    if version == 5:
        body += b"\0"
    return frame(Type.PUBLISH, body + message.payload, message.dup << 3 | message.qos << 1 | message.retain)


def reply(kind: Type, packet_id: int) -> bytes:
    """PUBACK, PUBREC, PUBREL, PUBCOMP: success in both versions."""
    return frame(kind, struct.pack(">H", packet_id), 2 if kind is Type.PUBREL else 0)


def suback(packet_id: int, granted: list[int], version: int, kind: Type = Type.SUBACK) -> bytes:
    body = struct.pack(">H", packet_id) + (b"\0" if version == 5 else b"")
    return frame(kind, body + (b"" if kind is Type.UNSUBACK and version == 4 else bytes(granted)))


def matches(filter: str, topic: str) -> bool:
    """Whether `topic` falls under `filter` with its + and # (3.1.1, 4.7): wildcards never match a leading $."""
    wanted, given = filter.split("/"), topic.split("/")
    if given[0].startswith("$") and wanted[0] in {"+", "#"}:
        return False
    for i, part in enumerate(wanted):
        if part == "#":
            return True
        if i >= len(given) or part not in {"+", given[i]}:
            return False
    return len(wanted) == len(given)
