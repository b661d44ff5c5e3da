"""Silent units of a serial gateway: a short run here, long ones by `python -m faults.silent_units`."""

from __future__ import annotations

import pytest

from tests.faults.playing import clean, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_no_unit_waits_for_a_silent_one() -> None:
    report = play("silent_units", "--rounds", "3")
    assert clean(report), report
    assert report["acknowledged"] > 100


def test_waiting_for_a_silent_unit_within_the_scan_is_caught() -> None:
    assert play("silent_units", "--rounds", "2", "--seed", "8", "--plant", "wait")["lost"] > 0
