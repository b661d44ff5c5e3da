"""Studies as a person at the console meets them: what they may see, a draft tried out, each step with its right and its audit leaf."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import count, islice
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import Micros
from anlan.model.errors import AnlanError, Hidden, InputError
from anlan.model.languages import Language, translate
from anlan.model.words import Label
from anlan.risk.studies.checking import Checked, Names, check
from anlan.risk.studies.drafts import Library, Written
from anlan.risk.studies.facts import Binding, Fact
from anlan.risk.studies.kinds import HOMES, kind
from anlan.risk.studies.live import LiveStudies, Running
from anlan.risk.studies.plant_figures import PlantFigures, paper_of
from anlan.risk.studies.plant_service import PlantAnswers
from anlan.risk.studies.store import Study
from anlan.risk.studies.telling import outcome_row, study_row, version_row
from anlan.risk.wording import say
from anlan.risk.written import Mistake
from anlan.web.answers import iso
from anlan.web.context import Context
from anlan.web.paper.document import Column, Document, Section, Signature, Stamps

VIEW, EDIT = "risk.view", "risk.edit"
COMPARED = 2_000
"""Cut sets of each side that a preview compares, the likeliest first."""
SHOWN = 50
SUPERSEDED: dict[str, Any] = {"mistakes": [], "outcome": None, "difference": None, "superseded": True}
"""Typed on meanwhile: a later text of the same person waits, and this one would only keep it waiting."""
MOST_TOLD, MOST_FACTS = 2_000, 40_000
"""Times of a history, and facts of all of them together: some 12 MB."""


class StudyMistakes(InputError):
    """A study that is not kept; `facts.mistakes` has line and text of each."""

    code: ClassVar[str] = "study-mistakes"

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        told = [mistake_row(one) for one in mistakes]
        self._mistakes = mistakes
        super().__init__("the study has {count} mistakes", count=len(mistakes), mistakes=told)

    def text(self, language: str = "en") -> str:
        mistakes = getattr(self, "_mistakes", ())
        return "\n  ".join([super().text(language), *(one.text(language) for one in mistakes[:20])])


class NotComputed(InputError):
    """A study that could not be read says nothing; `why` in the reader's language."""

    def __init__(self, study: str, why: Label) -> None:
        self._why = why
        super().__init__("{study} is not computed: {why}", study=study, why=why.text("en"))

    def text(self, language: str = "en") -> str:
        return translate(self.message, language).format(**{**self.facts, "why": self._why.text(language)})


