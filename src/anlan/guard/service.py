"""The guard as one object, for the app process and for tests."""

from __future__ import annotations

from anlan.guard import audit
from anlan.guard.people import People
from anlan.guard.roles import Roles, load_roles
from anlan.guard.sessions import Sessions
from anlan.model.clock import Clock
from anlan.store.records import Records


class Guard:
    """Blocking calls unless said otherwise; run them in worker threads."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self.records, self.clock = records, clock
        self.roles: Roles = load_roles()
        self.sessions = Sessions(records, clock, self.roles)
        self.people = People(records, clock, self.sessions.forget)

    def record(self, step: audit.Step) -> int:
        """One audit leaf in a transaction of its own, for a step whose effect lies in another store."""
        with self.records.session() as session:
            return audit.append(session, step)
