"""How the inner loops over diagrams are compiled: once per installation, without the interpreter's lock.

Nothing in them allocates, so the runtime that counts references to arrays is left out. A compiled function contains the functions that it
calls; what Numba keeps of it on disk is therefore bound to all files of this folder, not only to its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from numba import njit

SOURCES = ("compiled", "tables", "bdd", "zbdd", "passes")


def fast(function: Callable[..., Any]) -> Any:
    """Decorates a function of the inner loop."""
    options = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
    compiled: Any = njit(**options)(function)  # type: ignore[call-overload]  # the stub lacks _nrt
    compiled._cache._cache_file._source_stamp = stamp()
    return compiled


@cache
def stamp() -> str:
    """Of all sources together."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    return digest.hexdigest()
