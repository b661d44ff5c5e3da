"""The second person's part in an app: `guard.second_person` with the roster of this node."""

from __future__ import annotations

import asyncio
from uuid import UUID

from anlan.guard.principal import Principal
from anlan.guard.second_person import looked_up, must_be_second
from anlan.web.api_roster import running_shift
from anlan.web.context import Context


async def second_person(context: Context, by: Principal, asked_by: UUID) -> None:
    """Raises NotSecond."""

    def look() -> None:
        duty, independent = looked_up(context.records, by, asked_by, running_shift(context), context.clock.now())
        must_be_second(by, asked_by, duty=duty, independent=independent)

    await asyncio.to_thread(look)
