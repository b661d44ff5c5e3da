"""Numbers that depend on the mission time, on parameters and on chance: what a basic event's probability is written as.

An expression is evaluated for a column of cases at once: times, or samples of its uncertain parts. Rates are per hour, times in hours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Number:
    value: float


@dataclass(frozen=True, slots=True)
class Use:
    """A parameter, by its full name."""

    name: str


@dataclass(frozen=True, slots=True)
class MissionTime:
    pass


@dataclass(frozen=True, slots=True)
class Apply:
    """A function of the tables below, by its Open-PSA name."""

    function: str
    arguments: tuple[Expression, ...]


Expression = Number | Use | MissionTime | Apply


def exponential(rate: Any, time: Any) -> Any:
    """Unavailability of what fails at `rate` and is not repaired."""
    return -np.expm1(-rate * time)


def glm(gamma: Any, rate: Any, repair: Any, time: Any) -> Any:
    """Fails on demand with `gamma`, in running at `rate`, is found at once and repaired at `repair`: Open-PSA's GLM."""
    both = rate + repair
    with np.errstate(divide="ignore", invalid="ignore"):
        # λ/(λ+μ) − (λ − γ(λ+μ))/(λ+μ)·e^{−(λ+μ)t}, written so that small numbers keep their digits
        value = gamma * np.exp(-both * time) - rate / both * np.expm1(-both * time)
    return np.where(both == 0, gamma, value)


def weibull(scale: Any, shape: Any, shift: Any, time: Any) -> Any:
    with np.errstate(invalid="ignore"):
        return np.where(time <= shift, 0.0, -np.expm1(-np.power(np.maximum(time - shift, 0.0) / scale, shape)))


def tested(rate: Any, interval: Any, first: Any, time: Any) -> Any:
    """Fails at `rate`, is tested first at `first` and then each `interval`, and is as new after each test."""
    since = np.mod(np.maximum(time - first, 0.0), interval)
    return exponential(rate, np.where(time <= first, time, np.where(since == 0, interval, since)))


MOST_TESTS = 100_000
"""Within the mission time: each is gone through."""


