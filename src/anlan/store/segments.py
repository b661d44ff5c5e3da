"""Segment files: the log is a row of SQLite databases, each written once, front to back, and forgotten by unlink.

A name is `FIRST-ORDINAL.seg`: the first position it may hold, and a count of all segments ever begun in this folder. A segment's
frames end where the next one's first begins; whatever it holds beyond that was never acknowledged there and was written again.
So a segment that met an error is simply closed and followed by another, and its doubtful end does not count.

Each segment lives in its own WAL: one sync per commit, no checkpoint while it is being written. Most are forgotten before anyone
needs them checkpointed; `seal` turns those that stay into one plain file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import apsw
import google_crc32c

from anlan.store.disk import Disk
from anlan.store.framing import RawFrame

# Measured on ext4, frames of 220 KB: 4 KiB pages 8 M readings/s, 8 KiB 14 M, 16 KiB 17 M, 64 KiB 16 M; smaller frames favour smaller
# pages, because each commit rewrites two.
PAGE_SIZE = 16_384
SPARE = "spare"
SPARE_PAGES = 3  # the schema and two empty tables
_NAME = re.compile(r"(\d{16})-(\d{8})\.seg")
DAMAGE = (apsw.CorruptError, apsw.NotADBError, apsw.SQLError)
"""How SQLite says that a file is not what was written; SQLError: its tables are missing."""
_SCHEMA = """
CREATE TABLE about(one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER, incarnation TEXT, first INTEGER, begun_at INTEGER, known BLOB,
                   carried INTEGER, crc INTEGER);
CREATE TABLE frame(n INTEGER PRIMARY KEY, heads BLOB NOT NULL, known BLOB, bodies BLOB NOT NULL, again BLOB NOT NULL);
"""

# A flipped bit can make a blob a text or nothing; as bytes, its checksum tells.
_READ_ABOUT = "SELECT CAST(incarnation AS BLOB), first, coalesce(CAST(known AS BLOB), x''), carried, crc FROM about"
_READ_FRAMES = (
    "SELECT n, coalesce(CAST(heads AS BLOB), x''), coalesce(CAST(bodies AS BLOB), x'') FROM frame"
    " WHERE n > ? AND n <= ? ORDER BY n"
)
_READ_HEADS = "SELECT n, coalesce(CAST(heads AS BLOB), x'') FROM frame WHERE n > ? ORDER BY n"
_READ_AGAIN = "SELECT coalesce(CAST(again AS BLOB), x'') FROM frame WHERE n = ?"
_READ_KNOWN = "SELECT n - 1, coalesce(CAST(known AS BLOB), x'') FROM frame WHERE known IS NOT NULL ORDER BY n DESC"


@dataclass(frozen=True, slots=True, order=True)
class SegmentFile:
    """A segment by its name; ordered as written."""

    first: int
    ordinal: int
    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / f"{self.first:016d}-{self.ordinal:08d}.seg"

    @property
    def wal(self) -> Path:
        return self.path.with_name(self.path.name + "-wal")

    @property
    def shm(self) -> Path:
        return self.path.with_name(self.path.name + "-shm")

    def size(self, disk: Disk) -> int:
        return disk.size(self.path) + disk.size(self.wal)

    def unlink(self, disk: Disk) -> None:
        # The database first: a WAL without its database is litter that the next start sweeps up, a database without its WAL would
        # look like an empty segment.
        for path in (self.path, self.wal, self.shm):
            disk.unlink(path)


class Span(NamedTuple):
    """The positions first … end that count in this file."""

    first: int
    end: int
    file: SegmentFile


class About(NamedTuple):
    """What a segment says of itself in its first commit. `known` are the sequences known before `first`; `carried` is 1 when that
    commit also brought frame `first` over from the segment before, else 0."""

    incarnation: str
    first: int
    known: bytes
    carried: int

    @property
    def crc(self) -> int:
        text = f"{self.incarnation} {self.first} {self.carried} ".encode()
        value: int = google_crc32c.extend(google_crc32c.value(text), self.known)
        return value


def list_segments(disk: Disk, folder: Path) -> list[SegmentFile]:
    """Oldest first, by names alone."""
    matches = (_NAME.fullmatch(name) for name in disk.names(folder))
    return sorted(SegmentFile(int(m[1]), int(m[2]), folder) for m in matches if m is not None)


def spans(files: Sequence[SegmentFile], last: int) -> list[Span]:
    """Which positions up to `last` count in which file; files that are superseded whole are left out."""
    ends = [file.first - 1 for file in files[1:]] + [last]
    return [Span(file.first, end, file) for file, end in zip(files, ends, strict=False) if end >= file.first]


def wal_bytes(size: int) -> int:
    """About how many bytes a commit of `size` bytes adds to the WAL: its own pages and the two that every commit rewrites."""
    return (size // (PAGE_SIZE - 4) + 3) * (PAGE_SIZE + 24)


def make_spare(disk: Disk, folder: Path) -> None:
    """Prepare the next segment, so that a roll costs the append thread a rename instead of a database's birth."""
    unfinished = folder / f"{SPARE}.new"
    for suffix in ("", "-journal", "-wal", "-shm"):
        disk.unlink(unfinished.with_name(unfinished.name + suffix))
    connection = apsw.Connection(str(unfinished), vfs=disk.vfs or None)
    try:
        connection.execute(f"PRAGMA page_size={PAGE_SIZE}; PRAGMA auto_vacuum=NONE; PRAGMA synchronous=FULL")
        connection.execute("BEGIN;" + _SCHEMA + "COMMIT")
        connection.execute("PRAGMA journal_mode=WAL")
        _must_be_wal(connection)
    finally:
        connection.close()
    disk.rename(unfinished, folder / SPARE)


