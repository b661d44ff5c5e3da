"""Messages that could not be read, kept with the reason: a bounded file of JSON lines, so that nothing is thrown away unseen."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from anlan.model.errors import StoreError

MOST = 16 * 2**20
"""Bytes of the file before it becomes `….1` and a new one is begun: two of these are kept."""


@dataclass(frozen=True, slots=True)
class Reject:
    time: int
    topic: str
    reason: str
    payload: str
    """The first 500 bytes, what is not UTF-8 escaped."""


class DeadLetters:
    """`recent` in memory for the sources page; with a path also durable on disk."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.recent: deque[Reject] = deque(maxlen=200)

    def record(self, rejects: Sequence[Reject]) -> None:
        """Durable on return: the messages may be acknowledged. Blocking; StoreError when the disk will not take it."""
        self.recent.extend(rejects)
        if self._path is None or not rejects:
            return
        try:
            self._append(b"".join(orjson.dumps(asdict(r)) + b"\n" for r in rejects))
        except OSError as error:
            raise StoreError(
                "rejected messages cannot be written to {path}: {why}", path=str(self._path), why=str(error)
            ) from error

    def _append(self, lines: bytes) -> None:
        assert self._path is not None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size > MOST:
            self._path.replace(self._path.with_suffix(self._path.suffix + ".1"))
        with self._path.open("ab") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
