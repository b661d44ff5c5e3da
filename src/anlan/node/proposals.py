"""Changes of the configuration that somebody at this machine proposes (`anlan plant apply`), on their way through core to app and back.

Each store has one writing process: the records are app's. The socket lies in the node's own folder, which only its owner may enter.
"""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from anlan.bus.wire import Connection, Head
from anlan.model.errors import Unavailable

ANSWER_SECONDS = 120.0
"""A large plant folder takes a while to read and check."""


class Proposals:
    """Belongs to core's event loop."""

    def __init__(self) -> None:
        self._tickets = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}

    async def ask(self, app: Connection, proposal: Head) -> dict[str, Any]:
        """What app answers. Raises Unavailable."""
        ticket = next(self._tickets)
        answer = self._waiting[ticket] = asyncio.get_running_loop().create_future()
        app.on_close.append(lambda: self._lost(answer))
        app.tell({"push": "propose", "ticket": ticket, "proposal": {k: v for k, v in proposal.items() if k not in {"op", "id"}}})
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return {"answer": await answer}
        except TimeoutError as late:
            raise Unavailable("the console's process has not answered within {seconds} s", seconds=int(ANSWER_SECONDS)) from late
        finally:
            self._waiting.pop(ticket, None)

    def _lost(self, answer: asyncio.Future[dict[str, Any]]) -> None:
        if not answer.done():
            answer.set_exception(
                Unavailable("the console's process ended meanwhile; look under Master alarms whether the change was made")
            )

    def answer(self, ticket: int, answer: dict[str, Any]) -> None:
        if (waiting := self._waiting.get(ticket)) is not None and not waiting.done():
            waiting.set_result(answer)
