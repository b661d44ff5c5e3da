"""A damaged alarms.db: set aside, begun anew, and what can still be read of it brought back while the engine works.

    damage met ─▶ alarms.db.damaged-TIME, as it was ─▶ a new alarms.db: what stands as the engine knows it, what the log decides again
    beside it alarms.db.damaged-TIME.json: why, which numbers the new one begins with ─▶ rows below them are read back ─▶ what is missing

Alarms wait for none of it. The fault stands until a person has looked and moved the file away. SQLite keeps no checksums of its pages: a row
that reads well but was changed is not found out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import orjson
import structlog

from anlan.model.clock import Clock
from anlan.monitor.journal import BUSY_MILLISECONDS, readable
from anlan.store.durable import sync

MARK = ".damaged-"
ROWS_AT_ONCE = 2048
NAMED = 10
"""Runs of missing numbers that the fault names."""
FAR = 1 << 62
MOST = 1 << 31
"""No plant has so many transitions: a larger number is damage."""
_WHOLE_TABLES = ("command", "incarnation")
"""Small, or without numbers: read from both ends up to what cannot be read."""

log = structlog.get_logger()


@dataclass(slots=True)
class Aside:
    """One file that was set aside, as the .json beside it says."""

    file: Path
    why: str = "not known"
    below: int = 0
    """The first number of a transition that the new alarms.db has itself; 0 until it has begun."""
    below_step: int = 0
    frame: int = FAR
    """What followed from later frames of this log was decided again, unless it rested on what the log refused."""
    kept: int | None = None
    """Transitions read back; None while that goes on."""
    again: int = 0
    """… and those that were decided again."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    """Runs of numbers that could not be read, first and last."""
    missing_steps: int = 0
    failed: str = ""
    """Why bringing it back ended before its time."""

    def tell(self) -> None:
        """Raises OSError."""
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__ if name not in {"file", "failed"}}
        told, part = self.file.with_name(f"{self.file.name}.json"), self.file.with_name(f"{self.file.name}.part")
        part.write_bytes(orjson.dumps(facts))
        part.replace(told)

    @property
    def fault(self) -> str:
        begun = f"alarms.db was damaged ({self.why}); it lies set aside as {self.file.name}. What stands is as the engine knew it"
        if self.failed:
            return f"{begun}; bringing the rest back failed ({self.failed}): keep the file, the next start tries again"
        if self.kept is None:
            return f"{begun}; what can be read of it is being brought back"
        if self.below <= 1:
            return f"{begun}; what the log tells was decided again, nothing else could be brought back. Have the disk looked at and keep the file"
        lost = sum(last - first + 1 for first, last in self.missing)
        runs = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in self.missing[:NAMED])
        more = ", …" if len(self.missing) > NAMED else ""
        gone = f"{lost} are lost: {runs}{more}" if lost else "none is lost"
        steps = f"; {self.missing_steps} steps on points are lost" if self.missing_steps else ""
        told = f"of {self.below - 1} earlier transitions {self.kept} were brought back, {self.again} decided again, {gone}{steps}"
        return f"{begun}; {told}. Have the disk looked at, then move the file away"


def set_aside(path: Path, now: int, why: str) -> Aside:
    """Take alarms.db out of the way with what belongs to it; nothing of it is written or deleted. Raises OSError."""
    time = datetime.fromtimestamp(now / 1_000_000, UTC).strftime("%Y%m%dT%H%M%S")
    file = next(one for one in _names(path, time) if not one.exists())
    for suffix in ("-wal", "-shm", ""):  # a WAL left beside a new alarms.db would be taken for its own
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(file.with_name(file.name + suffix))
    sync(path.parent)
    log.error("alarms.db set aside", file=file.name, why=why)
    return Aside(file, why)


def _names(path: Path, time: str) -> Iterator[Path]:
    yield path.with_name(f"{path.name}{MARK}{time}")
    for again in range(2, 1_000):
        yield path.with_name(f"{path.name}{MARK}{time}-{again}")


def asides(path: Path) -> list[Aside]:
    """What lies beside alarms.db, oldest first."""
    found = []
    for file in sorted(path.parent.glob(f"{path.name}{MARK}*")):
        if file.name.endswith(("-wal", "-shm", ".json", ".part")):
            continue
        try:
            facts = orjson.loads(file.with_name(f"{file.name}.json").read_bytes())
            found.append(Aside(file, **{**facts, "missing": [(int(a), int(b)) for a, b in facts["missing"]]}))
        except (FileNotFoundError, ValueError, TypeError, KeyError):  # not written yet, or torn by a power cut
            found.append(Aside(file))
    return found


def last_numbers(aside: Aside) -> tuple[int, int]:
    """Of the newest transition and the newest step that the damaged file shows; 0 where it shows none."""
    try:
        with closing(_open(aside.file)) as db:
            return _last(db, "transition"), _last(db, "point_step")
    except apsw.Error:
        return 0, 0


def _last(db: apsw.Connection, table: str) -> int:
    try:
        found = int(next(db.execute(f"SELECT coalesce(max(n), 0) FROM {table}"))[0])  # noqa: S608 - a name of ours
        return found if found < MOST else 0
    except (apsw.Error, ValueError, TypeError):
        return 0


class Rescue:
    """Brings back what can be read, in a thread of its own; `fault` says what happened for as long as a file lies set aside."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._closing = threading.Event()
        self._changing = threading.Lock()
        _finish(path)
        self._asides = asides(path)
        self._thread: threading.Thread | None = None
        self.set_aside_here = 0
        """How often this process met damage."""

    @property
    def fault(self) -> str | None:
        return "; ".join(aside.fault for aside in list(self._asides)) or None

    def set_aside(self, why: str) -> None:
        """Take alarms.db away. Raises OSError."""
        aside = set_aside(self._path, self._clock.now(), why)
        with self._changing:
            self._asides.append(aside)
        self.set_aside_here += 1

    def known(self) -> tuple[int, int] | None:
        """The newest numbers in what was set aside and has no successor yet; None where nothing was."""
        found = [last_numbers(aside) for aside in self._asides if not aside.below]
        return (max(n for n, _ in found), max(n for _, n in found)) if found else None

    def begin(self, below: int, below_step: int, frame: int) -> None:
        """Read back what lies below these numbers and follows from frames up to `frame`, once the new alarms.db has its first rows."""
        for aside in self._asides:
            if not aside.below:
                aside.below, aside.below_step, aside.frame = below, below_step, frame
                self._tell(aside)
        if self._next() is not None:
            if self._thread is not None:
                self._thread.join(0.1)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="journal-rescue", daemon=True)
                self._thread.start()

    def _next(self) -> Aside | None:
        return next((aside for aside in self._asides if aside.kept is None and aside.below and not aside.failed), None)

    def _tell(self, aside: Aside) -> None:
        try:
            aside.tell()
        except OSError as error:  # the next start asks again
            log.error("not written beside the damaged alarms.db", file=aside.file.name, error=str(error))

    def look(self) -> None:
        """Forget what a person has moved away."""
        with self._changing:
            self._asides = [aside for aside in self._asides if aside.file.exists()]

    def close(self) -> None:
        """What is not read back yet is so after the next start."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (aside := self._next()) is not None:
            try:
                kept = _read_back(aside, self._path, self._closing)
            except (apsw.Error, OSError) as error:
                log.exception("alarms.db not read back", file=aside.file.name)
                aside.failed = str(error)
                continue
            if self._closing.is_set():
                return
            aside.kept = kept
            self._tell(aside)
            log.warning("alarms.db read back", file=aside.file.name, kept=kept, missing=aside.missing[:NAMED])


def _finish(path: Path) -> None:
    """A process that was killed while it set the file aside had moved what belongs to it first; the file must follow its WAL."""
    for wal in path.parent.glob(f"{path.name}{MARK}*-wal"):
        file = wal.with_name(wal.name.removesuffix("-wal"))
        told = file.with_name(
            f"{file.name}.json"
        )  # written once the new one had begun: then the file itself was moved away by a person
        if not file.exists() and not told.exists() and path.exists():
            path.rename(file)
            sync(path.parent)
            log.error("alarms.db follows what was set aside of it", file=file.name)


def _read_back(aside: Aside, path: Path, closing_now: threading.Event) -> int:
    """Rows into the alarms.db at `path`; how many transitions. Notes in `aside` what could not be read. Raises apsw.Error where the new one
    cannot be written."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as new:
        new.set_busy_timeout(20 * BUSY_MILLISECONDS)
        try:
            old = _open(aside.file)
        except apsw.Error:
            aside.missing = [(1, aside.below - 1)] if aside.below > 1 else []
            return 0
        with closing(old):
            first_n, first_step = _begun(old)
            # What stands on points first: a bypass must not be out of sight for longer than it has to be.
            _, steps = _numbered(old, new, "point_step", aside.below_step, (first_step, aside.frame), closing_now)
            for table in _WHOLE_TABLES:
                _from_both_ends(old, new, table)
            kept, seen = _numbered(old, new, "transition", aside.below, (first_n, aside.frame), closing_now)
    aside.missing, aside.again = _runs(seen, aside.below), len(seen) - kept
    aside.missing_steps = sum(last - first + 1 for first, last in _runs(steps, aside.below_step))
    return kept


