"""The audit record over the API: asked by who, what, subject, time and text; one leaf with its proof; heads, witnesses, the last check."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from anlan.guard import audit
from anlan.guard.audit_query import Wanted, action_names, actions, find, names
from anlan.guard.heads import Head, heads_before, last_head
from anlan.guard.records import AuditLeaf
from anlan.guard.verifying import Checked
from anlan.model.errors import InputError, NotFound
from anlan.model.instants import instant
from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.web.answers import Json, iso
from anlan.web.audit_check import SharedCheck
from anlan.web.audit_watch import CHECK_SECONDS, SIGN_SECONDS, AuditWatch
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.paging import Limit

Text = Annotated[str, Query(max_length=200)]
Number = Annotated[int, Query(ge=0, le=1 << 62)]


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["audit"])
    context.background.append(AuditWatch(context).run)
    check = SharedCheck(context)

    @router.get("/audit", dependencies=[require("audit.view", whole=True)])
    async def audit_record(
        after: Number = 0,
        before: Annotated[int | None, Query(ge=1, le=1 << 62)] = None,
        who: Text = "",
        action: Text = "",
        subject: Text = "",
        text: Text = "",
        start: Text = "",
        end: Text = "",
        limit: Limit = 100,
    ) -> Response:
        """Leaves after number `after`, oldest first; with `before`, those before that number, newest first. `next` goes on in the same way.

        `who` is an account, an id or "node"; `action` a whole action or a group such as "alarm."; `text` is looked for everywhere.
        """
        wanted = Wanted(
            who=who,
            action=action,
            subject=subject,
            text=text,
            start=instant("start", start) if start else None,
            end=instant("end", end) if end else None,
        )
        ask = partial(_find, context, wanted, after=after, before=before, limit=limit)
        leaves, known = await asyncio.to_thread(ask)
        more = leaves[-1].n if len(leaves) == limit else None
        return Json({"items": [_leaf(one, known) for one in leaves], "next": more})

    @router.get("/audit/actions", dependencies=[require("audit.view", whole=True)])
    async def audit_actions() -> Response:
        """Actions that occur in the record, with their names."""
        found = await asyncio.to_thread(_actions, context)
        return Json({"items": [{"action": one, "name": _name(one)} for one in found]})

    @router.get("/audit/check", dependencies=[require("audit.view", whole=True)])
    async def audit_check(asker: Asker) -> Response:
        """Recompute the whole record now, and compare it with every head and witness; names the first difference.

        Asked for while one is running, it answers with what that one finds."""
        return Json(_checked(await check.now(), asker.language))

    @router.get("/audit/heads", dependencies=[require("audit.view", whole=True)])
    async def audit_heads(
        asker: Asker, before: Annotated[int | None, Query(ge=1, le=1 << 62)] = None, limit: Limit = 20
    ) -> Response:
        """Signed heads, newest first, the key, what the node's own last check found and what each witness says."""
        return Json(await asyncio.to_thread(_heads, context, asker.language, before, limit))

    @router.get("/audit/consistency", dependencies=[require("audit.view", whole=True)])
    async def audit_consistency(old: Number, new: Number) -> Response:
        """The proof (RFC 9162 §2.1.4) that the record of `old` leaves grew into the one of `new`."""
        return Json({"old": old, "new": new, "path": await asyncio.to_thread(_consistency, context, old, new)})

    @router.get("/audit/{n}", dependencies=[require("audit.view", whole=True)])
    async def audit_leaf(n: int) -> Response:
        """One leaf with what was before and after, and its inclusion proof under the newest signed head (null while none covers it)."""
        return Json(await asyncio.to_thread(_one, context, n))

    return router


def _find(context: Context, wanted: Wanted, **how: Any) -> tuple[Sequence[AuditLeaf], dict[str, Label]]:
    with context.records.reading() as session:
        leaves = find(session, wanted, **how)
        return leaves, names(session, {one.who for one in leaves})


