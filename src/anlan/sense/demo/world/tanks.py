"""The two tank farms: liquid chlorine at its vapour pressure under a cooling spray, LPG in three spheres."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anlan.sense.demo.world.weather import Wanderer


@dataclass(frozen=True)
class Substance:
    """ln p = a − b/T: p in kPa absolute, T in K, fitted through the normal boiling point and one point of the vapour pressure curve."""

    boiling: float
    at_25: float
    """Vapour pressure at 25 °C. [kPa absolute]"""
    expansion: float
    """Volume expansion of the liquid. [1/K]"""

    def pressure(self, celsius: float) -> float:
        """Vapour pressure. [MPa gauge]"""
        b = math.log(self.at_25 / 101.325) / (1 / (self.boiling + 273.15) - 1 / 298.15)
        a = math.log(self.at_25) + b / 298.15
        return (math.exp(a - b / (celsius + 273.15)) - 101.325) / 1_000.0


# CRC Handbook of Chemistry and Physics: chlorine boils at −34.04 °C, 778 kPa at 25 °C; propane −42.1 °C, 951 kPa.
CHLORINE = Substance(-34.04, 778.0, 0.0021)
PROPANE = Substance(-42.1, 951.0, 0.0031)


@dataclass
class Tank:
    tag: str
    substance: Substance
    capacity: float
    """Mass at 100 % level. [t]"""
    level: float
    cooling: float
    """How far the spray and insulation keep the liquid below the air's temperature. [K]"""
    use: float = 0.0
    """What the plant takes from it. [t/h]"""

    def __post_init__(self) -> None:
        self.mass = self.capacity * self.level / 100.0
        self.refilling = False
        self.temperature = Wanderer(26.0 - self.cooling, 0.15, 1_800.0)

    def step(self, dt: float, air: float, filling: float, drawn: float, random: np.random.Generator) -> None:
        """`filling` comes in by the scenario, `drawn` goes to a tanker [t/h]. A tank in use is refilled between 40 and 68 %."""
        self.refilling = self.level < 40.0 or (self.refilling and self.level < 68.0)
        own = (4 * self.use if self.refilling else 0.0) - self.use - drawn
        self.mass = float(np.clip(self.mass + (own + filling) * dt / 3_600.0, 0.0, 1.02 * self.capacity))
        self.temperature.mean = air - self.cooling
        self.temperature.step(dt, random)
        self.level = self.mass / self.capacity * 100.0

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        celsius = self.temperature.value
        return {
            f"LI-{self.tag}": self.level + noise.normal(0, 0.02),
            f"PI-{self.tag}": self.substance.pressure(celsius) + noise.normal(0, 0.001),
            f"TI-{self.tag}": celsius,
            f"WI-{self.tag}": self.mass,
        }


class Scrubber:
    """The chlorine scrubber: its pump always runs, its fan when chlorine must be drawn in, and then the caustic is used up."""

    USE = 1.2 / 3_600.0
    """[wt% a second]"""

    def __init__(self) -> None:
        self.fan, self.caustic = False, 18.4

    def step(self, dt: float, drawing: bool) -> None:
        self.fan = drawing
        self.caustic = max(self.caustic - self.USE * dt * drawing, 0.0)

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        return {"XR-203F": float(self.fan), "XR-203P": 1.0, "AI-203": self.caustic + noise.normal(0, 0.01)}


class Tanks:
    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.all = {
            "V-201": Tank("201", CHLORINE, 50.0, 62.0, 6.0),
            "V-202": Tank("202", CHLORINE, 50.0, 55.0, 6.0, use=1.2),
            "V-301": Tank("301", PROPANE, 400.0, 71.0, 2.0),
            "V-302": Tank("302", PROPANE, 400.0, 58.0, 2.0, use=6.0),
            "V-303": Tank("303", PROPANE, 400.0, 80.0, 2.0),
        }

    def step(self, dt: float, air: float, fillings: dict[str, float], drawn: dict[str, float]) -> None:
        """`fillings` and `drawn` by tank. [t/h]"""
        for name, tank in self.all.items():
            tank.step(dt, air, fillings.get(name, 0.0), drawn.get(name, 0.0), self._random)

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        return {point: value for tank in self.all.values() for point, value in tank.values(noise).items()}
