"""Rooms made up for the tests: packages with tables and migrations, written into a folder and put on the path."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

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


@pytest.fixture(scope="session")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two whole rooms; a session-wide fixture because a table may be declared only once in a process."""
    folder = tmp_path_factory.mktemp("rooms")
    write_room(folder, "made_up_library", LIBRARY, library_0001_shelves=LIBRARY_0001, library_0002_books=LIBRARY_0002)
    write_room(folder, "made_up_kitchen", KITCHEN, kitchen_0001_pots=KITCHEN_0001)
    sys.path.insert(0, str(folder))
    return {"library": "made_up_library", "kitchen": "made_up_kitchen"}
