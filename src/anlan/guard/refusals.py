"""What was refused, on record without flooding the disk: the first of its kind at once, the rest of that minute as one count.

In: a refusal (who, from where, what, why), on any thread. Out: audit leaves `access.refused`, whose `after` holds `count` and, for more
than one, `since`: the counts add up to what was refused. Whoever tries a million times writes a leaf a minute, not a million;
whoever tries a million different things, `MOST_OF_ONE` of them and what is left as a count.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass
from typing import Any

import structlog

from anlan.guard import audit
from anlan.model.clock import MINUTE, SECOND, Clock, Micros
from anlan.model.errors import StoreError
from anlan.store.records import Records

WRITE_SECONDS = 0.2
"""A refusal is on record within this, as long as the disk takes it."""
QUIET: Micros = MINUTE
MOST_OF_ONE = 30
"""Kinds of one person told apart within a minute; what else they are refused then is one more kind for each reason."""
MOST_KINDS = 2_000
"""Kinds told apart; beyond that, those without a person are counted together."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind: equal ones are counted together. `who` is a person's id, "" for nobody known; `what` e.g. "GET /api/v1/audit"."""

    who: str
    post: str
    from_where: str
    what: str
    why: str


@dataclass(slots=True)
class _Tally:
    first: Micros
    told: dict[str, Any]
    count: int = 0
    written: float | None = None


class Refusals:
    """One per app process. `note` takes no time; `run` writes as long as the app lives."""

    def __init__(self, records: Records, clock: Clock) -> None:
        self._records, self._clock = records, clock
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._tallies: OrderedDict[Refusal, _Tally] = OrderedDict()
        self._kinds_of: Counter[str] = Counter()
        """Person → kinds told apart now."""
        self.most_of_one = MOST_OF_ONE

    def note(self, refusal: Refusal, **told: Any) -> None:
        """Count one; `told` is kept of the first of its kind in a minute, e.g. the very path."""
        with self._lock:
            if refusal not in self._tallies and len(self._tallies) >= MOST_KINDS and not refusal.who:
                refusal, told = Refusal("", "", "many addresses", "", refusal.why), {}
            elif refusal not in self._tallies and refusal.who and self._kinds_of[refusal.who] >= self.most_of_one:
                refusal = Refusal(refusal.who, "", "many addresses", "many requests", refusal.why)
            tally = self._tally_of(refusal, told)
            if not tally.count:
                tally.first, tally.told = self._clock.now(), told
            tally.count += 1

    def _tally_of(self, refusal: Refusal, told: dict[str, Any]) -> _Tally:
        if refusal not in self._tallies:
            self._tallies[refusal] = _Tally(self._clock.now(), told)
            if refusal.who:
                self._kinds_of[refusal.who] += 1
        return self._tallies[refusal]

    @property
    def waiting(self) -> int:
        """Refusals noted and not yet on record."""
        with self._lock:
            return sum(tally.count for tally in self._tallies.values())

    def flush(self, *, everything: bool = True) -> None:
        """Write what is due: what is new, and what has been counted for a minute. Blocking; a full disk leaves it waiting."""
        with self._writing:
            due = self._take_due(everything)
            if not due:
                return
            try:
                with self._records.session() as session:
                    for refusal, (count, first, told) in due.items():
                        audit.append(session, _step(refusal, count, first, told, self._clock.now()))
            except StoreError as failure:
                log.error("refusals not yet on record", kinds=len(due), error=str(failure))
                self._give_back(due)

    async def run(self) -> None:
        """Until cancelled, then once more."""
        try:
            while True:
                await asyncio.sleep(WRITE_SECONDS)
                if self._any_due():
                    await asyncio.to_thread(self.flush, everything=False)
        finally:
            self.flush()

    def _any_due(self) -> bool:
        with self._lock:
            return any(self._is_due(tally) for tally in self._tallies.values())

    def _is_due(self, tally: _Tally) -> bool:
        old = tally.written is not None and self._clock.monotonic() >= tally.written + QUIET / SECOND
        return (tally.count > 0 and tally.written is None) or old

    def _take_due(self, everything: bool) -> dict[Refusal, tuple[int, Micros, dict[str, Any]]]:
        due = {}
        with self._lock:
            for refusal, tally in list(self._tallies.items()):
                if not self._is_due(tally) and not (everything and tally.count):
                    continue
                if not tally.count:
                    self._drop(refusal)  # nothing more of it for a minute
                    continue
                due[refusal] = (tally.count, tally.first, tally.told)
                tally.count, tally.written = 0, self._clock.monotonic()
        return due

    def _drop(self, refusal: Refusal) -> None:
        del self._tallies[refusal]
        if refusal.who:
            self._kinds_of[refusal.who] -= 1
            if not self._kinds_of[refusal.who]:
                del self._kinds_of[refusal.who]

    def _give_back(self, due: dict[Refusal, tuple[int, Micros, dict[str, Any]]]) -> None:
        with self._lock:
            for refusal, (count, first, told) in due.items():
                tally = self._tally_of(refusal, told)
                tally.count, tally.first, tally.told = tally.count + count, first, told


def _step(refusal: Refusal, count: int, first: Micros, told: dict[str, Any], now: Micros) -> audit.Step:
    return audit.Step(
        at=now,
        who=refusal.who,
        post=refusal.post,
        from_where=refusal.from_where,
        action="access.refused",
        subject=refusal.what,
        after={"why": refusal.why, "count": count, **({"since": first} if count > 1 else {}), **told},
    )
