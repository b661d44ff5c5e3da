"""Whatever can be exported and imported again: unchanged it changes nothing, and nothing is said that the plant's own check doesn't say."""

from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from generated import plants
from hypothesis import HealthCheck, assume, given, settings
from works import gas, line, write

from anlan.plant.description import Plant
from anlan.plant.folder import check, load
from anlan.plant.master_book import read_book, write_book
from anlan.plant.points_file import read_list, write_points
from anlan.plant.writing import export_folder

ANY = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=25)
DEMO = Path(str(files("anlan.sense.demo") / "plant"))


@pytest.fixture(autouse=True, scope="module")
def _few_empty_lines() -> Iterator[None]:
    """Two hundred are for people; here they would only take time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("anlan.plant.master_book.EMPTY_ROWS", 4)
        yield


def findings_of(plant: Plant, folder: Path) -> Counter[tuple[str, bool]]:
    """What `anlan check` says of its folder."""
    export_folder(plant, folder, replace=True)
    return Counter((one.name, one.fatal) for one in check(folder).findings)


def must_come_back(plant: Plant, folder: Path) -> None:
    read = read_book(write_book(plant, None), plant)
    told = Counter((one.name, one.fatal) for one in read.findings)
    assert told <= findings_of(plant, folder), [one.text() for one in read.findings]
    assert (read.plant, read.changes, read.loosened) == (plant, (), ())


def test_the_demo_s_alarms_come_back_from_excel_as_they_were(tmp_path: Path) -> None:
    must_come_back(load(DEMO), tmp_path)


def test_alarms_of_a_small_plant_come_back_from_excel_as_they_were(tmp_path: Path) -> None:
    must_come_back(load(write(tmp_path / "works", line(), gas("20"))), tmp_path / "out")


@given(plant=plants())
@ANY
def test_alarms_of_any_plant_come_back_from_excel_as_they_were(tmp_path: Path, plant: Plant) -> None:
    assume(not any(fatal for _, fatal in findings_of(plant, tmp_path)))
    must_come_back(plant, tmp_path)


def must_list_the_same(plant: Plant, folder: Path) -> None:
    export_folder(plant, folder, replace=True)
    imported = read_list(folder / "points.csv")
    assert (imported.notes, imported.unknown, imported.renamed()) == ([], [], [])
    write_points(imported, folder, replace=True)
    assert load(folder) == plant


def test_the_demo_s_point_list_is_imported_as_it_was_exported(tmp_path: Path) -> None:
    must_list_the_same(load(DEMO), tmp_path)


@given(plant=plants())
@ANY
def test_the_point_list_of_any_plant_is_imported_as_it_was_exported(tmp_path: Path, plant: Plant) -> None:
    assume(not any(fatal for _, fatal in findings_of(plant, tmp_path)))
    must_list_the_same(plant, tmp_path)


def test_an_alarm_on_a_point_that_nobody_calculates_is_still_told(tmp_path: Path) -> None:
    plant = load(DEMO)
    orphan = next(rule for rule in plant.rules if rule.point == "PDI-101")
    without = plant.model_copy(update={"calculated": tuple(one for one in plant.calculated if one.id != orphan.point)})
    assert ("unknown-point", True) in findings_of(without, tmp_path)
