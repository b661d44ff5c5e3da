"""Ending tasks for good, whatever the libraries in them do with a cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import structlog

PATIENCE = 1.0
"""How long a cancelled task may take before it is cancelled once more. [s]"""
CANCELS = 10

log = structlog.get_logger()


async def end(tasks: Iterable[asyncio.Task[Any]], patience: float | None = None) -> None:
    """Cancel the tasks and wait for them; again and again, because a library may swallow it (asyncio.wait_for before 3.12 does).

    `patience`: for tasks that tidy up for longer than PATIENCE, which a second cancellation would cut short. [s]
    """
    tasks = list(tasks)
    left = {task for task in tasks if not task.done()}
    for _ in range(CANCELS):
        if not left:
            break
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=PATIENCE if patience is None else patience)
    for task in tasks:
        if task.done() and not task.cancelled() and (bug := task.exception()) is not None:
            log.debug("a task had ended by itself", task=task.get_name(), error=repr(bug))
    if left:
        log.error("tasks do not end", tasks=[task.get_name() for task in left])
