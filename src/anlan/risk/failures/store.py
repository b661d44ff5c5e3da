"""What people entered about failures, in records.db. Blocking: call it in worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import Clock, Micros
from anlan.model.errors import CommandRefused, NotFound
from anlan.model.words import Label
from anlan.risk.failures.history import Happening, Sort
from anlan.risk.failures.records import FailureEvent
from anlan.store.records import Records

FOLDER = Label(zh="装置文件夹", en="plant folder")
NODE = Label(zh="本节点", en="this node")
STROKE = "stroke"
"""The note of a demand that the node has counted itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """What a person tells. `at` µs UTC."""

    sort: Sort
    item: str
    point: str
    equipment: str
    mode: str
    at: Micros
    passed: bool | None
    note: str


class FailureStore:
    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock

    def rows(self) -> list[FailureEvent]:
        """All, withdrawals included, the latest happening first; outside of any session."""
        with self._records.reading() as session:
            found = session.scalars(sa.select(FailureEvent).order_by(FailureEvent.at.desc(), FailureEvent.id.desc())).all()
            for row in found:
                session.expunge(row)
            return list(found)

    def enter(self, by: Principal | None, id: UUID, told: Entered) -> None:
        """`by` None: the plant folder. The same id again enters nothing."""
        with self._records.session() as session:
            if session.get(FailureEvent, id) is not None:
                return
            row = self._row(by, id, told)
            session.add(row)
            append(session, self._step(by, row.entered_at, "failure.enter", id, told.note, after=_told(told)))

    def withdraw(self, by: Principal, id: UUID, entry: UUID, reason: str) -> None:
        """Raises NotFound, CommandRefused (withdrawn already)."""
        with self._records.session() as session:
            if session.get(FailureEvent, id) is not None:
                return
            row = session.get(FailureEvent, entry)
            if row is None or row.sort == "withdrawn":
                raise NotFound("there is no entry {id}", id=str(entry))
            if _withdrawn(session, entry):
                raise CommandRefused("this entry has been withdrawn already")
            told = Entered(sort="failure", item=row.item, point=row.point, equipment=row.equipment, mode=row.mode, at=row.at, passed=row.passed, note=reason)  # fmt: skip
            made = self._row(by, id, told)
            made.sort, made.withdraws = "withdrawn", entry
            session.add(made)
            append(session, self._step(by, made.entered_at, "failure.withdraw", entry, reason, before={"item": row.item, "sort": row.sort, "at": row.at}))  # fmt: skip

    def _row(self, by: Principal | None, id: UUID, told: Entered) -> FailureEvent:
        name = by.name if by is not None else NODE if told.note == STROKE else FOLDER
        return FailureEvent(
            id=id, sort=told.sort, item=told.item, point=told.point, equipment=told.equipment, mode=told.mode, at=told.at,
            passed=told.passed, note=told.note, withdraws=None, person=by.person if by is not None else None,
            name_zh=name.zh, name_en=name.en, entered_at=self._clock.now(),
        )  # fmt: skip

    def _step(self, by: Principal | None, at: Micros, action: str, id: UUID, reason: str, **rest: object) -> Step:
        if by is None:
            return Step(at=at, who="node", action=action, subject=str(id), reason=reason, **rest)  # type: ignore[arg-type]
        return Step.of(by, at, action, str(id), reason=reason, **rest)


def standing(rows: Sequence[FailureEvent]) -> list[FailureEvent]:
    """Without what was withdrawn, and without withdrawals."""
    gone = {row.withdraws for row in rows}
    return [row for row in rows if row.sort != "withdrawn" and row.id not in gone]


def happening_of(row: FailureEvent) -> Happening:
    sort: Sort = row.sort  # type: ignore[assignment]
    by = "stroke" if row.person is None and row.note == STROKE else "person"
    return Happening(sort, row.item, row.point, row.equipment, row.mode, row.at, row.passed, row.id, by)


def _withdrawn(session: Session, entry: UUID) -> bool:
    return session.scalar(sa.select(sa.func.count()).where(FailureEvent.withdraws == entry)) != 0


def _told(told: Entered) -> dict[str, object]:
    return {name: getattr(told, name) for name in ("sort", "item", "equipment", "mode", "at", "passed")}