def _runs(seen: set[int], below: int) -> list[tuple[int, int]]:
    return [(a + 1, b - 1) for a, b in pairwise([0, *sorted(seen), below]) if b - a > 1]


def _open(file: Path) -> apsw.Connection:
    return apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)


def _begun(old: apsw.Connection) -> tuple[int, int]:
    """The first numbers of the log that the file followed last: what lies before them is of another log, whose frames say nothing here."""
    try:
        rows = list(
            old.execute("SELECT first_n, first_step FROM incarnation JOIN position ON incarnation.id = position.incarnation")
        )
        return (int(rows[0][0]), int(rows[0][1])) if rows else (1, 1)
    except (apsw.Error, ValueError, TypeError):
        return 1, 1


def _numbered(
    old: apsw.Connection, new: apsw.Connection, table: str, below: int, own: tuple[int, int], closing_now: threading.Event
) -> tuple[int, set[int]]:
    """Rows 1 ≤ n < below, span by span; one that cannot be read is halved until the row is found that can't. How many were entered, and the
    numbers of all that could be read. `own`: from this number on, only what follows from frames up to the other is entered."""
    names = _columns(old, table)
    if not names:
        return 0, set()
    query = f"SELECT {_listed(names)} FROM {table} WHERE n >= ? AND n < ?"  # noqa: S608 - names of ours
    kept, seen = 0, set[int]()
    for start in range(1, below, ROWS_AT_ONCE):
        spans = [(start, min(start + ROWS_AT_ONCE, below))]
        while spans and not closing_now.is_set():
            first, end = spans.pop()
            try:
                rows: list[Any] = old.execute(query, (first, end)).fetchall()
            except (apsw.Error, ValueError):
                if end - first > 1:
                    middle = (first + end) // 2
                    spans += [(middle, end), (first, middle)]
                continue
            rows = [row for row in rows if readable(table, row)]
            frame, unrecorded = names.index("frame"), names.index("unrecorded") if "unrecorded" in names else None
            wanted = [
                row for row in rows if row[0] < own[0] or row[frame] <= own[1] or (unrecorded is not None and row[unrecorded])
            ]
            entered = _inserted(new, table, names, wanted)
            kept += len(entered)
            seen |= {row[0] for row in rows} - ({row[0] for row in wanted} - entered)
    return kept, seen


