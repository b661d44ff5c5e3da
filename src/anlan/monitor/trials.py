"""Trials that the node keeps: what other limits, dead-bands or delays would have done to its own past, until a change is put into force.

    what-if ──replayed──▶ kept (who, when, version, change, span, result) ──named by an edit──▶ checked ──▶ attached to version and audit record

The answer carries an id. An edit names it, and the node attaches the result that it kept itself: what a browser sends back proves nothing.
Kept in the records, not in memory: the app may be started again between trial and edit, and who tries and who puts into force may be two
persons at two consoles. For a day only: then there is a newer past to ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import numpy as np
import sqlalchemy as sa

from anlan.guard.principal import Principal
from anlan.model.clock import DAY, Micros
from anlan.model.readings import Readings
from anlan.monitor.past import OwnPast
from anlan.monitor.records import TrialRow
from anlan.monitor.sub_plant import deciding
from anlan.monitor.trying import Tried, tried
from anlan.monitor.what_if import LEAD, Incident
from anlan.web.context import Context

KEPT: Micros = DAY
MOST_KEPT = 50
"""Of one person; the oldest go first."""
MOST_LISTED = 100
"""Single changes that stay in what is kept; the counts are always whole."""

Changes = Mapping[str, Mapping[str, Any]]
"""Alarm id → fields of its rule and the values tried."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One question and its answer. `unknown`: alarms without any reading up to the end of the span, of which nobody can say anything;
    `effect` is None when they all are. `history_from`: no reading is older, though the span begins before; None when there is one."""

    id: UUID
    at: Micros
    account: str
    version: int
    changes: dict[str, dict[str, Any]]
    start: Micros
    end: Micros
    readings: int
    cut_at: Micros | None
    links_from: Micros | None
    history_from: Micros | None
    unknown: tuple[str, ...]
    effect: dict[str, Any] | None

    def as_json(self) -> dict[str, Any]:
        """As it is kept with a version."""
        told = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "id"}
        return {"trial": str(self.id), **told, "unknown": list(self.unknown)}


class Trials:
    """One per app process: `Trials.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.one_at_a_time = asyncio.Semaphore(1)
        """A replay must not take the processor from those who only look."""

    @classmethod
    def of(cls, context: Context) -> Trials:
        trials = context.extras.setdefault("monitor.trials", None)
        if trials is None:
            trials = context.extras["monitor.trials"] = cls(context)
        assert isinstance(trials, cls)
        return trials

    async def run(
        self,
        id: UUID,
        account: str,
        changes: Changes,
        start: Micros,
        end: Micros,
        *,
        watched: Sequence[str] = (),
        incidents: Sequence[Incident] | None = None,
        lead: Micros = LEAD,
    ) -> tuple[Trial, Tried]:
        """Replay the node's own past under other rules. Raises InputError, StoreError."""
        past, at = OwnPast.of(self._context), self._context.clock.now()
        numbers = past.plant.rule_numbers
        ask = partial(
            tried,
            past,
            [numbers[alarm] for alarm in watched],
            {numbers[alarm]: fields for alarm, fields in changes.items()},
            start,
            end,
            incidents,
            lead,
        )
        async with self.one_at_a_time:
            found = await asyncio.to_thread(ask)
            unknown = await asyncio.to_thread(without_history, past, list(changes), end)
        return trial_of(found, unknown, id=id, at=at, account=account, changes=changes, start=start, end=end), found

    async def keep(self, asker: Principal, trial: Trial) -> None:
        await asyncio.to_thread(self._keep, asker.person, trial)

    def find(self, id: UUID) -> Trial | None:
        """One that has not expired. Blocking."""
        with self._context.records.reading() as session:
            row = session.get(TrialRow, id)
            if row is None or row.at < self._context.clock.now() - KEPT:
                return None
            facts = {name: getattr(row, name) for name in ("id", "at", "account", "version", "changes", "start", "end")}
            return Trial(**facts, **{**row.result, "unknown": tuple(row.result["unknown"])})

    def _keep(self, person: UUID, trial: Trial) -> None:
        told = trial.as_json()
        result = {name: told[name] for name in ("readings", "cut_at", "links_from", "history_from", "unknown", "effect")}
        with self._context.records.session() as session:
            session.execute(sa.delete(TrialRow).where(TrialRow.at < self._context.clock.now() - KEPT))
            own = sa.select(TrialRow.id).where(TrialRow.person == person).order_by(TrialRow.at.desc()).offset(MOST_KEPT - 1)
            session.execute(sa.delete(TrialRow).where(TrialRow.id.in_(list(session.scalars(own)))))
            # Merged, not added: the same request sent again under its key runs under the same id.
            session.merge(
                TrialRow(
                    id=trial.id,
                    at=trial.at,
                    person=person,
                    account=trial.account,
                    version=trial.version,
                    changes=trial.changes,
                    start=trial.start,
                    end=trial.end,
                    result=result,
                )
            )


def trial_of(
    found: Tried, unknown: Sequence[str], *, id: UUID, at: Micros, account: str, changes: Changes, start: Micros, end: Micros
) -> Trial:
    """What is kept of a replay."""
    effect: dict[str, Any] | None = None
    if len(unknown) < len(changes):
        effect = found.effect.as_json()
        left = effect["changes"][MOST_LISTED:]
        effect |= {"changes": effect["changes"][:MOST_LISTED], "changes_left": effect["changes_left"] + len(left)}
    return Trial(
        id=id,
        at=at,
        account=account,
        version=found.version,
        changes={alarm: dict(fields) for alarm, fields in changes.items()},
        start=start,
        end=end,
        readings=found.readings,
        cut_at=found.cut_at,
        links_from=found.links_from,
        history_from=found.history_from,
        unknown=tuple(unknown),
        effect=effect,
    )


def without_history(past: OwnPast, alarms: Sequence[str], end: Micros) -> list[str]:
    """Those alarms for which a point that decides them has no reading before `end`: what they would have done is unknown, not nothing."""
    needed = _needed(past, alarms)
    heard = np.unique(_newest(past, needed, end).point)
    return [alarm for alarm, points in needed.items() if not points or not np.isin(points, heard).all()]


def last_heard(past: OwnPast, alarms: Sequence[str], now: Micros) -> Micros:
    """Just after the newest reading that decides one of them; now, when there is none."""
    newest = _newest(past, _needed(past, alarms), now).time
    return int(newest.max()) + 1 if len(newest) else now


def _needed(past: OwnPast, alarms: Sequence[str]) -> dict[str, list[int]]:
    """Numbers of the points whose readings decide each of these alarms."""
    numbers = past.plant.rule_numbers
    return {alarm: deciding(past.part(*past.subjects([numbers[alarm]]))) for alarm in alarms}


def _newest(past: OwnPast, needed: Mapping[str, Sequence[int]], end: Micros) -> Readings:
    every = sorted({point for points in needed.values() for point in points})
    return Readings.from_arrow(past.latest(every, end)) if every else Readings.of([])
