"""Each benchmark runs from the command line at its shortest and prints its measures in the agreed form, last."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from anlan.model.clock import SystemClock
from benchmarks._every_kind import ENOUGH, EveryKind, configuration
from benchmarks._pipe import Pipe
from benchmarks._recount import check
from benchmarks.trees import DATA as TREES

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
FORM = {"name", "value", "unit", "peers", "ratio", "machine", "notes"}

SHORTEST = {
    "pipeline": ["--seconds", "1", "--points", "10000"],
    "growth": ["--seconds", "1", "--points", "20000"],
    "recovery": ["--rounds", "1", "--readings", "200000", "--steady", "1"],
    "latency": ["--points", "2000", "--seconds", "2", "--browsers", "2"],
    "console": ["--points", "2000", "--seconds", "1", "--browsers", "2", "--pages", "0"],
    "start": [],
    "search": [],
    "edit": ["--points", "200", "--rounds", "2"],
    "alarms": ["--points", "6000"],
    "storm": ["--consoles", "2"],
    "replay": ["--points", "100", "--seconds", "60"],
    "audit": [],
    "trees": [],
}
MEASURES = {
    "pipeline": {"pipeline.frames_of_10000", "pipeline.frames_of_1000"},
    "growth": {"growth.resident", "growth.throughput_kept"},
    "recovery": {"recovery.first_alarm", "recovery.console"},
    "console": {"console.latency.without_viewers", "console.latency.with_viewers", "console.cpu", "console.gap"},
    "start": {"start.live_values"},
    "search": {"search.index", "search.p50", "search.p99"},
    "edit": {"edit.plant_of_200_points"},
    "replay": {"replay.parquet", "replay.csv"},
    "audit": {"audit.verify", "audit.inclusion"},
    "trees": {"trees.all", "trees.one_command"},
    "alarms": {
        *(f"alarms.every_kind.frames_of_{rows}{part}" for rows in (10_000, 1_000) for part in ("", ".engine")),
        "alarms.transitions",
    },
    "storm": {"storm.priority_1", "storm.all", "storm.items"},
    "latency": {f"latency.{path}.{seer}" for path in ("columnar", "opcua", "mqtt") for seer in ("subscriber", "event_stream")},
}


@pytest.mark.parametrize("name", SHORTEST)
def test_prints_its_measures_last(name: str, tmp_path: Path) -> None:
    if name == "trees" and not TREES.exists():
        pytest.skip("shared/data/aralia is not beside this checkout")
    measures = run(name, tmp_path)
    assert {measure["name"] for measure in measures} == MEASURES[name]
    for measure in measures:
        assert set(measure) == FORM
        assert math.isfinite(measure["value"])
        assert measure["value"] > 0
        assert measure["unit"]
        assert measure["notes"]
        assert measure["peers"] == {}
        assert measure["ratio"] is None
        assert measure["machine"]["cores"] > 0
    assert list(tmp_path.glob("anlan-*")) == []  # what it made for itself is gone


def run(name: str, folder: Path) -> list[dict[str, Any]]:
    """The measures that the last lines are."""
    command = [
        sys.executable,
        "-m",
        f"benchmarks.{name}",
        "--quick",
        "--json",
        "--no-peers",
        "--folder",
        str(folder),
        *SHORTEST[name],
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads(line) for line in done.stdout.splitlines()[-len(MEASURES[name]) :]]


def test_the_recount_notices_a_transition_too_many_and_one_too_few(tmp_path: Path) -> None:
    clock = SystemClock()
    load = EveryKind(6_000, 2_000, clock.now())
    pipe = Pipe(tmp_path, configuration(6_000), load, clock)
    pipe.run(lambda: load.scans < ENOUGH)
    assert check(load, pipe.journal)["H SUPPRESS"] > 0
    for column, value in ((2, 45.0), (4, 95.0)):  # the first point that leaves, and one beside it that stays
        was = [row.copy() for row in load.watched.values]
        for row in load.watched.values[60:130]:
            row[column] = value
        with pytest.raises(SystemExit, match="the recount says"):
            check(load, pipe.journal)
        load.watched.values[:] = was
