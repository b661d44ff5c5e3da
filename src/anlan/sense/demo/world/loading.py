"""The loading bay: a tanker comes, is earthed, connected, loaded with LPG, freed and goes; then the next."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

# (phase, how long it takes [s]); one round is 45 minutes.
PHASES = (
    ("empty", 300.0), ("arrives", 180.0), ("parked", 120.0), ("earthed", 120.0), ("connected", 90.0),
    ("loads", 1_500.0), ("full", 90.0), ("freed", 60.0), ("leaves", 240.0),
)  # fmt: skip
ROUND = sum(span for _, span in PHASES)
RATE = 48.0
"""Loading. [t/h]"""
TARE = 15.6
ROAD = ((510.0, -10.0), (510.0, 60.0), (470.0, 60.0), (410.0, 90.0))
"""From the gate to the bay; the tanker backs out the same way."""


class Loading:
    def __init__(self) -> None:
        self._phase, self._since = 0, 0.0
        self._load = self._flow = 0.0

    @property
    def phase(self) -> str:
        return PHASES[self._phase][0]

    @property
    def earthed(self) -> bool:
        return self.phase in {"earthed", "connected", "loads", "full"}

    @property
    def pumping(self) -> bool:
        return self._flow > 0.0

    def step(self, dt: float, allowed: bool) -> None:
        """`allowed`: the safety system and the shut-off valve let the pump run; while they don't, loading waits."""
        self._flow = RATE if self.phase == "loads" and allowed else 0.0
        self._load += self._flow * dt / 3_600.0
        if self.phase != "loads" or allowed:
            self._since += dt
        if self._since >= PHASES[self._phase][1]:
            self._phase, self._since = (self._phase + 1) % len(PHASES), 0.0
            self._load = self._load if self.phase != "empty" else 0.0

    @property
    def flow(self) -> float:
        """t/h"""
        return self._flow

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        present = self.phase not in {"empty", "arrives", "leaves"}
        x, y = self._where()
        return {
            "XR-301": float(self.pumping),
            "XS-501": float(present),
            "XS-502": float(self.earthed),
            "XS-503": 2.0 if self.pumping else float(self.phase in {"connected", "loads", "full"}),
            "WI-501": (TARE + self._load if present else 0.0) + noise.normal(0, 0.01),
            "FI-501": self._flow + (noise.normal(0, 0.15) if self.pumping else 0.0),
            "GX-501": x,
            "GY-501": y,
        }

    def _where(self) -> tuple[float, float]:
        """On the road by the share of the way gone; outside the gate while there is none."""
        if self.phase == "empty":
            return ROAD[0]
        share = self._since / PHASES[self._phase][1]
        return along(ROAD, {"arrives": share, "leaves": 1.0 - share}.get(self.phase, 1.0))


def along(road: tuple[tuple[float, float], ...], share: float) -> tuple[float, float]:
    """The place at `share` 0 … 1 of the way along a polyline."""
    legs = [float(np.hypot(b[0] - a[0], b[1] - a[1])) for a, b in pairwise(road)]
    left = share * sum(legs)
    for (a, b), leg in zip(pairwise(road), legs, strict=True):
        if left <= leg:
            part = left / leg if leg else 0.0
            return a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])
        left -= leg
    return road[-1]
