"""Open items (遗留事项) of a handover: what the next shift must know of and do. One that came from an earlier handover is closed with a word, never
deleted; one that is still open goes on to the next draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from anlan.guard.principal import Principal
from anlan.model.clock import Clock
from anlan.model.errors import InputError
from anlan.store.ids import uuid7

MOST = 100


def merged(known: Sequence[dict[str, Any]], given: Sequence[dict[str, Any]], by: Principal, clock: Clock) -> list[dict[str, Any]]:
    """The items as given, each with since when and by whom it is known. Raises InputError."""
    if len(given) > MOST:
        raise InputError("a handover has at most {most} open items; {found} were given", most=MOST, found=len(given))
    by_id = {one["id"]: one for one in known}
    found = [_merged(by_id.get(one.get("id") or ""), one, by, clock) for one in given]
    kept = {one["id"] for one in found}
    if len(kept) != len(found):
        raise InputError("the same open item is listed twice")
    lost = [one for one in known if one["carried"] and one["id"] not in kept]
    if lost:
        raise InputError(
            "the open item “{text}” came from an earlier handover: close it with a word, it is not deleted",
            text=lost[0]["text"][:60],
        )
    return found


def _merged(known: dict[str, Any] | None, given: dict[str, Any], by: Principal, clock: Clock) -> dict[str, Any]:
    if given["closed"] and known is not None and known["carried"] and not given["note"].strip():
        raise InputError("say how the open item “{text}” was settled", text=known["text"][:60])
    if known is None:
        new = {
            "id": str(uuid7(clock)),
            "since": clock.now(),
            "by": {"zh": by.name.text("zh"), "en": by.name.text("en")},
            "carried": None,
        }
        return {**new, "text": given["text"], "closed": given["closed"], "note": given["note"]}
    # What an earlier shift wrote stays as it wrote it.
    text = known["text"] if known["carried"] else given["text"]
    return {**known, "text": text, "closed": given["closed"], "note": given["note"]}


def carried_over(items: Sequence[dict[str, Any]], handover: UUID) -> list[dict[str, Any]]:
    """Those still open, for the next draft; `carried` names the handover in which each stood first."""
    return [{**one, "carried": one["carried"] or str(handover), "note": one["note"]} for one in items if not one["closed"]]
