"""What a file system promises only when asked: bytes and names that survive a power cut."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on the disk. Raises OSError; never retry it on the same descriptor."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_all(paths: Iterable[Path]) -> None:
    for path in paths:
        sync(path)


def renew(path: Path) -> None:
    """Write the file anew, whole or not at all, durable on return; its time stays.

    Syncing what a dead process wrote would not do: if a sync of that process failed, the system has forgotten that the bytes were
    never written and would report success.
    """
    time = path.stat().st_mtime_ns
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(path.read_bytes())
        file.flush()
        os.fsync(file.fileno())
    os.utime(fresh, ns=(time, time))
    fresh.rename(path)
    sync(path.parent)
