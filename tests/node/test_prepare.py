"""What `anlan up` refuses before anything starts or is written."""

import shutil
from getpass import getuser
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from anlan.guard.audit import read
from anlan.guard.verifying import verify
from anlan.model.clock import SystemClock
from anlan.model.errors import InputError, StoreError
from anlan.monitor.compile import EngineConfig
from anlan.node.alarm_commands import _write_records
from anlan.node.configuration import open_records
from anlan.node.layout import NodeFolder
from anlan.node.up import UpOptions, prepare
from anlan.plant.config_command import register
from anlan.plant.folder import load
from anlan.plant.new import new_plant
from anlan.plant.requests import Requests
from anlan.plant.versions import StaleBase, import_plant, version
from tests.plant.works import PLANT, gas, line, write


@pytest.mark.slow
def test_a_folder_has_one_node(tmp_path: Path) -> None:
    first = prepare(UpOptions(data=tmp_path), SystemClock())
    records = first.folder.records.read_bytes()
    with pytest.raises(StoreError, match=r"runs in .* already"):
        prepare(UpOptions(data=tmp_path, port_base=40_000), SystemClock())
    assert first.folder.records.read_bytes() == records
    first.lock.release()
    assert prepare(UpOptions(data=tmp_path), SystemClock()).imported.version.number == 1


def test_a_scenario_that_does_not_exist_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no scenario 'nope'; there are: default"):
        prepare(UpOptions(data=tmp_path / "node", scenario="nope"), SystemClock())
    assert not (tmp_path / "node").exists()


def test_a_speed_that_no_demo_plays_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="speed of 100000"):
        prepare(UpOptions(data=tmp_path / "node", speed=100_000.0), SystemClock())


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        prepare(UpOptions(data=tmp_path / "file" / "node"), SystemClock())


def test_a_folder_that_rests_on_an_older_version_is_imported_when_it_is_meant(tmp_path: Path) -> None:
    data, mine, theirs = tmp_path / "data", tmp_path / "mine", tmp_path / "theirs"
    new_plant(mine)
    up(mine, data)
    shutil.copytree(mine, theirs)
    change(theirs, "100.1")
    up(theirs, data)
    change(mine, "100.2")
    with pytest.raises(StaleBase, match="--onto 2"):
        up(mine, data)
    with pytest.raises(StaleBase):
        up(mine, data, onto=1)
    assert up(mine, data, onto=2) == 3


@pytest.mark.slow
def test_onto_is_refused_where_there_is_no_version_that_it_could_mean(tmp_path: Path) -> None:
    own = tmp_path / "own"
    new_plant(own)
    with pytest.raises(InputError, match="--onto 9: this node has no version yet"):
        prepare(UpOptions(plant=own, data=tmp_path / "data", onto=9), SystemClock())
    prepare(UpOptions(data=tmp_path / "demo"), SystemClock()).lock.release()
    with pytest.raises(InputError, match="--onto 1: the demo plant comes with the program"):
        prepare(UpOptions(data=tmp_path / "demo", onto=1), SystemClock())


def test_the_demo_goes_on_with_what_was_edited_in_it(tmp_path: Path) -> None:
    """Until the program brings another demo plant; its own ports are one."""
    prepared = prepare(UpOptions(data=tmp_path), SystemClock())
    prepared.lock.release()
    plant = prepared.imported.plant
    records = open_records(prepared.folder)
    edited = plant.model_copy(update={"rules": plant.rules[1:]})
    import_plant(records, edited, author="Li", reason="", clock=SystemClock(), onto=1)
    records.close()
    again = prepare(UpOptions(data=tmp_path), SystemClock())
    again.lock.release()
    assert (again.imported.version.number, again.imported.plant) == (2, edited)
    assert EngineConfig.from_bytes(again.folder.engine_config.read_bytes()).version == 2
    moved = prepare(UpOptions(data=tmp_path, port_base=40_000), SystemClock())
    moved.lock.release()
    assert moved.imported.version.number == 3


