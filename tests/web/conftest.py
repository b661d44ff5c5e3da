"""A small node on real stores: log, engine, alarms.db, history, records, and the app over them, without sockets of the operating system."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI

from anlan.guard.first import ensure_posts
from anlan.guard.people import Held, NewPerson, add_person
from anlan.guard.service import Guard
from anlan.model.clock import SECOND, ManualClock
from anlan.model.events.alarms import AlarmKind
from anlan.model.frames import NODE_ID, NODE_SOURCE, Kind, Part
from anlan.model.places import Level, Place
from anlan.model.points import Point, Reporting
from anlan.model.quality import NO_DATA_YET
from anlan.model.readings import Readings
from anlan.model.words import Label
from anlan.monitor import api as monitor_api
from anlan.monitor.commands import command_of
from anlan.monitor.compile import compile_config
from anlan.monitor.config import AlarmRule, loss_of_view
from anlan.monitor.journal_view import JournalView
from anlan.monitor.reader import EngineReader
from anlan.risk import api as risk_api
from anlan.sense import api as sense_api
from anlan.sense.config import SourceConfig
from anlan.store.history import History
from anlan.store.history_tail import WholeHistory
from anlan.store.log import Log
from anlan.store.records import Records
from anlan.web.app import build_app
from anlan.web.context import Context, PlantView, SourceState
from anlan.web.live import LiveView
from anlan.web.serve import listen, server

PASSWORD = "calm-waters-42"
ROOMS = {"guard": "anlan.guard", "web": "anlan.web", "monitor": "anlan.monitor", "risk": "anlan.risk"}
START = 1_767_225_600 * SECOND
ON_CHANGE = Reporting(mode="on_change", period=3600)


def small_plant() -> PlantView:
    """Two units with a post each: gas AT-203 (H, HH) and tank LT-301 (H, latching), one source."""
    places = [
        Place(id="hualan", name=Label(zh="华澜化工", en="Hualan"), level=Level.ENTERPRISE),
        Place(id="U200", name=Label(zh="氯库", en="Chlorine"), parent="hualan", post="gas"),
        Place(id="U300", name=Label(zh="罐区", en="Tanks"), parent="hualan", post="tanks"),
    ]
    gas = Point(id="AT-203", place="hualan/U200", name=Label(zh="氯气", en="Chlorine"), kind="gas.toxic", unit="ppm", source="modbus", address="1", reporting=ON_CHANGE, safety=True, decimals=1)  # fmt: skip
    tank = Point(id="LT-301", place="hualan/U300", name=Label(zh="液位", en="Level"), kind="level", unit="%", source="modbus", address="2", reporting=ON_CHANGE)  # fmt: skip
    rules = [
        AlarmRule(id="AT-203.H", point="AT-203", kind=AlarmKind.HIGH, limit=0.5, priority=2),
        AlarmRule(id="AT-203.HH", point="AT-203", kind=AlarmKind.HIGH_HIGH, limit=1.0, priority=1),
        AlarmRule(id="LT-301.H", point="LT-301", kind=AlarmKind.HIGH, limit=80, priority=3, latching=True),
        AlarmRule(id="LT-301.HH", point="LT-301", kind=AlarmKind.HIGH_HIGH, limit=90, priority=2),
        loss_of_view("modbus", post="gas"),
    ]
    return PlantView(
        version=1,
        id="hualan",
        name=Label(zh="华澜化工", en="Hualan Chemical"),
        places={place.path: place for place in places},
        points={1: gas, 2: tank},
        rules=dict(enumerate(rules, 1)),
        sources={1: SourceConfig(id="modbus", driver="modbus", name=Label(zh="罐区网关", en="Tank gateway"))},
        posts={"gas": Label(zh="氯库岗", en="Chlorine"), "tanks": Label(zh="罐区岗", en="Tanks")},
    )


@dataclass
class LocalCore:
    """What the app asks of the core process, answered by the engine in this one."""

    node: Node
    connected: bool = True
    refuse: Exception | None = None

    @property
    def incarnation(self) -> str:
        return self.node.log.incarnation

    async def command(self, command: dict[str, Any]) -> dict[str, Any]:
        if self.refuse is not None:
            raise self.refuse
        step = command_of(command)
        answer = self.node.reader.result_of(step.id)
        self.node.write(Kind.COMMAND, step.to_bytes())
        return (await asyncio.wait_for(asyncio.wrap_future(answer), 10)).as_json()

    async def status(self) -> dict[str, Any]:
        log = self.node.log
        return {
            "incarnation": self.incarnation,
            "log": {"first": log.first, "last": log.last, "bytes": log.bytes_on_disk, "fault": log.fault},
            "engine": {"done": self.node.reader.done, "fault": self.node.reader.fault, **self.node.reader.counters()},
            "received": {"1": self.node.context.sources[1].readings} if self.node.context.sources else {},
        }


@dataclass
class Node:
    folder: Path
    view: PlantView = field(default_factory=small_plant)
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))

    def start(self, blank: Path) -> Node:
        """`blank`: a migrated records database to begin with."""
        shutil.copy(blank, self.folder / "records.db")
        self.log = Log.open(self.folder / "log", self.clock)
        self.reader = EngineReader(self.log, self.folder / "alarms.db", self.folder / "snapshots", self.clock)
        self.history = History.open(self.folder / "history", incarnation=self.log.incarnation)
        self.records = Records.open(self.folder / "records.db")
        self._epoch, self._seq = self.clock.now(), {0: 0, 1: 0}
        targets = [(n, rule, self.view.point_numbers.get(rule.point, 1)) for n, rule in self.view.rules.items()]
        config = compile_config(
            1, [(1, "modbus")], [(n, p, 0 if p.source == NODE_ID else 1) for n, p in self.view.points.items()], targets
        )  # type: ignore[arg-type]
        self.write(Kind.CONFIG, config.to_bytes())
        self.reader.start()
        self.core = LocalCore(self)
        self.context = Context(
            core=self.core,
            live=LiveView(),
            journal=JournalView(self.folder / "alarms.db"),
            history=WholeHistory(self.history, self.log),
            records=self.records,
            plant=self.view,
            clock=self.clock,
            guard=Guard(self.records, self.clock),
        )
        self.context.extras["monitor.engine_config"] = lambda: config
        self.context.live.link(True)
        ensure_posts(self.records, self.view.posts)
        return self

    def app(self) -> FastAPI:
        return build_app(self.context, routes=[monitor_api.routes, risk_api.routes, sense_api.routes])

    def close(self) -> None:
        self.context.journal.close()  # type: ignore[attr-defined]
        self.reader.close()
        self.history.close()
        self.log.close()
        self.records.close()

    def write(self, kind: Kind, body: bytes) -> None:
        self.log.append([Part(kind, NODE_SOURCE, self._epoch, self._next(0, 1), self.clock.now(), 1, body)])

    def tick(self, modbus: str | None = None) -> None:
        """The node's clock, and the state of the one source when it changed."""
        self.write(Kind.TICK, orjson.dumps({"now": self.clock.now(), "sources": {"1": modbus} if modbus else {}}))

    def feed(self, point: str, value: float, quality: int = 0) -> None:
        """One reading now, decided on before this returns."""
        self.clock.advance(SECOND)
        now = self.clock.now()
        readings = Readings.of([(self.view.point_numbers[point], now, value, quality)])
        self.log.append([Part.of_readings(1, self._epoch, self._next(1, 1), now, readings)])
        state = self.context.sources.setdefault(1, SourceState("up", since=now))
        state.heard_at, state.readings = now, state.readings + 1
        live = self.context.live
        live.update(readings.point, readings.time, readings.value, readings.quality, now)

    async def settle(self) -> None:
        """Until the engine has decided and committed all that the log holds, and the app has heard of it."""
        from anlan.monitor.service import AlarmService

        deadline = asyncio.get_running_loop().time() + 10
        while self.reader.done < self.log.last and asyncio.get_running_loop().time() < deadline:
            self.clock.advance(SECOND)  # the engine commits idle progress by its clock
            await asyncio.sleep(0.01)
        await AlarmService.of(self.context).board.catch_up()

    def _next(self, source: int, rows: int) -> int:
        seq = self._seq[source]
        self._seq[source] += rows
        return seq


