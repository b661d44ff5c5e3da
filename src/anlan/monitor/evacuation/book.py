"""The book of evacuation calls: one line for a call and one for its end, appended and synced, beside the records and without them.

    CRC32 as 8 hex digits, blank, JSON, newline

A line that does not match its sum is counted, never guessed at: a call may then stand that nobody sees, and every console says so.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from anlan.model.clock import Micros
from anlan.model.errors import StoreError


@dataclass(frozen=True, slots=True)
class Call:
    """`who`: a person's or, of an unidentified step, a station's id. `by`, `ended_by`: as people read it, {zh, en}. `exercise`: 演练, from the start on."""

    id: str
    at: Micros
    place: str
    reason: str
    exercise: bool
    who: str
    by: Mapping[str, str]
    post: str
    from_where: str
    ended_at: Micros | None = None
    ended_who: str = ""
    ended_by: Mapping[str, str] | None = None
    end_reason: str = ""

    @property
    def stands(self) -> bool:
        return self.ended_at is None


class Book:
    """Blocking. `file` None keeps nothing: for tests of what does not restart."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.damaged = 0

    def read(self) -> dict[str, Call]:
        """All calls, the oldest first, as they stand. Raises StoreError."""
        calls: dict[str, Call] = {}
        for line in self._lines():
            facts = _facts(line)
            if facts is None:
                self.damaged += 1
            elif facts.pop("kind") == "start":
                calls[facts["id"]] = Call(**facts)
            elif facts["id"] in calls:
                calls[facts["id"]] = replace(calls[facts["id"]], **facts)
            else:
                self.damaged += 1  # the end of a call whose line is lost
        return calls

    def start(self, call: Call) -> None:
        """Durable on return. Raises StoreError."""
        facts = {name: value for name, value in asdict(call).items() if not name.startswith("end")}
        self._append({"kind": "start", **facts})

    def end(self, call: Call) -> None:
        """Durable on return. Raises StoreError."""
        facts = {name: value for name, value in asdict(call).items() if name == "id" or name.startswith("end")}
        self._append({"kind": "end", **facts})

    def _lines(self) -> list[bytes]:
        if self._file is None:
            return []
        try:
            return self._file.read_bytes().splitlines()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError("{file} cannot be read: {why}", file=str(self._file), why=error.strerror or str(error)) from error

    def _append(self, facts: dict[str, Any]) -> None:
        if self._file is None:
            return
        body = orjson.dumps(facts)
        try:
            descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                # A line that a dead process left unfinished must not take this one with it.
                size = os.fstat(descriptor).st_size
                torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
                line = (b"\n" if torn else b"") + b"%08x %b\n" % (zlib.crc32(body), body)
                if os.write(descriptor, line) != len(line):
                    raise OSError("a write was cut short")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError("{file} cannot be written: {why}", file=str(self._file), why=error.strerror or str(error)) from error


def _facts(line: bytes) -> dict[str, Any] | None:
    sum, _, body = line.partition(b" ")
    if sum != b"%08x" % zlib.crc32(body):
        return None
    found: dict[str, Any] = orjson.loads(body)
    return found
