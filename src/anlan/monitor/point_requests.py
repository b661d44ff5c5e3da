"""Requests of two persons in the records: who asked, who decided.

    open ──claim──▶ deciding ──the engine took the step──▶ approved
     ▲ │                └──it refused the step, or never got it──▶ open
     │ └──▶ refused, withdrawn

Every move names the state that it leaves and looks at it in its own transaction, in which writers take turns: of two persons who decide at
once one is told that the request is not open any more. Blocking: call it in worker threads.
"""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import Clock, Micros
from anlan.model.errors import CommandRefused, NotFound
from anlan.monitor.point_modes import PointStep
from anlan.monitor.records import OutRequest
from anlan.store.records import Records
from anlan.web.answers import iso

LISTED = 500


class OutRequests:
    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock

    def keep(self, principal: Principal, row: OutRequest) -> dict[str, Any]:
        """A new request; one that was kept under this id before comes back as it is now."""
        with self._records.session() as session:
            kept = session.get(OutRequest, row.id)
            if kept is not None:
                return request_row(kept)
            session.add(row)
            after = {"until": row.until, "work_order": row.work_order, "measures": row.measures}
            step = Step.of(principal, row.requested_at, f"{row.kind}.request", row.point, after=after, reason=row.reason)
            append(session, step)
            return request_row(row)

    def row(self, request: UUID) -> OutRequest:
        with self._records.reading() as session:
            row = session.get(OutRequest, request)
            if row is None:
                raise NotFound("there is no request {id}", id=str(request))
            session.expunge(row)
            return row

    def rows(self, state: str = "", point: str = "") -> list[OutRequest]:
        """Newest first."""
        query = select(OutRequest).order_by(OutRequest.requested_at.desc()).limit(LISTED)
        query = query.where(OutRequest.state == state) if state else query
        query = query.where(OutRequest.point == point) if point else query
        with self._records.reading() as session:
            rows = list(session.scalars(query))
            session.expunge_all()
            return rows

    def claim(self, principal: Principal, request: UUID, note: str) -> Micros:
        """This person decides it from now on, an instant that names the claim; who had claimed it goes on with it. Raises CommandRefused."""
        now = self._clock.now()
        with self._records.session() as session:
            row = session.get_one(OutRequest, request)
            if row.state != "deciding" or row.decider != principal.person:
                _must_be(row, "open")
            row.state = "deciding"
            _by(row, principal, note, now)
        return now

    def decide(
        self, principal: Principal, request: UUID, expected: Literal["open", "deciding"], state: str, note: str
    ) -> dict[str, Any]:
        """Raises CommandRefused when it stands otherwise than expected."""
        now = self._clock.now()
        with self._records.session() as session:
            row = session.get_one(OutRequest, request)
            _must_be(row, expected)
            row.state = state
            _by(row, principal, note, now)
            append(
                session, Step.of(principal, now, f"{row.kind}.{state}", row.point, after={"request": str(row.id)}, reason=note)
            )
            return request_row(row)

    def reopen(self, request: UUID, claimed: Micros | None) -> OutRequest:
        """This claim came to nothing: the engine never took the step. A later claim stands."""
        with self._records.session() as session:
            row = session.get_one(OutRequest, request)
            if row.state == "deciding" and row.decided_at == claimed:
                row.state, row.note, row.decided_at = "open", "", None
                row.decider, row.decider_zh, row.decider_en = None, "", ""
            return _given(session, row)

    def approved_by(self, request: UUID, step: PointStep, zh: str, en: str) -> OutRequest:
        """The engine's step stands, so it was approved, whatever became of the claim. `zh`, `en`: the approver's name."""
        with self._records.session() as session:
            row = session.get_one(OutRequest, request)
            if row.state not in {"open", "deciding"}:
                return _given(session, row)
            row.state, row.decided_at = "approved", step.happened_at
            if step.approver != str(row.decider):
                row.decider, row.decider_zh, row.decider_en, row.note = UUID(step.approver), zh, en, ""
            after = {"request": str(row.id), "from_journal": step.n}
            leaf = Step(
                at=self._clock.now(),
                who=step.approver,
                action=f"{row.kind}.approved",
                subject=row.point,
                after=after,
                reason=row.note,
            )
            append(session, leaf)
            return _given(session, row)


def _must_be(row: OutRequest, expected: str) -> None:
    if row.state != expected:
        raise CommandRefused("this request is not open any more")


def _by(row: OutRequest, principal: Principal, note: str, now: Micros) -> None:
    row.note, row.decided_at = note, now
    row.decider, row.decider_zh, row.decider_en = principal.person, principal.name.text("zh"), principal.name.text("en")


def _given(session: Session, row: OutRequest) -> OutRequest:
    session.flush()
    session.expunge(row)
    return row


def request_row(row: OutRequest) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "kind": row.kind,
        "point": row.point,
        "state": row.state,
        "reason": row.reason,
        "work_order": row.work_order,
        "until": row.until,
        "until_iso": iso(row.until),
        "measures": row.measures,
        "requester": {
            "id": str(row.requester),
            "name": {"zh": row.requester_zh, "en": row.requester_en},
            "post": row.requester_post,
        },
        "requested_at": row.requested_at,
        "decider": None
        if row.decider is None
        else {"id": str(row.decider), "name": {"zh": row.decider_zh, "en": row.decider_en}},
        "decided_at": row.decided_at,
        "note": row.note,
    }
