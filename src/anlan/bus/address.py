"""Where a Unix socket is, as the kernel takes it: in at most 107 bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST = 107
"""Bytes of `sockaddr_un.sun_path` without its end (unix(7))."""


@contextmanager
def address(path: Path) -> Iterator[str]:
    """`path` to bind or connect to while this lasts; a longer one goes by way of its folder, held open. Raises OSError without the folder."""
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
