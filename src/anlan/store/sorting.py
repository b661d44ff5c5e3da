"""Readings in the order of (point, time), in one pass over memory per step: compiled, and without Python's lock.

Points are dense numbers, so they are counted into place (10 ns a row where a comparison sort takes 60); what arrives is nearly in
order of time within a point, so only runs that are not are sorted. Ties of (point, time) follow the bits of value and quality:
the order is total, and exact repeats lie side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
from numba import njit

from anlan.model.readings import Readings

SPARSE = 4
"""Counting pays while there are fewer than this many possible point numbers per row."""


class Columns(NamedTuple):
    """Rows in the types of the history's table, which knows no unsigned numbers."""

    point: npt.NDArray[np.int64]
    time: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.int32]

    @property
    def rows(self) -> int:
        return len(self.point)

    def where(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> Columns:
        """The rows chosen by a mask or by their numbers."""
        return Columns(self.point[chosen], self.time[chosen], self.value[chosen], self.quality[chosen])

    def rows_between(self, first: int, end: int) -> Columns:
        """Without copying."""
        return Columns(self.point[first:end], self.time[first:end], self.value[first:end], self.quality[first:end])

    @classmethod
    def concat(cls, parts: Sequence[Columns]) -> Columns:
        if len(parts) == 1:
            return parts[0]
        if not parts:
            return sort(Readings.of([]))
        return cls(
            np.concatenate([p.point for p in parts]),
            np.concatenate([p.time for p in parts]),
            np.concatenate([p.value for p in parts]),
            np.concatenate([p.quality for p in parts]),
        )

    @classmethod
    def of(cls, readings: Readings) -> Columns:
        """As they come."""
        return cls(readings.point.astype(np.int64), readings.time, readings.value, readings.quality.astype(np.int32))

    def readings(self) -> Readings:
        return Readings(self.point.astype(np.uint32), self.time, self.value, self.quality.astype(np.uint16))


def sort(readings: Readings | Columns) -> Columns:
    """All rows, by (point, time, value's bits, quality)."""
    bits = np.ascontiguousarray(readings.value).view(np.int64)
    order = _by_point(readings.point)
    _settle_runs(order, readings.point, readings.time, bits, readings.quality)
    rows = len(readings.point)
    columns = Columns(np.empty(rows, np.int64), np.empty(rows, np.int64), np.empty(rows, np.float64), np.empty(rows, np.int32))
    _gather(order, readings.point, readings.time, readings.value, readings.quality, *columns)
    return columns


def without_repeats(columns: Columns) -> Columns:
    """Sorted rows with each exact (point, time, value, quality) once. Values are compared by their bits: NaN equals NaN."""
    keep = _first_of_each(columns.point, columns.time, columns.value.view(np.int64), columns.quality)
    return columns if keep.all() else columns.where(keep)


def _by_point(point: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.int64]:
    if not len(point):
        return np.empty(0, np.int64)
    low, high = int(point.min()), int(point.max())
    if high - low >= max(SPARSE * len(point), 1 << 16):
        return np.argsort(point, kind="stable")
    return cast(npt.NDArray[np.int64], _count_into_place(point, low, high - low + 1))


@njit(nogil=True, cache=True)
def _count_into_place(point, low, span):  # type: ignore[no-untyped-def]
    starts = np.zeros(span + 1, np.int64)
    for i in range(len(point)):
        starts[np.int64(point[i]) - low + 1] += 1
    for i in range(span):
        starts[i + 1] += starts[i]
    order = np.empty(len(point), np.int64)
    for i in range(len(point)):
        key = np.int64(point[i]) - low
        order[starts[key]] = i
        starts[key] += 1
    return order


@njit(nogil=True, cache=True)
def _settle_runs(order, point, time, bits, quality):  # type: ignore[no-untyped-def]
    """Sort each point's run of `order` by time, then value's bits, then quality, if it is not in that order yet."""
    start = 0
    for i in range(1, len(order) + 1):
        if i == len(order) or point[order[i]] != point[order[start]]:
            if not _in_order(order[start:i], time, bits, quality):
                _sort_by(order[start:i], time)
                _settle_ties(order[start:i], time, bits, quality)
            start = i


@njit(nogil=True, cache=True)
def _settle_ties(run, time, bits, quality):  # type: ignore[no-untyped-def]
    start = 0
    for i in range(1, len(run) + 1):
        if i == len(run) or time[run[i]] != time[run[start]]:
            if i - start > 1:
                _sort_by(run[start:i], quality)
                _sort_by(run[start:i], bits)
            start = i


@njit(nogil=True, cache=True)
def _sort_by(run, key):  # type: ignore[no-untyped-def]
    run[:] = run[np.argsort(key[run], kind="mergesort")]


@njit(nogil=True, cache=True)
def _in_order(run, time, bits, quality):  # type: ignore[no-untyped-def]
    for k in range(1, len(run)):
        a, b = run[k - 1], run[k]
        if time[a] > time[b]:
            return False
        if time[a] == time[b] and (bits[a] > bits[b] or (bits[a] == bits[b] and quality[a] > quality[b])):
            return False
    return True


@njit(nogil=True, cache=True)
def _gather(order, point, time, value, quality, to_point, to_time, to_value, to_quality):  # type: ignore[no-untyped-def]
    for i in range(len(order)):
        row = order[i]
        to_point[i] = point[row]
        to_time[i] = time[row]
        to_value[i] = value[row]
        to_quality[i] = quality[row]


@njit(nogil=True, cache=True)
def _first_of_each(point, time, bits, quality):  # type: ignore[no-untyped-def]
    keep = np.ones(len(point), np.bool_)
    for i in range(1, len(point)):
        same_place = point[i] == point[i - 1] and time[i] == time[i - 1]
        keep[i] = not (same_place and bits[i] == bits[i - 1] and quality[i] == quality[i - 1])
    return keep
