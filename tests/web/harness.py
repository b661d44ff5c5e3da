"""A node's app on real stores, without the node's processes: log, engine, alarms.db, history, records, and the demo plant's own world.

Tests start one with `Harness`; `python tests/web/harness.py` serves one to look at. The world writes readings into the log as the sense
process would; the engine decides on them; the app reads what the core process would tell it.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from anlan.guard.auditing import Auditor
from anlan.guard.first import ensure_posts
from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.service import Guard
from anlan.model.clock import SECOND, SystemClock
from anlan.model.events.alarms import AlarmTransition
from anlan.model.frames import NODE_SOURCE, Kind, Part
from anlan.model.quality import Flag, Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.monitor.commands import command_of
from anlan.monitor.journal_view import JournalView
from anlan.monitor.reader import EngineReader
from anlan.node.configuration import view_of
from anlan.plant.compile import all_points, all_rules, engine_config
from anlan.plant.description import Plant
from anlan.plant.failures import bring_in_failures
from anlan.plant.folder import load
from anlan.plant.studies import bring_in_studies
from anlan.plant.version import Numbers
from anlan.sense.demo.recording import Recorded
from anlan.sense.demo.scenario import scenario
from anlan.sense.demo.world.whole import Mark, World
from anlan.store.history import History
from anlan.store.history_tail import WholeHistory
from anlan.store.history_writer import HistoryWriter
from anlan.store.log import Log
from anlan.store.records import Records
from anlan.web.context import Context, PlantView, SourceState
from anlan.web.live import LiveView

DEMO = Path(str(files("anlan.sense.demo") / "plant"))
PASSWORD = "wave-after-wave-7"
ROOMS = {"guard": "anlan.guard", "web": "anlan.web", "monitor": "anlan.monitor", "risk": "anlan.risk"}
_MARKS = {Mark.FAILED: quality(Severity.BAD, Reason.SENSOR_FAILURE)}
"""A detector under calibration sends plain readings, as the plant's devices do: its own state tells."""


def numbers_of(plant: Plant) -> Numbers:
    """Numbers as the records would assign them: in the order of the folder, from 1."""
    sources, points, rules = plant.sources, all_points(plant), all_rules(plant)
    return Numbers(*({one.id: number for number, one in enumerate(some, 1)} for some in (sources, points, rules)))  # type: ignore[attr-defined]


@dataclass
class CoreInProcess:
    """What the app asks of the core process, answered by the engine in this one."""

    harness: Harness

    @property
    def connected(self) -> bool:
        return self.harness.context.live.connected

    @property
    def incarnation(self) -> str:
        return self.harness.log.incarnation

    async def command(self, command: dict[str, Any]) -> dict[str, Any]:
        step = command_of(command)
        answer = self.harness.reader.result_of(step.id)
        self.harness.write(Kind.COMMAND, step.to_bytes())
        result = await asyncio.wait_for(asyncio.wrap_future(answer), 10)
        return result.as_json()

    async def status(self) -> dict[str, Any]:
        harness = self.harness
        return {
            "incarnation": harness.log.incarnation,
            "log": {
                "first": harness.log.first,
                "last": harness.log.last,
                "bytes": harness.log.bytes_on_disk,
                "fault": harness.log.fault,
            },
            "engine": {
                "done": harness.reader.done,
                "needs": harness.reader.needs,
                "fault": harness.reader.fault,
                **harness.reader.counters(),
            },
            "history": {"cursor": harness.writer.cursor, "fault": harness.writer.fault},
        }


