"""The folder `worksheets/` of a plant folder: a file a sheet. A sheet comes into the records once, at the first start that finds its file; from then
on people fill it in at the console, and the file is not looked at again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from anlan.model.clock import Clock
from anlan.model.errors import ConfigError
from anlan.risk.worksheets.sheet import Sheet
from anlan.risk.worksheets.store import Kept, Worksheets
from anlan.risk.worksheets.yaml_form import read_yaml
from anlan.store.ids import uuid7
from anlan.store.records import Records

FOLDER = "worksheets"


def read_folder(plant: Path) -> Iterator[tuple[str, Sheet | ConfigError]]:
    """(worksheets/NAME.yaml, the sheet or its first mistake), in order of the names. A folder without worksheets has none."""
    for path in sorted((plant / FOLDER).glob("*.yaml")):
        name = f"{FOLDER}/{path.name}"
        try:
            yield name, read_yaml(path, name)
        except ConfigError as mistake:
            yield name, mistake


def bring_in(records: Records, plant: Path, clock: Clock, reason: str) -> list[Kept]:
    """The sheets that are new. Raises ConfigError."""
    store = Worksheets(records, clock)
    known = store.origins()
    made = []
    for name, found in read_folder(plant):
        if isinstance(found, ConfigError):
            raise found
        if name not in known:
            made.append(store.create(None, uuid7(clock), found, reason, name))
    return made
