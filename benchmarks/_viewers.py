"""The process of `benchmarks._browsers` for the time of a block."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path

PATIENCE = 120.0


class Viewers:
    """So many consoles of so many tags each, and pages in Chromium. With `file` what they are told of alarms is written there at the end, and
    `seen` waits until every console has had `alarms` rows."""

    def __init__(
        self,
        address: str,
        ids: list[str],
        browsers: int,
        tags: int,
        pages: int,
        *,
        alarms: int = 0,
        file: Path | None = None,
        page: str = "/",
    ) -> None:
        """`page` is what Chromium opens."""
        kept = [str(alarms), str(file)] if file is not None else []
        self._arguments = [address, str(browsers), str(tags), str(pages), *kept]
        self._ids = ids
        self._environment = os.environ | {"ANLAN_BENCHMARK_PAGE": page}

    async def __aenter__(self) -> Viewers:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks._browsers",
            *self._arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=self._environment,
        )
        assert self._process.stdin is not None
        self._process.stdin.write("\n".join(self._ids).encode())
        self._process.stdin.close()
        if await asyncio.wait_for(self._line(), PATIENCE) != "watching":
            raise SystemExit("the viewers do not see values")
        return self

    async def seen(self, within: float) -> bool:
        """Whether every console has had all alarm rows by then."""
        with suppress(TimeoutError):
            return await asyncio.wait_for(self._line(), within) == "seen"
        return False

    async def told(self) -> dict[str, float]:
        """Stops them: what they received a second."""
        self._process.terminate()
        found: dict[str, float] = json.loads(await asyncio.wait_for(self._line(), PATIENCE))
        return found

    async def ended(self) -> None:
        """After `told`: whatever they write is written."""
        await asyncio.wait_for(self._process.wait(), PATIENCE)

    async def _line(self) -> str:
        assert self._process.stdout is not None
        return (await self._process.stdout.readline()).decode().strip()

    async def __aexit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            self._process.terminate()
        await self._process.wait()
