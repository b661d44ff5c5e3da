"""UUIDv7 against the layout of RFC 9562 §5.7 and its promise to rise."""

from __future__ import annotations

import threading
from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from anlan.model.clock import SECOND, ManualClock, Micros
from anlan.store.ids import made_at, uuid7


@given(st.integers(0, 2**48 * 1_000 - 1))
def test_layout(now: Micros) -> None:
    made = uuid7(ManualClock(now))
    assert made.hex[12] == "7"
    assert made.version == 7
    assert made.variant == RFC_4122
    assert int(made.hex[:12], 16) == now // 1_000
    assert made_at(made) == now // 1_000 * 1_000


def test_example_of_the_standard_is_read() -> None:
    """RFC 9562, appendix A.6: made on 2022-02-22 at 19:22:22 UTC."""
    assert made_at(UUID("017F22E2-79B0-7CC3-98C4-DC0C0C07398F")) == 1_645_557_742_000_000


@given(st.lists(st.integers(-2 * SECOND, 2 * SECOND), min_size=1, max_size=50))
def test_ids_rise_whatever_the_wall_does(steps: list[int]) -> None:
    clock = ManualClock()
    made = []
    for step in steps:
        clock.jump(step)
        made.append(uuid7(clock))
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_a_full_counter_borrows_the_next_millisecond() -> None:
    from anlan.store.ids import COUNTER_BITS, _sequence_of

    clock = ManualClock()
    first = uuid7(clock)
    _sequence_of(clock).counter = 2**COUNTER_BITS - 1
    assert uuid7(clock) > first
    assert made_at(uuid7(clock)) == clock.now() + 1_000


def test_threads_never_share_an_id() -> None:
    clock = ManualClock()
    made: list[list[UUID]] = [[] for _ in range(4)]
    threads = [threading.Thread(target=lambda own=own: own.extend(uuid7(clock) for _ in range(2_000))) for own in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identifier for own in made for identifier in own}) == 8_000
    assert all(own == sorted(own) for own in made)
