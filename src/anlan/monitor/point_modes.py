"""Points that people have taken out of evidence for a while: inhibited by a work order, in calibration, or latched over range.

    inhibit ──▶ readings are bad, maintenance ──(end of its time, or end_inhibit)──▶ as the source sends them
    calibrate ──▶ readings are bad, calibration ──(end of its time, or end_calibration)──▶ as the source sends them
    a catalytic detector over range ──▶ bad, over range latched ──(reset_over_range)──▶ as the source sends them

    approve_bypass ──▶ the node's own point of the bypass is 1 ──(end of its time, or end_approval)──▶ 0

Part of the engine's state. The flags stand in the point's record, where the kernel looks; here is what a record has no room for: since when,
until when, by whom, and the quality that the source itself sent last, so that a mode that ends needn't wait for the next reading.

The newest value is judged anew the moment a mode begins or ends, votes and calculated points with it. Value alarms keep their last adverse
state while their point is no evidence (DOMAIN.md 11). The point's own alarms of bad quality and silence are suppressed by design meanwhile:
who took the point out knows. Ends run on node time, so a clock that is set ends nothing early; while the
node is away they run on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from anlan.model.clock import HOUR, Micros
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.model.frames import NODE_SOURCE
from anlan.model.quality import FLAG_MASK, REASON_MASK, Reason, Severity, quality
from anlan.monitor import calibration_dates, kernel, recount
from anlan.monitor.layout import NEVER, NOT_DUE, PointFlag, RuleFlag, Tally, World
from anlan.monitor.point_commands import LONGEST, TELLS, PointCommand

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine

BAD = int(quality(Severity.BAD))


class Mode(StrEnum):
    INHIBITED = "inhibited"
    CALIBRATING = "calibrating"
    APPROVED = "approved"


FLAG = {Mode.INHIBITED: PointFlag.INHIBITED, Mode.CALIBRATING: PointFlag.CALIBRATING}
BEGINS = {"inhibit": Mode.INHIBITED, "calibrate": Mode.CALIBRATING, "approve_bypass": Mode.APPROVED}
ENDS = {"end_inhibit": Mode.INHIBITED, "end_calibration": Mode.CALIBRATING, "end_approval": Mode.APPROVED}
_EXPIRED = {f"{kind}_expired": mode for kind, mode in BEGINS.items()}
_MODE_OF = {
    **BEGINS,
    **ENDS,
    **_EXPIRED,
    **{f"{mode.value}_dropped": mode for mode in Mode},
}
_TOLD = {**TELLS, "approve_bypass_expired": 0.0, f"{Mode.APPROVED.value}_dropped": 0.0}
"""What each step says of the node's own point that it tells."""
_OUT = int(PointFlag.INHIBITED | PointFlag.CALIBRATING)
_OVERRULED = _OUT | int(PointFlag.LATCHES | PointFlag.OVER_LATCHED)
"""What a reading of such a point was sent as can't be seen in what it counts as."""


@dataclass(frozen=True, slots=True)
class PointMode:
    """One mode of one point. `since` is its first begin, however often it was renewed, on the wall clock by which `until` was told; `due`
    is node time."""

    point: int
    mode: Mode
    since: Micros
    until: Micros
    due: Micros
    who: str
    post: str
    reason: str
    work_order: str = ""
    approver: str = ""
    command: str = ""

    @property
    def begun(self) -> Micros:
        """Node time of its first begin."""
        return self.due - (self.until - self.since)

    @property
    def said(self) -> str:
        """As the journal of alarms tells it."""
        return f"{self.work_order}: {self.reason}" if self.work_order else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PointStep:
    """A row of alarms.db, table point_step. `step` is a command's kind, or `…_expired` for what ended by itself, `…_dropped` when a configuration
    took the point away. `quality` is what the newest value counts as after it."""

    n: int
    frame: int
    point: int
    step: str
    happened_at: Micros
    noticed_at: Micros
    until: Micros | None
    quality: int
    who: str
    post: str
    reason: str
    work_order: str
    approver: str
    command: str


