"""What happened to each item of equipment, and what it counts for a class and mode: hours in service, tests, demands, failures. Pure.

Hours of an item run from the day it is put in service to the day it is retired, or to now. A failure that hides until somebody tests or needs
the item is known of only up to then: later hours show nothing, and do not count. Hours of running are not known at all. A failed test or demand
is a failure. What the node has counted itself (calibrations, strokes on demand) stands beside what people entered; the same test told by both
within a day counts once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from anlan.model.clock import DAY, HOUR, Micros
from anlan.risk.failures.library import Entry, library
from anlan.risk.failures.rates import Key
from anlan.risk.failures.update import Counts, Updated, update_failures

Sort = Literal["in-service", "retired", "failure", "test", "demand"]
SORTS: tuple[Sort, ...] = ("in-service", "retired", "failure", "test", "demand")


@dataclass(frozen=True, slots=True)
class Happening:
    """`id` None: the node counted it. `by`: who entered it, or the node's own source (calibration, stroke)."""

    sort: Sort
    item: str
    point: str
    equipment: str
    mode: str
    at: Micros
    passed: bool | None
    id: UUID | None = None
    by: str = "person"


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one class and mode. `counts`: what may update its figure. `hours` in service; `told`: how many of its happenings each source gave;
    `items` that are or were in service."""

    counts: Counts
    hours: float
    tests: int
    demands: int
    failures: int
    items: tuple[str, ...]
    told: dict[str, int]


def updates(keys: Iterable[Key], happenings: Sequence[Happening], now: Micros) -> dict[Key, Updated]:
    """These entries of the library, updated by what happened here."""
    entries = {key: library()[key] for key in keys}
    return {key: update_failures(one.law, tally(one, happenings, now).counts) for key, one in entries.items()}


def tally(one: Entry, happenings: Sequence[Happening], now: Micros) -> Tally:
    mine = [happening for happening in happenings if happening.equipment == one.equipment]
    hours, items = in_service(mine, now)
    found = _once(happening for happening in mine if happening.mode == one.mode and happening.item in items)
    asked = [happening for happening in found if happening.sort in ("test", "demand") and happening.passed is not None]
    failed = sum(happening.passed is False for happening in asked)
    others = sum(happening.sort == "failure" for happening in found)
    told: dict[str, int] = {}
    for happening in found:
        told[happening.by] = told.get(happening.by, 0) + 1
    if one.per == "demand":  # one that was found out in another way would have failed when needed
        counts = Counts(failed + others, len(asked) + others)
    elif one.shows == "running":
        counts = Counts(0, 0)
    else:
        shown: dict[str, Micros] = {}
        for happening in found:
            shown[happening.item] = max(happening.at, shown.get(happening.item, 0))
        known = in_service(mine, now, shown)[0] if one.shows == "test" else hours
        counts = Counts(failed + others, known) if known else Counts(0, 0)
    tests = sum(happening.sort == "test" for happening in asked)
    return Tally(counts, hours, tests, len(asked) - tests, failed + others, tuple(items), told)


def in_service(
    happenings: Iterable[Happening], now: Micros, shown: Mapping[str, Micros] | None = None
) -> tuple[float, dict[str, Micros]]:
    """Hours of all items, and since when each is in service, in order of tags. `shown`: until when each item's hours count, none without."""
    since: dict[str, Micros] = {}
    running: dict[str, Micros] = {}
    total = 0

    def span(item: str, start: Micros, end: Micros) -> Micros:
        return end - start if shown is None else max(0, min(end, shown.get(item, start)) - start)

    for one in sorted(happenings, key=lambda happening: happening.at):
        if one.at > now:
            continue
        if one.sort == "in-service" and one.item not in running:
            running[one.item] = one.at
            since.setdefault(one.item, one.at)
        elif one.sort == "retired" and one.item in running:
            total += span(one.item, running.pop(one.item), one.at)
    total += sum(span(item, at, now) for item, at in running.items())
    return total / HOUR, dict(sorted(since.items()))


def _once(happenings: Iterable[Happening]) -> list[Happening]:
    """A person's test and the node's own of the same item within a day are one: the failed one of the two, else the person's."""
    kept: list[Happening] = []
    alike: dict[tuple[str, str], list[tuple[Micros, int]]] = {}
    """Of an item and sort: when each was first met, in order, and its place in `kept`. One that took another's place came a day later at most."""
    for one in sorted(happenings, key=lambda happening: (happening.at, happening.by != "person")):
        mine = alike.setdefault((one.item, one.sort), [])
        near: list[int] = []
        for met, n in reversed(mine):
            if one.at - met > 2 * DAY:
                break
            near.append(n)
        twin = next(
            (n for n in reversed(near) if (kept[n].by == "person") != (one.by == "person") and one.at - kept[n].at <= DAY), None
        )
        if twin is None:
            mine.append((one.at, len(kept)))
            kept.append(one)
        elif kept[twin].passed is not False and one.passed is False:
            kept[twin] = one
    return kept
