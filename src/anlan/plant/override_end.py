"""The way back from a night override: the alarms as they were, in the next version, whatever else was changed meanwhile."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.guard.principal import Principal
from anlan.model.clock import Clock
from anlan.model.errors import CommandRefused, NotFound
from anlan.model.frames import NODE_ID
from anlan.model.languages import translate
from anlan.plant.description import Plant
from anlan.plant.overriding import ended, restored
from anlan.plant.records import OverrideRow
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant, version
from anlan.store.records import Records


def end(records: Records, clock: Clock, id: UUID, by: Principal | None = None) -> Imported:
    """`by` None: its time is over. Blocking. Raises NotFound, CommandRefused, StoreError, StaleBase (somebody made a version this instant)."""
    with records.reading() as session:
        row = session.get(OverrideRow, id)
        if row is None:
            raise NotFound("there is no override {id}", id=str(id))
        if row.ended_at is not None:
            raise CommandRefused("this override has ended already")
        session.expunge(row)
    current, now, _ = version(records)

    def also(session: Session, _: Plant | None, made: Imported) -> None:
        ended(session, id, by, clock.now(), made.version.number)

    author, reason = (NODE_ID if by is None else by.account), translate("end of the night override", "zh")
    made = import_plant(
        records, restored(now, row), author=author, reason=reason, clock=clock, onto=current.number, also=also, ending=id
    )
    if not made.new:  # it changed nothing
        with records.session() as session:
            ended(session, id, by, clock.now(), current.number)
    return made


def end_due(records: Records, clock: Clock) -> list[Imported]:
    """Those whose time was over while the node was down. Blocking: before anything is in force."""
    wanted = sa.select(OverrideRow.id).where(OverrideRow.ended_at.is_(None), OverrideRow.ends_at <= clock.now())
    with records.reading() as session:
        due = list(session.scalars(wanted))
    return [end(records, clock, id) for id in due]