def repaired_after_tests(rate: Any, repair: Any, interval: Any, first: Any, time: Any) -> Any:
    """As `tested`, but what a test finds failed is repaired at `repair` (per hour) and meanwhile unavailable.

    NaN where the interval is not above 0, or where there are more than MOST_TESTS tests.

    Between tests a part works (W), has failed unseen (F) or is under repair (R): W → F at λ, R → W at μ; a test moves F to R.
    """
    rate, repair, interval, first, time = np.broadcast_arrays(rate, repair, interval, first, np.asarray(time, np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        done = np.where(time < first, 0.0, np.floor((time - first) / interval) + 1)
    sound = (interval > 0) & (first >= 0) & (done <= MOST_TESTS)
    tests = np.where(sound, done, 0).astype(np.int64)
    whole = int(tests.max(initial=0))
    works, hidden, repaired = np.ones(time.shape), np.zeros(time.shape), np.zeros(time.shape)
    for n in range(whole + 1):
        span = np.where(
            n < tests,
            first if n == 0 else interval,
            np.where(n == tests, time - np.where(n == 0, 0.0, first + (n - 1) * interval), 0.0),
        )
        w, r = np.exp(-rate * span), np.exp(-repair * span)
        apart = repair - rate
        with np.errstate(divide="ignore", invalid="ignore"):
            back = np.where(np.abs(apart) * span < 1e-9, repair * span * w, repair / apart * (w - r))
        works, repaired, hidden = works * w + repaired * back, repaired * r, hidden + works * (1 - w) + repaired * (1 - r - back)
        found = n < tests
        repaired, hidden = np.where(found, repaired + hidden, repaired), np.where(found, 0.0, hidden)
    return np.where(sound, hidden + repaired, np.nan)


def _plus(*values: Any) -> Any:
    return sum(values[1:], values[0])


def _minus(first: Any, *others: Any) -> Any:
    return -first if not others else first - _plus(*others)


def _times(*values: Any) -> Any:
    result = values[0]
    for value in values[1:]:
        result = result * value
    return result


def _over(first: Any, *others: Any) -> Any:
    return first / _times(*others)


MANY = 1_000
FUNCTIONS: Mapping[str, tuple[int, int, Callable[..., Any]]] = {
    "neg": (1, 1, lambda x: -x), "add": (1, MANY, _plus), "sub": (1, MANY, _minus), "mul": (1, MANY, _times), "div": (2, MANY, _over),
    "abs": (1, 1, np.abs), "exp": (1, 1, np.exp), "log": (1, 1, np.log), "log10": (1, 1, np.log10), "sqrt": (1, 1, np.sqrt),
    "pow": (2, 2, np.power), "mod": (2, 2, np.mod), "ceil": (1, 1, np.ceil), "floor": (1, 1, np.floor),
    "min": (1, MANY, lambda *a: np.minimum.reduce(np.broadcast_arrays(*a))), "max": (1, MANY, lambda *a: np.maximum.reduce(np.broadcast_arrays(*a))),
    "mean": (1, MANY, lambda *a: _plus(*a) / len(a)),
    "exponential": (2, 2, exponential), "GLM": (4, 4, glm), "Weibull": (4, 4, weibull),
}  # fmt: skip
"""Name → fewest and most arguments, function. `periodic-test` has three forms and stands below."""

PERIODIC: Mapping[int, Callable[..., Any]] = {4: tested, 5: repaired_after_tests}


def lognormal(mean: Any, factor: Any, level: Any, normal: Any) -> Any:
    """Lognormal with a mean and an error factor: the quantile at `level` over the median."""
    sigma = np.log(factor) / NormalDist().inv_cdf(float(np.ravel(level)[0]))
    return mean * np.exp(sigma * normal - sigma**2 / 2)


DEVIATES = {
    "uniform-deviate": (2, 2), "normal-deviate": (2, 2), "lognormal-deviate": (2, 3), "gamma-deviate": (2, 2), "beta-deviate": (2, 2),
}  # fmt: skip
"""What chance decides. Without a generator each stands for its mean."""


def drawn(function: str, a: tuple[Any, ...], draw: np.random.Generator | None, size: int) -> Any:
    """`size` samples of a deviate, or its mean when `draw` is None."""
    match function:
        case "uniform-deviate":
            return (a[0] + a[1]) / 2 if draw is None else draw.uniform(a[0], a[1], size)
        case "normal-deviate":
            return a[0] if draw is None else draw.normal(a[0], a[1], size)
        case "lognormal-deviate" if len(a) == 3:
            return a[0] if draw is None else lognormal(a[0], a[1], a[2], draw.standard_normal(size))
        case "lognormal-deviate":
            return np.exp(a[0] + a[1] ** 2 / 2) if draw is None else draw.lognormal(a[0], a[1], size)
        case "gamma-deviate":  # shape, scale
            return a[0] * a[1] if draw is None else draw.gamma(a[0], a[1], size)
        case _:
            return a[0] / (a[0] + a[1]) if draw is None else draw.beta(a[0], a[1], size)


@dataclass(slots=True)
class Evaluation:
    """One evaluation of many expressions: a parameter is drawn once, so that what shares it moves together."""

    parameters: Mapping[str, Expression]
    time: float | Column
    size: int = 1
    draw: np.random.Generator | None = None
    _known: dict[str, Any] = field(default_factory=dict)

    def value(self, expression: Expression) -> Any:
        match expression:
            case Number(value):
                return value
            case MissionTime():
                return self.time
            case Use(name):
                if name not in self._known:
                    self._known[name] = self.value(self.parameters[name])
                return self._known[name]
            case Apply(function, arguments):
                values = tuple(self.value(one) for one in arguments)
                if function in DEVIATES:
                    return drawn(function, values, self.draw, self.size)
                if function == "periodic-test":
                    return PERIODIC[len(values)](*values)
                return FUNCTIONS[function][2](*values)

    def column(self, expression: Expression) -> Column:
        """float64[size]."""
        return np.broadcast_to(np.asarray(self.value(expression), np.float64), (self.size,))
