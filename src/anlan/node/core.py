"""The core process: log, engine, alarms.db and history, and the socket over which the other processes reach them.

    sense ──append──▶ Intake ──▶ Appender ──(durable)──▶ acknowledged
                                   │ frames
                                   ├──▶ EngineReader ──▶ alarms.db ──▶ push to subscribers
                                   └──▶ HistoryWriter ──▶ history

Start and recovery are one path: open log and alarms.db, let the engine go on from its position, serve; then the history. Run as
`python -m anlan.node.core DATA`.
"""

from __future__ import annotations

import gc

if __name__ == "__main__":
    # Loading makes half a million objects that all live on; looking through them for garbage is a fifth of the time to the first alarm.
    gc.disable()

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import orjson
import structlog

from anlan import __version__
from anlan.bus.tasks import end
from anlan.bus.wire import Body, Connection, Head, Server
from anlan.model.clock import MINUTE, Clock, SystemClock
from anlan.model.errors import AnlanError, StoreError, Unavailable
from anlan.model.events.alarms import AlarmTransition
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.monitor.commands import read_command
from anlan.monitor.engine import EngineConfig
from anlan.monitor.reader import EngineReader
from anlan.node.corrector import Corrector
from anlan.node.feed import LiveFeed, transition_head
from anlan.node.in_force import InForce
from anlan.node.intake import Intake, readings_part
from anlan.node.layout import NodeFolder
from anlan.node.own_points import AUDIT, CLOCK, CONFIGURATION, ENGINE, HISTORY, LOG, OVERRIDE, PROOF, UNHEARD, OwnPoints
from anlan.node.past import Past
from anlan.node.process import die_with_parent, run_until_signal, seconds_alive, spare_what_is_loaded
from anlan.node.proposals import Proposals
from anlan.node.reached import reached
from anlan.node.senses import Senses
from anlan.store.appender import Appender
from anlan.store.disk import hold
from anlan.store.log import Log, LogSettings
from anlan.store.memory import give_back
from anlan.web.logs import configure

TICK_SECONDS = 1.0
HOLD_SECONDS = 2.0
COMMAND_SECONDS = 10.0
PROOF_LASTS = 5 * MINUTE
HELD = 32 << 20
"""Room that alarms.db, and records.db beside it, always have for what they write next, also when others fill the disk. [B]"""

log = structlog.get_logger()


