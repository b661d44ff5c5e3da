"""The app process: rooms, API, console, records.db. Run as `python -m anlan.node.app DATA --host H --port P …`.

It reads alarms.db, history and the log's tail from their files, hears live values and commits over core's socket, and writes only
records.db. When core is away it keeps answering, and says on every page that nothing is live.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import structlog
from fastapi import FastAPI

from anlan.bus.link import Link
from anlan.bus.tasks import end
from anlan.bus.wire import Client, Head
from anlan.guard.audit_spool import Spool
from anlan.guard.auditing import Auditor
from anlan.guard.factors import open_vault
from anlan.guard.oidc import Provider
from anlan.guard.oidc_settings import read_settings
from anlan.guard.service import Guard
from anlan.guard.witness_parent import Parent, witness_at
from anlan.model.clock import Clock, Micros, SystemClock, to_datetime
from anlan.model.errors import AnlanError, ConfigError, StoreError, Unavailable
from anlan.monitor.evacuation.service import BOOK, SOUND
from anlan.monitor.handover.facts import EDITS
from anlan.monitor.journal_view import JournalView
from anlan.monitor.past import CONFIG as ENGINE_CONFIG
from anlan.monitor.proof.service import PROVE
from anlan.node.configuration import engine_config_in_force, look_whether_whole, open_records, view_of
from anlan.node.configurator import Configurator
from anlan.node.desk import ProposalDesk
from anlan.node.facts import RunningNode
from anlan.node.feed import read_live
from anlan.node.heart import beat
from anlan.node.home import FAULT as COPY
from anlan.node.home import what_it_is
from anlan.node.layout import NodeFolder
from anlan.node.process import die_with_parent, run_until_signal, spare_what_is_loaded
from anlan.node.source_clocks import Wrong
from anlan.node.without_records import FAULT as RECORDS
from anlan.node.without_records import or_what_is_kept, until_back, what_is_wrong
from anlan.plant.adding import SECRETS
from anlan.plant.edits import edits_between
from anlan.plant.last import keep_beside, last_kept
from anlan.plant.override_service import HORN, TELL
from anlan.plant.point_past import past_of
from anlan.plant.version import Imported
from anlan.plant.versions import version
from anlan.sense.api_looking import LOOKER
from anlan.sense.looking.looker import Looker
from anlan.store.history_reader import HistoryReader
from anlan.store.history_tail import WholeHistory
from anlan.store.logreader import LogReader
from anlan.store.lost_records import LostRecords
from anlan.store.records import Records
from anlan.web.api_oidc import FAULT as IDENTITY_FAULT
from anlan.web.api_oidc import PROVIDER
from anlan.web.audit_watch import DIFFERENCE
from anlan.web.context import Context, PlantView, SourceState
from anlan.web.faults import compare_versions
from anlan.web.listening import Listening
from anlan.web.live import LiveView
from anlan.web.logs import configure
from anlan.web.node_facts import EXTRA as NODE_FACTS
from anlan.web.serve import listen, serve
from anlan.web.stations import KEPT_STATIONS

STATUS_SECONDS = 1.0
STORES_SECONDS = 0.2
SERVED_SECONDS = 5.0
"""Requests under way may end within this when the process stops."""
CERTIFICATE_SECONDS = 60.0
WRONG_CLOCKS = {
    Wrong.BACK: "the clock that stamps the readings of {source} was set back by {seconds} s: {points} of its points are decided on by the time of "
    "receipt, and their trends hold two readings of one time; set it right",
    Wrong.NODE: "the node's clock was set back by {seconds} s, and it stamps the readings of {source}: alarms of its {points} points go on, but "
    "their trends hold two readings of one time; set it right",
    Wrong.AHEAD: "the clock that stamps the readings of {source} is {seconds} s ahead: {points} of its points are decided on by the time of "
    "receipt, and their trends lie in the future; set it right",
    Wrong.BEHIND: "the readings of {source} come {seconds} s after the time they are stamped with: {points} of its points are decided on by the "
    "time of receipt, and their trends lie in the past; set its clock right, or see what holds the readings back",
}

log = structlog.get_logger()


class SocketCore:
    """`web.context.CoreClient` over the node's socket; hands on what core tells unasked."""

    def __init__(self, folder: NodeFolder, clock: Clock, live: LiveView) -> None:
        self._link = Link(folder.socket, on_connect=self._subscribe, on_push=self._hear, on_change=live.link)
        self._live, self._clock = live, clock
        self._incarnation = ""
        self.context: Context | None = None
        self.on_proposal: Callable[[Head], None] | None = None

    @property
    def connected(self) -> bool:
        return self._link.connected

    @property
    def incarnation(self) -> str:
        return self._incarnation

    async def command(self, command: dict[str, Any]) -> dict[str, Any]:
        reply, _ = await self._link.request("command", orjson.dumps(command))
        return {key: reply[key] for key in ("accepted", "why", "facts", "transition")} | {"id": command["id"]}

    async def status(self) -> dict[str, Any]:
        reply, _ = await self._link.request("status")
        return {key: value for key, value in reply.items() if key not in {"ok", "id"}}

    async def prove(self, on: bool) -> dict[str, Any]:
        """Begin or end the condition of a proof of the alarm chain. Raises Unavailable."""
        reply, _ = await self._link.request("prove", on=on)
        return {"durable": int(reply["durable"]), "decided": int(reply["decided"])}

    async def override(self, until: Micros) -> None:
        """A night override runs until then; 0: none does. Raises Unavailable."""
        await self._link.request("override", until=until)

    async def request(self, op: str, body: bytes = b"", **head: Any) -> tuple[Head, bytes]:
        return await self._link.request(op, body, **head)

    async def run(self) -> None:
        await self._link.run()

    async def _subscribe(self, client: Client) -> None:
        version = self.context.plant.version if self.context is not None else None
        reply, body = await client.request("subscribe", config=version)
        self._incarnation = reply["incarnation"]
        self._take_live(body)
        if self.context is not None:
            self.context.journal_moved.ring()

    def _hear(self, head: Head, body: bytes) -> None:
        if head["push"] == "live":
            self._take_live(body)
        elif head["push"] == "transitions" and self.context is not None:
            self.context.journal_moved.ring()
        elif head["push"] == "propose" and self.on_proposal is not None:
            self.on_proposal(head)

    def _take_live(self, body: bytes) -> None:
        if body:
            readings = read_live(body)
            self._live.update(readings.point, readings.time, readings.value, readings.quality, self._clock.now())


