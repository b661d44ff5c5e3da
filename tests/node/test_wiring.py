"""What sense takes its sources from: the copy beside the records while it is of the version in force, else the records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.node.configuration import open_records
from anlan.node.layout import NodeFolder
from anlan.node.up import UpOptions, prepare
from anlan.node.wiring import sources_in_force, wiring_in_force
from anlan.plant.new import new_plant
from anlan.plant.versions import import_plant, version

HEAVY = ("sqlalchemy", "numba", "pandas", "fastapi", "anlan.plant.folder", "anlan.guard")


@pytest.fixture
def folder(tmp_path: Path) -> NodeFolder:
    new_plant(tmp_path / "works")
    first = prepare(UpOptions(plant=tmp_path / "works", data=tmp_path / "node"), SystemClock())
    first.lock.release()
    return first.folder


def loaded_by_sense(folder: NodeFolder) -> set[str]:
    asked = (
        "import sys; from pathlib import Path; import anlan.node.sense as sense; from anlan.node.layout import NodeFolder\n"
        "sense.Sense(NodeFolder(Path(sys.argv[1])), sense.SystemClock())\n"
        f"print(*(name for name in {HEAVY} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", asked, str(folder.root)], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def changed(folder: NodeFolder, name: str) -> None:
    """A newer version in the records alone, as while the copy could not be written."""
    records = open_records(folder)
    try:
        current, plant, _ = version(records)
        source = plant.sources[0].model_copy(update={"name": plant.sources[0].name.model_copy(update={"en": name})})
        newer = plant.model_copy(update={"sources": (source, *plant.sources[1:])})
        import_plant(records, newer, author="li", reason="test", clock=SystemClock(), onto=current.number)
    finally:
        records.close()


def test_sense_starts_without_the_database_and_the_rooms_that_change_plants(folder: NodeFolder) -> None:
    assert loaded_by_sense(folder) == set()


def test_a_copy_of_an_older_version_is_not_taken(folder: NodeFolder) -> None:
    before = wiring_in_force(folder)
    changed(folder, "A new name")
    number, sources = sources_in_force(folder)
    assert (number, sources[0].source.name.en) == (2, "A new name")
    assert wiring_in_force(folder)[0] == 2
    assert wiring_in_force(folder) != before
    assert wiring_in_force(folder, 1) == before


def test_a_damaged_copy_is_not_taken(folder: NodeFolder) -> None:
    before = wiring_in_force(folder), [one.config for one in sources_in_force(folder)[1]]
    folder.last_plant.write_bytes(folder.last_plant.read_bytes()[:-1] + b"x")
    assert (wiring_in_force(folder), [one.config for one in sources_in_force(folder)[1]]) == before