@pytest.mark.slow
def test_starting_the_node_is_no_way_past_the_second_person(tmp_path: Path) -> None:
    """As at the console: one person tightens; what one person loosened in the folder waits, and the node starts on what is approved."""
    works, data = write(tmp_path / "works", gas("20")), tmp_path / "data"
    assert up(works, data) == 1
    write(works, gas("15"))
    assert up(works, data) == 2
    for loose in (gas("24"), gas(""), line()):
        write(works, loose)
        assert [up(works, data), up(works, data), up(works, data, onto=2)] == [2, 2, 2]
    write(works, gas("24"), plant=PLANT.replace("  id: works", "  id: works\n  demo: true"))
    assert up(works, data) == 2
    records = open_records(NodeFolder(data))
    waiting = Requests(records, SystemClock()).rows()
    assert version(records)[1].rules[0].limit == 15
    records.close()
    assert all(row.requester is None for row in waiting), "the machine's account is no person"
    assert [row.told["weaker"][0] for row in reversed(waiting)] == [
        "AT-1.H: limit 15.0 → 24.0", "AT-1.H removed", "AT-1.H removed", "AT-1.H: limit 15.0 → 24.0",
    ]  # fmt: skip
    assert "works: demo False → True" in waiting[0].told["weaker"]
    write(works, gas("15"))
    assert up(works, data) == 2
    commands = typer.Typer()
    register(commands)
    listed = CliRunner().invoke(commands, ["config", "requests", str(data), "--state", "open"], env={"LC_ALL": "C"})
    assert listed.output.count(f"machine account {getuser()}: anlan up {works}") == 4, listed.output
    assert listed.output.endswith("AT-1.H: limit 15.0 → 24.0\n4 requests\n"), listed.output
    assert CliRunner().invoke(commands, ["config", "versions", str(data)]).output.count(f"anlan up {works}") == 2


@pytest.mark.slow
def test_every_version_that_a_start_makes_is_in_the_audit_record(tmp_path: Path) -> None:
    works, data = write(tmp_path / "works", gas("20")), tmp_path / "data"
    up(works, data)
    write(works, gas("15"))
    up(works, data)
    up(works, data)
    up(write(tmp_path / "other", gas("10")), data, onto=2)
    assert configured(data) == [(None, 1, []), (1, 2, ["alarm AT-1.H: limit 20 → 15"]), (2, 3, ["alarm AT-1.H: limit 15 → 10"])]
    prepare(UpOptions(data=tmp_path / "demo"), SystemClock()).lock.release()
    assert configured(tmp_path / "demo") == [(None, 1, [])]


def test_a_workbook_brought_in_while_the_node_is_down_is_in_the_audit_record(tmp_path: Path) -> None:
    data = tmp_path / "data"
    up(write(tmp_path / "works", gas("20")), data)
    _write_records(data, load(write(tmp_path / "tighter", gas("15"))), "HAZOP", 1)
    assert configured(data)[1:] == [(1, 2, ["alarm AT-1.H: limit 20 → 15"])]
    with pytest.raises(typer.Exit) as waits:
        _write_records(data, load(write(tmp_path / "looser", gas("24"))), "HAZOP", 2)
    assert waits.value.exit_code == 3
    assert len(configured(data)) == 2


def configured(data: Path) -> list[tuple[int | None, int, list[str]]]:
    """(version before, version after, changes) of each configuration in the audit record, which must be whole."""
    records = open_records(NodeFolder(data))
    with records.reading() as session:
        assert verify(session).difference is None
        leaves = [leaf for leaf in read(session, 0, 1000) if leaf.action == "alarm.configure"]
        assert all(leaf.after["account"] in {getuser(), "anlan"} and leaf.after["digest"] for leaf in leaves)
        found = [(leaf.before["version"], leaf.after["version"], leaf.after["changes"]) for leaf in leaves]
    records.close()
    return found


def up(folder: Path, data: Path, onto: int | None = None) -> int:
    """Prepare and let go again; the version in force."""
    prepared = prepare(UpOptions(plant=folder, data=data, onto=onto), SystemClock())
    prepared.lock.release()
    return prepared.imported.version.number


def change(folder: Path, pressure: str) -> None:
    """Another atmospheric pressure."""
    file = folder / "plant.yaml"
    text = file.read_text("utf-8")
    assert "101.325" in text
    file.write_text(text.replace("101.325", pressure), "utf-8")
