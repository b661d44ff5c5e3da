"""A clock that was set back is told; late, backfilled and jittering readings are not."""

import numpy as np
import pytest

from anlan.model.clock import HOUR, MINUTE, SECOND, SystemClock
from anlan.model.quality import Flag
from anlan.model.readings import Readings
from anlan.node.source_clocks import SourceClocks, Wrong, WrongClock

NOON = 1_700_000_000 * SECOND


class Hand(SystemClock):
    at = 0.0

    def monotonic(self) -> float:
        return self.at


class Plant:
    """Points 1 and 2 of source 7, a reading each a second."""

    def __init__(self) -> None:
        self.hand = Hand()
        self.clocks = SourceClocks(self.hand)
        self.told = Readings.of([])

    def marked(self) -> list[int]:
        """Points of the last part that bear CLOCK_BAD."""
        return self.told.point[self.told.quality & np.uint16(Flag.CLOCK_BAD) != 0].tolist()  # type: ignore[no-any-return]

    def run(self, seconds: int, *, by: tuple[int, ...] = (0, 0), flags: int = 0) -> dict[int, WrongClock]:
        for _ in range(seconds):
            self.hand.at += 1
            now = NOON + int(self.hand.at * SECOND)
            rows = [(point, now + b, 1.0, flags) for point, b in enumerate(by, 1)]
            self.told = self.clocks.hear(7, Readings.of(rows), now)
        return self.clocks.wrong()


@pytest.fixture
def plant() -> Plant:
    plant = Plant()
    assert plant.run(5) == {}
    return plant


def test_a_clock_set_back_is_told_and_marked_until_it_is_right(plant: Plant) -> None:
    assert plant.run(10, by=(-60 * SECOND, 0)) == {}
    assert plant.marked() == []
    assert plant.run(1, by=(-60 * SECOND, 0)) == {7: WrongClock(1, pytest.approx(60))}
    assert plant.marked() == [1]
    assert plant.run(1, by=(-60 * SECOND, -HOUR))[7].points == 1
    assert plant.run(120, by=(-60 * SECOND, 0))[7] == WrongClock(1, pytest.approx(60)), (
        "also once it has passed what it said before"
    )
    assert plant.marked() == [1]
    assert plant.run(1) == {}
    assert plant.marked() == []


@pytest.mark.parametrize(
    ("by", "how"),
    [(-24 * 365 * HOUR, Wrong.BEHIND), (-6 * 60 * SECOND, Wrong.BEHIND), (HOUR, Wrong.AHEAD), (-NOON, Wrong.BEHIND)],
)
def test_a_clock_far_from_now_is_told_and_marked(by: int, how: Wrong) -> None:
    plant = Plant()
    assert plant.run(30, by=(by, 0)) == {}
    assert plant.run(1, by=(by, 0)) == {7: WrongClock(1, pytest.approx(abs(by) / SECOND), how)}
    assert plant.marked() == [1]
    assert plant.run(1) == {}
    assert plant.marked() == []


def test_what_was_held_back_and_comes_faster_than_it_arose_is_no_clock() -> None:
    plant = Plant()
    for second in range(60):
        assert plant.run(1, by=(-2 * HOUR + second * MINUTE, 0)) == {}
        assert plant.marked() == []


def test_an_hours_batch_whose_newest_is_fresh_is_no_clock() -> None:
    plant = Plant()
    for _ in range(5):
        plant.hand.at += HOUR / SECOND
        now = NOON + int(plant.hand.at * SECOND)
        rows = Readings.of([(1, now - minute * MINUTE, 1.0, 0) for minute in range(59, -1, -1)])
        assert plant.clocks.hear(7, rows, now) is rows
        assert plant.clocks.wrong() == {}


def test_a_node_clock_set_back_is_told_as_the_nodes_own(plant: Plant) -> None:
    for second in range(12):
        plant.hand.at += 1
        now = NOON - HOUR + second * SECOND
        plant.clocks.hear(7, Readings.of([(1, now, 1.0, 0), (2, now, 1.0, 0)]), now)
    assert plant.clocks.wrong() == {7: WrongClock(2, pytest.approx(HOUR / SECOND, abs=10), how=Wrong.NODE)}


def test_it_is_known_after_a_restart_of_core(plant: Plant) -> None:
    again = Plant()
    again.hand.at = plant.hand.at
    again.clocks.know(Readings.of([(1, NOON + 5 * SECOND, 1.0, 0), (2, NOON + 5 * SECOND, 1.0, 0)]))
    assert again.run(11, by=(-HOUR, -HOUR))[7].points == 2


@pytest.mark.parametrize(("by", "flags"), [(-4 * SECOND, 0), (-HOUR, int(Flag.BACKFILL)), (0, 0)])
def test_jitter_and_backfill_are_no_clock(plant: Plant, by: int, flags: int) -> None:
    assert plant.run(30, by=(by, by), flags=flags) == {}


def test_late_readings_between_live_ones_are_no_clock(plant: Plant) -> None:
    for _ in range(30):
        plant.run(1, by=(-HOUR, 0))
        assert plant.run(1) == {}


def test_a_clock_that_was_ahead_and_is_put_right_was_not_set_back(plant: Plant) -> None:
    plant.run(20, by=(HOUR, HOUR))
    assert plant.run(20) == {}


def test_numbers_that_no_point_has_cost_no_memory() -> None:
    clocks = SourceClocks(Hand())
    clocks.hear(7, Readings.of([(2**32 - 1, NOON, 1.0, 0)]), NOON)
    assert clocks._newest.nbytes == 0
    assert np.isnan(clocks._since).all()
