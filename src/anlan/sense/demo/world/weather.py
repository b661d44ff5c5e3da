"""The weather at the station: a steady wind that wanders, everything else slow."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Wanderer:
    """An Ornstein-Uhlenbeck process: drawn to `mean` within `memory` s, scattered by `spread`."""

    mean: float
    spread: float
    memory: float
    value: float = field(init=False)

    def __post_init__(self) -> None:
        self.value = self.mean

    def step(self, dt: float, random: np.random.Generator) -> float:
        kept = np.exp(-dt / self.memory)
        self.value = self.mean + (self.value - self.mean) * kept + self.spread * np.sqrt(1 - kept**2) * random.standard_normal()
        return self.value


class Weather:
    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._speed = Wanderer(2.8, 0.3, 240.0)
        self._direction = Wanderer(245.0, 4.0, 300.0)
        self._temperature = Wanderer(26.0, 0.8, 3_600.0)
        self._humidity = Wanderer(62.0, 3.0, 3_600.0)
        self._pressure = Wanderer(1_008.0, 0.6, 7_200.0)

    @property
    def speed(self) -> float:
        """m/s, never quite still."""
        return max(self._speed.value, 0.5)

    @property
    def direction(self) -> float:
        """Where the wind comes from. [degrees clockwise from north]"""
        return self._direction.value % 360.0

    @property
    def temperature(self) -> float:
        return self._temperature.value

    def step(self, dt: float) -> None:
        for part in (self._speed, self._direction, self._temperature, self._humidity, self._pressure):
            part.step(dt, self._random)

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        return {
            "WS-701": self.speed,
            "WD-701": self.direction,
            "TI-701": self.temperature + noise.normal(0, 0.02),
            "MI-701": float(np.clip(self._humidity.value, 0, 100)),
            "PI-701": self._pressure.value,
            "RI-701": 0.0,
        }
