"""What points were is kept with the version that ends it, and told before it is made."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner
from works import line, write

from anlan.model.clock import SECOND, ManualClock
from anlan.plant.commands import register
from anlan.plant.folder import load
from anlan.plant.history_effects import history_effects
from anlan.plant.point_past import fill, past_of
from anlan.plant.records import PointThenRow
from anlan.plant.version import Imported
from anlan.plant.versions import import_folder, plant_of
from anlan.store.records import Records

KPA = {"kind": "pressure", "unit": "kPaG", "range_high": "100"}
MPA = {"kind": "pressure", "unit": "MPaG", "range_high": "0.1", "HH": "0.09", "H": "0.08", "L": "0.02", "LL": "0.01", "trip": ">0.095", "dead_band": "0.001"}  # fmt: skip
ABSOLUTE = KPA | {"unit": "kPaA"}


@pytest.fixture
def records(tmp_path: Path) -> Iterator[Records]:
    opened = Records.open(tmp_path / "data" / "records.db")
    opened.migrate({"plant": "anlan.plant"})
    yield opened
    opened.close()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def works(data: Path, tmp_path: Path) -> Path:
    return write(tmp_path / "works", line(**KPA), line(id="LT-102", address="hr:4 float32"))


CLOCK = ManualClock()


def take(records: Records, folder: Path, *lines: str) -> Imported:
    CLOCK.advance(SECOND)
    write(folder, *lines)
    return import_folder(records, folder, author="Li", reason="test", clock=CLOCK)


def told(records: Records) -> dict[int, list[tuple[str, str, int]]]:
    return {number: [(then.point.id, then.point.unit, then.until) for then in was] for number, was in past_of(records).items()}


OTHER = line(id="LT-102", address="hr:4 float32")


def test_units_names_and_points_that_go_are_kept_with_their_end(works: Path, records: Records) -> None:
    first = take(records, works, line(**KPA), OTHER)
    one, two = first.numbers.points["LT-101"], first.numbers.points["LT-102"]
    assert (past_of(records), first.history) == ({}, ())
    harmless = take(records, works, line(**KPA, dead_band="2"), OTHER)
    assert (harmless.new, past_of(records)) == (True, {})

    second = take(records, works, line(**MPA), OTHER)
    assert [one.text() for one in second.history] == [
        "LT-101: the readings so far stay in kPa gauge; trends convert them to MPa gauge"
    ]
    third = take(records, works, line(**MPA, id="PI-101", was="LT-101"), OTHER)
    assert third.history == ()  # its number and history go on
    fourth = take(records, works, line(**MPA, id="PI-101", was="LT-101"))
    assert [one.text() for one in fourth.history] == ["LT-102 goes: its readings stay, under this id"]
    fifth = take(records, works, line(**MPA, id="PI-101", was="LT-101"), OTHER)
    assert fifth.numbers.points["LT-102"] == two

    at = [made.version.at for made in (second, third, fourth)]
    assert told(records)[one] == [("LT-101", "kPa", at[0]), ("LT-101", "MPa", at[1])]
    assert told(records)[two] == [("LT-102", "%", at[2])]


def test_a_release_that_kept_none_of_it_finds_it_in_its_versions(works: Path, records: Records) -> None:
    for lines in ([line(**KPA), OTHER], [line(**MPA), OTHER], [line(**MPA, id="PI-101", was="LT-101"), OTHER], [line(**MPA, id="PI-101", was="LT-101")]):  # fmt: skip
        take(records, works, *lines)
    kept = past_of(records)
    assert len(kept) >= 2
    with records.session() as session:
        session.execute(sa.delete(PointThenRow))
    with records.session() as session:
        fill(session, plant_of)
    assert past_of(records) == kept


def test_what_becomes_of_history_is_said_before(works: Path, tmp_path: Path) -> None:
    def effects(*lines: str) -> list[str]:
        after = write(tmp_path / "after", *lines)
        return [one.text() for one in history_effects(load(works), load(after))]

    assert effects(line(**KPA), OTHER) == []
    assert effects(line(**ABSOLUTE), OTHER) == [
        "LT-101: the readings so far stay in kPa gauge; they do not become kPa absolute exactly, trends leave them out"
    ]
    assert effects(line(**KPA), line(id="LT-109", address="hr:4 float32")) == [
        "LT-102 goes and LT-109 reads the same address: if it is the same point, write was: LT-102, else its readings stay apart under the old id"
    ]
    assert effects(line(**KPA), line(id="LT-109", address="hr:4 float32", was="LT-102")) == []


def test_check_tells_it_beside_a_nodes_data(works: Path, records: Records, data: Path) -> None:
    import typer

    take(records, works, line(**KPA), OTHER)
    write(works, line(**MPA))
    app = typer.Typer()
    register(app)
    found = CliRunner().invoke(app, ["check", str(works), "--data", str(data)], env={"LANG": "C", "LC_ALL": "C"})
    assert found.exit_code == 0
    assert "LT-101: the readings so far stay in kPa gauge; trends convert them to MPa gauge" in found.output
    assert "LT-102 goes" in found.output
    nowhere = CliRunner().invoke(app, ["check", str(works), "--data", str(works)])
    assert "there is no node in" in str(nowhere.exception)
