"""Whatever comes late, the record ends as if nothing had: against the engine itself, led through the same readings in order.

Readings of cyclic and on-change points, of every kind of rule that follows values and quality, with delays, dead-bands, calculated points; some
of them handed over late, cut into arbitrary parts, with comparisons whenever it pleases the corrector. The engine in order is itself held
against a slow reference elsewhere (`test_engine_reference`), so it may stand for the truth here; nothing of `late` has a part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import strategies as st
from late_node import SECOND, START, EpisodeOf, LateNode, Row

from anlan.model.events.alarms import ADDED, LATE, AlarmKind, Trigger
from anlan.model.quality import Reason, Severity, quality
from anlan.monitor.engine import Engine, EngineConfig
from anlan.monitor.layout import NEVER
from anlan.monitor.program import TIMED, Instruction, Op, Program, cells_of
from tests.examples import tried_on

BAD = quality(Severity.BAD, Reason.SENSOR_FAILURE)
CYCLIC, CHANGE, STATES, RATE, TOTAL, VOTE, LASTS = 1, 2, 3, 4, 5, 6, 7
MEASURED = (CYCLIC, CHANGE, STATES)
DELAYS = (0, 0, 1000, 3000, 10_000)
TICK = 5_000_000
"""The record is held against a replay up to 2.5 s apart from it in what a tick finds, and that is as far from what this test calls the truth."""


def program(*code: Instruction) -> Program:
    steps: list[Instruction] = []
    cells = 0
    for step in code:
        steps.append(step._replace(a=cells) if cells_of(step.op) else step)
        cells += cells_of(step.op)
    points = tuple(dict.fromkeys(s.a for s in steps if s.op is Op.POINT))
    return Program(tuple(steps), points, cells, any(s.op in TIMED for s in steps), 8)


def point(number: int) -> Instruction:
    return Instruction(Op.POINT, number)


def const(value: float) -> Instruction:
    return Instruction(Op.CONST, x=value)


PROGRAMS = [
    (RATE, program(point(CYCLIC), Instruction(Op.DELTA, x=5e6))),
    (TOTAL, program(point(CYCLIC), point(CHANGE), Instruction(Op.ADD))),
    (
        VOTE,
        program(
            *(point(CYCLIC), const(4.0), Instruction(Op.GT), point(CHANGE), const(4.0), Instruction(Op.GT)),
            *(point(STATES), const(2.0), Instruction(Op.EQ), Instruction(Op.VOTE, 3 | 2 << 8)),
        ),
    ),
    (LASTS, program(point(STATES), const(2.0), Instruction(Op.EQ), Instruction(Op.DURATION))),
]
BY_TICKS = {number for number, _ in PROGRAMS}
"""Their inputs go stale or they count time: found at a tick, and a node's ticks and parts are not another's."""


def plant(random: Random) -> EngineConfig:
    """Every measured point and every calculated one, with rules that cross now and then."""
    numbers = [*MEASURED, *(n for n, _ in PROGRAMS)]
    rules: list[dict[str, object]] = []
    for target in numbers:
        for kind in random.sample(_kinds(target), min(2, len(_kinds(target)))):
            limit = {VOTE: 1.0, LASTS: 4.0}.get(target, 4.0 if kind in {AlarmKind.HIGH, AlarmKind.HIGH_HIGH} else -4.0)
            is_limit = kind <= AlarmKind.HIGH_HIGH
            rules.append(
                {
                    "number": 10 + len(rules),
                    "kind": int(kind),
                    "target": target,
                    "limit": limit if is_limit else float("nan"),
                    "dead_band": random.choice((0.0, 2.0)) if is_limit and target not in {VOTE, LASTS} else 0.0,
                    "on_delay": random.choice(DELAYS),
                    "off_delay": random.choice(DELAYS),
                    "latching": random.random() < 0.3,
                    "states": [2] if kind is AlarmKind.STATE else [],
                }
            )
    return EngineConfig.from_columns(
        1,
        {"number": [1, 2]},
        {
            "number": numbers,
            "source": [1, 1, 2, 0, 0, 0, 0],
            "on_change": [False, True, True, False, False, False, False],
            "deadline": [3000, 0, 0, 0, 0, 0, 0],
        },
        {name: [rule[name] for rule in rules] for name in rules[0]},
        programs=PROGRAMS,
    )


def _kinds(target: int) -> list[AlarmKind]:
    if target == STATES:
        return [AlarmKind.STATE, AlarmKind.BAD_QUALITY]
    if target in {VOTE, LASTS}:
        return [AlarmKind.HIGH]
    return [AlarmKind.HIGH_HIGH, AlarmKind.HIGH, AlarmKind.LOW, AlarmKind.LOW_LOW, AlarmKind.BAD_QUALITY]


def recording(random: Random, length: int) -> list[Row]:
    """In order, no two readings of a point at one time; at the end everything is calm for a while."""
    rows: list[Row] = []
    spoilt = random.choice((MEASURED, (CYCLIC, CHANGE)))
    for number, every in ((CYCLIC, (0.4, 1.0, 1.0, 1.7, 5.0)), (CHANGE, (1.0, 2.0, 4.0, 11.0)), (STATES, (2.0, 5.0, 9.0))):
        at = random.randint(1, 1000) * 1000
        while at < length * SECOND:
            value = float(random.choice((1, 2))) if number == STATES else float(random.randint(-7, 7))
            rows.append((number, START + at, value, BAD if random.random() < 0.06 and number in spoilt else 0))
            at += round(random.choice(every) * SECOND) + random.randint(0, 300) * 1000
    calm = [(n, START + (length + i) * SECOND + n, 1.0 if n == STATES else 0.0, 0) for i in range(1, 60) for n in MEASURED]
    return sorted([*rows, *calm], key=lambda row: row[1])


@dataclass(frozen=True)
class Arrival:
    at: int
    row: Row
    late: bool


def shuffled(random: Random, rows: list[Row], share: float) -> list[Arrival]:
    """Some come after later ones of their own point; all others at their own time. (One that only waits for another point's is not late.)"""
    late = {row for row in rows if random.random() < share}
    punctual = {n: [row[1] for row in rows if row[0] == n and row not in late] for n in MEASURED}
    found = []
    for row in rows:
        later = [at for at in punctual[row[0]] if at > row[1]]
        if row in late and later:
            at = later[min(random.choice((0, 0, 1, 2, 7)), len(later) - 1)]
            found.append(Arrival(at + random.randint(1, 400) * 1000, row, late=True))
        else:
            found.append(Arrival(row[1], row, late=False))
    return sorted(found, key=lambda one: one.at)


def play(random: Random, node: LateNode, arrivals: list[Arrival], *, corrections: bool) -> LateNode:
    """In parts of what arrives between two ticks, cut anywhere; then time passes."""
    i = 0
    while i < len(arrivals):
        first = arrivals[i]
        node.until(first.at - 1)
        end, most = i + 1, random.choice((1, 1, 2, 4))
        while end < len(arrivals) and end - i < most and arrivals[end].at <= (first.at - 1) // SECOND * SECOND + SECOND:
            end += 1
        node.at = arrivals[end - 1].at
        node.read(*(one.row for one in arrivals[i:end]))
        i = end
        if corrections and random.random() < 0.05:
            node.correct()
    node.until(node.at + 120 * SECOND)
    return node


def come_to_rest(node: LateNode) -> None:
    for _ in range(20):
        if not node.waits:
            return
        node.correct()
        node.until(node.at + 10 * SECOND)
    pytest.fail(f"still waiting: {node.engine.late.waiting()}")


def joined(episodes: list[EpisodeOf], longest: dict[int, int]) -> list[EpisodeOf]:
    """Besides: those of one alarm as one whose gap may be a matter of ticks."""
    found: list[EpisodeOf] = []
    last: EpisodeOf | None = None
    for one in sorted(episodes, key=lambda e: e[:2]):
        if last and longest[one[0]] and last[0] == one[0] and last[2] is not None and one[1] - last[2] <= longest[one[0]]:
            last = (one[0], last[1], one[2])
            found.append(last)
        else:
            last = one
    return found


def covers(whole: EpisodeOf, part: EpisodeOf) -> bool:
    return whole[0] == part[0] and whole[1] <= part[1] and (whole[2] is None or (part[2] is not None and part[2] <= whole[2]))


def near(a: EpisodeOf, b: EpisodeOf, slack: int) -> bool:
    ends = (a[2] is None) == (b[2] is None) and (a[2] is None or b[2] is None or abs(a[2] - b[2]) <= slack)
    return a[0] == b[0] and abs(a[1] - b[1]) <= slack and ends


def check(config: EngineConfig, node: LateNode, truth: list[EpisodeOf], rows: list[Row], *, once: bool) -> None:
    """Everything that was is in the record; what the record has besides was announced (or, when compared midway, added on what was known)."""
    target = dict(zip(config.rule_table["number"].to_pylist(), config.rule_table["target"].to_pylist(), strict=True))
    if any(row[0] == STATES and row[3] == BAD for row in rows):
        # A bad value freezes what a tick has just found, or has not yet: no two nodes need agree on it.
        target = {alarm: t for alarm, t in target.items() if t != LASTS}
    truth = [one for one in truth if one[0] in target]
    slack = {alarm: TICK if t in BY_TICKS else 0 for alarm, t in target.items()}
    off_delay = dict(zip(*(config.rule_table[name].to_pylist() for name in ("number", "off_delay")), strict=True))
    off_delay = {alarm: delay * 1000 for alarm, delay in off_delay.items()}
    on_delay = dict(zip(*(config.rule_table[name].to_pylist() for name in ("number", "on_delay")), strict=True))
    longest = {alarm: s and s + on_delay[alarm] * 1000 for alarm, s in slack.items()}
    as_one = joined(truth, longest)
    record = node.record()
    for one in joined([other for other in record.values() if other[0] in target], longest):
        record[one[0], -1 - len(record)] = one
    for one in truth:
        if slack[one[0]] and one[2] is not None and one[2] - one[1] - off_delay[one[0]] <= slack[one[0]]:
            continue
        forms = [one, *(other for other in as_one if covers(other, one))]
        assert any(near(form, other, slack[one[0]]) for form in forms for other in record.values()), (
            f"{one} is missing from {sorted(record.items())}"
        )
    for (alarm, number), other in record.items():
        if alarm in target and not any(near(one, other, slack[alarm]) for one in (*truth, *as_one)):
            assert number < ADDED or not once, f"{other} was added and never was"


@tried_on(st.integers(0, 1 << 32), st.booleans(), few=12, many=40, derandomize=True)
def test_the_record_ends_as_if_nothing_had_come_late(seed: int, midway: bool) -> None:
    random = Random(seed)
    config, rows = plant(random), recording(random, random.choice((30, 90)))
    in_order = play(Random(0), LateNode(config), [Arrival(row[1], row, False) for row in rows], corrections=False)
    assert not in_order.waits
    arrivals = shuffled(random, rows, random.choice((0.03, 0.15, 0.4)))
    node = play(random, LateNode(config), arrivals, corrections=midway)
    before = list(node.journal)
    come_to_rest(node)
    check(config, node, list(in_order.announced().values()), rows, once=not midway)
    # Nothing that was written is unwritten, and the numbers have no gap.
    assert node.journal[: len(before)] == before or str(node.journal[: len(before)]) == str(before)
    assert [t.n for t in node.journal] == list(range(1, len(node.journal) + 1))
    # The live state is that of an engine that never saw what was late.
    without, decided = node.without_late()
    same_live(config, node.engine, without)
    assert [facts(t) for t in node.journal if t.trigger not in LATE] == [facts(t) for t in decided]


def facts(t: object) -> list[str]:
    names = ("alarm", "episode", "trigger", "before", "after", "happened_at", "value", "quality", "limit")
    return [str(getattr(t, name)) for name in names]


def same_live(config: EngineConfig, one: Engine, other: Engine) -> None:
    assert one.standing() == other.standing()
    for alarm in config.rule_table["number"].to_pylist():
        assert one.episode_of(alarm) == other.episode_of(alarm)
    for name in ("time", "value", "quality"):
        mine, theirs = one.world.points[name][1:], other.world.points[name][1:]
        assert str(mine.tolist()) == str(theirs.tolist())
    assert (one.world.points["time"][1:] != NEVER).all()
    assert one.world.status["phase"].tolist() == other.world.status["phase"].tolist()


def test_the_property_has_something_to_find() -> None:
    """Across a few stories episodes are added, begun and ended at other moments; else the property would hold of nothing."""
    found: set[tuple[Trigger, bool]] = set()
    for seed in range(12):
        random = Random(seed)
        config, rows = plant(random), recording(random, 60)
        node = play(random, LateNode(config), shuffled(random, rows, 0.3), corrections=False)
        come_to_rest(node)
        found |= {(t.trigger, t.episode >= ADDED) for t in node.journal if t.trigger in LATE}
    assert found == {(trigger, added) for trigger in LATE for added in (True, False)}
