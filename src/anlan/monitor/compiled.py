"""How the engine's inner loop is compiled: once per installation, without the interpreter's lock, numbers as the processor has them.

Nothing in it allocates. So the runtime that counts references to arrays is left out: each call would count every array it passes up
and down again, which made calculated points four times slower.
"""

from __future__ import annotations

from typing import Any

from numba import njit

fast: Any = njit(cache=True, nogil=True, error_model="numpy", _nrt=False)  # type: ignore[call-overload]  # the stub lacks _nrt
