"""The template driver: asks for all points, delivers the answers, asks again. Copy it, then make it yours."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from pydantic import Field

from anlan.model.clock import Clock
from anlan.model.errors import DriverError, InputError
from anlan.model.quality import GOOD
from anlan.model.readings import Readings
from anlan.sense._template.frame import Frame, Garbage, decode, request
from anlan.sense.backoff import Backoff
from anlan.sense.driver import DriverConfig, LinkState, Sink, Tag


class TemplateConfig(DriverConfig):
    host: str
    port: int = Field(ge=1, le=65_535)
    timeout: float = Field(default=2.0, gt=0, le=60, description="s")
    max_requests_per_second: float = Field(default=10.0, gt=0, le=1000)
    reconnect: float = Field(default=0.5, gt=0, le=60, description="s, the first wait; doubles up to reconnect_most")
    reconnect_most: float = Field(default=30.0, gt=0, le=600, description="s")


class TemplateDriver:
    """Template: the first line is what `anlan drivers` shows."""

    API: ClassVar[int] = 1
    KEEPS_UNACKNOWLEDGED: ClassVar[bool] = False
    Config: ClassVar[type[DriverConfig]] = TemplateConfig

    def __init__(self, config: TemplateConfig, tags: Sequence[Tag], sink: Sink, clock: Clock) -> None:
        self.counters: Counter[str] = Counter()
        self._config, self._sink = config, sink
        self._tags = {tag.address: tag for tag in tags}
        self._pause = max(1 / config.max_requests_per_second, min((tag.period for tag in tags), default=1.0))
        self._backoff = Backoff(config.reconnect, config.reconnect_most)

    @classmethod
    def parse(cls, address: str, point: dict[str, Any]) -> str:
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", address):
            raise InputError("Template address {address!r}: expected a name of letters, digits, _ . and -", address=address)
        return address

    async def run(self) -> None:
        while True:
            try:
                await self._connected()
            except (OSError, TimeoutError, EOFError, DriverError) as lost:
                self.counters["link_losses"] += 1
                await self._sink.link(LinkState.DOWN, str(lost) or type(lost).__name__)
            await asyncio.sleep(self._backoff.delay())

    async def _connected(self) -> None:
        async with asyncio.timeout(self._config.timeout):
            reader, writer = await asyncio.open_connection(self._config.host, self._config.port)
        try:
            while True:
                await self._poll(reader, writer)
                await asyncio.sleep(self._pause)
        finally:
            writer.close()

    async def _poll(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(request(list(self._tags)))
        answer = await self._answer(reader)
        self._backoff.reset()
        await self._sink.link(LinkState.UP)
        known = [
            (self._tags[name].number, time, value, GOOD) for name, (value, time) in answer.values.items() if name in self._tags
        ]
        await self._sink.deliver(Readings.of(known))

    async def _answer(self, reader: asyncio.StreamReader) -> Frame:
        buffer = b""
        async with asyncio.timeout(self._config.timeout):
            while True:
                match decode(buffer):
                    case Frame() as frame:
                        return frame
                    case Garbage(why):
                        raise DriverError("the device sent what it should not: {why}", why=why)
                more = await reader.read(4096)
                if not more:
                    raise EOFError("the device closed the connection")
                buffer += more
