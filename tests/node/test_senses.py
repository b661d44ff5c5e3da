"""Which sources are out of view: those that nobody carries, and no others."""

from typing import Any
from unittest.mock import Mock

import pytest

from anlan.bus.wire import Connection
from anlan.node.senses import GRACE_TICKS, SILENT_TICKS, START_TICKS, Senses


def connect(senses: Senses) -> Connection:
    connection = Connection(Mock(), Mock())
    senses.greet(connection)
    return connection


def health(*sources: int) -> list[dict[str, Any]]:
    return [{"source": source, "state": "up"} for source in sources]


def ticks(senses: Senses, count: int, sources: tuple[int, ...] = (1, 2)) -> list[int]:
    for _ in range(count):
        senses.tick(sources)
    return senses.lost


def states(senses: Senses) -> dict[int, str]:
    return {row["source"]: row["state"] for row in senses.health()}


@pytest.fixture
def senses() -> Senses:
    return Senses()


def test_at_the_start_sense_has_time_to_come(senses: Senses) -> None:
    assert ticks(senses, START_TICKS - 1) == []
    assert ticks(senses, 1) == [1, 2]


def test_the_sources_of_a_connection_that_left_are_lost_after_the_grace_and_no_others(senses: Senses) -> None:
    stays, leaves = connect(senses), connect(senses)
    senses.told_health(leaves, health(2))
    for _ in range(START_TICKS):
        senses.told_health(stays, health(1))
        ticks(senses, 1)
    senses.told_health(leaves, health(2))
    ticks(senses, 1)
    leaves.abort()
    for _ in range(GRACE_TICKS):
        assert 2 not in senses.lost
        senses.told_health(stays, health(1))
        ticks(senses, 1)
    assert senses.lost == [2]
    assert senses.speak
    assert states(senses) == {1: "up", 2: "unknown"}


def test_an_old_connection_that_goes_takes_nothing_from_its_successor(senses: Senses) -> None:
    old, new = connect(senses), connect(senses)
    for connection in (old, new):
        senses.told_health(connection, health(1, 2))
    ticks(senses, 1)
    old.abort()
    for _ in range(GRACE_TICKS + 1):
        senses.told_health(new, health(1, 2))
        assert ticks(senses, 1) == []


def test_a_source_that_its_sense_reads_no_more_is_lost(senses: Senses) -> None:
    sense = connect(senses)
    senses.told_health(sense, health(1, 2))
    for _ in range(GRACE_TICKS):
        assert ticks(senses, 1) == []
        senses.told_health(sense, health(1))
    assert ticks(senses, 1) == [2]


def test_a_sense_that_hangs_loses_its_sources_and_has_them_again_when_it_speaks(senses: Senses) -> None:
    sense = connect(senses)
    senses.told_health(sense, health(1, 2))
    assert ticks(senses, SILENT_TICKS + GRACE_TICKS - 1) == []
    assert ticks(senses, 1) == [1, 2]
    assert not senses.speak
    assert states(senses) == {1: "unknown", 2: "unknown"}
    senses.heard(sense, 1)
    senses.heard(sense, 2)
    assert ticks(senses, 1) == []


def test_a_connection_that_has_not_greeted_carries_nothing(senses: Senses) -> None:
    stranger = Connection(Mock(), Mock())
    senses.told_health(stranger, health(1))
    senses.heard(stranger, 2)
    assert senses.health() == []
    assert ticks(senses, START_TICKS) == [1, 2]
