"""The mass in a tank as an expression over its level and temperature: strapping table × density, both interpolated between their rows.

    V-201.MASS [t] = (v0 + Σ slope·max(0, min(width, level − from))) × density / 1000

Outside its table a level counts as the table's end. A table with more rows than an expression holds is thinned: the rows that are left out lie
within a stated distance of the line between those that stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import heappop, heappush
from itertools import pairwise

from anlan.risk.hazards.config import LiveMass, Row

LONGEST = 1_900
"""Characters of an expression; the language takes 2,000."""


@dataclass(frozen=True, slots=True)
class MassFormula:
    """`deviation` m³: the farthest that a row of the strapping table lies from what is computed; 0 where every row is in it."""

    text: str
    deviation: float


@lru_cache(maxsize=512)
def formula(live: LiveMass, *, level: str, temperature: str, in_percent: bool, mass: str = "") -> MassFormula:
    """`level`, `temperature` and `mass` are the points as they are written in an expression."""
    if live.mass:
        return MassFormula(mass, 0.0)
    assert live.strapping is not None
    unit = "%" if in_percent else "m"
    density = (
        _piecewise(live.density, f"({temperature} - 0 Cel) / 1 K") if len(live.density) > 1 else _number(live.density[0].value)
    )
    rows = live.strapping.table
    most = len(rows)
    while True:
        kept = _thinned(rows, most)
        text = f"({_piecewise(kept, f'{level} / 1 {unit}')}) * ({density}) / 1000 * 1 t"
        if len(text) <= LONGEST or len(kept) == 2:
            return MassFormula(text, _deviation(rows, kept))
        most = max(2, min(len(kept) - 1, len(kept) * LONGEST // len(text)))


def interpolated(rows: Sequence[Row], at: float) -> float:
    """Between the rows, and the end rows' values outside of them."""
    if at <= rows[0].at:
        return float(rows[0].value)
    for lower, upper in pairwise(rows):
        if at <= upper.at:
            share = (at - float(lower.at)) / float(upper.at - lower.at)
            return float(lower.value) + share * float(upper.value - lower.value)
    return float(rows[-1].value)


def _piecewise(rows: Sequence[Row], x: str) -> str:
    terms = [_number(rows[0].value)]
    for lower, upper in pairwise(rows):
        width = upper.at - lower.at
        slope = float(upper.value - lower.value) / float(width)
        if slope:
            sign = "-" if slope < 0 else "+"
            terms.append(f" {sign} {abs(slope)!r} * max(0, min({_number(width)}, {x} - {_number(lower.at)}))")
    return "".join(terms).replace(" - -", " + ")


def _number(value: object) -> str:
    return format(value, "f") if "E" in str(value) else str(value)


def _thinned(rows: Sequence[Row], most: int) -> Sequence[Row]:
    """At most `most` rows: each time the one that lies farthest from the line so far comes in."""
    if len(rows) <= most:
        return rows
    kept = [0, len(rows) - 1]
    gaps = [_gap(rows, *kept)]
    while len(kept) < most:
        distance, row, lower, upper = heappop(gaps)
        if not distance:
            break
        kept.append(row)
        heappush(gaps, _gap(rows, lower, row))
        heappush(gaps, _gap(rows, row, upper))
    return [rows[n] for n in sorted(kept)]


def _gap(rows: Sequence[Row], lower: int, upper: int) -> tuple[float, int, int, int]:
    """Between two rows that stay: minus the distance of the farthest row from their line, that row, and the two; smallest first is farthest first."""
    ends = (rows[lower], rows[upper])
    between = range(lower + 1, upper)
    distance, row = max(((_off(rows[n], ends), n) for n in between), default=(0.0, lower))
    return -distance, row, lower, upper


def _off(row: Row, kept: Sequence[Row]) -> float:
    """How far its contents lie from what is computed. [m³]"""
    return abs(float(row.value) - interpolated(kept, float(row.at)))


def _deviation(rows: Sequence[Row], kept: Sequence[Row]) -> float:
    """Of the whole table; both are sorted, so each row is held against the piece it lies in."""
    if len(kept) == len(rows):
        return 0.0
    pieces = iter(pairwise(kept))
    lower, upper = next(pieces)
    worst = 0.0
    for row in rows:
        while row.at > upper.at:
            lower, upper = next(pieces)
        worst = max(worst, _off(row, (lower, upper)))
    return worst
