"""Records: one contract for SQLite and PostgreSQL, migrations of made-up rooms, and what SQLite alone promises.

The PostgreSQL checks start a throw-away cluster of Debian's postgresql-17 and are skipped by name without it or without psycopg.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
import sqlalchemy as sa

from anlan.model.clock import ManualClock
from anlan.model.errors import Corrupt, InputError, StoreError
from anlan.store.ids import uuid7
from anlan.store.migrating import check_models_match_migrations, draft
from anlan.store.records import Records

LIBRARY = """
    from typing import Any
    from uuid import UUID

    from sqlalchemy import ForeignKey
    from sqlalchemy.orm import Mapped, mapped_column

    from anlan.store.records import Base


    class Shelf(Base):
        __tablename__ = "library_shelves"
        id: Mapped[UUID] = mapped_column(primary_key=True)
        name: Mapped[str] = mapped_column(unique=True)
        books: Mapped[int]
        labels: Mapped[dict[str, Any]]
        picture: Mapped[bytes | None]


    class Book(Base):
        __tablename__ = "library_books"
        number: Mapped[int] = mapped_column(primary_key=True)
        shelf: Mapped[UUID] = mapped_column(ForeignKey("library_shelves.id"), index=True)
"""

KITCHEN = """
    from sqlalchemy.orm import Mapped, mapped_column

    from anlan.store.records import Base


    class Pot(Base):
        __tablename__ = "kitchen_pots"
        number: Mapped[int] = mapped_column(primary_key=True)
"""

LIBRARY_0001 = """
    import sqlalchemy as sa
    from alembic import op

    from anlan.store.records import INTEGER_64, JSON_COLUMN

    revision = "library_0001"
    down_revision = None
    branch_labels = ("library",)
    depends_on = None


    def upgrade() -> None:
        op.create_table(
            "library_shelves",
            sa.Column("id", sa.Uuid(), primary_key=True),
            sa.Column("name", sa.Text(), nullable=False, unique=True),
            sa.Column("books", INTEGER_64, nullable=False),
            sa.Column("labels", JSON_COLUMN, nullable=False),
            sa.Column("picture", sa.LargeBinary(), nullable=True),
        )
"""

LIBRARY_0002 = """
    import sqlalchemy as sa
    from alembic import op

    from anlan.store.records import INTEGER_64

    revision = "library_0002"
    down_revision = "library_0001"
    branch_labels = None
    depends_on = None


    def upgrade() -> None:
        op.create_table(
            "library_books",
            sa.Column("number", INTEGER_64, primary_key=True),
            sa.Column("shelf", sa.Uuid(), sa.ForeignKey("library_shelves.id"), nullable=False, index=True),
        )
"""

LIBRARY_0003_FAILS = """
    from alembic import op

    revision = "library_0003"
    down_revision = "library_0002"
    branch_labels = None
    depends_on = None


    def upgrade() -> None:
        op.execute("ALTER TABLE library_books ADD COLUMN title TEXT")
        raise RuntimeError("the power went")
"""

LIBRARY_0003_REBUILDS = """
    import sqlalchemy as sa
    from alembic import op

    revision = "library_0003"
    down_revision = "library_0002"
    branch_labels = None
    depends_on = None


    def upgrade() -> None:
        with op.batch_alter_table("library_shelves", recreate="always") as batch:
            batch.add_column(sa.Column("colour", sa.Text()))
"""

KITCHEN_0001 = """
    import sqlalchemy as sa
    from alembic import op

    from anlan.store.records import INTEGER_64

    revision = "kitchen_0001"
    down_revision = None
    branch_labels = ("kitchen",)
    depends_on = None


    def upgrade() -> None:
        op.create_table("kitchen_pots", sa.Column("number", INTEGER_64, primary_key=True))
"""


def write_migration(package: Path, name: str, text: str) -> None:
    versions = package / "migrations" / "versions"
    versions.mkdir(parents=True, exist_ok=True)
    (versions / f"{name}.py").write_text(dedent(text))


def write_room(folder: Path, name: str, records: str, **migrations: str) -> Path:
    """A package `name` under `folder` with its records.py and migrations."""
    package = folder / name
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "records.py").write_text(dedent(records))
    for migration, text in migrations.items():
        write_migration(package, migration, text)
    return package


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Two whole rooms; made once because a table may be declared only once in a process."""
    folder = tmp_path_factory.mktemp("rooms")
    write_room(folder, "made_up_library", LIBRARY, library_0001_shelves=LIBRARY_0001, library_0002_books=LIBRARY_0002)
    write_room(folder, "made_up_kitchen", KITCHEN, kitchen_0001_pots=KITCHEN_0001)
    sys.path.insert(0, str(folder))
    yield {"library": "made_up_library", "kitchen": "made_up_kitchen"}
    sys.path.remove(str(folder))


# ── where records can live ──────────────────────────────────────────────────────────────────────────────────────────────────

POSTGRESQL = Path("/usr/lib/postgresql/17/bin")
Factory = Callable[[], Records]


