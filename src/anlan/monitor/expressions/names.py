"""Names of one expression looked up in the plant: points with their units, states of discrete points; with a hint where one is unknown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import NoReturn

from anlan.model.tables import fold, nearest
from anlan.model.units import unit, units
from anlan.monitor.expressions import measures
from anlan.monitor.expressions.conversions import Conversions
from anlan.monitor.expressions.errors import ExpressionError
from anlan.monitor.expressions.facts import PointFacts
from anlan.monitor.expressions.measures import Measure
from anlan.monitor.expressions.syntax import Node, Number, PointName, StateName
from anlan.monitor.expressions.terms import Term
from anlan.monitor.expressions.written_units import Written, read_written
from anlan.monitor.program import Op

NAMES = 20_000
"""So many names at most are compared with a name that isn't known."""

Lookup = Callable[[str], PointFacts | None]


class Names:
    """`points` knows the plant, `names` lists it for a hint."""

    def __init__(self, units: Conversions, points: Lookup, names: Callable[[], Iterable[str]]) -> None:
        self._units = units
        self._points = points
        self._names = names

    def point(self, node: PointName) -> Term:
        facts = self._points(node.id)
        if facts is None:
            self._unknown_point(node)
        if facts.states:
            return Term(Op.POINT, node.at, measure=Measure(), a=facts.number, point=node.id, states=facts.states)
        written = read_written(facts.unit) if facts.unit and facts.unit not in units() else None
        if facts.unit and facts.unit not in units() and written is None:
            raise ExpressionError(
                "the unit {unit} of {point} is not known", self._units.source, node.at, unit=facts.unit, point=node.id
            )
        measure = _measure_of_point(facts, written)
        term = Term(Op.POINT, node.at, measure=measure, a=facts.number, point=node.id)
        return term if written is None else self._units.scaled(term, 1 / written.seconds, 0.0)

    def _unknown_point(self, node: PointName) -> NoReturn:
        parts = node.id.split("-")
        for count in range(len(parts) - 1, 0, -1):
            left, right = "-".join(parts[:count]), "-".join(parts[count:])
            if self._points(left) is not None and (not right or self._points(right) is not None or _is_number(right)):
                raise ExpressionError(
                    "{id} is read as one id, because ids may hold a minus; to subtract, write spaces around it: {left} - {right}",
                    self._units.source,
                    node.at,
                    id=node.id,
                    left=left,
                    right=right or "…",
                )
        close = _nearest_name(node.id, self._names())
        if close:
            raise ExpressionError(
                "there is no point {id}; did you mean {hint}?", self._units.source, node.at, id=node.id, hint=close
            )
        raise ExpressionError("there is no point {id}", self._units.source, node.at, id=node.id)

    def state(self, point: Term, value: Node) -> float:
        """The integer of a state of a discrete point, named or numbered."""
        states = point.states or {}
        known = ", ".join(f"{number} {'/'.join(filter(None, (label.zh, label.en)))}" for number, label in states.items())
        if isinstance(value, StateName):
            wanted = fold(value.name)
            found = [n for n, label in states.items() if wanted in (fold(label.zh), fold(label.en))]
            if len(found) == 1:
                return float(found[0])
        elif isinstance(value, Number) and value.unit is None and value.value in states:
            return value.value
        raise ExpressionError(
            "{point} has no state {found}; it has {known}",
            self._units.source,
            value.at,
            point=point.point,
            found=self._units.source[value.at.start : value.at.end],
            known=known,
        )


def _measure_of_point(facts: PointFacts, written: Written | None) -> Measure:
    if written is not None:
        return Measure(written.form.unit, 1, 0.0, gas=facts.gas, calibration=facts.calibration_gas)
    quantity = unit(facts.unit).dimension if facts.unit else ""
    pressure = facts.pressure_basis
    if quantity == "pressure" and facts.difference:
        pressure = "difference"
    origin: measures.Origin = "unknown" if facts.difference is None else 0.0 if facts.difference else 1.0
    return Measure(facts.unit, 0, origin, pressure, facts.flow_basis, facts.gas, facts.calibration_gas)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _nearest_name(wanted: str, names: Iterable[str]) -> str:
    """Among names of about the same length; a plant may have a million."""
    close = [name for name in names if abs(len(name) - len(wanted)) <= 2]
    if len(close) > NAMES:
        start = wanted[:2].casefold()
        close = [name for name in close if name[:2].casefold() == start][:NAMES]
    return nearest(wanted, close)
