"""Versions of studies in records.db, and what each said over time. Blocking: call it in worker threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.model.clock import Clock, Micros
from anlan.model.errors import CommandRefused, NotFound
from anlan.model.words import Label
from anlan.risk.studies.drafts import Draft, Written
from anlan.risk.studies.records import ResultRow, StudyRow
from anlan.store.ids import uuid7
from anlan.store.records import Records

KEPT_RESULTS = 20_000
"""Of one study; the oldest go first."""


class StaleStudy(CommandRefused):
    """The change was made on another version than the current one."""

    code: ClassVar[str] = "stale-study"


@dataclass(frozen=True, slots=True)
class Study:
    """One version. `at` µs UTC."""

    study: str
    number: int
    id: UUID
    kind: str
    name: Label
    place: str
    written: Written
    author: str
    reason: str
    base: int | None
    origin: str
    digest: str
    at: Micros
    removed: bool


@dataclass(frozen=True, slots=True)
class Result:
    """`facts` as `records.ResultRow` has them."""

    study: str
    version: int
    at: Micros
    value: float | None
    baseline: float | None
    unknown: float
    facts: list[Any]


Also = Callable[[Session, Study | None, Study], None]
"""Runs in the transaction that makes a version, given the version before and the new one; may refuse by raising."""


class Studies:
    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock

    def current(self) -> dict[str, Study]:
        """The newest version of each study that is not removed, by id."""
        newest = sa.select(StudyRow.study, sa.func.max(StudyRow.number).label("number")).group_by(StudyRow.study).subquery()
        rows = sa.select(StudyRow).join(
            newest, sa.and_(StudyRow.study == newest.c.study, StudyRow.number == newest.c.number)
        )  # fmt: skip
        with self._records.reading() as session:
            found = [_study(row) for row in session.scalars(rows.order_by(StudyRow.study))]
        return {one.study: one for one in found if not one.removed}

    def get(self, study: str, number: int | None = None) -> Study:
        """A version, None the newest. Raises NotFound."""
        with self._records.reading() as session:
            row = _newest(session, study) if number is None else session.get(StudyRow, (study, number))
        if row is None or (number is None and row.removed):
            raise NotFound("there is no study {name}", name=study if number is None else f"{study} {number}")
        return _study(row)

    def versions(self, study: str) -> list[Study]:
        """All, the newest first. Raises NotFound."""
        with self._records.reading() as session:
            rows = session.scalars(sa.select(StudyRow).where(StudyRow.study == study).order_by(StudyRow.number.desc())).all()
        if not rows:
            raise NotFound("there is no study {name}", name=study)
        return [_study(row) for row in rows]

    def put(
        self,
        draft: Draft,
        written: Written,
        *,
        author: str,
        reason: str,
        base: int | None,
        origin: str = "",
        removed: bool = False,
        id: UUID | None = None,
        also: Also | None = None,
    ) -> Study:
        """Make the next version. `base`: the version the person looked at, None for a new study. The same text again makes none.
        Raises StaleStudy."""
        with self._records.session() as session:
            before = _newest(session, draft.id)
            if before is not None and before.digest == written.digest and before.removed == removed:
                return _study(before)
            begun_anew = base is None and (before is None or before.removed)
            if not begun_anew and base != (before.number if before is not None else None):
                if before is None:
                    raise NotFound("there is no study {name}", name=draft.id)
                raise StaleStudy(
                    "the change was made on version {base} of {study}, but version {current} by {author} ({reason}) is current",
                    base=base if base is not None else "—",
                    study=draft.id,
                    current=before.number,
                    author=before.author,
                    reason=before.reason or "—",
                )
            row = StudyRow(
                study=draft.id,
                number=(before.number if before is not None else 0) + 1,
                id=id or uuid7(self._clock),
                kind=draft.kind,
                name_zh=draft.name.zh,
                name_en=draft.name.en,
                place=draft.place,
                text=written.text,
                attached=dict(written.attached),
                author=author,
                reason=reason,
                base=base,
                origin=origin,
                digest=written.digest,
                at=self._clock.now(),
                removed=removed,
            )
            session.add(row)
            session.flush()
            made = _study(row)
            if also is not None:
                also(session, _study(before) if before is not None else None, made)
            return made

    # ---- what they said

    def keep(self, result: Result) -> None:
        with self._records.session() as session:
            columns: Mapping[str, Any] = {name: getattr(result, name) for name in Result.__dataclass_fields__}
            session.add(ResultRow(**columns))
            session.flush()
            oldest = session.scalar(
                sa.select(ResultRow.n)
                .where(ResultRow.study == result.study)
                .order_by(ResultRow.n.desc())
                .offset(KEPT_RESULTS)
                .limit(1)
            )
            if oldest is not None:
                session.execute(sa.delete(ResultRow).where(ResultRow.study == result.study, ResultRow.n <= oldest))

    def results(self, study: str, start: Micros, end: Micros, limit: int = 2000) -> list[Result]:
        """Told at start ≤ t < end, the newest `limit` of them, in order; before them what was told last by then and still held at `start`."""
        chosen = (
            sa.select(ResultRow)
            .where(ResultRow.study == study, ResultRow.at >= start, ResultRow.at < end)
            .order_by(ResultRow.n.desc())
            .limit(limit)
        )
        before = sa.select(ResultRow).where(ResultRow.study == study, ResultRow.at < start).order_by(ResultRow.n.desc()).limit(1)
        with self._records.reading() as session:
            found = list(session.scalars(chosen))
            if len(found) < limit:
                found += session.scalars(before)
            return [_result(row) for row in reversed(found)]

    def last_results(self) -> dict[str, Result]:
        """The newest of each study."""
        newest = sa.select(sa.func.max(ResultRow.n)).group_by(ResultRow.study)
        with self._records.reading() as session:
            return {row.study: _result(row) for row in session.scalars(sa.select(ResultRow).where(ResultRow.n.in_(newest)))}


def _newest(session: Session, study: str) -> StudyRow | None:
    return session.scalars(
        sa.select(StudyRow).where(StudyRow.study == study).order_by(StudyRow.number.desc()).limit(1)
    ).one_or_none()


def _study(row: StudyRow) -> Study:
    return Study(
        study=row.study,
        number=row.number,
        id=row.id,
        kind=row.kind,
        name=Label(zh=row.name_zh, en=row.name_en),
        place=row.place,
        written=Written(row.text, f"studies/{row.study}.yaml", row.attached),
        author=row.author,
        reason=row.reason,
        base=row.base,
        origin=row.origin,
        digest=row.digest,
        at=row.at,
        removed=row.removed,
    )


def _result(row: ResultRow) -> Result:
    return Result(*(getattr(row, name) for name in Result.__dataclass_fields__))
