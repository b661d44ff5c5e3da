"""`anlan expression`: what it prints of an expression that is understood, and of one that isn't."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import pytest
from works import write

from anlan import cli


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["anlan", "expression", *arguments])
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def test_a_condition_and_what_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "rate(LT-101 over 5 min) > 1 %/min", "--plant", str(write(tmp_path))) == 0
    assert capsys.readouterr().out == "a condition; it reads:\n  LT-101  液位  %\n"


def test_a_number_in_its_unit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(write(tmp_path))
    assert run(monkeypatch, "delta(LT-101 over 5 min)", "--plant", folder) == 0
    assert capsys.readouterr().out.startswith("a number in %; it reads:\n")
    assert run(monkeypatch, "rate(LT-101 over 5 min)", "--plant", folder, "--unit", "%/min", "--json") == 0
    found = orjson.loads(capsys.readouterr().out)
    assert (found["kind"], found["unit"], found["points"], found["timed"]) == (
        "number",
        "%/min",
        [{"id": "LT-101", "unit": "%"}],
        True,
    )
    assert [step["op"] for step in found["instructions"]] == ["POINT", "RATE", "CONST", "MUL"]


def test_a_mistake_with_its_caret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "LT-102 > 5", "--plant", str(write(tmp_path))) == 2
    assert capsys.readouterr().err == "anlan: there is no point LT-102; did you mean LT-101?\n  LT-102 > 5\n  ^^^^^^\n"
