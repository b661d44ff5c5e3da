"""The night override: one person loosens a limit where nobody is there to approve it, for half an hour at most (DOMAIN.md 16).

    request, open ──own password, nobody else on duty by the roster──▶ runs (a version of its own) ──its time, or anybody──▶ ended
                                                                        sounds, stands on every page      values before, in the next version
    ended ──second person──▶ reviewed: agreed or objected; until then it stands on every page

The way back is certain: while it runs no version changes the alarms concerned (`plant.overridden`, inside the transaction of every version), so
what was before is what comes back, whatever else was changed meanwhile. It is kept in the records and looked at once a second by this app,
and at its start: a node that was down when the time was over goes back within seconds of being up. Where the records take no version, the values
before run without one until they do.
Never for what belongs to a safety function or tells it something.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.duty import duty_for, taken_off
from anlan.guard.people import find_person
from anlan.guard.principal import Principal, is_within
from anlan.guard.roles import Roles
from anlan.model.clock import MINUTE, Micros
from anlan.model.errors import CommandRefused, Forbidden
from anlan.monitor.config import AlarmRule
from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.records import OverrideRow, RequestRow
from anlan.web.answers import iso

LONGEST: Micros = 30 * MINUTE
FIELDS = frozenset({"limit", "dead_band", "on_delay", "off_delay", "enabled"})
"""What of an alarm may be overridden; the rest of the plant never is."""
SAFETY_KINDS = frozenset({"sif", "trip", "esd", "bypass", "relief"})
"""First part of the kinds of points that a safety function tells, as `model/data/point_kinds.csv` names them."""
BEGIN, END, REVIEW = "config.override", "config.override-end", "config.override-review"
OVERRIDDEN = "overridden"


def overridable(before: Plant, after: Plant) -> dict[str, dict[str, Any]]:
    """Alarm → {before, during} of a change that is nothing but limits, dead-bands, delays and use of alarms outside of the safety system.

    Raises CommandRefused, naming what else it is.
    """
    guards, found = of_the_safety_system(before), dict[str, dict[str, Any]]()
    old, new = ({rule.id: rule for rule in plant.rules} for plant in (before, after))
    for change in differences(before, after):
        if change.what != "alarm" or change.key not in FIELDS or change.id not in old:
            raise CommandRefused(
                "a night override changes limits, dead-bands, delays and use of alarms alone; this also changes: {what}",
                what=change.text(),
            )
        if old[change.id].point in guards:
            raise CommandRefused("{alarm} belongs to the safety system: it is never overridden by one person", alarm=change.id)
        found[change.id] = {name: rules[change.id].model_dump(mode="json") for name, rules in (("before", old), ("during", new))}
    return found


def of_the_safety_system(plant: Plant) -> set[str]:
    """Points that a safety function is, watches, trips at or is told by, and whatever these are made of."""
    found = plant.safety.points() | {trip.point for trip in plant.trips}
    found |= {p.id for p in plant.points if p.kind.partition(".")[0] in SAFETY_KINDS}
    inputs = {vote.id: set(vote.members) for vote in plant.votes}
    inputs |= {one.id: set(re.findall(r"[\w.\-]+", one.expression)) for one in plant.calculated}
    waiting = list(found)
    while waiting:
        more = inputs.get(waiting.pop(), set()) - found
        found |= more
        waiting += more
    return found


def must_be_alone(session: Session, by: Principal, shift: tuple[str, str], now: Micros, approves: Approves) -> None:
    """Only where the roster of the running shift has this person on duty and nobody who could approve. Raises Forbidden."""
    duty = duty_for(session, by.person, *shift, now)
    if duty.people is None or by.person not in duty.people:
        raise Forbidden(
            "a night override is for who is on duty by the roster: it is not known otherwise that nobody else is there"
        )
    if taken_off(session, by.person, *shift, now):
        raise Forbidden("who overrides has written somebody off duty in this shift: it takes a second person")
    there = [find_person(session, one) for one in sorted(duty.people - {by.person}, key=str)]
    for person in there:
        held = [(one.role, one.place, one.only) for one in person.assignments]
        if not person.disabled and approves(held):
            raise Forbidden("{name} is on duty and may approve this: a night override is for when nobody is", name=person.account)


class Approves:
    """Whether what a person holds lets them approve at all of `places`."""

    def __init__(self, roles: Roles, action: str, places: list[str]) -> None:
        self._roles, self._action, self._places = roles, action, places

    def __call__(self, held: list[tuple[str, str, str]]) -> bool:
        able = [place for role, place, only in held if self._action in self._roles.actions_of(role, frozenset(only.split()))]
        return all(any(is_within(place, at) for at in able) for place in self._places)


# ---- rows


def standing(session: Session) -> list[OverrideRow]:
    """Those that run, and those that nobody has reviewed yet."""
    return list(session.scalars(sa.select(OverrideRow).where(OverrideRow.reviewed_at.is_(None)).order_by(OverrideRow.began_at)))


def restored(plant: Plant, row: OverrideRow) -> Plant:
    """The plant with the alarms of this override as they were before it."""
    before = {alarm: AlarmRule.model_validate(of["before"]) for alarm, of in row.rules.items()}
    return plant.model_copy(update={"rules": tuple(before.get(rule.id, rule) for rule in plant.rules)})


def begin(
    session: Session, row: RequestRow, by: Principal, now: Micros, lasts: Micros, note: str, made: int, rules: dict[str, Any]
) -> None:
    """Inside the transaction that makes version `made`."""
    row.state, row.version, row.decided_at, row.note = OVERRIDDEN, made, now, note
    row.signed_at = row.signed_at or now
    session.add(
        OverrideRow(
            id=row.id, version=made, rules=rules, account=by.account, person=by.person, person_zh=by.name.text("zh"),
            person_en=by.name.text("en"), note=note, began_at=now, ends_at=now + lasts, ended_at=None, ended_by="", ended_version=None,
            reviewed_at=None, reviewer=None, reviewer_zh="", reviewer_en="", verdict="", review="",
        )
    )  # fmt: skip
    after = {"request": str(row.id), "version": made, "ends_at": now + lasts, "loosened": row.told["weaker"]}
    append(session, Step.of(by, now, BEGIN, f"version {made}", before={"version": row.base}, after=after, reason=note))


def ended(session: Session, id: UUID, by: Principal | None, now: Micros, made: int) -> None:
    """Inside the transaction that makes version `made`. Raises CommandRefused."""
    row = session.get_one(OverrideRow, id)
    if row.ended_at is not None:
        raise CommandRefused("this override has ended already")
    row.ended_at, row.ended_version, row.ended_by = now, made, "" if by is None else by.account
    after = {"override": str(id), "version": made}
    if by is None:
        append(session, Step(at=now, who="node", action=END, subject=f"version {made}", after=after))
    else:
        append(session, Step.of(by, now, END, f"version {made}", after=after))


def review(session: Session, id: UUID, by: Principal, now: Micros, verdict: str, text: str) -> None:
    """What a second person says of one that has ended. Raises CommandRefused."""
    row = session.get_one(OverrideRow, id)
    if row.ended_at is None:
        raise CommandRefused("this override still runs: it is reviewed when it has ended")
    if row.reviewed_at is not None:
        raise CommandRefused("this override was reviewed already")
    row.reviewed_at, row.reviewer, row.verdict, row.review = now, by.person, verdict, text
    row.reviewer_zh, row.reviewer_en = by.name.text("zh"), by.name.text("en")
    append(session, Step.of(by, now, REVIEW, f"request {id}", after={"verdict": verdict}, reason=text))


def override_row(row: OverrideRow) -> dict[str, Any]:
    """As routes tell it, in its request."""
    times = {name: getattr(row, name) for name in ("began_at", "ends_at", "ended_at", "reviewed_at")}
    return {
        "alarms": sorted(row.rules), "version": row.version, "ended_by": row.ended_by, "ended_version": row.ended_version, "note": row.note,
        "reviewer": None if row.reviewer is None else {"zh": row.reviewer_zh, "en": row.reviewer_en}, "verdict": row.verdict, "review": row.review,
        **times, **{f"{name}_iso": iso(at) for name, at in times.items()},
    }  # fmt: skip
