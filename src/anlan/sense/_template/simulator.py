"""A device that speaks the template's protocol, records what it is asked, and can be cut and started again."""

from __future__ import annotations

import asyncio

from anlan.model.clock import SystemClock
from anlan.sense.recording import Recording


class TemplateServer:
    def __init__(self, port: int = 0, *, host: str = "127.0.0.1") -> None:
        self.host, self.port = host, port
        self.recording = Recording()
        self.values: dict[str, tuple[float, int]] = {}
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    def set(self, name: str, value: float) -> None:
        self.values[name] = (value, SystemClock().now())

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while line := await reader.readline():
                verb, *names = line.decode().split()
                self.recording.note(verb)
                told = [f"{n} {self.values[n][0]} {self.values[n][1]}\n" for n in names if n in self.values]
                writer.write("".join([*told, "\n"]).encode() if told else b"\n\n")
        except ConnectionError:
            pass  # the client left
        finally:
            self._writers.discard(writer)
            writer.close()
