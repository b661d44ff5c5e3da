"""How the engine's inner loop is compiled: once per installation, without the interpreter's lock, numbers as the processor has them.

Nothing in it allocates. So the runtime that counts references to arrays is left out: each call would count every array it passes up
and down again, which made calculated points four times slower.

Numba keeps what it compiled and takes it again while the function's own file is the same. A compiled function contains the functions it
calls and the constants of other files, so here it is kept by all of these files: one that was compiled from anything else is never run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

import anlan

KERNEL = ("__init__", "numbers", "memory", "conditions", "points", "machine", "calculated", "readings", "ticks", "views", "edits")
SOURCES = (
    *(f"monitor/kernel/{name}.py" for name in KERNEL),
    "monitor/compiled.py", "monitor/layout.py", "monitor/program.py", "monitor/states.py", "model/quality.py", "model/events/alarms.py",
)  # fmt: skip
"""What the compiled code follows from."""


def compiled(sources: tuple[str, ...], *, inline: bool) -> Callable[[Callable[..., Any]], Any]:
    """Decorates functions of an inner loop that follow from `sources`, files below the package; `inline` makes one function of all of them."""

    def decorate(function: Callable[..., Any]) -> Any:
        options = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False} | (
            {"forceinline": True} if inline else {}
        )
        made: Any = njit(**options)(function)  # type: ignore[call-overload]  # the stub lacks _nrt
        made._cache._cache_file._source_stamp = stamp(sources)
        return made

    return decorate


@cache
def stamp(sources: tuple[str, ...] = SOURCES) -> str:
    """Of all sources together."""
    digest = hashlib.sha256()
    for name in sources:
        digest.update((Path(anlan.__file__).parent / name).read_bytes())
    return digest.hexdigest()


fast = compiled(SOURCES, inline=True)
"""Decorates a function of the engine's inner loop."""
