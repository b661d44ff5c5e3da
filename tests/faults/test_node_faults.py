"""Kills of core and of whole nodes, jumping clocks; and proof that each checker catches the bugs it is there for."""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import shutil
from pathlib import Path

import pytest

from faults import node_kill
from faults._report import Report
from tests.faults.playing import clean, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def test_a_hundred_kills_of_core_under_load() -> None:
    report = play("core_kill", "--rounds", "100")
    assert clean(report), report
    assert report["rounds"] == 100
    assert report["acknowledged"] > 1_000_000


def test_an_alarms_db_that_is_damaged_between_two_lives_of_core() -> None:
    report = play("alarms_db_damaged", "--rounds", "8")
    assert clean(report), report


@pytest.mark.parametrize("bug", ["deaf", "silent"])
def test_the_checker_of_damage_catches(bug: str) -> None:
    assert not clean(play("alarms_db_damaged", "--rounds", "2", "--seed", "5", "--plant", bug))


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


def test_the_checker_of_whole_nodes_catches_what_is_planted(tmp_path: Path) -> None:
    """Its bugs are planted in what the checker expects, so one run is judged three times."""
    if shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin") is None:
        pytest.skip("Debian's mosquitto is not installed")
    args = argparse.Namespace(rounds=1, victim="sense", plant=None)
    run = node_kill.Play(tmp_path, Report("node_kill"), args, random.Random(3))
    asyncio.run(run.run())
    assert run.report.clean, run.report
    for args.plant in ("forget", "imagine", "unanswered"):
        run.report = Report("node_kill")
        run.judge()
        assert not run.report.clean, args.plant


def test_conditions_of_five_kinds_while_core_is_killed_paused_and_its_clock_set() -> None:
    report = play("conditions", "--rounds", "12")
    assert clean(report), report
    assert report["rounds"] == 12


@pytest.mark.parametrize("bug", ["deaf", "hasty"])
def test_the_checker_of_conditions_catches(bug: str) -> None:
    assert not clean(play("conditions", "--rounds", "1", "--seed", "3", "--plant", bug))


def test_a_clock_that_jumps_and_a_process_that_pauses() -> None:
    report = play("clock_jump", "--rounds", "20")
    assert clean(report), report
    assert report["rounds"] == 20


@pytest.mark.parametrize("bug", ["deaf", "mute"])
def test_the_checker_of_clocks_catches(bug: str) -> None:
    assert not clean(play("clock_jump", "--rounds", "3", "--seed", "5", "--plant", bug))


def test_a_whole_node_on_a_disk_that_another_program_fills() -> None:
    report = play("node_disk_full", "--rounds", "2")
    assert clean(report), report
    assert report["acknowledged"] == 2


@pytest.mark.parametrize("bug", ["roomy", "mute"])
def test_the_checker_of_full_disks_catches(bug: str) -> None:
    assert not clean(play("node_disk_full", "--rounds", "1", "--plant", bug))
