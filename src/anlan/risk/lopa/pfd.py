"""PFDavg and PFH of one voted group of equal channels, by the formulas of IEC 61508-6:2010 annex B (B.3.2, B.3.3).

A dangerous failure is found by diagnostics (DD) and restored within MTTR, or only by a test (DU). Of the undetected ones the proof test each T1
finds the share `coverage`; what it does not find stays until the full test each T2 (B.3.2.5). A channel's mean down time and the group's are

    t_i = λDU/λD · (C·(T1/(i+1) + MRT) + (1−C)·(T2/(i+1) + MRT)) + λDD/λD · MTTR        t_1 = tCE, t_2 = tGE, …
    koon, k < n: PFD = n!/(k−1)! · ((1−βD)λDD + (1−β)λDU)^(n−k+1) · t_1 … t_(n−k+1) + βD·λDD·MTTR + β·λDU·(C·(T1/2+MRT) + (1−C)·(T2/2+MRT))
    noon:        PFD = n · λD · tCE

Source: IEC 61508-6:2010 annex B; the formulas are from memory and agree with a public program (rafarrocha/PyPFD) and with the Markov oracle of
the tests. 1oo2D without `comparison` (K) is the form of the edition of 2000, with it that of 2010: their figures differ.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from math import factorial, prod

from anlan.model.errors import InputError
from anlan.model.words import Label
from anlan.risk.lopa.figures import short
from anlan.risk.wording import say

MODEL = Label(
    zh="IEC 61508-6:2010 附录 B;区间 IEC 61508-1:2010 表 2、表 3(未核对原文)",
    en="IEC 61508-6:2010 annex B; bands of IEC 61508-1:2010 tables 2 and 3 (text not checked)",
)
SMALL = 0.1
"""λ·T and PFD up to which the formulas, first terms of a series, are told as within their range: our own choice of what ≪ 1 means."""

_KOON = re.compile(r"([1-9]\d?)oo([1-9]\d?)")


class SafetyFunctionQuestion(InputError):
    """Figures that describe no group of channels."""

    code = "safety-function"


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """One channel of a group; all are alike. Rates per hour, times in hours; None: nobody has stated it.

    `lambda_sd` counts for 1oo2D alone. `comparison`: K, the share of detected failures that the comparison of 1oo2D switches out.
    """

    lambda_du: float
    lambda_dd: float = 0.0
    lambda_sd: float = 0.0
    beta: float = 0.0
    beta_d: float = 0.0
    proof_test: float
    coverage: float | None = None
    full_test: float | None = None
    mttr: float | None = None
    mrt: float | None = None
    comparison: float | None = None

    def __post_init__(self) -> None:
        for name in ("lambda_du", "lambda_dd", "lambda_sd", "mttr", "mrt"):
            _within(name, getattr(self, name), 0.0, None)
        for name in ("beta", "beta_d", "coverage", "comparison"):
            _within(name, getattr(self, name), 0.0, 1.0)
        if not self.proof_test > 0:
            raise SafetyFunctionQuestion(
                "{name} is {found}; hours above 0 were expected", name="proof-test", found=self.proof_test
            )
        if self.coverage is not None and self.coverage < 1 and self.full_test is None:
            raise SafetyFunctionQuestion(
                "the proof test finds {found} of the failures; full-test must say after how many hours the rest is found",
                found=self.coverage,
            )
        if self.full_test is not None and not self.full_test >= self.proof_test:
            raise SafetyFunctionQuestion(
                "full-test is {found}; at least proof-test, {expected}, was expected",
                found=self.full_test,
                expected=self.proof_test,
            )

    @property
    def lambda_d(self) -> float:
        return self.lambda_du + self.lambda_dd

    def unseen(self, divisor: int) -> float:
        """Mean hours that an undetected failure stands: T/`divisor` + MRT, over both tests."""
        found = 1.0 if self.coverage is None else self.coverage
        mrt = self._mrt
        rest = 0.0 if found == 1 or self.full_test is None else (1 - found) * (self.full_test / divisor + mrt)
        return found * (self.proof_test / divisor + mrt) + rest

    def down(self, order: int) -> float:
        """t_`order`: tCE for 1, tGE for 2. [h]"""
        if self.lambda_d == 0:
            return 0.0
        return (self.lambda_du * self.unseen(order + 1) + self.lambda_dd * self._mttr) / self.lambda_d

    @property
    def _mttr(self) -> float:
        return self.mttr or 0.0

    @property
    def _mrt(self) -> float:
        """As long as the restoration where only that is stated: IEC lets MRT and MTTR be taken alike where tests find at once."""
        return self._mttr if self.mrt is None else self.mrt

    @property
    def independent(self) -> float:
        """Rate of failures of this channel alone. [1/h]"""
        return (1 - self.beta_d) * self.lambda_dd + (1 - self.beta) * self.lambda_du


def _within(name: str, value: float | None, low: float, high: float | None) -> None:
    if value is None or (value >= low and (high is None or value <= high)):
        return
    raise SafetyFunctionQuestion(
        "{name} is {found}; a number from {low} to {high} was expected",
        name=name.replace("_", "-"), found=value, low=low, high="∞" if high is None else high,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """What `solve_group` answers. `tolerance`: failures that the group stands, n−k; `doubts`: where its formulas are outside of their range."""

    architecture: str
    channel: Channel
    pfd: float
    pfh: float
    common_cause: float
    tce: float
    tge: float
    tolerance: int
    doubts: tuple[Label, ...] = field(default_factory=tuple)


def votes(architecture: str) -> tuple[int, int, bool]:
    """(k, n, D) of "2oo3" or "1oo2D". Raises SafetyFunctionQuestion."""
    if architecture == "1oo2D":
        return 1, 2, True
    found = _KOON.fullmatch(architecture)
    if found is None or not int(found[1]) <= int(found[2]) <= 12:
        raise SafetyFunctionQuestion(
            "{found} is no architecture; koon with 1 ≤ k ≤ n ≤ 12, as 2oo3, or 1oo2D was expected", found=architecture
        )
    return int(found[1]), int(found[2]), False


def solve_group(architecture: str, channel: Channel) -> Group:
    """PFDavg, PFH, tCE and tGE of `architecture` ("1oo1", "2oo3", "1oo2D" …). Raises SafetyFunctionQuestion."""
    k, n, diagnostic = votes(architecture)
    if diagnostic:
        pfd, pfh, common, tce, tge = _one_of_two_d(channel)
    else:
        tce, tge = channel.down(1), channel.down(2)
        common = _common_cause(channel) if k < n else 0.0
        if k == n:
            pfd, pfh = n * channel.lambda_d * tce, n * channel.lambda_du
        else:
            ways, lost = factorial(n) // factorial(k - 1), n - k + 1
            together = prod(channel.down(i) for i in range(1, lost + 1))
            pfd = ways * channel.independent**lost * together + common
            last = (1 - channel.beta) * channel.lambda_du
            before = prod(channel.down(i) for i in range(1, lost))
            pfh = ways * channel.independent ** (lost - 1) * last * before + channel.beta * channel.lambda_du
    return Group(architecture, channel, pfd, pfh, common, tce, tge, n - k, _doubts(channel, pfd))


def _common_cause(channel: Channel) -> float:
    return channel.beta_d * channel.lambda_dd * channel._mttr + channel.beta * channel.lambda_du * channel.unseen(2)


def _one_of_two_d(one: Channel) -> tuple[float, float, float, float, float]:
    """B.3.2.2.4: the channels watch each other; a detected failure, safe or dangerous, leaves the other alone."""
    seen = one.lambda_dd + one.lambda_sd
    every = one.lambda_du + seen
    tce = (one.lambda_du * one.unseen(2) + seen * one._mttr) / every if every else 0.0
    tge = one.unseen(3)
    both = (1 - one.beta) * one.lambda_du
    beside = both + (1 - one.beta_d) * one.lambda_dd + one.lambda_sd
    hidden = one.beta * one.lambda_du * one.unseen(2)
    if one.comparison is None:
        common = hidden + one.beta_d * one.lambda_dd * one._mttr
        return 2 * both * beside * tce * tge + common, 2 * both * beside * tce + one.beta_d * one.lambda_dd + one.beta * one.lambda_du, common, tce, tge  # fmt: skip
    missed = 2 * (1 - one.comparison) * one.lambda_dd
    return (
        2 * both * beside * tce * tge + missed * tce + hidden,
        2 * both * beside * tce + missed + one.beta * one.lambda_du,
        hidden,
        tce,
        tge,
    )


def _doubts(one: Channel, pfd: float) -> tuple[Label, ...]:
    found = []
    longest = max(one.proof_test, one.full_test or 0.0)
    if one.lambda_du * longest > SMALL:
        found.append(
            say(
                "outside of the range of validity: λDU·T is {found}; at most {most} was expected",
                found=short(one.lambda_du * longest),
                most=SMALL,
            )
        )
    if pfd > SMALL:
        found.append(
            say("outside of the range of validity: PFDavg is {found}; at most {most} was expected", found=short(pfd), most=SMALL)
        )
    if one._mttr > SMALL * one.proof_test or one._mrt > SMALL * one.proof_test:
        found.append(say("outside of the range of validity: repair takes more than {most} of the test interval", most=SMALL))
    return tuple(found)


def unstated(group: Group) -> tuple[Label, ...]:
    """What nobody has assessed and the figure therefore leaves out (DOMAIN.md 13). Without redundancy a common cause adds nothing."""
    one = group.channel
    found = []
    if one.coverage is None:
        found.append(say("proof-test coverage: not assessed, counted as finding every failure"))
    if one.mttr is None:
        found.append(say("repair time: not assessed, counted as none"))
    if one.beta == 0 and group.tolerance:
        found.append(say("common cause: not assessed, counted as none"))
    return tuple(found)
