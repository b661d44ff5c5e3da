"""Paired operator stations: a browser at a post that may take a few emergency steps when nobody can sign in (DOMAIN.md 15).

    an administrator makes a station ──▶ pairing code, once, for an hour ──▶ typed at the station ──▶ key in that browser's cookie
                                                                                           revoked ──▶ worth nothing at once

A key is worth something from the address that it was paired from alone: a copy used elsewhere is refused, and every console is told.

The keys' hashes are kept in memory, and in a file beside the records (`KEPT_STATIONS`), so that a station is known while the records of people,
or all records, cannot be read, also by an app that starts then. A revoked key leaves memory and file before the records say so.
A step is taken by nobody who is known: who it was is the station's id, which every list tells as 未识别 (unidentified).
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import threading
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import orjson
import structlog
from sqlalchemy import select

from anlan.guard.audit import Step, append
from anlan.guard.limiter import TooManyTries
from anlan.guard.passwords import one_time_password
from anlan.guard.principal import Grant, Principal
from anlan.model.clock import HOUR, MINUTE, SECOND, Clock, Micros
from anlan.model.errors import AnlanError, Forbidden, InputError, NotFound, NotSignedIn, StoreError, Unavailable
from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.store.aside import read_aside, write_aside
from anlan.store.ids import uuid7
from anlan.store.records import Records
from anlan.web.answers import iso
from anlan.web.context import Context
from anlan.web.records import StationRow

CODE_LASTS: Micros = HOUR
WRONG_CODES = 20
"""Of one address in `WINDOW`. A code has 79 bits: there is no count over all, by which a stranger could keep others from pairing."""
WINDOW: Micros = 15 * MINUTE
ADDRESSES_KEPT = 10_000
READ_AGAIN = 30.0
"""s; a station that another process revoked (a restored database) is forgotten within this."""
TOLD_FOR: Micros = 30 * MINUTE
"""How long every console shows what somebody should look into."""
ELSEWHERE = "station key elsewhere"
MAY = frozenset({"alarm.view", "alarm.acknowledge", "alarm.silence"})
UNIDENTIFIED = Label(zh="未识别", en="unidentified")
KEPT_STATIONS = "web.stations.file"
"""In `Context.extras`: the file beside the records."""
NOT_KEPT = "stations not kept"
_EXTRA = "web.stations"

log = structlog.get_logger()


class AnotherAddress(Forbidden):
    """The station's key, shown from an address that it was not paired from."""

    code: ClassVar[str] = "another-address"


@dataclass(frozen=True, slots=True)
class Station:
    """`paired_from`: the one address that its key is good from."""

    id: UUID
    name: str
    post: str
    paired_from: str

    def principal(self, language: Language, address: str) -> Principal:
        """Nobody who is known, at this post, with the few emergency rights."""
        return Principal(
            person=self.id,
            account="",
            name=UNIDENTIFIED,
            session=self.id,
            grants=(Grant("station", "", MAY),),
            posts=(self.post,),
            post=self.post,
            language=language,
            from_where=address,
        )


