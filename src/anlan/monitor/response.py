"""Did the action work? What the readings say of an alarm that stands: how far its value is from clearing, and where it goes.

In: the alarm's limit, the readings since a person acknowledged it, the quality that counts now. Out: a `Judgement`, facts and one word for
them; it says what has been, never what will come. Pure.

The trend is a straight line by least squares through ten means of equal spans, because readings of one second tell nearly the same thing
and would make the line look surer than it is. Its 95 % interval decides: wholly towards the limit is "returning", wholly away "worsening",
narrow around zero "unchanged"; anything else, too few readings, or a value that can't be relied on is "unknown".
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from anlan.model.clock import MINUTE, SECOND, Micros
from anlan.model.events.alarms import AlarmKind
from anlan.model.quality import REASON_MASK, SEVERITY_SHIFT, Flag, Reason, Severity

Verdict = Literal["returned", "returning", "unchanged", "worsening", "unknown"]
Basis = Literal["limit", "state", "quality", "view"]
"""What the alarm stands on: a value against a limit, a state, the quality of the value, or the link to its source."""

SPANS = 10
FEWEST_SPANS = 5
SHORTEST: Micros = 30 * SECOND
"""A trend over less is no trend."""
WINDOW: Micros = 5 * MINUTE
LONGEST_WINDOW: Micros = 60 * MINUTE
PERIODS = 12
"""A point that speaks seldom is looked at for as many of its periods."""
LONGEST_BACK = 8 * 3600.0
"""s; what lies farther ahead is not told: no line holds for a whole shift."""
_T95 = {3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306}
"""Two-sided 95 % point of Student's t by degrees of freedom, FEWEST_SPANS − 2 to SPANS − 2."""

HIGHS = frozenset({AlarmKind.HIGH, AlarmKind.HIGH_HIGH})
LOWS = frozenset({AlarmKind.LOW, AlarmKind.LOW_LOW})
OF_QUALITY = frozenset({AlarmKind.BAD_QUALITY, AlarmKind.STALE})
MOVING = frozenset({AlarmKind.RATE, AlarmKind.DEVIATION})
"""Calculated and compared as a high limit: where the figure goes can be told. That of the other calculated kinds jumps."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """`condition`: whether the engine says the alarm's condition is on; None while it is hidden and nobody has said. `value` and `quality`
    are the newest, the quality as it counts now. `times` …: readings by time, the newest before `start` too if there is one. `holds`:
    silence means unchanged. `step`: the smallest change that is shown."""

    kind: AlarmKind
    condition: bool | None
    value: float
    quality: int
    limit: float | None = None
    dead_band: float = 0.0
    states: tuple[int, ...] = ()
    start: Micros = 0
    end: Micros = 0
    times: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    values: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    qualities: npt.NDArray[np.uint16] = field(default_factory=lambda: np.zeros(0, np.uint16))
    holds: bool = False
    step: float = 0.0
    under_test: bool = False
    in_view: bool | None = None
    """Of the source, for a loss of view; None when nobody has told."""


@dataclass(slots=True)
class Judgement:
    """`distance`: what the value still lacks to be back past `clears_at`, negative once it is. Slopes in the value's unit per minute with their
    95 % interval. `back`: seconds until the line is back, earliest and latest (None: not to be told). `because`: a code for the reason."""

    basis: Basis
    verdict: Verdict = "unknown"
    because: str = ""
    value: float | None = None
    clears_at: float | None = None
    distance: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    back: tuple[float, float | None] | None = None
    readings: int = 0
    usable: int = 0
    span: float = 0.0
    """s from the first to the last instant that the trend stands on."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Line:
    """Per minute."""

    slope: float
    half: float
    """Half of the 95 % interval."""
    span: Micros


def window_of(period: float) -> Micros:
    """How far back the trend looks for a point that speaks every `period` seconds."""
    return min(max(WINDOW, round(PERIODS * period * SECOND)), LONGEST_WINDOW)


def judge(asked: Question) -> Judgement:
    if asked.kind is AlarmKind.LOSS_OF_VIEW:
        return _of_view(asked)
    if asked.kind in OF_QUALITY:
        return _of_quality(asked)
    found = Judgement("limit" if _side(asked.kind) and asked.limit is not None else "state")
    if not _usable_now(asked, found):
        return found
    found.value = asked.value
    return _of_limit(asked, found) if found.basis == "limit" else _of_state(asked, found)


def _side(kind: AlarmKind) -> int:
    """1 where a high value alarms, −1 where a low one does, 0 for what has no limit to go back to."""
    return 1 if kind in HIGHS or kind in MOVING else -1 if kind in LOWS else 0


def _usable_now(asked: Question, found: Judgement) -> bool:
    """A value that can't be relied on says nothing, whatever the alarm's state."""
    if asked.under_test or asked.quality & REASON_MASK == Reason.CALIBRATION:
        found.because = "calibration"
    elif asked.quality >> SEVERITY_SHIFT != Severity.GOOD or not np.isfinite(asked.value):
        found.because = "quality"
    elif asked.quality & Flag.CLOCK_BAD:
        found.because = "clock"
    return not found.because


def _of_view(asked: Question) -> Judgement:
    found = Judgement("view")
    if asked.in_view is None:
        found.because = "link"
    elif not asked.in_view:
        found.verdict, found.because = "unchanged", "out_of_view"
    else:
        found.verdict, found.because = ("returned", "ended") if asked.condition is False else ("returning", "delay")
    return found


