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
    """Should the record not take it (disk full), the step still counts: the journal has it, and the fault is shown."""
    step = Step.of(principal, context.clock.now(), action, subject, after=after, reason=reason)
    try:
        await asyncio.to_thread(context.guard.record, step)
    except StoreError as failure:
        log.error("step not in the audit record; the journal has it", action=action, subject=subject, error=str(failure))
        context.faults["audit"] = failure
    else:
        context.faults.pop("audit", None)
