"""Where the engine goes on after any stop: snapshot, then the frames the journal already covers, compared, then what is new."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anlan.model.clock import Clock
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import AlarmTransition
from anlan.monitor import changes, point_modes
from anlan.monitor.carry_over import carry_over
from anlan.monitor.compile import EngineConfig
from anlan.monitor.engine import Engine
from anlan.monitor.journal import Journal
from anlan.monitor.snapshot import Snapshots
from anlan.monitor.transitions import Transitions

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
    carries: bool = False
    """The log does not tell how the engine came to where it stands: it takes over what the journal has."""
    waits: bool = False
    """It can only do so once it has a configuration (`carry_over`), and must not be snapshot before."""
    anew: bool = False
    """The journal was begun in the place of a damaged one."""


def recover(
    log: FrameLog,
    journal: Journal,
    snapshots: Snapshots,
    clock: Clock,
    config: Path | None = None,
    known: tuple[int, int] | None = None,
) -> Recovered:
    """`config` is the file of the configuration in force, for an engine that no snapshot and no frame gives one; `known` the newest numbers
    of transition and step in a damaged journal that was set aside, for which this one is begun: none is given out twice. Raises StoreError when log or journal can't be read. Anything odd that does not stop the work is a fault, in words."""
    engine = snapshots.newest() or Engine()
    found = Recovered(engine, engine.frame, anew=known is not None)
    if known is not None:
        engine.next_n = max(engine.next_n, known[0] + 1)
        engine.modes.next_n = max(engine.modes.next_n, known[1] + 1)
    if snapshots.passed_over:
        found.faults["snapshot"] = "; ".join(snapshots.passed_over)
    _join_incarnation(found, log, journal, clock)
    _mend_journal(found, log, journal)
    _close_gap(found, log, journal)
    if found.carries and config is not None:
        _configure(found, config)
    if journal.unrecorded_from(found.engine.next_n):
        found.carries = True
    _step_again(found, log, journal)
    if found.carries:
        _carry_over(found, log, journal, clock)
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
    if engine.incarnation or known != log.incarnation or journal.goes_back:
        _count_anew(found, journal)
        found.needs = 0
    engine.incarnation = log.incarnation


def _count_anew(found: Recovered, journal: Journal) -> None:
    """What comes is not what followed on the engine's last frame."""
    engine = found.engine
    engine.frame = 0
    engine.world.points["touched"] = 0
    engine.late.restart()
    engine.next_n = max(engine.next_n, journal.last + 1)
    engine.modes.next_n = max(engine.modes.next_n, journal.last_step + 1)
    found.carries = journal.last > 0 or journal.last_step > 0


def _configure(found: Recovered, file: Path) -> None:
    """States can only be taken over by rules. The file is written before a configuration comes into force, so it is the newest there is."""
    engine = found.engine
    try:
        body = file.read_bytes()
        if body != engine.config_body and EngineConfig.from_bytes(body, ids=False).version >= engine.config_version:
            engine.begin()
            changes.apply(engine, body, engine.time.wall)
            point_modes.tend(engine, engine.time.wall)
    except (AnlanError, OSError) as error:
        found.faults["configuration"] = f"{file.name} could not be read: {error}"


def _carry_over(found: Recovered, log: FrameLog, journal: Journal, clock: Clock) -> None:
    engine = found.engine
    if not engine.config_version:
        found.waits = True
        found.faults.setdefault("configuration", "no configuration is known: alarms.db is taken over once there is one")
        return
    following = log.read(engine.frame, 1)
    soon = following[0].parts[0].received_at if following and following[0].parts else clock.now()
    found.fresh.append(carry_over(engine, journal, engine.time.wall or soon))


def _mend_journal(found: Recovered, log: FrameLog, journal: Journal) -> None:
    """A snapshot is written only after its transitions are committed. A journal that lacks them was lost or is an old copy: decide
    everything again if the log still has it, else enter what stands, so that no standing alarm is missing from it."""
    decided = found.engine.next_n - 1
    if journal.last >= decided:
        return
    if log.first == 1 and not found.anew:
        found.faults["journal lost"] = (
            f"alarms.db ended at transition {journal.last} of {decided}; all of the log was decided again"
        )
        found.engine, found.needs, found.carries = Engine(), 0, False
        found.engine.incarnation = log.incarnation
        return
    found.faults["journal lost"] = f"alarms.db ended at transition {journal.last} of {decided}; what stands was entered again"
    found.carries = False
    found.fresh.append(changes.restate(found.engine))


def _close_gap(found: Recovered, log: FrameLog, journal: Journal) -> None:
    """Frames between the snapshot and the oldest one kept are gone: say so, take what the journal holds, go on. A journal that was
    itself lost holds less than the snapshot."""
    engine, first = found.engine, log.first
    if engine.frame + 1 >= first:
        return
    lost = "journal lost" in found.faults
    kept = "the snapshot" if lost else "alarms.db"
    found.faults["gap"] = (
        f"frames {engine.frame + 1}–{first - 1} of the log are gone; alarms, shelvings and modes of points stand as {kept} has them, "
        "what detectors held latched over range is only known from later frames"
    )
    _count_anew(found, journal)
    found.carries = found.carries and not lost
    engine.frame = first - 1


def _step_again(found: Recovered, log: FrameLog, journal: Journal) -> None:
    """Decide again on the frames up to `done` and compare with what was stored then; of one that carries over only its values count."""
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
    if found.carries:
        return
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
