"""Additions brought into force: the next version and its audit leaf in one commit, then engine, sense process and console go by it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.people import keep_posts
from anlan.guard.principal import Principal
from anlan.model.errors import InputError, StoreError
from anlan.plant.additions import Added, Addition, add, limits_in, problems
from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.findings import PlantMistakes
from anlan.plant.service import MasterService, change_row, guarded
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant, made_as
from anlan.web.context import Context

SECRETS = "plant.secrets"
"""Name of the folder for passwords of sources in `Context.extras`; the node fills it in."""
TOLD_CHANGES = 100


class AdditionMistakes(PlantMistakes):
    """An addition that is not accepted; `facts.problems` has each mistake with its row and column."""

    code = "addition-mistakes"
    one = "{count} mistake in what is added:"
    several = "{count} mistakes in what is added:"

    def __init__(self, added: Added) -> None:
        super().__init__(added.findings)
        self.facts["problems"] = problems(added.findings)


class AddingService:
    """One per app process."""

    def __init__(self, context: Context, master: MasterService) -> None:
        self._context, self._master = context, master

    async def preview(self, principal: Principal, addition: Addition) -> dict[str, Any]:
        """What the addition would change, and every mistake and warning with its cell. Changes nothing."""
        current, plant, _ = await self._master.current()
        added = await asyncio.to_thread(add, plant, addition)
        changes = await asyncio.to_thread(differences, plant, added.plant) if added.plant is not None else []
        return {
            "version": current.number,
            "fatal": added.plant is None,
            "problems": problems(added.findings),
            "changes": [change_row(c) for c in changes[:TOLD_CHANGES]],
            "more": max(0, len(changes) - TOLD_CHANGES),
            "takes": ["source.configure", "alarm.configure"] if limits_in(addition) else ["source.configure"],
        }

    async def add(
        self, principal: Principal, addition: Addition, *, base: int, reason: str, command: UUID | None = None
    ) -> dict[str, Any]:
        """Answered once the engine runs it; values follow when the source answers.

        Raises Forbidden (limits take `alarm.configure` too), AdditionMistakes, StaleBase, Unavailable, StoreError.
        """
        if limits_in(addition):
            principal.require("alarm.configure", "")
        before = None if command is None else await asyncio.to_thread(made_as, self._context.records, command)
        if before is not None:
            return _outcome(before)
        made = await self._master.put_into_force(lambda now: self._write(now, principal, addition, base, reason, command))
        return _outcome(made)

    def _write(
        self, now: Imported, principal: Principal, addition: Addition, base: int, reason: str, command: UUID | None
    ) -> Imported:
        secret = self._file_of_password(addition)
        added = add(now.plant, addition, secret)
        if added.plant is None:
            raise AdditionMistakes(added)
        if secret is not None and addition.source is not None:
            _keep(secret, addition.source.password)  # before the version that names it; never over another source's

        def also(session: Session, before: Plant | None, made: Imported) -> None:
            guarded(session, before, made)
            if addition.posts:
                keep_posts(session, {post.id: post.name for post in made.plant.posts})
            append(session, _leaf(principal, self._context.clock.now(), made, addition, reason))

        return import_plant(
            self._context.records, added.plant, author=principal.account, reason=reason, clock=self._context.clock, onto=base, also=also,
            id=command, known=now,
        )  # fmt: skip

    def _file_of_password(self, addition: Addition) -> Path | None:
        new = addition.source
        if new is None or not new.password:
            return None
        folder = self._context.extras.get(SECRETS)
        if folder is None:
            raise InputError("this console has no place to keep a source's password")
        return Path(folder) / f"{new.id}.password"


def _keep(path: Path, password: str) -> None:
    """In a file that the node's account alone reads."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(password.encode())
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as failure:
        raise StoreError("the password cannot be kept in {file}: {why}", file=str(path), why=failure.strerror or "") from failure


def _leaf(principal: Principal, at: int, made: Imported, addition: Addition, reason: str) -> Step:
    subject = addition.source.id if addition.source is not None else made.plant.site.id
    after = {
        "version": made.version.number,
        "digest": made.version.digest,
        "changes": [c.text() for c in made.changes[:TOLD_CHANGES]],
    }
    return Step.of(principal, at, "source.configure", subject, before={"version": made.version.base}, after=after, reason=reason)


def _outcome(made: Imported) -> dict[str, Any]:
    return {"version": made.version.number, "new": made.new, "changes": [change_row(c) for c in made.changes[:TOLD_CHANGES]]}
