"""Migrations of the records: one Alembic branch per room, all in one database, run by one shared `alembic/env.py`.

A room that has tables keeps `src/anlan/<room>/migrations/versions/*.py`, plain Alembic files by hand or drafted by

    python -m anlan.store.migrating ROOM "why the tables change"

which compares the room's `records.py` with what its migrations build and writes the next file there; read it before you keep it.
A file is named `<room>_<number>_<words>.py` and begins, for the first one of a room and for the next,

    revision = "guard_0001"                revision = "guard_0002"
    down_revision = None                   down_revision = "guard_0001"
    branch_labels = ("guard",)             branch_labels = None
    depends_on = None                      depends_on = None     # or another room's revision, if a table refers to its table

followed by `def upgrade() -> None:` with `op.create_table("guard_people", …)`; there is no downgrade: a node goes back by restoring
a backup. A landed migration is never edited. Tables are named `<room>_<things>`; that is how a table is known to be a room's.
Each room's tests call `check_models_match_migrations(records)`, which fails when `records.py` and the migrations differ.

All pending migrations run in one transaction: a node killed while it migrates finds the old tables and starts over.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import URL, Connection

from anlan.model.errors import Corrupt, InputError
from anlan.store.records import Base, FromTheFuture, Records, open_engine

SHARED = Path(str(files("anlan.store") / "alembic"))


def upgrade(url: URL, rooms: Mapping[str, str]) -> None:
    """Run what is pending of every room's branch, in one transaction. Raises StoreError if the database is from the future."""
    config = configuration(rooms)
    engine = open_engine(url, foreign_keys=False)  # rebuilding a table that others refer to would delete their rows
    try:
        with engine.begin() as connection:
            _refuse_the_future(connection, config)
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
            _refuse_broken_references(connection)
    finally:
        engine.dispose()


def configuration(rooms: Mapping[str, str]) -> Config:
    """Alembic's configuration over the version folders of `rooms` (name → package)."""
    config = Config()
    config.set_main_option("script_location", _literal(SHARED))
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", "\n".join(_literal(versions_folder(p)) for p in rooms.values()))
    config.attributes["rooms"] = tuple(rooms)
    return config


def versions_folder(package: str) -> Path:
    """Where a room keeps its migrations. Raises InputError if it has none."""
    folder = Path(str(files(package))) / "migrations" / "versions"
    if not folder.is_dir():
        raise InputError("The room {package} has no migrations: {folder} does not exist", package=package, folder=str(folder))
    return folder


def check_models_match_migrations(records: Records) -> None:
    """For tests, after `records.migrate(rooms)`: AssertionError names every difference between the rooms' tables and models."""
    _import_models(records.rooms)
    strangers = _tables_named_for_no_room(records.rooms)
    assert not strangers, f"a table's name starts with its room, as guard_people does; found {strangers}"
    with records.engine.connect() as connection:
        differences = compare_metadata(_context(connection, tuple(records.rooms)), Base.metadata)
    assert not differences, "models and migrations differ:\n" + "\n".join(map(str, differences))


def draft(room: str, package: str, why: str) -> Path:
    """Write the next migration of a room from the difference between its models and its migrations, and return the file."""
    folder = Path(str(files(package))) / "migrations" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    config = configuration({room: package})
    number = len(list(folder.glob(f"{room}_*.py"))) + 1
    with tempfile.TemporaryDirectory() as scratch:
        records = Records.open(Path(scratch) / "records.db")
        records.migrate({room: package})
        _import_models({room: package})
        with records.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.revision(config, message=why, autogenerate=True, version_path=str(folder), **_place(room, number))
        records.close()
    return max(folder.glob(f"{room}_{number:04d}_*.py"))


def belongs_to(rooms: tuple[str, ...]) -> Any:
    """Alembic's include_name filter: only tables of these rooms, so that another room's are neither wanted nor dropped."""

    def include(name: str | None, kind: str, parents: Any) -> bool:
        table = name if kind == "table" else parents.get("table_name")
        return kind == "schema" or _room_of(table or "", rooms) is not None

    return include


def _context(connection: Connection, rooms: tuple[str, ...]) -> MigrationContext:
    wanted = belongs_to(rooms)

    def include_object(item: Any, name: str | None, kind: str, reflected: bool, other: Any) -> bool:
        return kind != "table" or wanted(name, kind, {})

    options = {"include_name": wanted, "include_object": include_object, "compare_type": True, "compare_server_default": True}
    return MigrationContext.configure(connection, opts=options)


def _place(room: str, number: int) -> dict[str, Any]:
    first = number == 1
    return {
        "rev_id": f"{room}_{number:04d}",
        "head": "base" if first else f"{room}@head",
        "branch_label": room if first else None,
    }


def _refuse_the_future(connection: Connection, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    unknown = sorted(set(MigrationContext.configure(connection).get_current_heads()) - known)
    if unknown:
        raise FromTheFuture(
            "The records were made by a newer Anlan: they contain the changes {unknown}, which this one does not know. "
            "Start the version that made them, or restore a backup from before the upgrade.",
            unknown=", ".join(unknown),
        )


def _refuse_broken_references(connection: Connection) -> None:
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise Corrupt("The records refer to rows that do not exist: {broken}", broken=str(broken[:10]))


def _import_models(rooms: Mapping[str, str]) -> None:
    for package in rooms.values():
        if find_spec(f"{package}.records"):
            import_module(f"{package}.records")


def _tables_named_for_no_room(rooms: Mapping[str, str]) -> list[str]:
    return sorted(
        f"{model.__name__}: {model.__tablename__}"
        for room, package in rooms.items()
        for model in (mapper.class_ for mapper in Base.registry.mappers)
        if model.__module__.startswith(package + ".") and _room_of(model.__tablename__, (room,)) is None
    )


def _room_of(table: str, rooms: tuple[str, ...]) -> str | None:
    return next((room for room in rooms if table.startswith(room + "_")), None)


def _literal(path: Path) -> str:
    """ConfigParser reads % as the start of an interpolation."""
    return str(path).replace("%", "%%")


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        sys.stderr.write('usage: python -m anlan.store.migrating ROOM "why the tables change"\n')
        return 2
    room, why = arguments
    sys.stdout.write(f"{draft(room, f'anlan.{room}', why)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
