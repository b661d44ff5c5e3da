"""Plans: every point is read by exactly one request within the limits, and no plan has fewer requests."""

from __future__ import annotations

from functools import cache

from hypothesis import given
from hypothesis import strategies as st

from anlan.sense.modbus.address import Address, parse
from anlan.sense.modbus.plan import Block, Limits, narrower, plan

TEXTS = st.builds(
    lambda unit, table, start, kind: f"{unit}/{table}:{start}{kind if table in ('hr', 'ir') else ''}",
    st.integers(1, 2),
    st.sampled_from(["co", "di", "hr", "ir"]),
    st.integers(0, 300),
    st.sampled_from(["", " float32", " uint64", ".3"]),
)
LIMITS = st.builds(Limits, gap=st.integers(0, 20), registers=st.integers(4, 125), bits=st.integers(16, 2000))


@given(st.lists(TEXTS, max_size=40), LIMITS)
def test_each_point_lies_in_one_request_within_the_limits(texts: list[str], limits: Limits) -> None:
    addresses = [parse(text) for text in texts]
    blocks = plan(addresses, 1, limits)
    assert sorted(i for block in blocks for i in block.members) == list(range(len(addresses)))
    for block in blocks:
        most = limits.bits if block.table in {"co", "di"} else limits.registers
        assert 1 <= block.count <= most
        ends = [(addresses[i].start, addresses[i].start + addresses[i].width) for i in block.members]
        assert all(block.start <= start and end <= block.start + block.count for start, end in ends)
        assert {(addresses[i].unit, addresses[i].table) for i in block.members} == {(block.unit, block.table)}


@given(st.lists(st.integers(0, 40), min_size=1, max_size=7, unique=True), st.integers(0, 6), st.integers(4, 12))
def test_no_plan_of_single_registers_has_fewer_requests(starts: list[int], gap: int, most: int) -> None:
    """Brute force: the fewest cuts of the sorted registers such that each piece keeps to gap and length."""
    ordered = sorted(starts)

    def allowed(i: int, j: int) -> bool:
        steps = [b - a for a, b in zip(ordered[i:j], ordered[i + 1 : j], strict=False)]
        return all(step <= gap + 1 for step in steps) and ordered[j - 1] + 1 - ordered[i] <= most

    @cache
    def fewest(i: int) -> int:
        return min((1 + fewest(j) for j in range(i + 1, len(ordered) + 1) if allowed(i, j)), default=0)

    assert len(plan([Address("hr", s) for s in starts], 1, Limits(gap=gap, registers=most))) == fewest(0)


def test_a_refused_block_is_narrowed_to_runs_then_to_points() -> None:
    addresses = [parse(t) for t in ("hr:0", "hr:1", "hr:5 float32", "hr:7")]
    (whole,) = plan(addresses, 1, Limits(gap=10))
    runs = narrower(addresses, whole)
    assert [(b.start, b.count) for b in runs] == [(0, 2), (5, 3)]
    points = narrower(addresses, runs[1])
    assert points == [Block(1, "hr", 5, 2, (2,)), Block(1, "hr", 7, 1, (3,))]
    assert narrower(addresses, points[0]) == []


def test_points_that_overlap_share_their_registers() -> None:
    addresses = [parse(t) for t in ("hr:4 uint64", "hr:5.3", "hr:6 float32")]
    assert plan(addresses, 1, Limits()) == [Block(1, "hr", 4, 4, (0, 1, 2))]
