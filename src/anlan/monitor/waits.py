"""What alarms wait for by themselves, on node time: the end of a shelving, and the next level while nobody acknowledges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from anlan.model.clock import MILLISECOND, Micros
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.monitor.layout import RuleFlag, Structs
from anlan.monitor.states import OPEN
from anlan.monitor.timers import Timer, Wait

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine

_IS_OPEN = np.isin(np.arange(len(AlarmState)), OPEN)


def end_due(engine: Engine, now: Micros, u: Micros) -> None:
    """At a tick: shelvings that end, and alarms that nobody has acknowledged for too long."""
    while (timer := engine.timers.take_due(u)) is not None:
        row = engine.row_of(timer.alarm)
        if row is None or timer.due is None:
            continue
        at = now - (u - timer.due)
        if timer.wait is Wait.ESCALATION:
            _escalate(engine, row, timer, at, now)
        elif (after := engine.next_state(row, Trigger.UNSHELVE)) is not None:
            engine.move(row, Trigger.UNSHELVE, after, at, now)


def _escalate(engine: Engine, row: int, timer: Timer, at: Micros, now: Micros) -> None:
    level = timer.level + 1
    waited = engine.arrays.escalation[timer.level] / 1000
    before = AlarmState(int(engine.world.status["state"][row]))
    engine.write(row, Trigger.ESCALATE, before, at, now, (float(level), 0, waited))
    _wait_for_level(engine, timer.alarm, timer.since, level)


def _wait_for_level(engine: Engine, alarm: int, since: Micros, level: int) -> None:
    """`level` levels know of it; the next is due after its own time since the alarm was left unacknowledged."""
    steps = engine.arrays.escalation
    due = since + steps[level] * MILLISECOND if level < len(steps) else None
    engine.timers.set(Timer(alarm, Wait.ESCALATION, since, due, level))


def note(engine: Engine, rows: Structs) -> None:
    """Begin and end waits as these transitions say. An alarm that comes on again while nobody has acknowledged it waits on:
    else one that comes and goes would never reach the next level."""
    was, now = _IS_OPEN[rows["before"]], _IS_OPEN[rows["after"]]
    urgent = engine.world.rules["priority"][engine.arrays.where[rows["alarm"]]] == 1
    shelf_left = (rows["before"] == AlarmState.SHELVED) & (rows["after"] != AlarmState.SHELVED)
    for i in np.flatnonzero((urgent & (was != now)) | shelf_left):
        alarm = int(rows["alarm"][i])
        if shelf_left[i] or was[i]:
            engine.timers.cancel(alarm)
        if urgent[i] and now[i] and engine.timers.get(alarm) is None:
            _wait_for_level(engine, alarm, engine.moment, 0)


def tend(engine: Engine, u: Micros | None = None) -> None:
    """After a change of rules, or of states from outside (then at node time `u`): every alarm waits for what its state and rule now
    ask for. A shelving whose end nobody counts, or which the rule no longer allows, ends at the next tick."""
    engine.moment = engine.moment if u is None else u
    status, rules = engine.world.status, engine.world.rules
    shelved, left = status["state"] == AlarmState.SHELVED, _IS_OPEN[status["state"]] & (rules["priority"] == 1)
    wanted: set[int] = set()
    for row in np.flatnonzero(shelved | left):
        alarm = int(rules["number"][row])
        wanted.add(alarm)
        wait = Wait.SHELVING_ENDS if shelved[row] else Wait.ESCALATION
        timer = engine.timers.get(alarm)
        timer = timer if timer is not None and timer.wait is wait else Timer(alarm, wait, engine.moment, engine.moment)
        if left[row]:
            _wait_for_level(engine, alarm, timer.since, timer.level)
        elif not rules["flags"][row] & RuleFlag.SHELVABLE:
            engine.timers.set(replace(timer, due=engine.moment))
        else:
            engine.timers.set(timer)
    for timer in engine.timers:
        if timer.alarm not in wanted:
            engine.timers.cancel(timer.alarm)
