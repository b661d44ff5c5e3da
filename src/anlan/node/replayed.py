"""What a changed folder or workbook would have done to the past of a node that does not run: asked of its data folder before the change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anlan.model.clock import Clock
from anlan.model.errors import AnlanError
from anlan.plant.description import Plant
from anlan.plant.effects import not_replayed, replayed_of, tried_changes


def replayed_offline(data: Path, author: str, clock: Clock, before: Plant, after: Plant) -> dict[str, Any] | None:
    """None when no dead-band or delay is changed. A past that cannot be read holds nothing up; that it is unknown stands with the version."""
    changes = tried_changes(before, after)
    if not changes:
        return None
    from anlan.node.why import past_of

    try:
        with past_of(data) as (past, _):
            return replayed_of(past, author, clock, changes)
    except AnlanError as error:
        return not_replayed(changes, error)
