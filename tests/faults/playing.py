"""Runs a fault program as anyone would and reads the report it prints last."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COUNTS = ("lost", "duplicates", "phantom", "false_alarms", "missed_alarms")
SKIPPED = 77


def play(name: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"faults.{name}", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == SKIPPED:
        pytest.skip(done.stderr.strip())
    print(
        done.stderr, done.stdout, sep="\n"
    )  # pytest shows it all when the test fails; of a long dict it shows the first entries only
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == bool(any(report[count] for count in COUNTS) or report["notes"])
    return report


def clean(report: dict[str, Any]) -> bool:
    return not report["notes"] and not any(report[count] for count in COUNTS)
