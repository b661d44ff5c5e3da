"""The warehouse: four thermometers, two hygrometers, four smoke detectors; a fire warms the thermometer beside it."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from anlan.sense.demo.world.weather import Wanderer

HEATING = 0.02
"""What a fire adds to the thermometer beside it. [K/s]"""


class Warehouse:
    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._air = [Wanderer(24.0 + 0.4 * n, 0.3, 1_200.0) for n in range(4)]
        self._humidity = [Wanderer(55.0, 2.0, 1_800.0) for _ in range(2)]
        self._heat = [0.0] * 4
        self._smoke: Collection[str] = ()

    def step(self, dt: float, smoke: Collection[str]) -> None:
        """`smoke`: detectors in smoke."""
        self._smoke = smoke
        for part in (*self._air, *self._humidity):
            part.step(dt, self._random)
        for n in range(4):
            self._heat[n] = (
                min(self._heat[n] + HEATING * dt, 60.0) if f"XS-40{n + 1}" in smoke else self._heat[n] * np.exp(-dt / 900.0)
            )

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        return (
            {f"TI-40{n + 1}": air.value + self._heat[n] + noise.normal(0, 0.02) for n, air in enumerate(self._air)}
            | {f"MI-40{n + 1}": air.value for n, air in enumerate(self._humidity)}
            | {f"XS-40{n + 1}": float(f"XS-40{n + 1}" in self._smoke) for n in range(4)}
        )
