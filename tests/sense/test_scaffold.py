"""`anlan new driver`: the copy is a package whose own tests pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from anlan.model.errors import InputError
from anlan.sense.commands import register
from anlan.sense.scaffold import new_driver


@pytest.mark.slow
def test_a_new_driver_keeps_the_contract_at_once(tmp_path: Path) -> None:
    new_driver("acme_gas", tmp_path)
    root = tmp_path / "anlan_acme_gas"
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(root)],
        cwd=root, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "10 passed" in done.stdout


def test_nothing_of_the_template_is_left_in_the_names(tmp_path: Path) -> None:
    files = new_driver("acme_gas", tmp_path)
    assert sorted(str(f.relative_to(tmp_path / "anlan_acme_gas")) for f in files) == [
        "anlan_acme_gas/__init__.py", "anlan_acme_gas/driver.py", "anlan_acme_gas/frame.py", "anlan_acme_gas/harness.py",
        "anlan_acme_gas/quality.yaml", "anlan_acme_gas/simulator.py", "pyproject.toml", "tests/test_acme_gas.py",
    ]  # fmt: skip
    assert not [f for f in files if "template" in f.read_text("utf-8").lower()]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Acme", "cannot be a driver's name"),
        ("9x", "cannot be"),
        ("a-b", "cannot be"),
        ("mqtt", "there is a driver 'mqtt' already"),
    ],
)
def test_a_name_that_will_not_do_is_refused(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        new_driver(name, tmp_path)
    assert said in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    new_driver("acme", tmp_path)
    with pytest.raises(InputError, match="exists already"):
        new_driver("acme", tmp_path)


def test_the_command_line_lists_drivers_and_writes_new_ones(tmp_path: Path) -> None:
    app = typer.Typer()
    register(app)
    listed = CliRunner().invoke(app, ["drivers"])
    assert "modbus" in listed.output
    assert "Modbus TCP and RTU over TCP" in listed.output
    written = CliRunner().invoke(app, ["new", "driver", "acme", "--folder", str(tmp_path)])
    assert "driver.py" in written.output
