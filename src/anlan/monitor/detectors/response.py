"""What a detector's readings say of a test with gas: when it began to answer, where it settled, and its T90. Pure.

T90 is the time from the gas to 90 % of the change that the detector ends at. The end is known only once the reading has settled; until then
there is no T90. Readings come one a period, so the crossing is placed between two of them and can be no better known than their distance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import SECOND, Micros

SETTLED_SECONDS = 10.0
"""How long the reading must have stood."""
SETTLED_SHARE = 0.02
"""Of the change, within which it counts as standing."""
LEAST_READINGS = 5
LEAST_SHARE = 0.05
"""Of the range: a smaller change is no answer to a gas."""


@dataclass(frozen=True, slots=True)
class Response:
    """Times in s since the gas. None: not known (yet)."""

    baseline: float | None
    final: float | None
    t90: float | None
    resolution: float | None
    """Distance of the two readings between which 90 % was passed."""
    settled: bool
    readings: int

    def as_json(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def measure(time: npt.NDArray[np.int64], value: npt.NDArray[np.float64], gas_on: Micros, span: float) -> Response:
    """`time` sorted, from before the gas; `span` is the detector's range."""
    known = np.isfinite(value)
    time, value = time[known], value[known]
    before, after = value[time <= gas_on], time > gas_on
    if not len(before):
        return Response(None, None, None, None, False, int(after.sum()))
    baseline = float(np.median(before[-LEAST_READINGS:]))
    t, v = (time[after] - gas_on) / SECOND, value[after]
    if len(v) < LEAST_READINGS:
        return Response(baseline, None, None, None, False, len(v))
    tail = v[t >= t[-1] - SETTLED_SECONDS]
    final = float(np.median(tail))
    change = final - baseline
    settled = (
        t[-1] >= SETTLED_SECONDS
        and len(tail) >= LEAST_READINGS
        and abs(change) >= LEAST_SHARE * span
        and float(tail.max() - tail.min()) <= 2 * SETTLED_SHARE * abs(change)
    )
    if not settled:
        return Response(baseline, final, None, None, False, len(v))
    t90, resolution = _crossing(t, v, baseline, baseline + 0.9 * change)
    return Response(baseline, final, t90, resolution, True, len(v))


def _crossing(
    t: npt.NDArray[np.float64], v: npt.NDArray[np.float64], baseline: float, level: float
) -> tuple[float | None, float | None]:
    """Where the line between two readings passes `level` for the first time."""
    reached = v >= level if level > baseline else v <= level
    if not reached.any():
        return None, None
    i = int(np.argmax(reached))
    t0, v0 = (t[i - 1], v[i - 1]) if i else (0.0, baseline)
    share = 1.0 if v[i] == v0 else (level - v0) / (v[i] - v0)
    return float(t0 + share * (t[i] - t0)), float(t[i] - t0)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One number against the plant's own limit. `within` None: the plant states none, so a person judges."""

    quantity: str
    value: float | None
    limit: float | None
    within: bool | None
    unit: str


def judge(quantity: str, value: float | None, limit: float | None, unit: str) -> Verdict:
    within = None if limit is None or value is None else abs(value) <= limit
    return Verdict(quantity, value, limit, within, unit)


def error_of_range(reading: float | None, applied: float, low: float, high: float) -> float | None:
    """% of the range."""
    return None if reading is None else (reading - applied) / (high - low) * 100.0
