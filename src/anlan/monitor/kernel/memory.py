"""Asking memory for a cache line before it is needed: where points and windows lie far apart, the time goes to waiting for them."""

from __future__ import annotations

from typing import Any

from llvmlite import ir  # type: ignore[import-untyped]  # publishes none
from numba import types
from numba.extending import intrinsic


@intrinsic
def _prefetch(context, array, index):  # type: ignore[no-untyped-def]
    """Ask memory for the cache line of `array[index]`, to be written soon."""

    def generate(context, builder, signature, args):  # type: ignore[no-untyped-def]
        kind = signature.args[0]
        data = context.make_array(kind)(context, builder, args[0]).data
        at = context.cast(builder, args[1], signature.args[1], types.intp)
        line = builder.bitcast(builder.gep(data, [at]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        form = ir.FunctionType(ir.VoidType(), [line.type, word, word, word])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", [line.type], form)
        builder.call(prefetch, [line, word(1), word(3), word(1)])  # for writing, to be kept, data
        return context.get_dummy_value()

    return types.void(array, index), generate


prefetch: Any = _prefetch
"""`prefetch(array, index)`: Numba passes the first argument of what stands above."""
