"""Sense's share of the configuration in force: its sources with their tags, and a digest of what it makes of a version.

The records say which version is in force. What that version says is taken from the copy kept beside them, where it is a copy of this version:
sense then loads neither the database's library nor the rooms that check and change plants, half its memory and a second of its start.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeVar

import pysqlite3.dbapi2 as sqlite

from anlan.model.errors import AnlanError
from anlan.node.layout import NodeFolder
from anlan.node.without_records import or_what_is_kept
from anlan.plant.compile import running_sources
from anlan.plant.last import kept_version, last_kept, last_wiring
from anlan.plant.version import Imported
from anlan.sense.runner import Running

BUSY_SECONDS = 5.0


_VERSION = "SELECT number, digest FROM plant_versions WHERE number = ifnull(:number, (SELECT max(number) FROM plant_versions))"

T = TypeVar("T")


def sources_in_force(folder: NodeFolder) -> tuple[int, list[Running]]:
    """The version in force and what sense runs. Reads the records and closes them again: app is the one that writes there. While they
    cannot be read, what was in force last."""

    def recorded() -> Imported:
        from anlan.plant.versions import version
        from anlan.store.records import Records

        records = Records.open(folder.records)
        try:
            return Imported(*version(records), new=False)
        finally:
            records.close()

    current = _read(folder, None, lambda: last_kept(folder.last_plant), recorded)
    return current.version.number, running_sources(current.plant, current.numbers, folder.root)


def wiring_in_force(folder: NodeFolder, number: int | None = None) -> tuple[int, str]:
    """A version (None: the current one) and the digest of what sense makes of it."""

    def recorded() -> tuple[int, str]:
        from anlan.plant.versions import wiring
        from anlan.store.records import Records

        records = Records.open(folder.records)
        try:
            return wiring(records, number)
        finally:
            records.close()

    return _read(folder, number, lambda: last_wiring(folder.last_plant), recorded)


def _read(folder: NodeFolder, number: int | None, kept: Callable[[], T], recorded: Callable[[], T]) -> T:
    if (known := _in_force(folder, number)) is not None:
        with suppress(AnlanError):  # a damaged copy: the records have it whole
            if kept_version(folder.last_plant) == known:
                return kept()
    return or_what_is_kept(folder, recorded, lambda _: kept())


def _in_force(folder: NodeFolder, number: int | None) -> tuple[int, str] | None:
    """(number, digest) of a version, as the records say; None where they do not, which is told with its reason when they are opened."""
    try:
        with closing(sqlite.connect(f"{folder.records.as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as records:
            found = records.execute(_VERSION, {"number": number}).fetchone()
    except sqlite.Error:
        return None
    return (int(found[0]), str(found[1])) if found is not None else None
