"""A new configuration version, applied between two frames while alarms stand and delays run.

A rule that is the same alarm watching the same thing keeps its state, its episode and its running delay. A moved limit is judged at
once on the last value; a changed delay counts from when its condition began. A rule that is gone, disabled or now watches something
else ends its standing alarm with a CONFIGURATION transition. Points keep their newest value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.quality import Severity, quality
from anlan.monitor import kernel, point_modes, programs
from anlan.monitor.compile import Arrays, EngineConfig, arrays_of
from anlan.monitor.layout import STATUS, Phase, PointFlag, RuleFlag, Structs, aligned
from anlan.monitor.states import HIDDEN
from anlan.store.memory import give_back

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine
    from anlan.monitor.transitions import Transitions

_KEPT_OF_POINT = ("time", "value", "heard", "touched", "quality")
_STATE_FLAGS = int(
    PointFlag.HELD
    | PointFlag.STALE
    | PointFlag.PENDING
    | PointFlag.OVER_LATCHED
    | PointFlag.INHIBITED
    | PointFlag.CALIBRATING
    | PointFlag.CALIBRATION_OVERDUE
)

BAD = quality(Severity.BAD)
JUDGE_AFRESH, JUDGE_ON = 1, 2
LARGE = 100_000
"""Rules from which on memory is worth the few milliseconds that giving it back takes."""


def apply(engine: Engine, body: bytes, at: Micros) -> None:
    """Bring the configuration of these bytes into force in `engine`; `at` is the node's wall time. Raises Corrupt, InputError."""
    version, new = _read(body)
    old = engine.arrays
    pairs = _pair_rules(old, new)
    _end_what_is_gone(engine, new, pairs, at)
    status, anew = _carry_rules(engine, new, pairs)
    known, moved = _carry_points(engine, new)
    _forget_delays(new, status, anew, moved)
    _carry_sources(engine, new)
    fresh = _carry_programs(engine, new, moved)
    engine.config_version, engine.config_body = version, bytes(body)
    engine.lay_out(new, status, known)
    world, frame, u = engine.world, engine.frame, engine.time.at(at)
    engine.run(lambda start: kernel.reconsider(world_of(engine), anew, start, frame, at, u), len(world.points))
    if fresh.any():
        kernel.feed_those(engine.world, fresh, u)
        engine.calculate(at, u)
    suppress_by_design(engine, at)


def _read(body: bytes) -> tuple[int, Arrays]:
    """Its columns are let go at once: they are as large as what is made of them."""
    config = EngineConfig.from_bytes(body, ids=False)
    version, arrays = config.version, arrays_of(config)
    del config
    if len(arrays.rules) > LARGE:
        give_back()
    return version, arrays


def world_of(engine: Engine):  # type: ignore[no-untyped-def]
    """The world as it is at the call: its table of transitions may have grown between two."""
    return engine.world


def _pair_rules(old: Arrays, new: Arrays) -> npt.NDArray[np.int64]:
    """For each new rule the row of the old rule that is the same alarm, watching the same thing, in service before and after; else −1."""
    numbers = new.rules["number"].astype(np.int64)
    rows = np.full(len(numbers), -1, np.int64)
    within = numbers < len(old.where)
    rows[within] = old.where[numbers[within]]
    if not len(old.rules):
        return rows
    same = old.rules["kind"][rows] == new.rules["kind"]
    same &= old.target[rows] == new.target
    same &= (old.rules["flags"][rows] & new.rules["flags"] & RuleFlag.ENABLED) != 0
    return np.where(same, rows, -1)


def _end_what_is_gone(engine: Engine, new: Arrays, pairs: npt.NDArray[np.int64], at: Micros) -> None:
    """CONFIGURATION → NORMAL for what stands and doesn't go on, in the order of alarm numbers; its episode count is kept."""
    status, rules = engine.world.status, engine.world.rules
    gone = np.ones(len(rules), np.bool_)
    gone[pairs[pairs >= 0]] = False
    for row in np.flatnonzero(gone & (status["episode"] > 0)):
        engine.retired[int(rules["number"][row])] = int(status["episode"][row])
    standing = np.flatnonzero(gone & (status["state"] != AlarmState.NORMAL))
    for row in standing[np.argsort(rules["number"][standing], kind="stable")]:
        engine.move(int(row), Trigger.CONFIGURATION, AlarmState.NORMAL, at, at)


