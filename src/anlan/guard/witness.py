"""Witnesses keep what the node has vouched for, out of its own reach: a file elsewhere, or the parent node.

A record that is consistent in itself may still have been cut or written anew as a whole; only who remembers an earlier head can tell.

`FileWitness` appends one line of JSON a head, synced before it counts. A line also carries the hashes of the leaves since the line
before, so that a difference is named by the very leaf:

    {"log": "9f…", "size": 1042, "root": "…", "at": …, "signature": "…", "first": 1031, "leaves": "<base64 of 32 bytes each>"}
"""

from __future__ import annotations

import base64
import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Protocol

import orjson

from anlan.guard.heads import BadHead, Head
from anlan.model.errors import InputError, Unavailable
from anlan.store.durable import sync

HASH = 32


@dataclass(frozen=True, slots=True)
class Handed:
    """What a witness is given: the head, the hashes of leaves `first` … `head.size` (none where it needs none), and the proof that the
    record of `since` leaves, which the witness has seen, grew into this one (empty at the first)."""

    head: Head
    first: int
    leaves: Sequence[bytes]
    since: int = 0
    proof: Sequence[bytes] = ()


@dataclass(slots=True)
class Testimony:
    """All that a witness says. `runs`: (number of the first leaf, hashes) of what it knows by the leaf."""

    where: str
    heads: list[Head] = field(default_factory=list)
    runs: list[tuple[int, bytearray]] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    """Lines that cannot be read: torn by a crash while they were written, or damaged."""


class Witness(Protocol):
    """Calls block, and raise Unavailable when the witness cannot be reached, read or written."""

    @property
    def name(self) -> str:
        """What people know it by."""

    def last(self) -> Head | None:
        """The newest head it holds."""

    def hand(self, handed: Handed) -> None:
        """Durable with the witness on return."""

    def tell(self, difference: dict[str, Any] | None) -> None:
        """What the node's own check has found (`Difference.as_json`), None for nothing; a file has nobody to tell it to."""

    def testimony(self) -> Testimony:
        """All it holds, for naming a difference."""

    def strangers(self) -> list[Testimony]:
        """The newest head of each record that lies with it, is not this node's, and was not told to be another node's: such a one may
        be this node's as it was before record and key were replaced."""


class FileWitness:
    """Lines appended to a file, on a disk that whoever alters the node cannot alter: another machine's share, write-once storage."""

    def __init__(self, path: Path, log: str, others: Sequence[str] = ()) -> None:
        """`others`: logs of other nodes that keep their heads in the same folder."""
        self._path = witness_file(path, log)
        self._folder, self._others = self._path.parent if self._path != path else None, others
        self._strangers: dict[Path, FileWitness] = {}
        self._read_to = 0
        self._inode = 0
        self._last: Head | None = None
        self._reading = threading.Lock()

    @property
    def name(self) -> str:
        return str(self._path)

    def last(self) -> Head | None:
        """Reads only what was added since the last call. The turns that hand over and check may ask at once."""
        with self._reading:
            return self._newest()

    def _newest(self) -> Head | None:
        try:
            state = self._path.stat()
        except FileNotFoundError:
            self._must_have_its_folder()
            self._read_to, self._last = 0, None
            return None
        except OSError as error:
            raise self._unreadable(error) from error
        if state.st_size < self._read_to or state.st_ino != self._inode:
            self._read_to, self._inode, self._last = 0, state.st_ino, None
        new = self._bytes(self._read_to)
        whole = new[: new.rfind(b"\n") + 1]
        for _, head, _ in _lines(whole):
            self._last = head if head is not None else self._last
        self._read_to += len(whole)
        return self._last

    def hand(self, handed: Handed) -> None:
        try:
            self._append(self.line(handed))
        except OSError as error:
            raise Unavailable(
                "the audit record's witness {witness} cannot be written: {why}",
                witness=self.name,
                why=error.strerror or str(error),
            ) from error

    def tell(self, difference: dict[str, Any] | None) -> None:
        """Nobody listens at a file."""

    @staticmethod
    def line(handed: Handed) -> bytes:
        return line_of(handed.head, handed.first, b"".join(handed.leaves))

    def testimony(self) -> Testimony:
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            self._must_have_its_folder()
            content = b""
        except OSError as error:
            raise self._unreadable(error) from error
        return read_testimony(content, self.name)

    def strangers(self) -> list[Testimony]:
        if self._folder is None:
            return []
        found = []
        for file in foreign_files(self._folder, self._path, self._others):
            last = self._strangers.setdefault(file, FileWitness(file, "")).last()
            if last is not None:
                found.append(Testimony(str(file), [last]))
        return found

    def _append(self, line: bytes) -> None:
        made = not self._path.exists()
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o640)
        try:
            size = os.fstat(descriptor).st_size
            if size and os.pread(descriptor, 1, size - 1) != b"\n":
                line = b"\n" + line  # the line before was torn by a crash: it stays, broken, and this one is whole
            written = os.write(descriptor, line)
            if written != len(line):
                raise OSError(28, "no space for a whole line")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if made:
            sync(self._path.parent)

    def _bytes(self, start: int) -> bytes:
        try:
            with self._path.open("rb") as file:
                file.seek(start)
                return file.read()
        except OSError as error:
            raise self._unreadable(error) from error

    def _must_have_its_folder(self) -> None:
        if not self._path.parent.is_dir():
            raise Unavailable(
                "the folder of the audit record's witness {witness} is not there: is it mounted?", witness=self.name
            )

    def _unreadable(self, error: OSError) -> Unavailable:
        return Unavailable(
            "the audit record's witness {witness} cannot be read: {why}", witness=self.name, why=error.strerror or str(error)
        )


