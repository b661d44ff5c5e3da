"""Ports for the nodes that tests start as processes of their own."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from itertools import count

COUNT = 5
FIRST, LAST, EACH = 12_000, 32_000, 2_500
"""Below the ports that the system gives out by itself; each test worker has a range of its own."""
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % ((LAST - FIRST) // EACH)
_tried = count(os.getpid() * COUNT % EACH, COUNT)


def free_ports() -> int:
    """The first of five neighbouring free ports, never the same twice: a node that a test stops and starts finds its ports again."""
    for _ in range(EACH // COUNT):
        base = FIRST + _worker * EACH + next(_tried) % EACH
        with ExitStack() as held, suppress(OSError):
            for offset in range(COUNT):
                held.enter_context(socket.socket()).bind(("127.0.0.1", base + offset))
            return base
    raise AssertionError("no five free ports")
