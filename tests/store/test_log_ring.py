"""The newest frames in memory."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.model.frames import Frame
from anlan.store.ring import Ring
from faults._ledger import make_tick


def ring_of(count: int, max_bytes: int = 1 << 20) -> tuple[Ring, list[Frame]]:
    ring = Ring(max_bytes)
    frames = [Frame(n, (make_tick(n),)) for n in range(1, count + 1)]
    for frame in frames:
        ring.add(frame)
    return ring, frames


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(0, 45), st.integers(1, 50))
def test_it_gives_what_a_list_would(count: int, after: int, limit: int) -> None:
    ring, frames = ring_of(count)
    assert ring.after(after, limit) == frames[after : after + limit]


def test_it_says_when_the_first_wanted_frame_is_gone() -> None:
    ring, frames = ring_of(20, max_bytes=5_000)
    kept = [n for n in range(20) if ring.after(n, 1) is not None]
    assert kept == list(range(kept[0], 20))
    assert 0 < kept[0] < 19
    assert ring.after(kept[0], 99) == frames[kept[0] :]


def test_the_newest_frame_always_fits() -> None:
    ring, frames = ring_of(3, max_bytes=1)
    assert ring.after(2, 5) == frames[2:]
    assert ring.after(1, 5) is None


def test_what_is_old_goes_however_small_it_is() -> None:
    ring = Ring(1 << 20, span=60.0)
    frames = [Frame(n, (make_tick(n),)) for n in range(1, 101)]
    for frame in frames:
        ring.add(frame, float(frame.n))
    assert ring.after(38, 1) is None
    assert ring.after(39, 100) == frames[39:]
    ring.add(Frame(101, (make_tick(101),)), 1_000.0)
    assert ring.after(99, 5) is None


def test_an_empty_ring_has_nothing_to_say() -> None:
    assert Ring(100).after(0, 5) is None
