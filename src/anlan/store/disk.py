"""What the log asks of the operating system beyond SQLite: the one seam through which a test makes a disk fail, fill up or lose power."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from anlan.model.errors import StoreError

LOCK = "lock"
_KEEP_SIZE = 1
"""FALLOC_FL_KEEP_SIZE of fallocate(2), which Python does not offer."""


class Disk:
    """The real one; all methods raise OSError. `vfs` names the SQLite VFS that segments are opened with ("" is SQLite's own)."""

    vfs = ""

    def free(self, folder: Path) -> int:
        """What may still be written to the disk of `folder`. [B]"""
        state = os.statvfs(folder)
        return state.f_bavail * state.f_frsize

    def names(self, folder: Path) -> list[str]:
        return os.listdir(folder)  # noqa: PTH208 — names are wanted, not paths, many times a second

    def size(self, path: Path) -> int:
        """0 for a file that is not there. [B]"""
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def unlink(self, path: Path) -> None:
        """Gone already is well."""
        path.unlink(missing_ok=True)

    def write_whole(self, path: Path, content: bytes) -> None:
        """The file has all of `content`, durably, or is as it was before."""
        self.write_all({path: content})

    def write_all(self, contents: Mapping[Path, bytes]) -> None:
        """The same of several files of one folder, in this order: all are written before the first takes its place."""
        for path, content in contents.items():
            with _new(path).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path in contents:
            self.rename(_new(path), path)
            self.sync_folder(path.parent)

    def sync_folder(self, folder: Path) -> None:
        """Names made, changed or removed in `folder` are durable on return."""
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def allocate(self, path: Path, size: int) -> None:
        """A file of `size` bytes whose blocks nobody else can take; without room none is left behind."""
        try:
            with path.open("ab") as file:
                if size:
                    os.posix_fallocate(file.fileno(), 0, size)
        except OSError:
            path.unlink(missing_ok=True)
            raise

    def hold(self, path: Path, size: int) -> None:
        """See to `size` bytes of blocks behind the end of a file, which nobody else can take; without room for all, as they were."""
        hold(path, size)

    def held(self, path: Path) -> int:
        """How much may be appended to the file in blocks that it has already. [B]"""
        return held(path)


def hold(path: Path, size: int) -> None:
    """`Disk.hold`, for files that are not the log's. Raises OSError."""
    missing = size - held(path)
    if missing <= 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(path, os.O_RDWR)
    try:
        end = os.fstat(descriptor).st_size
        if libc.fallocate(descriptor, _KEEP_SIZE, ctypes.c_longlong(end), ctypes.c_longlong(size)):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(path))
    finally:
        os.close(descriptor)


def held(path: Path) -> int:
    """`Disk.held`; 0 for a file that is not there."""
    try:
        state = path.stat()
    except FileNotFoundError:
        return 0
    return max(0, state.st_blocks * 512 - state.st_size)


def _new(path: Path) -> Path:
    return path.with_name(path.name + ".new")


class FolderLock:
    """One writer per folder, held by the kernel for as long as the process lives; the file names its holder."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    @classmethod
    def take(cls, folder: Path) -> FolderLock:
        """Raises StoreError, naming the holder, when the folder is taken."""
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            # flock, not lockf: a POSIX lock would let a second Log of this process in, and would go with the first close of the file.
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "?"
            os.close(descriptor)
            message = "The log in {folder} is already being written by process {pid}; stop that one first."
            raise StoreError(message, folder=str(folder), pid=holder) from error
        with contextlib.suppress(OSError):  # a full disk cannot take the name, but the lock is ours
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
