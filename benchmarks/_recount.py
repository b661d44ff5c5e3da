"""The transitions of the load of `_every_kind`, counted again without the engine: numpy over whole columns, from the rules' own words.

Windows here are exact, where the engine keeps a window in thirty steps: for the kinds in STEPPED its times may differ by as much as that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from anlan.model.clock import SECOND
from anlan.model.events.alarms import Trigger
from anlan.monitor.journal import JournalReader
from anlan.monitor.program import STEPS
from benchmarks._every_kind import DEADLINE, EACH, RULES, SPAN, SUPPRESSED, WINDOW, EveryKind, Floats, Ints, Rule, Truths

STEPPED = {"ROC": WINDOW // STEPS + 1, "FRZ": WINDOW // STEPS + 1, "IF": WINDOW // STEPS + 1}
"""Seconds by which the engine's time may differ."""
Found = dict[tuple[int, Trigger], list[int]]
"""(alarm, trigger) → seconds after the start at which it happened."""


def check(load: EveryKind, journal: Path) -> dict[str, int]:
    """Transitions of each kind in the journal, which must be those of the recount, no more and no fewer, each kind on and off at least once."""
    expected, decided = Recount(load).found(), _decided(load, journal)
    for key in expected.keys() | decided.keys():
        alarm, trigger = key
        name = list(RULES)[(alarm - 1) % len(RULES)]
        apart = STEPPED.get(name, 0)
        # One that either side sees at the very end may come after the end for the other.
        want, got = ([*found.get(key, [])] for found in (expected, decided))
        due = max(sum(time <= load.scans - apart for time in one) for one in (want, got))
        if min(len(want), len(got)) < due or any(abs(a - b) > apart for a, b in zip(want[:due], got[:due], strict=True)):
            raise SystemExit(
                f"{name} of point {(alarm - 1) // len(RULES) + 1}: {trigger.name} at {got} s, the recount says {want} s"
            )
    counts: dict[str, int] = defaultdict(int)
    for (alarm, trigger), times in decided.items():
        counts[f"{list(RULES)[(alarm - 1) % len(RULES)]} {trigger.name}"] += len(times)
    wanted = [f"{name} {trigger.name}" for name in RULES for trigger in (Trigger.CONDITION_ON, Trigger.CONDITION_OFF)]
    wanted += [f"{SUPPRESSED} {trigger.name}" for trigger in (Trigger.SUPPRESS, Trigger.UNSUPPRESS)]
    if missing := [one for one in wanted if not counts[one]]:
        raise SystemExit(f"not seen: {missing}")
    return dict(counts)


