"""Leaks, the plumes they make in the wind, and what the detectors in the plume show.

A Gaussian plume from a small source near the ground: C = Q / (π u σy σz) · exp(−y²/2σy²), Pasquill class D over open country (G. A. Briggs,
Diffusion Estimation for Small Emissions, NOAA ATDL 79, 1973), σy widened by a wind that meanders 10°. A demonstration, not a risk model:
no dense-gas slumping, no buildings, detectors at the height of the source. Upwind of the source there is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from anlan.sense.demo.scenario import Event

MEANDER = math.radians(10.0)
NEAREST = 3.0
"""Closer than this the plume formula means nothing. [m]"""
LEL_PROPANE = 38.0
"""Lower explosive limit of propane, 2.1 % by volume at 20 °C. [g/m³]"""


@dataclass(frozen=True)
class Source:
    """Where something may leak, what, and the safety function that shuts it off."""

    substance: str
    x: float
    y: float
    shut_by: str = ""


SOURCES: Mapping[str, Source] = {
    "V-201": Source("chlorine", 258.0, 244.0, "XV-201"),
    "V-202": Source("chlorine", 284.0, 244.0, "XV-202"),
    "V-301": Source("lpg", 378.0, 256.0, "XV-301"),
    "V-302": Source("lpg", 408.0, 256.0, "XV-302"),
    "V-303": Source("lpg", 438.0, 256.0, "XV-303"),
    "L-501": Source("lpg", 412.0, 86.0, "XV-501"),
}


@dataclass(frozen=True)
class Detector:
    id: str
    substance: str
    x: float
    y: float
    top: float
    """End of the measuring range, in its unit: mg/m³ of chlorine, %LEL of propane."""
    t90: float
    """To 90 % of a step. [s]"""

    def shown(self, grams: float) -> float:
        """A concentration [g/m³] in the detector's unit."""
        return grams * 1_000.0 if self.substance == "chlorine" else grams / LEL_PROPANE * 100.0


CHLORINE = (
    ("AT-201", 266, 250), ("AT-202", 268, 245), ("AT-203", 264, 254), ("AT-204", 258, 236),
    ("AT-205", 284, 238), ("AT-206", 290, 256), ("AT-207", 304, 228), ("AT-208", 322, 248),
)  # fmt: skip
COMBUSTIBLE = (
    ("AT-301", 386, 252), ("AT-302", 394, 264), ("AT-303", 416, 260), ("AT-304", 424, 266),
    ("AT-305", 446, 252), ("AT-306", 400, 224), ("AT-501", 416, 88),
)  # fmt: skip
DETECTORS = tuple(Detector(i, "chlorine", x, y, 10.0, 40.0) for i, x, y in CHLORINE) + tuple(
    Detector(i, "lpg", x, y, 100.0, 20.0) for i, x, y in COMBUSTIBLE
)


def plume(rate: float, downwind: float, crosswind: float, wind: float) -> float:
    """Concentration at ground level from `rate` g/s, `downwind` and `crosswind` m away in `wind` m/s. [g/m³]"""
    if downwind <= 0.0 or rate <= 0.0:
        return 0.0
    far = max(downwind, NEAREST)
    sigma_y = math.hypot(0.08 * far / math.sqrt(1 + 0.0001 * far), far * math.tan(MEANDER))
    sigma_z = 0.06 * far / math.sqrt(1 + 0.0015 * far)
    return rate / (math.pi * wind * sigma_y * sigma_z) * math.exp(-0.5 * (crosswind / sigma_y) ** 2)


class Gas:
    """The detectors' responses, each a first-order lag of the concentration at its place."""

    def __init__(self) -> None:
        self.responses = dict.fromkeys((d.id for d in DETECTORS), 0.0)

    def step(self, dt: float, leaks: Iterable[tuple[Source, float]], speed: float, direction: float) -> None:
        """`leaks`: each source with what it gives off now [g/s]; the wind blows `speed` m/s from `direction` °."""
        flowing = list(leaks)
        for detector in DETECTORS:
            there = detector.shown(sum(_at(detector, source, rate, speed, direction) for source, rate in flowing))
            share = 1.0 - math.exp(-dt * math.log(10) / detector.t90)
            self.responses[detector.id] += share * (there - self.responses[detector.id])

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        scatter = noise.normal(0.0, 0.001, len(DETECTORS))
        return {d.id: max(self.responses[d.id] + s * d.top, 0.0) for d, s in zip(DETECTORS, scatter, strict=True)}


def _at(detector: Detector, source: Source, rate: float, speed: float, direction: float) -> float:
    if source.substance != detector.substance:
        return 0.0
    towards = math.radians(direction + 180.0)
    east, north = detector.x - source.x, detector.y - source.y
    downwind = east * math.sin(towards) + north * math.cos(towards)
    crosswind = east * math.cos(towards) - north * math.sin(towards)
    return plume(rate, downwind, crosswind, speed)


def flowing(event: Event, seconds: float, opening: float) -> tuple[Source, float]:
    """A leak event's source and its rate now [g/s]; the valve before it stands `opening` 0 … 1 open."""
    return SOURCES[event.target], event.rate * event.opening(seconds) * opening
