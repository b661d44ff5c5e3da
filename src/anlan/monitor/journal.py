"""alarms.db: every transition the engine decided, which alarms stand now, what people ordered, the steps on points (inhibit, calibrate,
reset) with the modes that stand because of them, and the ledger of what came in.

One process writes it (core); others read with `JournalReader`. A commit holds transitions, what stands because of them, the answers
to commands, steps, the ledger and `done`, the log position all of it follows from: either all is there or none.

SQLite in WAL with `synchronous=FULL`. A failed write is never tried again on the same handle: the kernel may have dropped the page.
The journal is then broken (`StoreError`); open it anew and commit again. Checkpoints run beside the writer (`checkpoint`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt

from anlan.model.clock import Micros
from anlan.model.errors import Corrupt, StoreError
from anlan.model.events.alarms import ADDED, MOVES_NOTHING, AlarmState, AlarmTransition, Trigger
from anlan.monitor.commands import Command, Result, Step
from anlan.monitor.engine import LEDGER
from anlan.monitor.journal_columns import Raw, read_window
from anlan.monitor.point_modes import PointStep
from anlan.monitor.transitions import NO_TEXT, NUMBERS, Transitions

SCHEMA_VERSION = 3
BUSY_MILLISECONDS = 250
"""Nobody but the writer writes, so a lock is an exception; an alarm must not wait for it."""

_SCHEMA = """
CREATE TABLE transition(
  n INTEGER PRIMARY KEY, frame INTEGER NOT NULL, alarm INTEGER NOT NULL, episode INTEGER NOT NULL, "trigger" INTEGER NOT NULL,
  before INTEGER NOT NULL, after INTEGER NOT NULL, happened_at INTEGER NOT NULL, noticed_at INTEGER NOT NULL,
  value REAL, quality INTEGER NOT NULL, "limit" REAL,
  who TEXT NOT NULL, post TEXT NOT NULL, reason TEXT NOT NULL, command TEXT NOT NULL) STRICT;
CREATE INDEX transition_alarm ON transition(alarm, n);
CREATE INDEX transition_noticed ON transition(noticed_at);
CREATE TABLE standing(
  alarm INTEGER PRIMARY KEY, n INTEGER NOT NULL, episode INTEGER NOT NULL, state INTEGER NOT NULL,
  raised_n INTEGER NOT NULL, raised_at INTEGER NOT NULL) STRICT;
