"""A gas detector and the point that tells its own state, such as AT-203 and XS-203: what the reading is worth while the state says so.

In: `data/detector_states.csv`. Out: pairs of points of one loop, and the states that take the reading out of evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from anlan.model.points import Point
from anlan.model.quality import Reason
from anlan.model.tables import read_table


def loop_of(point: Point) -> tuple[str, str]:
    """What points of one loop share: the place and the tail of the id, as in AT-203 and XS-203, BP-07 and BR-07."""
    return point.place, point.id.rpartition("-")[2]


def state_points(points: Iterable[Point]) -> list[tuple[Point, Point, Mapping[int, Reason]]]:
    """(gas detector, the point of its state, state → reason) where that point has a state that says something of the reading."""
    listed = list(points)
    states = {loop_of(p): p for p in listed if p.kind == "gas.detector.state"}
    detectors = [p for p in listed if p.kind.startswith("gas.") and not p.states]
    pairs = [(detector, states.get(loop_of(detector))) for detector in detectors]
    return [(detector, state, reasons) for detector, state in pairs if state is not None and (reasons := reasons_of(state))]


def reasons_of(state: Point) -> dict[int, Reason]:
    """State → why the reading is no evidence; states that say nothing of it are left out."""
    found = {number: _reason(f"{label.zh} {label.en}".casefold()) for number, label in state.states.items()}
    return {number: reason for number, reason in found.items() if reason is not None}


def _reason(name: str) -> Reason | None:
    return next((reason for word, reason in _words().items() if word in name), None)


@cache
def _words() -> dict[str, Reason]:
    return {row["word"]: Reason[row["reason"]] for row in read_table("detector_states.csv")}
