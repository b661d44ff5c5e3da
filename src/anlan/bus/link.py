"""A standing link to the core: connects, greets, comes back when lost. Used by the sense and app processes and by the watchdog."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import structlog

from anlan.bus.wire import Body, Client, Head
from anlan.model.errors import Unavailable

RECONNECT_SECONDS = 0.1
"""The core is on the same machine and comes back within a second or two; waiting longer would only delay the first alarm after."""

log = structlog.get_logger()


class Link:
    """One process's link to the core's socket.

    `on_connect` runs after each connection before other requests are let through: greet, subscribe, tell link states again.
    `on_change(connected)` is called once at each change.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_connect: Callable[[Client], Awaitable[None]] | None = None,
        on_push: Callable[[Head, bytes], None] | None = None,
        on_change: Callable[[bool], None] | None = None,
    ) -> None:
        self._path = path
        self._on_connect, self._on_push, self._on_change = on_connect, on_push, on_change
        self._client: Client | None = None
        self._ready = asyncio.Event()

    @property
    def connected(self) -> bool:
        return self._ready.is_set()

    async def wait_connected(self) -> None:
        await self._ready.wait()

    async def request(self, op: str, body: Body = b"", **head: Any) -> tuple[Head, bytes]:
        """Ask the core; Unavailable at once while there is no connection, so that the caller decides whether to wait."""
        client = self._client
        if client is None or not self._ready.is_set():
            raise Unavailable("the core is not connected")
        return await client.request(op, body, **head)

    async def run(self) -> None:
        """Keep the link up until cancelled."""
        while True:
            try:
                client = await Client.connect(self._path, self._on_push)
            except Unavailable:
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            try:
                await self._live_through(client)
            except Unavailable as error:
                log.info("link to core failed", error=str(error))
            finally:
                self._down()
                await client.close()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _live_through(self, client: Client) -> None:
        if self._on_connect is not None:
            await self._on_connect(client)
        self._client = client
        self._ready.set()
        if self._on_change is not None:
            self._on_change(True)
        await client.lost.wait()

    def _down(self) -> None:
        was, self._client = self._ready.is_set(), None
        self._ready.clear()
        if was and self._on_change is not None:
            self._on_change(False)
