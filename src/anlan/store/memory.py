"""Give memory back after a large piece of work: Arrow and the C library keep what a million rules' worth of columns once took."""

from __future__ import annotations

import ctypes
import sys

import pyarrow as pa


def give_back() -> None:
    """Return freed memory to the operating system; a few milliseconds, so only around recovery, a new configuration or a merge of files."""
    pa.default_memory_pool().release_unused()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, musl does not
        if trim is not None:
            trim(0)