@pytest.fixture(scope="session")
def blank_records(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of all rooms, made once: migrating takes a second."""
    path = tmp_path_factory.mktemp("blank") / "records.db"
    records = Records.open(path)
    records.migrate(ROOMS)
    records.close()
    return path


@pytest.fixture
def node(tmp_path: Path, blank_records: Path) -> Iterator[Node]:
    running = Node(tmp_path).start(blank_records)
    yield running
    running.close()


@pytest.fixture
def node_of(tmp_path: Path, blank_records: Path) -> Iterator[Callable[[Callable[[PlantView], PlantView]], Node]]:
    """Starts a node whose plant is the small one, changed."""
    running: list[Node] = []

    def start(change: Callable[[PlantView], PlantView]) -> Node:
        running.append(Node(tmp_path, change(small_plant())).start(blank_records))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture(scope="module")
def module_node(tmp_path_factory: pytest.TempPathFactory, blank_records: Path) -> Iterator[Node]:
    """One for all tests of a module that leave no trace or expect none."""
    running = Node(tmp_path_factory.mktemp("node")).start(blank_records)
    yield running
    running.close()


@pytest.fixture(scope="session")
def hashed() -> str:
    """The password's hash of the least cost, which stands in it: a sign-in at the real cost takes a tenth of a second, by design."""
    return PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)


