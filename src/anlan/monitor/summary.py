"""The summary line: how many points are within their limits, and what is known of the rest, each point counted once.

「在限值内 212/216 · 未知 1 · 旁路 1 (余 02:14) · 校验 1」: never a verdict (DOMAIN.md 19). A point belongs to the first of these that holds:
calibrating, bypassed (last known on), outside (an alarm of its value stands active), unknown (bad, stale or no data), within. A point without limits that has a
usable value violates none and counts as within; `limited` says how many points have limits at all.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.detector_states import loop_of, state_points
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID
from anlan.model.points import Point
from anlan.model.quality import Flag, Reason, Severity
from anlan.monitor.config import CALCULATED_KINDS, LIMIT_KINDS
from anlan.web.context import PlantView
from anlan.web.live import LiveView

_MINUTES = {"s": 1 / 60, "min": 1.0, "h": 60.0}
CALIBRATING, UNKNOWN, BYPASSED, OUTSIDE, WITHIN = range(5)
_OF_VALUE = LIMIT_KINDS | {AlarmKind.STATE} | CALCULATED_KINDS
"""Alarms that say where the value stands; bad and stale quality say that it is unknown."""
NAMED = {CALIBRATING: "calibrating", UNKNOWN: "unknown", BYPASSED: "bypassed"}
MOST_NAMED = 4


@dataclass(frozen=True, slots=True)
class Counts:
    """Of a unit or of the whole plant."""

    of: int = 0
    within: int = 0
    outside: int = 0
    unknown: int = 0
    bypassed: int = 0
    calibrating: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """`bypass_left`: the shortest time left of any bypass that is on [s], None if none tells it. `units`: by path."""

    whole: Counts
    limited: int
    bypass_left: float | None
    inhibited: int
    exercise: int
    units: dict[str, Counts] = field(default_factory=dict)
    named: dict[str, list[str]] = field(default_factory=dict)
    """Ids of the first few points that are calibrating, unknown or bypassed: a count alone sends people searching."""
    under_test: tuple[int, ...] = ()
    """Numbers of the detectors whose own state says calibration; their readings look plain."""

    def as_json(self) -> dict[str, Any]:
        """Without `under_test`, which each person is told as far as they may see."""
        told = asdict(self)
        del told["under_test"]
        return told


@dataclass(frozen=True, slots=True)
class PlaceCounts:
    """`Summary` of one place: the same names, so that a page shows both alike."""

    whole: Counts
    limited: int
    bypass_left: float | None
    named: dict[str, list[str]]


class Summariser:
    """Made once for a version of the plant; `count` is then a few passes over arrays, cheap at 100,000 points."""

    def __init__(self, plant: PlantView) -> None:
        # The node's own points tell of the node, and what is calculated is no instrument; its alarms count for the point they watch.
        self._numbers = np.array(sorted(n for n, point in plant.points.items() if point.source != NODE_ID), np.int64)
        points = [plant.points[int(number)] for number in self._numbers]
        self._ids = [point.id for point in points]
        self._row = {point: row for row, point in enumerate(self._ids)}
        self._bypass = np.array([point.kind == "bypass" for point in points], bool)
        self._left = bypass_timers(points)
        self._detectors = _detectors_in_calibration(points)
        self._unit_names = sorted({plant.unit_of(point.place) for point in points})
        unit_row = {name: row for row, name in enumerate(self._unit_names)}
        self._unit = np.array([unit_row[plant.unit_of(point.place)] for point in points], np.int64)
        self._rule_row = {
            number: self._row[rule.point]
            for number, rule in plant.rules.items()
            if rule.point in self._row and rule.kind in _OF_VALUE
        }
        self._limited_rows = frozenset(self._rule_row.values())
        self._limited = len(self._limited_rows)
        # In an order in which whatever stands at a place or below it lies together; "/" sorts behind "-" otherwise.
        self._paths = [point.place.replace("/", "\0") for point in points]
        self._by_place = sorted(range(len(points)), key=self._paths.__getitem__)
        self._sorted_paths = [self._paths[row] for row in self._by_place]
        self._last: tuple[npt.NDArray[np.int64], npt.NDArray[np.uint16], npt.NDArray[np.float64]] | None = None

    def count(self, live: LiveView, active: Iterable[int]) -> Summary:
        """`active`: numbers of the alarms whose condition is on now."""
        if not len(self._numbers):
            return Summary(Counts(), 0, None, 0, 0)
        live.reserve(int(self._numbers[-1]) + 1)
        quality = live.quality_now(self._numbers)
        value = live.value[self._numbers]
        under_test = self._under_test(quality, value)
        kinds = self._classes(quality, value, active)
        kinds[under_test] = CALIBRATING
        self._last = kinds, quality, value
        table = np.zeros((len(self._unit_names), 5), np.int64)
        np.add.at(table, (self._unit, kinds), 1)
        reason = quality & 0xFF
        return Summary(
            whole=_counts(table.sum(axis=0)),
            limited=self._limited,
            bypass_left=self._shortest(kinds, quality, value),
            inhibited=int(np.count_nonzero((reason == Reason.OUT_OF_SERVICE) | (reason == Reason.MAINTENANCE))),
            exercise=int(np.count_nonzero(quality & Flag.EXERCISE)),
            units={name: _counts(row) for name, row in zip(self._unit_names, table, strict=True)},
            named={name: [self._ids[row] for row in np.flatnonzero(kinds == kind)[:MOST_NAMED]] for kind, name in NAMED.items()},
            under_test=tuple(int(self._numbers[row]) for row in under_test),
        )

    def at(self, place: str) -> PlaceCounts | None:
        """Of a place and all below it, as of the last `count`; None before the first."""
        if self._last is None:
            return None
        kinds, quality, value = self._last
        path = place.replace("/", "\0")
        first, last = bisect_left(self._sorted_paths, path), bisect_left(self._sorted_paths, path + "\1")
        rows = np.array(self._by_place[first:last], np.int64)
        counts = _counts(np.bincount(kinds[rows], minlength=5))
        named = {
            name: [self._ids[row] for row in rows[kinds[rows] == kind][:MOST_NAMED].tolist()] for kind, name in NAMED.items()
        }
        inside = np.zeros(len(kinds), bool)
        inside[rows] = True
        left = self._shortest(np.where(inside, kinds, WITHIN), quality, value)
        return PlaceCounts(counts, len({row for row in self._limited_rows if inside[row]}), left, named)

    def _under_test(self, quality: npt.NDArray[np.uint16], value: npt.NDArray[np.float64]) -> list[int]:
        return [
            detector
            for detector, state, calibration in self._detectors
            if value[state] in calibration and quality[state] >> 14 < Severity.BAD
        ]

    def _classes(
        self, quality: npt.NDArray[np.uint16], value: npt.NDArray[np.float64], active: Iterable[int]
    ) -> npt.NDArray[np.int64]:
        outside = np.zeros(len(quality), bool)
        outside[[self._rule_row[number] for number in active if number in self._rule_row]] = True
        kinds = np.where(outside, OUTSIDE, WITHIN)
        unknown = (quality >> 14 >= Severity.BAD) | np.isnan(value)
        # What cannot be seen any more keeps its last adverse evidence: losing a source must not lower a count.
        kinds = np.where(unknown & ~outside, UNKNOWN, kinds)
        kinds = np.where(self._bypass & (value != 0) & ~np.isnan(value), BYPASSED, kinds)
        return np.where(quality & 0xFF == Reason.CALIBRATION, CALIBRATING, kinds)

    def _shortest(
        self, kinds: npt.NDArray[np.int64], quality: npt.NDArray[np.uint16], value: npt.NDArray[np.float64]
    ) -> float | None:
        left = [
            float(value[timer]) * 60 * minutes
            for bypass, timer, minutes in self._left
            if kinds[bypass] == BYPASSED and quality[timer] >> 14 < Severity.BAD and np.isfinite(value[timer])
        ]
        return min(left, default=None)


def bypass_timers(points: list[Point]) -> list[tuple[int, int, float]]:
    """(row of a bypass, row of the point that tells its time left, minutes per unit)."""
    timers = {loop_of(p): row for row, p in enumerate(points) if p.kind == "bypass.left" and p.unit in _MINUTES}
    pairs = [(row, timers.get(loop_of(p))) for row, p in enumerate(points) if p.kind == "bypass"]
    return [(row, timer, _MINUTES[points[timer].unit]) for row, timer in pairs if timer is not None]


def _detectors_in_calibration(points: list[Point]) -> list[tuple[int, int, frozenset[int]]]:
    """(row of a gas detector, row of its own state, the states that the plant calls calibration)."""
    row = {point.id: n for n, point in enumerate(points)}
    found = [
        (row[detector.id], row[state.id], frozenset(s for s, reason in reasons.items() if reason is Reason.CALIBRATION))
        for detector, state, reasons in state_points(points)
    ]
    return [one for one in found if one[2]]


def _counts(row: npt.NDArray[np.int64]) -> Counts:
    calibrating, unknown, bypassed, outside, within = (int(n) for n in row)
    return Counts(int(row.sum()), within, outside, unknown, bypassed, calibrating)
