"""Security keys and cards of the own account, and how one is shown.

Wherever a `code` of the second factor goes, a key's answer goes: a request without it is answered `second-factor-needed`, whose `facts.key`
are the options for `navigator.credentials.get`, and sent again with `code` = "key." + base64url of the credential's JSON.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard import webauthn
from anlan.guard.principal import Principal
from anlan.guard.records import SecurityKey
from anlan.guard.security_keys import LONGEST
from anlan.guard.webauthn import NoKeysHere
from anlan.web.answers import Json, iso
from anlan.web.auth import SELF, Asker, require
from anlan.web.context import Context

FactorCode = Annotated[str, Field(max_length=LONGEST)]
"""A code of the phone, one on paper, or what a security key answered."""


class OwnPerson(BaseModel):
    """The own `password`, and for who has a second factor already its `code`."""

    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(max_length=256)]
    code: FactorCode = ""


class NewKey(BaseModel):
    """`name`: what its owner calls it. `answer`: the credential's JSON, as the browser made it for the options of POST /me/factor/keys."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=60, pattern=r"\S")]
    answer: dict[str, Any]


class Code(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: FactorCode = ""


def routes(context: Context) -> APIRouter:
    """Not kept for repeated writes: answers hold what is told once, and a challenge is answered once anyway."""
    router = APIRouter(tags=["account"])
    guard = context.guard

    @router.post("/me/factor/keys", dependencies=[require(SELF)])
    async def begin(asker: Asker, body: OwnPerson) -> Response:
        """Begin to set up a security key or card: the options for `navigator.credentials.create`. It counts after `confirm`."""
        webauthn.site_here()
        await guard.check_own_person(asker, body.password, body.code)
        return Json({"options": await asyncio.to_thread(guard.factors.begin_key, asker)}, status_code=201)

    @router.post("/me/factor/keys/confirm", dependencies=[require(SELF)])
    async def confirm(asker: Asker, body: NewKey) -> Response:
        """The key was touched. From now on it counts; with the first factor the answer tells ten codes for paper, once."""
        codes = await asyncio.to_thread(guard.factors.add_key, asker, body.name.strip(), body.answer)
        return Json({"recovery_codes": codes, **await standing(context, asker)}, status_code=201)

    @router.post("/me/factor/keys/{key}/remove", dependencies=[require(SELF)])
    async def remove(key: UUID, asker: Asker, body: Code) -> Response:
        """Take one of the own keys away, shown by this or another factor; not the last one of who needs a second factor."""
        await guard.own_factor(asker, partial(guard.factors.remove_key, asker, key, body.code))
        return Json(await standing(context, asker))

    return router


async def standing(context: Context, asker: Principal) -> dict[str, Any]:
    """The own second factor as GET /me/factor tells it."""
    found = await asyncio.to_thread(context.guard.factors.standing, asker.person)
    due = None if found.since is not None else asker.factor_due
    here, why_not = _here(asker)
    return {
        "enrolled": found.since is not None,
        "since": found.since,
        "since_iso": iso(found.since),
        "phone": found.phone,
        "phone_iso": iso(found.phone),
        "keys": [_row(key, here) for key in found.keys],
        "keys_here": {"possible": bool(here), "why_not": why_not},
        "recovery_left": found.recovery_left,
        "due": due,
        "due_iso": iso(due),
        "needed_now": asker.must_enrol and found.since is None,
    }


def _here(asker: Principal) -> tuple[str, str]:
    """The name that keys answer to here, or why they don't."""
    try:
        return webauthn.site_here().rp_id, ""
    except NoKeysHere as error:
        return "", error.text(asker.language)


def _row(key: SecurityKey, here: str) -> dict[str, Any]:
    """`address`: the name of the console that the key answers to; `here`: whether that is the one that is open."""
    return {
        "id": str(key.id),
        "name": key.name,
        "address": key.rp_id,
        "here": key.rp_id == here,
        "made_at": key.made_at,
        "made_at_iso": iso(key.made_at),
        "used_at": key.used_at,
        "used_at_iso": iso(key.used_at),
    }
