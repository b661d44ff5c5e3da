"""The configuration versions that were made in a span of time, with what each changed: for a shift handover."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from anlan.model.clock import Micros
from anlan.model.errors import AnlanError
from anlan.plant.difference import differences
from anlan.plant.records import RequestRow
from anlan.plant.versions import version, versions
from anlan.store.records import Records

MOST_VERSIONS = 20
MOST_CHANGES = 8


def edits_between(records: Records, start: Micros, end: Micros) -> list[dict[str, Any]]:
    """Newest first: number, at, author, the second person's name where it took two, reason, the first changes in both languages, and how many
    more there are (None: not known)."""
    made = [one for one in versions(records) if start <= one.at < end]
    by_two = _approvers(records, [one.number for one in made])
    return [
        {"number": one.number, "at": one.at, "author": one.author, "approved_by": by_two.get(one.number), "reason": one.reason, **_changes(records, one.number, one.base, told=n < MOST_VERSIONS)}
        for n, one in enumerate(made)
    ]  # fmt: skip


def _approvers(records: Records, numbers: list[int]) -> dict[int, dict[str, str]]:
    wanted = sa.select(RequestRow.version, RequestRow.decider_zh, RequestRow.decider_en).where(
        RequestRow.version.in_(numbers), RequestRow.state == "approved"
    )
    with records.reading() as session:
        return {number: {"zh": zh, "en": en} for number, zh, en in session.execute(wanted) if number is not None}


def _changes(records: Records, number: int, base: int | None, *, told: bool) -> dict[str, Any]:
    if base is None:
        return {"changes": [], "more": 0}
    if not told:
        return {"changes": [], "more": None}
    try:
        found = differences(version(records, base)[1], version(records, number)[1])
    except AnlanError:
        return {"changes": [], "more": None}  # a damaged version: who changed what when is still told
    texts = [{"zh": change.text("zh"), "en": change.text("en")} for change in found[:MOST_CHANGES]]
    return {"changes": texts, "more": len(found) - len(texts)}
