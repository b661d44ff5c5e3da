"""Devices killed and restarted under load: a short run here, long ones by `python -m faults.servers`."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def played(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "faults.servers", "--json", *arguments], capture_output=True, text=True, check=False
    )
    return done.returncode, json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(("driver", "rounds"), [("modbus", 6), ("mqtt", 6), ("mqtt5", 6), ("opcua", 3)])
def test_nothing_acknowledged_is_lost_or_repeated(driver: str, rounds: int) -> None:
    code, counts = played("--driver", driver, "--rounds", str(rounds))
    assert code == 0, counts
    assert counts["acknowledged"] > 20
    assert [counts[k] for k in ("lost", "duplicates", "phantom", "false_alarms", "missed_alarms", "notes")] == [0, 0, 0, 0, 0, []]


@pytest.mark.parametrize("driver", ["modbus", "mqtt", "opcua"])
def test_an_acknowledgement_before_durability_is_caught(driver: str) -> None:
    code, counts = played("--driver", driver, "--rounds", "3", "--plant", "ack-early")
    assert code == 1
    assert counts["lost"] > 0
