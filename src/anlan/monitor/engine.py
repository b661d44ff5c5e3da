"""The engine: `step(frame)` moves the state and returns the transitions that follow. Pure: no clock, no I/O, no threads.

Everything it knows came out of the log in order, so the same log gives the same transitions, numbered the same. Readings and
ticks run in the compiled kernel; commands and configurations, which are rare, in Python on the same arrays and the same table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from anlan.model.clock import SECOND, Micros
from anlan.model.columns import to_numpy
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import ADDED, AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import Flag
from anlan.model.readings import SCHEMA
from anlan.monitor import changes, kernel, point_modes
from anlan.monitor.commands import TRIGGER, Command, Result, Step, read_command, why_not
from anlan.monitor.compile import Arrays, EngineConfig, arrays_of, compile_config
from anlan.monitor.late import Corrected, Correction, Pending
from anlan.monitor.layout import (
    BLOCK,
    LEVELS,
    NEVER,
    STACK,
    STATUS,
    TRANSITION,
    PointFlag,
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
from anlan.monitor.point_modes import PointModes, PointStep
from anlan.monitor.states import HIDDEN, OPEN, REFUSED, TABLE, latches
from anlan.monitor.timers import Timer, Timers, Wait

__all__ = ["Engine", "EngineConfig", "NodeTime", "Transitions", "compile_config"]

MILLISECOND: Micros = SECOND // 1000
SOURCE_GRACE: Micros = 30 * SECOND
"""A source of which nothing was ever heard counts as out of view after this much node time: unknown is never normal."""
ANSWERS_KEPT = 10_000
"""Commands whose answer is remembered, so that one sent twice is answered twice and done once."""
_IS_OPEN = np.isin(np.arange(len(AlarmState)), OPEN)
LEDGER = ("received", "applied", "duplicate", "late", "unknown_point", "clock_bad")
"""Counters per source; received = applied + duplicate + late + unknown_point, and clock_bad are among the applied."""


Evidence = tuple[float, int, float]
"""Value, quality, limit."""


@dataclass(slots=True)
class Transitions:
    """What one frame did. `rows` has dtype `layout.TRANSITION`; `texts` holds (who, post, reason, command) of those a person caused."""

    frame: int
    pieces: list[Structs] = field(default_factory=list)
    """The rows as they came; ten thousand alarms that move one by one must not copy all before them each time."""
    texts: dict[int, tuple[str, str, str, str]] = field(default_factory=dict)
    """By `n`."""
    results: list[tuple[Step, Result]] = field(default_factory=list)
    steps: list[PointStep] = field(default_factory=list)
    """What people did to points, and what of it ended by itself."""
    late: list[tuple[int, npt.NDArray[np.int32]]] = field(default_factory=list)
    """(index of the part, its rows that were older than their point's newest reading)."""
    faults: list[str] = field(default_factory=list)
    """Parts that could not be read, in words; they moved nothing."""

    @property
    def rows(self) -> Structs:
        """All transitions, in order."""
        if len(self.pieces) != 1:
            self.pieces = [np.concatenate(self.pieces) if self.pieces else np.zeros(0, TRANSITION)]
        return self.pieces[0]

    def __len__(self) -> int:
        return len(self.rows)

    def events(self) -> list[AlarmTransition]:
        rows = self.rows[list(NUMBERS)].tolist()
        return [_event(row, self.texts.get(row[0], NO_TEXT)) for row in rows]


NUMBERS = (
    "n",
    "frame",
    "alarm",
    "episode",
    "trigger",
    "before",
    "after",
    "happened_at",
    "noticed_at",
    "value",
    "quality",
    "limit",
)
"""Fields of a transition that are numbers, in the order of `AlarmTransition`."""
NO_TEXT = ("", "", "", "")
_TRIGGERS, _STATES = {int(one): one for one in Trigger}, {int(one): one for one in AlarmState}
"""A storm makes a thousand transitions a second of these."""


def _event(row: tuple[Any, ...], text: tuple[str, str, str, str]) -> AlarmTransition:
    n, frame, alarm, episode, trigger, before, after, happened_at, noticed_at, value, quality, limit = row
    who, post, reason, command = text
    return AlarmTransition(
        n=n,
        frame=frame,
        alarm=alarm,
        episode=episode,
        trigger=_TRIGGERS[trigger],
        before=_STATES[before],
        after=_STATES[after],
        happened_at=happened_at,
        noticed_at=noticed_at,
        value=value,
        quality=quality,
        limit=limit,
        who=who,
        post=post,
        reason=reason,
        command=command,
    )


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
        self._moment: Micros = 0
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

    def begin(self) -> Transitions:
        """Collect transitions anew."""
        self._found = Transitions(self.frame)
        return self._found

    def _readings(self, part: Part, index: int) -> None:
        batch = pa.ipc.read_record_batch(pa.py_buffer(part.body), SCHEMA)
        # Copies: Arrow's buffers are read-only and may be unaligned, each a type of its own to Numba; a copy costs 2 ns a reading.
        point, time, value, quality = (to_numpy(column).copy() for column in batch.columns)
        rows = batch.num_rows
        u = self._moment = self.time.at(part.received_at)
        self._hear(part.source, part.received_at)
        if len(self._late) < rows:
            self._late = np.zeros(rows, np.int32)
        frame, received_at, late = self.frame, part.received_at, self._late
        self._run(
            lambda start: kernel.take_readings(self.world, point, time, value, quality, start, frame, received_at, u, late),
            rows,
        )
        self.modes.note(self.world, point, value, quality, late[: self.world.tally[Tally.LATE]])
        self.calculate(received_at, u)
        self._enter(part.source, rows, index)
        if self._found.late and self._found.late[-1][0] == index:
            rows_late = self._found.late[-1][1]
            self._note_late(point[rows_late], time[rows_late])

    def _note_late(self, points: npt.NDArray[np.uint32], times: npt.NDArray[np.int64]) -> None:
        """Late readings that lie within the window and concern an alarm; older ones only go to history."""
        known = self.world.points[points]
        within = times >= known["time"] - self.arrays.late_window * MILLISECOND
        # One decided on by its arrival has no data time that others could be late for.
        within &= known["quality"] & Flag.CLOCK_BAD == 0
        within &= (known["rule_count"] > 0) | (known["flags"] & PointFlag.FEEDS != 0)
        self.late.note(points[within].astype(np.int64), times[within], self.frame)

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
        self._moment = self.time.u
        self._see(
            now, {int(number): View.DOWN if state == "down" else View.UP for number, state in body.get("sources", {}).items()}
        )
        u = self.time.u
        self._run(lambda start: kernel.take_views(self.world, start, self.frame, now, u), len(self.world.sources))
        self._run(lambda start: kernel.take_tick(self.world, start, self.frame, now, u), len(self.world.due))
        kernel.feed_by_itself(self.world, u)
        self.calculate(now, u)
        self._end_waits(now, u)
        self._found.steps += point_modes.end_due(self, now, u)

    def _count_absence(self, now: Micros) -> None:
        """The node was away since its last tick. Nothing goes stale for it, but what people put aside until an hour ends at that hour."""
        away = max(0, now - self.time.wall) if self.time.wall else 0
        self.timers.shorten(Wait.SHELVING_ENDS, away)
        self.modes.shorten(away)

    def calculate(self, noticed_at: Micros, u: Micros) -> None:
        """Evaluate the calculated points that wait for it."""
        if len(self.world.programs):
            self._run(lambda _: int(kernel.calculate(self.world, self.frame, noticed_at, u)), 1)

    def _hear(self, source: int, at: Micros) -> None:
        """Data from a source of which nobody has said anything yet: it is in view."""
        sources = self.world.sources
        if source < len(sources) and sources["state"][source] == View.UNKNOWN:
            sources["up_since"][source] = u = self.time.at(at)
            sources["state"][source] = View.UP
            self._show_views([source], at, u)

    def _see(self, now: Micros, told: dict[int, View]) -> None:
        """Sources that went down or came up with this tick, or were never heard of within their grace."""
        sources = self.world.sources
        silent = (
            (sources["present"] == 1) & (sources["state"] == View.UNKNOWN) & (self.time.u - sources["up_since"] >= SOURCE_GRACE)
        )
        told = {**{int(s): View.DOWN for s in np.flatnonzero(silent)}, **told}
        moved = [
            s for s, view in sorted(told.items()) if s < len(sources) and sources["present"][s] and sources["state"][s] != view
        ]
        for s in moved:
            sources["state"][s] = told[s]
            sources["up_since"][s] = self.time.u
        self._show_views(moved, now, self.time.u)

    def _show_views(self, moved: list[int], now: Micros, u: Micros) -> None:
        if not moved:
            return
        sources = self.world.sources
        self.late.link(now, {source: "down" if sources["state"][source] == View.DOWN else "up" for source in moved})
        changed = np.zeros(len(self.world.sources), np.uint8)
        changed[moved] = 1
        self._run(lambda start: kernel.view_changed(self.world, changed, start, self.frame, now, u), len(self.world.points))
        self.calculate(now, u)

    def _config(self, part: Part, index: int) -> None:
        self._moment = self.time.at(part.received_at)
        changes.apply(self, part.body, part.received_at)
        self.late.floor = part.received_at
        self.tend_timers()
        self._found.steps += point_modes.tend(self, part.received_at)

    def _correction(self, part: Part, index: int) -> None:
        """Write what late readings change in the record. No alarm moves, and nothing sounds."""
        correction = Correction.from_bytes(part.body)
        if correction.after != self.late.after:
            return  # compared with a journal that lacked the last correction: to be compared again
        self._moment = self.time.at(part.received_at)
        added = 0
        for one in correction.rows:
            if one.episode == 0 and one.trigger is Trigger.LATE_DATA:
                added = ADDED + self.next_n % ADDED
            self._correct(one, one.episode or added, part.received_at)
        self.late.looked_at(np.array(correction.points, np.int64), correction.through)
        times = self.world.points["time"]
        self.late.forget(np.where(times == NEVER, times, times - self.arrays.late_window * MILLISECOND))
        self.late.after = self.frame

    def _correct(self, one: Corrected, episode: int, noticed_at: Micros) -> None:
        row = self.row_of(one.alarm)
        if row is not None:
            state = AlarmState(int(self.world.status["state"][row]))
            evidence = (one.value, one.quality, one.limit)
            self.write(row, one.trigger, state, one.at, noticed_at, evidence, episode=episode)

    # ---- commands

    def _command(self, part: Part, index: int) -> None:
        command = read_command(part.body)
        result = self.answers.get(command.id)
        if result is None:
            obey = self._obey_point if isinstance(command, PointCommand) else self._obey
            result = obey(command, part.received_at)  # type: ignore[arg-type]  # each gets its own kind
        self.answers[command.id] = result
        if len(self.answers) > ANSWERS_KEPT:
            del self.answers[next(iter(self.answers))]
        self._found.results.append((command, result))

    def _obey_point(self, command: PointCommand, noticed_at: Micros) -> Result:
        self._moment = self.time.at(noticed_at)
        if (why := point_modes.refusal(self, command, self._moment)) is not None:
            return _refused(command, why[0], **why[1])
        step = point_modes.take(self, command, noticed_at, self._moment)
        self._found.steps.append(step)
        return Result(id=command.id, accepted=True, step=step.n)

    def _obey(self, command: Command, noticed_at: Micros) -> Result:
        self._moment = self.time.at(noticed_at)
        row = self.row_of(command.alarm)
        if row is None:
            return _refused(command, "alarm {alarm} does not exist", alarm=command.alarm)
        status, rule = self.world.status[row], self.world.rules[row]
        if command.kind == "silence":
            return self._silence(command, row, noticed_at)
        if command.episode != status["episode"]:
            return _refused(
                command,
                "this answers activation {answered} of the alarm; it now stands at activation {now}: look again",
                answered=command.episode,
                now=int(status["episode"]),
            )
        if command.priority != rule["priority"]:
            return _refused(
                command,
                "this answers priority {answered}; the alarm now has priority {now}: look again",
                answered=command.priority,
                now=int(rule["priority"]),
            )
        if (lacking := command.lacks()) is not None:
            return _refused(command, lacking[0], **lacking[1])
        if command.kind == "shelve" and not rule["flags"] & RuleFlag.SHELVABLE:
            return _refused(command, "this alarm guards safety: it can't be shelved")
        trigger = TRIGGER[command.kind]
        after = self.next_state(row, trigger)
        if after is None:
            return _refused(command, why_not(command.kind, AlarmState(int(status["state"]))))
        n = self._take_step(command, row, trigger, after, noticed_at)
        self._found.texts[n] = (command.who, command.post, command.said, command.id)
        return Result(id=command.id, accepted=True, transition=n)

    def _silence(self, command: Command, row: int, noticed_at: Micros) -> Result:
        """A console is quiet, whatever the alarm is by now. Of one that still sounds elsewhere the step is written; it moves nothing."""
        status = self.world.status[row]
        state = AlarmState(int(status["state"]))
        if command.episode != status["episode"] or self.next_state(row, Trigger.SILENCE) is None:
            return Result(id=command.id, accepted=True)
        n = self.write(row, Trigger.SILENCE, state, command.at, noticed_at, (math.nan, 0, math.nan))
        self._found.texts[n] = (command.who, command.post, command.said, command.id)
        return Result(id=command.id, accepted=True, transition=n)

    def _take_step(self, command: Command, row: int, trigger: Trigger, after: AlarmState, noticed_at: Micros) -> int:
        if command.until is None or trigger is not Trigger.SHELVE:
            return self.move(row, trigger, after, command.at, noticed_at)
        n = self.move(row, trigger, after, command.at, noticed_at, (float(command.until), 0, math.nan))
        due = self._moment + command.until - command.at
        self.timers.set(Timer(command.alarm, Wait.SHELVING_ENDS, self._moment, due))
        return n

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

    # ---- what alarms wait for by themselves

    def _end_waits(self, now: Micros, u: Micros) -> None:
        """At a tick: shelvings that end, and alarms that nobody has acknowledged for too long."""
        while (timer := self.timers.take_due(u)) is not None:
            row = self.row_of(timer.alarm)
            if row is None or timer.due is None:
                continue
            at = now - (u - timer.due)
            if timer.wait is Wait.ESCALATION:
                self._escalate(row, timer, at, now)
            elif (after := self.next_state(row, Trigger.UNSHELVE)) is not None:
                self.move(row, Trigger.UNSHELVE, after, at, now)

    def _escalate(self, row: int, timer: Timer, at: Micros, now: Micros) -> None:
        level = timer.level + 1
        waited = self.arrays.escalation[timer.level] / 1000
        before = AlarmState(int(self.world.status["state"][row]))
        self.write(row, Trigger.ESCALATE, before, at, now, (float(level), 0, waited))
        self._wait_for_level(timer.alarm, timer.since, level)

    def _wait_for_level(self, alarm: int, since: Micros, level: int) -> None:
        """`level` levels know of it; the next is due after its own time since the alarm was left unacknowledged."""
        steps = self.arrays.escalation
        due = since + steps[level] * MILLISECOND if level < len(steps) else None
        self.timers.set(Timer(alarm, Wait.ESCALATION, since, due, level))

    def _note_waits(self, rows: Structs) -> None:
        """Begin and end waits as these transitions say. An alarm that comes on again while nobody has acknowledged it waits on:
        else one that comes and goes would never reach the next level."""
        was, now = _IS_OPEN[rows["before"]], _IS_OPEN[rows["after"]]
        urgent = self.world.rules["priority"][self.arrays.where[rows["alarm"]]] == 1
        shelf_left = (rows["before"] == AlarmState.SHELVED) & (rows["after"] != AlarmState.SHELVED)
        for i in np.flatnonzero((urgent & (was != now)) | shelf_left):
            alarm = int(rows["alarm"][i])
            if shelf_left[i] or was[i]:
                self.timers.cancel(alarm)
            if urgent[i] and now[i] and self.timers.get(alarm) is None:
                self._wait_for_level(alarm, self._moment, 0)

    def tend_timers(self, u: Micros | None = None) -> None:
        """After a change of rules, or of states from outside (then at node time `u`): every alarm waits for what its state and rule now
        ask for. A shelving whose end nobody counts, or which the rule no longer allows, ends at the next tick."""
        self._moment = self._moment if u is None else u
        status, rules = self.world.status, self.world.rules
        shelved, left = status["state"] == AlarmState.SHELVED, _IS_OPEN[status["state"]] & (rules["priority"] == 1)
        wanted: set[int] = set()
        for row in np.flatnonzero(shelved | left):
            alarm = int(rules["number"][row])
            wanted.add(alarm)
            wait = Wait.SHELVING_ENDS if shelved[row] else Wait.ESCALATION
            timer = self.timers.get(alarm)
            timer = timer if timer is not None and timer.wait is wait else Timer(alarm, wait, self._moment, self._moment)
            if left[row]:
                self._wait_for_level(alarm, timer.since, timer.level)
            elif not rules["flags"][row] & RuleFlag.SHELVABLE:
                self.timers.set(replace(timer, due=self._moment))
            else:
                self.timers.set(timer)
        for timer in self.timers:
            if timer.alarm not in wanted:
                self.timers.cancel(timer.alarm)

    # ---- running the kernel

    def _run(self, call: Callable[[int], int], end: int) -> None:
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

    def run(self, call: Callable[[int], int], end: int) -> None:
        """For `changes`."""
        self._run(call, end)

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
        self._note_waits(rows)
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


def _refused(command: Step, why: str, **facts: Any) -> Result:
    return Result(id=command.id, accepted=False, why=why, facts=facts)


_TAKE: dict[Kind, Callable[[Engine, Part, int], None]] = {
    Kind.READINGS: Engine._readings,
    Kind.COMMAND: Engine._command,
    Kind.CONFIG: Engine._config,
    Kind.TICK: Engine._tick,
    Kind.CORRECTION: Engine._correction,
}
