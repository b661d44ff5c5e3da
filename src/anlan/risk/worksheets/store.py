"""Versions and signatures of worksheets in records.db. Blocking: call it in worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, ClassVar, Literal
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import Clock, Micros
from anlan.model.errors import CommandRefused, Forbidden, NotFound
from anlan.risk.worksheets.difference import changes, clashing
from anlan.risk.worksheets.records import SheetSignature, SheetVersion
from anlan.risk.worksheets.sheet import Sheet, assessed, kept_sheet
from anlan.store.ids import uuid7
from anlan.store.records import Records

SignStep = Literal["review", "sign"]
State = Literal["draft", "reviewed", "signed"]
NOTHING_TO_CHANGE = "nothing would change: version {number} says the same"


class SheetMoved(CommandRefused):
    """Another version came between: nothing of either is lost, `clashing` names the cells that both changed."""

    code: ClassVar[str] = "sheet-moved"


class OwnWork(Forbidden):
    """Who wrote a version can't review or sign it."""

    code: ClassVar[str] = "own-work"


@dataclass(frozen=True, slots=True)
class Kept:
    """A version with its signatures; `row` and `signatures` stand outside of any session."""

    row: SheetVersion
    sheet: Sheet
    signatures: tuple[SheetSignature, ...]

    @property
    def state(self) -> State:
        steps = {one.step for one in self.signatures}
        return "signed" if "sign" in steps else "reviewed" if "review" in steps else "draft"

    @property
    def unchanged(self) -> bool:
        """Whether content and signatures still are what their hashes say."""
        return self.sheet.digest == self.row.digest and all(
            one.sha256 == signature_digest(one, self.row.digest) for one in self.signatures
        )


