"""Manipulations of the audit record: a short run here, ten thousand by `python -m faults.audit_tampering --rounds 10000`."""

from __future__ import annotations

import pytest

from faults.audit_tampering import MANIPULATIONS
from tests.faults.playing import clean, play

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

EACH = len(MANIPULATIONS)
"""Rounds in which every manipulation is done once."""


def test_every_manipulation_is_found_at_its_first_leaf() -> None:
    report = play("audit_tampering", "--rounds", str(10 * EACH))
    assert clean(report), report["notes"]
    assert report["rounds"] == 10 * EACH


@pytest.mark.parametrize("bug", ["hash-unread", "witness-unheard", "tail-uncounted"])
def test_a_checker_that_looks_away_is_caught(bug: str) -> None:
    assert play("audit_tampering", "--rounds", str(2 * EACH), "--plant", bug)["missed_alarms"] > 0


def test_a_checker_that_cries_wolf_is_caught() -> None:
    assert play("audit_tampering", "--rounds", str(EACH), "--plant", "always-wrong")["false_alarms"] > 0
