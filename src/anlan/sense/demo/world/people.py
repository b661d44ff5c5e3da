"""People with location tags: each walks a round of the places where the work is, and stays a while at each."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

PACE = 1.2
"""m/s"""
# Tag → the stops of its round; the first is where it starts.
ROUNDS: dict[str, tuple[tuple[float, float], ...]] = {
    "701": ((230, 84), (90, 236), (104, 256), (150, 264), (182, 250), (146, 240)),
    "702": ((100, 246), (128, 258), (62, 206), (180, 246)),
    "703": ((264, 252), (266, 250), (262, 256), (268, 246)),
    "704": ((236, 88), (256, 230), (372, 226), (120, 80), (404, 84)),
    "705": ((380, 250), (410, 250), (440, 250), (402, 222)),
    "706": ((250, 230), (300, 222), (286, 240), (256, 240)),
    "707": ((70, 60), (110, 60), (120, 100), (60, 100)),
    "708": ((404, 84), (412, 94), (402, 222), (408, 82)),
    "709": ((226, 80), (100, 230), (240, 228), (372, 222), (230, 84)),
    "710": ((300, 150), (330, 180), (180, 200), (210, 150)),
}
STAYS = (240.0, 900.0)
"""Shortest and longest stay at a stop. [s]"""


@dataclass
class Person:
    tag: str
    x: float
    y: float
    stop: int = 0
    rest: float = 0.0

    def step(self, dt: float, random: np.random.Generator) -> None:
        if self.rest > 0:
            self.rest -= dt
            return
        to = ROUNDS[self.tag][self.stop]
        left = math.dist((self.x, self.y), to)
        share = min(PACE * dt / left, 1.0) if left > 0 else 1.0
        self.x, self.y = self.x + share * (to[0] - self.x), self.y + share * (to[1] - self.y)
        if share == 1.0:
            self.stop, self.rest = (self.stop + 1) % len(ROUNDS[self.tag]), float(random.uniform(*STAYS))


class People:
    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self._all = [Person(tag, *stops[0], stop=1, rest=float(random.uniform(0, 300))) for tag, stops in ROUNDS.items()]
        self._calling: frozenset[str] = frozenset()

    def step(self, dt: float, calling: frozenset[str]) -> None:
        """`calling`: tags whose button is pressed; these people lie where they are."""
        self._calling = calling
        for person in self._all:
            if person.tag not in calling:
                person.step(dt, self._random)

    def values(self, noise: np.random.Generator) -> dict[str, float]:
        scatter = noise.normal(0, 0.3, (len(self._all), 2))
        found: dict[str, float] = {}
        for person, (dx, dy) in zip(self._all, scatter, strict=True):
            found[f"GX-{person.tag}"] = person.x + dx
            found[f"GY-{person.tag}"] = person.y + dy
            found[f"XS-{person.tag}"] = float(person.tag in self._calling)
        return found
