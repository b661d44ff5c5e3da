"""Hazard knowledge that computes.

Enters: trees, nets, bow-ties, layers of protection, worksheets and major hazards, written by people or in the plant folder; failures and tests;
what the running plant tells. Leaves: figures with their model, source and limits, how far the plant moves them and why; scored and signed sheets;
legal levels. Each part tells its own in its `__init__`.

    trees      fault and event trees             bowties, nets   barriers, Bayesian networks      lopa      layers, PFDavg
    failures   rates, updated by the plant       worksheets      what people fill in and sign     hazards   GB 18218
    studies    what is kept of trees, nets, bow-ties and layers, with versions, and bound to the plant

    from anlan.risk import read_tree, solve
    solution = solve(read_tree("pump.xml"))
    solution.probability, solution.mcs, next(solution.sets.likeliest())

Nothing is computed, and nothing heavy imported, before it is asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anlan.risk.bowties.solving import solve_bow_tie as solve_bow_tie
    from anlan.risk.bowties.yaml_form import read_bow_tie as read_bow_tie
    from anlan.risk.failures.library import failure_data as failure_data
    from anlan.risk.failures.update import Counts as Counts
    from anlan.risk.failures.update import update_failures as update_failures
    from anlan.risk.hazards.config import HazardUnit as HazardUnit
    from anlan.risk.hazards.config import Residents as Residents
    from anlan.risk.hazards.identification import Identification as Identification
    from anlan.risk.hazards.identification import identify as identify
    from anlan.risk.lopa.answers import solve_analysis as solve_analysis
    from anlan.risk.lopa.functions import SafetyFunction as SafetyFunction
    from anlan.risk.lopa.functions import read_function as read_function
    from anlan.risk.lopa.pfd import Channel as Channel
    from anlan.risk.lopa.pfd import solve_group as solve_group
    from anlan.risk.lopa.reading import read_analysis as read_analysis
    from anlan.risk.nets.engine import ask as ask
    from anlan.risk.nets.explaining import explain as explain
    from anlan.risk.nets.from_trees import from_tree as from_tree
    from anlan.risk.nets.yaml_form import read_net as read_net
    from anlan.risk.trees.cut_sets import CutSet as CutSet
    from anlan.risk.trees.cut_sets import CutSets as CutSets
    from anlan.risk.trees.event_trees import sequences as sequences
    from anlan.risk.trees.importances import importance as importance
    from anlan.risk.trees.model import BasicEvent as BasicEvent
    from anlan.risk.trees.model import Connective as Connective
    from anlan.risk.trees.model import FaultTree as FaultTree
    from anlan.risk.trees.model import Formula as Formula
    from anlan.risk.trees.model import Gate as Gate
    from anlan.risk.trees.model import Named as Named
    from anlan.risk.trees.openpsa import read_tree as read_tree
    from anlan.risk.trees.openpsa_writing import write_openpsa as write_openpsa
    from anlan.risk.trees.solving import Limits as Limits
    from anlan.risk.trees.solving import Solution as Solution
    from anlan.risk.trees.solving import solve as solve
    from anlan.risk.trees.spread import over_time as over_time
    from anlan.risk.trees.spread import uncertainty as uncertainty
    from anlan.risk.worksheets.forms import deviations as deviations
    from anlan.risk.worksheets.sheet import Sheet as Sheet
    from anlan.risk.worksheets.sheet import assessed as assessed
    from anlan.risk.worksheets.sheet import read_sheet as read_sheet

_HOMES = {
    "failure_data": "failures.library", "Counts": "failures.update", "update_failures": "failures.update",
    "HazardUnit": "hazards.config", "Residents": "hazards.config", "Identification": "hazards.identification",
    "identify": "hazards.identification",
    "read_analysis": "lopa.reading", "solve_analysis": "lopa.answers",
    "Channel": "lopa.pfd", "solve_group": "lopa.pfd", "SafetyFunction": "lopa.functions", "read_function": "lopa.functions",
    "CutSet": "trees.cut_sets", "CutSets": "trees.cut_sets", "importance": "trees.importances", "BasicEvent": "trees.model",
    "Connective": "trees.model", "FaultTree": "trees.model", "Formula": "trees.model", "Gate": "trees.model", "Named": "trees.model",
    "read_tree": "trees.openpsa", "write_openpsa": "trees.openpsa_writing", "sequences": "trees.event_trees", "Limits": "trees.solving",
    "Solution": "trees.solving", "solve": "trees.solving", "over_time": "trees.spread", "uncertainty": "trees.spread",
    "ask": "nets.engine", "explain": "nets.explaining", "from_tree": "nets.from_trees", "read_net": "nets.yaml_form",
    "read_bow_tie": "bowties.yaml_form", "solve_bow_tie": "bowties.solving",
    "Sheet": "worksheets.sheet", "read_sheet": "worksheets.sheet", "assessed": "worksheets.sheet", "deviations": "worksheets.forms",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"anlan.risk.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
