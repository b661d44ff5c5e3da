"""What is known of a rate or of a probability on demand: a gamma or a beta distribution, with mean and quantiles.

A published lognormal becomes the gamma of the same mean and variance, since the gamma is what counts of failures update in closed form.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, log

from anlan.model.errors import InputError

NORMAL_95 = 1.6448536269514722


class FailureQuestion(InputError):
    """Counts or figures that no update can be made of."""

    code = "failure-data"


@dataclass(frozen=True, slots=True)
class Gamma:
    """Of a rate per hour: shape `a`, `b` hours; mean a/b. b = 0: nothing known but the shape (Jeffreys)."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / self.b if self.b else float("inf")

    def quantile(self, q: float) -> float:
        from scipy.special import gammaincinv

        return float(gammaincinv(self.a, q)) / self.b if self.b else float("inf")


@dataclass(frozen=True, slots=True)
class Beta:
    """Of a probability on demand: `a` failures, `b` successes; mean a/(a+b)."""

    a: float
    b: float

    @property
    def mean(self) -> float:
        return self.a / (self.a + self.b)

    def quantile(self, q: float) -> float:
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, q))


Law = Gamma | Beta


def of_lognormal(median: float, error_factor: float) -> Gamma:
    """The gamma of the same mean and variance. `error_factor`: 95 % quantile over median, above 1."""
    if not (median > 0 and error_factor > 1 and isfinite(median) and isfinite(error_factor)):
        raise FailureQuestion("a lognormal needs a median above 0 and an error factor above 1; {found} was found", found=f"{median}, {error_factor}")  # fmt: skip
    sigma = log(error_factor) / NORMAL_95
    shape = 1 / (exp(sigma * sigma) - 1)
    return Gamma(shape, shape / (median * exp(sigma * sigma / 2)))
