"""Three detectors of one source and their vote, led by hand: seconds instead of µs, and people who take a detector out of evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from engine_reference_state import SECOND

from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import Reason, Severity, quality, reason_of
from anlan.model.readings import Readings
from anlan.monitor.commands import Result
from anlan.monitor.engine import Engine, EngineConfig, Transitions
from anlan.monitor.point_commands import PointCommand
from anlan.monitor.program import Instruction, Op, Program

START = 1_767_225_600 * SECOND
A, B, C, VOTE, OWN = 1, 2, 3, 4, 5
HIGH, BADQ, SILENT, VOTED, TOLD = 10, 11, 12, 20, 21
OVER = quality(Severity.UNCERTAIN, Reason.OVER_RANGE)
OVERDUE = quality(Severity.UNCERTAIN, Reason.CALIBRATION_OVERDUE)
FAILED = quality(Severity.BAD, Reason.SENSOR_FAILURE)
VOTE_OF_3 = 3 | 2 << 8 | 1 << 16 | 1 << 17
"""2oo3; a faulty member votes, a calibrating one leaves (the machine's own form, as in tests of programs)."""


def vote() -> Program:
    members = [Instruction(Op.POINT, n) for n in (A, B, C)]
    steps: list[Instruction] = []
    for k, member in enumerate(members):
        steps += [member, Instruction(Op.CONST, 0, 2.0), Instruction(Op.GE)]
        assert k < 3
    return Program((*steps, Instruction(Op.VOTE, VOTE_OF_3)), (A, B, C), 0, timed=False, depth=8)


@dataclass
class Bench:
    """Three detectors of one source and their 2oo3 vote. A has a high alarm at 1, bad quality after 5 s and silence after its deadline."""

    on_change: bool = False
    latches: bool = False
    high_delay: int = 0
    off_delay: int = 0
    engine: Engine = field(default_factory=Engine)
    heard: list[AlarmTransition] = field(default_factory=list)
    calibratable: bool = True
    dated: bool = False
    """OWN tells whether A's calibration is overdue."""
    last: Transitions = field(default_factory=lambda: Transitions(0))
    all: list[Transitions] = field(default_factory=list)
    version: int = 0
    ticked: int = 0

    def __post_init__(self) -> None:
        self.configure()
        self.tick(0, {"1": "up"})

    def config(self, source: int = 1) -> EngineConfig:
        self.version += 1
        return EngineConfig.from_columns(
            self.version,
            {"number": [1, 2]},
            {
                "number": [A, B, C, VOTE, OWN],
                "source": [source, 1, 1, 0, 0],
                "on_change": [self.on_change] * 3 + [True, True],
                "deadline": [0 if self.on_change else 10_000] * 3 + [0, 0],
                "latches": [self.latches] * 3 + [False, False],
                "calibratable": [self.calibratable] * 3 + [False, False],
                "due": [OWN if self.dated else 0, 0, 0, 0, 0],
            },
            {
                "number": [HIGH, BADQ, SILENT, VOTED, TOLD],
                "kind": [AlarmKind.HIGH, AlarmKind.BAD_QUALITY, AlarmKind.STALE, AlarmKind.STATE, AlarmKind.STATE],
                "target": [A, A, A, VOTE, OWN],
                "limit": [1.0] + [float("nan")] * 4,
                "on_delay": [self.high_delay * 1000, 5_000, 0, 0, 0],
                "off_delay": [0, self.off_delay * 1000, 0, 0, 0],
                "states": [[], [], [], [1], [1]],
            },
            programs=[(VOTE, vote())],
        )

    def configure(self, at: float = 0, source: int = 1) -> None:
        self.step(Kind.CONFIG, at, self.config(source).to_bytes())

    def step(self, kind: Kind, at: float, body: bytes, source: int = 0, rows: int = 1) -> list[AlarmTransition]:
        part = Part(kind, source, START, 0, START + round(at * SECOND), rows, body)
        self.last = self.engine.step(Frame(self.engine.frame + 1, (part,)))
        assert not self.last.faults, self.last.faults
        self.all.append(self.last)
        self.heard += self.last.events()
        return self.last.events()

    def tick(self, at: float, sources: dict[str, str] | None = None) -> list[AlarmTransition]:
        return self.step(Kind.TICK, at, orjson.dumps({"now": START + round(at * SECOND), "sources": sources or {}}))

    def ticks(self, end: float) -> list[AlarmTransition]:
        """One a second up to `end`, as a node has them."""
        heard = [t for at in range(self.ticked + 1, int(end) + 1) for t in self.tick(at)]
        self.ticked = max(self.ticked, int(end))
        return heard

    def read(self, at: float, *rows: tuple[int, float] | tuple[int, float, int]) -> list[AlarmTransition]:
        self.ticks(at)
        stamped = [(r[0], START + round(at * SECOND), r[1], r[2] if len(r) > 2 else 0) for r in rows]
        return self.step(Kind.READINGS, at, Readings.of(stamped).to_bytes(), 1, len(rows))

    def order(self, at: float, kind: str, point: int = A, lasts: float | None = None, **other: Any) -> Result:
        self.ticks(at)
        asked: dict[str, Any] = {"id": f"{kind} at {at}", "reason": "sensor exchange", "who": "zhang", "post": "panel", **other}
        if kind == "inhibit":
            asked.setdefault("work_order", "WO-7")
        until = None if lasts is None else START + round((at + lasts) * SECOND)
        command = PointCommand(kind=kind, point=point, at=START + round(at * SECOND), until=until, **asked)  # type: ignore[arg-type]
        self.step(Kind.COMMAND, at, command.to_bytes())
        return self.last.results[-1][1]

    def word(self, point: int = A) -> int:
        return int(self.engine.live([point]).quality[0])

    def reason(self, point: int = A) -> Reason:
        return reason_of(self.word(point))

    def state(self, alarm: int = HIGH) -> AlarmState:
        return self.engine.state_of(alarm)

    def voted(self) -> float:
        return float(self.engine.live([VOTE]).value[0])
