"""Sorting against NumPy's comparison sort."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.readings import Readings
from anlan.store.sorting import Columns, sort, without_repeats

POINTS = st.one_of(st.integers(0, 5), st.integers(0, 2**32 - 1))
TIMES = st.one_of(st.integers(0, 3), st.integers(-(2**63), 2**63 - 1))
VALUES = st.one_of(st.sampled_from([0.0, -0.0, 1.5, float("nan"), float("inf")]), st.floats())
ROWS = st.lists(st.tuples(POINTS, TIMES, VALUES, st.integers(0, 3)), max_size=60)


def bits(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values).view(np.int64)


def as_tuples(columns: Columns | Readings) -> list[tuple[int, int, int, int]]:
    parts = (columns.point, columns.time, bits(columns.value), columns.quality)
    return list(zip(*(part.tolist() for part in parts), strict=True))


@given(ROWS)
@settings(deadline=None)
def test_order_is_that_of_a_comparison_sort(rows: list[tuple[int, int, float, int]]) -> None:
    readings = Readings.of(rows)
    assert as_tuples(sort(readings)) == sorted(as_tuples(readings))
    assert as_tuples(sort(Columns.of(readings))) == sorted(as_tuples(readings))


@given(ROWS, st.data())
@settings(deadline=None)
def test_repeats_go_and_nothing_else(rows: list[tuple[int, int, float, int]], data: st.DataObject) -> None:
    repeated = rows + data.draw(st.lists(st.sampled_from(rows), max_size=20)) if rows else rows
    assert as_tuples(without_repeats(sort(Readings.of(repeated)))) == sorted(set(as_tuples(Readings.of(rows))))


def test_many_rows_of_few_points_out_of_order() -> None:
    rng = np.random.default_rng(7)
    rows = 200_000
    readings = Readings(
        rng.integers(0, 50, rows, np.uint32),
        rng.integers(0, 10_000, rows),
        rng.integers(0, 3, rows).astype(float),
        rng.integers(0, 2, rows).astype(np.uint16),
    )
    order = np.lexsort((readings.quality, readings.value, readings.time, readings.point))
    found = sort(readings)
    assert np.array_equal(found.point, readings.point[order])
    assert np.array_equal(found.time, readings.time[order])
    assert np.array_equal(found.value, readings.value[order])
    assert np.array_equal(found.quality, readings.quality[order])
