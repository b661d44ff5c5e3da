"""How a frame becomes bytes: a table of part heads, checked by CRC32C, and the bodies behind one another.

The heads are kept apart from the bodies so that a start can learn which sequence numbers are known without reading a body, and are
kept twice so that a damaged frame still says exactly which (source, epoch, seq) are gone. The position n goes into every checksum:
a good frame in the wrong place is a bad frame.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import google_crc32c

from anlan.model.errors import Corrupt, StoreError
from anlan.model.frames import Frame, Kind, Part

FORMAT = 1
_MAGIC = b"ANLF"
_FRAME = struct.Struct("<4sHHQI")  # magic, format, zero, n, number of parts; a CRC32C of all heads follows
_PART = struct.Struct(
    "<B3xIqqqII"
)  # kind, source, epoch, first_seq, received_at, rows, length; CRC32C of these and the body follows
_CRC = struct.Struct("<I")
_PART_STRIDE = _PART.size + _CRC.size
_HEADS_START = _FRAME.size + _CRC.size


class PartHead(NamedTuple):
    """All of a part but its body."""

    kind: int
    source: int
    epoch: int
    first_seq: int
    received_at: int
    rows: int
    length: int
    crc: int


class RawFrame(NamedTuple):
    """A frame as its segment keeps it."""

    n: int
    heads: bytes
    bodies: bytes

    @property
    def size(self) -> int:
        return 2 * len(self.heads) + len(self.bodies)


def encode(n: int, parts: Sequence[Part]) -> RawFrame:
    """The bytes of frame `n`; the body of a lone part is taken over without copying."""
    table = b"".join([_encode_head(n, part) for part in parts])
    start = _FRAME.pack(_MAGIC, FORMAT, 0, n, len(parts))
    crc = google_crc32c.extend(google_crc32c.value(start), table)
    bodies = parts[0].body if len(parts) == 1 else b"".join([part.body for part in parts])
    return RawFrame(n, start + _CRC.pack(crc) + table, bodies)


def _encode_head(n: int, part: Part) -> bytes:
    body = part.body
    head = _PART.pack(part.kind, part.source, part.epoch, part.first_seq, part.received_at, part.rows, len(body))
    return head + _CRC.pack(_part_crc(n, head, body))


def _part_crc(n: int, head: bytes, body: bytes) -> int:
    crc: int = google_crc32c.extend(google_crc32c.value(n.to_bytes(8, "little") + head), body)
    return crc


def decode_heads(n: int, heads: bytes) -> list[PartHead]:
    """The part heads of frame `n`. Raises Corrupt when they are not what was written, StoreError when a later release wrote them."""
    if len(heads) < _HEADS_START:
        raise Corrupt("Frame {n} of the log is damaged: its heads are cut short.", n=n)
    magic, version, _, written_n, count = _FRAME.unpack_from(heads)
    if _heads_crc(heads) != _CRC.unpack_from(heads, _FRAME.size)[0] or magic != _MAGIC or written_n != n:
        raise Corrupt("Frame {n} of the log is damaged: the checksum of its heads does not match.", n=n)
    if version != FORMAT:
        raise StoreError(
            "Frame {n} of the log has format {found}; this release reads format {known}.", n=n, found=version, known=FORMAT
        )
    if len(heads) != _HEADS_START + count * _PART_STRIDE:
        raise Corrupt("Frame {n} of the log is damaged: its heads are cut short.", n=n)
    return [_decode_head(heads, offset) for offset in range(_HEADS_START, len(heads), _PART_STRIDE)]


def _heads_crc(heads: bytes) -> int:
    crc: int = google_crc32c.extend(google_crc32c.value(heads[: _FRAME.size]), heads[_HEADS_START:])
    return crc


def _decode_head(heads: bytes, offset: int) -> PartHead:
    return PartHead(*_PART.unpack_from(heads, offset), *_CRC.unpack_from(heads, offset + _PART.size))


def decode(n: int, heads: Sequence[PartHead], bodies: bytes) -> tuple[Frame, list[PartHead]]:
    """Frame `n` made of the parts whose checksums hold, and the heads of those that do not."""
    parts: list[Part] = []
    damaged: list[PartHead] = []
    for head, body in _bodies(heads, bodies):
        if _crc_of(n, head, body) == head.crc:
            parts.append(Part(Kind(head.kind), head.source, head.epoch, head.first_seq, head.received_at, head.rows, body))
        else:
            damaged.append(head)
    return Frame(n, tuple(parts)), damaged


def _bodies(heads: Sequence[PartHead], bodies: bytes) -> Iterator[tuple[PartHead, bytes]]:
    if len(heads) == 1:
        yield heads[0], bodies
        return
    start = 0
    for head in heads:
        yield head, bodies[start : start + head.length]
        start += head.length


def _crc_of(n: int, head: PartHead, body: bytes) -> int:
    return _part_crc(n, _PART.pack(*head[:-1]), body)
