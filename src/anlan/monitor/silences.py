"""One silence of one console is one step, however often it is asked for: journal and audit record must not grow by a key that sticks."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

KEPT = 20_000
"""Silences remembered, of so many consoles and alarms; the oldest go first."""

Key = tuple[UUID, int, int]
"""Session (a station's id), number of the alarm, episode."""


class Silences:
    """In memory of the one app process: after its restart a console that is still quiet may be written down once more."""

    def __init__(self) -> None:
        self._of: OrderedDict[Key, asyncio.Task[dict[str, Any]]] = OrderedDict()

    async def once(self, key: Key, run: Callable[[], Awaitable[dict[str, Any]]]) -> dict[str, Any]:
        """The answer of `run`, or the one given before. One that failed or wrote nothing is forgotten. Raises what `run` raises."""

        async def step() -> dict[str, Any]:
            written = False
            try:
                answer = await run()
                written = answer.get("transition") is not None
                return answer
            finally:
                if not written:
                    self._of.pop(key, None)

        task = self._of.get(key)
        if task is None:
            task = self._of[key] = asyncio.ensure_future(step())
            while len(self._of) > KEPT:
                self._of.popitem(last=False)
        # Who asked first may go away: the others still wait for the same step.
        return await asyncio.shield(task)