@dataclass(frozen=True, slots=True)
class _Opened:
    """`failure`: why the records are not those of the file."""

    records: Records
    plant: PlantView
    guard: Guard
    failure: StoreError | None = None


class App:
    """Context and FastAPI app, as an object, so that `--single` and tests run the same."""

    def __init__(
        self,
        folder: NodeFolder,
        clock: Clock,
        listening: Listening | None = None,
        witnesses: Sequence[Path | Parent] = (),
        other_logs: Sequence[str] = (),
    ) -> None:
        """`other_logs`: audit records of other nodes that keep their heads in the same witness folders."""
        self._folder, self._clock, self._listening = folder, clock, listening or Listening()
        self._witnesses, self._other_logs = witnesses, other_logs
        self._tasks: list[asyncio.Task[None]] = []
        self._stores = ExitStack()
        self._looker: Looker | None = None

    async def open(self) -> FastAPI:
        """Wait for the stores that core makes at its first start, then build the app."""
        self._tasks = [asyncio.ensure_future(beat())]
        opened = await asyncio.to_thread(or_what_is_kept, self._folder, self._from_records, self._from_what_is_kept)
        records = opened.records
        await self._stores_exist()
        frames = LogReader.open(self._folder.log)
        self._stores.callback(frames.close)
        journal = JournalView(self._folder.journal)
        self._stores.callback(journal.close)
        live = LiveView()
        self._core = SocketCore(self._folder, self._clock, live)
        self.context = self._core.context = Context(
            core=self._core,
            live=live,
            journal=journal,
            history=WholeHistory(HistoryReader.open(self._folder.history), frames),
            records=records,
            plant=opened.plant,
            clock=self._clock,
            guard=opened.guard,
            settings=replace(self._listening.settings(), read_only=what_it_is(self._folder)),
        )
        if self.context.settings.read_only is not None:
            self.context.faults[COPY] = self.context.settings.read_only
        self.context.extras |= {
            KEPT_STATIONS: self._folder.kept_stations,
            BOOK: self._folder.evacuations,
            SOUND: self._folder.evacuation,
        }
        if opened.failure is not None:
            self.context.faults[RECORDS] = what_is_wrong(opened.failure, opened.plant.version)
        if (fault := self.context.guard.factors.fault) is not None:
            self.context.faults["second factors"] = fault
        self._set_identity_service()
        self.context.extras[ENGINE_CONFIG] = lambda: engine_config_in_force(records)
        self.context.extras[EDITS] = partial(edits_between, records)
        if self._listening.pair is not None:
            self.context.background.append(self._watch_certificate)
        self.configurator = Configurator(self.context, self._core.request, self._folder.last_plant)
        self.context.extras["plant.running"] = self.configurator
        self.context.extras[LOOKER] = self._looker = Looker(self._folder.root, self._clock)
        self.context.extras[SECRETS] = self._folder.secrets
        self._proposals = ProposalDesk(self.context, self._core.request)
        self._core.on_proposal = self._proposals.take
        self.context.extras[NODE_FACTS] = RunningNode(self._folder, self._listening, self._witnesses, demo=opened.plant.demo)
        self.context.extras[PROVE] = self._core.prove
        self.context.extras |= {TELL: self._core.override, HORN: self._folder.night_override}
        app = _build(self.context)
        self._tasks += [asyncio.ensure_future(self._core.run()), asyncio.ensure_future(self._follow_sources())]
        return app

    def _set_identity_service(self) -> None:
        """Where one is set. A mistake in it is told above every page; the sign-in by password goes on."""
        try:
            found = read_settings(self._folder.identity)
        except AnlanError as fault:
            self.context.faults[IDENTITY_FAULT] = fault
            return
        if found is not None:
            self.context.extras[PROVIDER] = Provider(*found, self._clock)

    def _from_records(self) -> _Opened:
        records = open_records(self._folder)
        self._stores.callback(records.close)
        current, plant, numbers = version(records)
        guard = self._guard(records)
        keep_beside(self._folder.last_plant, Imported(current, plant, numbers, new=False))
        view = view_of(plant, numbers, current.number, past_of(records))
        return _Opened(records, replace(view, speed=self._speed()), guard)

    def _from_what_is_kept(self, failure: StoreError) -> _Opened:
        """Nobody is known; steps wait in the audit record's room."""
        self._stores.close()
        kept, records = last_kept(self._folder.last_plant), LostRecords(failure)
        spool = None
        try:
            spool = Spool.open(self._folder.audit_waiting)
            self._stores.callback(spool.close)
        except StoreError as full:
            # A step then stands in alarms.db alone, which is told with it; nobody's way to answer an alarm closes for that.
            log.error("no room for waiting audit steps", error=str(full))
        view = replace(view_of(kept.plant, kept.numbers, kept.version.number, numbered=True), speed=self._speed())
        return _Opened(records, view, Guard(records, self._clock, spool=spool), failure)

    async def until_records_are_back(self) -> None:
        """Returns when a start with them would do; never where they were there from the start."""
        if not isinstance(self.context.records, LostRecords):
            await asyncio.Event().wait()
        await until_back(partial(look_whether_whole, self._folder))

    def _guard(self, records: Records) -> Guard:
        """With the audit record's key, witnesses and room to wait; the last head is signed and handed over when the app stops."""
        auditor = Auditor.open(records, self._clock, self._folder.audit_key, self._witnesses, self._other_logs)
        spool = None
        try:
            spool = Spool.open(self._folder.audit_waiting)
            self._stores.callback(spool.close)
        except StoreError as failure:
            auditor.faults["room"] = failure
        self._stores.callback(auditor.close)
        return Guard(records, self._clock, auditor=auditor, spool=spool, vault=open_vault(records, self._folder.vault))

    async def serve(self, app: FastAPI) -> None:
        """Until cancelled; tells `anlan up`, which prints it, where the console answers."""
        bound = listen(self._listening.host, self._listening.port)
        await serve(app, bound, on_ready=self._tell_address, **self._listening.serving())

    def _tell_address(self, listened: str) -> None:
        address = self._listening.address(listened)
        told = self._folder.run / "console.json"
        part = told.with_suffix(".part")  # whole or not at all: `anlan up` reads it as soon as it is there
        part.write_bytes(orjson.dumps({"address": address, "listens": listened}))
        part.replace(told)
        log.info("console answers", address=address, listens=listened)

    async def close(self) -> None:
        await end(self._tasks)
        if self._looker is not None:
            await self._looker.close()
        self._stores.close()

    async def _stores_exist(self) -> None:
        wanted = [self._folder.journal, self._folder.history / "_delta_log"]
        if not self._folder.copy.exists():
            wanted.append(self._folder.socket)
        while not all(path.exists() for path in wanted):  # noqa: ASYNC110 - another process makes them: there is no event to await
            await asyncio.sleep(STORES_SECONDS)

    def _speed(self) -> float:
        """How many times faster than life the demo plays, as it says itself; 1 for a real plant."""
        told = self._folder.run / "demo.json"
        return float(orjson.loads(told.read_bytes())["speed"]) if told.is_file() else 1.0

    async def _watch_certificate(self) -> None:
        """Tell every console in good time: on the day it ends, browsers let nobody in any more."""
        while True:
            fault = await asyncio.to_thread(self._of_certificate)
            if fault is not None:
                self.context.faults["certificate"] = fault
            else:
                self.context.faults.pop("certificate", None)
            await asyncio.sleep(CERTIFICATE_SECONDS)

    def _of_certificate(self) -> AnlanError | None:
        """What is wrong, or soon will be, with the certificate as its files are now."""
        try:
            pair = self._listening.pair_now()
        except ConfigError as broken:
            return broken
        if pair is None:
            return None
        days = pair.days_left(self._clock.now())
        if (doubt := pair.doubt(self._clock.now())) is not None or days is None:
            return doubt
        ends = f"{to_datetime(pair.ends).astimezone(ZoneInfo(self.context.plant.zone)):%Y-%m-%d %H:%M}"
        return Unavailable(
            "the console's certificate ends {ends}, in {days} days; then browsers let nobody in: renew it", ends=ends, days=days
        )

    async def _follow_sources(self) -> None:
        """Keep `context.sources` in step with what sense and core say."""
        while True:
            await asyncio.sleep(STATUS_SECONDS)
            try:
                status = await self._core.status()
            except AnlanError:
                continue  # the pages show that core is away; states of sources are then unknown
            await self._tend_configuration(status)
            await self._tell_audit(status)
            self._take_clocks(status["clocks"])
            if self._take_sources(status):
                self.context.sources_moved.ring()

    async def _tend_configuration(self, status: dict[str, Any]) -> None:
        try:
            await self.configurator.tend(status)
        except AnlanError as error:
            log.warning("configuration not compared", error=str(error))
        compare_versions(self.context, status["engine"]["config"])

    async def _tell_audit(self, status: dict[str, Any]) -> None:
        """Core makes an alarm of the audit record's difference; told until core knows what is known here."""
        auditor = self.context.guard.auditor
        if auditor is None or auditor.checked is None:
            return
        differs = DIFFERENCE in self.context.faults
        if status.get("audit") != differs:
            try:
                await self._core.request("audit", differs=differs)
            except AnlanError as error:
                log.warning("core was not told of the audit record", error=str(error))

    def _take_clocks(self, wrong: dict[str, dict[str, Any]]) -> None:
        """Keep the faults of sources whose readings are stamped by a wrong clock."""
        for number, source in self.context.plant.sources.items():
            found, part = wrong.get(str(number)), f"clock of {source.id}"
            if found is None:
                self.context.faults.pop(part, None)
                continue
            if part not in self.context.faults:
                log.error("clock wrong", source=source.id, **found)
            facts = {"source": source.id, "seconds": round(found["seconds"]), "points": found["points"]}
            self.context.faults[part] = Unavailable(WRONG_CLOCKS[found["how"]], **facts)

    def _take_sources(self, status: dict[str, Any]) -> bool:
        changed, told = False, {int(row["source"]): row for row in status["sources"]}
        for number in self.context.plant.sources:
            state = self.context.sources.setdefault(number, SourceState())
            before = state.state
            if (row := told.get(number)) is not None:
                state.state, state.reason, state.since = row["state"], row["reason"], row["since"]
                state.dropped = row["dropped_rows"]
            else:
                state.state = "unknown"
            changed |= state.state != before
            state.heard_at = status["heard"].get(str(number), state.heard_at)
            state.readings = status["received"].get(str(number), 0)
            state.duplicates = status["duplicates"].get(str(number), 0)
        return changed


