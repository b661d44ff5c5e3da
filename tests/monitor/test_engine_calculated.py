"""The engine against the slow model in plants that calculate: stories of readings, ticks, lost sources, edits, people and snapshots."""

from __future__ import annotations

import math
import os
from random import Random
from typing import Any

import pytest
from engine_leading import engine_config, facts, lead, results, tell
from engine_reference_calculated import Calculated, CalculatingConfig, CalculatingReference
from engine_reference_state import Config, Rule
from engine_stories import OF_POINT, Change, Step, make_rule, make_story
from hypothesis import strategies as st

from anlan.model.events.alarms import AlarmKind
from anlan.monitor.engine import Engine
from tests.examples import tried_on

FEW, MANY = 20, int(os.environ.get("ANLAN_ENGINE_EXAMPLES", "60"))
FIRST = 7
"""Calculated points have the numbers from here on, behind every measured one of the stories."""
FORMS = (
    "{a} - {b}", "max({a}, {b})", "if({a} > 5, {a}, {b})", "{a} / ({b} - 3)", "abs({a} - 5)",
    "{a} > 5", "{a} > 5 and {b} < 6", "{a} > 7 or not {b} > 2", "above({a}, 6, 2)", "bad({a})", "uncertain({a})", "good({a}) and {a} != {b}",
    "vote(2 of {a} > 5, {b} > 5, above({c}, 5, 1))", "vote(1 of {a} > 5, {b} > 5; fault leaves)",
    "rate({a} over 3 s)", "delta({a} over 4 s)", "spread({a} over 3 s)", "avg({a} over 4 s)", "min({a} over 3 s) + max({b} over 5 s)",
    "count({a} > 5 over 20 s)", "duration({a} > 4)", "hold({a} > 4 for 3 s)", "hold({a} > 4 for 2 s) and {b} > 3",
)  # fmt: skip


def make_calculating(seed: int, length: int) -> list[Step]:
    """A story whose configurations also calculate."""
    random = Random(seed)
    story, calculated = [], None
    for step in make_story(seed, length):
        if isinstance(step.do, Change):
            if calculated is None or random.random() < 0.4:
                calculated = make_calculated(random)
            story.append(Step(step.wait, Change(with_calculated(random, step.do.config, calculated))))
        else:
            story.append(step)
    return story


def make_calculated(random: Random) -> list[tuple[str, list[int], list[Rule]]]:
    """(form, which of the points before it, rules) of up to four; the first may be read by the next."""
    found = []
    for row in range(random.randint(1, 4)):
        number = FIRST + row
        rules = [
            make_rule(random, 200 + row * 10 + slot, number, tuple(k for k in OF_POINT if k is not AlarmKind.STALE))
            for slot in random.sample(range(10), random.randint(0, 3))
        ]
        found.append((random.choice(FORMS), [random.randrange(100) for _ in range(3)], rules))
    return found


def with_calculated(random: Random, config: Config, made: list[tuple[str, list[int], list[Rule]]]) -> CalculatingConfig:
    known = [p.number for p in config.points]
    calculated, rules = [], list(config.rules)
    for row, (form, picks, own) in enumerate(made):
        a, b, c = (f"P{known[pick % len(known)]}" for pick in picks)
        calculated.append(Calculated(FIRST + row, form.format(a=a, b=b, c=c)))
        known.append(FIRST + row)
        rules += own
    governed = {r.number: random.choice(calculated).number for r in rules if random.random() < 0.15}
    return CalculatingConfig(
        config.version, config.sources, config.points, tuple(rules), config.escalation, tuple(calculated), governed
    )


def calculating_config(config: Config) -> Any:
    assert isinstance(config, CalculatingConfig)
    return engine_config(
        config,
        programs=[(number, expression.program) for number, expression in config.expressions().items()],
        suppressed_by=config.suppressed_by,
    )


def told(seed: int, length: int) -> Any:
    return tell(make_calculating(seed, length), CalculatingReference(), calculating_config)


seeds, lengths = st.integers(0, 2**63), st.integers(50, 200)


@tried_on(seeds, lengths, few=FEW, many=MANY)
def test_every_transition_is_the_one_the_model_expects(seed: int, length: int) -> None:
    story = told(seed, length)
    found, engine = lead(story.parts)
    assert [fault for one in found for fault in one.faults] == []
    assert [facts(one) for one in found] == story.expected
    assert {i: r.accepted for i, r in results(found).items()} == story.accepted
    assert engine.standing() == {n: a.state for n, a in story.reference.alarms.items() if a.state != 0}
    for number, result in story.reference.results.items():
        seen, point = story.reference.seen[number], engine.world.points[number]
        if seen.time is not None:
            assert (int(point["time"]), int(point["quality"])) == (seen.time, seen.quality), result.expression.text
            assert float(point["value"]) == pytest.approx(seen.value, rel=1e-9, abs=1e-9, nan_ok=True)
    assert math.isfinite(len(story.parts))


def test_of_two_zeros_that_differ_in_sign_the_larger_is_the_second() -> None:
    """Otherwise what is recorded depends on how the loop was compiled."""
    story = told(918_411, 100)
    found, _ = lead(story.parts)
    assert [facts(one) for one in found] == story.expected


@tried_on(seeds, lengths, st.data(), few=FEW, many=MANY)
def test_a_snapshot_goes_on_as_if_nothing_had_been(seed: int, length: int, data: st.DataObject) -> None:
    parts = told(seed, length).parts
    cut = data.draw(st.integers(0, len(parts)))
    whole, end = lead(parts)
    _, before = lead(parts[:cut])
    after, restored = lead(parts[cut:], Engine.restore(before.snapshot()), first=cut + 1)
    assert [one.rows.tobytes() for one in after] == [one.rows.tobytes() for one in whole[cut:]]
    assert restored.snapshot() == end.snapshot()
