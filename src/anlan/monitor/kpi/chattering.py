"""The chattering index Ψ of S. R. Kondaveeti, I. Izadi, S. L. Shah, D. S. Shook, R. Kadali, T. Chen, “Quantification of alarm chatter
based on run length distributions”, Chem. Eng. Res. Des. 91 (2013) 2550–2558.

Alarm times are taken in whole seconds. A run length r is the number of seconds from one annunciation of an alarm to its next, P_r the
share of run lengths that are r:

    Ψ = Σ P_r / r,  r = 1, 2, 3, …      [1/s], the mean of 1/r

An alarm that comes every second has Ψ = 1, one that comes every r seconds 1/r. Three a minute, the usual rule of thumb, is 0.05: above it
an alarm chatters. Two annunciations within one second make a run of 1, the shortest there is. An alarm that came only once has no run
and no index; one that came twice has an index of a single run, so the number of annunciations is shown beside it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anlan.model.clock import SECOND
from anlan.monitor.kpi.columns import Ints

CHATTERS_ABOVE = 0.05
"""[1/s]"""
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Chatter:
    """One alarm. `index` in 1/s; `shortest`: least run length in s."""

    alarm: int
    annunciations: int
    index: float
    shortest: int

    @property
    def chatters(self) -> bool:
        return self.index > CHATTERS_ABOVE + _ROUNDING


def run_lengths(times: Ints) -> Ints:
    """Of one alarm's annunciations, in whole seconds, 1 at least. `times` in µs, in any order."""
    return np.maximum(np.diff(np.sort(times) // SECOND), 1)


def chattering_index(times: Ints) -> float | None:
    """Ψ of one alarm, None for fewer than two annunciations."""
    runs = run_lengths(times)
    return float(np.mean(1.0 / runs)) if len(runs) else None


def chattering(alarm: Ints, times: Ints) -> list[Chatter]:
    """Ψ of every alarm that came at least twice, the greatest first. `alarm` and `times` of each annunciation."""
    if not len(alarm):
        return []
    order = np.lexsort((times, alarm))
    alarm, seconds = alarm[order], times[order] // SECOND
    same = alarm[1:] == alarm[:-1]
    runs = np.maximum(seconds[1:] - seconds[:-1], 1)[same]
    owner = alarm[1:][same]
    if not len(owner):
        return []
    first = np.flatnonzero(np.append(True, owner[1:] != owner[:-1]))
    counts = np.diff(np.append(first, len(owner)))
    index = np.add.reduceat(1.0 / runs, first) / counts
    shortest = np.minimum.reduceat(runs, first)
    found = [
        Chatter(int(owner[i]), int(n) + 1, float(psi), int(least))
        for i, n, psi, least in zip(first, counts, index, shortest, strict=True)
    ]
    return sorted(found, key=lambda one: (-one.index, -one.annunciations, one.alarm))
