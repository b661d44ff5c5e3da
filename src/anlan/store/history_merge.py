"""Many small files of a day become few: each a range of points, so that a query for one point opens one file.

Memory stays bounded because the ranges are chosen by counting rows per point first, and one piece of a range at a time is read, sorted,
freed of exact repeats and written: points that together have few rows, or a span of time of a point that has many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anlan.store import history_files
from anlan.store.history_files import SMALL, DataFile
from anlan.store.history_scan import EARLIEST, LATEST, Scanner, Wanted, damaged
from anlan.store.sorting import Columns, sort, without_repeats


def merged(
    scanner: Scanner, root: Path, day: date, files: Sequence[DataFile], rows: int, held: int, durable: bool
) -> Iterator[DataFile]:
    """Write the rows of `files` into new files of about `rows` rows, about `held` of them in memory at once. Raises Corrupt if one can't be
    read: then all must stay."""
    for file in files:
        if not (root / file.path).exists():
            raise damaged(root / file.path, file.rows, "it is missing")
    in_time = sorted(files, key=lambda f: (f.min_time, f.path))
    points, counts = _counted(scanner, files)
    for low, high in ranges(points, counts, rows):
        part = slice(*np.searchsorted(points, (low, high + 1)))
        pieces = _pieces(scanner, in_time, points[part], counts[part], held)
        if (new := history_files.write(root, day, pieces, 0, level=SMALL, durable=durable)) is not None:
            yield new


def _pieces(
    scanner: Scanner, in_time: Sequence[DataFile], points: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], held: int
) -> Iterator[Columns]:
    """The files' rows of these points, sorted and freed of exact repeats: two that are alike lie in one piece."""
    for low, high in ranges(points, counts, held):
        rows = int(counts[np.searchsorted(points, low)]) if low == high else 0
        for start, end in _spans(in_time, -(-rows // held)):
            wanted = Wanted(low=low, high=high, start=start, end=end)
            yield without_repeats(sort(Columns.concat([scanner.rows(one, wanted) for one in in_time if wanted.may_be_in(one)])))


def _spans(files: Sequence[DataFile], count: int) -> Iterator[tuple[int, int]]:
    """All time, cut into `count` spans (at least one), even where the files are."""
    start, end = min(f.min_time for f in files), max(f.max_time for f in files) + 1
    edges = [EARLIEST, *(start + (end - start) * i // count for i in range(1, count)), LATEST + 1]
    yield from pairwise(edges)


def ranges(points: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], rows: int) -> Iterator[tuple[int, int]]:
    """Cut ascending points into ranges (first, last) of at most `rows` rows, unless one point alone has more."""
    start, held = 0, 0
    for i, count in enumerate(counts.tolist()):
        if held and held + count > rows:
            yield int(points[start]), int(points[i - 1])
            start, held = i, 0
        held += count
    if held:
        yield int(points[start]), int(points[-1])


def _counted(scanner: Scanner, files: Sequence[DataFile]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Ascending points of all files and the rows of each."""
    runs = [_runs(part) for file in files for part in scanner.points(file)]
    points, place = np.unique(np.concatenate([p for p, _ in runs]), return_inverse=True)
    counts = np.bincount(place, weights=np.concatenate([c for _, c in runs]))
    return points, counts.astype(np.int64)


def _runs(points: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    starts = np.flatnonzero(np.diff(points, prepend=-1))
    return points[starts], np.diff(starts, append=len(points))
