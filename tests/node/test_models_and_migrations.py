"""What each room's `records.py` says and what its migrations build are one and the same, in a node's own database."""

from __future__ import annotations

from pathlib import Path

from anlan.node.configuration import ROOMS, open_records
from anlan.node.layout import NodeFolder
from anlan.store.migrating import check_models_match_migrations


def test_every_room_of_a_node(tmp_path: Path) -> None:
    records = open_records(NodeFolder(tmp_path).prepare())
    try:
        assert set(records.rooms) == set(ROOMS)
        check_models_match_migrations(records)
    finally:
        records.close()


def test_every_room_with_migrations_is_one_of_the_node(tmp_path: Path) -> None:
    import anlan

    source = Path(anlan.__file__).parent
    assert {file.parts[-3] for file in source.glob("*/migrations/versions")} == set(ROOMS)
