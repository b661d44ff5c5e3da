"""One question put to a tree: how probable is its top event, and by which sets of events does it come about.

Exact by a decision diagram where one fits under the cap of nodes; else from below and above with a stated bound. A figure that was not
computed is None, and `reasons` says why.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from anlan.risk.trees.ccf import with_common_causes
from anlan.risk.trees.checks import undefined
from anlan.risk.trees.circuit import Circuit, circuit_of
from anlan.risk.trees.cut_sets import CutSets
from anlan.risk.trees.diagrams import passes
from anlan.risk.trees.diagrams.building import MOST_NODES, Diagram, Family, minimal_sets, primes, race
from anlan.risk.trees.expressions import Column, Evaluation
from anlan.risk.trees.mistakes import TreeQuestion
from anlan.risk.trees.model import FaultTree, Logic, Named
from anlan.risk.trees.truncated import HIGHEST, Truncated, truncated

EXACT, BOUNDED = "exact: binary decision diagram", "bounded: products up to an order"
Reason = tuple[str, Mapping[str, Any]]
"""A msgid and its facts."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`most_nodes` of one table (36 bytes each, and as much again while it grows); `order`: the highest that bounds are sought with."""

    most_nodes: int = MOST_NODES
    order: int = HIGHEST
    prime_implicants: bool = False


@dataclass(frozen=True, slots=True)
class Bound:
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Solution:
    """`order_limit`: the sets are complete up to this order; None: all of them."""

    tree: FaultTree
    top: str
    circuit: Circuit
    p: Mapping[str, float]
    method: str
    probability: float | None
    bound: Bound | None
    sets: CutSets | None
    mcs: int | None
    mcs_by_order: dict[int, int] | None
    order_limit: int | None
    rare_event: float | None
    mcub: float | None
    seconds: float
    diagram: Diagram | None = None
    reasons: Mapping[str, Reason] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        by_order = None if self.mcs_by_order is None else {str(k): n for k, n in self.mcs_by_order.items()}
        return {
            "model": self.tree.name,
            "top": self.top,
            "probability": self.probability,
            "mcs": self.mcs,
            "mcs_by_order": by_order,
            "order_limit": self.order_limit,
            "method": self.method,
            "bound": None if self.bound is None else {"lower": self.bound.lower, "upper": self.bound.upper},
            "rare_event": self.rare_event,
            "mcub": self.mcub,
            "coherent": self.circuit.coherent(),
            "events": len(self.circuit.events),
            "gates": self.circuit.gates,
            "nodes": None if self.diagram is None else len(self.diagram.nodes),
            "seconds": round(self.seconds, 4),
            "reasons": {name: message.format(**facts) for name, (message, facts) in self.reasons.items()},
        }


def chances(tree: FaultTree) -> dict[str, float]:
    """The probability of each event at the mission time, the uncertain at their means; NaN where it is not given."""
    at = evaluation(tree)
    return {
        name: float(at.column(event.probability)[0]) if event.probability is not None else float("nan")
        for name, event in tree.events.items()
    }


def evaluation(tree: FaultTree, **more: Any) -> Evaluation:
    return Evaluation({name: one.value for name, one in tree.parameters.items()}, **({"time": tree.mission_time} | more))


def exact(diagram: Diagram, p: Column) -> Column:
    """P of each root, float64[roots, columns], of p float64[levels, columns]."""
    shape = (len(diagram.nodes), p.shape[1])
    yes, no = np.empty(shape), np.empty(shape)
    passes.probabilities(diagram.nodes, np.ascontiguousarray(p), yes, no)
    return np.array([(no if root & 1 else yes)[root >> 1] for root in diagram.roots])


def by_level(circuit: Circuit, diagram_levels: Any, p: Mapping[str, float]) -> Column:
    return np.array([p[circuit.events[e]] for e in diagram_levels], np.float64)


def solve(tree: FaultTree, top: str = "", limits: Limits | None = None) -> Solution:
    """The top event's probability and cut sets. Raises TreeQuestion where there is no such gate."""
    limits = limits or Limits()
    top = top or tree.top
    if not tree.gates:
        raise TreeQuestion("this model defines no gate")
    if top not in tree.gates:
        raise TreeQuestion(
            "there is no gate {name} in this model; its top gates are {tops}",
            name=top or "–",
            tops=", ".join(tree.tops[:20]) or "–",
        )
    return solve_formula(with_common_causes(tree), top, Named(top), limits)


