"""How much each event matters to the top event, from two walks over the exact diagram and one over the cut sets.

Birnbaum        ∂P/∂p = P(top | event) − P(top | no event)
criticality     Birnbaum · p / P: the part of P in which the event is critical
Fussell–Vesely  P(event | top): the event's share, also called the diagnosis factor
RAW             P(top | event) / P: how many times more probable once it has occurred
RRW             P / P(top | no event): how many times less probable once it cannot occur; None where nothing would be left
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anlan.risk.trees.diagrams import passes
from anlan.risk.trees.mistakes import TreeQuestion
from anlan.risk.trees.solving import Solution, by_level, exact


@dataclass(frozen=True, slots=True)
class Importance:
    """`cut_sets`: how many hold the event; None where they are not all known."""

    event: str
    probability: float
    cut_sets: int | None
    birnbaum: float
    criticality: float
    fussell_vesely: float
    raw: float
    rrw: float | None


def importance(solution: Solution) -> list[Importance]:
    """Of each event that the tree depends on, the most critical first. Raises TreeQuestion without an exact, positive probability."""
    diagram, total = solution.diagram, solution.probability
    if diagram is None or total is None or total <= 0:
        raise TreeQuestion("importance needs an exact probability above 0; this tree has none")
    p = by_level(solution.circuit, diagram.levels, solution.p)
    nodes, root = diagram.nodes, diagram.roots[0]
    yes, no = np.empty((len(nodes), 1)), np.empty((len(nodes), 1))
    passes.probabilities(nodes, p[:, None].copy(), yes, no)
    birnbaum = np.zeros(len(p))
    passes.derivatives(nodes, root, p, yes[:, 0].copy(), no[:, 0].copy(), np.zeros(len(nodes)), np.zeros(len(nodes)), birnbaum)
    with_it = solution.sets.with_event() if solution.sets is not None and solution.order_limit is None else None
    found = []
    for level, event in enumerate(diagram.levels):
        name, q, b = solution.circuit.events[event], float(p[level]), float(birnbaum[level])
        never = total - q * b
        if abs(never) < 1e-6 * total:  # the difference has lost its digits: ask again
            changed = p.copy()
            changed[level] = 0.0
            never = float(exact(diagram, changed[:, None])[0, 0])
        always = total + (1 - q) * b
        found.append(
            Importance(
                name,
                q,
                None if with_it is None else int(with_it.get(name, 0)),
                b,
                b * q / total,
                q * always / total,
                always / total,
                total / never if never > 0 else None,
            )
        )
    return sorted(found, key=lambda one: (-one.criticality, one.event))
