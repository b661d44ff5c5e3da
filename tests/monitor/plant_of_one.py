"""A plant of one point, led by hand: seconds instead of µs, words instead of numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import orjson
from engine_leading import engine_config
from engine_reference_state import SECOND, Config, Point, Rule

from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition
from anlan.model.frames import Frame, Kind, Part
from anlan.model.readings import Readings
from anlan.monitor.commands import Command, Result
from anlan.monitor.engine import Engine, Transitions

START = 1_767_225_600 * SECOND


def micros(seconds: float) -> int:
    return START + round(seconds * SECOND)


def rule(kind: AlarmKind, number: int = 10, **rest: Any) -> Rule:
    return Rule(number=number, kind=kind, target=1, **rest)


@dataclass
class One:
    """`at` is the node's wall clock in seconds after START."""

    rules: tuple[Rule, ...]
    on_change: bool = False
    deadline: int = 3 * SECOND
    engine: Engine = field(default_factory=Engine)
    heard: list[AlarmTransition] = field(default_factory=list)
    last: Transitions = field(default_factory=lambda: Transitions(0))

    def __post_init__(self) -> None:
        self.configure(0, *self.rules)
        self.tick(0, {1: "up"})

    def step(self, kind: Kind, at: float, body: bytes, source: int = 0, rows: int = 1) -> list[AlarmTransition]:
        part = Part(kind, source, START, 0, micros(at), rows, body)
        self.last = self.engine.step(Frame(self.engine.frame + 1, (part,)))
        self.heard += self.last.events()
        return self.last.events()

    def configure(self, at: float, *rules: Rule) -> list[AlarmTransition]:
        config = Config(self.engine.config_version + 1, (1,), (Point(1, 1, self.on_change, self.deadline),), rules)
        return self.step(Kind.CONFIG, at, engine_config(config).to_bytes())

    def read(
        self, at: float, value: float, quality: int = 0, *, stamp: float | None = None, point: int = 1
    ) -> list[AlarmTransition]:
        time = micros(at if stamp is None else stamp)
        return self.step(Kind.READINGS, at, Readings.of([(point, time, value, quality)]).to_bytes(), source=1)

    def tick(self, at: float, links: dict[int, str] | None = None) -> list[AlarmTransition]:
        body = {"now": micros(at), "sources": {str(s): state for s, state in (links or {}).items()}}
        return self.step(Kind.TICK, at, orjson.dumps(body))

    def ticks(self, start: float, end: float) -> list[AlarmTransition]:
        """One a second, both ends included."""
        return [t for at in range(math.ceil(start), math.floor(end) + 1) for t in self.tick(at)]

    def order(self, at: float, kind: str = "acknowledge", **other: Any) -> Result:
        asked = {"alarm": 10, "episode": self.engine.episode_of(10), "priority": 3, "id": f"{kind} at {at}", **other}
        self.step(Kind.COMMAND, at, Command(kind=kind, who="zhang", post="panel", at=micros(at), **asked).to_bytes())
        return self.last.results[-1][1]

    @property
    def state(self) -> AlarmState:
        return self.engine.state_of(10)

    @property
    def quality(self) -> int:
        """Effective, now."""
        return int(self.engine.live([1]).quality[0])


def seconds(instant: int) -> float:
    return (instant - START) / SECOND