class PointModes:
    """What stands, by (point, mode), and the quality that sources sent last for the points that may need it."""

    def __init__(self, modes: Iterable[PointMode] = ()) -> None:
        self.standing: dict[tuple[int, Mode], PointMode] = {(m.point, m.mode): m for m in modes}
        self.next_n = 1
        """Number of the next step."""
        self._sent: npt.NDArray[np.uint16] = np.zeros(0, np.uint16)
        self._watched: npt.NDArray[np.bool_] | None = None

    def of(self, point: int) -> list[PointMode]:
        return [self.standing[point, mode] for mode in Mode if (point, mode) in self.standing]

    def shorten(self, by: Micros) -> None:
        """All end so much earlier: the node was away for that long."""
        self.standing = {key: replace(mode, due=mode.due - by) for key, mode in self.standing.items()}

    # ---- what the source itself said last

    def lay_out(self, world: World) -> None:
        """After any change of the configuration or of flags: which points' own quality must be remembered."""
        flags = world.points["flags"]
        wanted = flags & _OVERRULED != 0
        if not wanted.any():
            self._sent, self._watched = np.zeros(0, np.uint16), None
            return
        sent = recount.without_date(world.points["quality"])
        if self._watched is not None:
            both = min(len(self._watched), len(wanted))
            known = np.flatnonzero(self._watched[:both] & wanted[:both])
            sent[known] = self._sent[known]
        self._sent, self._watched = sent, wanted

    def note(self, world: World, point: Any, value: Any, word: Any, late: Any) -> None:
        """These rows were decided on, but for those at `late`; of each point's newest the quality is kept as it was sent."""
        watched = self._watched
        if watched is None:
            return
        decided = watched[np.minimum(point, len(watched) - 1)] & (point < len(watched))
        decided[late] = False
        rows = np.flatnonzero(decided)
        flags = world.points["quality"][point[rows]] & FLAG_MASK  # with the engine's own word on its stamp
        nan = np.isnan(value[rows]) & (word[rows] < BAD)
        self._sent[point[rows]] = (
            np.where(nan, quality(Severity.BAD, Reason.NOT_A_NUMBER), word[rows] & recount.NOT_FLAGS) | flags
        )

    def sent(self, world: World, point: int) -> int:
        if self._watched is not None and self._watched[point]:
            return int(self._sent[point])
        return int(recount.without_date(world.points["quality"][point : point + 1])[0])

    # ---- snapshots

    def as_json(self) -> dict[str, Any]:
        sent = {} if self._watched is None else {str(p): int(self._sent[p]) for p in np.flatnonzero(self._watched)}
        return {"standing": [asdict(m) for _, m in sorted(self.standing.items())], "sent": sent, "next_n": self.next_n}

    @classmethod
    def from_json(cls, fields: dict[str, Any], world: World) -> PointModes:
        modes = cls(PointMode(**{**row, "mode": Mode(row["mode"])}) for row in fields.get("standing", ()))
        modes.next_n = int(fields.get("next_n", 1))
        modes.lay_out(world)
        for point, word in fields.get("sent", {}).items():
            if modes._watched is not None and int(point) < len(modes._sent):
                modes._sent[int(point)] = word
        return modes


def standing_of(last_steps: Iterable[PointStep]) -> dict[tuple[int, Mode], PointStep]:
    """The steps by which modes stand now, for readers of the journal: of each point and mode the newest step, if that begins it."""
    newest: dict[tuple[int, Mode], PointStep] = {}
    for step in last_steps:
        if (mode := _MODE_OF.get(step.step)) is not None:
            newest[step.point, mode] = step
    return {key: step for key, step in newest.items() if step.step in BEGINS}


def mode_of(step: PointStep) -> Mode | None:
    """The mode that a step begins or ends; None for one that does neither."""
    return _MODE_OF.get(step.step)


def ends(step: PointStep) -> bool:
    """Whether it ends its mode, by a person or by itself."""
    return step.step in _MODE_OF and step.step not in BEGINS


def expired(step: PointStep) -> bool:
    """Whether a mode's time was over, which the node finds at a tick."""
    return step.step in _EXPIRED


def led_up(steps: Iterable[PointStep]) -> list[PointStep]:
    """Of these, in order, the ones that bring another engine to where they left this one: of a point that is out of evidence all since it
    was taken out, of one that is not the last reset, of the node's own points what was told of them last."""
    runs: dict[int, list[PointStep]] = {}
    for step in steps:
        runs.setdefault(step.point, []).append(step)
    return sorted((step for run in runs.values() for step in _since_it_was_out(run)), key=lambda step: step.n)


def out_since(steps: Iterable[PointStep]) -> dict[int, Micros]:
    """Point → since when it has been out of evidence without a break at the end of these steps, which are in order. Modes may follow on
    each other: in calibration first, inhibited before that ended."""
    standing: dict[int, set[Mode]] = {}
    since: dict[int, Micros] = {}
    for step in steps:
        if (mode := mode_of(step)) not in FLAG:
            continue
        modes = standing.setdefault(step.point, set())
        if step.step in BEGINS:
            since.setdefault(step.point, step.noticed_at)
            modes.add(mode)
        else:
            modes.discard(mode)
        if not modes:
            since.pop(step.point, None)
    return since