def _of_quality(asked: Question) -> Judgement:
    found = Judgement("quality", value=asked.value if np.isfinite(asked.value) else None)
    if asked.quality >> SEVERITY_SHIFT >= Severity.BAD:
        found.verdict, found.because = "unchanged", "quality"
    elif asked.condition is False:
        found.verdict, found.because = "returned", "ended"
    else:
        found.verdict, found.because = "returning", "delay"
    return found


def _of_state(asked: Question, found: Judgement) -> Judgement:
    on = asked.condition
    if on is None and asked.states:
        on = asked.value in asked.states
    if on is None:
        found.because = "hidden"
    else:
        found.verdict, found.because = ("unchanged", "state") if on else ("returned", "ended")
    return found


def _of_limit(asked: Question, found: Judgement) -> Judgement:
    assert asked.limit is not None
    side = _side(asked.kind)
    found.clears_at = asked.limit - side * asked.dead_band
    found.distance = side * (asked.value - found.clears_at)
    line = _trend(asked, found)
    if asked.condition is False:
        found.verdict, found.because = "returned", "ended"
    elif found.distance < 0:  # past the limit's dead-band already: hidden, or its delay still runs
        found.verdict, found.because = ("returned", "value") if asked.condition is None else ("returning", "delay")
    elif line is not None:
        _weigh(asked, found, line, side)
    return found


def _weigh(asked: Question, found: Judgement, line: Line, side: int) -> None:
    """What the line says, in the direction of the limit."""
    assert found.distance is not None
    towards = -side * line.slope
    least, most = towards - line.half, towards + line.half
    minutes = line.span / MINUTE
    told = max(asked.step, found.distance / 2)
    moved = abs(towards) * minutes >= asked.step
    if least > 0 and moved:
        found.verdict, found.because = "returning", "trend"
        found.back = _back(found.distance, least, most)
    elif most < 0 and moved:
        found.verdict, found.because = "worsening", "trend"
    elif line.half * minutes <= told:
        found.verdict, found.because = "unchanged", "trend"
    else:
        found.because = "noise"


def _back(distance: float, least: float, most: float) -> tuple[float, float | None] | None:
    """Seconds, by the fastest and the slowest line that the readings allow."""
    earliest, latest = 60 * distance / most, 60 * distance / least
    if earliest > LONGEST_BACK:
        return None
    return earliest, latest if latest <= LONGEST_BACK else None


# ------------------------------------------------------------------------------------------------------------------------ the line


def _trend(asked: Question, found: Judgement) -> Line | None:
    usable = (asked.qualities >> SEVERITY_SHIFT == Severity.GOOD) & np.isfinite(asked.values)
    usable &= asked.qualities & Flag.CLOCK_BAD == 0
    inside = (asked.times >= asked.start) & (asked.times <= asked.end)
    found.readings, found.usable = int(inside.sum()), int((inside & usable).sum())
    if asked.holds:
        at, mean, first, last = _held_means(asked, usable)
    elif 2 * found.usable < found.readings:
        found.because = "quality"
        return None
    else:
        at, mean, first, last = _means(asked.times[inside & usable], asked.values[inside & usable])
    found.span = (last - first) / SECOND
    if len(at) < FEWEST_SPANS:
        found.because = "few"
        return None
    if last - first < SHORTEST:
        found.because = "short"
        return None
    slope, half = _line(at, mean)
    found.slope, found.slope_low, found.slope_high = slope, slope - half, slope + half
    return Line(slope, half, last - first)


def _line(at: npt.NDArray[np.float64], mean: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Slope and half of its 95 % interval; `at` in minutes."""
    x, y = at - at.mean(), mean - mean.mean()
    sxx = float(x @ x)
    slope = float(x @ y) / sxx
    freedom = len(at) - 2
    residual = y - slope * x
    return slope, _T95[freedom] * float(np.sqrt(residual @ residual / freedom / sxx))


_Means = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], Micros, Micros]
"""Times [min] and means of the spans that hold anything, first and last instant."""


def _means(times: npt.NDArray[np.int64], values: npt.NDArray[np.float64]) -> _Means:
    """Of readings: as many spans as there are readings, ten at most. A span without one is left out."""
    if not len(times):
        return np.zeros(0), np.zeros(0), 0, 0
    first, last = int(times[0]), int(times[-1])
    spans = min(SPANS, len(times))
    where = np.minimum((times - first) * spans // max(1, last - first), spans - 1)
    count = np.bincount(where, minlength=spans)
    there = count > 0
    at = np.bincount(where, (times - first) / MINUTE, spans)[there] / count[there]
    return at, np.bincount(where, values, spans)[there] / count[there], first, last


def _held_means(asked: Question, usable: npt.NDArray[np.bool_]) -> _Means:
    """Of a value that is told when it changes: it is known at every instant from its first reading on, and each counts for as long as it held.
    A span of which more than half isn't known is left out."""
    known = asked.times <= asked.end
    times, values, good = asked.times[known], asked.values[known], usable[known]
    if not len(times) or asked.end <= asked.start:
        return np.zeros(0), np.zeros(0), 0, 0
    first = max(asked.start, int(times[0]))
    edges = np.linspace(first, asked.end, SPANS + 1)
    begin, end = np.maximum(times, first).astype(np.float64), np.append(times[1:], asked.end).astype(np.float64)
    held = np.maximum(0.0, np.minimum(end, edges[1:, None]) - np.maximum(begin, edges[:-1, None])) * good
    weight = held.sum(axis=1)
    there = weight > (edges[1] - edges[0]) / 2
    mean = (held @ np.where(good, values, 0.0))[there] / weight[there]
    middle = ((edges[1:] + edges[:-1]) / 2 - first)[there] / MINUTE
    return middle, mean, first, asked.end
