"""A disk whose power can be cut: a file system inside an image, and snapshots of that image.

An outer XFS image holds the inner ext4 image; a reflink copy of the inner one takes milliseconds and lacks everything that the
inner file system had not flushed to its device: what a disk without power has.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from faults._report import Skip

_OUTER_BYTES = 3 << 30
_INNER_BYTES = 768 << 20


class CutDisk:
    """`folder` is the disk in use; `cut` gives a mounted copy as it would be found after a power cut now."""

    def __init__(self, outer: Path, folder: Path) -> None:
        self._outer = outer
        self._cuts = 0
        self.folder = folder

    @contextmanager
    def cut(self) -> Iterator[Path]:
        self._cuts += 1
        image, place = self._outer / f"cut{self._cuts}.img", self._outer / f"cut{self._cuts}"
        _do("cp", "--reflink=always", str(self._outer / "inner.img"), str(image))
        place.mkdir()
        _do("mount", "-o", "loop", str(image), str(place))
        try:
            yield place
        finally:
            _do("umount", str(place))
            image.unlink()
            place.rmdir()


@contextmanager
def cut_disk(scratch: Path) -> Iterator[CutDisk]:
    """Raises Skip where loop devices, XFS or the right to mount are missing."""
    if os.geteuid() != 0 or not shutil.which("mkfs.xfs") or not shutil.which("mkfs.ext4"):
        raise Skip("power cuts by snapshot need root, mkfs.xfs and mkfs.ext4 (use --method states)")
    with ExitStack() as stack:
        outer, folder = scratch / "outer", scratch / "inner"
        _mounted(stack, scratch / "outer.img", _OUTER_BYTES, outer, "mkfs.xfs", "-q", "-m", "reflink=1")
        _mounted(stack, outer / "inner.img", _INNER_BYTES, folder, "mkfs.ext4", "-q", "-F")
        yield CutDisk(outer, folder)


def _mounted(stack: ExitStack, image: Path, size: int, place: Path, *make: str) -> None:
    with image.open("wb") as file:
        file.truncate(size)
    place.mkdir()
    _do(*make, str(image))
    _do("mount", "-o", "loop", str(image), str(place))
    stack.callback(_do, "umount", str(place))


def _do(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Skip(f"{' '.join(command)}: {done.stderr.strip()}")
