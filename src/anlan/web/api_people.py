"""People, posts and roles: who works here and what they may do. The one-time password of a new person is told once, here."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from anlan.guard.people import Held, NewPerson
from anlan.guard.policy import load_policies
from anlan.guard.principal import Principal, is_within
from anlan.guard.records import FactorReset, Person
from anlan.guard.roles import Kind
from anlan.model.words import Label
from anlan.web.answers import Json, iso
from anlan.web.api_account import session_row
from anlan.web.api_keys import OwnPerson
from anlan.web.api_roster import running_shift
from anlan.web.auth import Asker, require
from anlan.web.context import Context
from anlan.web.idempotency import Key, Writes
from anlan.web.places import check_place

Short = Annotated[str, Field(max_length=200)]


class HeldRole(BaseModel):
    """`place`: path of the branch where it holds, "" for everywhere. `only`: kinds of action it is limited to; all when empty."""

    model_config = ConfigDict(extra="forbid")

    role: Short
    post: Short = ""
    place: Short = ""
    only: Annotated[list[Kind], Field(max_length=5)] = []

    def held(self) -> Held:
        return Held(self.role, self.post, self.place, tuple(self.only))


class AddPerson(BaseModel):
    model_config = ConfigDict(extra="forbid")

    account: Short
    name: Label
    held: Annotated[list[HeldRole], Field(max_length=50)]


class ChangePerson(BaseModel):
    """What is absent stays as it is."""

    model_config = ConfigDict(extra="forbid")

    held: Annotated[list[HeldRole], Field(max_length=50)] | None = None
    disabled: Annotated[bool, Field(strict=True)] | None = None


class Why(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=3, max_length=500)]


class SignedWhy(Why, OwnPerson):
    """Why, signed with the own `password` and, for who has a second factor, its `code`."""


class ChoosePolicy(Why):
    policy: Short


def routes(context: Context) -> APIRouter:
    router = APIRouter(tags=["people"])
    writes = Writes(context.records, context.clock)
    people, sessions = context.guard.people, context.guard.sessions

    @router.get("/people", dependencies=[require("people.view")])
    async def list_people(asker: Asker) -> Response:
        """Who has an account and what they hold; for a branch those who hold something there, above it or below it."""
        everyone = await asyncio.to_thread(people.all)
        with_factor = await asyncio.to_thread(context.guard.factors.everyone)
        rows = [{**_person(one), "second_factor": one.id in with_factor} for one in everyone if _concerns(one, asker)]
        return Json({"items": rows})

    @router.post("/people", dependencies=[require("people.manage")], status_code=201)
    async def add(asker: Asker, body: AddPerson) -> Response:
        """Add a person; the answer tells the password for the first sign-in, once."""
        _check_places(context, body.held)
        new = NewPerson(body.account, body.name, tuple(one.held() for one in body.held))
        person, password = await context.guard.hashing(partial(people.add, new, asker))
        return Json({**_person(person), "one_time_password": password}, status_code=201)

    @router.patch("/people/{person}", dependencies=[require("people.manage")])
    async def change(person: UUID, asker: Asker, body: ChangePerson) -> Response:
        """Give or take roles, close or reopen the account; in force with the person's next request."""
        _check_places(context, body.held or [])
        held = [one.held() for one in body.held] if body.held is not None else None
        changed = await asyncio.to_thread(partial(people.change, person, asker, held=held, disabled=body.disabled))
        if changed.disabled:
            await asyncio.to_thread(sessions.end_all_of, person)
        return Json(_person(changed))

    @router.post("/people/{person}/password", dependencies=[require("people.manage")])
    async def reset_password(person: UUID, asker: Asker) -> Response:
        """A new one-time password, told once; all sessions and tokens of the person end."""
        password = await context.guard.hashing(partial(people.reset_password, person, asker))
        await asyncio.to_thread(sessions.end_all_of, person)
        return Json({"one_time_password": password})

    @router.get("/people/{person}/sessions", dependencies=[require("people.manage")])
    async def sessions_of(person: UUID, asker: Asker) -> Response:
        """Where a person is signed in, consoles left unattended among them."""
        await asyncio.to_thread(people.check_reach, person, asker)
        return Json({"items": [session_row(one, asker) for one in await asyncio.to_thread(sessions.of, person)]})

    @router.delete("/people/{person}/sessions", dependencies=[require("people.manage")])
    async def end_sessions(person: UUID, asker: Asker, tokens: bool = False) -> Response:
        """Sign a person out everywhere, at once, with `tokens` the API tokens too. Consoles at a post go on showing, with nobody signed in."""
        await asyncio.to_thread(people.check_reach, person, asker)
        revoked = await asyncio.to_thread(partial(sessions.sign_out_everywhere, asker, of=person, tokens=tokens))
        return Json({"tokens_revoked": revoked})

    @router.delete("/people/{person}/sessions/{session}", dependencies=[require("people.manage")])
    async def end_session(person: UUID, session: UUID, asker: Asker) -> Response:
        """End one session for good: its console then shows the door."""
        await asyncio.to_thread(people.check_reach, person, asker)
        await asyncio.to_thread(partial(sessions.end, session, asker, of=person))
        return Json({})

    @router.post("/people/{person}/factor-reset", dependencies=[require("people.manage")])
    async def ask_factor_reset(request: Request, person: UUID, asker: Asker, body: SignedWhy, key: Key = None) -> Response:
        """Ask, with the own password and code, to take away the second factor of a person who has lost it; a second person decides."""

        async def run(_: UUID) -> dict[str, Any]:
            await context.guard.check_own_person(asker, body.password, body.code)
            return reset_row(await asyncio.to_thread(context.guard.factors.ask_reset, person, asker, body.reason))

        return await writes.once(request, asker, key, run)

    @router.get("/factor-resets", dependencies=[require("people.view")])
    async def factor_resets(asker: Asker) -> Response:
        """Which second factors somebody asked to take away, and wait for a second person."""
        rows = await asyncio.to_thread(context.guard.factors.open_resets)
        seen = {one.id for one in await asyncio.to_thread(people.all) if _concerns(one, asker)}
        return Json({"items": [reset_row(row) for row in rows if row.person_id in seen]})

    async def decide(reset: UUID, asker: Principal, approve: bool) -> dict[str, Any]:
        shift = running_shift(context)
        decided = await asyncio.to_thread(partial(context.guard.factors.decide_reset, reset, asker, approve=approve, shift=shift))
        if approve:
            await asyncio.to_thread(sessions.end_all_of, decided.person_id)
        return reset_row(decided)

    @router.post("/factor-resets/{reset}/approve", dependencies=[require("people.approve")])
    async def approve_reset(request: Request, reset: UUID, asker: Asker, body: OwnPerson, key: Key = None) -> Response:
        """Take the second factor away, as the second person with own password and code; all sessions and tokens of its owner end."""

        async def run(_: UUID) -> dict[str, Any]:
            await context.guard.check_own_person(asker, body.password, body.code)
            return await decide(reset, asker, True)

        return await writes.once(request, asker, key, run)

    @router.post("/factor-resets/{reset}/refuse", dependencies=[require("people.approve")])
    async def refuse_reset(request: Request, reset: UUID, asker: Asker, key: Key = None) -> Response:
        """Refuse or withdraw the request; the second factor stays."""
        return await writes.once(request, asker, key, lambda _: decide(reset, asker, False))

    @router.get("/policy", dependencies=[require("people.view")])
    async def policy() -> Response:
        """The rules in force for passwords, second factors and sessions, those there are, and the clauses they come from."""
        policies = await asyncio.to_thread(lambda: (context.guard.policies.name, load_policies()))
        return Json({"in_force": policies[0], "policies": {name: one.model_dump() for name, one in policies[1].items()}})

    @router.put("/policy", dependencies=[require("people.manage", whole=True)])
    async def choose_policy(request: Request, asker: Asker, body: ChoosePolicy, key: Key = None) -> Response:
        """Bring another profile into force; it counts from everyone's next sign-in and empties no running console."""

        async def run(_: UUID) -> dict[str, Any]:
            await asyncio.to_thread(context.guard.policies.choose, asker, body.policy, body.reason)
            return {"in_force": body.policy}

        return await writes.once(request, asker, key, run)

    @router.get("/posts", dependencies=[require("people.view")])
    async def list_posts() -> Response:
        """Operating posts of the plant."""
        posts = await asyncio.to_thread(people.posts)
        return Json({"items": [{"id": post.id, "name": {"zh": post.name_zh, "en": post.name_en}} for post in posts]})

    @router.get("/roles", dependencies=[require("people.view")])
    async def list_roles() -> Response:
        """Roles, their actions, and what each action means."""
        roles = context.guard.roles
        told = [
            {"id": name, "name": role.name.model_dump(), "at_post": role.at_post, "actions": sorted(role.actions)}
            for name, role in roles.roles.items()
        ]
        return Json({"items": told, "actions": {name: label.model_dump() for name, label in roles.actions.items()}})

    return router


def reset_row(row: FactorReset) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "person": str(row.person_id),
        "asked_by": str(row.asked_by),
        "asked_at": row.asked_at,
        "asked_at_iso": iso(row.asked_at),
        "reason": row.reason,
        "approved": row.approved,
    }


def _check_places(context: Context, held: Sequence[HeldRole]) -> None:
    for one in held:
        check_place(context, one.place)


def _concerns(person: Person, asker: Principal) -> bool:
    if asker.allows("people.view", ""):
        return True
    branches = [grant.place for grant in asker.grants if "people.view" in grant.actions]
    return any(is_within(one.place, at) or is_within(at, one.place) for one in person.assignments for at in branches)


def _person(person: Person) -> dict[str, Any]:
    held = [{"role": one.role, "post": one.post, "place": one.place, "only": one.only.split()} for one in person.assignments]
    return {
        "id": str(person.id),
        "account": person.account,
        "name": {"zh": person.name_zh, "en": person.name_en},
        "disabled": person.disabled,
        "must_change_password": person.must_change,
        "demo": person.demo,
        "created_at": person.created_at,
        "created_at_iso": iso(person.created_at),
        "held": sorted(held, key=lambda one: (one["role"], one["post"], one["place"])),
    }
