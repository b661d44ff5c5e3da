"""A published distribution updated by this plant's own counts: gamma–Poisson for rates, beta–binomial on demand, both in closed form.

    rate:      gamma(a, b), n failures in T hours      → gamma(a + n, b + T)
    on demand: beta(a, b),  n failures of m demands    → beta(a + n, b + m − n)

Before the two are joined the counts are held against what the source foresaw (negative binomial, beta-binomial): P(N ≥ n) and P(N ≤ n). Where
either is below 5 % source and plant contradict each other, and their product would be narrower than what anybody knows. It is then told. Where the
plant does worse, three failures and more speak for themselves (Jeffreys, the plant alone); fewer are joined with the source weakened to
the shape 1/2 of the same mean (NUREG/CR-6823: constrained non-informative).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma
from typing import Literal

from anlan.risk.failures.laws import Beta, FailureQuestion, Gamma, Law

UNLIKELY = 0.05
ENOUGH = 3
"""Failures from which on a plant's counts are a figure of their own: our choice."""
WEAK = 0.5
MODEL = "gamma–Poisson, beta–binomial (NUREG/CR-6823)"


@dataclass(frozen=True, slots=True)
class Counts:
    """`exposure`: hours, or demands. Failures of a demand are among its demands."""

    failures: int
    exposure: float

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.failures + other.failures, self.exposure + other.exposure)


@dataclass(frozen=True, slots=True)
class Updated:
    """`used`: what is taken, and as "joined", "plant" (alone), "weakened" (joined with a vaguer source) or "prior" (nothing counted). `at_least`, `at_most`: prior-predictive tails of the
    counts, None without any."""

    prior: Law
    counts: Counts
    joined: Law
    alone: Law | None
    used: Law
    taken: Literal["joined", "plant", "weakened", "prior"]
    at_least: float | None
    at_most: float | None

    @property
    def conflict(self) -> Literal["", "worse", "better"]:
        """The plant does worse, or better, than the source lets one expect."""
        if self.at_least is not None and self.at_least < UNLIKELY:
            return "worse"
        return "better" if self.at_most is not None and self.at_most < UNLIKELY else ""

    def interval(self, share: float = 0.9) -> tuple[float, float]:
        """Credible interval of what is used, equal tails."""
        tail = (1 - share) / 2
        return self.used.quantile(tail), self.used.quantile(1 - tail)


def update_failures(prior: Law, counts: Counts) -> Updated:
    """Raises FailureQuestion for counts that cannot be: negative, more failures than demands, failures without exposure."""
    n, exposure = counts.failures, counts.exposure
    if n < 0 or exposure < 0 or n != int(n):
        raise FailureQuestion(
            "counts are {found}; whole failures and an exposure from 0 on were expected", found=f"{n}, {exposure}"
        )
    if isinstance(prior, Beta) and n > exposure:
        raise FailureQuestion("{failures} failures of {demands} demands were counted", failures=n, demands=exposure)
    if n and not exposure:
        raise FailureQuestion("{failures} failures without any hours or demands were counted", failures=n)
    if not exposure:
        return Updated(prior, counts, prior, None, prior, "prior", None, None)
    joined, alone = join(prior, counts), join(Gamma(0.5, 0.0) if isinstance(prior, Gamma) else Beta(0.5, 0.5), counts)
    at_least, at_most = tails(prior, counts)
    if at_least >= UNLIKELY or alone.mean <= joined.mean:
        return Updated(prior, counts, joined, alone, joined, "joined", at_least, at_most)
    if n >= ENOUGH:
        return Updated(prior, counts, joined, alone, alone, "plant", at_least, at_most)
    vague = join(weakened(prior), counts)
    return Updated(prior, counts, joined, alone, max(vague, joined, key=lambda law: law.mean), "weakened", at_least, at_most)


def join(prior: Law, counts: Counts) -> Law:
    """The posterior in closed form."""
    if isinstance(prior, Gamma):
        return Gamma(prior.a + counts.failures, prior.b + counts.exposure)
    return Beta(prior.a + counts.failures, prior.b + counts.exposure - counts.failures)


def weakened(prior: Law) -> Law:
    """Of the same mean and the shape 1/2, or the prior where it is vaguer."""
    if prior.a <= WEAK:
        return prior
    if isinstance(prior, Gamma):
        return Gamma(WEAK, WEAK / prior.mean)
    return Beta(WEAK, WEAK * (1 - prior.mean) / prior.mean)


def tails(prior: Law, counts: Counts) -> tuple[float, float]:
    """P(N ≥ n) and P(N ≤ n) of the failures that the prior foresees in this exposure."""
    n, exposure = counts.failures, counts.exposure
    if isinstance(prior, Gamma):
        from scipy.special import betainc

        at_most = float(betainc(prior.a, n + 1, prior.b / (prior.b + exposure)))
        return (1.0 if n == 0 else float(betainc(n, prior.a, exposure / (prior.b + exposure)))), at_most
    demands = int(exposure)
    below = sum(_beta_binomial(prior, demands, k) for k in range(n))
    return max(0.0, 1.0 - below), min(1.0, below + _beta_binomial(prior, demands, n))


def _beta_binomial(prior: Beta, demands: int, k: int) -> float:
    def between(a: float, b: float) -> float:
        return lgamma(a) + lgamma(b) - lgamma(a + b)

    choose = lgamma(demands + 1) - lgamma(k + 1) - lgamma(demands - k + 1)
    return exp(choose + between(prior.a + k, prior.b + demands - k) - between(prior.a, prior.b))