CREATE TABLE command(
  id TEXT PRIMARY KEY, frame INTEGER NOT NULL, kind TEXT NOT NULL, alarm INTEGER NOT NULL, episode INTEGER NOT NULL,
  priority INTEGER NOT NULL, who TEXT NOT NULL, post TEXT NOT NULL, reason TEXT NOT NULL, at INTEGER NOT NULL,
  accepted INTEGER NOT NULL, why TEXT NOT NULL, transition_n INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE ledger(
  source INTEGER PRIMARY KEY, received INTEGER NOT NULL, applied INTEGER NOT NULL, duplicate INTEGER NOT NULL, late INTEGER NOT NULL,
  unknown_point INTEGER NOT NULL, clock_bad INTEGER NOT NULL) STRICT;
CREATE TABLE incarnation(
  id TEXT PRIMARY KEY, first_n INTEGER NOT NULL, before TEXT NOT NULL, done_before INTEGER NOT NULL, begun_at INTEGER NOT NULL) STRICT;
CREATE TABLE position(one INTEGER PRIMARY KEY CHECK(one = 1), incarnation TEXT NOT NULL, done INTEGER NOT NULL) STRICT;
INSERT INTO position VALUES (1, '', 0);
PRAGMA user_version = 1;
"""

_LATER = {
    2: """
ALTER TABLE command ADD COLUMN point INTEGER NOT NULL DEFAULT 0;
ALTER TABLE incarnation ADD COLUMN first_step INTEGER NOT NULL DEFAULT 1;
CREATE TABLE point_step(
  n INTEGER PRIMARY KEY, frame INTEGER NOT NULL, point INTEGER NOT NULL, step TEXT NOT NULL, happened_at INTEGER NOT NULL,
  noticed_at INTEGER NOT NULL, until INTEGER, quality INTEGER NOT NULL, who TEXT NOT NULL, post TEXT NOT NULL, reason TEXT NOT NULL,
  work_order TEXT NOT NULL, approver TEXT NOT NULL, command TEXT NOT NULL) STRICT;
CREATE INDEX point_step_point ON point_step(point, n);
PRAGMA user_version = 2;
""",
    3: """
ALTER TABLE transition ADD COLUMN unrecorded INTEGER NOT NULL DEFAULT 0;
PRAGMA user_version = 3;
""",
}
"""What each later form adds to the one before; an old file is brought up when it is opened for writing."""
TABLES = frozenset({"transition", "standing", "command", "ledger", "incarnation", "position", "point_step"})
_NO_STEPS = 1
"""A file of this form, read before its writer has brought it up, holds no steps on points."""
_ALL_RECORDED = 2
"""… and one up to this form knows of no transition that rests on what the log refused."""

_STORY = f"""SELECT * FROM transition WHERE alarm = ? AND n >= coalesce(
  (SELECT n FROM transition WHERE alarm = ? AND noticed_at < ? AND "trigger" NOT IN {tuple(map(int, MOVES_NOTHING))} ORDER BY n DESC LIMIT 1), 0)
  ORDER BY n"""  # noqa: S608 - numbers of an enum
_STEP = tuple(PointStep.__dataclass_fields__)
_FAR = 1 << 62


class JournalReader:
    """Reads alarms.db, from any process. Use one per thread; each call is one short read of a consistent state."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._db = connection

    @classmethod
    def open(cls, path: Path) -> JournalReader:
        """Raises StoreError while there is no journal yet, or one from a later version."""
        return cls(_open(path, apsw.SQLITE_OPEN_READONLY))

    @property
    def done(self) -> int:
        """Log position up to which every transition is in here."""
        return int(self._one("SELECT done FROM position"))

    @property
    def incarnation(self) -> str:
        """Of the log that `done` and `frame` belong to; "" before the first."""
        return str(self._one("SELECT incarnation FROM position"))

    @property
    def last(self) -> int:
        """Number of the newest transition, 0 when there is none."""
        return int(self._one("SELECT coalesce(max(n), 0) FROM transition"))

    def read(self, after: int, limit: int = 256) -> list[AlarmTransition]:
        """Transitions n > after, in order."""
        return self._transitions("SELECT * FROM transition WHERE n > ? ORDER BY n LIMIT ?", (after, limit))

    def between(self, after_frame: int, frame: int) -> list[AlarmTransition]:
        """Transitions of the frames after_frame < f ≤ frame, in order."""
        query = "SELECT * FROM transition WHERE frame > ? AND frame <= ? AND n > ? ORDER BY n"
        return self._transitions(query, (after_frame, frame, self._first_of_incarnation() - 1))

    def of_alarm(self, alarm: int, limit: int = 256) -> list[AlarmTransition]:
        """The newest transitions of one alarm, newest first."""
        return self._transitions("SELECT * FROM transition WHERE alarm = ? ORDER BY n DESC LIMIT ?", (alarm, limit))

    def story(self, alarm: int, since: Micros) -> list[AlarmTransition]:
        """The transitions of one alarm noticed at or after `since`, and the last one before them that moved it, in order."""
        return self._transitions(_STORY, (alarm, alarm, since))

    def standing(self) -> list[AlarmTransition]:
        """The last transition of every alarm that isn't normal now, in order."""
        return self._transitions("SELECT t.* FROM standing s JOIN transition t ON t.n = s.n ORDER BY t.n", ())

    def episodes(self) -> dict[int, int]:
        """Of every alarm that ever moved its newest activation; those that late readings added are not counted."""
        try:
            return dict(self._db.execute("SELECT alarm, max(episode) FROM transition WHERE episode < ? GROUP BY alarm", (ADDED,)))
        except apsw.Error as error:
            raise failed("alarms.db could not be read: {error}", error) from error

    def unrecorded_from(self, n: int) -> bool:
        """Whether a transition from `n` on rests on readings that the log refused: stepping the log again does not give it."""
        return _form(self._db) > _ALL_RECORDED and bool(
            self._one(f"SELECT EXISTS (SELECT 1 FROM transition WHERE n >= {int(n)} AND unrecorded)")  # noqa: S608 - a number
        )

    @property
    def goes_back(self) -> bool:
        """Whether it holds what followed from a log before the present one."""
        return bool(self._one("SELECT coalesce(max(first_n) > 1 OR max(first_step) > 1, 0) FROM incarnation"))

    def raised(self) -> dict[int, AlarmTransition]:
        """For every alarm that isn't normal now, the transition that raised its present episode."""
        rows = self._transitions("SELECT t.* FROM standing s JOIN transition t ON t.n = s.raised_n", ())
        return {row.alarm: row for row in rows}

    def noticed(self, start: Micros, end: Micros, limit: int) -> list[AlarmTransition]:
        """Transitions noticed at start ≤ t < end, in order; at most `limit`, the first ones."""
        return self._transitions(
            "SELECT * FROM transition WHERE noticed_at >= ? AND noticed_at < ? ORDER BY n LIMIT ?", (start, end, limit)
        )

    def steps_noticed(self, start: Micros, end: Micros, limit: int) -> list[PointStep]:
        """Steps on points noticed at start ≤ t < end, in order."""
        return self._steps("noticed_at >= ? AND noticed_at < ? ORDER BY n LIMIT ?", (start, end, limit))

    def said(self, start: Micros, end: Micros, limit: int) -> list[AlarmTransition]:
        """Transitions noticed at start ≤ t < end with which a person gave a reason, in order. To quiet a horn says nothing."""
        query = (
            "SELECT * FROM transition WHERE noticed_at >= ? AND noticed_at < ? AND reason <> '' AND who <> '' AND trigger <> ?"
            " ORDER BY n LIMIT ?"
        )
        return self._transitions(query, (start, end, int(Trigger.SILENCE), limit))

    @property
    def begun(self) -> list[Micros]:
        """When each log began that this journal follows from, in order: what lies between the end of one and the next is not known here."""
        try:
            return [int(at) for (at,) in self._db.execute("SELECT begun_at FROM incarnation ORDER BY begun_at")]
        except apsw.Error as error:
            raise failed("alarms.db could not be read: {error}", error) from error

    def window(self, start: Micros, end: Micros) -> Raw:
        """Transitions noticed at start ≤ t < end as columns, and what was not normal before them. Raises StoreError, InputError."""
        return read_window(self._db, start, end)

    @property
    def last_step(self) -> int:
        """Number of the newest step on a point, 0 when there is none."""
        return int(self._one("SELECT coalesce(max(n), 0) FROM point_step")) if _form(self._db) > _NO_STEPS else 0

    def steps(self, point: int | None = None, before: int = _FAR, limit: int = 100) -> list[PointStep]:
        """Steps on points n < before, newest first; of one point or of all."""
        if point is None:
            return self._steps("n < ? ORDER BY n DESC LIMIT ?", (before, limit))
        return self._steps("point = ? AND n < ? ORDER BY n DESC LIMIT ?", (point, before, limit))

    def steps_between(self, after_frame: int, frame: int) -> list[PointStep]:
        """Steps on points of the frames after_frame < f ≤ frame, in order."""
        begun = int(self._one("SELECT coalesce(max(first_step), 1) FROM incarnation")) if _form(self._db) > _NO_STEPS else 1
        return self._steps("frame > ? AND frame <= ? AND n >= ? ORDER BY n", (after_frame, frame, begun))

    def last_steps(self) -> list[PointStep]:
        """Of each point the newest step of each kind, in order; what stands follows from them (`point_modes.standing_of`)."""
        return self._steps("n IN (SELECT max(n) FROM point_step GROUP BY point, step) ORDER BY n", ())

    def step_of(self, command: str) -> PointStep | None:
        """What the engine did at a command; None when it refused it, or never had it."""
        return next(iter(self._steps("command = ? LIMIT 1", (command,))), None)

    def _steps(self, where: str, bindings: tuple[int | str, ...]) -> list[PointStep]:
        if _form(self._db) <= _NO_STEPS:
            return []
        try:
            rows = self._db.execute(f"SELECT * FROM point_step WHERE {where}", bindings)  # noqa: S608 - the texts above
            return [PointStep(**dict(zip(_STEP, row, strict=True))) for row in rows]
        except READING as error:
            raise failed("alarms.db could not be read: {error}", error) from error

    def ledger(self) -> dict[int, dict[str, int]]:
        """Per source: received = applied + duplicate + late + unknown_point; clock_bad are among the applied."""
        rows = self._db.execute("SELECT * FROM ledger ORDER BY source")
        return {int(row[0]): dict(zip(LEDGER, (int(x) for x in row[1:]), strict=True)) for row in rows}

    def close(self) -> None:
        self._db.close()

    def _first_of_incarnation(self) -> int:
        return int(self._one("SELECT coalesce(max(first_n), 1) FROM incarnation"))

    def _transitions(self, query: str, bindings: tuple[int, ...]) -> list[AlarmTransition]:
        try:
            return [_event(row) for row in self._db.execute(query, bindings)]
        except READING as error:
            raise failed("alarms.db could not be read: {error}", error) from error

    def _one(self, query: str) -> Any:
        try:
            return next(self._db.execute(query))[0]
        except (*READING, StopIteration) as error:
            raise failed("alarms.db could not be read: {error}", error) from error


class Journal(JournalReader):
    """The one writer."""

    @classmethod
    def open(cls, path: Path) -> Journal:
        """Make the file when it is missing. Raises StoreError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        db = _open(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
        try:
            db.execute("PRAGMA journal_mode = WAL").fetchall()
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            if _form(db) == 0 and next(db.execute("SELECT count(*) FROM sqlite_schema"))[0]:
                raise apsw.CorruptError("it has tables and says that it has none")
            if _form(db) == 0:
                db.execute(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT")
            for form in range(_form(db) + 1, SCHEMA_VERSION + 1):
                db.execute(f"BEGIN IMMEDIATE; {_LATER[form]} COMMIT")
            missing = TABLES - {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            if missing:
                raise apsw.CorruptError(f"it has no table {', '.join(sorted(missing))}")
        except apsw.Error as error:
            raise failed("alarms.db at {path} could not be opened: {error}", error, path=str(path)) from error
        return cls(db)

    def commit(self, done: int, transitions: Sequence[Transitions] = (), ledger: npt.NDArray[Any] | None = None) -> None:
        """All of it in one durable transaction. Raises StoreError; this handle must then not be used again."""
        try:
            with self._db:
                for found in transitions:
                    self._write(found)
                if ledger is not None:
                    self._write_ledger(ledger)
                self._db.execute("UPDATE position SET done = ?", (done,))
        except apsw.Error as error:
            raise failed("alarms.db could not be written: {error}", error) from error

    def begin_incarnation(self, incarnation: str, begun_at: Micros) -> None:
        """From now on positions belong to another log; which one ended, and where, is kept."""
        try:
            with self._db:
                self._db.execute(
                    "INSERT INTO incarnation SELECT ?, (SELECT coalesce(max(n), 0) + 1 FROM transition), incarnation, done, ?, ? FROM position",
                    (incarnation, begun_at, self.last_step + 1),
                )
                self._db.execute("UPDATE position SET incarnation = ?, done = 0", (incarnation,))
        except apsw.Error as error:
            raise failed("alarms.db could not be written: {error}", error) from error

    def _write(self, found: Transitions) -> None:
        if len(found):
            self._db.executemany("INSERT INTO transition VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", _rows(found))
            self._stand(found)
        for command, result in found.results:
            self._db.execute(
                "INSERT OR IGNORE INTO command VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)", _answered(found.frame, command, result)
            )
        if found.steps:
            holes = ",".join("?" * len(_STEP))
            self._db.executemany(f"INSERT INTO point_step VALUES ({holes})", map(_step_row, found.steps))  # noqa: S608 - holes

    def _stand(self, found: Transitions) -> None:
        """Only the last transition of each alarm in the frame counts for what stands, but every raise is remembered. Corrections of the
        record and silenced consoles move nothing."""
        live = found.rows[~np.isin(found.rows["trigger"], MOVES_NOTHING)]
        for n, alarm, episode, after, happened_at in live[["n", "alarm", "episode", "after", "happened_at"]].tolist():
            if after == AlarmState.NORMAL:
                self._db.execute("DELETE FROM standing WHERE alarm = ?", (alarm,))
            else:
                self._db.execute(_STAND, (alarm, n, episode, after, n, happened_at))

    def _write_ledger(self, ledger: npt.NDArray[Any]) -> None:
        rows = [(source, *counts) for source, counts in enumerate(ledger.tolist()) if any(counts)]
        self._db.executemany("INSERT OR REPLACE INTO ledger VALUES (?,?,?,?,?,?,?)", rows)

    @staticmethod
    def checkpoint(path: Path) -> None:
        """Move what is committed from the WAL into the database, on a handle of its own so that commits needn't wait. Raises StoreError."""
        db = _open(path, apsw.SQLITE_OPEN_READWRITE)
        try:
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
        except apsw.BusyError:
            pass  # a writer or reader is in the way; the next one gets further
        except apsw.Error as error:
            raise failed("alarms.db could not be checkpointed: {error}", error) from error
        finally:
            db.close()


_STAND = """INSERT INTO standing VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT(alarm) DO UPDATE SET
  n = excluded.n, state = excluded.state,
  raised_n = CASE WHEN episode = excluded.episode THEN raised_n ELSE excluded.raised_n END,
  raised_at = CASE WHEN episode = excluded.episode THEN raised_at ELSE excluded.raised_at END,
  episode = excluded.episode"""


READING = (apsw.Error, ValueError, TypeError)
"""What a damaged file makes of reading it: SQLite's own word, or a value that nothing ever wrote."""


UNREAD = frozenset({apsw.SQLITE_IOERR_READ, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS})
"""I/O errors by which a sector of the disk is gone; others (a full disk, a lost mount) may pass."""


def failed(message: str, error: Exception, **facts: str) -> StoreError:
    """Corrupt where the file's content is to blame and no new handle mends it; core itself begins anew (`journal_damage`)."""
    text = str(error) or type(error).__name__
    unread = isinstance(error, apsw.IOError) and getattr(error, "extendedresult", None) in UNREAD
    if unread or isinstance(error, apsw.CorruptError | apsw.NotADBError) or not isinstance(error, apsw.Error):
        return Corrupt("alarms.db is damaged: {error}. Stop the node, run `anlan alarms rebuild` and start it again", error=text)
    return StoreError(message, error=text, **facts)


def _open(path: Path, flags: int) -> apsw.Connection:
    try:
        db = apsw.Connection(str(path), flags=flags)
        db.set_busy_timeout(BUSY_MILLISECONDS)
        found = _form(db)
    except apsw.Error as error:
        raise failed("alarms.db at {path} could not be opened: {error}", error, path=str(path)) from error
    if found > SCHEMA_VERSION:
        db.close()
        raise StoreError(
            "alarms.db at {path} has form {found}; this version knows up to {known}",
            path=str(path),
            found=found,
            known=SCHEMA_VERSION,
        )
    return db


def _form(db: apsw.Connection) -> int:
    return int(next(db.execute("PRAGMA user_version"))[0])


def _rows(found: Transitions) -> Iterable[tuple[Any, ...]]:
    """Rows for the transition table; NaN is stored as NULL, which SQLite would do anyway."""
    for row in found.rows[list(NUMBERS)].tolist():
        yield (*row, *found.texts.get(row[0], NO_TEXT), int(found.rests_on_unrecorded(row[0])))


def _answered(frame: int, command: Step, result: Result) -> tuple[Any, ...]:
    """A step on a point names no alarm: 0, as one on an alarm names point 0."""
    about = (command.alarm, command.episode, command.priority) if isinstance(command, Command) else (0, 0, 0)
    return (
        command.id,
        frame,
        command.kind,
        *about,
        command.who,
        command.post,
        command.reason,
        command.at,
        int(result.accepted),
        result.text("en"),
        result.transition,
        0 if isinstance(command, Command) else command.point,
    )


def _step_row(step: PointStep) -> tuple[Any, ...]:
    return tuple(getattr(step, name) for name in _STEP)


def readable(table: str, row: Sequence[Any]) -> bool:
    """Whether a row of this table, as it was found in a damaged file, is one that a journal may hold."""
    try:
        if table == "transition":
            _event(row)
    except (ValueError, TypeError):
        return False
    return True


def _event(row: Sequence[Any]) -> AlarmTransition:
    (
        n,
        frame,
        alarm,
        episode,
        trigger,
        before,
        after,
        happened_at,
        noticed_at,
        value,
        quality,
        limit,
        who,
        post,
        reason,
        command,
        *unrecorded,
    ) = row
    return AlarmTransition(
        n=n,
        frame=frame,
        alarm=alarm,
        episode=episode,
        trigger=Trigger(trigger),
        before=AlarmState(before),
        after=AlarmState(after),
        happened_at=happened_at,
        noticed_at=noticed_at,
        value=math.nan if value is None else value,
        quality=quality,
        limit=math.nan if limit is None else limit,
        who=who,
        post=post,
        reason=reason,
        command=command,
        unrecorded=bool(unrecorded and unrecorded[0]),
    )
