"""The last state of a node in its data folder, as a context that pages' services can read: for paper when the node is down.

Alarms and steps are the journal's (alarms.db, up to its last decided frame `done`), who and what is configured the records', live values the engine's own:
its newest snapshot, stepped again over the frames of the log up to `done` and nothing further, so that both are true at the same instant. Nothing
is written: records refuse it, and the engine here is a copy in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from getpass import getuser
from pathlib import Path
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy.orm import Session

from anlan.guard.principal import Grant, Principal
from anlan.guard.roles import load_roles
from anlan.guard.service import Guard
from anlan.model.clock import SystemClock
from anlan.model.columns import to_numpy
from anlan.model.errors import AnlanError, NotFound, StoreError, Unavailable
from anlan.model.frames import Kind
from anlan.model.instants import LATEST
from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.monitor.engine import Engine
from anlan.monitor.handover.facts import EDITS
from anlan.monitor.journal_view import JournalView
from anlan.monitor.paper.service import AsOf, Papers
from anlan.monitor.snapshot import Snapshots
from anlan.node.configuration import view_in_force
from anlan.node.layout import NodeFolder
from anlan.plant.edits import edits_between
from anlan.store.history_reader import HistoryReader
from anlan.store.history_tail import WholeHistory
from anlan.store.logreader import LogReader
from anlan.store.records import Records
from anlan.web.context import Context
from anlan.web.live import LiveView

FRAMES_A_READ = 256
_NOBODY = UUID(int=0)

Warnings = list[tuple[str, dict[str, Any]]]


class ReadOnlyRecords(Records):
    """Reads; a write is refused, as another process may own the file."""

    @contextmanager
    def session(self) -> Iterator[Session]:
        raise StoreError("the records are only read here")
        yield


class NoCore:
    """`web.context.CoreClient` of a node that is down."""

    connected = False
    incarnation = ""

    async def command(self, command: dict[str, Any]) -> NoReturn:
        raise Unavailable("the core does not run")

    async def status(self) -> NoReturn:
        raise Unavailable("the core does not run")


def local_person(language: Language) -> Principal:
    """Who works at this machine's shell and may read the data folder: sees all, by the machine's own account."""
    account = getuser()
    everything = Grant("", "", frozenset(load_roles().actions))
    name = Label(zh=f"本机 {account}", en=f"this machine's {account}")
    return Principal(person=_NOBODY, account=account, name=name, session=_NOBODY, grants=(everything,), language=language)


@contextmanager
def last_state(data: Path, *, running: bool) -> Iterator[Context]:
    """Raises NotFound where no node ever ran, StoreError."""
    folder = NodeFolder(data.absolute())
    for needed in (folder.records, folder.journal, folder.log):
        if not needed.exists():
            raise NotFound("there is no node in {folder}: {file} does not exist", folder=str(data), file=str(needed))
    with ExitStack() as stack:
        records = ReadOnlyRecords.open(folder.records)
        stack.callback(records.close)
        frames = LogReader.open(folder.log)
        stack.callback(frames.close)
        journal = JournalView(folder.journal)
        stack.callback(journal.close)
        clock, live = SystemClock(), LiveView()
        context = Context(
            core=NoCore(),
            live=live,
            journal=journal,
            history=WholeHistory(HistoryReader.open(folder.history), frames),
            records=records,
            plant=view_in_force(records, numbered=True),
            clock=clock,
            guard=Guard(records, clock),
        )
        context.extras[EDITS] = partial(edits_between, records)
        warnings: Warnings = []
        at = _values(context, folder, frames, journal, warnings)
        live.link(True)  # not that anything is live: the values are those of the one instant that every paper names
        if not running:
            warnings.insert(
                0,
                ("The node is not running. What follows is its last state, as of {time}; nothing since is known.", {"time": at}),
            )
        Papers.fix(context, AsOf(at, tuple(warnings)))
        yield context


def _values(context: Context, folder: NodeFolder, frames: LogReader, journal: JournalView, warnings: Warnings) -> int:
    """Fill in the live values as of the last decided frame, and return when that was."""
    done = journal.done
    try:
        at = _stepped(context, folder, frames, done)
    except AnlanError as error:
        warnings.append(("No snapshot of the engine can be used ({why}): values are the last that were recorded; whether they were still current is not known.", {"why": str(error)}))  # fmt: skip
        at = _recorded(context)
    last = frames.last
    if last > done:
        until = max((part.received_at for frame in frames.read(last - 1, 1) for part in frame.parts), default=at)
        warnings.append(
            (
                "{n} more frames lie in the log, up to {until}, whose decisions are not in alarms.db yet.",
                {"n": last - done, "until": until},
            )
        )
    return at


def _stepped(context: Context, folder: NodeFolder, frames: LogReader, done: int) -> int:
    snapshots = Snapshots(folder.snapshots)
    engine = snapshots.newest()
    if engine is None and frames.first == 1:
        engine = Engine()  # a young node has none yet, and its log still holds everything
        engine.incarnation = frames.incarnation
    if engine is None:
        raise StoreError("there is no snapshot: {why}", why="; ".join(snapshots.passed_over) or "—")
    if engine.incarnation != frames.incarnation:
        raise StoreError("the snapshot belongs to another log")
    at = engine.time.wall
    while engine.frame < done:
        following = [frame for frame in frames.read(engine.frame, FRAMES_A_READ) if frame.n <= done]
        if not following:
            raise StoreError("the log ends at frame {found}; alarms.db was decided up to {done}", found=engine.frame, done=done)
        for frame in following:
            engine.step(frame)
            at = max([at, *(part.received_at for part in frame.parts if part.kind is not Kind.CONFIG)])
    known = engine.live()
    context.live.update(known.point, known.time, known.value, known.quality, at)
    return int(at)


def _recorded(context: Context) -> int:
    table = context.history.latest(sorted(context.plant.points), LATEST)
    point, time, value, quality = (to_numpy(table[name]) for name in ("point", "time", "value", "quality"))
    at = int(time.max()) if len(time) else 0
    context.live.update(point, time, value, quality, at)
    return at
