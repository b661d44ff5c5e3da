"""`anlan new plant DIR`: a commented little plant that `anlan check` accepts, to be changed into one's own; `anlan init DIR`: one with nothing
in it yet, to be filled at the console."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

from anlan.model.errors import InputError, StoreError
from anlan.model.places import check_id
from anlan.plant.columns import REQUIRED


def empty_plant(folder: Path, name: str = "") -> list[Path]:
    """A plant without sources and points, whose posts are the usual two. Raises as `new_plant`."""
    _make(folder)
    template = files("anlan.plant") / "data" / "empty"
    plant = folder / "plant.yaml"
    id = _id_from(folder)
    # As JSON: a name may hold whatever means something in YAML.
    plant.write_text(
        (template / "plant.yaml").read_text("utf-8").format(id=id, name=json.dumps(name or id, ensure_ascii=False)), "utf-8"
    )
    points = folder / "points.csv"
    points.write_text(",".join([*REQUIRED[:2], "name_zh", "name_en", "kind", "unit", *REQUIRED[3:]]) + "\n", "utf-8-sig")
    return [plant, points]


def new_plant(folder: Path) -> list[Path]:
    """Write the folder and return its files. Raises InputError if it exists and is not empty, StoreError if it cannot be made."""
    _make(folder)
    template = files("anlan.plant") / "data" / "new"
    plant = folder / "plant.yaml"
    plant.write_text((template / "plant.yaml").read_text("utf-8").format(id=_id_from(folder)), "utf-8")
    points = folder / "points.csv"
    # With a byte order mark, because Excel takes a CSV without one for the system's old encoding and shows the Chinese as garbage.
    points.write_text((template / "points.csv").read_text("utf-8"), "utf-8-sig")
    return [plant, points]


def _make(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("{folder} exists and is not empty; name a new folder", folder=str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError("the folder {folder} cannot be made: {why}", folder=str(folder), why=error.strerror) from error


def _id_from(folder: Path) -> str:
    """The folder's name where it can be an id."""
    name = folder.resolve().name
    try:
        return check_id(name)
    except ValueError:
        return "plant"
