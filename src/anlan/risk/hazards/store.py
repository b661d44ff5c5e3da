"""Signed identifications in records.db. Blocking: call it in worker threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from hashlib import sha256
from typing import Any, Literal
from uuid import UUID

import orjson
import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import Clock
from anlan.model.errors import CommandRefused, NotFound
from anlan.risk.hazards.clock import due
from anlan.risk.hazards.records import IdentificationDecision, SignedIdentification
from anlan.store.records import Records

Decision = Literal["approve", "reject"]
State = Literal["in_force", "waiting", "rejected", "replaced"]
NO_HAZARD = 5
"""In the order of levels, what lies below the fourth."""
_SIGNED = (
    "id", "unit", "number", "digest", "plant_version", "occasion", "basis", "assessed_on", "lowers", "person", "name_zh", "name_en", "post", "at",
)  # fmt: skip
_DECIDED = ("identification", "decision", "comment", "person", "name_zh", "name_en", "post", "at")


@dataclass(frozen=True, slots=True)
class Signed:
    """One with what a second person said of it; both rows stand outside of any session."""

    row: SignedIdentification
    decision: IdentificationDecision | None
    state: State

    @property
    def due(self) -> date:
        return due(date.fromisoformat(self.row.assessed_on))

    @property
    def unchanged(self) -> bool:
        """Whether it still is what was signed, by its hashes."""
        whole = content_digest(self.row.content) == self.row.digest and _hash(self.row, _SIGNED) == self.row.sha256
        return whole and (self.decision is None or _hash(self.decision, _DECIDED) == self.decision.sha256)


@dataclass(frozen=True, slots=True)
class Given:
    """What a person writes when signing."""

    occasion: str
    basis: str
    assessed_on: date


class Identifications:
    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock

    def all(self) -> dict[str, list[Signed]]:
        """By unit, the newest first; also of units that the plant no longer has."""
        with self._records.reading() as session:
            rows = session.scalars(
                sa.select(SignedIdentification).order_by(SignedIdentification.unit, SignedIdentification.number)
            ).all()
            decisions = {one.identification: one for one in session.scalars(sa.select(IdentificationDecision))}
            session.expunge_all()
        found: dict[str, list[SignedIdentification]] = {}
        for row in rows:
            found.setdefault(row.unit, []).append(row)
        return {unit: _states(those, decisions) for unit, those in found.items()}

    def of(self, unit: str) -> list[Signed]:
        return self.all().get(unit, [])

    def sign(self, by: Principal, id: UUID, content: Mapping[str, Any], version: int, given: Given) -> None:
        """Raises CommandRefused while another waits for its second person. The same id again is the same signature."""
        unit, now = str(content["id"]), self._clock.now()
        with self._records.session() as session:
            if session.get(SignedIdentification, id) is not None:
                return
            before = _states_in(session, unit)
            if any(one.state == "waiting" for one in before):
                raise CommandRefused("an identification of {unit} waits for its second person; it is decided first", unit=unit)
            standing = next((one for one in before if one.state == "in_force"), None)
            row = SignedIdentification(
                id=id, unit=unit, number=len(before) + 1, content=dict(content), digest=content_digest(content), plant_version=version,
                occasion=given.occasion, basis=given.basis, assessed_on=given.assessed_on.isoformat(),
                lowers=int(standing is not None and lowers(standing.row.content, content)), person=by.person,
                name_zh=by.name.text("zh"), name_en=by.name.text("en"), post=by.post, at=now, sha256="",
            )  # fmt: skip
            row.sha256 = _hash(row, _SIGNED)
            session.add(row)
            told = figures(content) | {"number": row.number, "sha256": row.digest, "waits": bool(row.lowers)}
            was = None if standing is None else figures(standing.row.content) | {"number": standing.row.number}
            append(session, Step.of(by, now, "hazard.sign", unit, before=was, after=told, reason=given.basis))

    def decide(self, by: Principal, unit: str, number: int, decision: Decision, comment: str) -> None:
        """Raises NotFound, CommandRefused (it waits for nobody)."""
        now = self._clock.now()
        with self._records.session() as session:
            found = waiting(_states_in(session, unit), unit, number)
            row = IdentificationDecision(
                identification=found.row.id, decision=decision, comment=comment, person=by.person, name_zh=by.name.text("zh"),
                name_en=by.name.text("en"), post=by.post, at=now, sha256="",
            )  # fmt: skip
            row.sha256 = _hash(row, _DECIDED)
            session.add(row)
            told = figures(found.row.content) | {"number": number, "sha256": found.row.digest}
            append(session, Step.of(by, now, f"hazard.{decision}", unit, after=told, reason=comment))


def waiting(found: Sequence[Signed], unit: str, number: int) -> Signed:
    """Raises NotFound, CommandRefused."""
    one = next((one for one in found if one.row.number == number), None)
    if one is None:
        raise NotFound("there is no identification {number} of {unit}", unit=unit, number=number)
    if one.state != "waiting":
        raise CommandRefused("identification {number} of {unit} waits for nobody", unit=unit, number=number)
    return one


def lowers(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether S or R falls, or the level is less grave: it takes a second person to need less than before."""
    was, becomes = (one["level"] or NO_HAZARD for one in (before, after))
    falls = (Fraction(after[key]) < Fraction(before[key]) for key in ("s_exact", "r_low_exact"))
    return any(falls) or becomes > was


def figures(content: Mapping[str, Any]) -> dict[str, Any]:
    """For the audit record."""
    return {"s": content["s_text"], "r": content["r_text"], "level": content["level"]}


def content_digest(content: Mapping[str, Any]) -> str:
    return sha256(orjson.dumps(dict(content), option=orjson.OPT_SORT_KEYS)).hexdigest()


def _hash(row: Any, fields: Sequence[str]) -> str:
    return sha256(orjson.dumps({name: str(getattr(row, name)) for name in fields}, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _states_in(session: Session, unit: str) -> list[Signed]:
    rows = session.scalars(
        sa.select(SignedIdentification).where(SignedIdentification.unit == unit).order_by(SignedIdentification.number)
    ).all()
    ids = [row.id for row in rows]
    decisions = session.scalars(sa.select(IdentificationDecision).where(IdentificationDecision.identification.in_(ids)))
    return _states(rows, {one.identification: one for one in decisions})


def _states(rows: Sequence[SignedIdentification], decisions: Mapping[UUID, IdentificationDecision]) -> list[Signed]:
    """`rows` from the oldest; the newest that was not rejected and doesn't wait is in force."""
    found: list[Signed] = []
    standing = False
    for row in reversed(rows):
        decision = decisions.get(row.id)
        state: State = "rejected" if decision is not None and decision.decision == "reject" else "waiting"
        if not row.lowers or (decision is not None and decision.decision == "approve"):
            state, standing = ("replaced" if standing else "in_force"), True
        found.append(Signed(row, decision, state))
    return found
