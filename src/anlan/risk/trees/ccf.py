"""Common causes spelled out: a member of a group fails alone or together with others, each way a basic event of its own.

With n members, total probability Q and Qₖ the probability of one given set of exactly k:
beta    Q₁ = (1 − β)·Q, Qₙ = β·Q
MGL     Qₖ = Q / C(n−1, k−1) · β γ … (k−1 of them) · (1 − the next), the last 1
alpha   Qₖ = k / C(n−1, k−1) · αₖ / Σ j·αⱼ · Q
phi     Qₖ = φₖ · Q
as in the Open-PSA Model Exchange Format 2.0d, section "Common Cause Groups".
"""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import comb

from anlan.risk.trees.expressions import Apply, Expression, Number
from anlan.risk.trees.mistakes import TreeMistake
from anlan.risk.trees.model import BasicEvent, CcfGroup, CcfModel, Connective, FaultTree, Formula, Gate, Logic, Named

MOST_MEMBERS = 10


def with_common_causes(tree: FaultTree) -> FaultTree:
    """The same tree without groups: each member is now a gate over its ways to fail. Idempotent. Raises TreeMistake for more than 10 members."""
    if not tree.groups:
        return tree
    gates, events = dict(tree.gates), dict(tree.events)
    for group in tree.groups:
        n = len(group.members)
        if n > MOST_MEMBERS:
            raise TreeMistake(
                "common-cause group {name} has {found} members; at most {most} are spelled out",
                group.place, name=group.name, found=n, most=MOST_MEMBERS,
            )  # fmt: skip
        ways: dict[str, list[Logic]] = {member: [] for member in group.members}
        for k, factor in multipliers(group).items():
            for together in combinations(group.members, k):
                name = "[" + " ".join(together) + "]"
                events[name] = BasicEvent(name, Apply("mul", (factor, group.distribution)), place=group.place)
                for member in together:
                    ways[member].append(Named(name))
        for member, formulas in ways.items():
            label = events.pop(member).label if member in events else ""
            gates[member] = Gate(member, Formula(Connective.OR, tuple(formulas)), label, group.place)
    return replace(tree, gates=gates, events=events, groups=())


def multipliers(group: CcfGroup) -> dict[int, Expression]:
    """Qₖ / Q for each k that occurs."""
    n, factors = len(group.members), group.factors
    one = Number(1.0)
    match group.model:
        case CcfModel.BETA:
            return {1: Apply("sub", (one, factors[0])), n: factors[0]}
        case CcfModel.MGL:
            found: dict[int, Expression] = {}
            for k in range(1, n + 1):
                last = (Apply("sub", (one, factors[k - 1])),) if k < n else ()
                found[k] = Apply("mul", (Number(1 / comb(n - 1, k - 1)), *factors[: k - 1], *last))
            return found
        case CcfModel.ALPHA:
            total = Apply("add", tuple(Apply("mul", (Number(float(k)), factor)) for k, factor in enumerate(factors, 1)))
            return {
                k: Apply("div", (Apply("mul", (Number(k / comb(n - 1, k - 1)), factor)), total))
                for k, factor in enumerate(factors, 1)
            }
        case _:
            return dict(enumerate(factors, 1))
