"""The engine's thread: recover, step, commit, tell. Starting and recovering are one path.

    newest whole snapshot ─▶ step the frames up to the journal's `done`, comparing with what it holds ─▶ go on with what is new

`needs` is the frame of the last durable snapshot; `done` what is committed. Alarms are told after their commit; while alarms.db can't be
written they are told all the same (the log holds what they follow from, so a restart decides them again, with the same numbers), the
fault is raised, and the commit is tried on a new handle until it succeeds. Commands are answered only after the commit.

An alarms.db that is damaged is set aside and begun anew (`journal_damage`): at the start, and where a commit meets the damage.

What the log refuses (disk full) is decided on too, between frames, and marked `unrecorded`: people are told of a danger even when nobody
can prove later why. Stepping the log again doesn't give those decisions, so until a snapshot covers them a restart takes them from alarms.db.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import structlog

from anlan.model.clock import SECOND, Clock, Micros
from anlan.model.errors import AnlanError, Corrupt, StoreError
from anlan.model.events.alarms import AlarmTransition
from anlan.model.frames import Frame, Part
from anlan.model.readings import Readings
from anlan.monitor import changes
from anlan.monitor.carry_over import carry_over
from anlan.monitor.commands import Result
from anlan.monitor.engine import LEDGER, Engine
from anlan.monitor.journal import Journal
from anlan.monitor.journal_damage import FAR, Rescue
from anlan.monitor.late.comparison import Look
from anlan.monitor.layout import NEVER, View
from anlan.monitor.live import Live
from anlan.monitor.recovery import Recovered, recover
from anlan.monitor.snapshot import Snapshot, Snapshots
from anlan.monitor.transitions import Transitions
from anlan.monitor.warm import warm_up
from anlan.store.memory import give_back

log = structlog.get_logger()

FRAMES_AT_ONCE = 64
LATEST_COMMIT = 0.005
"""s. Under load transitions of several frames share one commit, but none waits longer than this for it."""
DONE_LAG = 1.0
"""s. How far `done` may trail while nothing is decided: a restart steps those frames again and finds nothing."""
SNAPSHOT_SPAN = 10.0
"""s between snapshots: at 100,000 readings/s a restart then steps a million readings, about a fifth of a second."""
SNAPSHOT_ROWS = 4_000_000
"""Readings after which a snapshot comes sooner."""
SNAPSHOT_SHARE = 10
"""A snapshot that took s to write is followed by none for 10 s: a large plant spends a tenth of the time on it at most."""
HEARD_WITHIN: Micros = 120 * SECOND
"""Node time after which a safety point that has never spoken is told."""
SET_ASIDE_MOST = 3
"""Times that one process begins alarms.db anew."""
RETRY = 1.0
"""s between attempts to commit on a new handle."""
UNCOMMITTED_MOST = 1_000_000
"""Transitions held in memory while alarms.db can't be written; beyond them the engine waits, and the log keeps what comes."""


class FrameLog(Protocol):
    """What the reader asks of the log (`store.log.Log`)."""

    @property
    def incarnation(self) -> str: ...
    @property
    def first(self) -> int: ...
    @property
    def last(self) -> int: ...
    def read(self, after: int, limit: int = 256) -> list[Frame]: ...
    def wait(self, after: int, timeout: float) -> bool: ...
    def wake(self) -> None: ...


