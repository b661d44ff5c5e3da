"""A start while records.db cannot be opened: the node goes by the version that was in force last, and paired stations answer their alarms.

    records cannot be opened ──▶ plant.last, stations.last ──▶ core, sense, console without people ──▶ steps wait in audit.waiting
    records are back ──▶ app ends, the supervisor starts it again ──▶ the waiting steps go into the audit record first

Nothing is written into the damaged file. A database that a newer Anlan made is not damaged: that start is refused as ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import structlog

from anlan.model.errors import AnlanError, NotFound, StoreError, Unavailable
from anlan.node.layout import NodeFolder

FAULT = "records"
TRY_SECONDS = 2.0

T = TypeVar("T")
log = structlog.get_logger()


def or_what_is_kept(folder: NodeFolder, from_records: Callable[[], T], from_kept: Callable[[StoreError], T]) -> T:
    """`from_records`, else, where they are lost and something was kept, `from_kept`. Raises what `from_records` raised where nothing was
    kept."""
    try:
        must_be_there(folder)
        return from_records()
    except (StoreError, NotFound) as failure:
        from anlan.store.records import FromTheFuture  # with the database's library, which sense needs for nothing else

        if isinstance(failure, FromTheFuture) or not folder.last_plant.exists():
            raise
        lost = failure if isinstance(failure, StoreError) else StoreError(failure.message, **failure.facts)
        log.error("the records cannot be opened", error=str(lost))
        return from_kept(lost)


def must_be_there(folder: NodeFolder) -> None:
    """A file that is gone must not be made anew, empty: numbers of points would begin again. Raises StoreError."""
    if folder.last_plant.exists() and not folder.records.exists():
        raise StoreError(
            "{file} is gone: put it back from a copy; to begin anew without what it held, move {kept} away too",
            file=str(folder.records),
            kept=str(folder.last_plant),
        )


def what_is_wrong(failure: StoreError, version: int) -> Unavailable:
    """As every station's screen and the sign-in page say it."""
    return Unavailable(
        "the records of people and configuration cannot be opened: nobody can sign in and nothing can be changed. Alarms are decided and "
        "told as configuration version {version} says, and paired stations answer those of their post; each step waits for the audit "
        "record. Put records.db back from a copy: the console then comes back by itself. What was found: {why}",
        version=version,
        why=str(failure),
    )


async def until_back(look: Callable[[], None]) -> None:
    """Returns once `look`, which blocks, finds the records whole again."""
    while True:
        await asyncio.sleep(TRY_SECONDS)
        try:
            await asyncio.to_thread(look)
        except AnlanError as error:
            log.info("the records cannot be opened yet", error=str(error))
        else:
            log.warning("the records can be opened again: starting with them")
            return
