"""The engine: `step(frame)` moves the state and returns the transitions that follow. Pure: no clock, no I/O, no threads.

Everything it knows came out of the log in order, so the same log gives the same transitions, numbered the same. Readings and
ticks run in the compiled kernel; commands and configurations, which are rare, in Python on the same arrays and the same table:

    alarm_steps    what people do with alarms            waits         what alarms wait for by themselves
    point_modes    what people do with points            sources_seen  which sources are in view
    changes        a new configuration                   late_record   late readings, and corrections of the record
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from anlan.model.clock import Micros
from anlan.model.columns import to_numpy
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import AlarmKind, AlarmState, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.readings import SCHEMA
from anlan.monitor import alarm_steps, changes, kernel, late_record, point_modes, sources_seen, waits
from anlan.monitor.commands import Result, read_command
from anlan.monitor.compile import Arrays, EngineConfig, arrays_of, compile_config
from anlan.monitor.late import Pending
from anlan.monitor.layout import (
    BLOCK,
    LEVELS,
    NEVER,
    STACK,
    STATUS,
    TRANSITION,
    RuleFlag,
    Structs,
    Tally,
    View,
    World,
    aligned,
)
from anlan.monitor.live import Copied, Live
from anlan.monitor.node_time import NodeTime
from anlan.monitor.point_commands import PointCommand
from anlan.monitor.point_modes import PointModes
from anlan.monitor.states import HIDDEN, REFUSED, TABLE, latches
from anlan.monitor.timers import Timers, Wait
from anlan.monitor.transitions import Transitions

__all__ = ["Engine", "EngineConfig", "NodeTime", "Transitions", "compile_config"]

ANSWERS_KEPT = 10_000
"""Commands whose answer is remembered, so that one sent twice is answered twice and done once."""
LEDGER = ("received", "applied", "duplicate", "late", "unknown_point", "clock_bad")
"""Counters per source; received = applied + duplicate + late + unknown_point, and clock_bad are among the applied."""

Evidence = tuple[float, int, float]
"""Value, quality, limit."""


class Engine:
    """State and step. Not thread-safe: one thread steps it, others look under that thread's lock (`reader`)."""

    def __init__(self, config: EngineConfig | None = None) -> None:
        first = config or EngineConfig.empty()
        self.frame = 0
        """Number of the last frame decided on."""
        self.incarnation = ""
        """Of the log that `frame` belongs to."""
        self.config_version = first.version
        self.config_body = first.to_bytes()
        self.time = NodeTime()
        self.timers = Timers()
        self.modes = PointModes()
        self.next_n = 1
        """Number of the next transition."""
        self.answers: dict[str, Result] = {}
        self.retired: dict[int, int] = {}
        """Last episode of alarms that were removed, so that one brought back goes on counting."""
        self.ledger = np.zeros((0, len(LEDGER)), np.int64)
        self.late = Pending()
        """Late readings that may correct the record, until somebody has compared."""
        self._found: Transitions = Transitions(0)
        self.moment: Micros = 0
        """Node time of what is being decided on."""
        self._late = np.zeros(1, np.int32)
        self.lay_out(arrays_of(first))

    def lay_out(self, arrays: Arrays, status: Structs | None = None, known: npt.NDArray[np.int64] | None = None) -> None:
        """Run on `arrays` from now on; every block of points is due at the next tick."""
        points, calculated = len(arrays.points), arrays.calculated
        self.arrays = arrays
        self.world = World(
            points=arrays.points,
            known=known if known is not None else np.zeros(points, np.int64),
            due=np.full(-(-points // BLOCK), np.iinfo(np.int64).min, np.int64),
            rules=arrays.rules,
            status=status if status is not None else aligned(len(arrays.rules), STATUS),
            pool=arrays.pool,
            sources=arrays.sources,
            programs=calculated.programs,
            code=calculated.code,
            cells=calculated.cells,
            feeds_first=calculated.feeds_first,
            feeds=calculated.feeds,
            governs_first=arrays.governs_first,
            governs=arrays.governs,
            waiting=np.zeros((LEVELS, len(calculated.programs)), np.int32),
            waited=np.zeros((LEVELS, 2), np.int64),
            marked=np.zeros(len(calculated.programs), np.uint8),
            stack_values=np.zeros(STACK, np.float64),
            stack_words=np.zeros(STACK, np.int64),
            table=TABLE,
            out=np.zeros(4096, TRANSITION),
            tally=np.zeros(len(Tally), np.int64),
        )
        self.modes.lay_out(self.world)

    # ---- one frame

    def step(self, frame: Frame) -> Transitions:
        """Decide on one frame. Equal states and equal frames give equal transitions and equal states."""
        self.frame = frame.n
        self.begin()
        for index, part in enumerate(frame.parts):
            try:
                _TAKE[part.kind](self, part, index)
            except (AnlanError, pa.ArrowException, orjson.JSONDecodeError) as error:
                self._found.faults.append(f"frame {frame.n}, part {index} ({part.kind.name}): {error}")
        self.late.stepped({step.point: step.noticed_at for step in self._found.steps})
        return self._found

    def step_unrecorded(self, part: Part) -> Transitions:
        """Decide on what the log refused, between its frames: it has no position of its own, so what follows from it bears the last one.
        Its values count as changed after that frame."""
        at = self.frame
        found = self.step(Frame(at + 1, (part,)))
        self.frame = found.frame = at
        found.rows["frame"] = at
        found.unrecorded = True
        return found

    def begin(self) -> Transitions:
        """Collect transitions anew."""
        self._found = Transitions(self.frame)
        return self._found

    def _readings(self, part: Part, index: int) -> None:
        batch = pa.ipc.read_record_batch(pa.py_buffer(part.body), SCHEMA)
        # Copies: Arrow's buffers are read-only and may be unaligned, each a type of its own to Numba; a copy costs 2 ns a reading.
        point, time, value, quality = (to_numpy(column).copy() for column in batch.columns)
        rows = batch.num_rows
        u = self.moment = self.time.at(part.received_at)
        sources_seen.hear(self, part.source, part.received_at)
        if len(self._late) < rows:
            self._late = np.zeros(rows, np.int32)
        frame, received_at, late = self.frame, part.received_at, self._late
        self.run(
            lambda start: kernel.take_readings(self.world, point, time, value, quality, start, frame, received_at, u, late),
            rows,
        )
        self.modes.note(self.world, point, value, quality, late[: self.world.tally[Tally.LATE]])
        self.calculate(received_at, u)
        self._enter(part.source, rows, index)
        if self._found.late and self._found.late[-1][0] == index:
            rows_late = self._found.late[-1][1]
            late_record.note(self, point[rows_late], time[rows_late])

    def _enter(self, source: int, rows: int, index: int) -> None:
        """Book what the kernel counted to the source's ledger."""
        if source >= len(self.ledger):
            self.ledger = np.concatenate([self.ledger, np.zeros((source + 1 - len(self.ledger), len(LEDGER)), np.int64)])
        tally = self.world.tally
        lost = int(tally[Tally.DUPLICATE] + tally[Tally.LATE] + tally[Tally.UNKNOWN_POINT])
        self.ledger[source, 0] += rows
        self.ledger[source, 1] += rows - lost
        self.ledger[source, 2:] += tally[Tally.DUPLICATE : Tally.CLOCK_BAD + 1]
        if tally[Tally.LATE]:
            self._found.late.append((index, self._late[: tally[Tally.LATE]].copy()))
        tally[:] = 0

    def _tick(self, part: Part, index: int) -> None:
        body = orjson.loads(part.body)
        now = int(body["now"])
        if body.get("begun"):
            self._count_absence(now)
        self.time.tick(now)
        self.moment = self.time.u
        told = {int(number): View.DOWN if state == "down" else View.UP for number, state in body.get("sources", {}).items()}
        sources_seen.see(self, now, told)
        u = self.time.u
        self.run(lambda start: kernel.take_views(self.world, start, self.frame, now, u), len(self.world.sources))
        self.run(lambda start: kernel.take_tick(self.world, start, self.frame, now, u), len(self.world.due))
        kernel.feed_by_itself(self.world, u)
        self.calculate(now, u)
        waits.end_due(self, now, u)
        self._found.steps += point_modes.end_due(self, now, u)

    def _count_absence(self, now: Micros) -> None:
        """The node was away since its last tick. Nothing goes stale for it, but what people put aside until an hour ends at that hour."""
        away = max(0, now - self.time.wall) if self.time.wall else 0
        self.timers.shorten(Wait.SHELVING_ENDS, away)
        self.modes.shorten(away)

    def calculate(self, noticed_at: Micros, u: Micros) -> None:
        """Evaluate the calculated points that wait for it."""
        if len(self.world.programs):
            self.run(lambda _: int(kernel.calculate(self.world, self.frame, noticed_at, u)), 1)

    def _config(self, part: Part, index: int) -> None:
        self.moment = self.time.at(part.received_at)
        changes.apply(self, part.body, part.received_at)
        self.late.floor = part.received_at
        waits.tend(self)
        self._found.steps += point_modes.tend(self, part.received_at)

    # ---- commands

    def _command(self, part: Part, index: int) -> None:
        command = read_command(part.body)
        result = self.answers.get(command.id)
        if result is None:
            self.moment = self.time.at(part.received_at)
            if isinstance(command, PointCommand):
                result = self._obey_point(command, part.received_at)
            else:
                result = alarm_steps.obey(self, command, part.received_at)
        self.answers[command.id] = result
        if len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]
        self._found.results.append((command, result))

    def _obey_point(self, command: PointCommand, noticed_at: Micros) -> Result:
        if (why := point_modes.refusal(self, command, self.moment)) is not None:
            return alarm_steps.refused(command, why[0], **why[1])
        step = point_modes.take(self, command, noticed_at, self.moment)
        self._found.steps.append(step)
        return Result(id=command.id, accepted=True, step=step.n)

    # ---- one alarm

    def row_of(self, alarm: int) -> int | None:
        where = self.arrays.where
        row = int(where[alarm]) if 0 <= alarm < len(where) else -1
        return row if row >= 0 and self.world.rules["flags"][row] & RuleFlag.ENABLED else None

    def next_state(self, row: int, trigger: Trigger) -> AlarmState | None:
        status, rule = self.world.status[row], self.world.rules[row]
        on = int(status["phase"] >= 2)  # Phase.STANDING, Phase.FALLING
        latching = status["latched"] if status["state"] in HIDDEN else bool(rule["flags"] & RuleFlag.LATCHING)
        found = int(TABLE[status["state"], trigger, int(latching), on])
        return None if found == REFUSED else AlarmState(found)

    def move(
        self,
        row: int,
        trigger: Trigger,
        after: AlarmState,
        happened_at: Micros,
        noticed_at: Micros,
        evidence: Evidence | None = None,
    ) -> int:
        """Move one alarm by what no reading caused, and write it; returns the transition's number."""
        status = self.world.status[row]
        before = AlarmState(int(status["state"]))
        status["state"] = after
        status["episode"] += after == AlarmState.UNACKNOWLEDGED
        if after not in HIDDEN:
            status["latched"] = 0
        elif before not in HIDDEN:
            status["latched"] = bool(self.world.rules["flags"][row] & RuleFlag.LATCHING) and latches(before)
        n = self.write(row, trigger, before, happened_at, noticed_at, evidence)
        if trigger in {Trigger.UNSHELVE, Trigger.RETURN_TO_SERVICE} and changes.suppressed(self, row):
            # What the design suppresses stays so, whoever else lets go of it.
            suppressed = self.next_state(row, Trigger.SUPPRESS)
            assert suppressed is not None
            self.move(row, Trigger.SUPPRESS, suppressed, happened_at, noticed_at)
        return n

    def write(
        self,
        row: int,
        trigger: Trigger,
        before: AlarmState,
        happened_at: Micros,
        noticed_at: Micros,
        evidence: Evidence | None = None,
        episode: int | None = None,
    ) -> int:
        """Write a transition of one alarm into the state it has now; without `evidence` with what its rule last looked at, and without
        `episode` of the one that counts now."""
        status, transition = self.world.status[row], np.zeros(1, TRANSITION)
        transition["frame"], transition["alarm"], transition["trigger"] = self.frame, self.world.rules["number"][row], trigger
        transition["before"], transition["after"], transition["episode"] = before, status["state"], episode or status["episode"]
        transition["happened_at"], transition["noticed_at"] = happened_at, noticed_at
        transition["value"], transition["quality"], transition["limit"] = evidence or self._evidence(row)
        return self._add(transition)

    def tell_why(self, n: int, who: str, post: str, reason: str, command: str) -> None:
        """Who stands behind transition `n` of this frame."""
        self._found.texts[n] = (who, post, reason, command)

    def _evidence(self, row: int) -> Evidence:
        """What the rule last looked at: value, quality, limit."""
        kind = int(self.world.rules["kind"][row])
        limit = float(self.world.rules["limit"][row]) if kind <= AlarmKind.HIGH_HIGH else float("nan")
        if kind == AlarmKind.LOSS_OF_VIEW:
            return float("nan"), 0, limit
        point = self.world.points[int(self.arrays.target[row])]
        value = float(point["value"]) if point["time"] != NEVER else float("nan")
        return value, int(point["quality"]), value if kind == AlarmKind.STATE else limit

    # ---- running the kernel

    def run(self, call: Callable[[int], int], end: int) -> None:
        """Call the kernel until it has come to `end`, taking over its transitions each time the table is full."""
        start = 0
        while True:
            reached = int(call(start))
            self._take_over()
            if reached >= end:
                return
            if reached == start:
                self.world = self.world._replace(out=np.zeros(2 * len(self.world.out), TRANSITION))
            start = reached

    def _take_over(self) -> None:
        count = int(self.world.tally[Tally.OUT])
        if count:
            self.world.tally[Tally.OUT] = 0
            self._add(self.world.out[:count].copy())

    def _add(self, rows: Structs) -> int:
        """Number the rows and keep them in order; returns the first number."""
        first = self.next_n
        rows["n"] = np.arange(first, first + len(rows))
        self.next_n += len(rows)
        self._found.pieces.append(rows)
        waits.note(self, rows)
        return first

    # ---- looking

    def state_of(self, alarm: int) -> AlarmState:
        """Raises KeyError for an alarm that isn't configured."""
        row = self.row_of(alarm)
        if row is None:
            raise KeyError(alarm)
        return AlarmState(int(self.world.status["state"][row]))

    def episode_of(self, alarm: int) -> int:
        row = self.row_of(alarm)
        if row is None:
            raise KeyError(alarm)
        return int(self.world.status["episode"][row])

    def standing(self) -> dict[int, AlarmState]:
        """Every alarm that isn't NORMAL, by number."""
        rows = np.flatnonzero(self.world.status["state"] != AlarmState.NORMAL)
        return {int(self.world.rules["number"][r]): AlarmState(int(self.world.status["state"][r])) for r in rows}

    def live(self, numbers: npt.NDArray[Any] | Iterable[int] | None = None) -> Live:
        """Newest value and effective quality of the given points (all when None)."""
        return self.copied(numbers).live()

    def copied(self, numbers: npt.NDArray[Any] | Iterable[int] | None = None, *, since: int | None = None) -> Copied:
        """What `live` is made from: the given points, or those that changed after frame `since`; copied in a moment."""
        about = (self.world, self.frame, self.time.u, self.time.wall)
        return Copied.of(*about, numbers) if since is None else Copied.changed(*about, since)

    # ---- as a whole

    def snapshot(self) -> bytes:
        """The whole state, configuration included; `restore` gives an engine that goes on identically."""
        from anlan.monitor.snapshot import pack

        return b"".join(pack(self))

    @classmethod
    def restore(cls, data: bytes) -> Engine:
        """Raises Corrupt when `data` is no snapshot or was changed."""
        from anlan.monitor.snapshot import unpack

        return unpack(BytesIO(data))


_TAKE: dict[Kind, Callable[[Engine, Part, int], None]] = {
    Kind.READINGS: Engine._readings,
    Kind.COMMAND: Engine._command,
    Kind.CONFIG: Engine._config,
    Kind.TICK: Engine._tick,
    Kind.CORRECTION: lambda engine, part, index: late_record.take(engine, part),
}
