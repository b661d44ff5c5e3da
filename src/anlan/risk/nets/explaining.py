"""Which finding moved what: for one state of one node, how far each finding carries it from before all evidence to after.

`without` leaves one finding out; `factor` is with over without. Where findings overlap, leaving out one shows too little of each, so their
shares are also told by Shapley's rule: a finding's step, averaged over all orders in which the findings could have come. The shares add up to
posterior − prior. The rule asks the net 2ⁿ times; above MOST_SHARED findings, or in a net for which that is too much, only `without` is told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from anlan.risk.nets.engine import Engine, Evidence, told
from anlan.risk.nets.mistakes import NetQuestion
from anlan.risk.nets.model import Finding, Net

MOST_SHARED = 8
MOST_ASKED = 40_000
"""Nodes times questions: some seconds."""


@dataclass(frozen=True, slots=True)
class Moved:
    """`alone`: the posterior by this finding only. `factor` None: without it the state is impossible. `share` None: too many findings."""

    node: str
    finding: Finding
    without: float
    alone: float
    factor: float | None
    share: float | None

    def as_json(self) -> dict[str, Any]:
        finding = self.finding if isinstance(self.finding, str) else dict(self.finding)
        return {"node": self.node, "finding": finding, "without": self.without, "alone": self.alone, "factor": self.factor,
                "share": self.share}  # fmt: skip

    @property
    def words(self) -> str:
        return f"{self.node} = {told(self.finding)}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """`factor`: posterior over prior, None where the prior is 0. `moved`: what moved it most comes first."""

    node: str
    state: str
    prior: float
    posterior: float
    factor: float | None
    moved: tuple[Moved, ...]

    def as_json(self) -> dict[str, Any]:
        return {"node": self.node, "state": self.state, "prior": self.prior, "posterior": self.posterior, "factor": self.factor,
                "moved": [one.as_json() for one in self.moved]}  # fmt: skip


def explain(net: Net | Engine, evidence: Evidence, node: str, state: str = "") -> Explanation:
    """Of `state` (default: the one that the node's name alone stands for). Raises NetQuestion."""
    engine = net if isinstance(net, Engine) else Engine(net)
    if node not in engine.net.nodes:
        raise NetQuestion("there is no node {name} in this net", name=node)
    one = engine.net.nodes[node]
    state = state or one.yes
    if state not in one.states:
        raise NetQuestion("{name} has no state {found}; one of {states} was expected", name=node, found=state,
                          states=", ".join(one.states))  # fmt: skip
    names = tuple(evidence)
    asked: dict[int, float] = {}

    def value(subset: int) -> float:
        if subset not in asked:
            some = {name: evidence[name] for i, name in enumerate(names) if subset >> i & 1}
            asked[subset] = engine.posteriors(some, [node])[node][state]
        return asked[subset]

    whole = (1 << len(names)) - 1
    posterior, prior = value(whole), value(0)
    shared = len(names) <= MOST_SHARED and len(engine.net.nodes) << len(names) <= MOST_ASKED
    shares = _shapley(value, len(names)) if shared else None
    moved = []
    for i, name in enumerate(names):
        without = value(whole & ~(1 << i))
        moved.append(Moved(name, evidence[name], without, value(1 << i), posterior / without if without else None,
                           None if shares is None else shares[i]))  # fmt: skip
    moved.sort(key=lambda each: -abs(each.share if each.share is not None else posterior - each.without))
    return Explanation(node, state, prior, posterior, posterior / prior if prior else None, tuple(moved))


def _shapley(value: Any, n: int) -> list[float]:
    weights = [math.factorial(k) * math.factorial(n - k - 1) / math.factorial(n) for k in range(n)]
    shares = [0.0] * n
    for subset in range(1 << n):
        for i in range(n):
            if not subset >> i & 1:
                shares[i] += weights[subset.bit_count()] * (value(subset | 1 << i) - value(subset))
    return shares


def findings_of(text: Mapping[str, str]) -> dict[str, Finding]:
    """`yes` is a state; `yes:0.8,no:0.3` a likelihood for each. Raises NetQuestion."""
    found: dict[str, Finding] = {}
    for name, value in text.items():
        if ":" not in value:
            found[name] = value
            continue
        pairs = [part.partition(":") for part in value.split(",")]
        try:
            found[name] = {state.strip(): float(number) for state, _, number in pairs}
        except ValueError as failure:
            raise NetQuestion(
                "{found} is no finding; state or state:likelihood,… was expected", found=f"{name}={value}"
            ) from failure
    return found


def split_finding(text: str) -> tuple[str, str]:
    """`NODE=STATE` in two. Raises NetQuestion."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise NetQuestion("{found} is no finding; NODE=STATE was expected", found=text)
    return name.strip(), value.strip()
