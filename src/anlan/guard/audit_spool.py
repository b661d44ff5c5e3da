"""Steps whose leaf could not be written, because the disk of the records is full or fails: kept, in order, until it can be.

The file's room is taken when the node starts, so that nothing need be allocated to write into it. One entry: length, CRC32, JSON. Its JSON
begins with the entry's number, which rises for ever: what is in the record is forgotten by number, and what a damage costs is the gap.

    header (32 B): magic, offset of the first waiting entry, number of steps that found no room here, number of the last one forgotten
    entries from there on; a length and CRC of 0 end them

A step that finds no room here either is counted, and the count becomes a leaf of its own: the step itself then stands in alarms.db alone.
"""

from __future__ import annotations

import os
import re
import struct
import threading
import zlib
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import orjson
import structlog

from anlan.guard.audit import Kept, Step
from anlan.model.errors import Corrupt, StoreError
from anlan.store.disk import Disk

SIZE = 4 << 20
"""Room for some ten thousand steps."""
MAGIC = b"anlanAW1"
_HEADER = struct.Struct("<8sQQQ")
_ENTRY = struct.Struct("<II")
_END = bytes(_ENTRY.size)
_BODY = re.compile(rb'\{"(?:number|at)":')
"""How an entry's JSON begins; before there were numbers, with its time."""

log = structlog.get_logger()


class Spool:
    """Thread-safe. `keep` is durable on return."""

    def __init__(self, descriptor: int, size: int, header: tuple[int, int, int]) -> None:
        self.turn = threading.Lock()
        self._descriptor, self._size = descriptor, size
        self._first, self._uncounted, self._forgotten = header
        self._lock = threading.Lock()
        self._waiting: list[tuple[Kept, int]] = []
        """Each with its offset."""
        self._end = self._first
        self._number = self._forgotten
        self._damaged = 0
        self._unforgotten = False
        """The file still holds steps that are in the record: it could not be written."""
        self._unsaid = False
        """The header doesn't have the count yet."""

    @classmethod
    def open(cls, file: Path, size: int = SIZE) -> Spool:
        """Raises StoreError: without its room the node would have nowhere to write when the disk is full."""
        try:
            if not file.exists():
                Disk().write_whole(file, _HEADER.pack(MAGIC, _HEADER.size, 0, 0).ljust(size, b"\0"))
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
        _, *header = _HEADER.unpack_from(content)
        spool = cls(descriptor, len(content), (header[0], header[1], header[2]))
        spool._read(content)
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
        """Raises StoreError when there is no room left or the disk refuses; it is then counted."""
        with self._lock:
            if self._unforgotten:
                with suppress(StoreError):
                    self._forget()
            number, start = self._number + 1, self._end
            body = orjson.dumps({"number": number, **asdict(step)})
            entry = _ENTRY.pack(len(body), zlib.crc32(body)) + body
            if start + len(entry) + len(_END) > self._size:
                self._count_one()
                raise StoreError("the room for waiting audit steps is full; {count} steps are not kept", count=self._uncounted)
            try:
                self._write(start, entry + _END)
            except StoreError:
                self._count_one()
                with suppress(StoreError):
                    self._write(start, _END)  # it counts as lost: it must not come back as well
                raise
            self._number, self._end = number, start + len(entry)
            self._waiting.append((Kept(number, step), start))
            if self._unsaid:
                self._say_count()

    def waiting(self) -> list[Kept]:
        """In the order in which they were taken."""
        with self._lock:
            return [kept for kept, _ in self._waiting]

    def written(self, number: int, not_kept: int) -> None:
        """Those up to `number` are in the record now, and so is how many were not kept. They wait no more, even where this raises
        StoreError because the file still has them: who opens it later finds them in the record."""
        with self._lock:
            self._waiting = [one for one in self._waiting if one[0].number > number]
            self._forgotten = max(self._forgotten, number)
            self._uncounted = max(0, self._uncounted + self._damaged - not_kept)
            self._damaged = 0
            self._forget()

    def _forget(self) -> None:
        self._unforgotten = True
        first = self._waiting[0][1] if self._waiting else _HEADER.size
        self._write(0, _HEADER.pack(MAGIC, first, self._uncounted, self._forgotten))
        self._first = first
        if not self._waiting:
            self._write(first, _END)
            self._end = first
        self._unforgotten = False

    def _count_one(self) -> None:
        self._uncounted += 1
        self._say_count()

    def _say_count(self) -> None:
        self._unsaid = True
        with suppress(StoreError):
            self._write(0, _HEADER.pack(MAGIC, self._first, self._uncounted, self._forgotten))
            self._unsaid = False

    def _read(self, content: bytes) -> None:
        """Every whole entry that is not forgotten yet, wherever it stands: a damaged one before it hides nothing."""
        for match in _BODY.finditer(content, _HEADER.size):
            start = match.start() - _ENTRY.size
            if start < _HEADER.size or (self._waiting and start < self._end):
                continue
            body = _body(content, start)
            if body is None:
                continue
            facts = orjson.loads(body)
            number = facts.pop("number", self._number + 1 if start == self._end else 0)
            if number <= self._number:
                continue
            self._damaged += number - self._number - 1
            self._number, self._end = number, start + _ENTRY.size + len(body)
            self._waiting.append((Kept(number, Step(**facts), restored=True), start))
        if self._damaged:
            log.error("waiting audit steps are damaged", count=self._damaged)
        if content[self._end : self._end + len(_END)] not in {_END, b""} and _body(content, self._end) is None:
            # Torn while it was written: nobody was told that it is kept. Anything else is damage. The next step is written over it.
            log.error("the last waiting audit step is damaged", offset=self._end)
            self._count_one()
            with suppress(StoreError):
                self._write(self._end, _END)

    def _write(self, offset: int, data: bytes) -> None:
        try:
            if os.pwrite(self._descriptor, data, offset) != len(data):
                raise OSError("a write was cut short")
            os.fdatasync(self._descriptor)
        except OSError as error:
            raise StoreError("a waiting audit step could not be kept: {why}", why=error.strerror or str(error)) from error


def _body(content: bytes, start: int) -> bytes | None:
    """Of the entry there; None where none is whole."""
    if start + _ENTRY.size > len(content):
        return None
    length, crc = _ENTRY.unpack_from(content, start)
    body = content[start + _ENTRY.size : start + _ENTRY.size + length]
    return body if length and len(body) == length and zlib.crc32(body) == crc else None
