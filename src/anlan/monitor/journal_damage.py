"""A damaged alarms.db: set aside, begun anew, and what can still be read of it brought back while the engine works.

    damage met ─▶ alarms.db.damaged-TIME, as it was ─▶ a new alarms.db: what stands as the engine knows it, what the log decides again
    beside it alarms.db.damaged-TIME.json: why, which numbers the new one begins with ─▶ rows below them are read back ─▶ what is missing

Alarms wait for none of it. The fault stands until a person has looked and moved the file away. SQLite keeps no checksums of its pages: a row
that reads well but was changed is not found out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
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
from anlan.monitor.journal import BUSY_MILLISECONDS
from anlan.store.durable import sync

MARK = ".damaged-"
ROWS_AT_ONCE = 2048
NAMED = 10
"""Runs of missing numbers that the fault names."""
AFTERWARDS = "Have the disk looked at, then move the file away"
_WHOLE_TABLES = ("command", "incarnation")
"""Small, or without numbers: read from both ends up to what cannot be read."""

log = structlog.get_logger()


@dataclass(slots=True)
class Aside:
    """One file that was set aside, as the .json beside it says. `below`, `below_step`: the first numbers of transitions and steps that
    the new alarms.db has itself."""

    file: Path
    why: str = "not known"
    below: int = 0
    below_step: int = 0
    kept: int | None = None
    """Transitions read back; None while that goes on."""
    missing: list[tuple[int, int]] = field(default_factory=list)
    """Runs of numbers that could not be read, first and last."""

    def tell(self) -> None:
        """Raises OSError."""
        facts = {name: getattr(self, name) for name in ("why", "below", "below_step", "kept", "missing")}
        told, part = self.file.with_name(f"{self.file.name}.json"), self.file.with_name(f"{self.file.name}.part")
        part.write_bytes(orjson.dumps(facts))
        part.replace(told)

    @property
    def fault(self) -> str:
        begun = f"alarms.db was damaged ({self.why}); it lies set aside as {self.file.name}. What stands is as the engine knew it"
        if self.kept is None:
            return f"{begun}; what can be read of it is being brought back"
        if self.below <= 1:
            return f"{begun}, and the log decided all of it again. {AFTERWARDS}"
        lost = sum(last - first + 1 for first, last in self.missing)
        runs = ", ".join(str(a) if a == b else f"{a}–{b}" for a, b in self.missing[:NAMED])
        more = ", …" if len(self.missing) > NAMED else ""
        gone = f"{lost} are lost: {runs}{more}" if lost else "none is lost"
        return f"{begun}; of {self.below - 1} earlier transitions {self.kept} were brought back, {gone}. {AFTERWARDS}"


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
        return int(next(db.execute(f"SELECT coalesce(max(n), 0) FROM {table}"))[0])  # noqa: S608 - a name of ours
    except (apsw.Error, ValueError, TypeError):
        return 0


class Rescue:
    """Brings back what can be read, in a thread of its own; `fault` says what happened for as long as a file lies set aside."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path, self._clock = path, clock
        self._closing = threading.Event()
        self._asides = asides(path)
        self._thread: threading.Thread | None = None

    @property
    def fault(self) -> str | None:
        return "; ".join(aside.fault for aside in self._asides) or None

    def set_aside(self, why: str) -> tuple[int, int]:
        """Take alarms.db away; the last numbers that it shows. Raises OSError."""
        self._asides.append(set_aside(self._path, self._clock.now(), why))
        return last_numbers(self._asides[-1])

    def begin(self, below: int, below_step: int) -> None:
        """Read back what lies below these numbers. What was set aside without them, by a process that died or by hand, has them now."""
        for aside in self._asides:
            if not aside.below:
                aside.below, aside.below_step = below, below_step
                self._tell(aside)
        if self._next() is not None and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._run, name="journal-rescue", daemon=True)
            self._thread.start()

    def _next(self) -> Aside | None:
        return next((aside for aside in self._asides if aside.kept is None and aside.below), None)

    def _tell(self, aside: Aside) -> None:
        try:
            aside.tell()
        except OSError as error:  # the next start asks again
            log.error("not written beside the damaged alarms.db", file=aside.file.name, error=str(error))

    def look(self) -> None:
        """Forget what a person has moved away."""
        self._asides = [aside for aside in self._asides if aside.file.exists()]

    def close(self) -> None:
        """What is not read back yet is so after the next start."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while (aside := self._next()) is not None:
            try:
                kept, missing = _read_back(aside, self._path, self._closing)
            except (apsw.Error, OSError) as error:
                log.exception("alarms.db not read back", file=aside.file.name)
                aside.why += f"; bringing it back failed: {error}"
                aside.kept, aside.missing = 0, [(1, aside.below - 1)]  # the next start tries again: nothing is written of this
                continue
            if self._closing.is_set():
                return
            aside.kept, aside.missing = kept, missing
            self._tell(aside)
            log.warning("alarms.db read back", file=aside.file.name, kept=kept, missing=missing[:NAMED])


def _read_back(aside: Aside, path: Path, closing_now: threading.Event) -> tuple[int, list[tuple[int, int]]]:
    """Rows into the alarms.db at `path`; how many transitions, and which numbers could not be read. Raises apsw.Error where the new one
    cannot be written."""
    with closing(apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)) as new:
        new.set_busy_timeout(20 * BUSY_MILLISECONDS)
        try:
            with closing(_open(aside.file)) as old:
                kept = _numbered(old, new, "transition", aside.below, closing_now)
                _numbered(old, new, "point_step", aside.below_step, closing_now)
                for table in _WHOLE_TABLES:
                    _from_both_ends(old, new, table)
        except _Unreadable:
            kept = set()
    numbers = [0, *sorted(kept), aside.below]
    return len(kept), [(a + 1, b - 1) for a, b in pairwise(numbers) if b - a > 1]


class _Unreadable(Exception):
    """Nothing of the damaged file can be read."""


def _open(file: Path) -> apsw.Connection:
    return apsw.Connection(str(file), flags=apsw.SQLITE_OPEN_READONLY)


def _numbered(old: apsw.Connection, new: apsw.Connection, table: str, below: int, closing_now: threading.Event) -> set[int]:
    """Rows 1 ≤ n < below, span by span; one that cannot be read is halved until the row is found that can't. Their numbers."""
    names, holes = _columns(old, table)
    kept: set[int] = set()
    spans = [(first, min(first + ROWS_AT_ONCE, below)) for first in range(1, below, ROWS_AT_ONCE)][::-1]
    while spans and not closing_now.is_set():
        first, end = spans.pop()
        try:
            rows = old.execute(f"SELECT {names} FROM {table} WHERE n >= ? AND n < ?", (first, end)).fetchall()  # noqa: S608
        except (apsw.Error, ValueError):
            if end - first > 1:
                middle = (first + end) // 2
                spans += [(middle, end), (first, middle)]
            continue
        kept |= _inserted(new, table, names, holes, rows)
    return kept


