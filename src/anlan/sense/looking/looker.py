"""The app's side of a look: starts the process when it is needed, lets it go when nobody looks, and bounds how often one person may.

A look is a connection that this node makes to an address that somebody typed. So it takes a right of its own, each is in the audit record,
and nobody makes more than PER_MINUTE of them.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import orjson
import structlog

from anlan.bus.tasks import end
from anlan.model.clock import Clock
from anlan.model.errors import AnlanError
from anlan.sense.looking.requests import Look, NotReached

PER_MINUTE = 60
AT_ONCE = 3
"""Looks under way, of all people together."""
IDLE_SECONDS = 120.0
GRACE_SECONDS = 5.0
"""Beyond a look's own time, for the start of the process."""
LARGEST = 16 * 2**20

log = structlog.get_logger()


class TooManyLooks(AnlanError):
    code: ClassVar[str] = "too-many-looks"
    status: ClassVar[int] = 429


class Looker:
    """Belongs to the app's event loop. `await look(...)`; `await close()` at the end."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder, self._clock = folder, clock
        self._process: asyncio.subprocess.Process | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = count(1)
        self._under_way = 0
        """From the asking on: the process that is begun first takes a second."""
        self._asked: dict[UUID, deque[float]] = {}
        self._last = 0.0
        self._starting = asyncio.Lock()

    async def look(self, look: Look, person: UUID, first: Callable[[], Awaitable[None]] | None = None) -> dict[str, Any]:
        """What was found. `first` is done before, once the look may be made: what is refused leaves nothing on record. Raises NotReached,
        TooManyLooks."""
        self._bounded(person)
        self._under_way += 1
        try:
            if first is not None:
                await first()
            return await self._look(look)
        finally:
            self._under_way -= 1

    async def _look(self, look: Look) -> dict[str, Any]:
        process = await self._running()
        number = next(self._numbers)
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self._last = self._clock.monotonic()
        try:
            assert process.stdin is not None
            process.stdin.write(orjson.dumps({"id": number, "look": look.NAME, "with": look.model_dump(mode="json")}) + b"\n")
            await process.stdin.drain()
            async with asyncio.timeout(look.SECONDS + GRACE_SECONDS):
                told = await answer
        except (TimeoutError, OSError) as late:
            await self._stop()
            raise NotReached("the look took longer than {seconds} s and was given up", seconds=round(look.SECONDS)) from late
        finally:
            self._waiting.pop(number, None)
            self._last = self._clock.monotonic()
        if "refused" in told:
            raise NotReached(told["refused"], **told["facts"])
        found: dict[str, Any] = told["answer"]
        return found

    async def close(self) -> None:
        await self._stop()

    def _bounded(self, person: UUID) -> None:
        now = self._clock.monotonic()
        asked = self._asked.setdefault(person, deque())
        while asked and asked[0] <= now - 60:
            asked.popleft()
        if len(asked) >= PER_MINUTE:
            raise TooManyLooks(
                "{count} looks at devices within a minute are too many; try again in {seconds} s",
                count=len(asked),
                seconds=max(1, round(asked[0] + 60 - now)),
            )
        if self._under_way >= AT_ONCE:
            raise TooManyLooks("{count} looks at devices are under way; try again in {seconds} s", count=AT_ONCE, seconds=5)
        asked.append(now)

    async def _running(self) -> asyncio.subprocess.Process:
        async with self._starting:
            if self._process is None or self._process.returncode is not None:
                await self._stop()
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "anlan.sense.looking.process", str(self._folder),
                    stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LARGEST,
                )  # fmt: skip
                self._tasks = [asyncio.ensure_future(self._hear(self._process)), asyncio.ensure_future(self._let_go())]
            return self._process

    async def _hear(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            while line := await process.stdout.readline():
                told = orjson.loads(line)
                waiting = self._waiting.get(told["id"])
                if waiting is not None and not waiting.done():
                    waiting.set_result(told)
        except ValueError as wrong:  # longer than LARGEST
            log.error("what a look found is not taken", error=str(wrong))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result({"refused": "the look ended without an answer; what the device sent was more than a look may take", "facts": {}})  # fmt: skip

    async def _let_go(self) -> None:
        while self._waiting or self._clock.monotonic() < self._last + IDLE_SECONDS:  # noqa: ASYNC110 - time itself is waited for
            await asyncio.sleep(IDLE_SECONDS / 8)
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()  # it ends by itself; a task cannot await its own end

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()
        tasks, self._tasks = self._tasks, []
        await end(tasks)
