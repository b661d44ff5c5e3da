"""The demand log: when the safety system acted, what it says came first, and how long each final element took. Pure, from source stamps.

A demand begins when a cause that was known not to act is known to act. A final element has reached its safe position at the first reading at or
after the demand that says so; readings come one a period, so a stroke time is known to within the element's period and no better.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import SECOND, Micros
from anlan.model.quality import Severity, quality
from anlan.monitor.safety.config import Cause, Effect, SafetySystem

_BAD = quality(Severity.BAD)
FIRST_OUT_WITHIN: Micros = 10 * SECOND
"""The register is read at least once in this time after a demand."""


@dataclass(frozen=True, slots=True)
class Series:
    """One point's readings by time."""

    time: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    quality: npt.NDArray[np.int64]

    @classmethod
    def of(cls, rows: list[tuple[int, float, int]]) -> Series:
        columns = list(zip(*rows, strict=True)) or [(), (), ()]
        return cls(np.array(columns[0], np.int64), np.array(columns[1], np.float64), np.array(columns[2], np.int64))

    def usable(self) -> Series:
        good = (self.quality < _BAD) & np.isfinite(self.value)
        return Series(self.time[good], self.value[good], self.quality[good])


NONE = Series(np.zeros(0, np.int64), np.zeros(0), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Stroke:
    """`seconds` None: not known to have arrived within what was looked at. `within` None: nobody can say."""

    effect: str
    required: float
    seconds: float | None
    already: bool
    """It was in its safe position when the demand came."""
    within: bool | None


@dataclass(frozen=True, slots=True)
class Demand:
    cause: str
    at: Micros
    ended: Micros | None
    first_out: bool | None
    """Whether the safety system's own register named this cause; None where it says nothing that is known."""
    strokes: tuple[Stroke, ...]

    def as_json(self) -> dict[str, Any]:
        strokes = [{name: getattr(s, name) for name in Stroke.__dataclass_fields__} for s in self.strokes]
        return {"cause": self.cause, "at": self.at, "ended": self.ended, "first_out": self.first_out, "strokes": strokes}


def demands(system: SafetySystem, series: Mapping[str, Series], until: Micros) -> list[Demand]:
    """Of all causes, newest first; `until` is when the series end."""
    found = [
        Demand(cause.id, at, ended, _first_out(system, cause, series, at), _strokes(system, cause, series, at, until))
        for cause in system.causes
        for at, ended in _activations(cause, series.get(cause.point, NONE))
    ]
    return sorted(found, key=lambda demand: (-demand.at, demand.cause))


def _activations(cause: Cause, told: Series) -> list[tuple[Micros, Micros | None]]:
    """(from, to) of each time the cause acted that began within the series."""
    told = told.usable()
    acts = np.isin(told.value, cause.active).astype(np.int8)
    edges = np.diff(acts)
    begins, ends = told.time[1:][edges > 0], told.time[1:][edges < 0]
    return [(int(at), next((int(end) for end in ends if end > at), None)) for at in begins]


def _first_out(system: SafetySystem, cause: Cause, series: Mapping[str, Series], at: Micros) -> bool | None:
    if system.first_out is None or cause.first_out is None:
        return None
    told = series.get(system.first_out, NONE).usable()
    after = told.value[(told.time >= at) & (told.time <= at + FIRST_OUT_WITHIN)]
    named = after[after != 0]
    return bool(named[0] == cause.first_out) if len(named) else None


def _strokes(system: SafetySystem, cause: Cause, series: Mapping[str, Series], at: Micros, until: Micros) -> tuple[Stroke, ...]:
    effects = [effect for name in cause.effects if (effect := system.effect(name)) is not None]
    return tuple(_stroke(effect, series, at, until) for effect in effects)


def _stroke(effect: Effect, series: Mapping[str, Series], at: Micros, until: Micros) -> Stroke:
    confirmed = effect.confirmed_by
    assert confirmed is not None
    told = series.get(confirmed[0], NONE)
    good = told.usable()
    before, after = good.value[good.time < at], good.time >= at
    already = bool(len(before)) and before[-1] == confirmed[1]
    reached = good.time[after & (good.value == confirmed[1])]
    if already:
        return Stroke(effect.id, effect.stroke_time, 0.0, True, True)
    if len(reached):
        seconds = float(reached[0] - at) / SECOND
        return Stroke(effect.id, effect.stroke_time, seconds, False, seconds <= effect.stroke_time)
    deadline = at + round(effect.stroke_time * SECOND)
    # Not reached is only known if somebody looked when its time was over.
    seen_after = bool((good.time >= deadline).any())
    return Stroke(effect.id, effect.stroke_time, None, False, False if seen_after and until >= deadline else None)
