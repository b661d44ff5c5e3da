"""Many small files of a day become few: each a range of points, so that a query for one point opens one file.

Memory stays bounded because the ranges are chosen by counting rows per point first; one range at a time is read, sorted, freed of
exact repeats and written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt

from anlan.store import history_files
from anlan.store.history_files import SMALL, DataFile
from anlan.store.history_scan import Scanner, Wanted, damaged
from anlan.store.sorting import Columns, sort, without_repeats


def merged(scanner: Scanner, root: Path, day: date, files: Sequence[DataFile], rows: int, durable: bool) -> Iterator[DataFile]:
    """Write the rows of `files` into new files of about `rows` rows. Raises Corrupt if one can't be read: then all must stay."""
    for file in files:
        if not (root / file.path).exists():
            raise damaged(root / file.path, file.rows, "it is missing")
    in_time = sorted(files, key=lambda f: (f.min_time, f.path))
    for low, high in ranges(*_counted(scanner, files), rows):
        wanted = Wanted(low=low, high=high)
        parts = [scanner.rows(file, wanted) for file in in_time if wanted.may_be_in(file)]
        columns = without_repeats(sort(Columns.concat(parts)))
        yield history_files.write(root, day, columns, 0, level=SMALL, durable=durable)


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
    per_file = [_runs(scanner.points(file)) for file in files]
    points, place = np.unique(np.concatenate([p for p, _ in per_file]), return_inverse=True)
    counts = np.bincount(place, weights=np.concatenate([c for _, c in per_file]))
    return points, counts.astype(np.int64)


def _runs(points: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    starts = np.flatnonzero(np.diff(points, prepend=-1))
    return points[starts], np.diff(starts, append=len(points))
