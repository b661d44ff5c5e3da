"""A signed handover is refused any change by the database itself, in SQLite and in PostgreSQL; a draft is not."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from anlan.model.clock import ManualClock
from anlan.model.errors import AnlanError
from anlan.monitor.handover.content import digest_of, digest_of_addendum
from anlan.monitor.records import Handover, HandoverAddendum
from anlan.store.ids import uuid7
from anlan.store.records import Records
from tests.store.test_records import factory, postgresql, postgresql_factory, sqlite_factory

__all__ = ["factory", "postgresql", "postgresql_factory", "sqlite_factory"]


def row(state: str) -> Handover:
    clock = ManualClock()
    return Handover(
        id=uuid7(clock), post="gas", state=state, edition=1, start=1, as_of=2, facts={"a": 1.5, "b": [None, "é氯"]}, remarks="as it was", items=[],
        outgoing=UUID(int=1), outgoing_zh="甲", outgoing_en="A", offered_at=2, incoming=UUID(int=2), incoming_zh="乙", incoming_en="B",
        incoming_remarks="", signed_at=3, previous=None, previous_sha256="", sha256="",
    )  # fmt: skip


def test_nothing_that_was_signed_is_changed(factory: Callable[[], Records]) -> None:
    records = factory()
    records.migrate({"monitor": "anlan.monitor"})
    signed, draft = row("signed"), row("draft")
    signed.sha256 = digest_of(signed)
    added = HandoverAddendum(id=uuid7(ManualClock()), handover=signed.id, text="x", person=UUID(int=1), name_zh="甲", name_en="A", post="gas", at=4, sha256="")  # fmt: skip
    added.sha256 = digest_of_addendum(added, signed.sha256)
    with records.session() as session:
        session.add_all([signed, draft])
        session.flush()
        session.add(added)
    with records.session() as session:
        session.execute(sa.update(Handover).where(Handover.state == "draft").values(remarks="better"))
        session.execute(sa.delete(Handover).where(Handover.state == "draft"))
    for change in (
        sa.update(Handover).values(remarks="better"),
        sa.delete(Handover),
        sa.update(HandoverAddendum).values(text="y"),
        sa.delete(HandoverAddendum),
    ):
        with pytest.raises((sa.exc.DBAPIError, AnlanError), match="not changed"), records.session() as session:
            session.execute(change)
    with records.reading() as session:
        kept = session.scalars(sa.select(Handover)).one()
        assert (kept.remarks, digest_of(kept)) == ("as it was", kept.sha256)
        beside = session.scalars(sa.select(HandoverAddendum)).one()
        assert digest_of_addendum(beside, kept.sha256) == beside.sha256