class Core:
    """Everything of the core process but the process itself, so that `--single` and tests run the same object.

    `started` is how long each step of the start took, for whoever asks why alarms were away: step → s since the process began.
    """

    def __init__(self, folder: NodeFolder, clock: Clock, log_settings: LogSettings | None = None) -> None:
        self._folder, self._clock = folder, clock
        self.started = {"loaded": seconds_alive()}
        self._log = Log.open(
            folder.log, clock, log_settings or LogSettings(), reached=lambda incarnation: reached(folder, incarnation)
        )
        self._appender = Appender.start(self._log)
        self._intake = Intake(self._log, self._appender, clock)
        self._reader = EngineReader(
            self._log, folder.journal, folder.snapshots, clock, self._transitions_decided, folder.engine_config
        )
        self._history = Past(folder.history, self._log, clock)
        self._corrector = Corrector(self._reader, self._history, self._log, folder.journal, clock, self._write_correction)
        self.started["log"] = seconds_alive()
        self._in_force, self._own = InForce(folder.engine_config, self._reader), OwnPoints()
        self._proposals = Proposals()
        self._configuring = asyncio.Lock()
        self._epoch, self._seq, self._own_seq = clock.now(), 0, 0
        self._links: dict[int, str] = {}
        self._ticked = False
        self._senses = Senses()
        self._loaded: dict[Connection, tuple[str, int]] = {}
        """Who is connected and said which configuration version it loaded: (process, version)."""
        self._source_health_at = 0
        self._audit_differs: bool | None = None
        """As the app tells, which checks its record; None until it has."""
        self._proving_until = 0
        """A proof of the alarm chain whose app has died ends by itself."""
        self._overridden_until = 0
        """A night override, as the app tells again every few seconds; its alarm ends with its time."""
        self._telling = asyncio.Lock()
        self._subscribers: set[Connection] = set()
        self._feed = LiveFeed(self._reader)
        self._tasks: list[asyncio.Task[None]] = []
        self.broken = asyncio.Event()
        """Set when a job of this process ended by a bug: the process then ends too, and is started again."""
        self._started_at = clock.now()
        self._server = Server(
            folder.socket,
            {
                "sense": self._greet_sense,
                "append": self._append,
                "ahead": self._ahead,
                "link": self._link,
                "health": self._health,
                "audit": self._audit,
                "prove": self._prove,
                "override": self._override,
                "command": self._command,
                "configure": self._configure,
                "configuration": self._configuration,
                "loaded": self._now_loaded,
                "compared": self._compared,
                "propose": self._propose,
                "proposed": self._proposed,
                "subscribe": self._subscribe,
                "status": self._status,
            },
        )

    async def start(self) -> None:
        """Recover, bring the configuration in force into the log, and serve."""
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._reader.start)
        self.started["engine"] = seconds_alive()
        self._intake.clocks.know(self._reader.live_since(0)[1])
        await self._bring_into_force(self._folder.engine_config.read_bytes())
        await self._server.start()
        self.started["serving"] = seconds_alive()
        self._history.start()
        self._corrector.start()
        self._tasks = [asyncio.ensure_future(job()) for job in (self._tick, self._push_live, self._forget, self._hold_room)]
        for task in self._tasks:
            task.add_done_callback(self._job_ended)
        log.info("core serves", version=__version__, frames=self._log.last)

    def _job_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            log.error("a job of core ended", job=repr(task.get_coro()), error=repr(task.exception()))
            self.broken.set()

    async def close(self) -> None:
        await self._server.close()
        await end(self._tasks)
        await asyncio.to_thread(self._corrector.close)
        self._appender.close()
        await asyncio.to_thread(self._reader.close)
        await asyncio.to_thread(self._history.close)
        self._log.close()

    # ---- what the node itself writes

    async def _bring_into_force(self, body: bytes) -> None:
        """By its bytes, not its version: a later release may make other rules of the same plant. Raises Corrupt, InputError before
        anything the engine could not run is in the log."""
        if not self._reader.runs(body):
            await asyncio.to_thread(_told, body)
            await self._write(Kind.CONFIG, body)
        self._own.know(body)

    async def _write(self, kind: Kind, body: bytes) -> int:
        return await asyncio.wrap_future(self._appender.submit(self._part(kind, body)))

    def _part(self, kind: Kind, body: bytes) -> Part:
        self._seq += 1
        return Part(kind, NODE_SOURCE, self._epoch, self._seq - 1, self._clock.now(), 1, body)

    def _write_correction(self, body: bytes) -> int:
        """From the corrector's thread."""
        return asyncio.run_coroutine_threadsafe(self._write(Kind.CORRECTION, body), self._loop).result()

    async def _write_or_decide(self, part: Part) -> None:
        """What must be decided whether or not the log takes it: time goes on, and a source is out of view, also on a disk that takes nothing."""
        try:
            await asyncio.wrap_future(self._appender.submit(part))
        except StoreError as error:
            log.error("decided without record", kind=part.kind.name, error=str(error))
            await self._decide_unrecorded(part)

    async def _decide_unrecorded(self, part: Part) -> None:
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                await asyncio.wrap_future(self._reader.decide_unrecorded(part))
        except TimeoutError as late:
            raise Unavailable("the engine has not decided within {seconds} s", seconds=int(COMMAND_SECONDS)) from late

    async def _write_tick(self, links: dict[int, str] | None = None) -> None:
        """Put the node's time and changed links into the log."""
        body: dict[str, Any] = {"now": self._clock.now(), "sources": {str(k): v for k, v in (links or {}).items()}}
        await self._write_or_decide(self._part(Kind.TICK, orjson.dumps(body if self._ticked else body | {"begun": True})))
        self._ticked = True

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._senses.tick([number for number in self._reader.sources() if number != NODE_SOURCE])
            changes = self._lost_from_view()
            try:
                await self._write_tick(changes)
                self._links.update(changes)
                await self._tell_own()
            except AnlanError as error:
                log.error("the node's own time and state were not decided on", error=str(error))

    async def _tell_own(self) -> None:
        """The node's own faults as readings of its own points, so that they are alarms like any other."""
        async with self._telling:
            readings = self._own.fresh(self._own_states(), self._clock.now())
            if readings is None:
                return
            part = Part.of_readings(NODE_SOURCE, self._epoch, self._own_seq, self._clock.now(), readings)
            await self._write_or_decide(part)
            self._own_seq += len(readings)
            self._own.keep(readings)

    def _own_states(self) -> dict[str, bool | None]:
        return {
            CONFIGURATION: self._in_force.state(version for _, version in self._loaded.values()),
            ENGINE: self._reader.fault is not None,
            LOG: self._log.fault is not None,
            HISTORY: self._history.fault is not None,
            CLOCK: bool(self._intake.clocks.wrong()),
            AUDIT: self._audit_differs,
            PROOF: self._clock.now() < self._proving_until,
            OVERRIDE: self._clock.now() < self._overridden_until,
            UNHEARD: self._reader.unheard(self._own.guarded),
        }

    def _lost_from_view(self) -> dict[int, str]:
        """Sources that nobody reads any more, each once."""
        return {number: "down" for number in self._senses.lost if self._links.get(number) != "down"}

    async def _forget(self) -> None:
        """Let go of segments that every required reader is done with."""
        while True:
            await asyncio.sleep(5)
            try:
                await asyncio.to_thread(self._log.trim, min(self._reader.needs, self._history.needs))
            except AnlanError as error:
                log.error("log not trimmed", error=str(error))

    async def _hold_room(self) -> None:
        """People sign in and acknowledge on a full disk, too. On a file system that can hold nothing back, as before, only the log has room."""
        while True:
            for database in (self._folder.journal, self._folder.records):
                with suppress(OSError):
                    await asyncio.to_thread(hold, database.with_name(f"{database.name}-wal"), HELD)
            await asyncio.sleep(HOLD_SECONDS)

    # ---- sense

    async def _greet_sense(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self._senses.greet(connection)
        self._has_loaded(connection, "sense", head)
        return {"version": __version__, "config": self._reader.config_version}, b""

    def _has_loaded(self, connection: Connection, process: str, head: Head) -> None:
        if (version := head.get("config")) is not None:
            known = connection in self._loaded
            self._loaded[connection] = (process, int(version))
            if known:
                return
            connection.on_close.append(lambda: self._loaded.pop(connection, None))

    async def _append(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        part = readings_part(head["source"], head["epoch"], head["first_seq"], head["received_at"], head["rows"], body)
        self._senses.heard(connection, part.source)
        return {"n": await self._intake.accept(part, redelivered=bool(head.get("redelivered")))}, b""

    async def _ahead(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        """Readings that the log refuses, or that wait behind such: people are told of what they mean now; the record gets them when it can."""
        number = head["source"]
        self._senses.heard(connection, number)
        part = readings_part(number, head["epoch"], 0, head["received_at"], head["rows"], body)
        await self._decide_unrecorded(self._intake.judged(part))
        return {}, b""

    async def _link(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        number, state = int(head["source"]), "up" if head["state"] == "up" else "down"
        self._senses.heard(connection, number)
        if self._links.get(number) != state:
            await self._write_tick({number: state})
            self._links[number] = state
            log.info("link changed", source=number, state=head["state"], reason=head.get("reason", ""))
        return {}, b""

    async def _health(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self._senses.told_health(connection, orjson.loads(body))
        self._source_health_at = self._clock.now()
        return {}, b""

    async def _audit(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self._audit_differs = bool(head["differs"])
        return {}, b""

    async def _prove(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        """Begin or end the condition of a proof of the alarm chain, by the way that the node's own faults go. Answered once the engine has
        decided: when the reading was durable, and when it was decided [µs UTC]."""
        self._proving_until = self._clock.now() + PROOF_LASTS if head["on"] else 0
        await self._tell_own()
        durable, frame = self._clock.now(), self._log.last
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                while self._reader.done < frame:  # noqa: ASYNC110 - the engine's own thread decides it: there is no event to await
                    await asyncio.sleep(0.001)
        except TimeoutError as late:
            raise Unavailable("the engine has not decided within {seconds} s", seconds=int(COMMAND_SECONDS)) from late
        return {"durable": durable, "decided": self._clock.now()}, b""

    async def _override(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        """A limit is loosened by one person until then [µs UTC]; 0: no more."""
        self._overridden_until = int(head["until"])
        await self._tell_own()
        return {}, b""

    # ---- a new configuration while everything runs

    async def _configure(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        """Bring an approved version into force; answered once the engine runs it. Sense and app are told, and say what they loaded."""
        async with self._configuring:
            version = await asyncio.to_thread(_told, body)
            self._in_force.check_newer(version)
            await asyncio.to_thread(self._in_force.keep, body)
            await self._bring_into_force(body)
            await self._in_force.runs(body)
            self._in_force.differing = None  # told of what ran before
        for reader in {*self._subscribers, *self._senses.connections}:
            reader.tell({"push": "config", "version": version})
        return {"version": version, "digest": self._in_force.digest}, b""

    async def _configuration(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        return {"version": self._reader.config_version, "digest": self._in_force.digest}, self._reader.config_body

    async def _now_loaded(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self._has_loaded(connection, str(head["process"]), head)
        return {}, b""

    async def _compared(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        """App compared what runs with the approved version; it may speak of what ran a moment ago."""
        if head["digest"] == self._in_force.digest:
            self._in_force.differing = [str(one) for one in head["alarms"]]
        return {}, b""

    async def _propose(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        """A person at this machine has a change; app, which alone writes the records, makes it. Answered with what came of it."""
        app = next((c for c, (process, _) in self._loaded.items() if process == "app"), None)
        if app is None:
            raise Unavailable("the console's process is not there, and it alone writes the records; try again in a moment")
        return await self._proposals.ask(app, head), b""

    async def _proposed(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        self._proposals.answer(int(head["ticket"]), head["answer"])
        return {}, b""

    # ---- people

    async def _command(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        command = read_command(body)
        answer = self._reader.result_of(command.id)
        try:
            await self._write(Kind.COMMAND, command.to_bytes())
            async with asyncio.timeout(COMMAND_SECONDS):
                result = await asyncio.wrap_future(answer)
        except TimeoutError as late:
            raise Unavailable(
                "the engine has not answered within {seconds} s: the step is in the log and may still take effect, look at the alarm again",
                seconds=int(COMMAND_SECONDS),
            ) from late
        finally:
            self._reader.forget(command.id)
        return result.as_json(), b""

    # ---- readers

    async def _subscribe(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        """Push transitions from now on, and live values; what came before is read from alarms.db by position."""
        self._subscribers.add(connection)
        self._has_loaded(connection, "app", head)
        connection.on_close.append(lambda: self._subscribers.discard(connection))
        return {"incarnation": self._log.incarnation, "journal": self._reader.journal_last}, self._feed.whole()

    def _transitions_decided(self, transitions: Sequence[AlarmTransition]) -> None:
        """From the engine's thread, after the commit."""
        self._loop.call_soon_threadsafe(self._push_transitions, transitions)

    def _push_transitions(self, transitions: Sequence[AlarmTransition]) -> None:
        if not self._subscribers:
            return
        head = transition_head(transitions)
        for subscriber in list(self._subscribers):
            subscriber.tell(head)

    async def _push_live(self) -> None:
        while True:
            await asyncio.sleep(self._feed.period)
            if self._subscribers and (body := self._feed.changed()):
                for subscriber in list(self._subscribers):
                    subscriber.tell({"push": "live"}, body)

    async def _status(self, connection: Connection, head: Head, body: bytes) -> tuple[Head, Body]:
        return self.status(), b""

    def status(self) -> dict[str, Any]:
        """Plain facts about this process; the console and the watchdog judge them."""
        return {
            "version": __version__,
            "pid": os.getpid(),
            "started_at": self._started_at,
            "started": {step: round(seconds, 2) for step, seconds in self.started.items()},
            "now": self._clock.now(),
            "incarnation": self._log.incarnation,
            "log": {"first": self._log.first, "last": self._log.last, "bytes": self._log.bytes_on_disk, "fault": self._log.fault},
            "engine": {
                "done": self._reader.done,
                "needs": self._reader.needs,
                "config": self._reader.config_version,
                "config_digest": self._in_force.digest,
                "fault": self._reader.fault,
                **self._reader.counters(),
            },
            "late": self._corrector.counters(),
            "history": {"cursor": self._history.cursor, "needs": self._history.needs, "fault": self._history.fault},
            "configuration": self._in_force.facts(),
            "loaded": [{"process": process, "config": config} for process, config in self._loaded.values()],
            "audit": self._audit_differs,
            "sense": self._senses.speak,
            "sources": self._senses.health(),
            "sources_at": self._source_health_at,
            "links": {str(number): state for number, state in self._links.items()},
            "heard": {str(k): v for k, v in self._intake.heard_at.items()},
            "received": {str(k): v for k, v in self._intake.received.items()},
            "clocks": {str(k): asdict(found) for k, found in self._intake.clocks.wrong().items()},
            "refusing": {str(k): str(why) for k, why in self._intake.refusing.items()},
            "duplicates": {str(k): v for k, v in self._intake.duplicates.items()},
        }


def _told(body: bytes) -> int:
    """Its version. Looked into and let go again: the engine will read it too, and twice in memory is much for a large plant."""
    config = EngineConfig.from_bytes(body, ids=False)
    version = config.version
    log.info("new configuration", number=version, points=config.points, alarms=config.alarms)
    del config
    give_back()
    return version


async def main(folder: NodeFolder) -> None:
    core = Core(folder, SystemClock())
    await core.start()
    spare_what_is_loaded()
    stopping = asyncio.ensure_future(run_until_signal())
    breaking = asyncio.ensure_future(core.broken.wait())
    try:
        await asyncio.wait({stopping, breaking}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end([stopping, breaking])
        await core.close()
    if core.broken.is_set():
        sys.exit(1)


if __name__ == "__main__":
    from pathlib import Path

    configure("core")
    die_with_parent()
    # Threads that hold the interpreter for less than a commit takes: the default of 5 ms would show in every alarm's latency.
    sys.setswitchinterval(0.0005)
    asyncio.run(main(NodeFolder(Path(sys.argv[1]))))
