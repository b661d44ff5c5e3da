"""Readings in another unit than the one they are stored in: a factor and an offset for a point's readings of a span of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros


@dataclass(frozen=True, slots=True)
class Scale:
    """value × factor + offset where start ≤ time < end."""

    point: int
    start: Micros
    end: Micros
    factor: float
    offset: float


def scaled(
    point: npt.NDArray[np.integer], time: npt.NDArray[np.int64], value: npt.NDArray[np.float64], scales: Sequence[Scale]
) -> npt.NDArray[np.float64]:
    """Values of rows sorted by point; a copy where anything changes."""
    if not scales:
        return value
    value = value.copy()
    for one in scales:
        low, high = np.searchsorted(point, [one.point, one.point + 1])
        chosen = (time[low:high] >= one.start) & (time[low:high] < one.end)
        part = value[low:high]
        part[chosen] = part[chosen] * one.factor + one.offset
    return value