class Stations:
    """One per app process: `stations_of(context)`. Steps are blocking; `of_key` answers from memory."""

    def __init__(self, records: Records, clock: Clock, faults: dict[str, AnlanError], file: Path | None = None) -> None:
        self._records, self._clock, self._faults = records, clock, faults
        self._file, self._kept = file, b""
        self._elsewhere_at: Micros = 0
        self._by_key: dict[bytes, Station] = {}
        self._known: set[str] = set()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()
        self._counting = threading.Lock()
        self._loaded = False

    async def run(self) -> None:
        """Until cancelled: keep what is in memory in step with the records; what cannot be read stays as it was."""
        while True:
            try:
                await asyncio.to_thread(self.read)
            except AnlanError as error:
                log.warning("stations not read", error=str(error))
            self.forget_old()
            await asyncio.sleep(READ_AGAIN)

    def read(self) -> None:
        """Raises StoreError."""
        try:
            with self._records.reading() as session:
                rows = list(session.scalars(select(StationRow)))
        except StoreError:
            if self._loaded or not self._read_kept():
                raise
            return
        self._by_key = {
            row.key_hash: Station(row.id, row.name, row.post, row.paired_from)
            for row in rows
            if row.key_hash is not None and row.revoked_at is None
        }
        self._known = {str(row.id) for row in rows}
        self._loaded = True
        self._keep()

    def _read_kept(self) -> bool:
        """Whether stations are known from the file beside the records. Raises StoreError, Corrupt."""
        body = read_aside(self._file) if self._file is not None else None
        if body is None:
            return False
        facts = orjson.loads(body)
        self._by_key = {bytes.fromhex(key): Station(UUID(id), *rest) for key, id, *rest in facts["stations"]}
        self._known = set(facts["known"])
        self._loaded, self._kept = True, body
        return True

    def _keep(self) -> None:
        """As it stands in memory. Should the file not be written it goes: a key that was revoked must not come back from it."""
        if self._file is None:
            return
        stations = [[key.hex(), str(one.id), one.name, one.post, one.paired_from] for key, one in self._by_key.items()]
        body = orjson.dumps({"stations": stations, "known": sorted(self._known)})
        if body == self._kept:
            return
        try:
            write_aside(self._file, body)
        except StoreError as failure:
            self._kept = b""
            with suppress(OSError):
                self._file.unlink(missing_ok=True)
            self._faults[NOT_KEPT] = Unavailable(
                "the paired stations are not kept beside the records: after a restart with damaged records none would answer alarms, or, "
                "if {file} could not be removed, one that was revoked since: {why}",
                file=str(self._file),
                why=failure.text(),
            )
        else:
            self._kept = body
            self._faults.pop(NOT_KEPT, None)

    def of_key(self, key: str, address: str) -> Station | None:
        """Raises AnotherAddress, and tells every console; StoreError before the records were first read."""
        if not self._loaded:
            self.read()
        station = self._by_key.get(_hash(key))
        if station is not None and station.paired_from != address:
            self._elsewhere_at = self._clock.now()
            facts = {"station": station.name, "address": address, "paired": station.paired_from}
            self._faults[ELSEWHERE] = Unavailable(
                "the key of the station {station}, paired from {paired}, was used from {address} and refused: was it copied? Revoke it",
                **facts,
            )
            raise AnotherAddress(
                "the key of the station {station} is good from {paired} alone, not from {address}: pair it anew", **facts
            )
        return station

    def forget_old(self) -> None:
        """Take the notice of a key used elsewhere away when it was told for long enough."""
        if self._elsewhere_at and self._clock.now() - self._elsewhere_at > TOLD_FOR:
            self._faults.pop(ELSEWHERE, None)

    def words_for(self, who: str) -> str:
        """What to call `who` if it is a station, else ""."""
        return f"{UNIDENTIFIED.zh} {UNIDENTIFIED.en}" if who in self._known else ""

    def all(self) -> list[dict[str, Any]]:
        with self._records.reading() as session:
            rows = list(session.scalars(select(StationRow).order_by(StationRow.made_at.desc())))
        return [_row(row, self._clock.now()) for row in rows]

    def make(self, by: Principal, name: str, post: str) -> tuple[dict[str, Any], str]:
        """A station to be paired, and the code for it, which is told once."""
        code, now = one_time_password(), self._clock.now()
        row = StationRow(
            id=uuid7(self._clock), name=name, post=post, code_hash=_hash(_plain(code)), code_until=now + CODE_LASTS, key_hash=None, made_at=now,
            made_by=by.name.text("zh"), paired_at=None, paired_from="", revoked_at=None,
        )  # fmt: skip
        with self._records.session() as session:
            session.add(row)
            append(session, Step.of(by, now, "station.make", str(row.id), after={"name": name, "post": post}))
        self.read()
        return _row(row, now), code

    def pair(self, code: str, address: str) -> tuple[Station, str]:
        """The station of this code, and the key for its browser. Raises NotSignedIn, TooManyTries."""
        self._try(address)
        now, key = self._clock.now(), secrets.token_urlsafe(32)
        with self._records.session() as session:
            row = session.scalars(select(StationRow).where(StationRow.code_hash == _hash(_plain(code)))).one_or_none()
            if row is None or row.revoked_at is not None or row.code_until < now:
                raise NotSignedIn("the pairing code is wrong, was used, or is older than an hour: have a new one made")
            row.key_hash, row.code_hash, row.paired_at, row.paired_from = _hash(key), None, now, address
            step = Step(
                at=now,
                who=str(row.id),
                post=row.post,
                from_where=address,
                action="station.pair",
                subject=str(row.id),
                after={"name": row.name},
            )
            append(session, step)
            station = Station(row.id, row.name, row.post, row.paired_from)
        with self._counting:
            if self._wrong.get(address):
                self._wrong[address].pop()
        self.read()
        return station, key

    def revoke(self, by: Principal, id: UUID, reason: str) -> dict[str, Any]:
        """Its key is worth nothing from now on. Raises NotFound, InputError."""
        now = self._clock.now()
        with self._records.session() as session:
            row = session.get(StationRow, id)
            if row is None:
                raise NotFound("there is no station {id}", id=str(id))
            if row.revoked_at is not None:
                raise InputError("this station was revoked already")
            row.revoked_at, row.code_hash = now, None
            append(
                session, Step.of(by, now, "station.revoke", str(id), before={"name": row.name, "post": row.post}, reason=reason)
            )
            told = _row(row, now)
            # Before the records say so: a node that dies in between has a revoked station too few, never one too many.
            self._by_key = {key: station for key, station in self._by_key.items() if station.id != id}
            self._keep()
        self.read()
        return told

    def _try(self, address: str) -> None:
        """Codes are not found by trying; somebody who tries is slowed, where they are."""
        now = self._clock.monotonic()
        with self._counting:
            wrong = self._wrong.setdefault(address, deque())
            self._wrong.move_to_end(address)
            while wrong and wrong[0] <= now - WINDOW / SECOND:
                wrong.popleft()
            if len(wrong) >= WRONG_CODES:
                wait = int(wrong[0] + WINDOW / SECOND - now) + 1
                raise TooManyTries("too many wrong pairing codes; try again in {seconds} s", seconds=wait)
            wrong.append(now)
            while len(self._wrong) > ADDRESSES_KEPT:
                self._wrong.popitem(last=False)


def stations_of(context: Context) -> Stations:
    stations = context.extras.get(_EXTRA)
    if stations is None:
        stations = context.extras[_EXTRA] = Stations(
            context.records, context.clock, context.faults, context.extras.get(KEPT_STATIONS)
        )
        context.background.append(stations.run)
    assert isinstance(stations, Stations)
    return stations


def _row(row: StationRow, now: Micros) -> dict[str, Any]:
    if row.revoked_at is not None:
        state = "revoked"
    elif row.key_hash is not None:
        state = "paired"
    else:
        state = "waiting" if row.code_until >= now else "expired"
    return {
        "id": str(row.id),
        "name": row.name,
        "post": row.post,
        "state": state,
        "made_by": row.made_by,
        "made_at": row.made_at,
        "made_at_iso": iso(row.made_at),
        "code_until": row.code_until if state == "waiting" else None,
        "paired_at": row.paired_at,
        "paired_from": row.paired_from,
        "revoked_at": row.revoked_at,
    }


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").casefold()


def _hash(secret: str) -> bytes:
    return hashlib.sha256(b"station:" + secret.encode("utf-8", "surrogatepass")).digest()
