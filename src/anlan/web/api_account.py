"""What a person does about the own account: second factor, sessions, tokens. Password and language: `api_session`."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard import totp
from anlan.guard.principal import Principal
from anlan.guard.records import SignIn, Token
from anlan.guard.tokens import check_person
from anlan.web.answers import Json, iso
from anlan.web.api_keys import Code, FactorCode, OwnPerson, standing
from anlan.web.auth import SELF, Asker, require
from anlan.web.context import Context
from anlan.web.places import check_place

QR_SCALE = 5


class NewToken(BaseModel):
    """`actions` from GET /roles; `place`: the branch they hold at, "" for wherever the owner's hold. `days` until it expires.
    `password`: the owner's own, once more; `code`: of the second factor, for who has one."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    actions: Annotated[list[Annotated[str, Field(max_length=100)]], Field(max_length=50)]
    place: Annotated[str, Field(max_length=200)] = ""
    days: Annotated[int, Field(strict=True)] = 90
    password: Annotated[str, Field(max_length=256)]
    code: FactorCode = ""


class Everywhere(BaseModel):
    """`tokens`: whether the API tokens are revoked too."""

    model_config = ConfigDict(extra="forbid")

    tokens: Annotated[bool, Field(strict=True)] = False


def routes(context: Context) -> APIRouter:
    """Own account; none of it waits in the store of repeated writes, because answers hold secrets that are told once."""
    router = APIRouter(tags=["account"])
    guard = context.guard
    factors = guard.factors

    @router.get("/me/factor", dependencies=[require(SELF)])
    async def factor(asker: Asker) -> Response:
        """Whether a second factor is set up, since when, by which phone and keys, how many codes on paper are left, and from when it is
        needed; whether a security key can be set up at the address that is open, and if not why."""
        return Json(await standing(context, asker))

    @router.post("/me/factor", dependencies=[require(SELF)], status_code=201)
    async def begin(asker: Asker, body: OwnPerson) -> Response:
        """Begin to set up a phone: the secret as text, as URI and as QR code (SVG), told once. It counts after `confirm`; another phone
        counts until then."""
        await guard.check_own_person(asker, body.password, body.code)
        secret = await asyncio.to_thread(factors.begin, asker)
        uri = totp.uri(secret, asker.account, f"Anlan {context.plant.name.text('en') or context.plant.id}")
        return Json({"secret": totp.secret_text(secret), "uri": uri, "qr": qr(uri)}, status_code=201)

    @router.post("/me/factor/confirm", dependencies=[require(SELF)])
    async def confirm(asker: Asker, body: Code) -> Response:
        """The phone's first code. From now on a code is asked for; with the first factor the answer tells ten codes for paper, once."""
        codes = await guard.own_factor(asker, partial(factors.confirm, asker, body.code))
        return Json({"recovery_codes": codes, **await standing(context, asker)})

    @router.post("/me/factor/recovery-codes", dependencies=[require(SELF)])
    async def recovery_codes(asker: Asker, body: Code) -> Response:
        """Ten fresh codes for paper, told once; the earlier ones are worth nothing."""
        codes = await guard.own_factor(asker, partial(factors.new_recovery_codes, asker, body.code))
        return Json({"recovery_codes": codes, **await standing(context, asker)})

    @router.post("/me/factor/remove", dependencies=[require(SELF)])
    async def remove(asker: Asker, body: Code) -> Response:
        """Take the own phone away; not the last factor of who needs one. Takes a code; who has none asks two others (`factor-reset`)."""
        await guard.own_factor(asker, partial(factors.remove, asker, body.code))
        return Json(await standing(context, asker))

    _sessions(router, context)
    _tokens(router, context)
    return router


