"""Signing in and out, and what a person may change about the own session."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.principal import Principal
from anlan.guard.sessions import csrf_token
from anlan.model.languages import Language
from anlan.web.answers import Json, iso
from anlan.web.api_keys import FactorCode
from anlan.web.api_stations import station_name
from anlan.web.auth import SELF, Asker, clear_cookie, device_of, from_where, public, require, set_cookie, set_device, token_of
from anlan.web.context import Context
from anlan.web.problem import language_of

Text = Annotated[str, Field(max_length=256)]


class SignIn(BaseModel):
    """`post`: one of the person's posts; "" takes the only one, or none when there are several. `code`: of the second factor, where there
    is one: without it the answer is `second-factor-needed`, whose `facts.key` is what to ask a security key (`web.api_keys`)."""

    model_config = ConfigDict(extra="forbid")

    account: Text
    password: Text
    post: Text = ""
    language: Language | None = None
    code: FactorCode = ""


class AtPost(BaseModel):
    model_config = ConfigDict(extra="forbid")

    post: Text


class Preferences(BaseModel):
    model_config = ConfigDict(extra="forbid")

    language: Language


class NewPassword(BaseModel):
    """`tokens`: whether the API tokens are revoked too."""

    model_config = ConfigDict(extra="forbid")

    old: Text
    new: Text
    tokens: bool = False


def routes(context: Context) -> APIRouter:
    """Session and own person."""
    router = APIRouter(tags=["session"])
    sessions, settings = context.guard.sessions, context.settings

    @router.post("/session", dependencies=[public()])
    async def sign_in(request: Request, body: SignIn) -> Response:
        """Sign in at a post. Sets the session's cookie; a session that runs at this console is handed over."""
        request.scope["state"]["language"] = language = body.language or language_of(request)
        leaving: Principal | None = request.scope["state"].get("principal")
        signed_in = await sessions.sign_in(
            body.account,
            body.password,
            address=from_where(request),
            post=body.post,
            language=language,
            replacing=leaving.session if leaving is not None else None,
            code=body.code,
            device=device_of(request, settings),
            station=station_name(context, request),
        )
        answer = Json(who(context, signed_in.principal, signed_in.token))
        set_cookie(answer, settings, signed_in.token)
        set_device(answer, settings, signed_in.device)
        return answer

    @router.delete("/session", dependencies=[require(SELF)])
    async def sign_out(asker: Asker) -> Response:
        """Sign out; the cookie is worth nothing from now on."""
        await asyncio.to_thread(sessions.sign_out, asker)
        answer = Json({})
        clear_cookie(answer, settings)
        return answer

    @router.put("/session/post", dependencies=[require(SELF)])
    async def choose_post(request: Request, asker: Asker, body: AtPost) -> Response:
        """Sit down at another of the own posts; "" leaves the post."""
        await asyncio.to_thread(sessions.choose_post, asker, body.post)
        return Json(await _anew(context, request))

    @router.get("/me", dependencies=[require(SELF)])
    async def me(request: Request, asker: Asker) -> Response:
        """Who is signed in here, at which post, with which rights, and the CSRF token that writes by cookie show."""
        return Json(who(context, asker, token_of(request, settings) or ""))

    @router.patch("/me", dependencies=[require(SELF)])
    async def prefer(request: Request, asker: Asker, body: Preferences) -> Response:
        """The session's language."""
        await asyncio.to_thread(sessions.choose_language, asker, body.language)
        return Json(await _anew(context, request))

    @router.post("/me/password", dependencies=[require(SELF)])
    async def change_password(request: Request, asker: Asker, body: NewPassword) -> Response:
        """Choose an own password; all other sessions of the person end, with `tokens` the API tokens too."""
        await context.guard.change_own_password(asker, body.old, body.new, tokens=body.tokens)
        return Json(await _anew(context, request))

    return router


def who(context: Context, principal: Principal, token: str) -> dict[str, Any]:
    """A Principal as the API tells it."""
    names = context.plant.posts
    return {
        "person": str(principal.person),
        "account": principal.account,
        "name": principal.name.model_dump(),
        "roles": [{"id": role, "name": context.guard.roles.roles[role].name.model_dump()} for role in known(context, principal)],
        "post": principal.post,
        "posts": [
            {"id": post, "name": names[post].model_dump() if post in names else {"zh": post, "en": post}}
            for post in principal.posts
        ],
        "actions": sorted(principal.actions()),
        "language": principal.language,
        "must_change_password": principal.must_change,
        "must_enrol_factor": principal.must_enrol,
        "factor_due": principal.factor_due,
        "factor_due_iso": iso(principal.factor_due),
        "password_due": principal.password_due,
        "password_due_iso": iso(principal.password_due),
        "csrf": csrf_token(token),
    }


def known(context: Context, principal: Principal) -> list[str]:
    return [role for role in principal.roles if role in context.guard.roles.roles]


async def _anew(context: Context, request: Request) -> dict[str, Any]:
    """The Principal as it is after the change."""
    token = token_of(request, context.settings) or ""
    principal = await asyncio.to_thread(context.guard.sessions.resolve, token)
    assert principal is not None
    return who(context, principal, token)