def as_server_user() -> dict[str, Any]:
    """initdb refuses root."""
    return {"user": "postgres"} if os.geteuid() == 0 else {}


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A cluster that listens on a Unix socket in its own folder; yields the URL of its server without a database."""
    if not (POSTGRESQL / "initdb").exists():
        pytest.skip("postgresql-17 is not installed")
    if find_spec("psycopg") is None:
        pytest.skip("psycopg is not installed")
    folder = Path(subprocess.check_output(["mktemp", "-d", "/tmp/anlan-pg-XXXXXX"], text=True, **as_server_user()).strip())

    def run(program: str, *arguments: str | Path) -> None:
        subprocess.run(
            [POSTGRESQL / program, "-D", folder / "data", *arguments],
            check=True,
            stdout=subprocess.DEVNULL,
            cwd=folder,
            **as_server_user(),
        )

    run("initdb", "-U", "anlan", "-A", "trust", "--no-sync")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
    run("pg_ctl", "-w", "-l", folder / "log", "-o", options, "start")
    yield f"postgresql://anlan@/{{}}?host={folder}"
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture
def sqlite_factory(tmp_path: Path) -> Iterator[Factory]:
    opened: list[Records] = []

    def open_records() -> Records:
        opened.append(Records.open(tmp_path / "data 100%" / "records.db"))
        return opened[-1]

    yield open_records
    for records in opened:
        records.close()


@pytest.fixture
def postgresql_factory(postgresql: str) -> Iterator[Factory]:
    name = f"t{uuid7(CLOCK).hex}"
    server = sa.create_engine(
        sa.make_url(postgresql.format("postgres")).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with server.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    server.dispose()
    opened: list[Records] = []

    def open_records() -> Records:
        opened.append(Records.open(postgresql.format(name)))
        return opened[-1]

    yield open_records
    for records in opened:
        records.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def factory(request: pytest.FixtureRequest) -> Factory:
    found: Factory = request.getfixturevalue(f"{request.param}_factory")
    return found


CLOCK = ManualClock()

# ── the contract ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def shelf(name: str, books: int = 0) -> Any:
    model = import_module("made_up_library.records").Shelf
    return model(id=uuid7(CLOCK), name=name, books=books, labels={"zh": "书架", "n": [1, 2.5, None]}, picture=b"\x00\xff")


def names(records: Records) -> list[str]:
    with records.reading() as session:
        return sorted(session.scalars(sa.text("SELECT name FROM library_shelves")))


def check_what_is_committed_is_there_for_others(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)
    with records.session() as session:
        session.add(made := shelf("first", books=2**62))
    with factory().reading() as session:
        read = session.get(type(made), made.id)
    assert (read.id, read.name, read.books) == (made.id, "first", 2**62)
    assert (read.labels, read.picture) == ({"zh": "书架", "n": [1, 2.5, None]}, b"\x00\xff")


def check_an_exception_leaves_nothing(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)

    def fail_half_way() -> None:
        with records.session() as session:
            session.add(shelf("lost"))
            session.flush()
            raise LookupError

    with pytest.raises(LookupError):
        fail_half_way()
    assert names(records) == []


def check_a_broken_rule_reaches_the_room(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)

    def twice() -> None:
        with records.session() as session:
            session.add_all([shelf("same"), shelf("same")])

    with pytest.raises(sa.exc.IntegrityError):
        twice()
    assert names(records) == []


def check_foreign_keys_hold(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)
    book = import_module("made_up_library.records").Book

    def dangling() -> None:
        with records.session() as session:
            session.add(book(number=1, shelf=uuid7(CLOCK)))

    with pytest.raises(sa.exc.IntegrityError):
        dangling()


def check_writers_take_turns(factory: Factory, rooms: dict[str, str]) -> None:
    """Read, add one, write, from many threads: nothing is lost and nobody has to try again."""
    records = factory()
    records.migrate(rooms)
    with records.session() as session:
        session.add(shelf("counter"))

    def add_fifty() -> None:
        for _ in range(50):
            with records.session() as session:
                books = session.scalar(sa.text("SELECT books FROM library_shelves"))
                session.execute(sa.text("UPDATE library_shelves SET books = :n"), {"n": books + 1})

    threads = [threading.Thread(target=add_fifty) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with records.reading() as session:
        assert session.scalar(sa.text("SELECT books FROM library_shelves")) == 200


def check_a_reader_sees_one_moment_and_waits_for_nobody(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)
    count = sa.text("SELECT count(*) FROM library_shelves")
    with records.session() as writer:
        writer.add(shelf("unseen"))
        writer.flush()
        with records.reading() as reader:
            before = reader.scalar(count)
            writer.commit()
            after = reader.scalar(count)
    assert (before, after) == (0, 0)
    assert names(records) == ["unseen"]


def check_reading_cannot_write(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)

    def write() -> None:
        with records.reading() as session:
            session.add(shelf("forbidden"))

    with pytest.raises((StoreError, sa.exc.DBAPIError)):
        write()
    assert names(records) == []
    with records.session() as session:
        session.add(shelf("allowed"))
    assert names(records) == ["allowed"]


def check_models_match_and_migrating_again_changes_nothing(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)
    with records.session() as session:
        session.add(shelf("kept"))
    records.migrate(rooms)
    check_models_match_migrations(records)
    assert names(records) == ["kept"]


def check_a_difference_between_models_and_migrations_is_named(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)
    with records.session() as session:
        session.execute(sa.text("ALTER TABLE library_shelves ADD COLUMN colour TEXT"))
    with pytest.raises(AssertionError, match="colour"):
        check_models_match_migrations(records)


def check_a_database_from_the_future_is_refused(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)
    with records.session() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = 'kitchen_0099' WHERE version_num = 'kitchen_0001'"))
    with pytest.raises(StoreError, match=r"newer Anlan.*kitchen_0099"):
        records.migrate(rooms)


def check_a_migration_that_fails_leaves_the_old_tables(factory: Factory, rooms: dict[str, str]) -> None:
    records = factory()
    records.migrate(rooms)
    package = Path(str(import_module("made_up_library").__file__)).parent
    write_migration(package, "library_0003_title", LIBRARY_0003_FAILS)
    try:
        with pytest.raises(RuntimeError, match="the power went"):
            records.migrate(rooms)
    finally:
        (package / "migrations" / "versions" / "library_0003_title.py").unlink()
    check_models_match_migrations(records)
    records.migrate(rooms)


CONTRACT = [
    check for name, check in sorted(globals().items()) if name.startswith("check_") and name != "check_models_match_migrations"
]


@pytest.mark.parametrize("check", CONTRACT, ids=lambda check: check.__name__.removeprefix("check_"))
def test_contract(check: Callable[[Factory, dict[str, str]], None], factory: Factory, rooms: dict[str, str]) -> None:
    check(factory, rooms)


# ── SQLite alone ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def pragma(records: Records, name: str) -> Any:
    with records.session() as session:
        return session.scalar(sa.text(f"PRAGMA {name}"))


def test_sqlite_is_durable_and_free_of_the_wal_reset_bug(sqlite_factory: Factory) -> None:
    records = sqlite_factory()
    assert (pragma(records, "journal_mode"), pragma(records, "synchronous"), pragma(records, "foreign_keys")) == ("wal", 2, 1)
    with records.reading() as session:
        version = session.scalar(sa.text("SELECT sqlite_version()"))
    assert tuple(map(int, version.split("."))) >= (3, 51, 3)


def test_rebuilding_a_table_keeps_the_rows_that_refer_to_it(sqlite_factory: Factory, rooms: dict[str, str]) -> None:
    records = sqlite_factory()
    records.migrate(rooms)
    module = import_module("made_up_library.records")
    with records.session() as session:
        session.add(kept := shelf("rebuilt"))
        session.flush()
        session.add(module.Book(number=7, shelf=kept.id))
    package = Path(str(module.__file__)).parent
    write_migration(package, "library_0003_rebuild", LIBRARY_0003_REBUILDS)
    try:
        records.migrate(rooms)
    finally:
        (package / "migrations" / "versions" / "library_0003_rebuild.py").unlink()
    with records.reading() as session:
        assert session.scalar(sa.text("SELECT number FROM library_books")) == 7


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "records.db").write_bytes(b"this is not a database, but it is long enough to have a header" * 100)
    with pytest.raises(Corrupt, match=r"records\.db"):
        Records.open(tmp_path / "records.db")


def test_a_folder_in_the_way_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "records.db").mkdir()
    with pytest.raises(StoreError, match=r"records\.db"):
        Records.open(tmp_path / "records.db")


def test_another_database_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"mysql.*postgresql://"):
        Records.open("mysql://host/name")


def test_a_room_without_migrations_is_named(sqlite_factory: Factory) -> None:
    with pytest.raises(InputError, match=r"anlan\.model"):
        sqlite_factory().migrate({"model": "anlan.model"})


def test_a_draft_builds_what_the_models_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = write_room(tmp_path, "made_up_cellar", KITCHEN.replace("kitchen_pots", "cellar_bottles").replace("Pot", "Bottle"))
    monkeypatch.syspath_prepend(str(tmp_path))
    drafted = draft("cellar", "made_up_cellar", "bottles")
    assert drafted == package / "migrations" / "versions" / "cellar_0001_bottles.py"
    records = Records.open(tmp_path / "records.db")
    records.migrate({"cellar": "made_up_cellar"})
    check_models_match_migrations(records)
    records.close()


def test_a_table_that_is_not_named_for_its_room_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attic = KITCHEN.replace("kitchen_pots", "boxes").replace("Pot", "Box")
    write_room(
        tmp_path, "made_up_attic", attic, attic_0001=KITCHEN_0001.replace("kitchen_pots", "boxes").replace("kitchen", "attic")
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    records = Records.open(tmp_path / "records.db")
    records.migrate({"attic": "made_up_attic"})
    with pytest.raises(AssertionError, match="Box: boxes"):
        check_models_match_migrations(records)
    records.close()