@pytest.fixture
def people(node: Node, hashed: str) -> None:
    """gas (inside operator at the chlorine post), tanks (shift leader at the tanks), safety, admin, guest (contractor), both (two posts)."""
    new = [
        ("gas", Held("inside_operator", "gas")),
        ("tanks", Held("shift_leader", "tanks")),
        ("safety", Held("safety_officer")),
        ("admin", Held("administrator")),
        ("guest", Held("contractor")),
        ("branch", Held("safety_officer", place="hualan/U300")),
    ]
    with node.records.session() as session:
        for account, held in new:
            add_person(session, NewPerson(account, Label(zh=account), (held,)), hashed, node.clock, must_change=False)
        both = (Held("inside_operator", "gas"), Held("shift_leader", "tanks"))
        add_person(session, NewPerson("both", Label(zh="两岗"), both), hashed, node.clock, must_change=False)


class Console(httpx.AsyncClient):
    """A browser's way in: same origin, cookies kept."""

    async def sign_in(self, account: str, **rest: Any) -> dict[str, Any]:
        answer = await self.post("/api/v1/session", json={"account": account, "password": PASSWORD, **rest})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


@pytest.fixture
async def app(node: Node, people: None) -> AsyncIterator[FastAPI]:
    built = node.app()
    async with built.router.lifespan_context(built):
        yield built


def console_of(app: FastAPI, address: str = "10.0.0.7") -> Console:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50_000))
    return Console(transport=transport, base_url="http://node", headers={"Origin": "http://node", "Accept-Language": "en"})


@pytest.fixture(scope="session")
def console_maker() -> Callable[..., Console]:
    """For a test that runs its own event loop."""
    return console_of


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    """The app on a real port of this machine, for what streams."""
    bound = listen()
    running = server(app, grace=1)
    serving = asyncio.create_task(running.serve(sockets=[bound]))
    await running.ready.wait()
    yield f"127.0.0.1:{bound.getsockname()[1]}"
    running.should_exit = True
    await serving


@pytest.fixture
async def consoles(app: FastAPI) -> AsyncIterator[Callable[..., Console]]:
    """Makes one more console; `address` is where its requests come from."""
    made: list[Console] = []

    def one(address: str = "10.0.0.7") -> Console:
        made.append(console_of(app, address))
        return made[-1]

    yield one
    for client in made:
        await client.aclose()


@pytest.fixture
def console(consoles: Callable[..., Console]) -> Console:
    return consoles()


__all__ = ["NO_DATA_YET", "PASSWORD", "Console", "Node", "console_of"]
