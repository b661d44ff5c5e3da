"""The heartbeat of a process: a byte a second through a pipe, out of the loop that does its work, so that one that hangs is noticed.

A pipe, because it needs no disk, no core and no clock.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

HEART = "ANLAN_HEART"
BEAT_SECONDS = 1.0


async def beat() -> None:
    """Until cancelled; returns at once in a process to which nobody listens."""
    told = os.environ.pop(HEART, "")
    if not told:
        return
    heart = int(told)
    os.set_inheritable(heart, False)
    os.set_blocking(heart, False)
    while True:
        # A full pipe is a supervisor that was held up: it will find beats enough.
        with suppress(BlockingIOError):
            os.write(heart, b".")
        await asyncio.sleep(BEAT_SECONDS)


@contextmanager
def listening(heard: Callable[[], None]) -> Iterator[int]:
    """Call `heard` at each beat; the number is what the process is to be given as HEART, open until it is started."""
    loop = asyncio.get_running_loop()
    ear, heart = os.pipe()

    def hear() -> None:
        if os.read(ear, 4096):
            heard()
        else:
            loop.remove_reader(ear)

    loop.add_reader(ear, hear)
    try:
        yield heart
    finally:
        loop.remove_reader(ear)
        os.close(ear)
