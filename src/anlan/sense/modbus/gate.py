"""Politeness towards one device, shared by all sources that read it: so many connections, so many requests a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar
from weakref import WeakValueDictionary

from anlan.model.errors import DriverError


class Gate:
    """The caps of one device address; where sources disagree, the strictest holds."""

    _gates: ClassVar[WeakValueDictionary[tuple[str, int], Gate]] = WeakValueDictionary()

    def __init__(self) -> None:
        self.connections, self._open = 0, 0
        self.spacing = 0.0
        self._next = 0.0

    @classmethod
    def to(cls, host: str, port: int, connections: int, requests_per_second: float) -> Gate:
        gate = cls._gates.get((host, port)) or cls()
        cls._gates[host, port] = gate
        gate.connections = min(gate.connections or connections, connections)
        gate.spacing = max(gate.spacing, 1.0 / requests_per_second)
        return gate

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        """Hold one of the device's connections; DriverError when all are taken (by another source: waiting would be for ever)."""
        if self._open >= self.connections:
            raise DriverError(
                "all {count} connections that this device may have are taken by other sources", count=self.connections
            )
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1

    async def turn(self) -> None:
        """Wait until the next request may go out: requests are spaced evenly, bursts do not exist."""
        now = time.monotonic()
        at, self._next = max(now, self._next), max(now, self._next) + self.spacing
        await asyncio.sleep(at - now)