class StudyService:
    """One per app process: `StudyService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.live = LiveStudies.of(context)
        self._store = self.live.store
        self._typing: dict[UUID, int] = {}
        """Of each session the newest text that is being tried out."""
        self._texts = count()
        self._reading = asyncio.Lock()
        """One text at a time: a long one takes seconds, and the threads are those that acknowledge alarms and sign people in."""
        self._plant = PlantAnswers(context, self.live, self._reading)

    @classmethod
    def of(cls, context: Context) -> StudyService:
        found = context.extras.setdefault("risk.study-service", None)
        if found is None:
            found = context.extras["risk.study-service"] = cls(context)
        assert isinstance(found, cls)
        return found

    # ---- what stands

    def all(self, principal: Principal, of_kind: str = "", place: str = "") -> list[dict[str, Any]]:
        """Those in force that this person may see, each with what it says now, the most worsened first."""
        seen = [one for one in self.live.running.values() if self._may(principal, VIEW, one.study.place)]
        rows = [
            self.row(one)
            for one in seen
            if (not of_kind or one.study.kind == of_kind) and (not place or f"{one.study.place}/".startswith(f"{place}/"))
        ]
        return sorted(rows, key=lambda row: (-(row["outcome"] or {}).get("factor", 0) if row["outcome"] and row["outcome"]["factor"] else 0, row["id"]))  # fmt: skip

    def row(self, one: Running) -> dict[str, Any]:
        place = self._context.plant.places.get(one.study.place)
        return {
            **study_row(one.study),
            "place_name": place.name.model_dump() if place is not None else None,
            "place_gone": bool(one.study.place) and place is None,
            "outcome": outcome_row(one.outcome) if one.outcome is not None else None,
            "changed_at": one.at or None,
            "changed_at_iso": iso(one.at) if one.at else None,
            "failure": one.failure.model_dump() if one.failure is not None else None,
        }

    async def one(self, principal: Principal, study: str, number: int | None = None) -> dict[str, Any]:
        """A version with its text. Raises NotFound."""
        found = await self._found(principal, study, number)
        running = self.live.running.get(study)
        in_force = running is not None and running.study.number == found.number
        told = self.row(running) if running is not None and in_force else study_row(found)
        return {
            **told,
            "text": found.written.text,
            "attached": dict(found.written.attached),
            "in_force": in_force,
            "current": running.study.number if running is not None else None,
            "may": {"edit": self._may(principal, EDIT, found.place)},
        }

    async def figure(self, principal: Principal, study: str, number: int | None = None) -> dict[str, Any]:
        """What its page draws, with the facts of now. Raises NotFound, Mistake."""
        found, of, answer = await self._answered(principal, study, number)
        told = await asyncio.to_thread(lambda: (of.outcome(answer), of.figure(answer)))
        now = self._context.clock.now()
        return {**study_row(found), "now": now, "now_iso": iso(now), "outcome": outcome_row(told[0]), "figure": told[1]}

    async def plant_figures(self, principal: Principal, study: str) -> dict[str, Any]:
        """What it would say with this plant's own failure data. Raises NotFound, NotComputed, StoreError."""
        found = await self._found(principal, study, None)
        one, figures = await self._plant.of(self._running(found))
        return {**study_row(one.study), **figures.as_json()}

    async def versions(self, principal: Principal, study: str) -> list[dict[str, Any]]:
        """The newest first. Raises NotFound."""
        found = await asyncio.to_thread(self._store.versions, study)
        self._must_see(principal, found[0])
        return [version_row(one) for one in found]

    async def history(self, principal: Principal, study: str, start: Micros, end: Micros) -> list[dict[str, Any]]:
        """What it said, in order, each time with why. Raises NotFound."""
        self._must_see(principal, (await asyncio.to_thread(self._store.versions, study))[0])
        running = self.live.running.get(study)
        most = min(MOST_TOLD, MOST_FACTS // max(len(running.bindings) if running is not None else 1, 1))
        return [
            {
                "at": one.at,
                "at_iso": iso(one.at),
                "version": one.version,
                "value": one.value,
                "baseline": one.baseline,
                "factor": one.value / one.baseline if one.value is not None and one.baseline else None,
                "unknown": one.unknown,
                "facts": one.facts,
            }
            for one in await asyncio.to_thread(self._store.results, study, start, end, most)
        ]

    # ---- tried out

    async def solve(self, principal: Principal, study: str, told: Mapping[str, bool | None]) -> dict[str, Any]:
        """With some facts as if they were so. Raises NotFound, InputError for a fact that the study does not ask for."""
        found = await self._found(principal, study, None)
        one = self._running(found)
        facts = dict(self.live.asked(one))
        named = {str(binding): binding for binding in facts}
        for name, state in told.items():
            if name not in named:
                raise InputError("{study} asks for no fact {name}; it asks for {known}", study=study, name=name, known=", ".join(named) or "—")  # fmt: skip
            facts[named[name]] = Fact(state, 0, say("as if"), facts[named[name]].last if state is None else state)
        of = kind(found.kind)
        return {"outcome": outcome_row(await self.live.in_turn(one, lambda: of.outcome(of.solve(one.model, facts))))}

    async def preview(self, principal: Principal, text: str, attached: Mapping[str, str], study: str = "") -> dict[str, Any]:
        """Mistakes by line; where there is none, what it says and what that changes of the version in force. Keeps nothing."""
        typed = self._typing[principal.session] = next(self._texts)
        try:
            return await self._tried(
                principal,
                Written(text, f"studies/{study or 'new'}.yaml", attached),
                study,
                lambda: self._typing.get(principal.session, typed) == typed,
            )
        finally:
            if self._typing.get(principal.session) == typed:
                del self._typing[principal.session]

    async def _tried(self, principal: Principal, written: Written, study: str, newest: Callable[[], bool]) -> dict[str, Any]:
        checked = await self._checked(principal, written, study, newest)
        if checked.draft is None and not checked.mistakes:
            return SUPERSEDED
        if checked.model is None or checked.draft is None:
            return {"mistakes": [mistake_row(one) for one in checked.mistakes], "outcome": None, "difference": None}
        draft = checked.draft
        before = self.live.running.get(study) if study else None
        if before is not None and not self._may(principal, VIEW, before.study.place):
            before = None
        of = kind(draft.kind)
        facts = {
            one.binding: _nothing(one.binding) if one.binding in checked.lacking else self.live.facts.glance(one.binding)
            for one in of.bindings(checked.model)
        }
        try:
            answer = await self.live.compute(draft.kind, checked.model, facts, newest)
            if answer is None:
                return SUPERSEDED
            outcome = await asyncio.to_thread(of.outcome, answer)
            difference = await self._difference(before, draft.kind, answer, outcome_row(outcome))
        except AnlanError as error:
            told = {"line": 0, "text": {"zh": error.text("zh"), "en": error.text("en")}}
            return {"mistakes": [told], "outcome": None, "difference": None}
        return {
            "mistakes": [mistake_row(one) for one in checked.mistakes],
            "study": draft.id,
            "kind": draft.kind,
            "outcome": outcome_row(outcome),
            "difference": difference,
        }

    async def _difference(self, before: Running | None, name: str, answer: Any, after: dict[str, Any]) -> dict[str, Any] | None:
        """Against what is in force; of trees also cut sets that come and go."""
        if before is None or before.model is None or before.study.kind != name or before.failure is not None:
            return None
        old = await self.live.answer(before)
        row = outcome_row(await asyncio.to_thread(kind(name).outcome, old))
        told: dict[str, Any] = {
            "version": before.study.number,
            "baseline": {"before": row["baseline"], "after": after["baseline"]},
            "value": {"before": row["value"], "after": after["value"]},
        }
        if name == "fault-tree":
            ours, theirs = await asyncio.to_thread(lambda: (_sets(answer), _sets(old)))
            told["cut_sets"] = {
                "before": old.solution.mcs,
                "after": answer.solution.mcs,
                "new": [sorted(one) for one in islice((s for s in ours if s not in theirs), SHOWN)],
                "gone": [sorted(one) for one in islice((s for s in theirs if s not in ours), SHOWN)],
                "compared": COMPARED,
            }
        return told

    # ---- steps

    async def put(
        self, principal: Principal, study: str, written: Written, *, base: int | None, reason: str, id: UUID | None = None
    ) -> dict[str, Any]:
        """The next version. Raises StudyMistakes, StaleStudy, Forbidden, InputError."""
        running = self.live.running.get(study)
        if running is not None:  # before anything is told of the version in force
            principal.require(EDIT, self._place(running.study.place))
        checked = await self._checked(principal, written, study)
        if checked.mistakes or checked.draft is None:
            raise StudyMistakes(checked.mistakes)
        if checked.draft.id != study:
            raise InputError("the text is of study {found}; {study} was expected", found=checked.draft.id, study=study)
        await self._keep(principal, checked, written, base=base, reason=reason, id=id)
        return await self.one(principal, study)

    async def bring_back(
        self, principal: Principal, study: str, number: int, *, base: int | None, reason: str, id: UUID | None = None
    ) -> dict[str, Any]:
        """An earlier version as the next one, through the same checks."""
        found = await self._found(principal, study, number)
        return await self.put(principal, study, found.written, base=base, reason=reason, id=id)

    async def remove(self, principal: Principal, study: str, *, base: int, reason: str, id: UUID | None = None) -> dict[str, Any]:
        """It ends, its versions stay. Raises NotFound, StaleStudy."""
        found = await self._found(principal, study, None)
        checked = await asyncio.to_thread(check, found.written, None, self.live.library)
        if checked.draft is None:
            raise StudyMistakes(checked.mistakes)
        await self._keep(principal, checked, found.written, base=base, reason=reason, removed=True, id=id)
        return {"id": study, "removed": True}

    async def _keep(
        self,
        principal: Principal,
        checked: Checked,
        written: Written,
        *,
        base: int | None,
        reason: str,
        removed: bool = False,
        id: UUID | None = None,
    ) -> None:
        assert checked.draft is not None
        principal.require(EDIT, checked.draft.place or self._context.plant.top)

        def also(session: Session, before: Study | None, made: Study) -> None:
            if before is not None:
                principal.require(EDIT, self._place(before.place))
            append(session, leaf(principal, self._context.clock.now(), before, made))

        made = await asyncio.to_thread(
            lambda: self._store.put(
                checked.draft,  # type: ignore[arg-type]  # asserted above
                written,
                author=principal.account,
                reason=reason,
                base=base,
                removed=removed,
                id=id,
                also=also,
            )
        )
        await self.live.take(made)

    # ---- on paper

    async def document(self, principal: Principal, study: str, language: Language) -> Document:
        """Inputs, models, limits and results of a study. Raises NotFound, Mistake."""
        found, of, answer = await self._answered(principal, study, None)
        outcome, sections = await asyncio.to_thread(lambda: (of.outcome(answer), of.paper(answer, language)))
        running = self.live.running.get(study)
        own = paper_of(await self._own(running), language) if running is not None and running.model is not None else ()
        now, stamps = self._context.clock.now(), Stamps(self._context.plant.zone, self._context.clock.now())

        def told(msgid: str) -> str:
            return say(msgid).text(language)

        facts = [
            (told("Kind of study"), of.title.text(language)),
            (told("Version of the study"), f"{found.number} · {found.author} · {stamps.second(found.at)} · {found.reason}"),
            (told("Digest of the study"), found.digest),
            (told("Model"), outcome.model.text(language)),
            (told("As of"), stamps.second(now)),
            (told("Baseline"), _shown(outcome.baseline, outcome.unit)),
            (told("At present"), _shown(outcome.value, outcome.unit)),
            *(
                [(told("Between"), " … ".join(_shown(one, outcome.unit) for one in outcome.bound))]
                if outcome.bound is not None and outcome.baseline is None
                else []
            ),
            (told("Against baseline"), "—" if outcome.factor is None else f"×{outcome.factor:.3g}"),
            (told("Unknown share of the facts"), f"{outcome.unknown:.0%}"),
        ]
        columns = (
            Column(told("Event"), "1.2fr"),
            Column(told("Fact"), "1.2fr"),
            Column(told("Reason"), "2fr"),
            Column(told("Against baseline"), "22mm", "right"),
        )
        rows = tuple(
            (one.label.text(language), str(one.binding), one.fact.why.text(language), "—" if one.factor is None else f"×{one.factor:.3g}")
            for one in outcome.moved
        )  # fmt: skip
        return Document(
            kind=f"study-{found.study}",
            title=found.name.text(language),
            site=self._context.plant.name.text(language),
            language=language,
            facts=tuple(facts),
            sections=(
                Section(told("What the plant tells"), columns, rows, empty=told("Nothing in this study is bound to the plant.")),
                Section(told("Range and limits"), lines=tuple(one.text(language) for one in (*outcome.limits, *outcome.reasons))),
                *sections,
                *own,
                Section(told("Inputs"), lines=tuple(found.written.text.splitlines())),
            ),
            # A study is no signed record: its paper leaves room for pens.
            signatures=tuple(Signature(told(role)) for role in ("prepared by", "reviewed by", "approved by")),
        )

    # ---- inside

    async def _own(self, one: Running) -> PlantFigures:
        """For paper: that the plant's counts cannot be read keeps no study from being printed."""
        try:
            return (await self._plant.of(one))[1]
        except AnlanError as error:
            return PlantFigures(why=Label(zh=error.text("zh"), en=error.text("en")))

    async def _found(self, principal: Principal, study: str, number: int | None) -> Study:
        running = self.live.running.get(study)
        if running is not None and number in (None, running.study.number):
            found = running.study
        else:
            found = await asyncio.to_thread(self._store.get, study, number)
        self._must_see(principal, found)
        return found

    async def _answered(self, principal: Principal, study: str, number: int | None) -> tuple[Study, Any, Any]:
        found = await self._found(principal, study, number)
        running = self.live.running.get(study)
        if running is not None and running.study.number == found.number:
            one = self._running(found)
            return found, kind(found.kind), await self.live.answer(one)
        if found.kind not in HOMES:
            raise InputError("this release knows no studies of kind {kind}", kind=found.kind)
        checked = await asyncio.to_thread(check, found.written, None, self.live.library)
        if checked.model is None:
            raise StudyMistakes(checked.mistakes)
        of = kind(found.kind)
        facts: dict[Binding, Fact] = {one.binding: self.live.facts.glance(one.binding) for one in of.bindings(checked.model)}
        return found, of, await self.live.compute(found.kind, checked.model, facts)

    async def _checked(
        self, principal: Principal, written: Written, study: str, still_wanted: Callable[[], bool] = lambda: True
    ) -> Checked:
        """A text of this person, against what they may see; what the version in force asks for may stay. Nothing, when by then nobody wants it."""
        plant, running = self._context.plant, self.live.running.get(study)
        before = running.bindings if running is not None and self._may(principal, VIEW, running.study.place) else ()
        seen = {id for id, one in self.live.running.items() if self._may(principal, VIEW, one.study.place)}

        def work() -> Checked:
            names = Names.of_view(plant).seen_by(principal, plant, seen, before)
            return check(written, names, self._library(principal))

        async with self._reading:
            return await asyncio.to_thread(work) if still_wanted() else Checked(None, None, ())

    def _library(self, principal: Principal) -> Library:
        """Whoever writes a study rests it only on studies that he may see."""

        def seen(name: str) -> Written | None:
            running = self.live.running.get(name)
            return running.study.written if running is not None and self._may(principal, VIEW, running.study.place) else None

        return seen

    def _running(self, found: Study) -> Running:
        one = self.live.running.get(found.study)
        if one is None or one.model is None:
            failure = one.failure if one is not None and one.failure is not None else Label(en=found.study)
            raise NotComputed(found.study, failure)
        return one

    def _must_see(self, principal: Principal, found: Study) -> None:
        if not self._may(principal, VIEW, found.place):
            raise Hidden("there is no study {name}", name=found.study)

    def _may(self, principal: Principal, action: str, place: str) -> bool:
        return principal.allows(action, self._place(place))

    def _place(self, place: str) -> str:
        """A place that the plant no longer has is the whole plant's."""
        return place if place in self._context.plant.places else self._context.plant.top


def _nothing(binding: Binding) -> Fact:
    return Fact(None, 0, say("the plant has no {binding}", binding=binding))


def leaf(principal: Principal, at: Micros, before: Study | None, made: Study) -> Step:
    return Step.of(
        principal, at, _action(before, made), made.study, before=_of_leaf(before), after=_of_leaf(made), reason=made.reason
    )


def local_leaf(account: str, at: Micros, before: Study | None, made: Study) -> Step:
    """Of somebody at the machine itself, whom the node knows by the machine's account only."""
    after = {**(_of_leaf(made) or {}), "account": account}
    return Step(
        at=at,
        who="node",
        action=_action(before, made),
        subject=made.study,
        before=_of_leaf(before),
        after=after,
        reason=made.reason,
    )


def _action(before: Study | None, made: Study) -> str:
    if made.removed:
        return "study.remove"
    return "study.create" if before is None or before.removed else "study.change"


def _of_leaf(study: Study | None) -> dict[str, Any] | None:
    return None if study is None else {"version": study.number, "kind": study.kind, "digest": study.digest}


def mistake_row(mistake: Mistake) -> dict[str, Any]:
    return {"file": mistake.file, "line": mistake.line, "text": {"zh": mistake.text("zh"), "en": mistake.text("en")}}


def _sets(answer: Any) -> dict[frozenset[str], None]:
    sets = answer.solution.sets
    return {} if sets is None else {frozenset(one.events): None for one in islice(sets.likeliest(), COMPARED)}


def _shown(value: float | None, unit: str) -> str:
    return "—" if value is None else f"{value:.4g} {unit}".strip()