class EngineReader:
    """Start it once; everything else may be called from any thread."""

    def __init__(
        self,
        frames: FrameLog,
        journal: Path,
        snapshots: Path,
        clock: Clock,
        on_transitions: Callable[[Sequence[AlarmTransition]], None] | None = None,
        config: Path | None = None,
    ) -> None:
        """`config` is the file of the configuration in force: a recovery without a snapshot needs it."""
        self._log, self._path, self._clock, self._config = frames, journal, clock, config
        self._snapshots = Snapshots(snapshots)
        self._rescue = Rescue(journal, clock)
        self._tell = on_transitions or (lambda transitions: None)
        self._looking = threading.Lock()
        """Held while the state moves; readers of live state take it for the time of a copy."""
        self._engine = Engine()
        self._waiting: dict[str, Future[Result]] = {}
        self._answering = threading.Lock()
        self._uncommitted: list[Transitions] = []
        self._told = 0
        self._begins_with: tuple[int, int, int] | None = None
        """Until the first commit: the first numbers of transition and step that alarms.db gets from this process, and the frame up to which
        nothing is decided again."""
        self._refused: deque[tuple[Part, Future[None]]] = deque()
        """What the log refused and waits for its turn, from other threads."""
        self._steps = self._unrecorded = self._covered = 0
        """Parts decided on without the log; those that the newest durable snapshot knows."""
        self._faults: dict[str, str] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._writing: threading.Thread | None = None
        self.done = 0
        self.needs = 0
        self.journal_last = 0
        self._readings = self._decided = self._commits = 0
        self._recovered: dict[str, Any] = {}
        self._last_commit = self._last_snapshot = self._clock.monotonic()
        self._rows_since = 0
        self._snapshot_took = 0.0
        self._snapshot_due = False
        self._waits = False
        """What alarms.db has is still to be taken over, with the first configuration; a snapshot before would forget it."""

    # ---- life

    def start(self) -> None:
        """Recover (blocking, raises StoreError when alarms.db can't be opened), then go on in a thread of its own."""
        begun = self._clock.monotonic()
        warm_up()
        found = self._recover()
        self._engine, self.needs, self._waits = found.engine, found.needs, found.waits
        self.done, self.journal_last = self._journal.done, self._journal.last
        self._uncommitted, self._faults = found.fresh, dict(found.faults)
        self._first_at = self._clock.monotonic()
        # One that is killed again and again must not have more to step each time.
        self._snapshot_due = found.needs == 0 or found.frames > FRAMES_AT_ONCE
        give_back()
        self._recovered = {"frames": found.frames, "seconds": round(self._clock.monotonic() - begun, 3)}
        log.info("engine recovered", snapshot=found.needs, done=self.done, faults=list(found.faults.values()), **self._recovered)
        self._thread.start()

    def _recover(self) -> Recovered:
        """From an alarms.db begun anew where the old one is damaged."""
        try:
            return self._recover_from()
        except Corrupt as damage:
            self._rescue.set_aside(str(damage.facts["error"]))
            return self._recover_from()

    def _recover_from(self) -> Recovered:
        self._journal = Journal.open(self._path)
        try:
            known = self._rescue.known()
            found = recover(self._log, self._journal, self._snapshots, self._clock, self._config, known)
        except StoreError:
            self._journal.close()
            raise
        if known is not None:
            found.faults.pop("journal lost", None)  # the rescue says what became of it
        self._begins_with = *_first_numbers(found.engine, found.fresh), found.engine.frame
        return found

    def close(self) -> None:
        """Commit, snapshot, stop. What the log has beyond is decided by the next start."""
        self._closing.set()
        self._log.wake()
        self._thread.join()
        self._rescue.close()
        self._wait_for_snapshot()
        self._journal.close()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._turn()
            if self._commit() and not self._waits:
                self._wait_for_snapshot()  # two at once would write one file
                self._write_snapshot(Snapshot.take(self._engine), self._unrecorded)
        except Exception as error:  # the last line of defence: a dead engine must be seen, whatever killed it
            self._faults["engine"] = f"the engine stopped: {error!r}"
            log.exception("engine stopped")
            raise

    def _turn(self) -> None:
        """One round: what the log has, decided and committed; then upkeep."""
        if self._held_back():
            self._keep_up()
            return
        self._decide_refused()
        after = self._engine.frame
        if not self._log.wait(after, 0.1):
            self._keep_up()
            return
        for frame in self._log.read(after, FRAMES_AT_ONCE):
            self._step(frame)
            if self._uncommitted and self._clock.monotonic() - self._first_at >= LATEST_COMMIT:
                self._commit()
        if self._uncommitted:
            self._commit()
        self._keep_up()

    def _decide_refused(self) -> None:
        while self._refused:
            part, decided = self._refused.popleft()
            with self._looking:
                found = self._engine.step_unrecorded(part)
            self._unrecorded += 1
            self._note(found)
            if not self._refused:
                self._commit()
            decided.set_result(None)

    def _step(self, frame: Frame) -> None:
        with self._looking:
            version = self._engine.config_version
            found = self._engine.step(frame)
            found.unrecorded = self._unrecorded > self._covered
            self._carry_over(found)
        self._readings += frame.rows
        self._rows_since += frame.rows
        if version != self._engine.config_version:
            self._snapshot_due = True
            give_back()
        self._note(found)

    def _note(self, found: Transitions) -> None:
        """It waits for its commit, when it did anything."""
        self._steps += 1
        if found.faults:
            self._faults["frame"] = found.faults[0]
            log.error("part not decided", faults=found.faults)
        if len(found) or found.results or found.steps:
            if not self._uncommitted:
                self._first_at = self._clock.monotonic()
            self._uncommitted.append(found)

    def _carry_over(self, found: Transitions) -> None:
        """Once there is a configuration; until then nothing could be decided, so alarms.db is as it was. What the same frame decided,
        before it was known what stands, does not count."""
        if not self._waits or not self._engine.config_version or "journal" in self._faults:
            return
        carried = carry_over(self._engine, self._journal, self._engine.time.wall or self._clock.now())
        found.pieces, found.texts, found.steps = carried.pieces, carried.texts, carried.steps
        self._waits = False
        self._faults.pop("configuration", None)

    # ---- committing and telling

    def _commit(self) -> bool:
        """Commit what was decided and tell it; on failure tell it all the same and leave it for the next attempt."""
        now = self._clock.monotonic()
        if "journal" in self._faults and now - self._last_commit < RETRY:
            self._tell_new()
            return False
        try:
            if "journal" in self._faults:
                self._journal = self._reopened()
            self._journal.commit(self._engine.frame, self._uncommitted, self._engine.ledger)
        except StoreError as error:
            self._break_journal(error)
            self._tell_new()
            return False
        finally:
            self._last_commit = self._clock.monotonic()
        self._faults.pop("journal", None)
        self._commits += 1
        self.done = self._engine.frame
        self._tell_new()
        self._answer()
        self._uncommitted = []
        self._told = 0
        if self._begins_with is not None:
            self._rescue.begin(*self._begins_with)
            self._begins_with = None
        return True

    def _break_journal(self, error: StoreError) -> None:
        if "journal" not in self._faults:
            log.error("alarms.db failed; a new handle is tried", error=str(error))
        self._faults["journal"] = str(error)
        self._journal.close()
        if isinstance(error, Corrupt):
            self._begin_anew(str(error.facts["error"]))

    def _begin_anew(self, why: str) -> None:
        """With what is not committed yet, and then every alarm that stands; a snapshot follows, since the log does not tell of that."""
        if self._rescue.set_aside_here >= SET_ASIDE_MOST:
            return  # a disk that damages each new file: the fault stands, alarms are told, the log keeps what they follow from
        try:
            self._rescue.set_aside(why)
        except OSError as error:
            self._faults["journal"] = f"{why}; it could not be set aside: {error}"
            return
        with self._looking:
            self._uncommitted.append(changes.restate(self._engine))
        self._snapshot_due = True
        self._begins_with = *_first_numbers(self._engine, self._uncommitted), FAR

    def _reopened(self) -> Journal:
        journal = Journal.open(self._path)
        if not journal.incarnation:
            journal.begin_incarnation(self._log.incarnation, self._clock.now())
        return journal

    def _tell_new(self) -> None:
        """Tell each transition once, in order."""
        news = self._uncommitted[self._told :]
        fresh = [t for found in news for t in found.events()]
        self._told = len(self._uncommitted)
        if not fresh and not any(found.steps for found in news):
            return
        self.journal_last = fresh[-1].n if fresh else self.journal_last
        self._decided += len(fresh)
        try:
            self._tell(fresh)
        except Exception as error:  # whoever listens must not be able to stop the alarms of everyone else
            self._faults["listener"] = f"{len(fresh)} transitions up to {self.journal_last} were not passed on: {error!r}"
            log.exception("listener failed")

    def _answer(self) -> None:
        for found in self._uncommitted:
            for _, result in found.results:
                with self._answering:
                    future = self._waiting.pop(result.id, None)
                if future is not None and future.set_running_or_notify_cancel():
                    future.set_result(result)

    def _held_back(self) -> bool:
        """Too much stands uncommitted to go on deciding; the log keeps the rest."""
        if sum(map(len, self._uncommitted)) < UNCOMMITTED_MOST:
            return False
        self._closing.wait(0.1)
        return True

    # ---- upkeep

    def _keep_up(self) -> None:
        now = self._clock.monotonic()
        lagging = self.done < self._engine.frame and now - self._last_commit >= DONE_LAG
        if lagging or (self._uncommitted and "journal" in self._faults):
            self._commit()
        if self._snapshot_wanted(now) and self._commit():
            self._take_snapshot(now)

    def _snapshot_wanted(self, now: float) -> bool:
        """Never while one is being written, and never of a state whose transitions are not committed."""
        if self._waits or self._engine.frame == self.needs or (self._writing is not None and self._writing.is_alive()):
            return False
        age = now - self._last_snapshot
        wanted = self._snapshot_due or age >= SNAPSHOT_SPAN or self._rows_since >= SNAPSHOT_ROWS
        return wanted and age >= SNAPSHOT_SHARE * self._snapshot_took

    def _take_snapshot(self, now: float) -> None:
        snapshot = Snapshot.take(self._engine)
        self._last_snapshot, self._rows_since, self._snapshot_due = now, 0, False
        about = (snapshot, self._unrecorded)
        self._writing = threading.Thread(target=self._write_snapshot, args=about, name="engine-snapshot", daemon=True)
        self._writing.start()

    def _write_snapshot(self, snapshot: Snapshot, covers: int) -> None:
        """In a thread of its own: checksums, disk and the journal's checkpoint keep no alarm waiting."""
        begun = self._clock.monotonic()
        try:
            self._snapshots.write(snapshot)
        except AnlanError as error:
            self._faults["snapshot"] = str(error)
            log.error("snapshot not written", error=str(error))
        else:
            self.needs, self._covered = snapshot.frame, covers
            self._faults.pop("snapshot", None)
        self._checkpoint()
        self._rescue.look()
        self._snapshot_took = self._clock.monotonic() - begun

    def _checkpoint(self) -> None:
        """Also where no snapshot could be written: on a full disk it is what gives the next commits room."""
        try:
            Journal.checkpoint(self._path)
        except StoreError as error:
            self._faults["checkpoint"] = str(error)
            log.error("alarms.db not checkpointed", error=str(error))
        else:
            self._faults.pop("checkpoint", None)

    def _wait_for_snapshot(self) -> None:
        if self._writing is not None:
            self._writing.join()

    # ---- asking

    @property
    def fault(self) -> str | None:
        """What is wrong, in words; None when nothing is."""
        return "; ".join([*self._faults.values(), *filter(None, [self._rescue.fault])]) or None

    @property
    def config_version(self) -> int:
        return self._engine.config_version

    @property
    def config_body(self) -> bytes:
        """The configuration in force, as it stands in the log."""
        return self._engine.config_body

    def runs(self, config: bytes) -> bool:
        """Whether the configuration of these bytes is the one in force."""
        return self._engine.config_body == config

    def sources(self) -> list[int]:
        """Numbers of the sources that the configuration in force knows."""
        return [int(n) for n in np.flatnonzero(self._engine.world.sources["present"])]

    def result_of(self, command: str) -> Future[Result]:
        """The answer to the command of this id, once what it did is committed. Ask before the command goes into the log."""
        with self._answering:
            return self._waiting.setdefault(command, Future())

    def decide_unrecorded(self, part: Part) -> Future[None]:
        """Have the engine decide on a part that the log refused; done once it has, and told what follows."""
        decided: Future[None] = Future()
        decided.set_running_or_notify_cancel()
        self._refused.append((part, decided))
        self._log.wake()
        return decided

    def forget(self, command: str) -> None:
        """Nobody waits for the answer to this command any more."""
        with self._answering:
            self._waiting.pop(command, None)

    def late_look(self) -> tuple[Look, bytes]:
        """What waits for a comparison because its readings came late, and the configuration to compare under."""
        with self._looking:
            return Look.at(self._engine), self._engine.config_body

    def unheard(self, numbers: Any) -> bool:
        """Whether one of these points has never spoken although its source has been in view for `HEARD_WITHIN`: silence that no reading
        began is not staleness, and an on-change point could be silent for ever on a wrong address."""
        with self._looking:
            world, u = self._engine.world, self._engine.time.u
            points = world.points[numbers[numbers < len(world.points)]]
            source = world.sources[points["source"]]
            overdue = (source["state"] == View.UP) & (u - np.maximum(points["heard"], source["up_since"]) >= HEARD_WITHIN)
            return bool((overdue & (points["time"] == NEVER)).any())

    def live(self, numbers: Any = None) -> Live:
        """Newest value and effective quality of the given points, all when None."""
        with self._looking:
            copied = self._engine.copied(numbers)
        return copied.live()

    def live_since(self, frame: int) -> tuple[int, Readings]:
        """Points with a value whose value or effective quality changed after `frame`, and the frame to ask for next."""
        with self._looking:
            copied = self._engine.copied(since=frame)
        live = copied.live()
        return live.frame, live.readings()

    def counters(self) -> dict[str, Any]:
        """Plain facts for status and metrics."""
        with self._looking:
            ledger = self._engine.ledger.tolist()
            standing = len(self._engine.standing())
        return {
            "readings": self._readings,
            "transitions": self._decided,
            "commits": self._commits,
            "standing": standing,
            "steps": self._steps,
            "unrecorded": self._unrecorded,
            "recovered": self._recovered,
            "snapshot_seconds": round(self._snapshot_took, 3),
            "ledger": {str(s): dict(zip(LEDGER, counts, strict=True)) for s, counts in enumerate(ledger) if any(counts)},
        }


def _first_numbers(engine: Engine, uncommitted: Sequence[Transitions]) -> tuple[int, int]:
    """Of the first transition and the first step that a new alarms.db gets."""
    rows = [int(found.rows["n"][0]) for found in uncommitted if len(found)]
    steps = [step.n for found in uncommitted for step in found.steps]
    return min([engine.next_n, *rows]), min([engine.modes.next_n, *steps])
