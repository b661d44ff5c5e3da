"""Short forms of the log's fault rounds, and proof that each checker catches the bugs it is there for."""

from __future__ import annotations

import pytest

from tests.faults.playing import clean, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def test_an_io_error_at_many_calls() -> None:
    report = play("log_io_error", "--rounds", "120")
    assert clean(report), report
    assert report["rounds"] == 360
    assert report["acknowledged"] > 400_000


@pytest.mark.parametrize("bug", ["retry-handle", "ignore-error", "silent", "highest-seq", "always-fresh"])
def test_the_io_error_checker_catches(bug: str) -> None:
    assert not clean(play("log_io_error", "--rounds", "40", "--seed", "1", "--plant", bug))


def test_a_disk_that_fills_up_and_gets_room_again() -> None:
    report = play("log_disk_full", "--rounds", "2", "--seconds", "2")
    assert clean(report), report
    assert report["rounds"] == 2


@pytest.mark.parametrize("bug", ["no-reserve", "acknowledge-refused", "stay-short", "silent"])
def test_the_disk_full_checker_catches(bug: str) -> None:
    assert not clean(play("log_disk_full", "--rounds", "1", "--seconds", "1", "--plant", bug))


def test_states_that_a_power_cut_may_leave() -> None:
    report = play("log_power_cut", "--method", "states", "--rounds", "400")
    assert clean(report), report
    assert report["acknowledged"] > 400_000


@pytest.mark.parametrize("bug", ["no-sync", "acknowledge-early", "no-folder-sync", "no-tail"])
def test_the_power_cut_checker_catches(bug: str) -> None:
    report = play("log_power_cut", "--method", "states", "--rounds", "200", "--seed", "1", "--plant", bug)
    assert report["lost"] > 0


def test_power_cuts_of_a_real_file_system() -> None:
    report = play("log_power_cut", "--method", "snapshot", "--rounds", "10")
    assert clean(report), report
    assert report["acknowledged"] > 0


def test_without_syncs_a_power_cut_loses() -> None:
    report = play("log_power_cut", "--method", "snapshot", "--rounds", "3", "--plant", "no-sync")
    assert report["lost"] > 0
