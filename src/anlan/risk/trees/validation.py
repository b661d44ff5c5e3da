"""Published cases run one after the other: `aralia/xml` beside `aralia_reference.csv`, `aralia/openpsa_extra` beside `expected.csv`.

Each figure is a case of its own. One that says of itself that it cannot be reproduced (`note`, "truncated; cut-off not stated") is run and
told, with `within` null. So is one that the file, by its own size, cannot have whatever program reads it: such a case is `unusable`, and says why.
"""

from __future__ import annotations

import csv
import math
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anlan.model.errors import AnlanError
from anlan.risk.trees.diagrams.building import MOST_NODES
from anlan.risk.trees.event_trees import SequenceResult, Walk, sequences
from anlan.risk.trees.importances import importance
from anlan.risk.trees.mistakes import TreeQuestion
from anlan.risk.trees.model import FaultTree, names_in
from anlan.risk.trees.openpsa import read_tree
from anlan.risk.trees.solving import Limits, Solution, evaluation, solve
from anlan.risk.trees.spread import uncertainty

TOLERANCE = 1e-9
"""Relative, of the exact probabilities."""


@dataclass(frozen=True, slots=True)
class Case:
    """`within` None: there is nothing to compare with, or the reference says that it cannot be met."""

    case: str
    model: str
    ours: Any
    reference: Any
    within: bool | None
    seconds: float
    note: str = ""
    unusable: bool = False
    """The file contradicts its reference: nothing is to be compared."""

    @property
    def ratio(self) -> float | None:
        ours, reference = self.ours, self.reference
        if isinstance(ours, (int, float)) and isinstance(reference, (int, float)) and reference:
            return float(ours / reference)
        return None

    def as_json(self) -> dict[str, Any]:
        found = {
            "case": self.case,
            "model": self.model,
            "ours": self.ours,
            "reference": self.reference,
            "ratio": self.ratio,
            "within": self.within,
            "seconds": round(self.seconds, 4),
        }
        return found | ({"note": self.note} if self.note else {}) | ({"unusable": True} if self.unusable else {})


@dataclass(slots=True)
class Summary:
    cases: int = 0
    within: int = 0
    outside: int = 0
    unknown: int = 0
    """Without anything to compare with."""
    unusable: int = 0
    seconds: float = 0.0

    def add(self, case: Case) -> None:
        self.cases += 1
        self.seconds += case.seconds
        self.within += case.within is True
        self.outside += case.within is False
        self.unknown += case.within is None and not case.unusable
        self.unusable += case.unusable

    def as_json(self) -> dict[str, Any]:
        return {
            "cases": self.cases,
            "within": self.within,
            "outside": self.outside,
            "unknown": self.unknown,
            "unusable": self.unusable,
            "seconds": round(self.seconds, 3),
        }


def cases(folder: Path) -> Iterator[Case]:
    """Raises TreeQuestion when there is nothing to run."""
    root = folder / "aralia" if (folder / "aralia").is_dir() else folder
    trees, extra = root / "aralia_reference.csv", root / "openpsa_extra" / "expected.csv"
    if not trees.is_file() and not extra.is_file():
        raise TreeQuestion(
            "{folder} holds no cases; aralia_reference.csv or openpsa_extra/expected.csv was expected", folder=str(folder)
        )
    if trees.is_file():
        for row in _rows(trees):
            yield from _aralia(root / "xml" / f"{row['name']}.xml", row)
    if extra.is_file():
        yield from _extra(extra.parent, _rows(extra))


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def _known(text: str | None) -> bool:
    return text not in (None, "", "unknown", "none")


