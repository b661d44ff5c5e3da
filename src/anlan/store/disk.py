"""The file system as the log uses it, in one place, so that a test can put a failing one in its stead.

`vfs` names the SQLite VFS that segments are opened with; empty is SQLite's own.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from anlan.model.errors import StoreError

LOCK = "lock"


class Disk:
    """All methods raise OSError. Nothing that failed to sync is synced again on the same descriptor."""

    def __init__(self, vfs: str = "") -> None:
        self.vfs = vfs

    def names(self, folder: Path) -> list[str]:
        return os.listdir(folder)  # noqa: PTH208 - names are wanted, not paths

    def size(self, path: Path) -> int:
        """0 for a file that is not there. [B]"""
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def free(self, folder: Path) -> int:
        """What is left for us on the disk of `folder`. [B]"""
        space = os.statvfs(folder)
        return space.f_bavail * space.f_frsize

    def unlink(self, path: Path) -> None:
        """Gone already is well."""
        path.unlink(missing_ok=True)

    def rename(self, path: Path, to: Path) -> None:
        path.rename(to)

    def sync_folder(self, folder: Path) -> None:
        """Names made or removed in `folder` are durable on return."""
        _sync(folder)

    def write_whole(self, path: Path, content: bytes) -> None:
        """The file has all of `content`, durably, or is as it was before."""
        fresh = path.with_name(path.name + ".new")
        with fresh.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        self.rename(fresh, path)
        self.sync_folder(path.parent)

    def allocate(self, path: Path, size: int) -> None:
        """A file of `size` bytes whose blocks nobody else can take; without room none is left behind."""
        if self.size(path) == size:
            return
        try:
            with path.open("wb") as file:
                if size:
                    os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            path.unlink(missing_ok=True)
            raise


class FolderLock:
    """Held by the one process that writes in a folder; the operating system lets go of it when that process dies."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path) -> FolderLock:
        """Raises StoreError when another process has it."""
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            raise StoreError("Another process is writing in {folder}: {why}.", folder=str(folder), why=str(error)) from error
        return cls(descriptor)

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
