"""How far the history contains the log, as the table's newest commits say, without Delta's library: at its start core asks this before
anything else and has no half second to wait for an import.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from anlan.model.errors import StoreError


def application(incarnation: str) -> str:
    """The name under which a commit of the table states the position in that incarnation of the log."""
    return f"anlan.log:{incarnation}"


def position_on_disk(root: Path, incarnation: str) -> int:
    """The last position of this incarnation that the history in `root` contains; 0 if it never held one. Raises StoreError.

    Only commits that are still there as JSON are looked at: they are kept for an hour, and the position moves once a minute.
    """
    commits = sorted((root / "_delta_log").glob(f"{'[0-9]' * 20}.json"), reverse=True)
    try:
        return next(_positions(commits, application(incarnation)), 0)
    except OSError as error:
        raise StoreError("The history in {folder} failed: {why}", folder=str(root), why=str(error)) from error


def _positions(commits: Iterable[Path], name: str) -> Iterator[int]:
    for commit in commits:
        for line in commit.read_bytes().splitlines():
            try:
                moved = orjson.loads(line).get("txn", {})
            except orjson.JSONDecodeError:
                break  # torn by a kill or a power cut: nobody was told of it, and the position would have been its last line
            if moved.get("appId") == name:
                yield int(moved["version"])
