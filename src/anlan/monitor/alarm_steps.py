"""What people do with alarms, decided: a command of the log against the activation, the severity and the state that it answers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from anlan.model.clock import Micros
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.monitor.commands import TRIGGER, Command, Result, Step, why_not
from anlan.monitor.layout import RuleFlag
from anlan.monitor.timers import Timer, Wait

if TYPE_CHECKING:
    from anlan.monitor.engine import Engine


def obey(engine: Engine, command: Command, noticed_at: Micros) -> Result:
    """Take the step, or say why it can't be taken."""
    row = engine.row_of(command.alarm)
    if row is None:
        return refused(command, "alarm {alarm} does not exist", alarm=command.alarm)
    status, rule = engine.world.status[row], engine.world.rules[row]
    if command.kind == "silence":
        return _silence(engine, command, row, noticed_at)
    if command.episode != status["episode"]:
        return refused(
            command,
            "this answers activation {answered} of the alarm; it now stands at activation {now}: look again",
            answered=command.episode,
            now=int(status["episode"]),
        )
    if command.priority != rule["priority"]:
        return refused(
            command,
            "this answers priority {answered}; the alarm now has priority {now}: look again",
            answered=command.priority,
            now=int(rule["priority"]),
        )
    if (lacking := command.lacks()) is not None:
        return refused(command, lacking[0], **lacking[1])
    if command.kind == "shelve" and not rule["flags"] & RuleFlag.SHELVABLE:
        return refused(command, "this alarm guards safety: it can't be shelved")
    trigger = TRIGGER[command.kind]
    after = engine.next_state(row, trigger)
    if after is None:
        return refused(command, why_not(command.kind, AlarmState(int(status["state"]))))
    n = _take_step(engine, command, row, trigger, after, noticed_at)
    engine.tell_why(n, command.who, command.post, command.said, command.id)
    return Result(id=command.id, accepted=True, transition=n)


def _silence(engine: Engine, command: Command, row: int, noticed_at: Micros) -> Result:
    """A console is quiet, whatever the alarm is by now. Of one that still sounds elsewhere the step is written; it moves nothing."""
    status = engine.world.status[row]
    state = AlarmState(int(status["state"]))
    if command.episode != status["episode"] or engine.next_state(row, Trigger.SILENCE) is None:
        return Result(id=command.id, accepted=True)
    n = engine.write(row, Trigger.SILENCE, state, command.at, noticed_at, (math.nan, 0, math.nan))
    engine.tell_why(n, command.who, command.post, command.said, command.id)
    return Result(id=command.id, accepted=True, transition=n)


def _take_step(engine: Engine, command: Command, row: int, trigger: Trigger, after: AlarmState, noticed_at: Micros) -> int:
    if command.until is None or trigger is not Trigger.SHELVE:
        return engine.move(row, trigger, after, command.at, noticed_at)
    n = engine.move(row, trigger, after, command.at, noticed_at, (float(command.until), 0, math.nan))
    due = engine.moment + command.until - command.at
    engine.timers.set(Timer(command.alarm, Wait.SHELVING_ENDS, engine.moment, due))
    return n


def refused(command: Step, why: str, **facts: Any) -> Result:
    return Result(id=command.id, accepted=False, why=why, facts=facts)
