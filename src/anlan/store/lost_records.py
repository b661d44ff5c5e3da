"""Records that could not be opened: every session says why. What needs no records goes on, and nothing is written into a damaged file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import URL
from sqlalchemy.orm import Session

from anlan.model.errors import StoreError
from anlan.store.records import Records


class LostRecords(Records):
    """Stands where `Records` would; reaches no file."""

    def __init__(self, failure: StoreError) -> None:
        super().__init__(URL.create("sqlite"))
        self.failure = failure

    @contextmanager
    def _session(self, *, writing: bool) -> Iterator[Session]:
        # A new one each time: one instance would gather the traceback of every caller.
        raise type(self.failure)(self.failure.message, **self.failure.facts)
        yield
