"""What a person does about the own account: the second factor. Password and language: `api_session`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard import totp
from anlan.guard.principal import Principal
from anlan.web.answers import Json, iso
from anlan.web.auth import SELF, Asker, require
from anlan.web.context import Context

QR_SCALE = 5


class Password(BaseModel):
    model_config = ConfigDict(extra="forbid")

    password: Annotated[str, Field(max_length=256)]


class Code(BaseModel):
    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(max_length=64)]


def routes(context: Context) -> APIRouter:
    """Own account; none of it waits in the store of repeated writes, because answers hold secrets that are told once."""
    router = APIRouter(tags=["account"])
    guard = context.guard
    factors = guard.factors

    @router.get("/me/factor", dependencies=[require(SELF)])
    async def factor(asker: Asker) -> Response:
        """Whether a second factor is set up, since when, how many codes on paper are left, and from when it is needed."""
        return Json(await _standing(context, asker))

    @router.post("/me/factor", dependencies=[require(SELF)])
    async def begin(asker: Asker, body: Password) -> Response:
        """Begin to set up a phone: the secret as text, as URI and as QR code (SVG), told once. It counts after `confirm`."""
        await guard.check_own_password(asker, body.password)
        secret = await asyncio.to_thread(factors.begin, asker)
        uri = totp.uri(secret, asker.account, f"Anlan {context.plant.name.text('en') or context.plant.id}")
        return Json({"secret": totp.secret_text(secret), "uri": uri, "qr": qr(uri)}, status_code=201)

    @router.post("/me/factor/confirm", dependencies=[require(SELF)])
    async def confirm(asker: Asker, body: Code) -> Response:
        """The phone's first code. From now on a code is asked for; the answer tells ten codes for paper, once."""
        codes = await guard.own_factor(asker, partial(factors.confirm, asker, body.code))
        return Json({"recovery_codes": codes, **await _standing(context, asker)})

    @router.post("/me/factor/recovery-codes", dependencies=[require(SELF)])
    async def recovery_codes(asker: Asker, body: Code) -> Response:
        """Ten fresh codes for paper, told once; the earlier ones are worth nothing."""
        codes = await guard.own_factor(asker, partial(factors.new_recovery_codes, asker, body.code))
        return Json({"recovery_codes": codes, **await _standing(context, asker)})

    @router.post("/me/factor/remove", dependencies=[require(SELF)])
    async def remove(asker: Asker, body: Code) -> Response:
        """Remove the own second factor, to set up another phone. Takes a code; who has none asks two others (`factor-reset`)."""
        await guard.own_factor(asker, partial(factors.remove, asker, body.code))
        return Json(await _standing(context, asker))

    return router


def qr(text: str) -> str:
    """As an SVG element, dark on light whatever the page's colours: phones read it so."""
    import segno

    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(scale=QR_SCALE, dark="#000", light="#fff", border=4)


async def _standing(context: Context, asker: Principal) -> dict[str, Any]:
    standing = await asyncio.to_thread(context.guard.factors.standing, asker.person)
    due = None if standing.since is not None else asker.factor_due
    return {
        "enrolled": standing.since is not None,
        "since": standing.since,
        "since_iso": iso(standing.since),
        "recovery_left": standing.recovery_left,
        "due": due,
        "due_iso": iso(due),
        "needed_now": asker.must_enrol and standing.since is None,
    }
