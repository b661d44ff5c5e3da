"""Dense numbers of sources, points and alarms: readings carry them, so one is given once and never again.

A point that leaves the plant keeps its number; if it comes back under the same id it gets it again. `was:` hands the number on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.model.errors import InputError
from anlan.plant.compile import all_points, all_rules
from anlan.plant.description import Plant
from anlan.plant.records import NumberRow
from anlan.plant.version import Numbers


def read_numbers(session: Session) -> Numbers:
    """All numbers given so far."""
    tables: dict[str, dict[str, int]] = {"source": {}, "point": {}, "alarm": {}}
    for kind, identifier, number in session.execute(sa.select(NumberRow.kind, NumberRow.identifier, NumberRow.number)):
        tables[kind][identifier] = number
    return Numbers(tables["source"], tables["point"], tables["alarm"])


def completed(plant: Plant, numbers: Numbers) -> Numbers:
    """With the next free numbers for what has none; nothing is kept."""
    return Numbers(
        _with_next(numbers.sources, (s.id for s in plant.sources)),
        _with_next(numbers.points, (p.id for p in all_points(plant))),
        _with_next(numbers.alarms, (r.id for r in all_rules(plant))),
    )


def _with_next(known: Mapping[str, int], wanted: Iterable[str]) -> dict[str, int]:
    found, free = dict(known), max(known.values(), default=0) + 1
    for identifier in wanted:
        if identifier not in found:
            found[identifier], free = free, free + 1
    return found


def assign(session: Session, plant: Plant, numbers: Numbers | None = None) -> Numbers:
    """Give numbers to all that have none yet, in the caller's transaction. Raises InputError for a rename onto a numbered id.

    `numbers`: those given so far, if the caller knows them.
    """
    numbers = numbers or read_numbers(session)
    rules = all_rules(plant)
    if _rename(session, plant, numbers, [r.id for r in rules]):
        numbers = read_numbers(session)
    return Numbers(
        _give(session, "source", numbers.sources, (s.id for s in plant.sources)),
        _give(session, "point", numbers.points, (p.id for p in all_points(plant))),
        _give(session, "alarm", numbers.alarms, (r.id for r in rules)),
    )


def _rename(session: Session, plant: Plant, numbers: Numbers, rule_ids: Iterable[str]) -> bool:
    renamed = {p.was: p.id for p in plant.points if p.was and p.was in numbers.points and p.id not in numbers.points}
    reused = [p for p in plant.points if p.was in numbers.points and p.id in numbers.points]
    for point in reused:
        raise InputError(
            "{id} was {was}, but {id} has a number of its own from before: their histories cannot be joined",
            id=point.id,
            was=point.was,
        )
    old_of = {new: old for old, new in renamed.items()}
    alarms = {}
    for rule_id in rule_ids:
        old = _before(rule_id, old_of)
        if old in numbers.alarms and rule_id not in numbers.alarms:
            alarms[old] = rule_id
    for kind, names in (("point", renamed), ("alarm", alarms)):
        for old, new in names.items():
            where = (NumberRow.kind == kind) & (NumberRow.identifier == old)
            session.execute(sa.update(NumberRow).where(where).values(identifier=new))
    return bool(renamed)


def _before(rule_id: str, old_of: Mapping[str, str]) -> str:
    """The alarm's id under its point's old one: TI-1.H, and TI-1.ROC.BAD of the point that is calculated for TI-1.ROC; "" for others."""
    owner, dot, _ = rule_id.rpartition(".")
    while dot:
        if owner in old_of:
            return old_of[owner] + rule_id[len(owner) :]
        owner, dot, _ = owner.rpartition(".")
    return ""


def in_memory(plant: Plant, known: Numbers | None = None) -> Numbers:
    """Numbers for a plant that no records know, as `assign` would give them; `known` ones first, so that two plants can be compared."""
    known = known or Numbers({}, {}, {})
    return Numbers(
        {**known.sources, **_new(known.sources, (s.id for s in plant.sources))},
        {**known.points, **_new(known.points, (p.id for p in all_points(plant)))},
        {**known.alarms, **_new(known.alarms, (r.id for r in all_rules(plant)))},
    )


def _new(known: Mapping[str, int], identifiers: Iterable[str]) -> dict[str, int]:
    highest = max(known.values(), default=0)
    return {identifier: highest + n for n, identifier in enumerate((i for i in dict.fromkeys(identifiers) if i not in known), 1)}


def _give(session: Session, kind: str, known: Mapping[str, int], identifiers: Iterable[str]) -> dict[str, int]:
    """The known numbers and those newly given."""
    new = _new(known, identifiers)
    rows = [{"kind": kind, "number": number, "identifier": identifier} for identifier, number in new.items()]
    if rows:
        session.execute(sa.insert(NumberRow), rows)
    return {**known, **new}
