"""The safety system: ten functions, their bypasses, shut-off valves with feedback, buttons, the chlorine vote.

It acts on what it measures; a tripped function stays tripped until the scenario begins again. What it does to the Tennessee Eastman process
is not fed back there: a recording can't change its course.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from anlan.sense.demo.scenario import Event

MEMBERS = ("AT-201", "AT-202", "AT-203")
VOTE_LIMIT = 2.0
"""Chlorine at which a member votes. [mg/m³]"""
STROKE = 4.0
"""A shut-off valve's travel. [s]"""
# Function → the valves it moves to their safe position. All close on a trip but XV-105, which opens.
EFFECTS: Mapping[str, tuple[str, ...]] = {
    "SIF-01": ("XV-101", "XV-102", "XV-103", "XV-104", "XV-105"),
    "SIF-02": ("XV-103", "XV-104"),
    "SIF-03": ("XV-103", "XV-104"),
    "SIF-04": (),
    "SIF-05": (),
    "SIF-06": (),
    "SIF-07": ("XV-201", "XV-202"),
    "SIF-08": (),
    "SIF-09": (),
    "SIF-10": ("XV-501",),
}
BUTTONS: Mapping[str, tuple[str, ...]] = {
    "HS-101": EFFECTS["SIF-01"],
    "HS-102": EFFECTS["SIF-01"],
    "HS-201": ("XV-201", "XV-202"),
    "HS-301": ("XV-301", "XV-302", "XV-303", "XV-501"),
    "HS-501": ("XV-501",),
}
VENT = "XV-105"
VALVES = ("XV-101", "XV-102", "XV-103", "XV-104", VENT, "XV-201", "XV-202", "XV-301", "XV-302", "XV-303", "XV-501")


@dataclass
class Vote:
    """k of n over the members that take part; one in calibration leaves the vote, a faulty one votes alarm (DOMAIN.md 6)."""

    needed: int = 2
    healthy: int = 3
    reached: bool = False

    def count(self, values: Mapping[str, float], calibrating: Collection[str], faulty: Collection[str]) -> None:
        taking_part = [m for m in MEMBERS if m not in calibrating]
        votes = sum(m in faulty or values[m] >= VOTE_LIMIT for m in taking_part)
        self.healthy = len(taking_part)
        self.needed = min(2, self.healthy - 1) if self.healthy > 1 else 1
        self.reached = bool(taking_part) and votes >= self.needed

    @property
    def in_force(self) -> float:
        """0: 2oo3, 1: 1oo2, 2: 1oo1, 3: no member left."""
        return float(3 - self.healthy)


class SafetySystem:
    def __init__(self) -> None:
        self.vote = Vote()
        self._tripped: list[str] = []
        self._pressed: frozenset[str] = frozenset()
        self._bypasses: dict[str, tuple[float, float]] = {}
        self._travel = {valve: 0.0 for valve in VALVES}

    @property
    def tripped(self) -> Collection[str]:
        return self._tripped

    def opening(self, valve: str) -> float:
        """0 shut … 1 open."""
        return self._travel[valve] if valve == VENT else 1.0 - self._travel[valve]

    def step(
        self, dt: float, demands: Mapping[str, bool], bypasses: Collection[Event], pressed: Collection[str], now: float
    ) -> None:
        """`demands`: which functions' conditions stand; the vote was counted before."""
        self._bypasses = {e.target: (e.at + e.allowed - now, e.at + e.lasts - now) for e in bypasses}
        self._pressed = frozenset(pressed)
        demands = {**demands, "SIF-07": self.vote.reached}
        self._tripped += [s for s, on in demands.items() if on and s not in self._tripped and s not in self._bypasses]
        acting = {v for s in self._tripped for v in EFFECTS[s]} | {v for b in self._pressed for v in BUTTONS[b]}
        for valve in VALVES:
            towards = dt / STROKE if valve in acting else -dt / STROKE
            self._travel[valve] = min(max(self._travel[valve] + towards, 0.0), 1.0)

    def values(self) -> dict[str, float]:
        return self._functions() | self._valves() | {
            "UA-200": self.vote.in_force,
            "XA-200": float(self.vote.reached),
            "XA-900": float(self._tripped[0].removeprefix("SIF-")) if self._tripped else 0.0,
            "XA-901": 0.0,
            "XA-902": 0.0,
            "EI-903": 100.0,
        }  # fmt: skip

    def _functions(self) -> dict[str, float]:
        found: dict[str, float] = {button: float(button in self._pressed) for button in BUTTONS}
        for function in EFFECTS:
            left = self._bypasses.get(function, (0.0, 0.0))[0]
            number = function.removeprefix("SIF-")
            found[function] = float(function in self._tripped)
            found[f"BP-{number}"] = 0.0 if function not in self._bypasses else 1.0 if left > 0 else 2.0
            found[f"BR-{number}"] = float(round(left / 60.0))
        return found

    def _valves(self) -> dict[str, float]:
        return {f"{v}.ZSO": float(self.opening(v) >= 1.0) for v in VALVES} | {
            f"{v}.ZSC": float(self.opening(v) <= 0.0) for v in VALVES
        }
