"""`anlan detectors`, with the node down."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from uuid import UUID

import orjson
import pytest
from typer.testing import CliRunner

from anlan.cli import _register_rooms, app
from anlan.model.clock import SystemClock
from anlan.model.errors import NotFound
from anlan.monitor.journal import Journal
from anlan.monitor.records import Calibration
from anlan.node.configuration import open_records
from anlan.node.detectors_command import read_report
from anlan.node.layout import NodeFolder
from anlan.plant.folder import load
from anlan.plant.versions import import_plant
from tests.node.older import of_an_older_release


@pytest.fixture
def data(tmp_path: Path) -> Path:
    records = open_records(NodeFolder(tmp_path))
    import_plant(records, load(Path(str(files("anlan.sense.demo") / "plant"))), author="li", reason="x", clock=SystemClock())
    with records.session() as session:
        session.add(
            Calibration(
                id=UUID(int=1), point="AT-201", began_at=1, ended_at=2, gas_on=1, person=UUID(int=2), name_zh="李", name_en="Li", post="",
                gas="Cl2", applied=5.0, unit="mg/m3", as_found=4.9, as_left=5.0, t90=38.2, measured={}, judged=[], result="pass",
                certificate="C-1", reason="x", next_due="2099-01-01",
            )
        )  # fmt: skip
    records.close()
    Journal.open(tmp_path / "alarms.db").close()
    return tmp_path


def test_it_tells_dates_and_the_last_calibration(data: Path) -> None:
    rows = {row["point"]: row for row in read_report(data)["items"]}
    assert (rows["AT-201"]["due"], rows["AT-201"]["overdue"], rows["AT-201"]["last"]["t90"]) == ("2099-01-01", False, 38.2)
    assert rows["AT-202"]["due"] == "2027-03-31"
    assert rows["XS-401"]["due"] is None
    assert "XS-201" not in rows, "a detector's own state is no detector"


def test_the_command_prints_both_forms(data: Path) -> None:
    if "detectors" not in {command.name for command in app.registered_commands}:
        _register_rooms()
    told = CliRunner().invoke(app, ["detectors", str(data), "--json"])
    assert told.exit_code == 0, told.output
    assert orjson.loads(told.stdout)["items"]
    table = CliRunner().invoke(app, ["detectors", str(data)], env={"COLUMNS": "160"})
    assert "AT-201" in table.stdout
    assert "38.2 s" in table.stdout


def test_a_folder_that_this_release_has_not_started_yet(data: Path, tmp_path: Path) -> None:
    assert read_report(of_an_older_release(data, tmp_path / "old"))["items"] == read_report(data)["items"]


def test_no_node_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="there is no node"):
        read_report(tmp_path)
