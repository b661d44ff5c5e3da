"""Waits double up to the most, and are jittered by half."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from anlan.sense.backoff import Backoff


@given(first=st.floats(0.01, 5), most=st.floats(5, 100), seed=st.integers(), tries=st.integers(1, 20))
def test_a_wait_lies_between_half_and_all_of_its_step(first: float, most: float, seed: int, tries: int) -> None:
    backoff = Backoff(first, most, random.Random(seed))
    for n in range(tries):
        step = min(most, first * 2**n)
        assert step / 2 <= backoff.delay() <= step * 1.0000001


def test_success_begins_anew() -> None:
    backoff = Backoff(1.0, 60.0)
    waits = [backoff.delay() for _ in range(5)]
    backoff.reset()
    assert backoff.delay() <= 1.0 < waits[-1]
