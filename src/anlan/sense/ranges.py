"""Values outside their point's measuring range, marked the same way whatever driver brought them. Pure.

What the device says of its own value stands: only a value that came without a reason is looked at. A little beyond the range is still measured:
by as much as NAMUR NE 43 leaves a 4–20 mA loop (3.8 and 20.5 mA). A detector whose reading over range is held (`model.principles`) has no such
room above: it can't be told from one that stands at its end because there is more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from anlan.model.points import Point
from anlan.model.principles import principles
from anlan.model.quality import FLAG_MASK, Reason, Severity, quality
from anlan.model.readings import Readings

BELOW, ABOVE = (4.0 - 3.8) / 16.0, (20.5 - 20.0) / 16.0
"""Shares of the span that still measure: NE 43's 3.8 … 20.5 mA of a span from 4 to 20 mA."""
_OVER, _UNDER = quality(Severity.UNCERTAIN, Reason.OVER_RANGE), quality(Severity.UNCERTAIN, Reason.UNDER_RANGE)


class Ranges:
    """Of one source's points, by number."""

    def __init__(self, points: Iterable[tuple[int, Point]]) -> None:
        bounds = {number: bounds_of(point) for number, point in points}
        self._any = any(math.isfinite(bound) for pair in bounds.values() for bound in pair)
        size = max(bounds, default=-1) + 1
        self._low: npt.NDArray[np.float64] = np.full(size, -np.inf)
        self._high: npt.NDArray[np.float64] = np.full(size, np.inf)
        for number, (low, high) in bounds.items():
            self._low[number], self._high[number] = low, high

    def judged(self, readings: Readings) -> Readings:
        """With OVER_RANGE and UNDER_RANGE where a plain value lies outside; ±∞, which OPC UA and Modbus can send, lies outside any range."""
        infinite = np.isinf(readings.value)
        if not (self._any or infinite.any()) or not len(readings):
            return readings
        known = readings.point < len(self._low)
        at = np.where(known, readings.point, 0)
        plain = (known | infinite) & (readings.quality & (0xFFFF & ~FLAG_MASK) == 0)
        over = plain & (infinite & (readings.value > 0) | known & (readings.value > self._high[at]))
        under = plain & (infinite & (readings.value < 0) | known & (readings.value < self._low[at]))
        if not (over.any() or under.any()):
            return readings
        flags = readings.quality & FLAG_MASK
        word = np.where(over, flags | _OVER, np.where(under, flags | _UNDER, readings.quality)).astype(np.uint16)
        return Readings(readings.point, readings.time, readings.value, word)


def bounds_of(point: Point) -> tuple[float, float]:
    """The lowest and highest value that is measured; infinite where the plant gives no end."""
    low, high = point.range_low, point.range_high
    if point.states or (low is None and high is None):
        return -math.inf, math.inf
    span = high - low if low is not None and high is not None else 0.0
    lowest = -math.inf if low is None else low - BELOW * span
    if high is None:
        return lowest, math.inf
    holds = bool(point.principle) and principles()[point.principle].latches
    return lowest, math.nextafter(high, -math.inf) if holds else high + ABOVE * span
