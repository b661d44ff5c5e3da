"""A small disk of its own, and a program that takes every free byte of it."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from faults._report import Skip

_PIECE = bytes(1 << 20)
_PAUSE = 0.005  # s


@contextmanager
def small_disk(size: int) -> Iterator[Path]:
    """An empty tmpfs of `size` bytes. Raises Skip where it can't be mounted."""
    with tempfile.TemporaryDirectory() as name:
        _mount(["-t", "tmpfs", "-o", f"size={size}", "none", name])
        try:
            yield Path(name)
        finally:
            subprocess.run(["umount", "--lazy", name], check=True)


def resize(folder: Path, size: int) -> None:
    """Give the disk another size while it is in use."""
    _mount(["-o", f"remount,size={size}", str(folder)])


def _mount(arguments: list[str]) -> None:
    if os.geteuid() != 0:
        raise Skip("a disk of its own can only be mounted by root")
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        raise Skip(f"mount {' '.join(arguments)}: {done.stderr.strip()}")


class Filler:
    """Somebody else's program on the same disk: while it runs, what becomes free is gone within milliseconds."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "somebody-else"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Its file is gone on return."""
        self._stopping.set()
        self._thread.join()
        self._file.unlink(missing_ok=True)

    def _run(self) -> None:
        with self._file.open("ab", buffering=0) as file:
            while not self._stopping.is_set():
                size = len(_PIECE)
                while size:
                    size = self._take(file.fileno(), size)
                self._stopping.wait(_PAUSE)

    @staticmethod
    def _take(descriptor: int, size: int) -> int:
        """Half as much each time the disk says no; 0 when not even a byte is left."""
        try:
            os.write(descriptor, _PIECE[:size])
        except OSError:
            return size // 2
        return size