@dataclass
class Harness:
    """`folder` is the node's; `start` opens everything, `close` ends it. `address` is where the app answers once `serve` returned."""

    folder: Path
    plant: Plant
    speed: float = 1.0
    clock: SystemClock = field(default_factory=SystemClock)
    address: str = ""

    @cached_property
    def view(self) -> PlantView:
        return replace(view_of(self.plant, numbers_of(self.plant), 1), speed=self.speed)

    def start(self) -> Harness:
        self.log = Log.open(self.folder / "log", self.clock)
        self.reader = EngineReader(self.log, self.folder / "alarms.db", self.folder / "snapshots", self.clock, self._decided)
        self.history = History.open(self.folder / "history", incarnation=self.log.incarnation)
        self.records = Records.open(self.folder / "records.db")
        self.records.migrate(ROOMS)
        self._seq: dict[int, int] = {}
        self._epoch = self.clock.now()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.writer = HistoryWriter.start(self.log, self.history, clock=self.clock)
        self.write(Kind.CONFIG, engine_config(self.plant, numbers_of(self.plant), 1).to_bytes())
        self.reader.start()
        self.context = self._context()
        self._people()
        return self

    def close(self) -> None:
        self.stop_serving()
        self.reader.close()
        self.writer.close()
        self.history.close()
        self.log.close()
        self.records.close()

    # --- what the sense process and the core's ticker would write

    def write(self, kind: Kind, body: bytes, at: int | None = None) -> None:
        self.log.append([self._part(NODE_SOURCE, kind, body, 1, at or self.clock.now())])

    def feed(self, rows: Sequence[tuple[str, int, float, int]], at: int | None = None) -> None:
        """Readings (point id, time, value, quality) of any sources, one frame."""
        at = at or self.clock.now()
        by_source: dict[int, list[tuple[int, int, float, int]]] = {}
        for point_id, time, value, word in rows:
            number = self.view.point_numbers[point_id]
            by_source.setdefault(self.view.source_numbers[self.view.points[number].source], []).append(
                (number, time, value, word)
            )
        parts = [self._readings(source, Readings.of(own), at) for source, own in by_source.items()]
        self.log.append(parts)

    def show(self, point_id: str, value: float) -> None:
        """A reading that the log does not take: the engine decides on it all the same."""
        number, now = self.view.point_numbers[point_id], self.clock.now()
        source, row = self.view.source_numbers[self.view.points[number].source], Readings.of([(number, now, value, 0)])
        self.reader.decide_unrecorded(Part(Kind.READINGS, source, self._epoch, 0, now, 1, row.to_bytes())).result(10)

    def tick(self, at: int | None = None, **sources: str) -> None:
        """The node's clock; `tanks="down"` tells a link."""
        at = at or self.clock.now()
        told = {str(self.view.source_numbers[name]): state for name, state in sources.items()}
        self.write(Kind.TICK, orjson.dumps({"now": at, "sources": told}), at)
        for name, state in sources.items():
            self._tell_source(name, state, at)

    def live(self) -> None:
        """Hand the app what the core's feed would push."""
        seen, readings = self.reader.live_since(self._seen)
        self._seen = seen
        now = self.clock.now()
        self.context.live.update(readings.point, readings.time, readings.value, readings.quality, now)

    def _readings(self, source: int, readings: Readings, at: int) -> Part:
        part = self._part(source, Kind.READINGS, readings.to_bytes(), len(readings), at)
        state = self.context.sources.setdefault(source, SourceState(state="up", since=at))
        state.heard_at, state.readings = at, state.readings + len(readings)
        return part

    def _part(self, source: int, kind: Kind, body: bytes, rows: int, at: int) -> Part:
        seq = self._seq.get(source, 0)
        self._seq[source] = seq + rows
        return Part(kind, source, self._epoch, seq, at, rows, body)

    def _tell_source(self, name: str, state: str, at: int) -> None:
        known = self.context.sources.setdefault(self.view.source_numbers[name], SourceState())
        known.state, known.since, known.reason = state, at, "cut by the harness" if state == "down" else ""
        self.on_loop(self.context.sources_moved.ring)

    # --- the app

    def serve(self) -> Harness:
        """In a thread with its own event loop; returns when the port answers."""
        from anlan.monitor import api
        from anlan.monitor import pages as monitor_pages
        from anlan.risk import api as risk_api
        from anlan.risk import pages as risk_pages
        from anlan.sense import api as sense_api
        from anlan.sense import pages as sense_pages
        from anlan.web import pages_audit
        from anlan.web.app import build_app
        from anlan.web.door import door
        from anlan.web.serve import listen, server

        app = build_app(
            self.context,
            routes=[api.routes, risk_api.routes, sense_api.routes],
            pages=[monitor_pages.pages, risk_pages.pages, sense_pages.pages, pages_audit.pages],
            door=door,
        )
        bound = listen()
        self._server = server(app, grace=1)
        self._thread = threading.Thread(target=self._run, args=(bound,), daemon=True)
        self._thread.start()
        self.address = f"http://127.0.0.1:{bound.getsockname()[1]}"
        while not self._server.started:
            self._thread.join(0.02)
            assert self._thread.is_alive(), "the app did not start"
        return self

    def _run(self, bound: socket.socket) -> None:
        async def run() -> None:
            self._loop = asyncio.get_running_loop()
            self.context.live.link(True)
            feeding = asyncio.create_task(self._push())
            await self._server.serve(sockets=[bound])
            feeding.cancel()

        asyncio.run(run())

    async def _push(self) -> None:
        """What the core pushes: live values five times a second, states of sources once."""
        beat = 0
        while True:
            self.live()
            beat += 1
            if beat % 5 == 0:
                self.context.sources_moved.ring()
            await asyncio.sleep(0.2)

    def on_loop(self, call: Callable[..., object], *given: object) -> None:
        """On the app's event loop; nothing happens before it is served."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(call, *given)

    def stop_serving(self) -> None:
        if getattr(self, "_server", None) is not None:
            self._server.should_exit = True
            self._thread.join(10)

    def _decided(self, _: Sequence[AlarmTransition]) -> None:
        self.on_loop(self.context.journal_moved.ring)

    def _context(self) -> Context:
        self._seen = 0
        live = LiveView()
        live.reserve(max(self.view.points, default=0) + 1)
        return Context(
            core=CoreInProcess(self),
            live=live,
            journal=JournalView(self.folder / "alarms.db"),
            history=WholeHistory(self.history, self.log),
            records=self.records,
            plant=self.view,
            clock=self.clock,
            guard=Guard(self.records, self.clock, auditor=self._auditor()),
            extras={"monitor.engine_config": lambda: engine_config(self.plant, numbers_of(self.plant), 1)},
        )

    def _auditor(self) -> Auditor:
        """With a witness beside the node, which a test may tell anything."""
        return Auditor.open(self.records, self.clock, self.folder / "audit.key", [self.folder / "witness.jsonl"])

    def _people(self) -> None:
        from anlan.guard.passwords import hash_password

        ensure_posts(self.records, self.view.posts)
        posts = list(self.view.posts)
        hashed = hash_password(PASSWORD)
        people = [
            NewPerson("zhuang", Label(zh="庄海", en="Zhuang Hai"), (Held("inside_operator", posts[0]),)),
            NewPerson("ban", Label(zh="班文", en="Ban Wen"), (Held("shift_leader", posts[-1]),)),
            NewPerson("fresh", Label(zh="新人", en="Newcomer"), (Held("safety_officer"),)),
            NewPerson("shen", Label(zh="沈计", en="Shen Ji"), (Held("safety_officer"),)),
            NewPerson("yi", Label(zh="易标", en="Yi Biao"), (Held("instrument"),)),
        ]
        with self.records.session() as session:
            for person in people:
                add_person(session, person, hashed, self.clock, must_change=person.account == "fresh")


class DemoWorld:
    """The demo plant's own world, read point by point straight into the log. `plant_time` may begin anywhere on the story's time line."""

    def __init__(self, harness: Harness, story: str = "default", plant_time: float = 0.0) -> None:
        chosen = scenario(story)
        self.harness, self._world = harness, World(chosen, Recorded(chosen.process))
        self._world.advance_to(plant_time)
        self._known = set(harness.view.point_numbers)
        self.cut: set[str] = set()

    def step(self, plant_seconds: float, at: int) -> None:
        """Let the plant go on and read all of it once, at the wall time `at`."""
        self._world.advance_to(self._world.seconds + plant_seconds)
        marks = self._world.marks()
        rows = [
            (point, at, value, int(_MARKS.get(marks.get(point), 0) | Flag.DEMO))  # type: ignore[arg-type]
            for point, value in self._world.values().items()
            if point in self._known and self._source(point) not in self.cut
        ]
        self.harness.feed(rows, at)
        self.harness.tick(at)

    def _source(self, point: str) -> str:
        view = self.harness.view
        return view.points[view.point_numbers[point]].source


@contextlib.contextmanager
def demo(
    folder: Path, *, speed: float = 20.0, plant_time: float = 0.0, past: int = 0, every: int = 2
) -> Iterator[tuple[Harness, DemoWorld]]:
    """The demo plant with `past` wall seconds of readings before now, taken `every` seconds; not served yet."""
    plant = load(DEMO)
    harness = Harness(folder, plant, speed).start()
    bring_in_studies(harness.records, DEMO, plant, harness.clock, "anlan", "demo plant")
    bring_in_failures(harness.records, DEMO, harness.clock)
    world = DemoWorld(harness, plant_time=plant_time)
    now = harness.clock.now()
    harness.tick(now - past * SECOND, **{source.id: "up" for source in harness.view.sources.values()})
    for ago in range(past, 0, -every):
        world.step(every * speed, now - ago * SECOND)
    try:
        yield harness, world
    finally:
        harness.close()


def main() -> None:
    """python tests/web/harness.py [plant time to begin at, s] [past, s] [speed]"""
    import tempfile

    given = [float(argument) for argument in sys.argv[1:]]
    begin, past, speed = [*given, *(0.0, 600.0, 20.0)[len(given) :]]
    with (
        tempfile.TemporaryDirectory() as folder,
        demo(Path(folder), speed=speed, plant_time=begin, past=int(past)) as (harness, world),
    ):
        harness.serve()
        print(harness.address, flush=True)
        print(f"accounts: zhuang, ban, fresh (must change); password: {PASSWORD}", flush=True)
        pause = threading.Event()
        while not pause.wait(1.0):
            world.step(speed, harness.clock.now())


if __name__ == "__main__":
    main()

__all__ = ["DEMO", "PASSWORD", "DemoWorld", "Harness", "demo", "math", "np", "numbers_of"]
