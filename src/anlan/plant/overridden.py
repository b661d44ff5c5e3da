"""What runs under a night override, and that no version changes it before it has ended (`plant.overriding`)."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.model.clock import isoformat
from anlan.model.errors import CommandRefused
from anlan.monitor.config import AlarmRule
from anlan.plant.description import Plant
from anlan.plant.records import OverrideRow


def running(session: Session) -> list[OverrideRow]:
    return list(session.scalars(sa.select(OverrideRow).where(OverrideRow.ended_at.is_(None)).order_by(OverrideRow.began_at)))


def must_not_touch(session: Session, plant: Plant, ending: UUID | None = None) -> None:
    """Inside the transaction that makes `plant` a version: the alarms of overrides that run stay as they are, but those of the one that
    ends by it. Raises CommandRefused."""
    for row in running(session):
        if row.id == ending:
            continue
        rules = {rule.id: rule for rule in plant.rules}
        for alarm, of in row.rules.items():
            if rules.get(alarm) != AlarmRule.model_validate(of["during"]):
                raise CommandRefused(
                    "{alarm} is under a night override by {name} until {time}: end that first",
                    alarm=alarm,
                    name=row.account,
                    time=f"{isoformat(row.ends_at)[:19]}Z",
                )