def _actions(context: Context) -> list[str]:
    with context.records.reading() as session:
        return actions(session)


def _one(context: Context, n: int) -> dict[str, Any]:
    with context.records.reading() as session:
        leaf = session.get(AuditLeaf, n) if 0 < n < 1 << 62 else None
        if leaf is None:
            raise NotFound("the audit record has no leaf {n}", n=n)
        told = _leaf(leaf, names(session, {leaf.who}))
        before = session.get(AuditLeaf, n - 1)
        prev = before.leaf if before is not None else audit.FIRST_PREV
    auditor = context.guard.auditor
    proof = auditor.proof(n) if auditor is not None else None
    # What was hashed, byte for byte: SHA-256(0x00 ‖ text) is the leaf.
    return {**told, "text": audit.canonical(leaf, prev).decode(), "proof": proof}


def _heads(context: Context, language: Language, before: int | None, limit: int) -> dict[str, Any]:
    auditor, guard = context.guard.auditor, context.guard
    with context.records.reading() as session:
        signed = heads_before(session, before, limit)
        newest = last_head(session)
    key = auditor.key if auditor is not None else None
    waiting = guard.waiting()
    checked = auditor.checked if auditor is not None else None
    return {
        "items": [_head(one) for one in signed],
        "next": signed[-1].size if len(signed) == limit else None,
        "newest": None if newest is None else _head(newest),
        "key": None if key is None else {"log": key.log, "public_key": key.public_pem()},
        "checked": None if checked is None else _checked(checked, language),
        "checked_at": auditor.checked_at if auditor is not None else None,
        "checked_at_iso": iso(auditor.checked_at) if auditor is not None else None,
        "now": context.clock.now(),
        "check_seconds": CHECK_SECONDS,
        "sign_seconds": SIGN_SECONDS,
        "witnesses": [state.as_json(language) for state in auditor.states.values()] if auditor is not None else [],
        "faults": [fault.text(language) for fault in (auditor.faults.values() if auditor is not None else [])],
        "waiting": None if waiting is None else {**waiting.facts, "why": waiting.text(language)},
    }


def _consistency(context: Context, old: int, new: int) -> list[str]:
    auditor = context.guard.auditor
    if auditor is None or not 0 < old <= new <= auditor.size:
        size = auditor.size if auditor is not None else 0
        raise InputError("old {old}, new {new}: 1 ≤ old ≤ new ≤ {size} was expected", old=old, new=new, size=size)
    return [step.hex() for step in auditor.consistency(old, new)]


def _leaf(leaf: AuditLeaf, known: dict[str, Label]) -> dict[str, Any]:
    name = known.get(leaf.who)
    told = {field: getattr(leaf, field) for field in audit.FIELDS}
    who_name = name.model_dump() if name is not None else None
    return {**told, "who_name": who_name, "action_name": _name(leaf.action), "at_iso": iso(leaf.at), "leaf": leaf.leaf.hex()}


def _name(action: str) -> dict[str, str] | None:
    name = action_names().get(action)
    return name.model_dump() if name is not None else None


def _head(head: Head) -> dict[str, Any]:
    return {**head.as_json(), "at_iso": iso(head.at)}


def _checked(checked: Checked, language: Language) -> dict[str, Any]:
    heard = [
        {
            "where": one.where,
            "heads": one.heads,
            "newest": None if one.newest is None else {"size": one.newest.size, "at": one.newest.at},
            "broken_lines": list(one.broken),
        }
        for one in checked.heard
    ]
    return {
        "leaves": checked.size,
        "tree_head": checked.root.hex(),
        "first_at": checked.first_at,
        "first_at_iso": iso(checked.first_at),
        "last_at": checked.last_at,
        "difference": None if checked.difference is None else checked.difference.as_json(language),
        "heard": heard,
        "signatures_checked": checked.signed,
    }
