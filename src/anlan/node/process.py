"""What every process of the node does alike: stop on a signal, end with its parent."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
import signal
import time
from pathlib import Path

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask Linux to end this process when the supervisor ends, however it ends: two cores must never write one store."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


async def run_until_signal() -> None:
    """Wait for SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


def seconds_alive() -> float:
    """Since the kernel made this process, to 10 ms: what a start took, the interpreter's own included."""
    started = int(Path("/proc/self/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def spare_what_is_loaded() -> None:
    """Call once started. Modules, plant and compiled code live as long as the process; looking through their million objects for garbage,
    as Python does now and then, would stop everything for a tenth of a second."""
    gc.freeze()
    gc.enable()
