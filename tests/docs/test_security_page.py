"""docs/security.md: each requirement is answered, each test that it names exists, and its picture is the one that the script draws."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
LEVELS = Path(__file__).parent / "asvs-5.0.0.csv"
"""The numbers of OWASP ASVS 5.0.0 by section and level."""


def required() -> dict[str, str]:
    """Number → L1 or L2."""
    rows = list(csv.DictReader(LEVELS.read_text("utf-8").splitlines()))
    return {f"{row['section']}.{n}": level for row in rows for level in ("L1", "L2") for n in row[level].split()}


def test_every_requirement_of_asvs_is_answered_once() -> None:
    part = PAGE.partition("## OWASP ASVS")[2].partition("\n## ")[0]
    shown = re.findall(r"^\| ([\d.]+) \| (L\d) \|", part, re.MULTILINE)
    prose = "".join(line for line in part.splitlines(keepends=True) if not line.startswith("|"))
    elsewhere = re.findall(r"\b\d+\.\d+\.\d+\b", prose.partition("Not applicable")[2])
    answered = Counter([number for number, _ in shown] + elsewhere)
    assert len(required()) == 253
    assert set(required()) - set(answered) == set()
    assert {number for number, times in answered.items() if times > 1 or number not in required()} == set()
    assert {(number, level) for number, level in shown if required()[number] != level} == set()


def test_every_test_that_is_named_exists() -> None:
    named = set(re.findall(r"`([\w/]+\.py)::(\w+)`", PAGE))
    assert len(named) > 120
    there = {file: re.findall(r"def (test_\w+)\(", (ROOT / "tests" / file).read_text("utf-8")) for file, _ in named}
    assert {f"{file}::{test}" for file, test in named if test not in there[file]} == set()


def test_the_picture_is_drawn_by_its_script(tmp_path: Path) -> None:
    out = tmp_path / "model.svg"
    subprocess.run([sys.executable, ROOT / "scripts" / "threat_model.py", "--out", out], check=True)
    assert out.read_text("utf-8") == (ROOT / "docs" / "pictures" / "threat-model.svg").read_text("utf-8")