def solve_formula(
    tree: FaultTree, name: str, formula: Logic, limits: Limits, houses: Mapping[str, bool] | None = None
) -> Solution:
    """`tree` has no common-cause groups left."""
    began = time.perf_counter()
    circuit = circuit_of(tree, (formula,), houses)
    p = chances(tree)
    unknown = undefined(tree.events[event] for event in circuit.events)
    reasons: dict[str, Reason] = {}
    if unknown:
        reasons["probability"] = (
            "{count} events have no probability, {first} among them",
            {"count": len(unknown), "first": unknown[0]},
        )
    diagram = race(circuit, limits.most_nodes)
    if diagram is None:
        return _bounded(tree, name, circuit, p, limits, reasons, began)
    levels = by_level(circuit, diagram.levels, p)
    probability = None if unknown else float(exact(diagram, levels[:, None])[0, 0])
    family = None
    make = primes if limits.prime_implicants else minimal_sets
    family = make(diagram, diagram.roots[0], limits.most_nodes)
    sets = cut_sets_of(circuit, family, p, limits.prime_implicants)
    order_limit = None
    if sets is None:
        reasons["mcs"] = ("the diagram of all cut sets does not fit into {most} nodes", {"most": limits.most_nodes})
        if circuit.coherent():
            below = truncated(circuit, circuit.roots[0], [p[e] for e in circuit.events], limits.most_nodes, limits.order)
            sets, order_limit = cut_sets_of(circuit, below.family, p, False), below.order
    by_order = None if sets is None else sets.by_order()
    return Solution(
        tree=tree,
        top=name,
        circuit=circuit,
        p=p,
        method=EXACT,
        probability=probability,
        bound=None if probability is None else Bound(probability, probability),
        sets=sets,
        mcs=sum(by_order.values()) if by_order is not None and order_limit is None else None,
        mcs_by_order=by_order,
        order_limit=order_limit,
        rare_event=None if sets is None or order_limit is not None else sets.rare_event(),
        mcub=None if sets is None or order_limit is not None else sets.mcub(),
        seconds=time.perf_counter() - began,
        diagram=diagram,
        reasons=reasons,
    )


def cut_sets_of(circuit: Circuit, family: Family | None, p: Mapping[str, float], literals: bool) -> CutSets | None:
    """`literals`: the family's levels are events and their absences in turn."""
    if family is None:
        return None
    if not literals:
        return CutSets(family, tuple(circuit.events[e] for e in family.levels), by_level(circuit, family.levels, p))
    names = tuple(("¬" if x & 1 else "") + circuit.events[x >> 1] for x in family.levels)
    values = np.array([1 - p[circuit.events[x >> 1]] if x & 1 else p[circuit.events[x >> 1]] for x in family.levels], np.float64)
    return CutSets(family, names, values)


def _bounded(
    tree: FaultTree, name: str, circuit: Circuit, p: Mapping[str, float], limits: Limits, reasons: dict[str, Reason], began: float
) -> Solution:
    beyond: Reason = (
        "the exact diagram fits in none of the orders tried into {most} nodes and the work that is allowed for them",
        {"most": limits.most_nodes},
    )
    found = truncated(circuit, circuit.roots[0], [p[e] for e in circuit.events], limits.most_nodes, limits.order)
    sets = cut_sets_of(circuit, found.family, p, False)
    reasons = {"probability": beyond, "mcs": beyond} | reasons
    known = not any(np.isnan(p[e]) for e in circuit.events)
    return Solution(
        tree=tree,
        top=name,
        circuit=circuit,
        p=p,
        method=BOUNDED,
        probability=None,
        bound=Bound(lower_bound(circuit, found, sets), found.upper) if known else None,
        sets=sets,
        mcs=None,
        mcs_by_order=None if sets is None else sets.by_order(),
        order_limit=found.order if sets is not None else None,
        rare_event=None,
        mcub=None,
        seconds=time.perf_counter() - began,
        reasons=reasons,
    )


MOST_LISTED = 2_000
"""So many cut sets are joined exactly for a lower bound: the likeliest ones."""


def lower_bound(circuit: Circuit, found: Truncated, sets: CutSets | None) -> float:
    """The exact probability that one of the likeliest known cut sets occurs. 0.0 without any."""
    if sets is None:
        return 0.0
    from itertools import islice

    from anlan.risk.trees.model import Connective, Formula

    listed = list(islice(sets.likeliest(), MOST_LISTED))
    if not listed:
        return 0.0
    p = dict(zip(sets.names, sets.p.tolist(), strict=True))
    either = Formula(Connective.OR, tuple(Formula(Connective.AND, tuple(Named(e) for e in one.events)) for one in listed))
    some = circuit_of(_events_only(p), (either,))
    diagram = race(some, 1 << 20)
    if diagram is None:
        return max(one.probability or 0.0 for one in listed)
    return float(exact(diagram, by_level(some, diagram.levels, p)[:, None])[0, 0])


def _events_only(p: Mapping[str, float]) -> FaultTree:
    from anlan.risk.trees.expressions import Number
    from anlan.risk.trees.model import BasicEvent

    return FaultTree("", {}, {name: BasicEvent(name, Number(value)) for name, value in p.items()})
