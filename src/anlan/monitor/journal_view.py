"""The journal for the app process: one read-only handle that worker threads take in turn, opened anew after an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from typing import TypeVar

from anlan.model.clock import Micros
from anlan.model.errors import StoreError
from anlan.model.events.alarms import AlarmTransition
from anlan.monitor.journal import JournalReader
from anlan.monitor.journal_columns import Raw
from anlan.monitor.point_modes import PointStep

_T = TypeVar("_T")
FAR = 1 << 62


class _Pages(JournalReader):
    """With the two questions that lists ask when they page backwards."""

    def before(self, before: int, limit: int) -> list[AlarmTransition]:
        return self._transitions("SELECT * FROM transition WHERE n < ? ORDER BY n DESC LIMIT ?", (before, limit))

    def of_alarm_before(self, alarm: int, before: int, limit: int, until: Micros) -> list[AlarmTransition]:
        # The +: the index of the alarm has the order, that of the times would sort. Times follow n but for steps of the node's clock.
        query = "SELECT * FROM transition WHERE alarm = ? AND n < ? AND +noticed_at <= ? ORDER BY n DESC LIMIT ?"
        return self._transitions(query, (alarm, before, until, limit))


class JournalView:
    """Fills `web.context.Journal`. Every call raises StoreError while there is no journal or it can't be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._reader: _Pages | None = None
        self._file = 0
        """Of the open handle; core may have begun a new alarms.db in the place of a damaged one."""

    @property
    def last(self) -> int:
        return self._ask(lambda reader: reader.last)

    def read(self, after: int, limit: int = 256) -> list[AlarmTransition]:
        return self._ask(lambda reader: reader.read(after, limit))

    def before(self, before: int, limit: int = 256) -> list[AlarmTransition]:
        return self._ask(lambda reader: reader.before(before, limit))

    def of_alarm(
        self, alarm: int, before: int | None = None, limit: int = 100, until: Micros | None = None
    ) -> list[AlarmTransition]:
        first, latest = FAR if before is None else before, FAR if until is None else until
        return self._ask(lambda reader: reader.of_alarm_before(alarm, first, limit, latest))

    def standing(self) -> list[AlarmTransition]:
        return self._ask(lambda reader: reader.standing())

    def steps(self, point: int | None = None, before: int | None = None, limit: int = 100) -> list[PointStep]:
        """Steps on points, newest first; of one point or of all."""
        return self._ask(lambda reader: reader.steps(point, FAR if before is None else before, limit))

    def last_steps(self) -> list[PointStep]:
        return self._ask(lambda reader: reader.last_steps())

    def step_of(self, command: str) -> PointStep | None:
        """What the engine did at a command."""
        return self._ask(lambda reader: reader.step_of(command))

    def noticed(self, start: Micros, end: Micros, limit: int) -> list[AlarmTransition]:
        return self._ask(lambda reader: reader.noticed(start, end, limit))

    def steps_noticed(self, start: Micros, end: Micros, limit: int) -> list[PointStep]:
        return self._ask(lambda reader: reader.steps_noticed(start, end, limit))

    def said(self, start: Micros, end: Micros, limit: int) -> list[AlarmTransition]:
        return self._ask(lambda reader: reader.said(start, end, limit))

    @property
    def begun(self) -> list[Micros]:
        """When each log began that this journal follows from, in order."""
        return self._ask(lambda reader: reader.begun)

    @property
    def done(self) -> int:
        """Log position up to which every transition is in here."""
        return self._ask(lambda reader: reader.done)

    def window(self, start: Micros, end: Micros) -> Raw:
        """On a handle of its own: a month may take half a second, and live alarms do not wait for it."""
        reader = JournalReader.open(self._path)
        try:
            return reader.window(start, end)
        finally:
            reader.close()

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _ask(self, question: Callable[[_Pages], _T]) -> _T:
        with self._lock:
            file = self._path.stat().st_ino if self._path.exists() else 0
            if file != self._file:
                self._drop()
            if self._reader is None:
                self._reader, self._file = _Pages.open(self._path), file  # type: ignore[assignment]
            assert self._reader is not None
            try:
                return question(self._reader)
            except StoreError:
                self._drop()
                raise

    def _drop(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
