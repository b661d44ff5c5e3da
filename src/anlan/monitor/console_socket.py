"""The console's one WebSocket: a browser allows few connections to one address, so everything that moves comes over one.

Browser → {"points": ["AT-203", …], "also": ["blind"]}: the points it shows and what else it wants to be told; replaces both.
Node → {"t": node's clock [µs], "core": whether the core is heard, "v": [[id, time, value | null, quality word, received_at], …], "a": [alarm rows that
changed], "cursor": journal position, "whole": true when `a` is all that stands, "s": [source rows], "sum": summary, "cal": [ids of the
detectors under calibration], "pl": {path of a place that was asked for as "place:PATH": its counts}, "page": `shell.page_stamp`, "f": [faults of the node, in words], "fl": [alarm floods that run], "rq": how many requests wait for this person (null: not known), "bl": what can't be seen
(`monitor.blind_spots`), "ev": [evacuation calls that stand], "who": {name, account, post, nobody} once another person or nobody is signed in here}, what has not changed left out; at least one a second, so
that silence means a lost line. Values at most 4 times a second, alarms at once. Closed with 1008 when the session is over.
"""

from __future__ import annotations

import asyncio

import numpy as np
import orjson
from starlette.status import WS_1008_POLICY_VIOLATION
from starlette.websockets import WebSocket

from anlan.guard.principal import Principal
from anlan.model.errors import StoreError
from anlan.monitor.blind_spots import BlindSpots
from anlan.monitor.board import Board
from anlan.monitor.evacuation.service import Evacuations
from anlan.monitor.sums import Sums
from anlan.sense.service import SourceService
from anlan.web.answers import dumps
from anlan.web.context import Context
from anlan.web.fanout import MOST_POINTS
from anlan.web.faults import fault_texts
from anlan.web.shell import page_stamp
from anlan.web.stream import Bell, Watch

HEARTBEAT = 1.0
CHECK_SESSION = 5.0
PLACE = "place:"
MOST_PLACES = 500
"""A unit and the equipment in it."""


