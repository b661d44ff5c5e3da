"""Arrow columns to and from numpy, by their buffers.

`pyarrow.array` and `Array.to_numpy` would do, but both first import pandas where it is installed: a second of every start, 60 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def of(values: Any, kind: pa.DataType) -> pa.Array:
    """A column of `kind` (a number, bool, string or list of numbers) without nulls."""
    if pa.types.is_list(kind):
        return _lists(values, kind)
    if pa.types.is_string(kind):
        return _strings(values)
    if pa.types.is_boolean(kind):
        bits = np.packbits(np.asarray(values, np.bool_), bitorder="little")
        return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(bits)])
    array = np.ascontiguousarray(values, kind.to_pandas_dtype())
    return pa.Array.from_buffers(kind, len(array), [None, pa.py_buffer(array)])


def same(value: Any, kind: pa.DataType, rows: int) -> pa.Array:
    """`rows` times `value`."""
    return of([value] * rows if pa.types.is_nested(kind) or pa.types.is_string(kind) else np.full(rows, value), kind)


def to_numpy(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[Any]:
    """The values of a column without nulls (number or bool), read-only, without copying where it is one chunk of numbers."""
    array = whole(column) if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_boolean(array.type):
        return _bits(array)
    kind = np.dtype(array.type.to_pandas_dtype())
    if not len(array):
        return np.zeros(0, kind)
    return np.frombuffer(array.buffers()[1], kind, len(array), array.offset * kind.itemsize)


def whole(column: pa.ChunkedArray) -> pa.Array:
    """The column as one array."""
    if column.num_chunks == 0:
        return of([], column.type)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _bits(array: pa.BooleanArray) -> npt.NDArray[np.bool_]:
    if not len(array):
        return np.zeros(0, np.bool_)
    packed = np.frombuffer(array.buffers()[1], np.uint8)
    return np.unpackbits(packed, count=array.offset + len(array), bitorder="little")[array.offset :].astype(np.bool_)


def _strings(values: Sequence[str]) -> pa.Array:
    encoded = [value.encode() for value in values]
    return pa.Array.from_buffers(
        pa.string(), len(encoded), [None, pa.py_buffer(_offsets(encoded)), pa.py_buffer(b"".join(encoded))]
    )


def _lists(values: Sequence[Sequence[int]], kind: pa.DataType) -> pa.Array:
    flat = of([item for value in values for item in value], kind.value_type)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(_offsets(values))], children=[flat])


def _offsets(values: Sequence[Sequence[Any]]) -> Any:
    return np.concatenate([[0], np.cumsum([len(value) for value in values])]).astype(np.int32)
