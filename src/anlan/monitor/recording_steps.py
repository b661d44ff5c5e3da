"""A step that the engine has taken, told to the audit record."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from anlan.guard.audit import Step
from anlan.guard.principal import Principal
from anlan.model.errors import StoreError
from anlan.web.context import Context

log = structlog.get_logger()


async def record(context: Context, principal: Principal, action: str, subject: str, after: dict[str, Any], reason: str) -> None:
    """Should the record not take it (disk full), the step still counts and its leaf waits; the fault is shown until it is written. Where
    there is not even room to wait, the journal alone has the step, and that is shown and counted."""
    step = Step.of(principal, context.clock.now(), action, subject, after=after, reason=reason)
    try:
        await asyncio.to_thread(context.guard.record, step)
        failure = context.guard.waiting()
    except StoreError as refused:
        log.error("step not in the audit record; the journal has it", action=action, subject=subject, error=str(refused))
        failure = context.guard.waiting() or refused
    if failure is not None:
        context.faults["audit"] = failure
    else:
        context.faults.pop("audit", None)
