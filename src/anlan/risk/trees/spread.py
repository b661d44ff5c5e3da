"""What is not known exactly: the top event's probability over samples of its parameters, and over the mission time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anlan.risk.trees.expressions import Column
from anlan.risk.trees.mistakes import TreeQuestion
from anlan.risk.trees.solving import Solution, evaluation, exact

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
CELLS = 1 << 24
"""Numbers held at a time by one walk over the diagram: 128 MB, twice."""


@dataclass(frozen=True, slots=True)
class Spread:
    """`error_factor`: √(95 % / 5 %)."""

    samples: int
    seed: int
    mean: float
    sigma: float
    quantiles: dict[float, float]
    error_factor: float | None


def uncertainty(solution: Solution, samples: int = 10_000, seed: int = 1) -> Spread:
    """Monte Carlo over the parameters' distributions, exact in each sample. Samples outside of 0 … 1 count as the nearer of both.

    Raises TreeQuestion without an exact diagram, or when an event has no probability.
    """
    if samples < 2:
        raise TreeQuestion("the number of samples is {found}; 2 or more were expected", found=samples)
    draw = np.random.default_rng(seed)
    values = columns(solution, samples, draw=draw)
    low, *inner, high = (float(q) for q in np.quantile(values, QUANTILES))
    return Spread(
        samples,
        seed,
        float(values.mean()),
        float(values.std(ddof=1)),
        dict(zip(QUANTILES, (low, *inner, high), strict=True)),
        float(np.sqrt(high / low)) if low > 0 else None,
    )


@dataclass(frozen=True, slots=True)
class OverTime:
    """`average`: of the probability over the mission (PFDavg of a protection on demand); `largest` with the hour `at` which it stands."""

    hours: Column
    probability: Column
    average: float
    largest: float
    at: float


def over_time(solution: Solution, points: int = 8761) -> OverTime:
    """At `points` equally far times from 0 to the mission time. Averaged by the trapezium rule, so a test's jump is smeared over one step."""
    if points < 2:
        raise TreeQuestion("the number of times is {found}; 2 or more were expected", found=points)
    hours = np.linspace(0.0, solution.tree.mission_time, points)
    values = columns(solution, points, time=hours)
    average = float(np.trapezoid(values, hours) / hours[-1]) if hours[-1] > 0 else float(values[0])
    worst = int(values.argmax())
    return OverTime(hours, values, average, float(values[worst]), float(hours[worst]))


def columns(solution: Solution, size: int, draw: np.random.Generator | None = None, time: Column | None = None) -> Column:
    """P float64[size] over samples or times."""
    diagram, tree = solution.diagram, solution.tree
    if diagram is None or solution.probability is None:
        raise TreeQuestion("this needs an exact diagram and the probability of each event; this tree has none")
    more = {"size": size, "draw": draw} | ({} if time is None else {"time": time})
    at = evaluation(tree, **more)
    p = np.empty((len(diagram.levels), size))
    for level, event in enumerate(diagram.levels):
        expression = tree.events[solution.circuit.events[event]].probability
        assert expression is not None
        p[level] = np.clip(at.column(expression), 0.0, 1.0)
    step = max(1, CELLS // len(diagram.nodes))
    return np.concatenate([exact(diagram, p[:, n : n + step])[0] for n in range(0, size, step)])
