"""Hazard knowledge that computes.

Enters: fault and event trees in Open-PSA XML or YAML. Leaves: probabilities, minimal cut sets, importance, uncertainty, sequences, each with
its method and, where it is not exact, its bound.

    from anlan.risk import read_tree, solve
    solution = solve(read_tree("pump.xml"))
    solution.probability, solution.mcs, next(solution.sets.likeliest())

Nothing is computed, and nothing heavy imported, before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anlan.risk.cut_sets import CutSet as CutSet
    from anlan.risk.cut_sets import CutSets as CutSets
    from anlan.risk.event_trees import sequences as sequences
    from anlan.risk.importances import importance as importance
    from anlan.risk.model import BasicEvent as BasicEvent
    from anlan.risk.model import Connective as Connective
    from anlan.risk.model import FaultTree as FaultTree
    from anlan.risk.model import Formula as Formula
    from anlan.risk.model import Gate as Gate
    from anlan.risk.model import Named as Named
    from anlan.risk.openpsa import read_tree as read_tree
    from anlan.risk.openpsa_writing import write_openpsa as write_openpsa
    from anlan.risk.solving import Limits as Limits
    from anlan.risk.solving import Solution as Solution
    from anlan.risk.solving import solve as solve
    from anlan.risk.spread import over_time as over_time
    from anlan.risk.spread import uncertainty as uncertainty

_HOMES = {
    "CutSet": "cut_sets", "CutSets": "cut_sets", "importance": "importances", "BasicEvent": "model", "Connective": "model",
    "FaultTree": "model", "Formula": "model", "Gate": "model", "Named": "model", "read_tree": "openpsa", "write_openpsa": "openpsa_writing",
    "sequences": "event_trees", "Limits": "solving", "Solution": "solving", "solve": "solving", "over_time": "spread",
    "uncertainty": "spread",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"anlan.risk.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
