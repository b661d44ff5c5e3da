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

from anlan.model.readings import Readings
from anlan.store import history_files
from anlan.store.history_files import SMALL, DataFile
from anlan.store.history_query import Query
from anlan.store.sorting import sort, without_repeats


def merged(query: Query, root: Path, day: date, files: Sequence[DataFile], rows: int, durable: bool) -> Iterator[DataFile]:
    """Write the rows of `files` into new files of about `rows` rows. Raises Corrupt if one can't be read: then it must stay."""
    points, counts = query.rows_per_point(files)
    for low, high in ranges(points, counts, rows):
        columns = without_repeats(sort(Readings.from_arrow(query.range_of_points(files, low, high))))
        yield history_files.write(root, day, columns, 0, level=SMALL, durable=durable)


def ranges(points: npt.NDArray[np.int64], counts: npt.NDArray[np.int64], rows: int) -> Iterator[tuple[int, int]]:
    """Cut ascending points into ranges (first, last) of at most `rows` rows, unless one point alone has more."""
    start, held = 0, 0
    for i, count in enumerate(counts):
        if held and held + count > rows:
            yield int(points[start]), int(points[i - 1])
            start, held = i, 0
        held += count
    if held:
        yield int(points[start]), int(points[-1])
