"""The folder `worksheets/` of a plant folder: a file a sheet. A sheet comes into the records once, at the first start that finds its file; from then
on people fill it in at the console, and the file is not looked at again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from anlan.model.clock import Clock
from anlan.model.errors import CommandRefused, ConfigError
from anlan.risk.worksheets.sheet import Sheet
from anlan.risk.worksheets.store import Kept, Worksheets
from anlan.risk.worksheets.yaml_form import read_named, write_yaml
from anlan.store.disk import Disk
from anlan.store.ids import uuid7
from anlan.store.records import Records

FOLDER = "worksheets"
_NAME = re.compile(rf"{FOLDER}/([^/\\]+\.yaml)")
"""An origin that a plant folder gave; anything else is somebody's words and names no file."""


def read_folder(plant: Path) -> Iterator[tuple[str, Sheet | ConfigError, UUID | None]]:
    """(worksheets/NAME.yaml, the sheet or its first mistake, its id on the node that exported it), in order of the names."""
    for path in sorted((plant / FOLDER).glob("*.yaml")):
        name = f"{FOLDER}/{path.name}"
        try:
            yield name, *read_named(path, name)
        except ConfigError as mistake:
            yield name, mistake, None


def bring_in(records: Records, plant: Path, clock: Clock, reason: str) -> list[Kept]:
    """The sheets that are new. Raises ConfigError."""
    store = Worksheets(records, clock)
    known = store.origins()
    made = []
    for name, found, id in read_folder(plant):
        if isinstance(found, ConfigError):
            raise found
        if name not in known and (id is None or not store.has(id)):
            made.append(store.create(None, id or uuid7(clock), found, reason, name))
    return made


def export(records: Records, plant: Path, clock: Clock, *, replace: bool = False) -> list[Path]:
    """The newest version of each sheet, under the name its first one came by, else its form and id. Raises CommandRefused for a file that is
    there."""
    store, files = Worksheets(records, clock), {}
    for kept in store.current():
        name = _NAME.fullmatch(store.get(kept.row.sheet, 1).row.origin)
        own = name[1] if name is not None else f"{kept.sheet.form}-{str(kept.row.sheet)[-12:]}.yaml"
        files[plant / FOLDER / own] = write_yaml(kept.sheet, kept.row.sheet)
    there = next((path for path in files if path.exists()), None)
    if there is not None and not replace:
        raise CommandRefused(
            "{folder} already holds {file}; say --replace to overwrite it", folder=str(plant), file=str(there.relative_to(plant))
        )
    if files:
        (plant / FOLDER).mkdir(parents=True, exist_ok=True)
        Disk().write_all(files)
    return list(files)
