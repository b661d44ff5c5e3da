"""The second person's part in an app: `guard.second_person` with the roster of this node."""

from __future__ import annotations

import asyncio
from uuid import UUID

from anlan.guard.principal import Principal
from anlan.guard.second_person import independent, must_be_second
from anlan.web.api_roster import people_on_duty
from anlan.web.context import Context


async def second_person(context: Context, by: Principal, asked_by: UUID) -> None:
    """Raises NotSecond."""

    def look() -> None:
        on_duty = people_on_duty(context)
        apart = by.person != asked_by and independent(context.records, asked_by, by.person, context.clock.now())
        must_be_second(by, asked_by, on_duty=on_duty, independent=apart)

    await asyncio.to_thread(look)
