"""Calculated points and suppression by design in the slow model: expressions walked as they were written, fed by plain lists.

Written from docs/expressions.md and docs/plant-folder.md: when an expression is evaluated, at what time, on what its inputs are worth, and
how its result reaches rules; the kernel's levels, marks and cells have no counterpart here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from engine_reference import Reference
from engine_reference_state import BAD, HIDDEN, Alarm, Config, Point, Seen, Source, same
from expressions.reference import ReferenceProgram

from anlan.model.events.alarms import AlarmState, Trigger
from anlan.model.quality import FLAG_MASK, Reason, Severity, quality
from anlan.monitor.expressions import Expression, PointFacts, parse

SUPPRESSED = AlarmState.SUPPRESSED


@dataclass(frozen=True)
class Calculated:
    number: int
    text: str


@dataclass
class CalculatingConfig(Config):
    """`points` are the measured ones. `suppressed_by`: alarm → calculated point."""

    calculated: tuple[Calculated, ...] = ()
    suppressed_by: dict[int, int] = field(default_factory=dict)

    def expressions(self) -> dict[int, Expression]:
        numbers = [p.number for p in self.points] + [c.number for c in self.calculated]
        facts = {f"P{n}": PointFacts(n) for n in numbers}
        return {c.number: parse(c.text, facts.get) for c in self.calculated}


@dataclass
class Result:
    """One calculated point: how it is computed, how far its time has come."""

    expression: Expression
    memory: ReferenceProgram
    inputs: tuple[int, ...]
    level: int
    at: int | None = None


@dataclass
class CalculatingReference(Reference):
    results: dict[int, Result] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    governed: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources[0] = Source("up")

    # ---- configuration

    def configure(self, config: Config, at: int) -> None:
        assert isinstance(config, CalculatingConfig)
        expressions = config.expressions()
        before, self.results = self.results, {}
        points = {p.number: p for p in config.points}
        self.fresh = set()
        for number, expression in expressions.items():  # inputs stand before what reads them
            old = before.get(number)
            inputs = expression.program.points
            level = 1 + max((self.results[i].level if i in self.results else -1 for i in inputs), default=-1)
            facts = {f"P{n}": PointFacts(n) for n in {**points, **expressions}}
            if old is not None and old.expression.program == expression.program:
                self.results[number] = Result(expression, old.memory, inputs, level, old.at)
            else:
                self.results[number] = Result(expression, ReferenceProgram(expression.tree, facts), inputs, level)
                self.fresh.add(number)
            points[number] = self.as_point(number, [points[i] for i in inputs])
        self.governed = config.suppressed_by
        whole = Config(config.version, config.sources, tuple(points.values()), config.rules, config.escalation)
        super().configure(whole, at)
        self.config = whole

    @staticmethod
    def as_point(number: int, inputs: list[Point]) -> Point:
        """Silence means unchanged where it does so for every input; else a value is known as long as its shortest input."""
        cyclic = [p.deadline for p in inputs if not p.on_change]
        return Point(number, 0, not cyclic, min(cyclic) if cyclic else 0)

    def recalculate(self, kept: dict[int, Seen], modes: dict[int, tuple[bool, int]], at: int, u: int) -> None:
        moved = {
            n
            for n, seen in self.seen.items()
            if seen is not kept.get(n) or modes[n] != (seen.point.on_change, seen.point.deadline)
        }
        for number in sorted(self.results):
            if number in self.fresh or moved & set(self.results[number].inputs):
                self.let_wait(number, self.newest_input(number, u))
        self.calculate(at, u)
        rows = sorted(self.alarms.values(), key=lambda a: (a.rule.kind == 8, a.rule.target, a.rule.kind))
        for alarm in rows:
            met = alarm.rule.number in self.governed and self.is_true(self.governed[alarm.rule.number])
            if met != (alarm.state == SUPPRESSED) and alarm.rule.enabled:
                self.suppress(alarm, met, at, at, *self.evidence(alarm))

    # ---- what feeds

    def reading(self, number: int, time: int, value: float, word: int, received_at: int, u: int) -> None:
        if number in self.results:
            self.counts["unknown_point"] += 1
            return
        super().reading(number, time, value, word, received_at, u)

    def fed(self, number: int, time: int) -> None:
        for one in sorted(self.results):
            if number in self.results[one].inputs:
                self.let_wait(one, time)

    def worth_changed(self, number: int, u: int) -> None:
        for one in sorted(self.results):
            if number in self.results[one].inputs:
                self.let_wait(one, self.newest_input(one, u))

    def let_wait(self, number: int, time: int | None) -> None:
        if time is None:
            return
        result = self.results[number]
        result.at = time if result.at is None else max(result.at, time)
        if number not in self.waiting:
            self.waiting.append(number)

    def time_passed(self) -> None:
        for number in sorted(self.results):
            if self.results[number].expression.program.timed and self.seen[number].point.on_change:
                self.let_wait(number, self.newest_input(number, self.u))

    def newest_input(self, number: int, u: int) -> int | None:
        nows = [self.now(self.seen[i], u) for i in self.results[number].inputs if self.seen[i].time is not None]
        return max(nows, default=None)

    def can_go_silent(self, seen: Seen) -> bool:
        return not self.is_calculated(seen)

    def is_calculated(self, seen: Seen) -> bool:
        return seen.point.number in self.results

    # ---- results

    def calculate(self, noticed_at: int, u: int) -> None:
        while self.waiting:
            number = min(self.waiting, key=lambda n: self.results[n].level)  # the first of the lowest level
            self.waiting.remove(number)
            result, seen = self.results[number], self.seen[number]
            assert result.at is not None
            inputs = {f"P{i}": self.worth(self.seen[i]) for i in result.inputs}
            max_age = 0 if seen.point.on_change else seen.point.deadline
            value, word = result.memory.evaluate(result.at, inputs, max_age)
            self.give(seen, result.at, value, word, noticed_at, u)

    def worth(self, seen: Seen) -> tuple[float, int]:
        """What the newest value of an input is worth now."""
        flags = seen.quality & FLAG_MASK
        if self.sources[seen.point.source].state == "down":
            return math.nan, quality(Severity.BAD, Reason.COMMUNICATION) | (flags if seen.time is not None else 0)
        if seen.time is None:
            return math.nan, quality(Severity.BAD, Reason.NO_DATA_YET)
        if seen.stale:
            return math.nan, quality(Severity.BAD, Reason.STALE) | flags
        if seen.usable and not seen.held:
            return math.nan, quality(Severity.BAD, Reason.LAST_USABLE) | flags
        return (seen.value if seen.usable else math.nan), seen.quality

    def give(self, seen: Seen, at: int, value: float, word: int, noticed_at: int, u: int) -> None:
        if seen.time == at and same(value, seen.value) and word == seen.quality:
            return
        self.take(seen, at, value, word, noticed_at, u)
        seen.held = word < BAD
        number = seen.point.number
        for alarm in sorted(self.alarms.values(), key=lambda a: (a.rule.kind == 8, a.rule.target, a.rule.kind)):
            if self.governed.get(alarm.rule.number) == number and alarm.rule.enabled:
                met = self.is_true(number)
                if met != (alarm.state == SUPPRESSED):
                    self.suppress(alarm, met, at, noticed_at, math.nan, word)
        self.fed(number, at)

    # ---- suppression by design

    def is_true(self, number: int) -> bool:
        seen = self.seen.get(number)
        return seen is not None and seen.time is not None and seen.usable and seen.value != 0 and not math.isnan(seen.value)

    def suppress(self, alarm: Alarm, met: bool, at: int, noticed_at: int, value: float, word: int) -> None:
        """A stronger hiding is not replaced; whoever comes back comes back as the condition then is."""
        before = alarm.state
        if met and before == AlarmState.OUT_OF_SERVICE:
            return
        latched = AlarmState.LATCHED_UNACKNOWLEDGED if alarm.was_latched else AlarmState.NORMAL
        alarm.state = SUPPRESSED if met else AlarmState.UNACKNOWLEDGED if alarm.on else latched
        self.remember(alarm, before)
        alarm.episode += alarm.state == AlarmState.UNACKNOWLEDGED
        trigger = Trigger.SUPPRESS if met else Trigger.UNSUPPRESS
        self.write(alarm, trigger, before, alarm.state, at, noticed_at, value, word)
        self.answered(alarm)

    def came_back(self, alarm: Alarm, at: int, noticed_at: int) -> None:
        by = self.governed.get(alarm.rule.number)
        if by is not None and self.is_true(by):
            self.suppress(alarm, True, at, noticed_at, *self.evidence(alarm))


assert SUPPRESSED in HIDDEN