def signature_digest(row: SheetSignature, digest: str) -> str:
    told = {
        name: str(getattr(row, name)) for name in ("id", "sheet", "number", "step", "person", "name_zh", "name_en", "post", "at")
    }
    return sha256(orjson.dumps({**told, "of": digest}, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Worksheets:
    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock

    def current(self) -> list[Kept]:
        """The newest version of each, the latest change first."""
        newest = (
            sa.select(SheetVersion.sheet, sa.func.max(SheetVersion.number).label("number"))
            .group_by(SheetVersion.sheet)
            .subquery()
        )
        rows = sa.select(SheetVersion).join(
            newest, sa.and_(SheetVersion.sheet == newest.c.sheet, SheetVersion.number == newest.c.number)
        )
        with self._records.reading() as session:
            return [_kept(session, row) for row in session.scalars(rows.order_by(SheetVersion.at.desc(), SheetVersion.sheet))]

    def get(self, sheet: UUID, number: int | None = None) -> Kept:
        """A version, None the newest. Raises NotFound."""
        with self._records.reading() as session:
            return _kept(session, _row(session, sheet, number))

    def versions(self, sheet: UUID) -> list[Kept]:
        """All, the newest first. Raises NotFound."""
        with self._records.reading() as session:
            rows = session.scalars(
                sa.select(SheetVersion).where(SheetVersion.sheet == sheet).order_by(SheetVersion.number.desc())
            ).all()
            if not rows:
                raise _missing(sheet)
            return [_kept(session, row) for row in rows]

    def has(self, sheet: UUID) -> bool:
        with self._records.reading() as session:
            return session.get(SheetVersion, (sheet, 1)) is not None

    def origins(self) -> set[str]:
        with self._records.reading() as session:
            return set(session.scalars(sa.select(SheetVersion.origin).distinct()))

    def create(self, by: Principal | None, id: UUID, sheet: Sheet, reason: str, origin: str = "") -> Kept:
        """`by` None: a file of the plant folder. The same id again is the same sheet: a step that is repeated makes no second one."""
        with self._records.session() as session:
            known = session.get(SheetVersion, (id, 1))
            if known is not None:
                return _kept(session, known)
            row = self._version(by, id, 1, sheet, None, reason, origin)
            session.add(row)
            after = {
                "title": sheet.title,
                "form": sheet.form,
                "method": sheet.method,
                "lines": len(sheet.lines),
                "sha256": row.digest,
            }
            append(session, self._step(by, row.at, "worksheet.create", id, reason, after=after))
            session.flush()
            return _kept(session, row)

    def change(self, by: Principal | None, id: UUID, base: int, sheet: Sheet, reason: str, origin: str = "") -> Kept:
        """Make the next version. `base`: the version the person looked at. Raises NotFound, SheetMoved, CommandRefused (nothing changed)."""
        with self._records.session() as session:
            before = _row(session, id, None)
            if before.number != base:
                raise _moved(before, kept_sheet(_row(session, id, base).content), sheet)
            if before.digest == sheet.digest:
                raise CommandRefused(NOTHING_TO_CHANGE, number=before.number)
            row = self._version(by, id, before.number + 1, sheet, base, reason, origin)
            session.add(row)
            cells = len(list(changes(kept_sheet(before.content), sheet)))
            told = {"number": row.number, "changes": cells, "sha256": row.digest}
            append(session, self._step(by, row.at, "worksheet.change", id, reason, before={"number": base}, after=told))
            session.flush()
            return _kept(session, row)

    def sign(self, by: Principal, id: UUID, number: int, step: SignStep) -> Kept:
        """Raises NotFound, OwnWork, CommandRefused (another version is current, something is missing, the step does not come now)."""
        now = self._clock.now()
        with self._records.session() as session:
            kept = _kept(session, _row(session, id, None), detach=False)
            if kept.row.number != number:
                raise CommandRefused(
                    "version {current} is current; version {number} was looked at", current=kept.row.number, number=number
                )
            if kept.row.person == by.person:
                raise OwnWork("who wrote a version neither reviews nor signs it")
            if step == "sign" and any(one.person == by.person for one in kept.signatures):
                raise OwnWork("who reviewed a version does not sign it: that is another person's")
            _must_come_now(kept, step)
            row = SheetSignature(
                id=uuid7(self._clock), sheet=id, number=number, step=step, person=by.person, name_zh=by.name.text("zh"),
                name_en=by.name.text("en"), post=by.post, at=now, sha256="",
            )  # fmt: skip
            row.sha256 = signature_digest(row, kept.row.digest)
            session.add(row)
            told = {"number": number, "sha256": kept.row.digest}
            append(session, self._step(by, now, f"worksheet.{step}", id, "", after=told))
            session.flush()
            return _kept(session, kept.row)

    def _version(
        self, by: Principal | None, id: UUID, number: int, sheet: Sheet, base: int | None, reason: str, origin: str
    ) -> SheetVersion:
        return SheetVersion(
            sheet=id, number=number, content=sheet.as_json(), digest=sheet.digest, base=base, origin=origin,
            person=by.person if by is not None else None, name_zh=by.name.text("zh") if by is not None else "",
            name_en=by.name.text("en") if by is not None else "", reason=reason, at=self._clock.now(),
        )  # fmt: skip

    @staticmethod
    def _step(by: Principal | None, at: Micros, action: str, id: UUID, reason: str, **told: Any) -> Step:
        if by is None:
            return Step(at=at, who="node", action=action, subject=str(id), reason=reason, **told)
        return Step.of(by, at, action, str(id), reason=reason, **told)


def _must_come_now(kept: Kept, step: SignStep) -> None:
    if kept.state == "signed" or (step == "review" and kept.state == "reviewed"):
        raise CommandRefused("version {number} is {state} already", number=kept.row.number, state=kept.state)
    if step == "sign" and kept.state == "draft":
        raise CommandRefused("a worksheet is reviewed before it is signed")
    missing = [(at, one.missing) for at, one in enumerate(assessed(kept.sheet), 1) if one.missing]
    if missing or not kept.sheet.lines:
        raise CommandRefused(
            "{count} lines are not filled in: {lines}",
            count=len(missing),
            lines="; ".join(f"{at} ({', '.join(names)})" for at, names in missing[:10]) or "0",
        )


def _moved(current: SheetVersion, base: Sheet, yours: Sheet) -> SheetMoved:
    theirs = kept_sheet(current.content)
    return SheetMoved(
        "{author} has made version {current} in the meantime ({reason}): look at it, yours is not lost",
        author=current.name_zh or current.origin or "—",
        current=current.number,
        reason=current.reason or "—",
        clashing=clashing(base, theirs, yours),
    )


def _row(session: Session, sheet: UUID, number: int | None) -> SheetVersion:
    query = sa.select(SheetVersion).where(SheetVersion.sheet == sheet).order_by(SheetVersion.number.desc()).limit(1)
    row = session.scalars(query).first() if number is None else session.get(SheetVersion, (sheet, number))
    if row is None:
        raise _missing(sheet, number)
    return row


def _kept(session: Session, row: SheetVersion, *, detach: bool = True) -> Kept:
    query = sa.select(SheetSignature).where(SheetSignature.sheet == row.sheet, SheetSignature.number == row.number)
    signatures: Sequence[SheetSignature] = session.scalars(query.order_by(SheetSignature.at)).all()
    if detach:
        for one in (row, *signatures):
            session.expunge(one)
    return Kept(row, kept_sheet(row.content), tuple(signatures))


def _missing(sheet: UUID, number: int | None = None) -> NotFound:
    if number is None:
        return NotFound("there is no worksheet {id}", id=str(sheet))
    return NotFound("the worksheet has no version {number}", number=number)
