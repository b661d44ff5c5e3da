"""Leads the engine and the reference model through the same story and compares what they say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from engine_reference import Reference
from engine_reference_state import Config
from engine_stories import KEYS, START, Change, Date, Give, Order, Step, Tick

from anlan.model.frames import Frame, Kind, Part
from anlan.model.readings import Readings
from anlan.monitor.commands import Command, Result
from anlan.monitor.engine import Engine, EngineConfig, Transitions
from anlan.monitor.point_commands import PointCommand
from anlan.monitor.program import Program


def engine_config(
    config: Config, programs: Sequence[tuple[int, Program]] = (), suppressed_by: Mapping[int, int] | None = None
) -> EngineConfig:
    made = [number for number, _ in programs]
    return EngineConfig.from_columns(
        config.version,
        {"number": list(config.sources)},
        {
            "number": [*(p.number for p in config.points), *made],
            "source": [*(p.source for p in config.points), *(0 for _ in made)],
            "on_change": [*(p.on_change for p in config.points), *(False for _ in made)],
            "deadline": [*(p.deadline // 1000 for p in config.points), *(3_000 for _ in made)],
            "due": [*(p.due for p in config.points), *(0 for _ in made)],
        },
        {
            "number": [r.number for r in config.rules],
            "kind": [int(r.kind) for r in config.rules],
            "target": [r.target for r in config.rules],
            "limit": [r.limit for r in config.rules],
            "dead_band": [r.dead_band for r in config.rules],
            "on_delay": [r.on_delay // 1000 for r in config.rules],
            "off_delay": [r.off_delay // 1000 for r in config.rules],
            "latching": [r.latching for r in config.rules],
            "priority": [r.priority for r in config.rules],
            "enabled": [r.enabled for r in config.rules],
            "states": [list(r.states) for r in config.rules],
            "shelvable": [r.shelvable for r in config.rules],
            "suppress_by": [(suppressed_by or {}).get(r.number, 0) for r in config.rules],
        },
        [after // 1000 for after in config.escalation],
        programs,
    )


def facts(found: Transitions) -> list[tuple[Any, ...]]:
    """What must agree, with NaN made comparable."""
    return [
        (
            t.alarm,
            t.episode,
            t.trigger,
            t.before,
            t.after,
            t.happened_at,
            t.noticed_at,
            *(str(x) for x in (t.value, t.quality, t.limit)),
        )
        for t in found.events()
    ]


@dataclass
class Told:
    """A story as parts of a log, with what the reference model makes of each."""

    parts: list[Part] = field(default_factory=list)
    expected: list[list[tuple[Any, ...]]] = field(default_factory=list)
    accepted: dict[str, bool] = field(default_factory=dict)
    reference: Reference = field(default_factory=Reference)


def tell(
    story: list[Step], reference: Reference | None = None, configuration: Callable[[Config], EngineConfig] = engine_config
) -> Told:
    """Write the story down and lead the reference model through it."""
    told, wall, last = Told(reference=reference or Reference()), START, Give(1, ())
    orders: list[Command] = []
    rows: list[tuple[int, int, float, int]] = []
    for n, step in enumerate(story):
        wall += step.wait
        reference = told.reference
        reference.out = []
        match step.do:
            case Give() as give:
                if give.same:
                    give = last
                else:
                    rows = [(p, wall - lag, value, word) for p, lag, value, word in give.rows]
                last = give
                told.parts.append(Part.of_readings(give.source, START, 0, wall, Readings.of(rows)))
                reference.readings(give.source, wall, rows)
            case Tick(sources, begun):
                body = {"now": wall, "sources": {str(s): state for s, state in sources}, "begun": begun}
                told.parts.append(Part(Kind.TICK, 0, START, n, wall, 1, orjson.dumps(body)))
                reference.tick(wall, dict(sources), begun=begun)
            case Order() as order:
                command = orders[-1] if order.again and orders else _command(n, order, reference, wall)
                told.parts.append(Part(Kind.COMMAND, 0, START, n, wall, 1, command.to_bytes()))
                if command.id not in told.accepted:
                    told.accepted[command.id] = reference.command(command, wall)
                    orders.append(command)
            case Date(own, overdue):
                kind: Any = "calibration_overdue" if overdue else "calibration_in_date"
                said = PointCommand(id=f"d{n}", kind=kind, point=own, who="node", post="", at=wall, reason="its date")
                told.parts.append(Part(Kind.COMMAND, 0, START, n, wall, 1, said.to_bytes()))
                told.accepted[said.id] = reference.date(own, overdue, wall)
            case Change(config):
                told.parts.append(Part(Kind.CONFIG, 0, START, n, wall, 1, configuration(config).to_bytes()))
                reference.configure(config, wall)
        told.expected.append(reference.out)
    return told


def _command(n: int, order: Order, reference: Reference, wall: int) -> Command:
    standing = [number for number, alarm in reference.alarms.items() if alarm.state != 0]
    number = standing[order.pick % len(standing)] if standing and order.pick % 10 else KEYS[order.pick % len(KEYS)]
    alarm = reference.alarms.get(number)
    return Command(
        id=f"c{n}",
        kind=order.kind,
        alarm=number,
        episode=(alarm.episode if alarm else 0) + order.episode_off,
        priority=(alarm.rule.priority if alarm else 1) + order.priority_off,
        who="zhang",
        post="panel",
        at=wall,
        reason=order.reason,
        until=None if order.span is None else wall + order.span,
        work_order=order.work_order,
    )


def lead(parts: list[Part], engine: Engine | None = None, first: int = 1) -> tuple[list[Transitions], Engine]:
    """One part a frame."""
    engine = engine or Engine()
    return [engine.step(Frame(n, (part,))) for n, part in enumerate(parts, start=first)], engine


def results(found: list[Transitions]) -> dict[str, Result]:
    return {result.id: result for one in found for _, result in one.results}
