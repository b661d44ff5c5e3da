"""How many commits a segment's WAL file once held, by its headers alone.

SQLite stops at the first WAL frame whose checksum fails and calls what follows a torn tail. That is right for the one commit that
may have been on its way when the power went, and wrong when a bit flipped in the middle: everything behind it, acknowledged, would
be gone without a word. A segment's WAL is written once from the front, so its frames all carry the header's salts, and counting
those that end a commit says how many there were.

Layout: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import os
import struct
from collections import Counter
from pathlib import Path

_FILE_HEADER_SIZE = 32
_FRAME_HEADER = struct.Struct(">IIIIII")  # page, size of the database after a commit (else 0), salt 1, salt 2, checksum 1, 2


def count_commits(wal: Path, page_size: int) -> int:
    """Commits of which at least one WAL frame header is there; 0 without a WAL."""
    if not wal.exists():
        return 0
    headers = _frame_headers(wal, page_size)
    # The salts of the majority, not of the first: one damaged header must not hide all commits.
    salts = Counter(header[2:4] for header in headers if header[2:4] != (0, 0)).most_common(1)
    return _count([(page, size_after) for page, size_after, *found in headers if salts and tuple(found[:2]) == salts[0][0]])


def _count(frames: list[tuple[int, int]]) -> int:
    """A commit ends with the frame that tells the database's size, or, if that header is gone, before a page comes again."""
    commits = 0
    pages: set[int] = set()
    for page, size_after in frames:
        if page in pages:
            commits += 1
            pages.clear()
        pages.add(page)
        if size_after:
            commits += 1
            pages.clear()
    return commits + bool(pages)


def _frame_headers(wal: Path, page_size: int) -> list[tuple[int, ...]]:
    stride = _FRAME_HEADER.size + page_size
    with wal.open("rb", buffering=0) as file:
        offsets = range(_FILE_HEADER_SIZE, os.fstat(file.fileno()).st_size - _FRAME_HEADER.size + 1, stride)
        return [_FRAME_HEADER.unpack(os.pread(file.fileno(), _FRAME_HEADER.size, offset)) for offset in offsets]
