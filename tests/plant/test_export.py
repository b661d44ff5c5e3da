"""What is exported reads back as the same plant, whatever is in it."""

from importlib.resources import files
from pathlib import Path

import pytest
from generated import plants
from hypothesis import HealthCheck, given, settings
from works import write

from anlan.model.errors import InputError
from anlan.plant.description import Plant
from anlan.plant.folder import check, load
from anlan.plant.writing import export_folder


@given(plant=plants())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None, max_examples=25)
def test_an_exported_folder_reads_back_as_the_same_plant(tmp_path: Path, plant: Plant) -> None:
    export_folder(plant, tmp_path, replace=True)
    checked = check(tmp_path)
    assert [f.text() for f in checked.findings if f.fatal and f.name != "late-alarm"] == []
    assert checked.plant == plant
    assert checked.plant is not None
    assert checked.plant.to_json().decode() == plant.to_json().decode()


@given(plant=plants())
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=30)
def test_canonical_json_reads_back_as_the_same_plant(plant: Plant) -> None:
    again = Plant.from_json(plant.to_json())
    assert again == plant
    assert again.to_json() == plant.to_json()


def test_the_demo_s_own_folder_survives_two_exports(tmp_path: Path) -> None:
    plant = load(write(tmp_path / "works"))
    export_folder(plant, tmp_path / "a")
    export_folder(load(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a" / "plant.yaml").read_text("utf-8") == (tmp_path / "b" / "plant.yaml").read_text("utf-8")
    assert load(tmp_path / "b") == plant


def test_an_export_overwrites_only_when_told(tmp_path: Path) -> None:
    folder = write(tmp_path)
    plant = load(folder)
    with pytest.raises(InputError, match=r"already holds plant.yaml, points.csv; say --replace to overwrite it"):
        export_folder(plant, folder)
    export_folder(plant, folder, replace=True)
    assert load(folder) == plant


def test_a_folder_is_written_whole_or_stays_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full while the second file is written."""
    plant = load(Path(str(files("anlan.sense.demo") / "plant")))
    export_folder(plant, tmp_path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    synced: list[int] = []

    def full(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    smaller = plant.model_copy(update={"points": plant.points[:3], "rules": ()})
    with pytest.raises(OSError, match="No space left"):
        export_folder(smaller, tmp_path, replace=True)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