def _carry_rules(engine: Engine, new: Arrays, pairs: npt.NDArray[np.int64]) -> tuple[Structs, npt.NDArray[np.uint8]]:
    """States of the rules that go on, and for each new rule whether it must be judged now."""
    old = engine.world
    status: Structs = aligned(len(new.rules), STATUS)
    anew = np.full(len(new.rules), JUDGE_AFRESH, np.uint8)
    kept = np.flatnonzero(pairs >= 0)
    before = pairs[kept]
    status[kept] = old.status[before]
    anew[kept] = _what_changed(engine.arrays, new, before, kept)
    _count_on(engine, new, status)
    return status, anew


def _what_changed(old: Arrays, new: Arrays, before: npt.NDArray[np.int64], kept: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    moved = _differ(old, new, before, kept, ("limit", "clear"))
    discrete = np.flatnonzero(new.rules["kind"][kept] == AlarmKind.STATE)
    for i in discrete:  # pool positions may move without any change of the states
        moved[i] = _states(old, int(before[i])) != _states(new, int(kept[i]))
    delayed = _differ(old, new, before, kept, ("on_delay", "off_delay"))
    return np.where(moved, JUDGE_AFRESH, np.where(delayed, JUDGE_ON, 0)).astype(np.uint8)


def _differ(
    old: Arrays, new: Arrays, before: npt.NDArray[np.int64], kept: npt.NDArray[np.int64], names: tuple[str, ...]
) -> npt.NDArray[np.bool_]:
    different = np.zeros(len(kept), np.bool_)
    for name in names:
        a, b = old.rules[name][before], new.rules[name][kept]
        different |= (a != b) & ~((a != a) & (b != b))  # noqa: PLR0124  (two NaN are the same limit: none)
    return different


def _states(arrays: Arrays, row: int) -> list[int]:
    rule = arrays.rules[row]
    states: list[int] = arrays.pool[int(rule["limit"]) : int(rule["clear"])].tolist()
    return states


def _count_on(engine: Engine, new: Arrays, status: Structs) -> None:
    """An alarm that was away goes on counting its episodes."""
    for number in [n for n in engine.retired if n < len(new.where)]:
        row = int(new.where[number])
        if row >= 0 and status["episode"][row] == 0:
            status["episode"][row] = engine.retired[number]
            status["phase"][row] = Phase.QUIET


def _carry_points(engine: Engine, new: Arrays) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Newest values of the points that go on; those that are new count their silence from now. Returns the data time up to which each
    value is known, and which points now come from another source or report in another manner or measure."""
    old = engine.world.points
    common = np.arange(min(len(old), len(new.points)))
    both = common[((old["flags"][common] & new.points["flags"][common]) & PointFlag.PRESENT) != 0]
    both = both[old["source"][both] == new.points["source"][both]]
    new.points["heard"] = engine.time.u
    new.points["touched"] = engine.frame
    for name in _KEPT_OF_POINT:
        new.points[name][both] = old[name][both]
    new.points["flags"][both] |= old["flags"][both] & _STATE_FLAGS
    known = np.zeros(len(new.points), np.int64)
    known[both] = engine.world.known[both]
    moved = np.ones(len(new.points), np.bool_)
    moved[both] = (old["flags"][both] ^ new.points["flags"][both]) & PointFlag.ON_CHANGE != 0
    moved[both] |= old["deadline"][both] != new.points["deadline"][both]
    known[both] = np.where(moved[both], new.points["time"][both], known[both])
    # Silence is judged anew by the new measure at the next tick; an alarm that stands waits for a reading.
    new.points["flags"][moved] &= np.uint16(0xFFFF & ~PointFlag.STALE)
    return known, moved


def _forget_delays(new: Arrays, status: Structs, anew: npt.NDArray[np.uint8], moved: npt.NDArray[np.bool_]) -> None:
    """What counted by the old source or measure does not count by the new: delays begin anew, on the last value where there
    is one, and what is announced stays."""
    # A rule without a state that is to be judged afresh has nothing to forget; in a new plant that is every one.
    concerned = (anew != JUDGE_AFRESH) | (status["phase"] != Phase.QUIET)
    rows = np.flatnonzero(concerned & (new.rules["kind"] != AlarmKind.LOSS_OF_VIEW))
    rows = rows[moved[new.target[rows]]]
    anew[rows] = np.where(anew[rows] == 0, JUDGE_ON, anew[rows])
    phase = status["phase"][rows]
    status["phase"][rows] = np.where(phase == Phase.RISING, Phase.QUIET, np.where(phase == Phase.FALLING, Phase.STANDING, phase))


def _carry_sources(engine: Engine, new: Arrays) -> None:
    """A source that goes on stays as it was seen; a new one has its grace from now."""
    old = engine.world.sources
    new.sources["up_since"] = engine.time.u
    common = np.arange(min(len(old), len(new.sources)))
    both = common[(old["present"][common] & new.sources["present"][common]) == 1]
    new.sources["up_since"][both] = old["up_since"][both]
    new.sources["state"][both] = old["state"][both]


def _carry_programs(engine: Engine, new: Arrays, moved: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    """Memory and time of the programs that are as they were; returns which are not, or read a point that is not as it was."""
    old, now = engine.arrays.calculated, new.calculated
    fresh = np.ones(len(now.programs), np.uint8)
    before, rows = programs.same(old, now)
    now.programs["at"][rows] = old.programs["at"][before]
    now.cells[now.cells_of(rows)] = old.cells[old.cells_of(before)]
    fresh[rows] = 0
    for point in np.flatnonzero(moved & (new.points["flags"] & PointFlag.FEEDS != 0)):
        fresh[now.feeds[now.feeds_first[point] : now.feeds_first[point + 1]]] = 1
    return fresh


def suppress_by_design(engine: Engine, at: Micros) -> None:
    """Bring every alarm's suppression by design to what its condition says now: after a change of either."""
    world = engine.world
    met = np.zeros(len(world.rules), np.bool_)
    met[world.governs[_conditions_met(engine)]] = True
    met[point_modes.suppressed_rows(engine)] = True
    hidden = world.status["state"] == AlarmState.SUPPRESSED
    for row in np.flatnonzero(hidden != met):
        trigger = Trigger.SUPPRESS if met[row] else Trigger.UNSUPPRESS
        after = engine.next_state(int(row), trigger) if world.rules["flags"][row] & RuleFlag.ENABLED else None
        if after is not None:
            engine.move(int(row), trigger, after, at, at)


def suppressed(engine: Engine, row: int) -> bool:
    """Whether the design suppresses the alarm of this row now."""
    world = engine.world
    where = np.flatnonzero(world.governs == row)
    if len(where):
        condition = world.points[int(np.searchsorted(world.governs_first, where[0], side="right")) - 1]
        if condition["quality"] < BAD and np.nan_to_num(condition["value"]) != 0:
            return True
    return row in point_modes.suppressed_rows(engine)


def _conditions_met(engine: Engine) -> npt.NDArray[np.bool_]:
    """For each governed rule whether its condition is known and true."""
    world = engine.world
    condition = np.repeat(np.arange(len(world.points)), np.diff(world.governs_first))
    met: npt.NDArray[np.bool_] = world.points["quality"][condition] < BAD
    met &= np.nan_to_num(world.points["value"][condition]) != 0
    return met


def adopt(engine: Engine, standing: dict[int, tuple[AlarmState, int]]) -> None:
    """Take over alarm states (state, episode) that a journal holds and this engine never decided: after a restored store, whose log
    begins anew, nothing that was announced may be forgotten. What stands counts as still on until a usable reading says otherwise."""
    status = engine.world.status
    for alarm, (state, episode) in standing.items():
        row = engine.row_of(alarm)
        if row is None:
            continue
        on = state in {AlarmState.UNACKNOWLEDGED, AlarmState.ACKNOWLEDGED}
        status["state"][row], status["episode"][row] = state, max(episode, int(status["episode"][row]))
        status["phase"][row] = Phase.STANDING if on else Phase.QUIET
        # Nobody knows whether a hidden one was latched: a latching rule comes back latched rather than gone.
        status["latched"][row] = state in HIDDEN and bool(engine.world.rules["flags"][row] & RuleFlag.LATCHING)
    points = engine.world.points
    points["quiet_low"], points["quiet_high"] = np.inf, -np.inf


def restate(engine: Engine) -> Transitions:
    """Every alarm that isn't normal as a transition into its state, for a journal that has lost how it came there."""
    found = engine.begin()
    for row in np.flatnonzero(engine.world.status["state"] != AlarmState.NORMAL):
        n = engine.write(int(row), Trigger.CONDITION_ON, AlarmState.NORMAL, engine.time.wall, engine.time.wall)
        found.texts[n] = ("", "", "the journal was lost: this is the state the engine remembers", "")
    return found