class ConsoleSocket:
    """One browser tab. Nothing is kept for it but what it shows and how far it has been told."""

    def __init__(self, context: Context, board: Board, principal: Principal, socket: WebSocket) -> None:
        self._context, self._board, self._principal, self._socket = context, board, principal, socket
        self._points = context.fanout.number_set(())
        self._also: frozenset[str] = frozenset()
        self._asked = Bell()
        self._tick = 0
        self._cursor: int | None = None
        self._plant = context.plant
        self._alarms_rung = board.moved.count
        self._sources_rung = -1
        self._summary_at = -1.0
        self._calibrating_told: bytes | None = None
        self._faults_told: bytes | None = None
        self._evacuations = Evacuations.of(context)
        self._evacuations_told: bytes = b"[]"
        self._evacuations_rung = -1
        self._floods_told: bytes = b"[]"
        self._requests = context.extras.get("requests.waiting")
        self._waiting: int | None = 0
        self._waiting_told: int | None = 0
        self._page_told = ""
        self._places: tuple[str, ...] = ()
        self._places_told: bytes = b""
        self._blind_told: bytes | None = None
        self._who_changed = False
        self._checked, self._changes = context.clock.monotonic(), context.guard.sessions.changes

    async def run(self) -> None:
        listening = asyncio.create_task(self._listen())
        telling = asyncio.create_task(self._tell())
        try:
            done, _ = await asyncio.wait({listening, telling}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            telling.cancel()
            await asyncio.gather(listening, telling, return_exceptions=True)
        for task in done:
            task.result()

    async def _listen(self) -> None:
        while True:
            try:
                message = orjson.loads(await self._socket.receive_text())
                points, also = message["points"], message.get("also", [])
                self._also = frozenset(one for one in also if isinstance(one, str))
                self._ask_places([one.removeprefix(PLACE) for one in also if isinstance(one, str) and one.startswith(PLACE)])
                self._choose([one for one in points if isinstance(one, str)][:MOST_POINTS])
            except (KeyError, TypeError, AttributeError, orjson.JSONDecodeError):
                await self._socket.close(WS_1008_POLICY_VIOLATION, "not understood")
                return

    def _ask_places(self, paths: list[str]) -> None:
        known = self._context.plant.places
        self._places = tuple(dict.fromkeys(path for path in paths if path in known))[:MOST_PLACES]
        self._places_told = b""

    def _choose(self, ids: list[str]) -> None:
        """Ids that don't exist or may not be seen are not told of: the page shows them as unknown."""
        plant = self._context.plant
        numbers = (plant.point_numbers.get(one) for one in ids)
        seen = [n for n in numbers if n is not None and self._principal.allows("live.view", plant.points[n].place)]
        self._points = self._context.fanout.number_set(seen)
        self._tick = -1
        self._asked.ring()

    async def _tell(self) -> None:
        asked, people = 0, self._context.people_moved.count
        watch = Watch(
            values=lambda: self._context.fanout.wait(max(self._tick, 0)),
            alarms=lambda: self._board.moved.wait(self._alarms_rung),
            sources=lambda: self._context.sources_moved.wait(self._sources_rung),
            asked=lambda: self._asked.wait(asked),
            people=lambda: self._context.people_moved.wait(people),
            evacuations=lambda: self._evacuations.moved.wait(self._evacuations_rung),
        )
        try:
            while await self._still_allowed():
                await Sums.of(self._context).refresh()
                self._waiting = await self._count_waiting()
                await self._socket.send_text(self._frame().decode())
                asked, people = self._asked.count, self._context.people_moved.count
                await watch.first(HEARTBEAT)
            await self._socket.close(WS_1008_POLICY_VIOLATION, "session over")
        finally:
            watch.close()

    async def _count_waiting(self) -> int | None:
        """None while the records cannot be read: values, alarms and evacuation calls are told all the same."""
        if self._requests is None:
            return 0
        try:
            return int(await self._requests(self._principal))
        except StoreError:
            return None

    def _frame(self) -> bytes:
        core = b"true" if self._context.live.connected else b"false"
        head = b'{"t":%d,"core":%b' % (self._context.clock.now(), core)
        return (
            head
            + self._values()
            + self._alarms()
            + self._sources()
            + self._summary()
            + self._calibrating()
            + self._faults()
            + self._calls()
            + self._floods()
            + self._blind()
            + self._who()
            + self._counts_of_places()
            + self._waiting_requests()
            + self._page()
            + b"}"
        )

    def _values(self) -> bytes:
        tick = self._context.live.tick
        rows = self._context.fanout.rows_since(self._points, self._tick) if len(self._points) else b""
        self._tick = tick
        return b',"v":[' + rows + b"]" if rows else b""

    def _alarms(self) -> bytes:
        if not self._principal.allows("alarm.view") or not self._board.loaded:
            return b""
        self._alarms_rung = self._board.moved.count
        if self._plant is not self._context.plant:
            self._plant, self._cursor = self._context.plant, None  # limits, texts and posts may be others: all of it is told anew
        told = self._board.recent(self._cursor) if self._cursor is not None else None
        was, self._cursor = self._cursor, self._board.cursor
        if told is None:
            return b',"a":%b,"whole":true,"cursor":%d' % (dumps(self._board.rows(self._principal)), self._cursor)
        if was == self._cursor:
            return b""
        rows = b",".join(one.row for one in told if self._principal.allows("alarm.view", one.place))
        return b',"a":[%b],"cursor":%d' % (rows, self._cursor)

    def _sources(self) -> bytes:
        bell = self._context.sources_moved
        if bell.count == self._sources_rung or not self._principal.allows("source.view"):
            return b""
        self._sources_rung = bell.count
        return b',"s":' + dumps(SourceService.of(self._context).rows())

    def _summary(self) -> bytes:
        """Over the whole plant, so only for who may see the whole plant."""
        now = self._context.clock.monotonic()
        if now < self._summary_at + HEARTBEAT or not self._principal.allows("live.view", ""):
            return b""
        self._summary_at = now
        return b',"sum":' + Sums.of(self._context).encoded()

    def _calibrating(self) -> bytes:
        """Detectors under test gas send plain readings: wherever their value is shown, the mark comes from here."""
        points = [self._context.plant.points[number] for number in Sums.of(self._context).under_test()]
        told = dumps([point.id for point in points if self._principal.allows("live.view", point.place)])
        if told == self._calibrating_told:
            return b""
        self._calibrating_told = told
        return b',"cal":' + told

    def _faults(self) -> bytes:
        told = dumps(fault_texts(self._context, self._principal.language))
        if told == self._faults_told:
            return b""
        self._faults_told = told
        return b',"f":' + told

    def _calls(self) -> bytes:
        """Evacuation calls: whatever else this page shows."""
        self._evacuations_rung = self._evacuations.moved.count
        told = dumps(self._evacuations.seen_by(self._principal))
        if told == self._evacuations_told:
            return b""
        self._evacuations_told = told
        return b',"ev":' + told

    def _floods(self) -> bytes:
        if not self._principal.allows("alarm.view") or not self._board.loaded:
            return b""
        told = dumps(self._board.floods.running(self._principal))
        if told == self._floods_told:
            return b""
        self._floods_told = told
        return b',"fl":' + told

    def _blind(self) -> bytes:
        """Only for a page that shows it: it may be long."""
        if "blind" not in self._also or not self._principal.allows("live.view"):
            return b""
        told = BlindSpots.of(self._context).encoded(self._principal)
        if told is None or told == self._blind_told:
            return b""
        self._blind_told = told
        return b',"bl":' + told

    def _counts_of_places(self) -> bytes:
        """Of the places that the page shows and the person may see."""
        if not self._places:
            return b""
        sums = Sums.of(self._context)
        seen = (path for path in self._places if self._principal.allows("live.view", path))
        told = b",".join(b"%b:%b" % (dumps(path), sums.at(path)) for path in seen)
        if told == self._places_told:
            return b""
        self._places_told = told
        return b',"pl":{' + told + b"}"

    def _waiting_requests(self) -> bytes:
        """How many changes of the configuration wait for this person's word; null: not known."""
        if self._waiting == self._waiting_told:
            return b""
        self._waiting_told = self._waiting
        return b',"rq":%b' % orjson.dumps(self._waiting)

    def _page(self) -> bytes:
        stamp = page_stamp(self._context.plant)
        if stamp == self._page_told:
            return b""
        self._page_told = stamp
        return b',"page":' + dumps(stamp)

    def _who(self) -> bytes:
        """The person was signed out elsewhere, or lost the post: the picture stays, and says so."""
        if not self._who_changed:
            return b""
        self._who_changed = False
        who = self._principal
        return b',"who":' + dumps(
            {"name": who.name.model_dump(), "account": who.account, "post": who.post, "nobody": who.unattended}
        )

    async def _still_allowed(self) -> bool:
        now, changes = self._context.clock.monotonic(), self._context.guard.sessions.changes
        if now < self._checked + CHECK_SESSION and changes == self._changes:
            return True
        self._checked, self._changes = now, changes
        try:
            principal = await asyncio.to_thread(self._context.guard.sessions.running, self._principal.session)
        except StoreError:
            return True  # nobody was sent away while the records cannot be read: the picture goes on
        if principal is None or not principal.allows("live.view"):
            return False
        if (principal.account, principal.post) != (self._principal.account, self._principal.post):
            self._who_changed = True
        if principal.grants != self._principal.grants or self._who_changed:
            self._principal = principal
            self._cursor = None  # what may be seen has changed: all of it is told anew
            plant = self._context.plant
            may = [n for n in self._points.tolist() if n in plant.points and principal.allows("live.view", plant.points[n].place)]
            self._points = self._context.fanout.number_set(np.array(may, np.int64))
        return True
