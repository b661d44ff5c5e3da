"""How many commits a segment's WAL file once held, by its headers alone.

SQLite stops at the first WAL frame whose checksum fails and calls what follows a torn tail. That is right for the one commit that
may have been on its way when the power went, and wrong when a bit flipped in the middle: everything behind it, acknowledged, would
be gone without a word. A segment's WAL is written once from the front, so its frames all carry the header's salts, and counting
those that end a commit says how many there were.

Layout: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

_FILE_HEADER = 32  # bytes
_FRAME_HEADER = 24
_PAGE, _SIZE_AFTER, _SALT_1, _SALT_2 = range(4)  # big-endian uint32 each; two words of checksum follow
_FIRST_LOOK = 64


def more_than_one_commit(wal: Path, page_size: int) -> bool:
    """Mostly answered by the first frames."""
    return _count(_headers(wal, page_size, _FIRST_LOOK)) > 1 or count_commits(wal, page_size) > 1


def count_commits(wal: Path, page_size: int) -> int:
    """Commits of which at least one WAL frame header is there; 0 without a WAL."""
    return _count(_headers(wal, page_size, None))


def _headers(wal: Path, page_size: int, most: int | None) -> npt.NDArray[np.uint32]:
    """The headers of the WAL's frames, one a row."""
    if not wal.exists():
        return np.empty((0, 6), np.uint32)
    with wal.open("rb", buffering=0) as file:
        descriptor = file.fileno()
        last = os.fstat(descriptor).st_size - _FRAME_HEADER
        offsets = range(_FILE_HEADER, last + 1, _FRAME_HEADER + page_size)[:most]
        # Not by mmap: a page that cannot be read would end the process instead of raising.
        found = b"".join([os.pread(descriptor, _FRAME_HEADER, offset) for offset in offsets])
    return np.frombuffer(found, ">u4").reshape(-1, 6).astype(np.uint32)


def _count(headers: npt.NDArray[np.uint32]) -> int:
    """A commit ends with the frame that tells the database's size, or, if that header is gone, before a page comes again."""
    commits = 0
    pages: set[int] = set()
    for page, size_after in _of_this_wal(headers)[:, [_PAGE, _SIZE_AFTER]].tolist():
        if page in pages:
            commits += 1
            pages.clear()
        pages.add(page)
        if size_after:
            commits += 1
            pages.clear()
    return commits + bool(pages)


def _of_this_wal(headers: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Those with the salts of the majority, not of the first: one damaged header must not hide all commits."""
    salts = headers[:, _SALT_1].astype(np.uint64) << np.uint64(32) | headers[:, _SALT_2]
    names, counts = np.unique(salts[salts != 0], return_counts=True)
    return headers[salts == names[counts.argmax()]] if len(names) else headers[:0]
