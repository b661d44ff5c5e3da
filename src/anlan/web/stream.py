"""What has to reach every browser: a bell that wakes whoever waits, and server-sent events that end when the session does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from starlette.responses import StreamingResponse

HEARTBEAT = 5.0
"""Seconds of silence after which a comment is sent: proxies keep the line open, and a vanished browser is noticed."""


class Bell:
    """Wakes waiters; carries nothing. `count` says how often it has rung, so that a ring between two waits is not missed."""

    def __init__(self) -> None:
        self.count = 0
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """On the event loop only; from another thread use `loop.call_soon_threadsafe(bell.ring)`."""
        self.count += 1
        self._rung.set()
        self._rung = asyncio.Event()

    async def wait(self, seen: int, within: float | None = None) -> int:
        """Return the count once it lies beyond `seen`, or after `within` seconds whatever it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self.count <= seen:
                    await self._rung.wait()
        return self.count


def event(data: bytes, *, kind: str = "", identity: str = "") -> bytes:
    """One server-sent event (WHATWG HTML §9.2). `data` is one line, which JSON is."""
    head = (f"id: {identity}\n" if identity else "") + (f"event: {kind}\n" if kind else "")
    return head.encode() + b"data: " + data + b"\n\n"


def event_stream(events: AsyncIterator[bytes], still_allowed: Callable[[], Awaitable[bool]]) -> StreamingResponse:
    """An answer that sends `events` as they come, a comment while there are none, and ends when the asker may no longer listen."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_with_heartbeat(events, still_allowed), media_type="text/event-stream", headers=headers)


async def _with_heartbeat(events: AsyncIterator[bytes], still_allowed: Callable[[], Awaitable[bool]]) -> AsyncIterator[bytes]:
    upcoming: asyncio.Task[bytes] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(_next(events))
            done, _ = await asyncio.wait({upcoming}, timeout=HEARTBEAT)
            if not await still_allowed():
                return
            if not done:
                yield b": \n\n"
                continue
            try:
                chunk = upcoming.result()
            except StopAsyncIteration:
                return
            upcoming = None
            yield chunk
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.wait({upcoming})


async def _next(events: AsyncIterator[bytes]) -> bytes:
    return await anext(events)


class Watch:
    """Waits for the first of several things that go on happening; what hasn't happened yet goes on being waited for."""

    def __init__(self, **waits: Callable[[], Awaitable[object]]) -> None:
        self._waits = waits
        self._tasks: dict[str, asyncio.Future[object]] = {}

    async def first(self, within: float) -> set[str]:
        """Names of those that have happened, none after `within` seconds."""
        for name, wait in self._waits.items():
            if name not in self._tasks:
                self._tasks[name] = asyncio.ensure_future(wait())
        await asyncio.wait(self._tasks.values(), timeout=within, return_when=asyncio.FIRST_COMPLETED)
        happened = {name for name, task in self._tasks.items() if task.done()}
        for name in happened:
            self._tasks.pop(name).result()
        return happened

    def close(self) -> None:
        for task in self._tasks.values():
            task.cancel()
