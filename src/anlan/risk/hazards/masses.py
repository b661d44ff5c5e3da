"""The mass in a tank as an expression over its level and temperature: strapping table × density, both interpolated between their rows.

    V-201.MASS [t] = (v0 + Σ slope·max(0, min(width, level − from))) × density / 1000

Outside its table a level counts as the table's end. A table with more rows than an expression holds is thinned: the rows that are left out lie
within a stated distance of the line between those that stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from anlan.risk.hazards.config import LiveMass, Row

LONGEST = 1_900
"""Characters of an expression; the language takes 2,000."""


@dataclass(frozen=True, slots=True)
class MassFormula:
    """`deviation` m³: the farthest that a row of the strapping table lies from what is computed; 0 where every row is in it."""

    text: str
    deviation: float


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
    while len(kept) < most:
        gaps = [(*_farthest(rows, lower, upper), upper) for lower, upper in pairwise(kept)]
        distance, row, _ = max(gaps)
        if distance <= 0:
            break
        kept = sorted({*kept, row})
    return [rows[n] for n in kept]


def _farthest(rows: Sequence[Row], lower: int, upper: int) -> tuple[float, int]:
    ends = (rows[lower], rows[upper])
    return max(
        ((abs(float(rows[n].value) - interpolated(ends, float(rows[n].at))), n) for n in range(lower + 1, upper)),
        default=(0.0, lower),
    )


def _deviation(rows: Sequence[Row], kept: Sequence[Row]) -> float:
    return max(abs(float(row.value) - interpolated(kept, float(row.at))) for row in rows)
