"""The scripts that turn printed figures into pages: no figure is lost or changed on the way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = {"name": "core_kill", "rounds": 100, "acknowledged": 6_280_000, "lost": 0, "duplicates": 1, "phantom": 2, "false_alarms": 3, "missed_alarms": 4, "seconds": 448.3, "notes": ["a"], "seed": 1}  # fmt: skip
MACHINE = {"cores": 2, "memory_gib": 8.0, "python": "3.11.2", "processor": "Some CPU"}
MEASURE = {"name": "pipeline", "value": 4_000_000, "unit": "readings/s", "peers": {"flink": 110_000, "other": None}, "ratio": 36.4, "notes": "a | b", "machine": MACHINE}  # fmt: skip


def script(name: str, given: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / name), *arguments]
    return subprocess.run(command, input=given, capture_output=True, text=True, check=False)


def test_a_run_becomes_a_row_behind_those_that_stand(tmp_path: Path) -> None:
    page = tmp_path / "reliability.md"
    page.write_text("| date |\n|---|\n| old |\n", encoding="utf-8")
    done = script(
        "reliability_ledger.py", f"chatter\n{json.dumps(RUN)}\n", "--commit", "abc", "--date", "2026-01-02", "--file", str(page)
    )
    assert done.returncode == 0, done.stderr
    row = "| 2026-01-02 | abc | core_kill **(1 violations)** | 100 | 6,280,000 | 0 | 1 | 2 | 3 | 4 | 448 |"
    assert page.read_text("utf-8").splitlines()[2:] == ["| old |", row]


def test_no_run_is_an_error(tmp_path: Path) -> None:
    page = tmp_path / "reliability.md"
    page.write_text("| old |\n", encoding="utf-8")
    assert script("reliability_ledger.py", "skipped: no root\n", "--commit", "abc", "--file", str(page)).returncode == 1


def test_the_last_measure_of_a_name_stands_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    lines = [json.dumps(MEASURE | {"value": 1}), "chatter", json.dumps(MEASURE)]
    done = script("benchmark_page.py", "\n".join(lines), "--out", str(page))
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    assert "| pipeline | 4,000,000 | readings/s | flink 110,000<br>other — | 36.4 | M1 | a \\| b |" in text
    assert "* **M1**: Some CPU, 2 cores, 8.0 GiB, Python 3.11.2" in text
    assert "| 1 |" not in text


def test_each_benchmark_has_its_section_measured_or_not(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    lines = [json.dumps(MEASURE | {"name": name}) for name in ("another.one", "storm.all", "pipeline.a")]
    assert script("benchmark_page.py", "\n".join(lines), "--out", str(page)).returncode == 0
    sections = {part.partition("\n")[0]: part for part in page.read_text("utf-8").split("\n## ")[1:]}
    assert "| storm.all |" in sections["storm"]
    assert "| pipeline.a |" in sections["pipeline"]
    assert "| another.one |" in sections["another"]
    assert "Not measured yet." in sections["alarms"]
    assert "Not measured yet." not in sections["storm"]


def test_no_measure_is_an_error_and_leaves_the_page(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    assert script("benchmark_page.py", "nothing\n", "--out", str(page)).returncode == 2
    assert not page.exists()


VAC = Path(os.environ.get("ANLAN_SHARED_DATA", ROOT.parent / "shared/data")) / "vac_alarms"


@pytest.mark.skipif(not VAC.exists(), reason="shared/data/vac_alarms is not beside this checkout")
def test_the_figures_of_the_alarm_performance_page_are_those_of_its_script(tmp_path: Path) -> None:
    """But for the row of the demo plant, which changes with it."""
    shown = ROOT / "docs/alarm-performance.md"
    page = tmp_path / "page.md"
    page.write_bytes(shown.read_bytes())
    done = script("alarm_performance_page.py", "", str(VAC), "--file", str(page))
    assert done.returncode == 0, done.stderr
    made, stands = (
        [line for line in text.splitlines() if "demo plant at once" not in line]
        for text in (page.read_text("utf-8"), shown.read_text("utf-8"))
    )
    assert made == stands
    assert sum(line.startswith("| ") for line in made) > 30
