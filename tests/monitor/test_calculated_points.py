"""Calculated points in the engine: what a program gives, when it is evaluated, and how its point alarms, by examples with known answers."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pytest
from engine_reference_state import SECOND

from anlan.model.errors import InputError
from anlan.model.events.alarms import AlarmKind, AlarmState, AlarmTransition, Trigger
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import Reason, Severity, quality, reason_of, severity_of
from anlan.model.readings import Readings
from anlan.monitor.engine import Engine, EngineConfig
from anlan.monitor.program import TIMED, Instruction, Op, Program, cells_of

START = 1_767_225_600 * SECOND
A, B, C, CALC, NEXT = 1, 2, 3, 4, 5
ALARM, GOVERNED = 100, 101


def program(*code: Instruction | tuple[Op, int, float] | Op) -> Program:
    """Instructions; memory is given out in order."""
    steps, cells = [], 0
    for one in code:
        step = Instruction(one) if isinstance(one, Op) else Instruction(*one)
        if cells_of(step.op):
            step, cells = step._replace(a=cells), cells + cells_of(step.op)
        steps.append(step)
    points = tuple(dict.fromkeys(s.a for s in steps if s.op is Op.POINT))
    return Program(tuple(steps), points, cells, any(s.op in TIMED for s in steps), 8)


def point(number: int) -> tuple[Op, int, float]:
    return (Op.POINT, number, 0.0)


@dataclass
class Bench:
    """Three measured points of two sources (A, B of 1; C of 2) and what is calculated from them. Seconds after START."""

    programs: list[tuple[int, Program]]
    rules: dict[str, list[Any]] = field(default_factory=lambda: {"number": [], "kind": [], "target": []})
    on_change: bool = False
    engine: Engine = field(default_factory=Engine)
    heard: list[AlarmTransition] = field(default_factory=list)
    version: int = 0

    def __post_init__(self) -> None:
        self.configure()
        self.tick(0, {"1": "up", "2": "up"})

    def config(self) -> EngineConfig:
        numbers = [A, B, C, *(n for n, _ in self.programs)]
        self.version += 1
        return EngineConfig.from_columns(
            self.version,
            {"number": [1, 2]},
            {
                "number": numbers,
                "source": [1, 1, 2, *([0] * len(self.programs))],
                "on_change": [self.on_change] * len(numbers),
                "deadline": [0 if self.on_change else 3_000] * len(numbers),
            },
            self.rules,
            programs=self.programs,
        )

    def configure(self, at: float = 0) -> None:
        self.step(Kind.CONFIG, at, self.config().to_bytes())

    def step(self, kind: Kind, at: float, body: bytes, source: int = 0, rows: int = 1) -> list[AlarmTransition]:
        part = Part(kind, source, START, 0, START + round(at * SECOND), rows, body)
        found = self.engine.step(Frame(self.engine.frame + 1, (part,)))
        assert not found.faults, found.faults
        self.heard += found.events()
        return found.events()

    def tick(self, at: float, sources: dict[str, str] | None = None) -> list[AlarmTransition]:
        return self.step(Kind.TICK, at, orjson.dumps({"now": START + round(at * SECOND), "sources": sources or {}}))

    def read(self, at: float, *rows: tuple[int, float] | tuple[int, float, int], source: int = 1) -> list[AlarmTransition]:
        """All rows with the stamp `at`."""
        stamped = [(r[0], START + round(at * SECOND), r[1], r[2] if len(r) > 2 else 0) for r in rows]
        return self.step(Kind.READINGS, at, Readings.of(stamped).to_bytes(), source, len(rows))

    def value(self, number: int = CALC) -> float:
        return float(self.engine.live([number]).value[0])

    def word(self, number: int = CALC) -> int:
        return int(self.engine.live([number]).quality[0])


BAD_SENSOR = quality(Severity.BAD, Reason.SENSOR_FAILURE)


def test_a_difference_follows_both_its_inputs() -> None:
    bench = Bench([(CALC, program(point(A), point(C), Op.SUB))])
    bench.read(1, (A, 10.0))
    assert np.isnan(bench.value())
    assert reason_of(bench.word()) is Reason.NO_DATA_YET
    bench.read(1.5, (C, 4.0), source=2)
    assert (bench.value(), bench.word()) == (6.0, 0)
    bench.read(2, (A, 11.0))
    assert bench.value() == 7.0


def test_what_waits_for_an_input_that_never_spoke_is_unknown_and_no_alarm() -> None:
    """Every start is full of them; an input that goes bad once it has spoken is another matter."""
    rules = {"number": [ALARM], "kind": [AlarmKind.BAD_QUALITY], "target": [CALC]}
    bench = Bench([(CALC, program(point(A), point(C), Op.SUB))], rules)
    for at in range(1, 7):
        assert bench.tick(at) == []
    assert bench.read(7, (A, 10.0)) == []
    assert reason_of(bench.word()) is Reason.NO_DATA_YET
    bench.read(8, (C, math.nan), source=2)
    assert [(t.trigger, t.happened_at - START) for t in bench.heard] == [(Trigger.CONDITION_ON, 8 * SECOND)]


def test_values_read_together_are_seen_together() -> None:
    """A command and its answer in one poll: no moment in which one is new and the other old."""
    bench = Bench([(CALC, program(point(A), point(B), Op.NE))], {"number": [ALARM], "kind": [AlarmKind.STATE], "target": [CALC], "states": [[1]]})  # fmt: skip
    bench.read(1, (A, 0.0), (B, 0.0))
    assert bench.read(2, (A, 1.0), (B, 1.0)) == []
    assert [t.trigger for t in bench.read(3, (A, 0.0), (B, 1.0))] == [Trigger.CONDITION_ON]


def test_within_one_part_each_instant_is_seen() -> None:
    bench = Bench(
        [(CALC, program(point(A), Op.ABS))], {"number": [ALARM], "kind": [AlarmKind.HIGH], "target": [CALC], "limit": [5.0]}
    )
    rows = [(A, START + s * SECOND, v, 0) for s, v in ((1, 0.0), (2, -9.0), (3, 0.0))]
    found = bench.step(Kind.READINGS, 3, Readings.of(rows).to_bytes(), 1, 3)
    assert [(t.trigger, t.happened_at - START) for t in found] == [
        (Trigger.CONDITION_ON, 2 * SECOND),
        (Trigger.CONDITION_OFF, 3 * SECOND),
    ]


def test_a_calculated_point_may_read_another() -> None:
    mean = program(point(A), point(B), Op.ADD, (Op.CONST, 0, 2.0), Op.DIV)
    bench = Bench([(NEXT, program(point(CALC), point(C), Op.SUB)), (CALC, mean)])
    bench.read(1, (C, 1.0), source=2)
    bench.read(2, (A, 10.0), (B, 20.0))
    assert bench.value(CALC) == 15.0
    assert bench.value(NEXT) == 14.0


@pytest.mark.parametrize(
    "programs",
    [
        [(CALC, program(point(CALC), Op.NEG))],
        [(CALC, program(point(NEXT), Op.NEG)), (NEXT, program(point(CALC), Op.NEG))],
    ],
)
def test_a_loop_never_reaches_the_kernel(programs: list[tuple[int, Program]]) -> None:
    with pytest.raises(AssertionError, match="is calculated from itself"):
        Bench(programs)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ((point(9), Op.NEG), "reads a point that does not exist"),
        (((Op.CONST, 0, 1.0),), "reads no point"),
        ((point(A), Op.ADD), "does not fit its stack"),
        ((point(A), point(B)), "does not end with one value"),
    ],
)
def test_a_program_that_cannot_run_is_refused(code: tuple[Any, ...], message: str) -> None:
    from anlan.monitor.compile import arrays_of

    bench = Bench([(CALC, program(point(A)))])
    bench.programs = [(CALC, program(*code))]
    with pytest.raises(InputError, match=message):
        arrays_of(bench.config())


def test_memory_beyond_the_own_share_is_refused() -> None:
    from anlan.monitor.compile import arrays_of

    bench = Bench([(CALC, program(point(A)))])
    reaching = Program((Instruction(Op.POINT, A), Instruction(Op.DURATION, 1, 0.0)), (A,), 3, True, 1)
    bench.programs = [(CALC, reaching)]
    with pytest.raises(InputError, match="reaches beyond its memory"):
        arrays_of(bench.config())


def test_a_bad_input_makes_the_result_unknown_and_alarms_keep_what_they_knew() -> None:
    bench = Bench([(CALC, program(point(A), point(B), Op.SUB))], {"number": [ALARM], "kind": [AlarmKind.HIGH], "target": [CALC], "limit": [5.0]})  # fmt: skip
    bench.read(1, (A, 10.0), (B, 1.0))
    assert bench.engine.state_of(ALARM) is AlarmState.UNACKNOWLEDGED
    assert bench.read(2, (A, 0.0, BAD_SENSOR), (B, 1.0)) == []
    assert severity_of(bench.word()) is Severity.BAD
    assert reason_of(bench.word()) is Reason.SENSOR_FAILURE


def test_one_operand_that_settles_it_settles_it() -> None:
    bench = Bench([(CALC, program(point(A), point(B), Op.OR)), (NEXT, program(point(A), point(B), Op.AND))])
    bench.read(1, (A, 1.0), (B, 0.0, BAD_SENSOR))
    assert (bench.value(CALC), bench.word(CALC)) == (1.0, 0)
    assert severity_of(bench.word(NEXT)) is Severity.BAD
    bench.read(2, (A, 0.0), (B, 0.0, BAD_SENSOR))
    assert severity_of(bench.word(CALC)) is Severity.BAD
    assert (bench.value(NEXT), bench.word(NEXT)) == (0.0, 0)


def test_a_division_by_nothing_is_not_a_number() -> None:
    bench = Bench([(CALC, program(point(A), point(B), Op.DIV))])
    bench.read(1, (A, 1.0), (B, 0.0))
    assert reason_of(bench.word()) is Reason.NOT_A_NUMBER


def test_a_lost_source_makes_it_unknown_and_its_return_alone_does_not_mend_it() -> None:
    bench = Bench([(CALC, program(point(A), point(C), Op.SUB))])
    bench.read(1, (A, 10.0))
    bench.read(1, (C, 4.0), source=2)
    bench.tick(2, {"2": "down"})
    assert reason_of(bench.word()) is Reason.COMMUNICATION
    bench.tick(3, {"2": "up"})
    bench.read(3, (A, 10.0))
    assert reason_of(bench.word()) is Reason.LAST_USABLE
    assert severity_of(bench.word()) is Severity.BAD
    bench.read(4, (C, 4.0), source=2)
    assert (bench.value(), bench.word()) == (6.0, 0)


def test_a_stale_input_makes_it_unknown_at_the_tick() -> None:
    bench = Bench([(CALC, program(point(A), point(C), Op.SUB))])
    bench.read(1, (A, 10.0))
    bench.read(1, (C, 4.0), source=2)
    for second in range(2, 7):
        bench.tick(second)
        bench.read(second, (A, 10.0))
    assert reason_of(bench.word()) is Reason.STALE


def test_the_rate_of_a_ramp_is_its_slope() -> None:
    bench = Bench([(CALC, program(point(A), (Op.RATE, 0, 10 * SECOND)))])
    for second in range(30):
        bench.read(second + 1, (A, 0.25 * second))
        if second < 10:
            assert reason_of(bench.word()) is Reason.NO_DATA_YET
    assert bench.value() == pytest.approx(0.25, abs=1e-12)


def test_means_extremes_and_spread_of_a_staircase() -> None:
    window = 10 * SECOND
    bench = Bench(
        [
            (4, program(point(A), (Op.AVG, 0, window))),
            (5, program(point(A), (Op.LOWEST, 0, window))),
            (6, program(point(A), (Op.HIGHEST, 0, window))),
            (7, program(point(A), (Op.SPREAD, 0, window))),
        ]
    )
    values = [float(s % 7) for s in range(40)]
    for second, value in enumerate(values):
        bench.read(second + 1, (A, value))
    # The value of each second holds until the next; at the last one the window begins at the reading ten seconds before.
    assert bench.value(4) == pytest.approx(np.mean(values[-11:-1]), abs=1e-12)
    assert bench.value(5) == min(values[-11:])
    assert bench.value(6) == max(values[-11:])
    assert bench.value(7) == max(values[-11:]) - min(values[-11:])


def test_a_frozen_value_is_told_only_after_the_whole_window() -> None:
    bench = Bench([(CALC, program(point(A), (Op.SPREAD, 0, 5 * SECOND)))], {"number": [ALARM], "kind": [AlarmKind.LOW], "target": [CALC], "limit": [0.0]})  # fmt: skip
    for second in range(1, 6):
        assert bench.read(second, (A, 3.0)) == []
    assert [t.trigger for t in bench.read(6, (A, 3.0))] == [Trigger.CONDITION_ON]
    assert [t.trigger for t in bench.read(7, (A, 3.1))] == [Trigger.CONDITION_OFF]


def test_rising_edges_are_counted_within_the_window() -> None:
    bench = Bench([(CALC, program(point(A), (Op.COUNT, 0, 60 * SECOND)))])
    for second in range(1, 21):
        bench.read(second, (A, float(second % 2)))
    assert bench.value() == 9  # on at 3, 5 … 19: the first reading is no edge
    for second in range(21, 70):
        bench.read(second, (A, 0.0))
    assert bench.value() == 5  # what came at 11 … 19 is within the last minute; steps of 2 s


def test_a_condition_held_and_for_how_long() -> None:
    bench = Bench([(4, program(point(A), (Op.HOLD, 0, 3 * SECOND))), (5, program(point(A), Op.DURATION))])
    for second, value in ((1, 1.0), (2, 1.0), (3, 1.0)):
        bench.read(second, (A, value))
    assert (bench.value(4), bench.value(5)) == (0.0, 2.0)
    bench.read(4, (A, 1.0))
    assert (bench.value(4), bench.value(5)) == (1.0, 3.0)
    bench.read(5, (A, 0.0))
    assert (bench.value(4), bench.value(5)) == (0.0, 0.0)


def test_silence_of_an_on_change_input_lets_time_run() -> None:
    bench = Bench([(CALC, program(point(A), (Op.HOLD, 0, 5 * SECOND)))], {"number": [ALARM], "kind": [AlarmKind.STATE], "target": [CALC], "states": [[1]]}, on_change=True)  # fmt: skip
    bench.tick(1)
    bench.read(1, (A, 1.0))
    for second in range(2, 6):
        assert bench.tick(second) == []
    assert [t.trigger for t in bench.tick(6)] == [Trigger.CONDITION_ON]


def test_two_of_three_with_a_faulty_and_a_calibrating_member() -> None:
    def vote(fault: int, leave: int) -> Program:
        return program(point(A), point(B), point(C), (Op.VOTE, 3 + 256 * 2 + 65_536 * fault + 131_072 * leave, 0.0))

    calibrating = quality(Severity.BAD, Reason.CALIBRATION)
    for fault, leave, words, expected in (
        (1, 1, ((1.0, 0), (0.0, 0), (0.0, 0)), 0.0),
        (1, 1, ((1.0, 0), (1.0, 0), (0.0, 0)), 1.0),
        (1, 1, ((1.0, 0), (0.0, BAD_SENSOR), (0.0, 0)), 1.0),  # the fault votes
        (0, 1, ((1.0, 0), (0.0, BAD_SENSOR), (0.0, 0)), 1.0),  # the fault leaves: 1oo2
        (1, 1, ((0.0, 0), (0.0, calibrating), (0.0, 0)), 0.0),
        (1, 1, ((1.0, 0), (0.0, calibrating), (0.0, 0)), 1.0),  # 2oo3 → 1oo2
        (1, 0, ((0.0, 0), (0.0, calibrating), (1.0, 0)), 1.0),  # the calibrating one votes alarm
    ):
        bench = Bench([(CALC, vote(fault, leave))])
        bench.read(1, *((p, *w) for p, w in zip((A, B), words, strict=False)))
        bench.read(1, (C, *words[2]), source=2)
        assert bench.value() == expected, (fault, leave, words)


def test_a_vote_that_everybody_has_left_is_unknown() -> None:
    bench = Bench([(CALC, program(point(A), point(B), (Op.VOTE, 2 + 256 + 131_072, 0.0)))])
    bench.read(1, (A, 0.0, BAD_SENSOR), (B, 1.0, quality(Severity.GOOD, Reason.CALIBRATION)))
    assert reason_of(bench.word()) is Reason.CONFIGURATION


def test_a_condition_suppresses_by_design_and_an_unknown_one_does_not() -> None:
    rules = {
        "number": [ALARM, GOVERNED],
        "kind": [AlarmKind.HIGH, AlarmKind.LOW],
        "target": [A, A],
        "limit": [100.0, 5.0],
        "suppress_by": [0, CALC],
    }
    bench = Bench([(CALC, program(point(C), (Op.CONST, 0, 1.0), Op.EQ))], rules)
    bench.read(1, (C, 1.0), source=2)
    assert bench.engine.state_of(GOVERNED) is AlarmState.SUPPRESSED
    assert bench.read(2, (A, 0.0)) == []
    found = bench.read(3, (C, 1.0, BAD_SENSOR), source=2)
    assert [(t.alarm, t.trigger, t.after) for t in found] == [(GOVERNED, Trigger.UNSUPPRESS, AlarmState.UNACKNOWLEDGED)]
    assert bench.engine.state_of(ALARM) is AlarmState.NORMAL


def test_a_new_configuration_keeps_the_memory_of_what_is_the_same() -> None:
    held = program(point(A), (Op.HOLD, 0, 4 * SECOND))
    bench = Bench([(CALC, held)], {"number": [ALARM], "kind": [AlarmKind.STATE], "target": [CALC], "states": [[1]]})
    for second in (1, 2, 3):
        bench.read(second, (A, 1.0))
    bench.programs = [(NEXT, program(point(B), Op.NEG)), (CALC, held)]
    bench.configure(3.5)
    bench.read(4, (A, 1.0))
    assert [t.trigger for t in bench.read(5, (A, 1.0))] == [Trigger.CONDITION_ON]


def test_a_new_condition_is_judged_at_once_and_one_that_is_gone_lets_go() -> None:
    rules = {"number": [GOVERNED], "kind": [AlarmKind.LOW], "target": [A], "limit": [5.0], "suppress_by": [0]}
    bench = Bench([(CALC, program(point(C)))], rules)
    bench.read(1, (C, 1.0), source=2)
    bench.read(1, (A, 0.0))
    assert bench.engine.state_of(GOVERNED) is AlarmState.UNACKNOWLEDGED
    rules["suppress_by"] = [CALC]
    bench.configure(2)
    assert bench.engine.state_of(GOVERNED) is AlarmState.SUPPRESSED
    rules["suppress_by"] = [0]
    bench.configure(3)
    assert bench.engine.state_of(GOVERNED) is AlarmState.UNACKNOWLEDGED


def test_a_snapshot_holds_the_memory_too() -> None:
    bench = Bench([(CALC, program(point(A), (Op.RATE, 0, 5 * SECOND)))])
    for second in range(1, 9):
        bench.read(second, (A, float(second)))
    other = Engine.restore(bench.engine.snapshot())
    bench.read(9, (A, 30.0))
    part = Part(Kind.READINGS, 1, START, 0, START + 9 * SECOND, 1, Readings.of([(A, START + 9 * SECOND, 30.0, 0)]).to_bytes())
    other.step(Frame(other.frame + 1, (part,)))
    assert other.snapshot() == bench.engine.snapshot()


def test_over_range_is_over_every_high_limit_and_a_catalytic_detector_stays_so() -> None:
    rules = {"number": [ALARM, GOVERNED], "kind": [AlarmKind.HIGH, AlarmKind.LOW], "target": [A, A], "limit": [25.0, -1.0]}
    bench = Bench([(CALC, program(point(A)))], rules)
    bench.read(1, (A, 3.0))
    over = quality(Severity.BAD, Reason.OVER_RANGE)
    assert [(t.alarm, t.trigger) for t in bench.read(2, (A, float("nan"), over))] == [(ALARM, Trigger.CONDITION_ON)]
    assert [(t.alarm, t.trigger) for t in bench.read(3, (A, 3.0))] == [(ALARM, Trigger.CONDITION_OFF)]
