"""Kills of core and of whole nodes, jumping clocks; and proof that each checker catches the bugs it is there for."""

from __future__ import annotations

import pytest

from tests.faults.playing import clean, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_hundred_kills_of_core_under_load() -> None:
    report = play("core_kill", "--rounds", "100")
    assert clean(report), report
    assert report["rounds"] == 100
    assert report["acknowledged"] > 1_000_000


@pytest.mark.parametrize("bug", ["ack-early", "resend", "deaf"])
def test_the_checker_of_kills_catches(bug: str) -> None:
    assert not clean(play("core_kill", "--rounds", "3", "--seed", "3", "--plant", bug))


def test_five_kills_of_the_whole_node_while_a_broker_delivers() -> None:
    report = play("node_kill", "--rounds", "5", "--victim", "node")
    assert clean(report), report
    assert report["rounds"] == 5


def test_kills_of_core_sense_and_app_in_turn() -> None:
    report = play("node_kill", "--rounds", "6")
    assert clean(report), report


@pytest.mark.parametrize("bug", ["forget", "imagine", "unanswered"])
def test_the_checker_of_whole_nodes_catches(bug: str) -> None:
    assert not clean(play("node_kill", "--rounds", "1", "--plant", bug))


def test_a_clock_that_jumps_and_a_process_that_pauses() -> None:
    report = play("clock_jump", "--rounds", "20")
    assert clean(report), report
    assert report["rounds"] == 20


@pytest.mark.parametrize("bug", ["deaf", "mute"])
def test_the_checker_of_clocks_catches(bug: str) -> None:
    assert not clean(play("clock_jump", "--rounds", "3", "--seed", "5", "--plant", bug))