def line_of(head: Head, first: int, leaves: bytes) -> bytes:
    return orjson.dumps(head.as_json() | {"first": first, "leaves": base64.b64encode(leaves).decode()}) + b"\n"


def witness_file(path: Path, log: str) -> Path:
    """In a folder each record has a file of its own, named after its log. What isn't there is a file if its name has an ending such as
    `.jsonl`, else the folder that a share is to be mounted on."""
    folder = path.is_dir() or not (path.suffix or path.exists())
    return path / f"audit-{log[:16]}.jsonl" if folder else path


def foreign_files(folder: Path, own: Path, others: Sequence[str]) -> list[Path]:
    """What other records left in a witness folder, without those of the logs `others`. Raises Unavailable."""
    known = {own.name, *(f"audit-{log[:16]}.jsonl" for log in others)}
    try:
        return sorted(file for file in folder.iterdir() if fnmatch(file.name, "audit-*.jsonl") and file.name not in known)
    except OSError as error:
        raise Unavailable(
            "the audit record's witness {witness} cannot be read: {why}", witness=str(folder), why=error.strerror or str(error)
        ) from error


def checked_log(log: str) -> str:
    """Raises InputError."""
    if re.fullmatch("[0-9a-f]{16,64}", log) is None:
        raise InputError("{found} names no audit record: its log, at least 16 hexadecimal digits, was expected", found=log[:80])
    return log


def read_testimony(content: bytes, where: str) -> Testimony:
    """A last line without its end was being written when the node died, and counts for nothing."""
    found = Testimony(where)
    for number, head, run in _lines(content[: content.rfind(b"\n") + 1]):
        if head is None:
            found.broken.append(number)
            continue
        found.heads.append(head)
        if run is not None:
            _add(found.runs, *run)
    return found


def _add(runs: list[tuple[int, bytearray]], first: int, leaves: bytes) -> None:
    """Lines follow each other, so that nearly all of them make one run."""
    if runs and runs[-1][0] + len(runs[-1][1]) // HASH == first:
        runs[-1][1].extend(leaves)
    else:
        runs.append((first, bytearray(leaves)))


def _lines(content: bytes) -> Iterator[tuple[int, Head | None, tuple[int, bytes] | None]]:
    """(line number, head or None for a line that can't be read, its run of leaf hashes)."""
    for number, line in enumerate(content.splitlines(), 1):
        if line.strip():
            yield number, *_line(line)


def _line(line: bytes) -> tuple[Head | None, tuple[int, bytes] | None]:
    try:
        told = orjson.loads(line)
        head = Head.of_json(told)
        leaves = base64.b64decode(told.get("leaves", ""), validate=True)
        first = int(told.get("first", 0))
    except (BadHead, ValueError, TypeError, AttributeError):
        return None, None
    fits = first > 0 and leaves and len(leaves) % HASH == 0 and first - 1 + len(leaves) // HASH == head.size
    return head, (first, leaves) if fits else None
