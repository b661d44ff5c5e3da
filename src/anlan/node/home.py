"""Where a data folder belongs: a copy that is started must not read the original's devices under its name.

    start ─▶ home.json names this machine and this folder ─▶ the node
          └▶ another machine, or another folder of this one ─▶ a copy: asks at a terminal, else shows what is kept, read-only, until `--adopt`

A folder that was moved on its machine keeps its inode, one that was put back from a backup its path: both are at home. Two virtual machines that
were cloned with their machine id cannot be told apart.
"""

from __future__ import annotations

import os
import socket
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import orjson

from anlan.model.clock import Clock, Micros, isoformat
from anlan.model.errors import StoreError, Unavailable
from anlan.node.layout import NodeFolder

FAULT = "copy"
MACHINE_ID = Path("/etc/machine-id")


@dataclass(frozen=True, slots=True)
class Home:
    """`machine`: digest of the machine's id, "" where it has none; then its name must do. `inode`: of the folder, with its device's number;
    "" where the folder is a device of its own, whose root is like any other's. `used_at`: when a node last started there."""

    machine: str
    host: str
    path: str
    inode: str
    used_at: Micros

    def is_at(self, other: Home) -> bool:
        known = self.machine and other.machine
        same = self.machine == other.machine if known else self.host == other.host
        return same and (self.path == other.path or (self.inode != "" and self.inode == other.inode))


def home_of(folder: NodeFolder) -> Home | None:
    """As it is recorded; None of a folder that no release with this record has started, or whose record cannot be read."""
    try:
        return Home(**orjson.loads(folder.home.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def here(folder: NodeFolder, clock: Clock) -> Home:
    id = MACHINE_ID.read_bytes().strip() if MACHINE_ID.is_file() else b""
    machine = sha256(id).hexdigest()[:16] if id else ""
    found = folder.root.stat()
    inode = "" if folder.root.is_mount() else f"{found.st_dev}:{found.st_ino}"
    return Home(machine, socket.gethostname(), str(folder.root), inode, clock.now())


def copied_from(folder: NodeFolder, clock: Clock) -> Home | None:
    """Where this folder comes from, if it does not belong here."""
    recorded = home_of(folder)
    return recorded if recorded is not None and not recorded.is_at(here(folder, clock)) else None


def settle(folder: NodeFolder, clock: Clock) -> None:
    """It belongs here from now on. Raises StoreError."""
    folder.copy.unlink(missing_ok=True)
    part = folder.home.with_suffix(".part")
    try:
        part.write_bytes(orjson.dumps(asdict(here(folder, clock))))
        part.replace(folder.home)
    except OSError as error:
        raise StoreError("{file} cannot be written: {why}", file=str(folder.home), why=os.strerror(error.errno or 0)) from error


def mark_copy(folder: NodeFolder, origin: Home) -> None:
    """For the console and for `anlan status`, as long as this start lasts."""
    folder.copy.write_bytes(orjson.dumps(asdict(origin)))


def what_it_is(folder: NodeFolder) -> Unavailable | None:
    """Of a start that shows a copy read-only."""
    if not folder.copy.is_file():
        return None
    origin = Home(**orjson.loads(folder.copy.read_bytes()))
    return Unavailable(
        "this data folder is a copy: it comes from {path} on {host}, where a node last started {time}. It is shown read-only and reads no "
        "device, since the node there may still run. To make this one the node, stop the other and start with `anlan up --adopt`",
        path=origin.path,
        host=origin.host,
        time=isoformat(origin.used_at)[:16].replace("T", " ") + " UTC",
    )
