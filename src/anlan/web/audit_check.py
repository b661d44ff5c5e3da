"""Whole checks of the audit record that people ask for: one at a time, on a thread of its own, shared by who asks while it runs.

A check of a long record takes seconds of a core. However many ask for it, the threads that answer all other requests stay free.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from anlan.guard.verifying import Checked, verify
from anlan.web.context import Context


class SharedCheck:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._thread = ThreadPoolExecutor(1, "audit-check")
        self._running: asyncio.Future[Checked] | None = None

    async def now(self) -> Checked:
        """What the running check finds, else a new one. On the event loop; who gives up waiting takes it from nobody else."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().run_in_executor(self._thread, self._check)
        return await asyncio.shield(self._running)

    def _check(self) -> Checked:
        auditor = self._context.guard.auditor
        if auditor is not None:
            return auditor.verify()
        with self._context.records.reading() as session:
            return verify(session)
