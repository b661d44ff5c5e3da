"""Steps whose leaf could not be written, because the disk of the records is full or fails: kept, in order, until it can be.

The file's room is taken when the node starts, so that nothing need be allocated to write into it. One entry: length, CRC32, JSON.

    header (32 B): magic, offset of the first waiting entry, number of steps that found no room here
    entries from there on; a length of 0 ends them

A step that finds no room here either is counted, and the count becomes a leaf of its own: the step itself then stands in alarms.db alone.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from dataclasses import asdict
from pathlib import Path

import orjson
import structlog

from anlan.guard.audit import Step
from anlan.model.errors import Corrupt, StoreError
from anlan.store.disk import Disk

SIZE = 4 << 20
"""Room for some ten thousand steps."""
MAGIC = b"anlanAW1"
_HEADER = struct.Struct("<8sQQ8x")
_ENTRY = struct.Struct("<II")
_END = bytes(_ENTRY.size)

log = structlog.get_logger()


class Spool:
    """Thread-safe. `keep` is durable on return."""

    def __init__(self, descriptor: int, size: int, first: int, uncounted: int) -> None:
        self._descriptor, self._size = descriptor, size
        self._first, self._uncounted = first, uncounted
        self._lock = threading.Lock()
        self._waiting: list[tuple[Step, int]] = []
        """Each with the offset behind it."""
        self._damaged = 0
        self.restored = 0

    @classmethod
    def open(cls, file: Path, size: int = SIZE) -> Spool:
        """Raises StoreError: without its room the node would have nowhere to write when the disk is full."""
        try:
            if not file.exists():
                Disk().write_whole(file, _HEADER.pack(MAGIC, _HEADER.size, 0).ljust(size, b"\0"))
                file.chmod(0o600)
            descriptor = os.open(file, os.O_RDWR)
        except OSError as error:
            raise StoreError(
                "the room for waiting audit steps, {file}, cannot be made: {why}", file=str(file), why=str(error)
            ) from error
        content = os.pread(descriptor, max(size, file.stat().st_size), 0)
        if len(content) < _HEADER.size or content[:8] != MAGIC:
            os.close(descriptor)
            raise Corrupt(
                "{file} holds no waiting audit steps: its header is wrong; move it away and start again", file=str(file)
            )
        _, first, uncounted = _HEADER.unpack_from(content)
        spool = cls(descriptor, len(content), first, uncounted)
        spool._read(content)
        spool.restored = len(spool)
        return spool

    def close(self) -> None:
        os.close(self._descriptor)

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def not_kept(self) -> int:
        """Steps that are neither in the record nor here."""
        return self._uncounted + self._damaged

    def keep(self, step: Step) -> None:
        """Raises StoreError when there is no room left; it is then counted."""
        body = orjson.dumps(asdict(step))
        entry = _ENTRY.pack(len(body), zlib.crc32(body)) + body
        with self._lock:
            start = self._waiting[-1][1] if self._waiting else self._first
            if start + len(entry) + len(_END) > self._size:
                self._uncounted += 1
                self._write(0, _HEADER.pack(MAGIC, self._first, self._uncounted))
                raise StoreError("the room for waiting audit steps is full; {count} steps are not kept", count=self._uncounted)
            self._write(start, entry + _END)
            self._waiting.append((step, start + len(entry)))

    def waiting(self) -> list[Step]:
        """In the order in which they were taken."""
        with self._lock:
            return [step for step, _ in self._waiting]

    def written(self, count: int, uncounted: int) -> None:
        """The first `count` are in the record now, and so is the number of those that were not kept. Raises StoreError."""
        with self._lock:
            behind = self._waiting[count - 1][1] if count else self._first
            left = self._waiting[count:]
            if not left:
                behind = _HEADER.size
                self._write(behind, _END)  # before the header: else an old entry there would count as waiting again
            self._first, self._waiting = behind, left
            self.restored = max(0, self.restored - count)
            self._uncounted = max(0, self._uncounted + self._damaged - uncounted)
            self._damaged = 0
            self._write(0, _HEADER.pack(MAGIC, self._first, self._uncounted))

    def _read(self, content: bytes) -> None:
        at = self._first
        while at + _ENTRY.size <= len(content):
            length, crc = _ENTRY.unpack_from(content, at)
            body = content[at + _ENTRY.size : at + _ENTRY.size + length]
            if not length:
                return
            if len(body) != length or zlib.crc32(body) != crc:
                # Torn while it was written: nobody was told that it is kept. Anything else is damage, and is said.
                self._damaged = 1
                log.error("a waiting audit step is damaged", offset=at)
                return
            at += _ENTRY.size + length
            self._waiting.append((Step(**orjson.loads(body)), at))

    def _write(self, offset: int, data: bytes) -> None:
        try:
            if os.pwrite(self._descriptor, data, offset) != len(data):
                raise OSError("a write was cut short")
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise StoreError("a waiting audit step could not be kept: {why}", why=error.strerror or str(error)) from error
