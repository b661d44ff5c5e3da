"""What the readings of the window show: the small picture, how near they came to the limit, and what lay beyond it unseen by the alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import SECOND, Micros
from anlan.model.quality import Severity
from anlan.model.readings import Readings
from anlan.monitor.config import LIMIT_KINDS
from anlan.web.answers import finite

if TYPE_CHECKING:
    from anlan.monitor.why.case import Case
    from anlan.monitor.why.modes import Modes

SPANS = 300
"""Spans of the small picture; each keeps its least and its greatest reading."""


class Evidence:
    """`closest`, `longest` of the readings that counted; `unseen`: the one farthest beyond the limit of those that didn't, because people
    had taken the point out of evidence."""

    def __init__(self, case: Case, modes: Modes) -> None:
        self.closest: dict[str, Any] | None = None
        self.longest: dict[str, Any] | None = None
        self.unseen: dict[str, Any] | None = None
        rows = case.own_readings()
        out = np.zeros(len(rows), np.bool_)
        for span in modes.spans:
            out |= (rows.time >= span.since) & (rows.time < span.ended)
        self.trace = _trace(rows, out, case.asked.start, case.silence())
        usable = (rows.quality >> 14 < Severity.BAD) & np.isfinite(rows.value) & (rows.time >= case.asked.start)
        if case.kind in LIMIT_KINDS and case.limit is not None:
            away = case.limit - rows.value if case.is_high else rows.value - case.limit
            self._measure(rows, away, usable & ~out, usable & out)

    def _measure(
        self, rows: Readings, away: npt.NDArray[np.float64], counted: npt.NDArray[np.bool_], out: npt.NDArray[np.bool_]
    ) -> None:
        if counted.any():
            self.closest = _farthest(rows, away, counted)
            self.longest = _longest(rows.time[counted], away[counted] <= 0)
        if (out & (away <= 0)).any():
            self.unseen = _farthest(rows, away, out)


def _farthest(rows: Readings, away: npt.NDArray[np.float64], chosen: npt.NDArray[np.bool_]) -> dict[str, Any]:
    row = np.flatnonzero(chosen)[np.argmin(away[chosen])]
    return {"value": float(rows.value[row]), "at": int(rows.time[row]), "distance": float(away[row])}


def _longest(time: Any, beyond: Any) -> dict[str, Any] | None:
    """The longest run of readings beyond the limit, up to the reading that ended it."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], beyond.astype(np.int8), [0]])))
    best = None
    for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        start, until = int(time[first]), int(time[min(end, len(time) - 1)])
        if best is None or until - start > best["to"] - best["from"]:
            best = {"from": start, "to": until, "seconds": (until - start) / SECOND}
    return best


def _trace(rows: Readings, out: npt.NDArray[np.bool_], start: Micros, silence: Micros | None) -> dict[str, list[Any]]:
    """Few enough readings to draw: of each span the least and the greatest, never one left out that stands out."""
    time, value = rows.time, rows.value
    keep = time >= start
    if keep.any() and not keep.all():
        keep[max(0, int(np.argmax(keep)) - 1)] = True  # the one that the window begins with
    bad = (rows.quality >> 14 >= Severity.BAD) | out
    time, value, bad = time[keep], value[keep], bad[keep]
    gaps = np.cumsum(np.diff(time, prepend=time[:1]) > silence) if silence is not None else np.zeros(len(time), np.int64)
    if len(time) > 2 * SPANS:
        chosen: set[int] = {0, len(time) - 1}
        for span in np.array_split(np.arange(len(time)), SPANS):
            known = span[np.isfinite(value[span])]
            if len(known):
                chosen |= {int(known[np.argmin(value[known])]), int(known[np.argmax(value[known])])}
            chosen |= set(span[bad[span]][:1].tolist())
        picked = np.array(sorted(chosen))
        time, value, bad, gaps = time[picked], value[picked], bad[picked], gaps[picked]
    return {
        "time": time.tolist(),
        "value": [finite(v) for v in value.tolist()],
        "bad": bad.tolist(),
        "cut": (np.diff(gaps, prepend=gaps[:1]) > 0).tolist(),
    }
