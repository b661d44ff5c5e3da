"""What went wrong in a store: the list an operator reads, and the one line that says how it is now."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

import structlog

from anlan.model.clock import Clock, Micros
from anlan.model.errors import StoreError

_log = structlog.get_logger()
_KEPT = 1_000


def reason(error: BaseException) -> str:
    """An operating system's or library's error in its own words."""
    return str(error) or type(error).__name__


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that went wrong, and when this node knew."""

    noticed_at: Micros
    error: StoreError


class Troubles:
    """Conditions come and go by name (the disk is full); a fault stays on the list. Thread-safe.

    A condition raised again while it stands is not listed again: a full disk refuses thousands of commits a second.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._standing: dict[str, StoreError] = {}
        self._faults: deque[Fault] = deque(maxlen=_KEPT)

    def raise_condition(self, name: str, error: StoreError, *, each: bool = False) -> None:
        """`name` stands until it is cleared; `each`: list every error that differs from the one before, not only the first."""
        with self._lock:
            previous = self._standing.get(name)
            self._standing[name] = error
        if previous is None or (each and str(error) != str(previous)):
            self.note(error)

    def note(self, error: StoreError) -> None:
        """Something that happened once and is over."""
        _log.error("store fault", code=error.code, error=error.text("en"), **error.facts)
        with self._lock:
            self._faults.append(Fault(self._clock.now(), error))

    def clear(self, name: str) -> None:
        with self._lock:
            gone = self._standing.pop(name, None)
        if gone is not None:
            _log.info("store fault is over", condition=name)

    @property
    def standing(self) -> StoreError | None:
        """The oldest condition that still stands."""
        with self._lock:
            return next(iter(self._standing.values()), None)

    @property
    def faults(self) -> tuple[Fault, ...]:
        with self._lock:
            return tuple(self._faults)
