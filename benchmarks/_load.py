"""The load that pipeline and growth share: points with four limits, values that mostly stay within them, now and then leave."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import Kind, Part
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig

LIMITS = ((AlarmKind.LOW_LOW, 10.0), (AlarmKind.LOW, 20.0), (AlarmKind.HIGH, 80.0), (AlarmKind.HIGH_HIGH, 90.0))
VALUES = 6_400_000
"""Drawn once and kept, 51 MB: three files of the history (2 million rows each) before one comes again."""
FEWEST_SCANS = 16
DEAD_BAND, ON_DELAY_MS, OFF_DELAY_MS = 2.0, 500, 500


def configuration(points: int) -> EngineConfig:
    """`points` points of one source, each with LL 10, L 20, H 80, HH 90, dead-band 2, delays 0.5 s."""
    numbers = np.arange(1, points + 1)
    kinds = np.array([int(kind) for kind, _ in LIMITS])
    limits = np.array([limit for _, limit in LIMITS])
    rules = points * len(LIMITS)
    ids = [f"U{n // 1000:04d}-PI-{n:07d}" for n in range(1, points + 1)]
    return EngineConfig.from_columns(
        1,
        {"number": [1], "id": ["load"]},
        {"number": numbers, "id": ids, "source": np.ones(points), "deadline": np.full(points, 60_000)},
        {
            "number": np.arange(1, rules + 1),
            "id": [f"{id}.{kind.name}" for id in ids for kind, _ in LIMITS],
            "kind": np.tile(kinds, points),
            "target": np.repeat(numbers, len(LIMITS)),
            "limit": np.tile(limits, points),
            "dead_band": np.full(rules, DEAD_BAND),
            "on_delay": np.full(rules, ON_DELAY_MS),
            "off_delay": np.full(rules, OFF_DELAY_MS),
        },
    )


@dataclass
class Load:
    """Frames of `rows` readings, the points in turn. Values wander between 30 and 70; an excursion share leaves for 1.5 s of data time.

    Noise of 1.5 around each point's own level, two decimals, as an instrument gives. Values are drawn once and used again after
    `scans` scans over all points, late enough that no file of the history holds one twice; times go on, so that every reading is new.
    """

    points: int
    rows: int
    span: int
    """Data time that one scan over all points takes. [µs]"""
    start: int
    scans: int = 0
    """0: as many as VALUES allows."""
    excursions: float = 0.0005
    seed: int = 7

    def __post_init__(self) -> None:
        self.rows = min(self.rows, self.points)
        self.scans = self.scans or max(FEWEST_SCANS, VALUES // self.points)
        chance = np.random.default_rng(self.seed)
        self._numbers = np.arange(1, self.points + 1, dtype=np.uint32)
        base = chance.uniform(35, 65, self.points)
        self._values = [np.round(base + chance.normal(0, 1.5, self.points), 2) for _ in range(self.scans)]
        away = chance.random(self.points) < self.excursions
        self._away = np.flatnonzero(away)
        self.per_scan = self.points // self.rows
        self._quality = np.zeros(self.rows, np.uint16)
        self._offsets = (np.arange(self.points, dtype=np.int64) * self.span) // self.points
        self.frames = self.readings = 0

    def next(self) -> list[Part]:
        """The next frame's part."""
        scan, chunk = divmod(self.frames, self.per_scan)
        low = chunk * self.rows
        rows = slice(low, low + self.rows)
        time = self._offsets[rows] + (self.start + scan * self.span)
        readings = Readings(self._numbers[rows], time, self._excursion(scan, low), self._quality)
        part = Part(Kind.READINGS, 1, self.start, self.frames * self.rows, int(time[-1]), self.rows, readings.to_bytes())
        self.frames += 1
        self.readings += self.rows
        return [part]

    def _excursion(self, scan: int, low: int) -> np.ndarray:
        """The scan's values; for 1.5 s in every 6 s of data time a few points stand above their highest limit."""
        values = self._values[scan % self.scans][low : low + self.rows]
        if (scan * self.span) % 6_000_000 < 4_500_000:
            return values
        out = self._away[(self._away >= low) & (self._away < low + self.rows)] - low
        if not len(out):
            return values
        values = values.copy()
        values[out] = 95.0
        return values

    def expected_transitions(self, scans: int) -> int:
        """Of the points that leave: H and HH go on 0.5 s after they left and off 0.5 s after they came back, if the scans reach so far."""
        starts = np.arange(scans, dtype=np.int64) * self.span
        phase = starts % 6_000_000
        period = starts // 6_000_000
        count = 0
        for which in np.unique(period):
            of = phase[period == which]
            on = of[of >= 4_500_000]
            if len(on) and on[-1] - on[0] >= ON_DELAY_MS * 1000:
                count += 2
        return count * len(self._away)
