"""What each study says of the plant as it is now: asked again when a fact changes, in a worker thread, one study at a time.

facts, looked at each second ──changed?──▶ kind.solve ──▶ outcome ──▶ row of risk_results, bell for open pages
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from anlan.model.clock import SECOND, Micros
from anlan.model.errors import AnlanError, StoreError
from anlan.model.words import Label
from anlan.risk.studies.drafts import Written, read_draft
from anlan.risk.studies.facts import Binding, Fact
from anlan.risk.studies.kinds import HOMES, Outcome, kind
from anlan.risk.studies.node_facts import NodeFacts
from anlan.risk.studies.store import Result, Studies, Study
from anlan.risk.studies.telling import kept_facts, silent_facts, states
from anlan.risk.wording import say
from anlan.web.context import Context
from anlan.web.stream import Bell

log = structlog.get_logger()

CALMER: Micros = 10 * SECOND
"""What is worse is kept at once; what is better not sooner after the last, so that a value on its limit does not fill the records."""
LOOK_SECONDS = 1.0
"""Facts that change within are one change."""
FAULT = "studies"


@dataclass(slots=True)
class Running:
    """One study in force. `failure`: why it says nothing; `model` None: for good. `at`: when it last said something else, µs UTC."""

    study: Study
    model: Any = None
    bindings: tuple[Binding, ...] = ()
    facts: Mapping[Binding, Fact] | None = None
    outcome: Outcome | None = None
    at: Micros = 0
    failure: Label | None = None
    to_keep: bool = False
    """The records have not yet what it says: it is better than what was kept last and waits, or they cannot be written."""
    rests_on: set[str] = field(default_factory=set)
    """Other studies that its model was made of: it is read again with them."""
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    """A model is asked by one at a time."""


class LiveStudies:
    """One per app process: `LiveStudies.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.store = Studies(context.records, context.clock)
        self.facts = NodeFacts.of(context)
        self.running: dict[str, Running] = {}
        self.moved = Bell()
        self.loaded = False
        self._asking = asyncio.Lock()
        """One question of people at a time: each takes a core from the console. What follows the plant never waits for them."""
        self._changed = Bell()
        self._last: dict[str, Result] = {}
        self._written: dict[str, Written] = {}
        self._newest: dict[str, int] = {}
        """The number of each study's version in force: reading one may take longer than reading the next."""

    @classmethod
    def of(cls, context: Context) -> LiveStudies:
        found = context.extras.setdefault("risk.studies", None)
        if found is None:
            found = context.extras["risk.studies"] = cls(context)
            context.background += [found.run, found.listen]
        assert isinstance(found, cls)
        return found

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            rung = self._changed.count
            try:
                if not self.loaded:
                    await self.load()
                await self.look()
            except StoreError as failure:
                self._context.faults[FAULT] = failure
            else:
                self._context.faults.pop(FAULT, None)
            await self._changed.wait(rung, within=LOOK_SECONDS)

    async def listen(self) -> None:
        """Until cancelled: remember what bound points said between two looks. One that goes bad at once after an adverse reading has said it."""
        live, seen = self._context.live, self._context.live.tick
        of: tuple[object, int] | None = None
        asked: dict[int, list[Binding]] = {}
        while True:
            now = await live.wait(seen)
            if of != (self._context.plant, self._changed.count):
                of, asked = (self._context.plant, self._changed.count), self._of_points()
            if asked:
                live.reserve(max(asked) + 1)
            for number in live.changed_since(seen, np.fromiter(asked, np.int64, len(asked))).tolist():
                for binding in asked[number]:
                    self.facts.fact(binding)
            seen = now

    def _of_points(self) -> dict[int, list[Binding]]:
        """What is asked of each point, by its number."""
        found: dict[int, list[Binding]] = {}
        numbers = self._context.plant.point_numbers
        for binding in {binding for one in self.running.values() for binding in one.bindings}:
            if binding.sort == "point" and binding.id in numbers:
                found.setdefault(numbers[binding.id], []).append(binding)
        return found

    async def load(self) -> None:
        """All studies in force, and what was known before this process began. Raises StoreError."""
        current = await asyncio.to_thread(self.store.current)
        self._last = await asyncio.to_thread(self.store.last_results)
        new = [study for study in current.values() if self._is_newest(study)]
        self._written |= {study.study: study.written for study in new}
        for study in new:
            await self._run(study)
        self.loaded = True
        self._changed.ring()
        self.moved.ring()

    async def take(self, study: Study) -> None:
        """A new version is in force, or the study is removed."""
        if not self._is_newest(study):
            return
        if study.removed:
            self.running.pop(study.study, None)
            self._written.pop(study.study, None)
        else:
            self._written[study.study] = study.written
            await self._run(study)
        for other in list(self.running.values()):
            if study.study in other.rests_on and other.study.study != study.study:
                await self._run(other.study)
        self._changed.ring()
        self.moved.ring()

    def _is_newest(self, study: Study) -> bool:
        if study.number < self._newest.get(study.study, 0):
            return False
        self._newest[study.study] = study.number
        return True

    async def _run(self, study: Study) -> None:
        """Unless a later version has come by the time this one is read."""
        taken = await self._taken(study)
        if self._newest[study.study] == study.number and study.study in self._written:
            self.running[study.study] = taken

    def library(self, study: str) -> Written | None:
        """The text of a study in force."""
        return self._written.get(study)

    async def _taken(self, study: Study) -> Running:
        taken, last = Running(study), self._last.get(study.study)
        taken.at = last.at if last is not None else 0

        def library(name: str) -> Written | None:
            taken.rests_on.add(name)
            return self.library(name)

        try:
            if study.kind not in HOMES:
                taken.failure, taken.to_keep = say("this release knows no studies of kind {kind}", kind=study.kind), True
                return taken
            taken.model = await asyncio.to_thread(lambda: kind(study.kind).read(read_draft(study.written, library)))
        except Exception as error:
            taken.failure, taken.to_keep = _failure(study, error), True
            return taken
        taken.bindings = tuple(dict.fromkeys(one.binding for one in kind(study.kind).bindings(taken.model)))
        if last is not None:
            known = {row["binding"]: (row["last"], row["since"]) for row in last.facts}
            named = {one: known.get(str(one)) for one in taken.bindings}
            self.facts.restore({one: was for one, was in named.items() if was is not None and was[0] is not None})
        return taken

    async def look(self) -> None:
        """Ask the plant, and every study again of which a fact has changed. Raises StoreError when all are computed and one could not be kept."""
        unkept: StoreError | None = None
        for one in list(self.running.values()):
            changed = False
            if one.model is not None:
                facts = self.asked(one)
                changed = one.facts is None or states(facts) != states(one.facts)
                if changed:
                    await self._solve(one, facts)
            try:
                if one.to_keep:
                    await self._keep(one)
            except StoreError as failure:
                unkept = failure
            if changed:
                self.moved.ring()
            await asyncio.sleep(0)  # a thousand questions to the plant are not one step of the console's loop
        if unkept is not None:
            raise unkept

    def asked(self, one: Running) -> dict[Binding, Fact]:
        return {binding: self.facts.fact(binding) for binding in one.bindings}

    async def answer(self, one: Running) -> Any:
        """As of now, whether or not a fact has changed: for whoever looks at it. Raises AnlanError."""
        facts = self.asked(one)
        return await self.in_turn(one, lambda: kind(one.study.kind).solve(one.model, facts))

    async def compute(
        self, name: str, model: Any, facts: Mapping[Binding, Fact] | None, still_wanted: Callable[[], bool] = lambda: True
    ) -> Any:
        """Of a model that is not in force, in its turn; None when by then nobody wants it any more. Raises AnlanError."""
        async with self._asking:
            return await asyncio.to_thread(kind(name).solve, model, facts) if still_wanted() else None

    async def in_turn(self, one: Running, work: Callable[[], Any]) -> Any:
        """Whatever else is asked of its model (nets under evidence, barriers assumed): blocking work in a thread, in its turn. Raises AnlanError."""
        async with self._asking, one.turn:
            return await asyncio.to_thread(work)

    async def _solve(self, one: Running, facts: Mapping[Binding, Fact]) -> None:
        of = kind(one.study.kind)
        try:
            async with one.turn:
                outcome = await asyncio.to_thread(lambda: of.outcome(of.solve(one.model, facts)))
        except Exception as error:
            # What it said last stands, with why it says nothing now; other facts may be computed again.
            one.failure, one.to_keep = _failure(one.study, error), True
        else:
            one.outcome, one.to_keep, one.failure = outcome, True, None
        one.facts = facts

    async def _keep(self, one: Running) -> None:
        """What it says now, also that it says nothing, if that is something else than it said last. Raises StoreError."""
        study, last, now = one.study, self._last.get(one.study.study), self._context.clock.now()
        if one.failure is not None or one.outcome is None:
            facts = silent_facts(one.failure, one.facts)
            if one.facts is None and last is not None:  # what was last known outlives a text that cannot be read
                facts += [fact for fact in last.facts if fact["binding"]]
            result = Result(study.study, study.number, now, None, None, 1.0, facts)
        else:
            said = one.outcome
            result = Result(study.study, study.number, now, said.value, said.baseline, said.unknown, kept_facts(said))
        if last is not None and _as_told(result) == _as_told(last):
            one.to_keep = False
            return
        if last is not None and not _worse(result, last) and result.at < last.at + CALMER:
            return
        await asyncio.to_thread(self.store.keep, result)
        one.at, one.to_keep = now, False
        self._last[study.study] = result


def _as_told(result: Result) -> tuple[object, ...]:
    facts = [(f["binding"], f["state"], f["last"], f["why"] if not f["binding"] else None) for f in result.facts]
    return result.version, result.value, result.unknown, facts


def _worse(now: Result, before: Result) -> bool:
    """Or of another version."""
    if now.version != before.version:
        return True
    if (
        now.value is None or before.value is None
    ):  # that it falls silent is worse; what it is silent about, and that it speaks again, waits
        return before.value is not None
    return now.value > before.value or now.unknown > before.unknown


def _failure(study: Study, error: Exception) -> Label:
    """Why a study says nothing. One that is no mistake of whoever wrote it is ours: it goes to the log whole, and ends no other study."""
    if isinstance(error, AnlanError):
        log.error("study not computed", study=study.study, error=str(error))
        return Label(zh=error.text("zh"), en=error.text("en"))
    log.exception("study failed", study=study.study, exc_info=error)
    return say("it cannot be computed: {problem}", problem=type(error).__name__)
