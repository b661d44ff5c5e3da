"""The kernel against the slow model: every transition of every random story must be the same."""

from __future__ import annotations

import os
from itertools import pairwise
from typing import Any

import pytest
from engine_leading import facts, lead, results, tell
from engine_stories import Step, stories
from hypothesis import strategies as st

from anlan.model.frames import Frame, Kind, Part
from anlan.monitor.engine import Engine
from tests.examples import tried_on

FEW, MANY = 20, int(os.environ.get("ANLAN_ENGINE_EXAMPLES", "60"))
"""The long form: ANLAN_ENGINE_EXAMPLES=20000 (about 10⁶ steps)."""


@tried_on(stories(), few=FEW, many=MANY)
def test_every_transition_is_the_one_the_model_expects(story: list[Step]) -> None:
    told = tell(story)
    found, engine = lead(told.parts)
    assert [facts(one) for one in found] == told.expected
    assert {i: r.accepted for i, r in results(found).items()} == told.accepted
    assert {a: s for a, s in engine.standing().items()} == {n: a.state for n, a in told.reference.alarms.items() if a.state != 0}
    worth = {n: s.quality for n, s in told.reference.seen.items() if s.time is not None}
    assert {n: int(engine.world.points["quality"][n]) for n in worth} == worth
    counted = engine.ledger.sum(axis=0)
    assert [int(x) for x in counted[2:]] == list(told.reference.counts.values())
    assert int(counted[0]) == int(counted[1:5].sum())


@tried_on(stories(), st.data(), few=FEW, many=MANY)
def test_a_snapshot_goes_on_as_if_nothing_had_been(story: list[Step], data: st.DataObject) -> None:
    parts = tell(story).parts
    cut = data.draw(st.integers(0, len(parts)))
    whole, end = lead(parts)
    _, before = lead(parts[:cut])
    after, restored = lead(parts[cut:], Engine.restore(before.snapshot()), first=cut + 1)
    assert [one.rows.tobytes() for one in after] == [one.rows.tobytes() for one in whole[cut:]]
    assert restored.snapshot() == end.snapshot()


@tried_on(stories(), st.data(), few=FEW, many=MANY)
def test_frame_boundaries_decide_nothing(story: list[Step], data: st.DataObject) -> None:
    parts = [piece for part in tell(story).parts for piece in split(part, data)]
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(parts) - 1)))) | {0, len(parts)})
    engine = Engine()
    together = [engine.step(Frame(n, tuple(parts[a:b]))) for n, (a, b) in enumerate(pairwise(cuts), start=1)]
    alone, _ = lead(tell(story).parts)
    assert [row for one in together for row in facts(one)] == [row for one in alone for row in facts(one)]


def split(part: Part, data: st.DataObject) -> list[Part]:
    """A part of readings cut in two somewhere; others whole."""
    if part.kind is not Kind.READINGS or part.rows < 2:
        return [part]
    at = data.draw(st.integers(1, part.rows - 1))
    readings = part.readings()
    return [
        Part.of_readings(part.source, part.epoch, start, part.received_at, readings[slice(start, end)])
        for start, end in ((0, at), (at, part.rows))
    ]


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> Any:
    from anlan.monitor.warm import warm_up

    warm_up()
