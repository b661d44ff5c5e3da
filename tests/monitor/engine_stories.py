"""Random plants and what may befall them, as data that both the engine and the reference model can be led through.

A story is made from a seed and a length, so a failing one is told again from two numbers and shrinks to its shortest beginning; drawn
step by step by hypothesis, stories stay too short for anything to happen in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

from engine_reference_state import LIMITS, SECOND, Config, Point, Rule
from hypothesis import strategies as st

from anlan.model.events.alarms import AlarmKind

START = 1_767_225_600 * SECOND
DELAYS = (0, 0, 500_000, 1_000_000, 2_000_000, 5_000_000)
QUALITIES = (0,) * 9 + (0x4009, 0x8005, 0x8006, 0x0800, 0x0100, 0x0900, 0x8003, 0x8004, 0x8007)
LAGS = (0,) * 8 + (100_000, 100_000, 500_000, 1_000_000, 3_000_000, 20_000_000, -1_000_000, -6_000_000)
WAITS = (0, 100_000, 500_000, 1_000_000, 1_000_000, 1_000_000, 1_000_000, 2_000_000, 2_000_000)
RARE_WAITS = (10_000_000, 3_600_000_000, -3_600_000_000)
OF_POINT = tuple(k for k in AlarmKind if k < AlarmKind.LOSS_OF_VIEW)
SPANS = (1_000_000, 1_500_000, 5_000_000, 5_000_000, 20_000_000, 0, -1_000_000, 43_200_000_000, 43_201_000_000, None)
ESCALATIONS = ((2 * SECOND, 5 * SECOND), (3 * SECOND, 4 * SECOND, 20 * SECOND), (4 * SECOND,), (60 * SECOND, 120 * SECOND))
STEPS = (
    *["acknowledge"] * 5,
    *["reset"] * 3,
    "silence",
    *["shelve"] * 4,
    *["unshelve"] * 2,
    *["remove_from_service"] * 2,
    *["return_to_service"] * 3,
)
KEYS = (*range(10, 50), 101, 102)
OWN = 20
"""The node's own point of a calibration's date; several detectors may have the same."""


@dataclass(frozen=True)
class Give:
    """Readings as (point, how far back the stamp lies [µs], value, quality); `same` repeats the last part's rows."""

    source: int
    rows: tuple[tuple[int, int, float, int], ...]
    same: bool = False


@dataclass(frozen=True)
class Tick:
    """`begun`: the first of a node that was away."""

    told: tuple[tuple[int, str], ...]
    begun: bool = False


@dataclass(frozen=True)
class Order:
    """`pick` chooses among the alarms that aren't normal then, if any; else any number."""

    kind: str
    pick: int
    episode_off: int
    priority_off: int
    again: bool
    span: int | None = None
    """Of a shelving, µs."""
    reason: str = ""
    work_order: str = ""


@dataclass(frozen=True)
class Date:
    """The node says of one of its own points whether a calibration is overdue."""

    own: int
    overdue: bool


@dataclass(frozen=True)
class Change:
    config: Config


@dataclass(frozen=True)
class Step:
    """Let `wait` µs pass on the node's wall clock, then do."""

    wait: int
    do: Give | Tick | Order | Date | Change


def make_story(seed: int, length: int) -> list[Step]:
    random = Random(seed)
    config = make_config(random, 1)
    story = [Step(0, Change(config)), Step(0, Tick(tuple((s, "up") for s in config.sources)))]
    for version in range(2, length):
        wait = random.choice(WAITS if random.random() < 0.97 else RARE_WAITS)
        dice = random.random()
        if dice < 0.5:
            story.append(Step(wait, make_readings(random)))
        elif dice < 0.8:
            story.append(Step(wait, make_tick(random)))
        elif dice < 0.92:
            story.append(Step(wait, make_order(random)))
        elif dice < 0.97:
            story.append(Step(wait, Date(random.choice((OWN, OWN, OWN, 1, 99)), random.random() < 0.6)))
        else:
            config = make_config(random, version) if random.random() < 0.3 else alter(random, config, version)
            story.append(Step(wait, Change(config)))
    return story