def _build(context: Context) -> FastAPI:
    """The one place that lists the rooms' routes and pages."""
    from anlan.monitor import api as monitor_api
    from anlan.monitor import pages as monitor_pages
    from anlan.plant import api as plant_api
    from anlan.plant import pages as plant_pages
    from anlan.risk import api as risk_api
    from anlan.risk import pages as risk_pages
    from anlan.sense import api as sense_api
    from anlan.sense import pages as sense_pages
    from anlan.web import pages_audit
    from anlan.web.app import build_app

    # The plant's routes come first: `/alarms/master` is no alarm's id.
    routes = [plant_api.routes, monitor_api.routes, risk_api.routes, sense_api.routes]
    return build_app(
        context,
        routes=routes,
        pages=[plant_pages.pages, monitor_pages.pages, risk_pages.pages, sense_pages.pages, pages_audit.pages],
    )


async def main(
    folder: NodeFolder, listening: Listening, witnesses: Sequence[Path | Parent] = (), other_logs: Sequence[str] = ()
) -> None:
    app = App(folder, SystemClock(), listening, witnesses, other_logs)
    serving = asyncio.ensure_future(app.serve(await app.open()))
    spare_what_is_loaded()
    stopping = asyncio.ensure_future(run_until_signal())
    back = asyncio.ensure_future(app.until_records_are_back())  # then the supervisor starts this process anew, with them
    try:
        await asyncio.wait({serving, stopping, back}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end([serving], SERVED_SECONDS)
        await end([stopping, back])
        await app.close()
    if not serving.cancelled():
        serving.result()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8700)
    parser.add_argument("--certificate", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--origin", action="append", default=[])
    parser.add_argument("--proxy", action="append", default=[])
    parser.add_argument("--witness", action="append", default=[])
    parser.add_argument("--witness-token", type=Path)
    parser.add_argument("--witness-ca", type=Path)
    parser.add_argument("--other-log", action="append", default=[])
    given = parser.parse_args()
    configure("app")
    die_with_parent()
    heard = Listening(given.host, given.port, given.certificate, given.key, tuple(given.origin), tuple(given.proxy))
    witnesses = [witness_at(one, given.witness_token, given.witness_ca) for one in given.witness]
    asyncio.run(main(NodeFolder(given.data), heard.checked(), witnesses, given.other_log))