def _aralia(file: Path, row: dict[str, str]) -> Iterator[Case]:
    name, note = row["name"], row.get("note", "")
    if not file.is_file():
        yield Case(f"aralia/{name}", name, None, None, False, 0.0, f"{file} does not exist")
        return
    began = time.perf_counter()
    try:
        # Unknown in its source: a smaller cap, as nobody has fitted its diagram into twelve gigabytes.
        solution = solve(read_tree(file), limits=Limits(MOST_NODES if _known(row.get("p_exact_reference")) else MOST_NODES // 8))
    except (AnlanError, MemoryError) as failure:
        yield Case(f"aralia/{name}", name, None, None, False, time.perf_counter() - began, str(failure))
        return
    seconds = time.perf_counter() - began
    if not _known(row.get("p_exact_reference")):
        bound = None if solution.bound is None else [solution.bound.lower, solution.bound.upper]
        yield Case(f"aralia/{name} bound", name, bound, None, None, seconds, f"cut sets to order {solution.order_limit}; {note}")
        return
    yield _number(f"aralia/{name} probability", name, solution.probability, float(row["p_exact_reference"]), TOLERANCE, seconds)
    if _known(row.get("p_rare_event")):
        yield _number(f"aralia/{name} rare event", name, solution.rare_event, float(row["p_rare_event"]), TOLERANCE, 0.0)
    if _known(row.get("mcs_reference")):
        yield Case(
            f"aralia/{name} mcs", name, solution.mcs, int(row["mcs_reference"]), solution.mcs == int(row["mcs_reference"]), 0.0
        )
    if _known(row.get("mcs_by_order")):
        wanted = {int(k): int(n) for k, n in (part.split(":") for part in row["mcs_by_order"].split(";"))}
        ours = solution.mcs_by_order
        yield Case(
            f"aralia/{name} mcs by order", name, None if ours is None else _keyed(ours), _keyed(wanted), ours == wanted, 0.0
        )


def _keyed(counts: dict[int, int]) -> dict[str, int]:
    return {str(k): n for k, n in counts.items()}


def _number(case: str, model: str, ours: float | None, reference: float, relative: float, seconds: float, note: str = "") -> Case:
    within = ours is not None and math.isclose(ours, reference, rel_tol=relative, abs_tol=0.0)
    return Case(case, model, ours, reference, within, seconds, note)


# openpsa_extra: one row a quantity, in the words of expected.csv


def _extra(folder: Path, rows: list[dict[str, str]]) -> Iterator[Case]:
    solved: dict[str, Solution] = {}
    for row in rows:
        model = re.sub(r"\(.*\)", "", row["model"]).strip()
        file = folder / f"{model}.xml"
        case = f"openpsa_extra/{model} {row['analysis']} {row['quantity']}"
        began = time.perf_counter()
        if not file.is_file():
            yield Case(case, model, None, row["value"], False, 0.0, f"{file} does not exist")
            continue
        files = [file, *([more] if (more := folder / f"{model}-basic-events.xml").is_file() else [])]
        try:
            if row["analysis"].lower().startswith(("et", "event tree")):
                yield _event_tree(case, model, files, row, began)
                continue
            if model not in solved:
                solved[model] = solve(read_tree(*files))
            yield _fault_tree(case, model, solved[model], row, began)
        except AnlanError as failure:
            yield Case(case, model, None, row["value"], False, time.perf_counter() - began, str(failure))


def _fault_tree(case: str, model: str, one: Solution, row: dict[str, str], began: float) -> Case:
    analysis, quantity, value = row["analysis"], row["quantity"], row["value"]
    tolerance = float(row["tolerance"]) if _known(row.get("tolerance")) else 0.0
    limit = re.search(r"order<=(\d+)", analysis)
    up_to = int(limit[1]) if limit else 10**9
    by_order = {k: n for k, n in (one.mcs_by_order or {}).items() if k <= up_to}
    if analysis.startswith("importance"):
        wanted = [float(x) for x in value.split(";")]
        event = analysis.split()[-1]
        found = next((i for i in importance(one) if i.event == event), None)
        ours = None if found is None else [
            found.cut_sets, found.birnbaum, found.criticality, found.fussell_vesely, found.raw, found.rrw,
        ]  # fmt: skip
        close = ours is not None and all(
            a is not None and math.isclose(a, b, rel_tol=1e-5) for a, b in zip(ours, wanted, strict=True)
        )
        return Case(case, model, ours, wanted, close, time.perf_counter() - began)
    if analysis.startswith("uncertainty"):
        trials = re.search(r"(\d+) trials", analysis)
        spread = uncertainty(one, int(trials[1]) if trials else 10_000)
        pair, expected = [spread.mean, spread.sigma], [float(x) for x in value.split(";")]
        close = all(abs(a - b) <= tolerance for a, b in zip(pair, expected, strict=True))
        return Case(case, model, pair, expected, close, time.perf_counter() - began)
    if quantity == "products":
        count = sum(by_order.values())
        return Case(case, model, count, int(value), count == int(value), time.perf_counter() - began)
    if quantity == "products by order":
        counts = {int(k): int(n) for k, n in (part.split(":") for part in value.split(";"))}
        return Case(case, model, _keyed(by_order), _keyed(counts), by_order == counts, time.perf_counter() - began)
    if quantity == "products;P":
        return _up_to_order(case, model, one, up_to, value, tolerance, began)
    number = one.rare_event if "rare" in quantity else one.probability
    reference = float(value)
    # A reference is good to the digits that it is printed with.
    close = number is not None and abs(number - reference) <= max(tolerance, 10.0 ** -_decimals(value))
    return Case(case, model, number, reference, close, time.perf_counter() - began)


def _decimals(text: str) -> int:
    mantissa, _, exponent = text.lower().partition("e")
    return len(mantissa.partition(".")[2]) - int(exponent or 0)


def _up_to_order(case: str, model: str, one: Solution, up_to: int, value: str, tolerance: float, began: float) -> Case:
    """Products up to an order and the sum of their probabilities."""
    wanted = value.split(";")
    listed = list(one.sets.shortest(up_to)) if one.sets is not None else []
    total = math.fsum(cut.probability or 0.0 for cut in listed)
    close = len(listed) == int(wanted[0]) and abs(total - float(wanted[1])) <= max(tolerance, 0.0)
    return Case(case, model, [len(listed), total], [int(wanted[0]), float(wanted[1])], close, time.perf_counter() - began)


def _event_tree(case: str, model: str, files: list[Path], row: dict[str, str], began: float) -> Case:
    tree = read_tree(*files)
    results = sequences(tree, Limits(MOST_NODES // 4))
    if row["quantity"] == "MCS;probability;sequences":
        return _whole_tree(case, tree, model, results, row, began)
    names = re.fullmatch(r"S(\d+)\.\.S(\d+)", row["quantity"])
    wanted_names = (
        [f"S{n}" for n in range(int(names[1]), int(names[2]) + 1)]
        if names
        else [part.strip() for part in row["quantity"].split(";")]
    )
    by_name = {one.sequence: one.probability for one in results}
    ours = [by_name.get(name) for name in wanted_names]
    wanted = [float(x) for x in row["value"].split(";")]
    tolerance = float(row["tolerance"]) if _known(row.get("tolerance")) else 1e-9
    close = all(a is not None and abs(a - b) <= tolerance for a, b in zip(ours, wanted, strict=True))
    return Case(case, model, ours, wanted, close, time.perf_counter() - began)


def _frequency(tree: Any) -> float:
    """The generic PWR models keep the frequency of initiating event INITn as basic event BEn."""
    for one in tree.initiating_events.values():
        event = tree.events.get(one.name.replace("INIT", "BE"))
        if one.frequency is None and event is not None and event.probability is not None:
            return float(evaluation(tree).column(event.probability)[0])
    return 1.0


def _whole_tree(case: str, tree: FaultTree, model: str, results: list[SequenceResult], row: dict[str, str], began: float) -> Case:
    mcs, probability, count = row["value"].split(";")
    reference = [int(mcs), float(probability), int(count)]
    known: Callable[[list[Any]], Any] = lambda values: None if None in values else sum(values)  # noqa: E731
    total = known([one.probability for one in results])
    ours = [known([one.mcs for one in results]), None if total is None else total * _frequency(tree), len(results)]
    close = ours[0] == reference[0] and ours[2] == reference[2] and total is not None
    close = close and math.isclose(ours[1], reference[1], rel_tol=5e-4)
    note, seconds = row.get("source", ""), time.perf_counter() - began
    if not close and (why := _cannot_have(tree, results, int(mcs))):
        return Case(case, model, ours, reference, None, seconds, f"{why}; {note}", unusable=True)
    return Case(case, model, ours, reference, None if "truncated" in note else close, seconds, note)


def _cannot_have(tree: FaultTree, results: list[SequenceResult], sets: int) -> str:
    """Why no program can find so many minimal cut sets in this file, "" where one could.

    Of n events at most C(n, n/2) sets can be minimal beside one another (Sperner), so the events that the sequences still reach bound the count.
    """
    reached = [set(part.circuit.events) for one in results for part in one.parts]
    most = sum(math.comb(len(events), len(events) // 2) for events in reached)
    if sets <= most:
        return ""
    below = {name for gate in tree.gates.values() for name in names_in(gate.formula)}
    asked = {name for one in tree.event_trees for *_, got in Walk(tree).ends(one) for f in got.formulas for name in names_in(f)}
    lost = sorted(name for name in tree.gates if name not in below and name not in asked)
    events = len(set().union(*reached))
    return (
        f"the file contradicts it: its {len(results)} sequences reach {events} of {len(tree.events)} events, which can form {most} minimal cut "
        f"sets at most, not {sets}; nothing leads to {', '.join(lost[:3]) or 'the rest'} and what is below"
    )
