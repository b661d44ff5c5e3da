"""A data folder belongs to one machine and one place; a copy is shown and reads nothing until somebody adopts it."""

import shutil
from pathlib import Path

import pytest

from anlan.model.clock import SystemClock
from anlan.model.errors import InputError
from anlan.node import home
from anlan.node.layout import NodeFolder
from anlan.node.up import Prepared, UpOptions, _children, prepare
from anlan.plant.new import new_plant


def up(plant: Path, data: Path, **more: bool) -> Prepared:
    prepared = prepare(UpOptions(plant=plant, data=data, **more), SystemClock())  # type: ignore[arg-type]
    prepared.lock.release()
    return prepared


@pytest.fixture
def works(tmp_path: Path) -> Path:
    new_plant(tmp_path / "works")
    return tmp_path / "works"


def test_a_copy_is_told_shown_and_adopted(works: Path, tmp_path: Path) -> None:
    assert not up(works, tmp_path / "data").copy
    assert not up(works, tmp_path / "data").copy
    shutil.copytree(tmp_path / "data", tmp_path / "copy")
    shutil.copytree(works, tmp_path / "before")
    yaml = works / "plant.yaml"
    yaml.write_text(yaml.read_text("utf-8").replace("zone: Asia/Shanghai", "zone: Asia/Urumqi"), "utf-8")

    shown = up(works, tmp_path / "copy")
    assert (shown.copy, shown.imported.new, shown.imported.version.number) == (True, False, 1)
    assert [child.name for child in _children(shown, UpOptions())] == ["app"]
    told = home.what_it_is(shown.folder)
    assert told is not None
    assert str(tmp_path / "data") in told.text("en")
    assert "--adopt" in told.text("zh")
    with pytest.raises(InputError, match="--single"):
        up(works, tmp_path / "copy", single=True)

    adopted = up(works, tmp_path / "copy", adopt=True)
    assert (adopted.copy, adopted.imported.version.number, home.what_it_is(adopted.folder)) == (False, 2, None)
    assert not up(works, tmp_path / "copy").copy
    assert not up(tmp_path / "before", tmp_path / "data").copy


def test_moved_or_put_back_in_its_place_it_is_at_home(works: Path, tmp_path: Path) -> None:
    up(works, tmp_path / "data")
    (tmp_path / "data").rename(tmp_path / "moved")
    assert not up(works, tmp_path / "moved").copy
    shutil.copytree(tmp_path / "moved", tmp_path / "backup")
    shutil.rmtree(tmp_path / "moved")
    shutil.copytree(tmp_path / "backup", tmp_path / "moved")
    assert not up(works, tmp_path / "moved").copy


def test_on_another_machine_it_is_a_copy_wherever_it_lies(works: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    up(works, tmp_path / "data")
    (tmp_path / "other").write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setattr(home, "MACHINE_ID", tmp_path / "other")
    assert up(works, tmp_path / "data").copy


@pytest.mark.parametrize("record", [None, "", "{", '{"machine": 1}', "[]"])
def test_a_folder_without_a_readable_record_belongs_where_it_is(works: Path, tmp_path: Path, record: str | None) -> None:
    up(works, tmp_path / "data")
    file = NodeFolder(tmp_path / "data").home
    file.unlink() if record is None else file.write_text(record)
    assert not up(works, tmp_path / "data").copy
    assert home.home_of(NodeFolder(tmp_path / "data")) is not None