def make_config(random: Random, version: int) -> Config:
    """Up to 4 points on up to 2 sources, each with up to 5 alarms."""
    sources = (1, 2)[: random.randint(1, 2)]
    points, rules = [], []
    for number in range(1, random.randint(2, 4) + 1):
        on_change = random.random() < 0.5
        deadline = random.choice([0, 0, 3_000_000, 10_000_000] if on_change else [1_000_000, 3_000_000, 3_000_000, 10_000_000])
        points.append(Point(number, random.choice(sources), on_change, deadline, random.choice((0, OWN))))
        rules += [
            make_rule(random, number * 10 + slot, number, OF_POINT) for slot in random.sample(range(10), random.randint(1, 5))
        ]
    points.append(Point(OWN, 0, True, 0))
    if random.random() < 0.5:
        rules.append(make_rule(random, 300, OWN, OF_POINT))
    rules += [make_rule(random, 100 + s, s, (AlarmKind.LOSS_OF_VIEW,)) for s in sources if random.random() < 0.7]
    return Config(version, sources, tuple(points), tuple(rules), random.choice(ESCALATIONS))


def make_rule(random: Random, number: int, target: int, kinds: tuple[AlarmKind, ...]) -> Rule:
    kind = random.choice(kinds)
    limited = kind in LIMITS
    return Rule(
        number=number,
        kind=kind,
        target=target,
        limit=float(random.randint(0, 10)) if limited else math.nan,
        dead_band=float(random.randint(0, 3)) if limited else 0.0,
        states=tuple(random.sample(range(11), random.randint(1, 4))) if kind is AlarmKind.STATE else (),
        on_delay=random.choice(DELAYS),
        off_delay=random.choice(DELAYS),
        latching=random.random() < 0.4,
        priority=1 if kind is AlarmKind.LOSS_OF_VIEW else random.choice([1, 1, 2, 3, 4]),
        enabled=random.random() < 0.93,
        shelvable=random.random() < 0.85,
    )


def alter(random: Random, config: Config, version: int) -> Config:
    """An edit as people make them: most rules stay, one is changed, added or removed; now and then a point."""
    rules = list(config.rules)
    at = random.randrange(len(rules))
    old = rules[at]
    fresh = make_rule(random, old.number, old.target, (old.kind,))
    rules[at] = random.choice(
        [
            fresh,
            Rule(**{**vars(old), "on_delay": fresh.on_delay}),
            Rule(**{**vars(old), "limit": fresh.limit}),
            Rule(**{**vars(old), "priority": fresh.priority}),
            Rule(**{**vars(old), "shelvable": not old.shelvable}),
        ]
    )
    if random.random() < 0.3:
        del rules[random.randrange(len(rules))]
    if random.random() < 0.3:
        point = random.choice(config.points[:-1])
        number = point.number * 10 + random.randrange(10)
        rules = [r for r in rules if r.number != number] + [make_rule(random, number, point.number, OF_POINT)]
    points = list(config.points)
    if random.random() < 0.2:
        which = random.randrange(len(points) - 1)
        due = random.choice((0, OWN))
        points[which] = Point(points[which].number, random.choice(config.sources), random.random() < 0.5, 3_000_000, due)
    escalation = random.choice(ESCALATIONS) if random.random() < 0.3 else config.escalation
    return Config(version, config.sources, tuple(points), tuple(rules) or config.rules[:1], escalation)


def make_readings(random: Random) -> Give:
    rows = tuple(
        (random.randint(1, 4 if random.random() < 0.95 else 6), random.choice(LAGS), make_value(random), random.choice(QUALITIES))
        for _ in range(random.randint(1, 5))
    )
    return Give(random.randint(1, 2), rows, same=random.random() < 0.1)


def make_value(random: Random) -> float:
    return math.nan if random.random() < 0.03 else float(random.randint(-1, 11))


def make_tick(random: Random) -> Tick:
    if random.random() < 0.05:
        return Tick((), begun=True)
    if random.random() < 0.8:
        return Tick(())
    return Tick(((random.randint(1, 3), random.choice(["up", "up", "down"])),))


def make_order(random: Random) -> Order:
    return Order(
        kind=random.choice(STEPS),
        pick=random.randrange(10_000),
        episode_off=random.choice([0] * 8 + [1, -1]),
        priority_off=random.choice([0] * 9 + [1]),
        again=random.random() < 0.1,
        span=random.choice(SPANS),
        reason=random.choice(["", "chatters", "chatters", "chatters"]),
        work_order=random.choice(["", "WO-7", "WO-7", "WO-7"]),
    )


def stories(longest: int = 200) -> st.SearchStrategy[list[Step]]:
    return st.builds(make_story, seed=st.integers(0, 2**63), length=st.integers(longest // 4, longest))
