"""Records: everything with a name, in typed tables of one database — SQLite in one file, or PostgreSQL.

A room defines its tables in its `records.py` on the `Base` below and its migrations in `migrations/versions/` (`store.migrating`
says how). Sessions are synchronous: call them in worker threads, never on the event loop.

    class Person(Base):
        __tablename__ = "guard_people"                      # a table's name starts with its room
        id: Mapped[UUID] = mapped_column(primary_key=True)  # from store.ids.uuid7(clock)
        name: Mapped[str] = mapped_column(unique=True)
        since: Mapped[int]                                  # µs UTC; 64 bits everywhere
        rights: Mapped[dict[str, Any]]                      # JSON

    records = Records.open("var/plant/records.db")
    records.migrate({"guard": "anlan.guard", "plant": "anlan.plant"})
    with records.session() as session:                      # one transaction: all of it is durable at the end, or none
        session.add(Person(...))
    with records.reading() as session:                      # one unchanging view of the data; waits for nobody
        session.scalars(select(Person)).all()

Writers take turns in both databases (SQLite's BEGIN IMMEDIATE, an advisory lock in PostgreSQL), so what a session has read cannot
change before it commits: no lost update, no retry. SQLite runs in WAL with synchronous=FULL through `pysqlite3`, whose SQLite is
free of the WAL-reset bug that the system's may have.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.pool import ConnectionPoolEntry

from anlan.model.errors import Corrupt, InputError, StoreError

BUSY_SECONDS = 30.0
"""How long a writer waits for its turn before it gives up."""

WRITERS_LOCK = 0x616E_6C61_6E01
"""Key of PostgreSQL's advisory lock that lets one writer in at a time ("anlan", 1)."""

INTEGER_64 = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite's INTEGER has 64 bits already, and only under that name may it be a counting primary key."""

JSON_COLUMN = sa.JSON().with_variant(JSONB(), "postgresql")


class FromTheFuture(StoreError):
    """Made by a newer Anlan: whole, and not for this one."""


class Base(DeclarativeBase):
    """Base of every room's tables; constraints are named by rule because a migration can only change what has a name."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        int: INTEGER_64,
        float: sa.Float(),  # 64 bits in SQLite and in PostgreSQL, under the name that the migrations have
        str: sa.Text(),
        bytes: sa.LargeBinary(),
        UUID: sa.Uuid(),
        dict[str, Any]: JSON_COLUMN,
        list[Any]: JSON_COLUMN,
        list[str]: JSON_COLUMN,
        list[int]: JSON_COLUMN,
    }


class Records:
    """One open database. Thread-safe; each thread opens its own sessions."""

    def __init__(self, url: URL) -> None:
        self.url = url
        self.engine = open_engine(url)
        self.rooms: dict[str, str] = {}

    @classmethod
    def open(cls, where: Path | str) -> Records:
        """`where` is the path of a SQLite file (created if absent) or a `postgresql://` URL. Raises StoreError, Corrupt, InputError."""
        records = cls(_url(where))
        with _store_errors(records.url), records.engine.connect() as connection:
            connection.exec_driver_sql("SELECT 1")
        _sync_folder(records.url)
        return records

    @contextmanager
    def session(self) -> Iterator[Session]:
        """One writing transaction: durable when the block ends, rolled back when it raises. Raises StoreError."""
        with self._session(writing=True) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One reading transaction over an unchanging view. Raises StoreError; a write inside it is refused."""
        with self._session(writing=False) as session:
            yield session

    def migrate(self, rooms: Mapping[str, str]) -> None:
        """Bring the tables of all rooms (name → package) up to date. Raises StoreError for a database made by a newer Anlan."""
        from anlan.store.migrating import upgrade

        with _store_errors(self.url):
            upgrade(self.url, rooms)
        self.rooms = dict(rooms)

    def check_whole(self) -> None:
        """Every page is where it should be. Raises StoreError, Corrupt. PostgreSQL looks after its own pages."""
        if self.url.get_backend_name() != "sqlite":
            return
        with self.reading() as session:
            found = [str(row[0]) for row in session.execute(sa.text("PRAGMA quick_check(3)"))]
        if found != ["ok"]:
            raise Corrupt(
                "The records database {where} is damaged: {why}",
                where=self.url.render_as_string(hide_password=True),
                why="; ".join(found),
            )

    def close(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _session(self, *, writing: bool) -> Iterator[Session]:
        with (
            _store_errors(self.url),
            self.engine.connect().execution_options(writing=writing) as connection,
            Session(connection, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session


def open_engine(url: URL, *, foreign_keys: bool = True) -> Engine:
    """An engine whose transactions keep the promises above; migrations switch foreign keys off while they rebuild a table."""
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, foreign_keys)
    return _postgresql(url)


def _sqlite(url: URL, foreign_keys: bool) -> Engine:
    import pysqlite3.dbapi2

    engine = sa.create_engine(url, module=pysqlite3.dbapi2, connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # else the driver begins, late and deferred, as it thinks best
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA foreign_keys = {'ON' if foreign_keys else 'OFF'}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get("writing", True)
        connection.exec_driver_sql(f"PRAGMA query_only = {'OFF' if writing else 'ON'}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    return engine


def _postgresql(url: URL) -> Engine:
    try:
        engine = sa.create_engine(url, pool_pre_ping=True)
    except ModuleNotFoundError as missing:
        raise InputError("PostgreSQL needs the package psycopg: pip install 'psycopg[binary]'") from missing

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("writing", True):
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{int(BUSY_SECONDS)}s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({WRITERS_LOCK})")
        else:
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")

    return engine


def _url(where: Path | str) -> URL:
    if isinstance(where, Path) or "://" not in where:
        path = Path(where).absolute()
        path.parent.mkdir(parents=True, exist_ok=True)
        return URL.create("sqlite", database=str(path))
    url = make_url(where)
    if url.get_backend_name() not in {"postgresql", "sqlite"}:
        raise InputError(
            "Records are kept in SQLite or PostgreSQL; {found} was given. Write a file path or postgresql://user@host/name.",
            found=url.drivername,
        )
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _sync_folder(url: URL) -> None:
    """SQLite syncs the folder for its journal, not for the database file that it has just created."""
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    folder = os.open(Path(url.database).parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _store_errors(url: URL) -> Iterator[None]:
    """What the disk or the server did wrong leaves as StoreError; what the room did wrong (IntegrityError …) as it is."""
    try:
        yield
    except sa.exc.OperationalError as failure:
        where = url.render_as_string(hide_password=True)
        raise StoreError("The records database {where} failed: {why}", where=where, why=str(failure.orig)) from failure
    except sa.exc.DatabaseError as failure:
        if type(failure) is not sa.exc.DatabaseError:
            raise
        where = url.render_as_string(hide_password=True)
        raise Corrupt("The records database {where} is damaged: {why}", where=where, why=str(failure.orig)) from failure
