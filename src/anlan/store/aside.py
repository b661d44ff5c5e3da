"""A small file kept beside the records, for what must be known while they cannot be read: whole or not at all, for the owner alone.

    write_aside(folder / "stations.kept", body)      # durable on return; raises StoreError, and the file is then as it was
    read_aside(folder / "stations.kept")             # None when there is none; raises Corrupt, StoreError

One line `anlan-aside SHA-256\\n`, then the bytes. The sum finds damage, not malice: who may write here may write to the records too.
"""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from anlan.model.errors import Corrupt, StoreError
from anlan.store.disk import Disk

MAGIC = b"anlan-aside "


def write_aside(path: Path, body: bytes) -> None:
    """Raises StoreError."""
    new = path.with_name(path.name + ".new")
    try:
        new.unlink(missing_ok=True)  # an older one may be readable by more than its owner
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(MAGIC + sha256(body).hexdigest().encode() + b"\n" + body)
            file.flush()
            os.fsync(file.fileno())
        new.rename(path)
        Disk().sync_folder(path.parent)
    except OSError as error:
        raise StoreError("{file} cannot be written: {why}", file=str(path), why=error.strerror or str(error)) from error


def read_aside(path: Path) -> bytes | None:
    """Raises StoreError, Corrupt."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StoreError("{file} cannot be read: {why}", file=str(path), why=error.strerror or str(error)) from error
    head, _, body = content.partition(b"\n")
    if head != MAGIC + sha256(body).hexdigest().encode():
        raise Corrupt("{file} does not match its checksum", file=str(path))
    return body
