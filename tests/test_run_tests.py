"""What `make test` does about a test that fails: a quick one fails the run, a slow one may be chance twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from scripts import run_tests

HEAD = "import pathlib, pytest\n"
FAILS_ONCE = """
@pytest.mark.{mark}
def test_{name}():
    seen = pathlib.Path("{name}.seen")
    first = not seen.exists()
    seen.touch()
    assert not first
"""
FAILS = """
@pytest.mark.{mark}
def test_{name}():
    raise AssertionError
"""
PASSES = "\n@pytest.mark.{mark}\ndef test_{name}():\n    pass\n"
INI = "[pytest]\nmarkers =\n    slow:\n    browser:\n    quick:\n"
QUICK_AND_BROWSER = PASSES.format(mark="quick", name="quick") + PASSES.format(mark="browser", name="page")


def made(folder: Path, tests: str) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text(INI)
    (folder / "test_some.py").write_text(HEAD + QUICK_AND_BROWSER + tests)
    command = [sys.executable, run_tests.__file__, "--workers", "0"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def slow_ones(form: str, count: int) -> str:
    return "".join(form.format(mark="slow", name=f"slow{n}") for n in range(count))


@pytest.mark.slow
def test_a_slow_test_that_passes_alone_is_named_and_passes(tmp_path: Path) -> None:
    ended = made(tmp_path, slow_ones(FAILS_ONCE, 2))
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.count("UNSTABLE test_some.py::test_slow") == 2


@pytest.mark.slow
def test_three_that_fail_by_chance_fail_the_run(tmp_path: Path) -> None:
    ended = made(tmp_path, slow_ones(FAILS_ONCE, 3))
    assert ended.returncode == 1
    assert ended.stdout.count("FAILED test_some.py::test_slow") >= 3


@pytest.mark.slow
def test_a_slow_test_that_fails_alone_too_fails_the_run(tmp_path: Path) -> None:
    ended = made(tmp_path, slow_ones(FAILS, 1))
    assert ended.returncode == 1
    assert "\nFAILED test_some.py::test_slow0\n" in ended.stdout


@pytest.mark.slow
def test_a_quick_test_has_no_second_chance(tmp_path: Path) -> None:
    ended = made(tmp_path, FAILS_ONCE.format(mark="quick", name="once") + slow_ones(PASSES, 1))
    assert ended.returncode == 1
    assert "\nFAILED test_some.py::test_once\n" in ended.stdout


@pytest.mark.slow
def test_a_group_without_a_test_fails_the_run(tmp_path: Path) -> None:
    ended = made(tmp_path, "")
    assert ended.returncode == 1
    assert "the group slow: pytest ended with code 5" in ended.stdout
