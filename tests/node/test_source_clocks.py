"""A clock that was set back is told; late, backfilled and jittering readings are not."""

import numpy as np
import pytest

from anlan.model.clock import HOUR, SECOND, SystemClock
from anlan.model.quality import Flag
from anlan.model.readings import Readings
from anlan.node.source_clocks import SetBack, SourceClocks

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

    def run(self, seconds: int, *, by: tuple[int, ...] = (0, 0), flags: int = 0) -> dict[int, SetBack]:
        for _ in range(seconds):
            self.hand.at += 1
            now = NOON + int(self.hand.at * SECOND)
            rows = [(point, now + b, 1.0, flags) for point, b in enumerate(by, 1)]
            self.clocks.hear(7, Readings.of(rows), now)
        return self.clocks.set_back()


@pytest.fixture
def plant() -> Plant:
    plant = Plant()
    assert plant.run(5) == {}
    return plant


def test_a_clock_set_back_is_told_until_it_has_caught_up(plant: Plant) -> None:
    assert plant.run(10, by=(-60 * SECOND, 0)) == {}
    assert plant.run(1, by=(-60 * SECOND, 0)) == {7: SetBack(1, pytest.approx(49))}
    assert plant.run(1, by=(-60 * SECOND, -HOUR))[7].points == 1
    assert plant.run(49, by=(-60 * SECOND, 0)) == {}


def test_a_node_clock_set_back_is_told_as_the_nodes_own(plant: Plant) -> None:
    for second in range(12):
        plant.hand.at += 1
        now = NOON - HOUR + second * SECOND
        plant.clocks.hear(7, Readings.of([(1, now, 1.0, 0), (2, now, 1.0, 0)]), now)
    assert plant.clocks.set_back() == {7: SetBack(2, pytest.approx(HOUR / SECOND, abs=10), node=True)}


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