def _decided(load: EveryKind, journal: Path) -> Found:
    reader, found, after = JournalReader.open(journal), defaultdict(list), 0
    while rows := reader.read(after, 10_000):
        after = rows[-1].n
        for row in rows:
            found[row.alarm, row.trigger].append((row.happened_at - load.start) // SECOND)
    reader.close()
    return found


class Recount:
    """Columns: the points around those that leave, `len(SPAN)` each; rules are recounted for those of them that can be moved."""

    def __init__(self, load: EveryKind) -> None:
        watched, scans = load.watched, load.scans
        self.times = np.arange(1, scans + 1)
        self.heard = np.array(watched.heard[:scans])
        usable = np.array(watched.usable[:scans])
        self.good = self.heard & usable
        last = np.where(self.heard, np.arange(scans)[:, None], 0)
        self.last = np.maximum.accumulate(last, axis=0)
        columns = np.arange(self.heard.shape[1])
        self.values = np.array(watched.values[:scans])[self.last, columns]
        in_time = np.arange(scans)[:, None] - self.last <= DEADLINE
        self.known = usable[self.last, columns] & in_time
        self.stale = np.arange(scans)[:, None] - self.last >= DEADLINE
        self.p = columns[columns % len(SPAN) < len(SPAN) - 2]
        """Columns of the points whose rules can be moved: their neighbours are watched too."""
        self.numbers = watched.points[self.p] + 1

    def found(self) -> Found:
        found: Found = defaultdict(list)
        hidden = self._suppressed()
        for place, (name, rule) in enumerate(RULES.items()):
            met, known = getattr(self, f"_{name.lower()}")(rule)
            alarm = (self.numbers - 1) * len(RULES) + place + 1
            governed = (self.numbers - 1) % EACH == 0 if name == SUPPRESSED else np.zeros(len(self.p), np.bool_)
            for second, column, trigger in _life(met, known, rule.delay, hidden & governed):
                found[int(alarm[column]), trigger].append(second)
        return found

    # ---- what each kind looks at: (met, known) per scan and point

    def _hh(self, rule: Rule) -> tuple[Truths, Truths]:
        known = self.good[:, self.p]
        return _at_or_above(self.values[:, self.p], known, rule.limit, rule.dead_band), known

    _h = _hh

    def _ll(self, rule: Rule) -> tuple[Truths, Truths]:
        known = self.good[:, self.p]
        return _at_or_above(-self.values[:, self.p], known, -rule.limit, rule.dead_band), known

    _l = _ll

    def _bad(self, rule: Rule) -> tuple[Truths, Truths]:
        return ~self.good[:, self.p], self.heard[:, self.p]

    def _stale(self, rule: Rule) -> tuple[Truths, Truths]:
        return self.stale[:, self.p], np.ones_like(self.stale[:, self.p])

    def _roc(self, rule: Rule) -> tuple[Truths, Truths]:
        value, known = self.values[:, self.p], self.good[:, self.p].copy()
        known[:WINDOW] = False
        change = np.abs(value - np.roll(value, WINDOW, axis=0)) / WINDOW
        return _at_or_above(change, known, rule.limit, rule.dead_band), known

    def _dev(self, rule: Rule) -> tuple[Truths, Truths]:
        known = self._evaluated(2) & self.known[:, self.p] & self.known[:, self.p + 1]
        apart = np.abs(self.values[:, self.p] - self.values[:, self.p + 1])
        return _at_or_above(apart, known, rule.limit, rule.dead_band), known

    def _frz(self, rule: Rule) -> tuple[Truths, Truths]:
        known = self.good[:, self.p].copy()
        spread = np.full(known.shape, np.inf)
        usable = np.where(self.good[:, self.p], self.values[:, self.p], np.nan)
        for row in range(WINDOW, len(known)):
            window = usable[row - WINDOW : row + 1]
            spread[row] = np.nanmax(window, axis=0) - np.nanmin(window, axis=0)
        known[:WINDOW] = False
        return spread <= rule.limit, known

    def _dis(self, rule: Rule) -> tuple[Truths, Truths]:
        known = self._evaluated(2) & self.known[:, self.p] & self.known[:, self.p + 1]
        return (self.values[:, self.p] > 75) != (self.values[:, self.p + 1] > 75), known

    def _tis(self, rule: Rule) -> tuple[Truths, Truths]:
        above, known = self.values[:, self.p] > 70, self.good[:, self.p]
        lasted = np.zeros(above.shape)
        begun = np.zeros(above.shape[1])
        for row, time in enumerate(self.times):
            began = above[row] & (~above[row - 1] if row else True)
            begun = np.where(began, time, begun)
            lasted[row] = np.where(above[row], time - begun, 0)
        return lasted >= rule.limit, known

    def _cnt(self, rule: Rule) -> tuple[Truths, Truths]:
        above, known = self.values[:, self.p] > 70, self.good[:, self.p]
        edges = np.zeros(above.shape)
        edges[1:] = above[1:] & ~above[:-1]
        total = np.cumsum(edges, axis=0)
        total[WINDOW:] -= total[:-WINDOW].copy()
        return total >= rule.limit, known

    def _vote(self, rule: Rule) -> tuple[Truths, Truths]:
        votes = np.zeros((len(self.times), len(self.p)), np.int64)
        for member in (self.p, self.p + 1, self.p + 2):
            known = self.known[:, member]
            votes += _at_or_above(self.values[:, member], known, 80.0, 1.0) | ~known  # what is faulty counts as an alarm
        return votes >= 2, self._evaluated(3)

    def _if(self, rule: Rule) -> tuple[Truths, Truths]:
        usable = np.where(self.good[:, self.p], self.values[:, self.p], np.nan)
        mean = usable.copy()
        for row in range(1, len(usable)):
            mean[row] = np.nanmean(usable[max(0, row - WINDOW) : row], axis=0)
        known = self._evaluated(2) & self.known[:, self.p] & self.known[:, self.p + 1]
        return (mean > 70) & (self.values[:, self.p + 1] > 20), known

    def _suppressed(self) -> Truths:
        return self.known[:, self.p + 1] & (self.values[:, self.p + 1] > 75)

    def _evaluated(self, inputs: int) -> Truths:
        """A reading of one of them came."""
        return np.logical_or.reduce([self.heard[:, self.p + k] for k in range(inputs)])


def _at_or_above(value: Floats, known: Truths, limit: float, dead_band: float) -> Truths:
    """On at the limit, off once the value is back by more than the dead-band; what is not known changes nothing."""
    met = np.zeros(value.shape, np.bool_)
    now = np.zeros(value.shape[1], np.bool_)
    for row in range(len(value)):
        now = np.where(known[row], value[row] >= np.where(now, limit - dead_band, limit), now)
        met[row] = now
    return met


def _life(met: Truths, known: Truths, delay: float, hidden: Truths) -> Iterator[tuple[int, int, Trigger]]:
    """(second, column, trigger) of every transition: a condition that differs for `delay` moves the alarm, hiding it comes after."""
    stands, waits, covered = (np.zeros(met.shape[1], np.bool_) for _ in range(3))
    since: Ints = np.zeros(met.shape[1], np.int64)
    for row in range(len(met)):
        time = row + 1
        differs = known[row] & (met[row] != stands)
        since = np.where(differs & ~waits, time, since)
        waits = np.where(known[row], differs, waits)
        moved = differs & (time - since >= delay)
        stands, waits = stands ^ moved, waits & ~moved
        for column in np.flatnonzero(moved & ~covered):
            yield time, int(column), Trigger.CONDITION_ON if stands[column] else Trigger.CONDITION_OFF
        for column in np.flatnonzero(hidden[row] != covered):
            yield time, int(column), Trigger.SUPPRESS if hidden[row, column] else Trigger.UNSUPPRESS
        covered = hidden[row]