class Segment:
    """The segment being written: one connection, one thread at a time, no second chance after an error."""

    def __init__(self, file: SegmentFile, connection: apsw.Connection, begun: float) -> None:
        self.file = file
        self.begun = begun
        self.written = 0
        self._connection = connection

    @classmethod
    def begin(
        cls, disk: Disk, file: SegmentFile, about: About, tail: RawFrame | None, *, now: int, begun: float, durable: bool
    ) -> Segment:
        """Open the spare under its new name and commit what it is, with the frame it takes over if there is one. Raises apsw.Error;
        then the file is worth nothing."""
        segment = cls(file, _open_for_writing(disk, file.path, durable), begun)
        try:
            with segment._connection:  # one transaction: a segment that exists without its tail would hide the tail
                segment._introduce(about, tail, now)
        except BaseException:
            segment._connection.close()
            raise
        return segment

    def _introduce(self, about: About, tail: RawFrame | None, now: int) -> None:
        self._connection.execute(
            "INSERT INTO about VALUES(1, 1, ?, ?, ?, ?, ?, ?)", (about.incarnation, about.first, now, *about[2:], about.crc)
        )
        if tail is not None:
            self.append(tail, None)

    def append(self, raw: RawFrame, known: bytes | None) -> None:
        """Durable on return. `known` is now and then a copy of the known sequences, so that a start has little to scan."""
        self._connection.execute("INSERT INTO frame VALUES(?, ?, ?, ?, ?)", (raw.n, raw.heads, known, raw.bodies, raw.heads))
        self.written += wal_bytes(raw.size)

    def close(self) -> None:
        self._connection.close()


def _open_for_writing(disk: Disk, path: Path, durable: bool) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=disk.vfs or None)
    # Closing must never touch the file: after an error it would be the forbidden second try.
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    _must_be_wal(connection)
    connection.wal_autocheckpoint(0)
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'OFF'}; PRAGMA cache_size=-8192")
    return connection


def _must_be_wal(connection: apsw.Connection) -> None:
    """SQLite says nothing when it could not change the mode; a segment without WAL would be slow and unlike the others."""
    if connection.execute("PRAGMA journal_mode").get != "wal":
        raise OSError("SQLite did not enter WAL mode")


class SegmentView:
    """A segment being read, by this process or another. Raises apsw.Error where SQLite finds the file unreadable."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY, vfs=disk.vfs or None)
        self._connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        self._connection.set_busy_timeout(1_000)  # a seal holds the file for moments
        self._connection.execute("PRAGMA cache_size=-4096")

    def about(self) -> About | None:
        """None: begun, but nothing was ever committed. Raises apsw.CorruptError when it is not what was written."""
        rows: list[Any] = self._connection.execute(_READ_ABOUT).fetchall()
        if not rows:
            return None
        name, first, known, carried, crc = rows[0]
        about = About((name or b"").decode("ascii", "replace"), first, known, carried)
        if about.crc != crc:
            raise apsw.CorruptError("what the segment says of itself does not match its checksum")
        return about

    def last(self) -> int | None:
        """The last position committed in this file."""
        value: int | None = self._connection.execute("SELECT max(n) FROM frame").get
        return value

    def frames(self, after: int, upto: int) -> list[RawFrame]:
        rows = self._connection.execute(_READ_FRAMES, (after, upto))
        return [RawFrame(*row) for row in rows]

    def second_heads(self, n: int) -> bytes:
        """The copy of a frame's heads that lies behind its bodies."""
        value: bytes = self._connection.execute(_READ_AGAIN, (n,)).get
        return value

    def copies_of_known(self) -> Iterator[tuple[int, bytes]]:
        """Copies of the known sequences, newest first, each with the position up to which it knows them."""
        return iter(self._connection.execute(_READ_KNOWN))

    def heads(self, after: int) -> Iterator[tuple[int, bytes]]:
        """(n, heads) without touching a body."""
        return iter(self._connection.execute(_READ_HEADS, (after,)))

    def close(self) -> None:
        self._connection.close()


def seal(disk: Disk, file: SegmentFile) -> None:
    """Checkpoint a finished segment into one plain file. Raises apsw.Error; its WAL then still holds everything."""
    connection = apsw.Connection(str(file.path), flags=apsw.SQLITE_OPEN_READWRITE, vfs=disk.vfs or None)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        connection.execute("PRAGMA journal_mode=DELETE")
    finally:
        connection.close()