def _inserted(new: apsw.Connection, table: str, names: str, holes: str, rows: list[Any]) -> set[int]:
    """In one short transaction, so that the engine's own commits hardly wait; a row that the new form refuses is one that was damaged."""
    kept = set()
    with new:
        for row in rows:
            try:
                new.execute(f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({holes})", row)  # noqa: S608 - names of ours
            except apsw.ConstraintError:
                continue
            kept.add(row[0])
    return kept


def _from_both_ends(old: apsw.Connection, new: apsw.Connection, table: str) -> None:
    names, holes = _columns(old, table)
    for order in ("", "DESC"):
        rows = []
        try:
            for row in old.execute(f"SELECT {names} FROM {table} ORDER BY id {order}"):  # noqa: S608 - names of ours
                rows.append(row)
        except (apsw.Error, ValueError):
            pass  # what came before it is kept; the other end is tried too
        else:
            _inserted(new, table, names, holes, rows)
            return
        _inserted(new, table, names, holes, rows)


def _columns(db: apsw.Connection, table: str) -> tuple[str, str]:
    """The columns that the file's own form has, and as many holes."""
    try:
        names = [f'"{row[1]}"' for row in db.execute(f"PRAGMA table_info({table})")]
    except apsw.Error as error:
        raise _Unreadable from error
    if not names:
        raise _Unreadable
    return ", ".join(names), ", ".join("?" * len(names))
