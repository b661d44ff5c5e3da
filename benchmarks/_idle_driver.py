"""The source `load` as sense sees it: its link is up; its readings come over core's socket from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from anlan.model.clock import Clock
from anlan.sense.driver import DriverConfig, LinkState, Sink, Tag

KEEP_ALIVE = 2.0


class LoadDriver:
    """Benchmarks: keeps a link up and reads nothing."""

    API: ClassVar[int] = 1
    Config: ClassVar[type[DriverConfig]] = DriverConfig

    def __init__(self, config: DriverConfig, tags: Sequence[Tag], sink: Sink, clock: Clock) -> None:
        self._sink = sink

    @classmethod
    def parse(cls, address: str, point: dict[str, Any]) -> str:
        return address

    async def run(self) -> None:
        while True:
            await self._sink.link(LinkState.UP)
            await asyncio.sleep(KEEP_ALIVE)
