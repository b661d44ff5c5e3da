"""The protocol, pure: bytes in, messages out. No socket, no clock.

A request is `READ name…\\n`; its answer one line `name value time_µs` for each name, then an empty line.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NeedMore:
    """The buffer ends before the message does."""


@dataclass(frozen=True, slots=True)
class Frame:
    used: int
    values: dict[str, tuple[float, int]]
    """Name → (value, µs UTC)."""


@dataclass(frozen=True, slots=True)
class Garbage:
    why: str


MOST = 65_536
"""Bytes after which an answer that does not end is garbage."""


def request(names: list[str]) -> bytes:
    return f"READ {' '.join(names)}\n".encode()


def decode(buffer: bytes) -> NeedMore | Frame | Garbage:
    """The first answer in `buffer`."""
    end = buffer.find(b"\n\n")
    if end < 0:
        return NeedMore() if len(buffer) < MOST else Garbage(f"no end of an answer in {len(buffer)} bytes")
    try:
        lines = [line.split() for line in buffer[:end].decode("ascii").splitlines()]
        return Frame(end + 2, {name: (float(value), int(time)) for name, value, time in lines})
    except ValueError as error:
        return Garbage(str(error))
