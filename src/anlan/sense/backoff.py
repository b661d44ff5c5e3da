"""How long to wait before trying again: doubling, jittered, so that a hundred clients of a reborn server do not come at once."""

from __future__ import annotations

import random


class Backoff:
    """`delay()` grows from about `first` to at most `most` seconds; `reset()` after a success."""

    def __init__(self, first: float = 0.5, most: float = 30.0, rng: random.Random | None = None) -> None:
        self._first, self._most = first, most
        self._next = first
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing

    def delay(self) -> float:
        """Seconds to wait: between half and all of the present step, which then doubles."""
        step, self._next = self._next, min(self._most, self._next * 2)
        return step * self._rng.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._next = self._first
