"""Columns of recorded files as numbers: times, values, qualities. Whole columns at once; what can't be read is told by its row.

Every function answers with the values and a mask of the rows that are wrong; those rows hold anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from anlan.model.clock import Micros
from anlan.model.quality import REASON_MASK, Reason, Severity, quality

Mask = npt.NDArray[np.bool_]

UNITS: tuple[tuple[float, float], ...] = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0))
"""A number below the first of a pair is a time in units of so many µs: seconds to the year 5138, ms from 1973 on, µs."""
QUALITIES = {
    "": 0,
    "good": 0,
    "uncertain": quality(Severity.UNCERTAIN, Reason.UNSPECIFIED),
    "bad": quality(Severity.BAD, Reason.UNSPECIFIED),
}
_HIGHEST_REASON = max(Reason)
_NOT_KNOWN: Micros = 0


@dataclass(slots=True)
class Times:
    """Reads a file's times; in which unit they are written is decided by its first one and then held to."""

    numeric: bool | None = None
    unit: float = 0.0

    def read(self, column: pa.Array) -> tuple[npt.NDArray[np.int64], Mask]:
        """µs since 1970 UTC."""
        if pa.types.is_timestamp(column.type):
            return self._stamps(column)
        if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
            return self._numbers(column)
        text = trimmed(column)
        if self.numeric is None:
            first = next((t for t in text.to_pylist() if t), "")
            self.numeric = first.replace(".", "", 1).isdigit()
        if self.numeric:
            numbers, wrong = numbers_of(text)
            times, off = self._numbers(pa.array(np.where(wrong, np.nan, numbers)))
            return times, wrong | off
        stamps, wrong = _cast(text, pa.timestamp("ns", "UTC"))
        return _floor(stamps), wrong

    def _stamps(self, column: pa.Array) -> tuple[npt.NDArray[np.int64], Mask]:
        wrong = _nulls(column)
        if column.type.tz is None:
            return np.zeros(len(column), np.int64), np.ones(len(column), np.bool_)
        return _floor(column.cast(pa.timestamp("ns", "UTC"), safe=False)), wrong

    def _numbers(self, column: pa.Array) -> tuple[npt.NDArray[np.int64], Mask]:
        wrong = _nulls(column)
        values = _filled(column, 0)
        if not self.unit and len(values):
            self.unit = next((unit for below, unit in UNITS if abs(float(values[0])) < below), 1.0)
        below = next((below for below, unit in UNITS if unit == self.unit), 1e17)
        least = below / 1e3 if self.unit != UNITS[0][1] else 0.0
        with np.errstate(invalid="ignore"):
            outside = ~((values >= least) & (values < below))
        if values.dtype.kind in "iu":
            return (values.astype(np.int64) * int(self.unit)), wrong | outside
        return np.rint(np.where(outside, 0, values) * self.unit).astype(np.int64), wrong | outside


def numbers_of(column: pa.Array) -> tuple[npt.NDArray[np.float64], Mask]:
    """Values; an empty cell is NaN and not wrong."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type) or pa.types.is_dictionary(column.type):
        text = trimmed(column)
        text = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
        numbers, wrong = _cast(text, pa.float64())
        return _filled(numbers, np.nan), wrong
    if pa.types.is_boolean(column.type) or pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return _filled(column.cast(pa.float64()), np.nan), np.zeros(len(column), np.bool_)
    return np.full(len(column), np.nan), np.ones(len(column), np.bool_)


def is_given(column: pa.Array) -> Mask:
    """Which cells hold anything. In a wide file an empty cell is no reading; a NaN that is written out is one, of a bad value."""
    if pa.types.is_string(column.type):
        return np.asarray(pc.fill_null(pc.not_equal(trimmed(column), ""), False).to_numpy(zero_copy_only=False), np.bool_)
    return ~_nulls(column)


def qualities(column: pa.Array) -> tuple[npt.NDArray[np.uint16], Mask]:
    """Anlan's quality word, or good, uncertain, bad in words; empty is good."""
    text = trimmed(column if pa.types.is_string(column.type) else column.cast(pa.string()))
    encoded = text.dictionary_encode()
    words = [_quality(word or "") for word in encoded.dictionary.to_pylist()]
    index = _filled(encoded.indices, len(words)).astype(np.int64)
    table = np.array([*(0 if w is None else w for w in words), 0], np.uint16)
    return table[index], np.array([*(w is None for w in words), False], np.bool_)[index]


def _quality(word: str) -> int | None:
    if (known := QUALITIES.get(word.lower())) is not None:
        return known
    if not word.isdigit() or int(word) >= 3 << 14 or int(word) & REASON_MASK > _HIGHEST_REASON:
        return None
    return int(word)


def trimmed(column: pa.Array) -> pa.Array:
    """As text without blanks around it, "" for null."""
    text = column.cast(pa.string()) if not pa.types.is_string(column.type) else column
    return pc.fill_null(pc.utf8_trim_whitespace(text), "")


def _cast(text: pa.Array, kind: pa.DataType) -> tuple[pa.Array, Mask]:
    """Cast; the rows that can't be are null and told. Halves what fails until the rows that do stand alone."""
    wrong = np.zeros(len(text), np.bool_)

    def cast(start: int, end: int) -> list[pa.Array]:
        try:
            return [pc.cast(text.slice(start, end - start), kind)]
        except pa.ArrowInvalid:
            if end - start == 1:
                wrong[start] = True
                return [pa.nulls(1, kind)]
            middle = (start + end) // 2
            return [*cast(start, middle), *cast(middle, end)]

    pieces = cast(0, len(text))
    return (pieces[0] if len(pieces) == 1 else pa.concat_arrays(pieces)), wrong


def _floor(stamps: pa.Array) -> npt.NDArray[np.int64]:
    return _filled(stamps.cast(pa.int64()), _NOT_KNOWN) // 1000


def _nulls(column: pa.Array) -> Mask:
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False), np.bool_)


def _filled(column: pa.Array, instead: float) -> npt.NDArray[Any]:
    filled = pc.fill_null(column, pa.scalar(instead, column.type)) if column.null_count else column
    return np.asarray(filled.to_numpy(zero_copy_only=False))
