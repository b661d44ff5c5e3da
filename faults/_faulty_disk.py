"""A disk whose n-th call fails: SQLite's calls by a VFS of our own, the log's other calls by a `Disk`."""

from __future__ import annotations

import errno
import itertools
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from anlan.store.disk import Disk

_CODES = {
    "xOpen": apsw.SQLITE_CANTOPEN,
    "xRead": apsw.SQLITE_IOERR_READ,
    "xWrite": apsw.SQLITE_IOERR_WRITE,
    "xSync": apsw.SQLITE_IOERR_FSYNC,
    "xTruncate": apsw.SQLITE_IOERR_TRUNCATE,
    "xFileSize": apsw.SQLITE_IOERR_FSTAT,
    "xDelete": apsw.SQLITE_IOERR_DELETE,
    "xAccess": apsw.SQLITE_IOERR_ACCESS,
    "xLock": apsw.SQLITE_IOERR_LOCK,
}
_CHANGES = {"xWrite", "xSync", "xTruncate"}
_names = itertools.count(1)


class FaultyDisk(Disk):
    """Calls are numbered from 0 in the order made; those for which `fails` says so raise an I/O error instead of being made.

    `hits` counts the injected errors by call; `touched_again` lists writes and syncs on a segment's handle after one of its writes
    or syncs had failed, which the log must never do.
    """

    def __init__(self, fails: Callable[[int], bool] = lambda index: False) -> None:
        self.fails = fails
        self.calls = 0
        self.hits: Counter[str] = Counter()
        self.touched_again: list[str] = []
        self.vfs = f"faulty-{next(_names)}"
        self._registered = _Vfs(self, self.vfs)

    def due(self, call: str) -> bool:
        """Count this call; whether it is to fail."""
        index, self.calls = self.calls, self.calls + 1
        failing = self.fails(index)
        if failing:
            self.hits[call] += 1
        return failing

    def _check(self, call: str) -> None:
        if self.due(call):
            raise OSError(errno.EIO, f"injected: {call}")

    def free(self, folder: Path) -> int:
        self._check("free")
        return super().free(folder)

    def names(self, folder: Path) -> list[str]:
        self._check("names")
        return super().names(folder)

    def size(self, path: Path) -> int:
        self._check("size")
        return super().size(path)

    def rename(self, old: Path, new: Path) -> None:
        self._check("rename")
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        self._check("unlink")
        super().unlink(path)

    def write_whole(self, path: Path, content: bytes) -> None:
        self._check("write_whole")
        super().write_whole(path, content)

    def sync_folder(self, folder: Path) -> None:
        self._check("sync_folder")
        super().sync_folder(folder)

    def allocate(self, path: Path, size: int) -> None:
        self._check("allocate")
        super().allocate(path, size)


class _Vfs(apsw.VFS):
    def __init__(self, disk: FaultyDisk, name: str) -> None:
        self._disk = disk
        super().__init__(name, "unix")

    def _check(self, call: str) -> None:
        if self._disk.due(call):
            raise apsw.exception_for(_CODES[call])

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: N802
        self._check("xOpen")
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        self._check("xDelete")
        super().xDelete(filename, syncdir)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        self._check("xAccess")
        return super().xAccess(pathname, flags)

    def excepthook(self, *error: Any) -> None:
        """An injected error that SQLite has no way to report is none of ours to print."""


class _File(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        self._name = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name)).name
        self._spoilt = False
        super().__init__("unix", name, flags)

    def _check(self, call: str) -> None:
        if call in _CHANGES and self._spoilt and ".seg" in self._name:
            self._disk.touched_again.append(f"{call} {self._name}")
        if self._disk.due(call):
            self._spoilt = self._spoilt or call in _CHANGES
            if call in _CHANGES and ".seg-wal" in self._name:
                self._disk.hits["commit"] += 1
            raise apsw.exception_for(_CODES[call])

    def excepthook(self, *error: Any) -> None:
        """As above."""

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        self._check("xRead")
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._check("xWrite")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._check("xSync")
        super().xSync(flags)

    def xTruncate(self, size: int) -> None:  # noqa: N802
        self._check("xTruncate")
        super().xTruncate(size)

    def xFileSize(self) -> int:  # noqa: N802
        self._check("xFileSize")
        return super().xFileSize()

    def xLock(self, level: int) -> None:  # noqa: N802
        self._check("xLock")
        super().xLock(level)
