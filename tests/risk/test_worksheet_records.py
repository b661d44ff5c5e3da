"""A version of a worksheet and its signatures are refused any change by the database itself, in SQLite and in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest
import sqlalchemy as sa

from anlan.guard.principal import Principal
from anlan.model.clock import ManualClock
from anlan.model.errors import AnlanError
from anlan.model.words import Label
from anlan.risk.worksheets.records import SheetSignature, SheetVersion
from anlan.risk.worksheets.sheet import read_sheet
from anlan.risk.worksheets.store import Worksheets
from anlan.store.ids import uuid7
from anlan.store.records import Records
from tests.store.test_records import factory, postgresql, postgresql_factory, sqlite_factory

__all__ = ["factory", "postgresql", "postgresql_factory", "sqlite_factory"]

CELLS = {"step": "启泵", "hazard": "x", "consequence": "y", "L": "3", "S": "5"}


def person(n: int) -> Principal:
    return Principal(person=UUID(int=n), account=f"p{n}", name=Label(zh=f"人{n}"), session=UUID(int=n + 100), grants=())


def test_nothing_that_was_kept_is_changed(factory: Callable[[], Records]) -> None:
    records, clock = factory(), ManualClock()
    records.migrate({"guard": "anlan.guard", "risk": "anlan.risk"})
    store, id = Worksheets(records, clock), uuid7(clock)
    sheet = read_sheet({"form": "jha", "method": "ls-a", "title": "泵", "lines": [{"cells": CELLS}]})
    store.create(person(1), id, sheet, "first")
    store.sign(person(2), id, 1, "review")
    signed = store.sign(person(3), id, 1, "sign")
    assert (signed.state, signed.unchanged, signed.sheet) == ("signed", True, sheet)
    for change in (
        sa.update(SheetVersion).values(reason="better"),
        sa.delete(SheetVersion),
        sa.update(SheetSignature).values(name_zh="别人"),
        sa.delete(SheetSignature),
    ):
        with pytest.raises((sa.exc.DBAPIError, AnlanError), match="not changed"), records.session() as session:
            session.execute(change)
    assert [one.state for one in store.versions(id)] == ["signed"]
