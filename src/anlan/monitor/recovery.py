"""Where the engine goes on after any stop: snapshot, then the frames the journal already covers, compared, then what is new."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anlan.model.clock import Clock
from anlan.model.events.alarms import AlarmTransition
from anlan.monitor import changes
from anlan.monitor.engine import Engine, Transitions
from anlan.monitor.journal import Journal
from anlan.monitor.snapshot import Snapshots

if TYPE_CHECKING:
    from anlan.monitor.reader import FrameLog


@dataclass(slots=True)
class Recovered:
    """The engine as of the journal's `done`; `fresh` are transitions that the journal lacks and must be given."""

    engine: Engine
    needs: int
    frames: int = 0
    fresh: list[Transitions] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)


def recover(log: FrameLog, journal: Journal, snapshots: Snapshots, clock: Clock) -> Recovered:
    """Raises StoreError when log or journal can't be read. Anything odd that does not stop the work is a fault, in words."""
    engine = snapshots.newest() or Engine()
    found = Recovered(engine, engine.frame)
    if snapshots.passed_over:
        found.faults["snapshot"] = "; ".join(snapshots.passed_over)
    _join_incarnation(found, log, journal, clock)
    _mend_journal(found, log, journal)
    _close_gap(found, log, journal)
    _step_again(found, log, journal)
    return found


def _join_incarnation(found: Recovered, log: FrameLog, journal: Journal, clock: Clock) -> None:
    """A log that was restored or made anew counts from 1 again. States are carried over; positions are not."""
    engine = found.engine
    known = journal.incarnation
    if known != log.incarnation:
        journal.begin_incarnation(log.incarnation, clock.now())
        if known:
            found.faults["incarnation"] = f"the log is another one than alarms.db knew ({known}, decided up to {engine.frame})"
    if engine.incarnation == log.incarnation:
        return
    if engine.incarnation or known != log.incarnation:
        _carry_over(engine, journal)
        found.needs = 0
    engine.incarnation = log.incarnation


def _carry_over(engine: Engine, journal: Journal) -> None:
    engine.frame = 0
    engine.world.points["touched"] = 0
    changes.adopt(engine, {t.alarm: (t.after, t.episode) for t in journal.standing()})
    engine.tend_timers()
    engine.late.restart()
    engine.next_n = max(engine.next_n, journal.last + 1)
    engine.modes.next_n = max(engine.modes.next_n, journal.last_step + 1)


def _mend_journal(found: Recovered, log: FrameLog, journal: Journal) -> None:
    """A snapshot is written only after its transitions are committed. A journal that lacks them was lost or is an old copy: decide
    everything again if the log still has it, else enter what stands, so that no standing alarm is missing from it."""
    decided = found.engine.next_n - 1
    if journal.last >= decided:
        return
    if log.first == 1:
        found.faults["journal lost"] = (
            f"alarms.db ended at transition {journal.last} of {decided}; all of the log was decided again"
        )
        found.engine, found.needs = Engine(), 0
        found.engine.incarnation = log.incarnation
        return
    found.faults["journal lost"] = f"alarms.db ended at transition {journal.last} of {decided}; what stands was entered again"
    found.fresh.append(changes.restate(found.engine))


def _close_gap(found: Recovered, log: FrameLog, journal: Journal) -> None:
    """Frames between the snapshot and the oldest one kept are gone: say so, take what the journal holds, go on."""
    engine, first = found.engine, log.first
    if engine.frame + 1 >= first:
        return
    found.faults["gap"] = f"frames {engine.frame + 1}–{first - 1} of the log are gone; alarms stand as alarms.db has them"
    _carry_over(engine, journal)
    engine.frame = first - 1


def _step_again(found: Recovered, log: FrameLog, journal: Journal) -> None:
    """Decide again on the frames up to `done` and compare with what was stored then."""
    engine, done = found.engine, journal.done
    stored = {t.n: t for t in journal.between(engine.frame, done)}
    steps, steps_again = journal.steps_between(engine.frame, done), []
    again: list[AlarmTransition] = []
    while engine.frame < done:
        frames = [f for f in log.read(engine.frame, 256) if f.n <= done]
        if not frames:
            found.faults["log"] = f"alarms.db was decided up to frame {done}, the log ends at {engine.frame}"
            break
        for frame in frames:
            decided = engine.step(frame)
            again += decided.events()
            steps_again += decided.steps
            found.frames += 1
    _compare(found, stored, again)
    if steps != steps_again:
        found.faults.setdefault("difference", "steps on points were decided differently")
    if engine.next_n <= journal.last:
        engine.next_n = journal.last + 1
    if engine.modes.next_n <= journal.last_step:
        engine.modes.next_n = journal.last_step + 1


def _compare(found: Recovered, stored: dict[int, AlarmTransition], again: Sequence[AlarmTransition]) -> None:
    decided = {t.n: t for t in again}
    for n in sorted(stored.keys() | decided.keys()):
        before, now = stored.get(n), decided.get(n)
        if before is None or now is None or not same(before, now):
            found.faults["difference"] = f"transition {n} was decided differently: stored {before}, now {now}"
            return


def same(a: AlarmTransition, b: AlarmTransition) -> bool:
    """Equal in every field; NaN equals NaN."""
    return all(_equal(getattr(a, name), getattr(b, name)) for name in a.__dataclass_fields__)


def _equal(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a):
        return math.isnan(b)
    return a == b