def _since_it_was_out(run: list[PointStep]) -> list[PointStep]:
    """Of the steps of one point."""
    out = out_since(run).get(run[0].point)
    if out is not None:
        return [step for step in run if step.noticed_at >= out]
    told = [step for step in run if step.step in _TOLD][-1:]
    return told or [step for step in run if step.step == "reset_over_range"][-1:]


# ------------------------------------------------------------------------------------------------------------- a person's step


def refusal(engine: Engine, command: PointCommand, u: Micros) -> tuple[str, dict[str, Any]] | None:
    """Why the step can't be taken at node time `u`: a msgid and its facts."""
    points = engine.world.points
    point = command.point
    if not 0 <= point < len(points) or not points["flags"][point] & PointFlag.PRESENT:
        return "point {point} does not exist", {"point": point}
    if points["flags"][point] & PointFlag.CALCULATED:
        return "a calculated point has no detector behind it: take its inputs out of service instead", {}
    own = int(points["source"][point]) == NODE_SOURCE
    if own is not (command.kind in TELLS):
        return _WRONG_SIDE[own], {}
    if (lacking := command.lacks()) is not None:
        return lacking
    if command.kind == "calibrate" and (why := _no_calibration(engine, command, u)) is not None:
        return why
    mode = ENDS.get(command.kind)
    if mode is not None and (point, mode) not in engine.modes.standing:
        return _NOT_IN[mode], {}
    if command.kind == "reset_over_range":
        if not points["flags"][point] & PointFlag.OVER_LATCHED:
            return "the point is not latched over range", {}
        if engine.modes.sent(engine.world, point) & REASON_MASK == Reason.OVER_RANGE:
            return "the detector still reads over range: it can be reset once it reads within its range", {}
    return None


NO_DETECTOR = "calibration mode is for detectors of gas and fire: {point} is none"
_RENEWED_FOR_TOO_LONG = "calibration lasts {hours} h at most from its first begin: end it before it begins anew"


