"""A serial gateway: units on one line, asked one after another, each with its own delay. A silent one holds the line as long."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

HEADER = 7
READ = 12
"""Bytes of a read request."""


class Gateway:
    """`delays`: s by unit. `mute` units never answer; those in `unreachable` are answered for by the gateway, with exception 11."""

    def __init__(self) -> None:
        self.port = 0
        self.delays: dict[int, float] = {}
        self.mute: set[int] = set()
        self.unreachable: set[int] = set()
        self.asked: Counter[int] = Counter()
        self.connections = 0
        self._line = asyncio.Lock()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    def options(self, folder: Path) -> dict[str, Any]:
        return {"host": "127.0.0.1", "port": self.port, "max_requests_per_second": 200, "reconnect": 0.05, "reconnect_most": 0.1}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                await self._answer(await reader.readexactly(READ), writer)

    async def _answer(self, request: bytes, writer: asyncio.StreamWriter) -> None:
        unit, function, count = request[6], request[7], request[11]
        self.asked[unit] += 1
        async with self._line:
            await asyncio.sleep(self.delays.get(unit, 0.0))
        if unit in self.mute:
            return
        told = {True: bytes([function | 0x80, 11]), False: bytes([function, 2 * count]) + bytes([0, unit]) * count}
        body = told[unit in self.unreachable]
        writer.write(request[:4] + (len(body) + 1).to_bytes(2, "big") + bytes([unit]) + body)
