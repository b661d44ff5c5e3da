"""A picture by its content, never by its name: what it is, how large, and its bytes without what no picture needs.

PNG and JPEG lose their texts, places of taking and whatever hangs behind their end; SVG is written anew (`svg.py`).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from anlan.model.drawings import Media
from anlan.model.errors import InputError
from anlan.plant.drawings.svg import clean_svg

MOST_BYTES = 8 * 2**20
MOST_PIXELS = 40_000_000
"""A browser needs four bytes for each."""
PNG = b"\x89PNG\r\n\x1a\n"
KEPT_CHUNKS = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sRGB", b"pHYs"})
JPEG = b"\xff\xd8\xff"
KEPT_SEGMENTS = frozenset({0xE0, 0xEE, 0xDB, 0xC4, 0xDD, 0xC0, 0xC1, 0xC2})
"""JFIF, Adobe's colour transform, tables, and frames that browsers show; comments and EXIF are left out."""
FRAMES = frozenset({0xC0, 0xC1, 0xC2})
SCAN, END = 0xDA, 0xD9


@dataclass(frozen=True, slots=True)
class Picture:
    """`removed`: what an SVG file lost, name → how often."""

    media: Media
    width: float
    height: float
    content: bytes
    removed: dict[str, int] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()


def read_picture(data: bytes) -> Picture:
    """Raises InputError that says what was found and what would be right."""
    if len(data) > MOST_BYTES:
        raise InputError("the drawing has {found} bytes; at most {most} are taken", found=len(data), most=MOST_BYTES)
    if data.startswith(PNG):
        return _sized("image/png", *_png(data))
    if data.startswith(JPEG):
        return _sized("image/jpeg", *_jpeg(data))
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        cleaned = clean_svg(data)
        return Picture("image/svg+xml", cleaned.width, cleaned.height, cleaned.content, cleaned.removed)
    raise InputError("the file is no drawing that can be shown: SVG, PNG or JPEG was expected, by its content")


def _sized(media: Media, width: int, height: int, content: bytes) -> Picture:
    if not width or not height or width * height > MOST_PIXELS:
        raise InputError(
            "the drawing has {width} × {height} pixels; at most {most} are taken", width=width, height=height, most=MOST_PIXELS
        )
    return Picture(media, width, height, content)


def _broken(kind: str) -> InputError:
    return InputError("the {kind} file is damaged or cut off: save it anew", kind=kind)


def _png(data: bytes) -> tuple[int, int, bytes]:
    kept = [PNG]
    size = (0, 0)
    for kind, body, whole in _chunks(data):
        if kind == b"IHDR" and len(body) == 13:
            size = struct.unpack(">II", body[:8])
        if kind in KEPT_CHUNKS:
            kept.append(whole)
        if kind == b"IEND":
            return size[0], size[1], b"".join(kept)
    raise _broken("PNG")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    at = len(PNG)
    while at + 12 <= len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        whole = data[at : at + 12 + length]
        kind, body = whole[4:8], whole[8 : 8 + length]
        if len(whole) < 12 + length or zlib.crc32(kind + body) != struct.unpack(">I", whole[-4:])[0]:
            raise _broken("PNG")
        yield kind, body, whole
        at += 12 + length


def _jpeg(data: bytes) -> tuple[int, int, bytes]:
    kept, at, size = [data[:2]], 2, (0, 0)
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker, (length,) = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])
        segment = data[at : at + 2 + length]
        if length < 2 or len(segment) < 2 + length:
            break
        if marker in FRAMES and len(segment) >= 9:
            size = struct.unpack(">HH", segment[5:9])
        if marker in KEPT_SEGMENTS or marker == SCAN:
            kept.append(segment)
        at += 2 + length
        if marker == SCAN:
            scanned = _scan(data, at)
            kept.append(data[at:scanned])
            at = scanned
            if data[at : at + 2] == bytes((0xFF, END)):
                return size[1], size[0], b"".join([*kept, data[at : at + 2]])
    raise _broken("JPEG")


def _scan(data: bytes, at: int) -> int:
    """Where the coded picture ends: at the next marker that is neither a stuffed byte nor a restart."""
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] != 0 and not 0xD0 <= data[at + 1] <= 0xD7:
            return at
        at += 2
    raise _broken("JPEG")
