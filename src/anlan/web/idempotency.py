"""A write repeated is done once: the header Idempotency-Key names it, the answer is kept for 24 h and given again.

The same key with another request is refused (422). While the first is still under way the second is told so (409). What failed (5xx) may
have been done in part: the next try runs it again at once, under the same id, by which the core and the records know it; should the node
have died in between, after a minute.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, ClassVar
from uuid import UUID

import structlog
from fastapi import Header, Request
from sqlalchemy import delete, select

from anlan.guard import passwords
from anlan.guard.principal import Principal
from anlan.model.clock import DAY, MINUTE, Clock, Micros
from anlan.model.errors import AnlanError, CommandRefused, InputError, StoreError
from anlan.store.ids import uuid7
from anlan.store.records import Records
from anlan.web.answers import Json
from anlan.web.problem import of_error
from anlan.web.records import Write

KEPT: Micros = DAY
UNDER_WAY: Micros = MINUTE
FORGET_SECONDS = 600.0

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=128, pattern=r"^[\x21-\x7e]+$")]
"""Parameter of every route that writes; a repeated write without it is done again."""

SECRET = re.compile(rb'"(?:password|code)"\s*:')
"""Members of a body that nobody may find out from what is kept of it."""

FAILED = {"failed": True}
"""The answer of a write without a status that is not under way any more."""

log = structlog.get_logger()


class KeyReused(InputError):
    code: ClassVar[str] = "key-reused"


@dataclass(frozen=True, slots=True)
class _Claim:
    """`id` names the write to the core; `status` is set when it has been done before."""

    id: UUID
    status: int | None = None
    answer: dict[str, Any] | None = None


class Writes:
    """`once` runs a write unless it has been run; the outcome of a refusal (4xx) is kept as well, of a failure (5xx) only the id."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock

    async def forget_old(self) -> None:
        """Until cancelled: let go of keys whose day is over, apart from the writes, which must not wait for it."""
        while True:
            try:
                await asyncio.to_thread(self._forget_old)
            except StoreError as failure:
                log.error("old idempotency keys not forgotten", error=str(failure))
            await asyncio.sleep(FORGET_SECONDS)

    async def once(
        self,
        request: Request,
        asker: Principal,
        key: str | None,
        run: Callable[[UUID], Awaitable[dict[str, Any]]],
        *,
        essential: bool = False,
    ) -> Json:
        """`essential`: an emergency action; it goes on when the key cannot be written down because the disk is full."""
        if key is None:
            return _answer(await run(uuid7(self._clock)))
        digest = await _hash(request, await request.body(), asker.person, key)
        try:
            claim = await asyncio.to_thread(self._claim, asker.person, key, digest)
        except StoreError as failure:
            if not essential:
                raise
            log.error("idempotency key not kept, the step goes on", error=str(failure))
            return Json(await run(uuid7(self._clock)))
        if claim.status is not None:
            return _again(claim)
        return await self._run(request, claim, run)

    async def _run(self, request: Request, claim: _Claim, run: Callable[[UUID], Awaitable[dict[str, Any]]]) -> Json:
        try:
            answer = _answer(await run(claim.id))
        except AnlanError as error:
            if error.status >= 500:
                await self._keep(claim, None, None)
                raise
            answer = of_error(request, error)
        except BaseException:
            await self._keep(claim, None, None)
            raise
        await self._keep(claim, answer.status_code, answer.body)
        return answer

    def _claim(self, person: UUID, key: str, digest: bytes) -> _Claim:
        now = self._clock.now()
        with self._records.session() as session:
            write = session.scalars(select(Write).where(Write.person == person, Write.key == key)).one_or_none()
            if write is not None and write.made_at < now - KEPT:
                session.delete(write)
                session.flush()
                write = None
            if write is None:
                write = Write(
                    id=uuid7(self._clock), person=person, key=key, request_hash=digest, made_at=now, status=None, answer=None
                )
                session.add(write)
                return _Claim(write.id)
            if write.request_hash != digest:
                raise KeyReused("Idempotency-Key {key} was used for another request; take a new one", key=key)
            if write.status is not None:
                return _Claim(write.id, write.status, write.answer)
            if write.answer is None and write.made_at > now - UNDER_WAY:
                raise CommandRefused("the first request with Idempotency-Key {key} is still under way", key=key)
            write.made_at, write.answer = now, None
            return _Claim(write.id)

    def _forget_old(self) -> None:
        with self._records.session() as session:
            session.execute(delete(Write).where(Write.made_at < self._clock.now() - KEPT))

    async def _keep(self, claim: _Claim, status: int | None, body: bytes | memoryview | None) -> None:
        try:
            await asyncio.to_thread(self._store, claim.id, status, body)
        except StoreError as failure:
            # The step itself is done and answered; a repetition within a minute is told that it is under way.
            log.error("outcome of a write not kept", write=str(claim.id), error=str(failure))

    def _store(self, write_id: UUID, status: int | None, body: bytes | memoryview | None) -> None:
        with self._records.session() as session:
            write = session.get(Write, write_id)
            if write is None:
                return
            write.status = status
            write.answer = FAILED if status is None else {"body": bytes(body or b"").decode()}


def _answer(told: dict[str, Any]) -> Json:
    """202 for what is not done but asked for: it waits for a second person."""
    return Json(told, 202 if told.get("request") else 200)


def _again(claim: _Claim) -> Json:
    body = (claim.answer or {}).get("body", "")
    assert claim.status is not None
    answer = Json(None, status_code=claim.status, headers={"Idempotency-Replayed": "true"})
    answer.body = body.encode()
    answer.headers["content-length"] = str(len(answer.body))
    if claim.status >= 400:
        answer.headers["content-type"] = "application/problem+json"
    return answer


async def _hash(request: Request, body: bytes, person: UUID, key: str) -> bytes:
    """It lies in the records for a day, and in copies of them: where the body holds a password, as dear to guess as the stored one."""
    told = f"{request.method} {request.url.path}\n".encode() + body
    if SECRET.search(body) is None:
        return hashlib.sha256(told).digest()
    return await passwords.in_worker(partial(passwords.digest, told, person.bytes + key.encode()))
