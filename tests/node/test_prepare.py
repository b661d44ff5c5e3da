"""What `anlan up` refuses before anything starts or is written."""

import shutil
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import InputError, StoreError
from anlan.monitor.compile import EngineConfig
from anlan.node.configuration import open_records
from anlan.node.up import UpOptions, prepare
from anlan.plant.new import new_plant
from anlan.plant.versions import StaleBase, import_plant


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
