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
from typing import TYPE_CHECKING, Any, BinaryIO

import google_crc32c
import numpy as np
import numpy.typing as npt
import orjson

from anlan.model.errors import AnlanError, Corrupt, StoreError
from anlan.monitor.commands import Result
from anlan.monitor.compile import EngineConfig, arrays_of
from anlan.monitor.late import Pending
from anlan.monitor.layout import STATUS, aligned
from anlan.monitor.point_modes import PointModes
from anlan.monitor.timers import Timers
from anlan.store.durable import sync

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine

MAGIC = b"ANLAN-S3"
KEPT = 2
_HEAD = struct.Struct("<8sII")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the state at `frame`, taken in a few milliseconds; checksums and writing can happen elsewhere meanwhile."""

    frame: int
    header: dict[str, Any]
    blobs: dict[str, bytes]

    @classmethod
    def take(cls, engine: Engine) -> Snapshot:
        world = engine.world
        # Most rules have never stood, and theirs would be the largest part of the copy.
        moved = np.flatnonzero(world.status.view(np.int64).reshape(-1, STATUS.itemsize // 8).any(axis=1)).astype(np.uint32)
        blobs = {
            "config": engine.config_body,
            "points": world.points.tobytes(),
            "known": world.known.tobytes(),
            "moved": moved.tobytes(),
            "status": world.status[moved].tobytes(),
            "sources": world.sources.tobytes(),
            "calculated_at": world.programs["at"].tobytes(),
            "cells": world.cells.tobytes(),
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
            "timers": engine.timers.as_json(),
            "late": engine.late.as_json(),
            "modes": engine.modes.as_json(),
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


def unpack(file: BinaryIO) -> Engine:
    """Read straight into the arrays, so that a large plant's state is in memory once. Raises Corrupt, saying which part doesn't match."""
    from anlan.monitor.engine import LEDGER, Engine

    header = _header(file)
    described = header["blobs"]
    config = _blob(file, "config", described["config"])
    arrays = arrays_of(EngineConfig.from_bytes(config, ids=False))
    points, rules = len(arrays.points), len(arrays.rules)
    known, moved = np.zeros(points, np.int64), np.zeros(described["moved"]["bytes"] // 4, np.uint32)
    of_moved = np.zeros(len(moved), STATUS)
    calculated_at = np.zeros(len(arrays.calculated.programs), np.int64)
    ledger = np.zeros((described["ledger"]["bytes"] // (8 * len(LEDGER)), len(LEDGER)), np.int64)
    into = {
        "points": arrays.points, "known": known, "moved": moved, "status": of_moved, "sources": arrays.sources,
        "calculated_at": calculated_at, "cells": arrays.calculated.cells, "ledger": ledger,
    }  # fmt: skip
    for name, array in into.items():
        _read_into(file, name, described[name], array)
    if moved.max(initial=0) >= max(rules, 1):
        raise Corrupt("snapshot: it speaks of rule {row}; its configuration has {rules}", row=int(moved.max()), rules=rules)
    status = aligned(rules, STATUS)
    status[moved] = of_moved
    arrays.calculated.programs["at"] = calculated_at
    engine = Engine()
    engine.frame, engine.next_n, engine.incarnation = header["frame"], header["next_n"], header["incarnation"]
    engine.config_version, engine.config_body = header["config_version"], config
    engine.time.u, engine.time.wall, engine.time.newest = header["u"], header["wall"], header["newest"]
    engine.answers = {fields["id"]: Result.from_json(fields) for fields in header["answers"]}
    engine.retired = {int(number): int(episode) for number, episode in header["retired"]}
    engine.timers = Timers.from_json(header["timers"])
    if "late" in header:  # an earlier release knew of none
        engine.late = Pending.from_json(header["late"])
    engine.ledger = ledger
    engine.lay_out(arrays, status, known)
    engine.modes = PointModes.from_json(header.get("modes", {}), engine.world)
    return engine


def _header(file: BinaryIO) -> dict[str, Any]:
    head = file.read(_HEAD.size)
    if len(head) < _HEAD.size:
        raise Corrupt("snapshot has {bytes} bytes; more were expected", bytes=len(head))
    magic, length, crc = _HEAD.unpack(head)
    text = file.read(length) if magic == MAGIC else b""
    if magic != MAGIC or _crc(text) != crc:
        raise Corrupt("snapshot: the header does not match its checksum")
    header: dict[str, Any] = orjson.loads(text)
    return header


def _read_into(file: BinaryIO, name: str, described: dict[str, int], array: npt.NDArray[Any]) -> None:
    """Fill `array` from the file, checking as it comes."""
    if described["bytes"] != array.nbytes:
        raise Corrupt(
            "snapshot: {name} has {found} bytes; its configuration has {bytes}",
            name=name,
            found=described["bytes"],
            bytes=array.nbytes,
        )
    flat, crc = array.reshape(-1).view(np.uint8), 0
    for start in range(0, len(flat), _PIECE):
        piece = file.read(min(_PIECE, len(flat) - start))
        if len(piece) < min(_PIECE, len(flat) - start):
            raise Corrupt("snapshot: {name} is cut short", name=name)
        flat[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
        crc = google_crc32c.extend(crc, piece)
    _match(name, crc, described["crc"])


def _blob(file: BinaryIO, name: str, described: dict[str, int]) -> bytes:
    blob = file.read(described["bytes"])
    _match(name, _crc(blob), described["crc"])
    return blob


def _match(name: str, found: int, expected: int) -> None:
    if found != expected:
        raise Corrupt("snapshot: {name} does not match its checksum", name=name)


def _crc(data: bytes) -> int:
    return int(google_crc32c.value(data))


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
                with path.open("rb") as file:
                    return unpack(file)
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