def _no_calibration(engine: Engine, command: PointCommand, u: Micros) -> tuple[str, dict[str, Any]] | None:
    """One person begins it, so it must not blind anything but a detector, nor go on for ever by being renewed."""
    if engine.world.points["flags"][command.point] & PointFlag.NO_CALIBRATION:
        return NO_DETECTOR, {"point": command.point}
    standing, longest = engine.modes.standing.get((command.point, Mode.CALIBRATING)), LONGEST["calibrate"]
    assert command.until is not None
    if standing is not None and u + command.until - command.at - standing.begun > longest:
        return _RENEWED_FOR_TOO_LONG, {"hours": longest // HOUR}
    return None


_NOT_IN = {
    Mode.INHIBITED: "the point is not inhibited",
    Mode.CALIBRATING: "the point is not in calibration",
    Mode.APPROVED: "no approval of this bypass stands",
}
_WRONG_SIDE = {
    True: "the node itself tells this point: nobody can take it out of service",
    False: "this point comes from a source: only the source tells its value",
}


def take(engine: Engine, command: PointCommand, noticed_at: Micros, u: Micros) -> PointStep:
    """The step is allowed: move flags or value, judge anew, write it down."""
    point, mode = command.point, BEGINS.get(command.kind)
    if mode is not None:
        assert command.until is not None
        before = engine.modes.standing.get((point, mode))
        since = command.at if before is None else command.at - (u - before.begun)
        engine.modes.standing[point, mode] = PointMode(
            point, mode, since, command.until, u + command.until - command.at,
            command.who, command.post, command.reason, command.work_order, command.approver, command.id,
        )  # fmt: skip
    elif (ended := ENDS.get(command.kind)) is not None:
        del engine.modes.standing[point, ended]
    _do(engine, point, command.kind, noticed_at, u)
    return _step(engine, point, command.kind, command.at, noticed_at, command)


def _do(engine: Engine, point: int, step: str, at: Micros, u: Micros) -> None:
    """What the step of this name does to the point itself."""
    if step in _TOLD:
        _tell(engine, point, _TOLD[step], at, u)
    elif step == "reset_over_range":
        _set_flags(engine, point, 0, int(PointFlag.OVER_LATCHED), at, u)
    elif step in BEGINS:
        _set_flags(engine, point, int(FLAG[BEGINS[step]]), 0, at, u)
    else:
        _set_flags(engine, point, 0, int(FLAG[_MODE_OF[step]]), at, u)


def redo(engine: Engine, step: PointStep, u: Micros) -> None:
    """Do once more what a journal says was done, without asking: the rules by which it was allowed may be others now. A mode that is begun
    so never ends by itself: when it ended, the journal says."""
    points, mode = engine.world.points, _MODE_OF.get(step.step)
    if step.point >= len(points) or not points["flags"][step.point] & PointFlag.PRESENT:
        return
    own = int(points["source"][step.point]) == NODE_SOURCE
    if own is not (step.step in _TOLD) or points["flags"][step.point] & PointFlag.CALCULATED:
        return  # it comes from elsewhere now
    if mode is not None and step.step in BEGINS:
        said = (step.who, step.post, step.reason, step.work_order, step.approver, step.command)
        until = step.until if step.until is not None else NOT_DUE
        renewed = engine.modes.standing.get((step.point, mode))
        since = renewed.since if renewed is not None else step.happened_at
        engine.modes.standing[step.point, mode] = PointMode(step.point, mode, since, until, NOT_DUE, *said)
    elif mode is not None:
        engine.modes.standing.pop((step.point, mode), None)
    _do(engine, step.point, step.step, step.noticed_at, u)


def _tell(engine: Engine, point: int, value: float, at: Micros, u: Micros) -> None:
    """A reading of one of the node's own points, at the node's time."""
    columns = np.array([point], np.uint32), np.array([at], np.int64), np.array([value], np.float64), np.zeros(1, np.uint16)
    late = np.zeros(1, np.int32)
    engine.run(lambda start: int(kernel.take_readings(engine.world, *columns, start, engine.frame, at, u, late)), 1)
    engine.calculate(at, u)
    engine.world.tally[Tally.DUPLICATE :] = 0  # no source sent it: it stands in no ledger
    calibration_dates.follow(engine, at, u, told=point)


def end_due(engine: Engine, now: Micros, u: Micros) -> list[PointStep]:
    """At a tick: modes whose time is over."""
    if not engine.modes.standing:
        return []
    due = sorted((m for m in engine.modes.standing.values() if m.due <= u), key=lambda m: (m.due, m.point, m.mode))
    return [_expire(engine, mode, now, u) for mode in due]


def _expire(engine: Engine, mode: PointMode, now: Micros, u: Micros) -> PointStep:
    del engine.modes.standing[mode.point, mode.mode]
    step = next(f"{kind}_expired" for kind, of in BEGINS.items() if of is mode.mode)
    _do(engine, mode.point, step, now, u)
    return _step(engine, mode.point, step, now - (u - mode.due), now, _by_itself(mode))


def tend(engine: Engine, at: Micros) -> list[PointStep]:
    """After a new configuration: a point that is gone, or now comes from elsewhere, has lost its flags, and with them its modes."""
    flags = engine.world.points["flags"]
    gone = [
        m
        for _, m in sorted(engine.modes.standing.items())
        if m.point >= len(flags)
        or not flags[m.point] & PointFlag.PRESENT
        or not flags[m.point] & FLAG.get(m.mode, PointFlag.PRESENT)
    ]
    for mode in gone:
        del engine.modes.standing[mode.point, mode.mode]
    engine.modes.lay_out(engine.world)
    calibration_dates.follow(engine, at, engine.time.at(at))
    return drop(engine, gone, at)


def drop(engine: Engine, modes: Iterable[PointMode], at: Micros) -> list[PointStep]:
    """The steps that say these modes no longer stand, by nobody's order."""
    return [_step(engine, m.point, f"{m.mode.value}_dropped", at, at, _by_itself(m)) for m in modes]


def first_begin(steps: Iterable[PointStep], mode: Mode) -> Micros:
    """When a mode that stands began, however often it was renewed since; `steps` are its point's, newest first."""
    begun = takewhile(lambda step: step.step in BEGINS, (step for step in steps if _MODE_OF.get(step.step) is mode))
    return min(step.happened_at for step in begun)


def take_over(engine: Engine, said: list[PointMode], steps: Iterable[PointStep], wall: Micros, u: Micros) -> list[PointMode]:
    """Bring modes to those that a journal has, and the node's own points to what its last steps told of them, whatever this engine had.
    `wall` is the node's wall time now. Returns the modes that can't stand, since their point is gone or comes from elsewhere."""
    kept = {(m.point, m.mode): m for m in said if _can_stand(engine, m)}
    for point, mode in sorted(engine.modes.standing.keys() - kept.keys()):
        del engine.modes.standing[point, mode]
        if mode in FLAG:
            _set_flags(engine, point, 0, int(FLAG[mode]), wall, u)
    engine.modes.standing.update(kept)
    for point, mode in kept:
        if mode in FLAG:
            _set_flags(engine, point, int(FLAG[mode]), 0, wall, u)
    _tell_again(engine, steps, wall, u)
    return [m for m in said if (m.point, m.mode) not in kept]


def _can_stand(engine: Engine, mode: PointMode) -> bool:
    points = engine.world.points
    if mode.point >= len(points) or not points["flags"][mode.point] & PointFlag.PRESENT:
        return False
    own = int(points["source"][mode.point]) == NODE_SOURCE
    return own is (mode.mode not in FLAG) and not points["flags"][mode.point] & PointFlag.CALCULATED


def _tell_again(engine: Engine, steps: Iterable[PointStep], wall: Micros, u: Micros) -> None:
    points = engine.world.points
    told = {step.point: _TOLD[step.step] for step in steps if step.step in _TOLD}
    for point, value in sorted(told.items()):
        if point >= len(points) or not points["flags"][point] & PointFlag.PRESENT or points["source"][point] != NODE_SOURCE:
            continue
        known = int(points["time"][point])
        if known == NEVER or points["value"][point] != value:
            _tell(engine, point, value, max(wall, known + 1), u)


def _by_itself(mode: PointMode) -> PointCommand:
    """What stood, as far as a step tells it, by nobody."""
    return PointCommand(
        id="",
        kind="end_inhibit",
        point=mode.point,
        who="",
        post="",
        at=0,
        reason="",
        work_order=mode.work_order,
        until=mode.until,
    )


def _step(engine: Engine, point: int, step: str, happened_at: Micros, noticed_at: Micros, said: PointCommand) -> PointStep:
    n = engine.modes.next_n
    engine.modes.next_n += 1
    points = engine.world.points
    return PointStep(
        n=n,
        frame=engine.frame,
        point=point,
        step=step,
        happened_at=happened_at,
        noticed_at=noticed_at,
        until=said.until,
        quality=int(points["quality"][point]) if point < len(points) else 0,
        who=said.who,
        post=said.post,
        reason=said.reason,
        work_order=said.work_order,
        approver=said.approver,
        command=said.id,
    )


# ------------------------------------------------------------------------------------------------------------- flags


def _set_flags(engine: Engine, point: int, on: int, off: int, at: Micros, u: Micros) -> None:
    """Move flags of the point between two readings; its newest value counts by them at once."""
    recount.run_what_is_due(engine, point, at, u)
    sent = engine.modes.sent(engine.world, point)
    row = engine.world.points[point : point + 1]
    before = int(row["flags"][0])
    after = (before | on) & ~off & 0xFFFF
    row["flags"], row["touched"] = after, engine.frame
    engine.modes.lay_out(engine.world)
    goes_out, comes_back = after & _OUT and not before & _OUT, before & _OUT and not after & _OUT
    if goes_out:
        _suppress_quality_alarms(engine, point, at)
    if comes_back:
        recount.forget_quality(engine, point)
    if row["time"][0] != NEVER:
        recount.judge(engine, point, recount.as_it_counts(after, sent), at, u)
    if comes_back:
        _suppress_quality_alarms(engine, point, at)


# ------------------------------------------------------------------------------------------------------------- its own quality alarms


def suppressed_rows(engine: Engine) -> list[int]:
    """Rows of the alarms of quality and silence of the points that are out."""
    rules = engine.world.rules
    out = sorted({m.point for m in engine.modes.standing.values() if m.mode in FLAG and m.point < len(engine.world.points)})
    return [k for point in out for k in recount.rows_of(engine, point) if rules["kind"][k] in recount.OF_QUALITY]


def _suppress_quality_alarms(engine: Engine, point: int, at: Micros) -> None:
    world = engine.world
    out = bool(world.points["flags"][point] & _OUT)
    mode = next(iter(engine.modes.of(point)), None)
    for k in recount.rows_of(engine, point):
        if world.rules["kind"][k] not in recount.OF_QUALITY or not world.rules["flags"][k] & RuleFlag.ENABLED:
            continue
        hidden = AlarmState(int(world.status["state"][k])) is AlarmState.SUPPRESSED
        if out == hidden:
            continue
        trigger = Trigger.SUPPRESS if out else Trigger.UNSUPPRESS
        after = engine.next_state(k, trigger)
        if after is not None:
            n = engine.move(k, trigger, after, at, at)
            if mode is not None:
                engine.tell_why(n, mode.who, mode.post, mode.said, mode.command)
