"""The history's side of core: opened once core serves, in a thread of its own, and tried again until it can be.

Alarms need no history. A core that comes back decides its first alarm before the history's libraries are even loaded, and a history that
can't be opened is a fault of its own, not the end of the node. Meanwhile the readings wait in the log, which lets go of nothing that the
history does not have.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import structlog

from anlan.model.clock import Clock
from anlan.model.errors import AnlanError, Unavailable
from anlan.store.log import Log

if TYPE_CHECKING:
    from pathlib import Path

    from anlan.store.history import History
    from anlan.store.history_tail import WholeHistory
    from anlan.store.history_writer import HistoryWriter

AFTER = 0.5
"""s that core has the processor for itself after its start, unless it is asked to stop."""
RETRY_AFTER = 5.0

log = structlog.get_logger()


class Past:
    """Every member may be used from any thread."""

    def __init__(self, folder: Path, frames: Log, clock: Clock) -> None:
        self._folder, self._frames, self._clock = folder, frames, clock
        self._closing = threading.Event()
        self._history: History | None = None
        self._writer: HistoryWriter | None = None
        self._fault: str | None = None
        self._thread = threading.Thread(target=self._run, name="history-opening", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def cursor(self) -> int | None:
        """The last position whose readings are durable in the history; None while it is not open."""
        return self._writer.cursor if self._writer is not None else None

    @property
    def needs(self) -> int:
        """The oldest frame that the history may read again; 0 while that is not known."""
        return self._writer.needs if self._writer is not None else 0

    @property
    def fault(self) -> str | None:
        return self._writer.fault if self._writer is not None else self._fault

    def whole(self) -> WholeHistory:
        """History and the log's tail as one, complete up to the newest durable frame. Raises Unavailable while it is not open."""
        from anlan.store.history_tail import WholeHistory

        if self._history is None:
            raise Unavailable("the history is not open yet")
        return WholeHistory(self._history, self._frames)

    def close(self) -> None:
        """Commit what has been taken; the rest stays in the log."""
        self._closing.set()
        self._thread.join()
        if self._writer is not None:
            self._writer.close()
        if self._history is not None:
            self._history.close()

    def _run(self) -> None:
        wait = AFTER
        while not self._closing.wait(wait):
            wait = RETRY_AFTER
            try:
                self._open()
                return
            except Exception as error:
                # Whatever it is: without history the node goes on, and says so until it has one.
                self._fault = error.text("en") if isinstance(error, AnlanError) else f"{type(error).__name__}: {error}"
                log.error("history not opened", error=self._fault, exc_info=not isinstance(error, AnlanError))

    def _open(self) -> None:
        from anlan.store.history import History
        from anlan.store.history_writer import HistoryWriter

        self._history = self._history or History.open(self._folder, incarnation=self._frames.incarnation)
        self._writer = HistoryWriter.start(self._frames, self._history, clock=self._clock)
        self._fault = None
