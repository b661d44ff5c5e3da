"""A disk that remembers what was only in its cache: every state that a power cut could leave behind can be laid out as files.

Rules, those of POSIX and no better: what a file holds for certain is what was in it at its last sync; of the writes since, any may
have reached the disk, whole or in part (sectors of 512 bytes); names created, renamed and removed since the folder's last sync may
have reached it up to any point, in order. SQLite syncs the folder itself when it syncs a journal or WAL for the first time.
"""

from __future__ import annotations

import itertools
import random
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from anlan.store.disk import Disk

SECTOR = 512
_numbers = itertools.count(1)


@dataclass
class _Inode:
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)  # (offset, data), or (size, None) for a truncation
    folder_synced: bool = False


@dataclass
class Model:
    """What is durable, and what is not yet."""

    names: dict[str, _Inode] = field(default_factory=dict)  # durable
    renames: list[tuple[str | None, str | None, _Inode | None]] = field(
        default_factory=list
    )  # (old, new, inode) since the last sync

    def current(self) -> dict[str, _Inode]:
        return self._after(len(self.renames))

    def _after(self, count: int) -> dict[str, _Inode]:
        names = dict(self.names)
        for old, new, inode in self.renames[:count]:
            found = names.pop(old, None) if old is not None else inode
            if new is not None and found is not None:
                names[new] = found
        return names

    def inode(self, name: str) -> _Inode:
        found = self.current().get(name)
        if found is None:
            found = _Inode()
            self.renames.append((None, name, found))
        return found

    def sync_names(self) -> None:
        self.names = self.current()
        self.renames = []

    def sync(self, name: str) -> None:
        inode = self.inode(name)
        inode.durable = _written(inode.durable, inode.pending)
        inode.pending = []
        if name.endswith(("-wal", "-journal")) and not inode.folder_synced:
            inode.folder_synced = True
            self.sync_names()

    def lay_out(self, folder: Path, chance: random.Random, survives: str) -> None:
        """Files as a cut may leave them: `survives` is "nothing", "everything" (a killed process, not a cut) or "some"."""
        names = self._after({"nothing": 0, "everything": len(self.renames)}.get(survives, chance.randint(0, len(self.renames))))
        folder.mkdir(parents=True)
        for name, inode in names.items():
            (folder / name).write_bytes(_written(inode.durable, _survivors(inode.pending, chance, survives)))


def _survivors(pending: list[tuple[int, bytes | None]], chance: random.Random, survives: str) -> list[tuple[int, bytes | None]]:
    if survives == "everything":
        return pending
    if survives == "nothing":
        return []
    return [_torn(offset, data, chance) for offset, data in pending if chance.random() < 0.5]


def _torn(offset: int, data: bytes | None, chance: random.Random) -> tuple[int, bytes | None]:
    if data is None or chance.random() < 0.5:
        return offset, data
    return offset, data[: SECTOR * chance.randint(0, len(data) // SECTOR)]


def _written(content: bytearray, writes: list[tuple[int, bytes | None]]) -> bytearray:
    result = bytearray(content)
    for offset, data in writes:
        if data is None:
            del result[offset:]
        else:
            result.extend(bytes(max(0, offset + len(data) - len(result))))
            result[offset : offset + len(data)] = data
    return result


class CrashDisk(Disk):
    """A real disk whose changes are noted in `model`. `after_change` is called behind each: the moments at which power may fail."""

    def __init__(self, model: Model | None = None) -> None:
        self.model = model or Model()
        self.after_change: Any = lambda: None
        self.vfs = f"crash-{next(_numbers)}"
        self._registered = _Vfs(self, self.vfs)

    def snapshot(self) -> Model:
        return deepcopy(self.model)

    def wrote(self, name: str, offset: int, data: bytes | None) -> None:
        self.model.inode(name).pending.append((offset, data))
        self.after_change()

    def synced(self, name: str) -> None:
        self.model.sync(name)
        self.after_change()

    def removed(self, name: str) -> None:
        if name in self.model.current():
            self.model.renames.append((name, None, None))
            self.after_change()

    def rename(self, old: Path, new: Path) -> None:
        super().rename(old, new)
        self.model.renames.append((old.name, new.name, None))
        self.after_change()

    def unlink(self, path: Path) -> None:
        super().unlink(path)
        self.removed(path.name)

    def write_whole(self, path: Path, content: bytes) -> None:
        new = path.name + ".new"
        self.wrote(new, 0, content)
        self.synced(new)
        super().write_whole(path, content)

    def sync_folder(self, folder: Path) -> None:
        super().sync_folder(folder)
        self.model.sync_names()
        self.after_change()


class _Vfs(apsw.VFS):
    def __init__(self, disk: CrashDisk, name: str) -> None:
        self._disk = disk
        super().__init__(name, "unix")

    def xOpen(self, name: Any, flags: list[int]) -> _File:  # noqa: N802
        return _File(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self._disk.removed(Path(filename).name)


class _File(apsw.VFSFile):
    def __init__(self, disk: CrashDisk, name: Any, flags: list[int]) -> None:
        self._disk = disk
        path = Path(name.filename() if isinstance(name, apsw.URIFilename) else str(name))
        self._name = path.name
        super().__init__("unix", name, flags)
        if path.exists():
            disk.model.inode(self._name)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._disk.wrote(self._name, offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self._disk.wrote(self._name, size, None)

    def xSync(self, flags: int) -> None:  # noqa: N802
        super().xSync(flags)
        self._disk.synced(self._name)