def _inserted(new: apsw.Connection, table: str, names: Sequence[str], rows: Sequence[Any]) -> set[Any]:
    """In one short transaction, so that the engine's own commits hardly wait; a row that the new form refuses is one that was damaged."""
    # The log's own row says where its numbers begin, which the new file does not know.
    how = "REPLACE" if table == "incarnation" else "IGNORE"
    kept = set()
    with new:
        for row in rows:
            try:
                new.execute(f"INSERT OR {how} INTO {table} ({_listed(names)}) VALUES ({', '.join('?' * len(names))})", row)  # noqa: S608
            except apsw.ConstraintError:
                continue
            kept.add(row[0])
    return kept


def _from_both_ends(old: apsw.Connection, new: apsw.Connection, table: str) -> None:
    names = _columns(old, table)
    if not names:
        return
    for order in ("", "DESC"):
        rows = []
        try:
            for row in old.execute(f"SELECT {_listed(names)} FROM {table} ORDER BY id {order}"):  # noqa: S608 - names of ours
                rows.append(row)
        except (apsw.Error, ValueError):
            pass  # what came before it is kept; the other end is tried too
        else:
            _inserted(new, table, names, rows)
            return
        _inserted(new, table, names, rows)


def _columns(db: apsw.Connection, table: str) -> list[str]:
    """The columns that the file's own form has; none where it has no such table, or nothing can be read."""
    try:
        return [str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")]
    except apsw.Error:
        return []


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