def _sessions(router: APIRouter, context: Context) -> None:
    sessions = context.guard.sessions

    @router.get("/me/sessions", dependencies=[require(SELF)])
    async def own(asker: Asker) -> Response:
        """Where the person is signed in: since when, last used, from which address, at which post."""
        return Json({"items": [session_row(one, asker) for one in await asyncio.to_thread(sessions.of, asker.person)]})

    @router.delete("/me/sessions/{session}", dependencies=[require(SELF)])
    async def end(session: UUID, asker: Asker) -> Response:
        """End one of the own sessions; a console at a post then shows the door."""
        await asyncio.to_thread(partial(sessions.end, session, asker, of=asker.person))
        return Json({})

    @router.post("/me/sign-out-everywhere", dependencies=[require(SELF)])
    async def everywhere(asker: Asker, body: Everywhere | None = None) -> Response:
        """End all other sessions at once, with `tokens` the API tokens too. Consoles at a post go on showing, with nobody signed in."""
        tokens = body is not None and body.tokens
        end_all = partial(sessions.sign_out_everywhere, asker, of=asker.person, but=asker.session, tokens=tokens)
        return Json({"tokens_revoked": await asyncio.to_thread(end_all)})


def _tokens(router: APIRouter, context: Context) -> None:
    tokens = context.guard.tokens

    @router.get("/me/tokens", dependencies=[require("token.create")])
    async def own_tokens(asker: Asker) -> Response:
        """The own API tokens that were not revoked: for what, until when, last used."""
        return Json({"items": [token_row(one, context.clock.now()) for one in await asyncio.to_thread(tokens.of, asker.person)]})

    @router.post("/me/tokens", dependencies=[require("token.create")], status_code=201)
    async def create(asker: Asker, body: NewToken) -> Response:
        """Make a token for a program; its text is told once, here. Takes the own password, and a code for who has a second factor."""
        check_person(asker)
        check_place(context, body.place)
        await context.guard.check_own_person(asker, body.password, body.code)
        make = partial(tokens.create, asker, body.name, body.actions, body.place, body.days)
        token, text = await asyncio.to_thread(make)
        return Json({**token_row(token, context.clock.now()), "token": text}, status_code=201)

    @router.delete("/me/tokens/{token}", dependencies=[require("token.create")])
    async def revoke_own(token: UUID, asker: Asker) -> Response:
        """Revoke an own token; worth nothing from this moment."""
        check_person(asker)
        await asyncio.to_thread(tokens.revoke, token, asker)
        return Json({})

    @router.get("/tokens", dependencies=[require("people.manage", whole=True)])
    async def all_tokens() -> Response:
        """Everybody's tokens that were not revoked."""
        return Json({"items": [token_row(one, context.clock.now()) for one in await asyncio.to_thread(tokens.of)]})

    @router.delete("/tokens/{token}", dependencies=[require("people.manage")])
    async def revoke(token: UUID, asker: Asker) -> Response:
        """Revoke anybody's token; worth nothing from this moment."""
        await asyncio.to_thread(tokens.revoke, token, asker)
        return Json({})


def session_row(row: SignIn, asker: Principal) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "this": row.id == asker.session,
        "post": row.post,
        "from_where": row.from_where,
        "began_at": row.began_at,
        "began_at_iso": iso(row.began_at),
        "seen_at": row.seen_at,
        "seen_at_iso": iso(row.seen_at),
        "unattended_at": row.unattended_at,
        "unattended_at_iso": iso(row.unattended_at),
    }


def token_row(row: Token, now: int) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "person": str(row.person_id),
        "name": row.name,
        "actions": row.actions.split(),
        "place": row.place,
        "made_at": row.made_at,
        "made_at_iso": iso(row.made_at),
        "expires_at": row.expires_at,
        "expires_at_iso": iso(row.expires_at),
        "expired": now >= row.expires_at,
        "used_at": row.used_at,
        "used_at_iso": iso(row.used_at),
        "used_from": row.used_from,
    }


def qr(text: str) -> str:
    """As an SVG element, dark on light whatever the page's colours: phones read it so."""
    import segno

    code = segno.make(text, error="m", micro=False)
    return code.svg_inline(scale=QR_SCALE, omitsize=True, dark="#000", light="#fff", border=4)
