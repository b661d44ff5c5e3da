"""The engine's state as bytes, and the folder that keeps the last two of them through any crash.

A snapshot is complete in itself: it holds the configuration it was taken under, and goes on identically. Recovery reads the newest
whole one and steps the frames after it, so `needs` (what the log must keep) is the frame of the last durable snapshot.

    magic 8 B | length of header u32 | CRC32C of header u32 | header (JSON) | blobs one after the other, each with its CRC32C in the header

Nothing in it is executable; damage anywhere is found by a checksum and the snapshot before it is used.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import google_crc32c
import numpy as np
import orjson

from anlan.model.errors import AnlanError, Corrupt, StoreError
from anlan.monitor.commands import Result
from anlan.monitor.compile import EngineConfig, arrays_of
from anlan.monitor.layout import POINT, SOURCE, STATUS, aligned
from anlan.store.durable import sync

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine

MAGIC = b"ANLAN-S1"
KEPT = 2
_HEAD = struct.Struct("<8sII")
_DTYPES: dict[str, Any] = {
    "points": POINT,
    "status": STATUS,
    "sources": SOURCE,
    "known": np.dtype("<i8"),
    "ledger": np.dtype("<i8"),
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the state at `frame`, taken in a few milliseconds; checksums and writing can happen elsewhere meanwhile."""

    frame: int
    header: dict[str, Any]
    blobs: dict[str, bytes]

    @classmethod
    def take(cls, engine: Engine) -> Snapshot:
        world = engine.world
        blobs = {
            "config": engine.config_body,
            "points": world.points.tobytes(),
            "known": world.known.tobytes(),
            "status": world.status.tobytes(),
            "sources": world.sources.tobytes(),
            "ledger": engine.ledger.tobytes(),
        }
        header = {
            "frame": engine.frame,
            "incarnation": engine.incarnation,
            "config_version": engine.config_version,
            "u": engine.time.u,
            "wall": engine.time.wall,
            "newest": engine.time.newest,
            "next_n": engine.next_n,
            "answers": [answer.as_json() for answer in engine.answers.values()],
            "retired": list(engine.retired.items()),
        }
        return cls(engine.frame, header, blobs)

    def chunks(self) -> Iterator[bytes]:
        """The file, piece by piece."""
        described = {name: {"bytes": len(blob), "crc": _crc(blob)} for name, blob in self.blobs.items()}
        header = orjson.dumps({**self.header, "blobs": described})
        yield _HEAD.pack(MAGIC, len(header), _crc(header))
        yield header
        yield from self.blobs.values()


def pack(engine: Engine) -> Iterator[bytes]:
    return Snapshot.take(engine).chunks()


def unpack(data: bytes | memoryview) -> Engine:
    """Raises Corrupt, saying which part does not match."""
    header, blobs = _split(memoryview(data))
    from anlan.monitor.engine import LEDGER, Engine

    engine = Engine()
    arrays = arrays_of(EngineConfig.from_bytes(blobs["config"]))
    columns = {name: _array(name, blobs[name]) for name in _DTYPES}
    expected = {
        "points": len(arrays.points),
        "known": len(arrays.points),
        "status": len(arrays.rules),
        "sources": len(arrays.sources),
    }
    for name, rows in expected.items():
        if len(columns[name]) != rows:
            raise Corrupt(
                "snapshot: {name} has {found} rows; its configuration has {rows}", name=name, found=len(columns[name]), rows=rows
            )
    arrays.points[:] = columns["points"]
    arrays.sources[:] = columns["sources"]
    engine.frame, engine.next_n, engine.incarnation = header["frame"], header["next_n"], header["incarnation"]
    engine.config_version, engine.config_body = header["config_version"], bytes(blobs["config"])
    engine.time.u, engine.time.wall, engine.time.newest = header["u"], header["wall"], header["newest"]
    engine.answers = {fields["id"]: Result.from_json(fields) for fields in header["answers"]}
    engine.retired = {int(number): int(episode) for number, episode in header["retired"]}
    engine.ledger = columns["ledger"].reshape(-1, len(LEDGER))
    engine.lay_out(arrays, columns["status"], columns["known"])
    return engine


def _split(data: memoryview) -> tuple[dict[str, Any], dict[str, memoryview]]:
    if len(data) < _HEAD.size:
        raise Corrupt("snapshot has {bytes} bytes; more were expected", bytes=len(data))
    magic, length, crc = _HEAD.unpack(data[: _HEAD.size])
    text = bytes(data[_HEAD.size : _HEAD.size + length])
    if magic != MAGIC or _crc(text) != crc:
        raise Corrupt("snapshot: the header does not match its checksum")
    header = orjson.loads(text)
    blobs, start = {}, _HEAD.size + length
    for name, described in header["blobs"].items():
        blobs[name] = data[start : start + described["bytes"]]
        start += described["bytes"]
        if len(blobs[name]) != described["bytes"] or _crc(bytes(blobs[name])) != described["crc"]:
            raise Corrupt("snapshot: {name} does not match its checksum", name=name)
    return header, blobs


def _array(name: str, blob: memoryview) -> Any:
    found = np.frombuffer(blob, _DTYPES[name])
    fresh = aligned(len(found), _DTYPES[name])
    fresh[:] = found
    return fresh


def _crc(data: bytes) -> int:
    value: int = google_crc32c.value(data)
    return value


class Snapshots:
    """A folder of numbered snapshots; the last two are kept, so a damaged newest one falls back to the one before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.passed_over: list[str] = []
        """Snapshots that `newest` could not use, in words."""

    def write(self, snapshot: Snapshot) -> Path:
        """Durable on return. Raises StoreError; a half-written file is never taken for a snapshot."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"snapshot-{self._serial() + 1:012d}.bin"
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                file.writelines(snapshot.chunks())
                file.flush()
                os.fsync(file.fileno())
            fresh.rename(path)
            sync(self._folder)
            self._forget()
        except OSError as error:
            raise StoreError(
                "snapshot in {folder} could not be written: {error}", folder=str(self._folder), error=str(error)
            ) from error
        return path

    def newest(self) -> Engine | None:
        """The engine of the newest whole snapshot; None when there is none. Why others were passed over is in `passed_over`."""
        self.passed_over = []
        for path in reversed(self._paths()):
            try:
                return unpack(path.read_bytes())
            except (AnlanError, OSError, KeyError, ValueError, TypeError) as error:
                self.passed_over.append(f"{path.name}: {error}")
        return None

    def _paths(self) -> list[Path]:
        return sorted(self._folder.glob("snapshot-*.bin"))

    def _serial(self) -> int:
        paths = self._paths()
        return int(paths[-1].stem.rpartition("-")[2]) if paths else 0

    def _forget(self) -> None:
        for path in self._paths()[:-KEPT]:
            path.unlink()
