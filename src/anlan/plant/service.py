"""What a person can do with the alarms as configured while the node runs: read the master alarm database, edit one rule, bring in a workbook.

A change is a new version (author, reason, base) and its audit leaf in one transaction, then handed to the running node. One person may
tighten; what loosens a safety alarm becomes a request and waits for a second one (DOMAIN.md 16; `plant.requests`, `plant.approving`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.clock import Clock
from anlan.model.errors import Hidden, InputError, NotFound, Unavailable
from anlan.monitor.config import AlarmRule
from anlan.monitor.trials import Trials
from anlan.plant.bulk import without_collection
from anlan.plant.checks import check_one_rule
from anlan.plant.compile import all_points, all_rules
from anlan.plant.concerned import seen_by
from anlan.plant.description import Plant
from anlan.plant.difference import Change, differences
from anlan.plant.effects import decisive, must_be_current, must_be_tried, must_fit, replayed_in, summary
from anlan.plant.findings import Findings, PlantMistakes, Where
from anlan.plant.loosening import SecondPersonNeeded, loosened
from anlan.plant.master import lines
from anlan.plant.master_book import must_be_sound, read_book
from anlan.plant.requests import Asked, Requests
from anlan.plant.running import Difference, Running
from anlan.plant.version import Imported, Numbers, Version
from anlan.plant.versions import Also, import_plant, made_as, note_base, version
from anlan.store.records import Records
from anlan.web.context import Context

FIXED = frozenset({"id", "point", "kind"})
"""What an alarm is; another point or kind is another alarm."""
EDITABLE = tuple(name for name in AlarmRule.model_fields if name not in FIXED)
SHOWN = 10


class BaseMoved(InputError):
    """Somebody else made a version since; `changes` is what it changed, as far as the asker may see it; `hidden` counts the rest."""

    code: ClassVar[str] = "base-moved"
    status: ClassVar[int] = 409

    def __init__(self, base: int, current: Version, changes: list[Change], hidden: int = 0) -> None:
        self.changes = tuple(changes)
        more = max(0, len(changes) - SHOWN) + hidden
        super().__init__(
            "the change was made on version {base}, but version {current} by {author} ({reason}) is current; since then: {what}",
            base=base,
            current=current.number,
            author=current.author,
            reason=current.reason or "—",
            what="; ".join(c.text() for c in changes[:SHOWN]) + (f" … +{more}" if more else ""),
            changes=[change_row(c) for c in changes],
        )


class RuleMistakes(PlantMistakes):
    """An alarm that does not hold together with the rest of the plant."""

    code: ClassVar[str] = "rule-mistakes"
    one: ClassVar[str] = "{count} mistake in the alarm as changed:"
    several: ClassVar[str] = "{count} mistakes in the alarm as changed:"


class MasterService:
    """One per app process: `MasterService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._current: tuple[Version, Plant, Numbers] | None = None
        self._writing = asyncio.Lock()

    @classmethod
    def of(cls, context: Context) -> MasterService:
        service = context.extras.setdefault("plant.master", None)
        if service is None:
            service = context.extras["plant.master"] = cls(context)
        assert isinstance(service, cls)
        return service

    async def current(self) -> tuple[Version, Plant, Numbers]:
        """The approved version; kept until the node goes by another."""
        if self._current is None or self._current[0].number != self._context.plant.version:
            self._current = await asyncio.to_thread(_prepared, self._context.records)
        return self._current

    async def difference(self) -> Difference:
        """What runs against what is approved. Raises Unavailable."""
        return await self._running().difference()

    async def edit_rule(
        self,
        principal: Principal,
        alarm: str,
        change: dict[str, Any],
        *,
        base: int,
        reason: str,
        trial: UUID | None = None,
        command: UUID | None = None,
    ) -> dict[str, Any]:
        """Under a `command` that made its version before, and could not bring it into force, it goes on from there.

        What loosens waits for a second person: `request` in the answer. Raises NotFound, Forbidden, BaseMoved, TrialNeeded, TrialUnfit,
        InputError, RuleMistakes, Unavailable.
        """
        running = self._running()
        async with self._writing:
            current, plant, _ = await self.current()
            rule = await asyncio.to_thread(_rule_of, plant, alarm)
            principal.require("alarm.configure", _place_of(plant, rule))
            if (before := await self._gone_on(running, command)) is not None:
                own = await asyncio.to_thread(_rule_of, before.plant, alarm)
                warnings = await asyncio.to_thread(_checked, before.plant, alarm)
                return {**outcome(before), "warnings": warnings, "rule": own.model_dump(mode="json")}
            if base != current.number:
                raise await asyncio.to_thread(self.moved, base, current, plant, principal)
            edited = _edited(rule, change)
            after = await asyncio.to_thread(with_rule, plant, edited)
            warnings = await asyncio.to_thread(_checked, after, alarm)
            effect = await asyncio.to_thread(self._effect, principal, trial, rule, edited, (current, plant))
            made = await asyncio.to_thread(
                partial(self._make_or_ask, principal, after, base=base, reason=reason, effect=effect, subject=alarm, id=command)
            )
            if made.new:
                await self._go_live(running, made)
            return {**outcome(made), "warnings": warnings, "rule": edited.model_dump(mode="json")}

    async def rule(self, principal: Principal, alarm: str) -> dict[str, Any]:
        """One alarm as approved. Raises NotFound, also for one they may not see."""
        current, plant, _ = await self.current()
        line = next(iter(await asyncio.to_thread(lines, plant, alarm)), None)
        if line is None:
            raise NotFound("there is no alarm {alarm}", alarm=alarm)
        if not principal.allows("alarm.view", line["place"]):
            raise Hidden("there is no alarm {alarm}", alarm=alarm)
        return {
            "version": current.number,
            "author": current.author,
            "reason": current.reason,
            "at": current.at,
            "editable": list(EDITABLE) if principal.allows("alarm.configure", line["place"]) else [],
            "rule": line,
        }

    async def bring_in(
        self, principal: Principal, data: bytes, *, base: int, reason: str, command: UUID | None = None
    ) -> dict[str, Any]:
        """A workbook as the next version; repeated as `edit_rule` is. Raises as it does, and BookMistakes."""
        current, plant, _ = await self.current()
        principal.require("alarm.configure", plant.places[0].path)
        running = self._running()
        async with self._writing:
            if (before := await self._gone_on(running, command)) is not None:
                return outcome(before)
        if base != current.number:
            raise await asyncio.to_thread(self.moved, base, current, plant, principal)
        read = await asyncio.to_thread(read_book, data, plant)
        after = must_be_sound(read)

        def also(session: Session, before: Plant | None, made: Imported) -> None:
            append(session, audit_step(principal, self._context.clock.now(), made, reason, "master"))

        made = await self.replace(principal, after, base=base, reason=reason, also=also, id=command)
        return outcome(made)

    async def reapply(self, principal: Principal) -> dict[str, Any]:
        """The approved version into force again, whatever runs."""
        current, plant, numbers = await self.current()
        principal.require("alarm.configure", plant.places[0].path)
        running = self._running()
        step = Step.of(principal, self._context.clock.now(), "alarm.configure", "master", after={"reapplied": current.number})
        await asyncio.to_thread(self._context.guard.record, step)
        await running.bring_into_force(Imported(current, plant, numbers, new=False))
        return {"version": current.number}

    async def replace(
        self,
        by: Principal | str,
        plant: Plant,
        *,
        base: int | None,
        reason: str,
        also: Also | None = None,
        folder: Path | None = None,
        origin: str = "",
        id: UUID | None = None,
    ) -> Imported:
        """Make a whole plant the next version and bring it into force; of a folder, if it rests on the current version. `by` is a person, or
        the name of the machine's account. What loosens waits for a second person (`Imported.waiting`).

        Raises StaleBase, InputError (the demo mark differs), Unavailable.
        """
        author = by if isinstance(by, str) else by.account
        running = self._running()
        current, tried, _ = await self.current()
        await asyncio.to_thread(must_stay_real, tried, plant)
        # Before others wait for the lock: a replay takes a while. On another base than the current one it would be for nothing.
        on_it = base is None or base == current.number
        effect = await replayed_in(self._context, author, tried, plant) if on_it else None
        async with self._writing:
            _, before, _ = await self.current()
            await asyncio.to_thread(must_stay_real, before, plant)
            if before is not tried:
                effect = await replayed_in(self._context, author, before, plant)
            write = partial(
                import_plant,
                author=author,
                reason=reason,
                clock=self._context.clock,
                onto=base,
                folder=folder,
                effect=effect,
                id=id,
            )
            try:
                made = await asyncio.to_thread(partial(write, self._context.records, plant, also=partial(guarded, also=also)))
            except SecondPersonNeeded as needed:
                ask = partial(
                    ask_for_second, self._context.records, self._context.clock, by, plant, needed, reason, effect, origin, id
                )
                waits = await asyncio.to_thread(ask)
                self._told_of_request()
                return waits
            if folder is not None and made.plant is plant:
                await asyncio.to_thread(note_base, folder, made.version)
            if made.new:
                await self._go_live(running, made)
            return made

    async def _gone_on(self, running: Running, command: UUID | None) -> Imported | None:
        """The version that this command made before, brought into force if no later one has taken its place."""
        made = None if command is None else await asyncio.to_thread(made_as, self._context.records, command)
        if made is not None:
            newest, _, _ = await asyncio.to_thread(version, self._context.records)
            if newest.number == made.version.number:
                await self._go_live(running, made)
        return made

    async def _go_live(self, running: Running, made: Imported) -> None:
        self._current = None
        await running.bring_into_force(made)
        self._current = (made.version, made.plant, made.numbers)

    def _running(self) -> Running:
        running = self._context.extras.get("plant.running")
        if running is None:
            raise Unavailable("this console has no core that would take a changed configuration")
        found: Running = running
        return found

    async def put_into_force(self, write: Callable[[Imported], Imported]) -> Imported:
        """`write` makes a version from the current one, in a worker thread and while nobody else writes; then it is brought into force."""
        running = self._running()
        async with self._writing:
            made = await asyncio.to_thread(write, Imported(*await self.current(), new=False))
            if made.new:
                await self._go_live(running, made)
            return made

    async def run_unrecorded(self, change: Callable[[Plant], Plant]) -> None:
        """The approved version runs with `change`, under its own number: for what must be in force also while the records take no version.
        Raises Unavailable, StoreError."""
        running = self._running()
        async with self._writing:
            current, plant, numbers = await self.current()
            await running.bring_into_force(Imported(current, change(plant), numbers, new=False))

    def _make_or_ask(self, principal: Principal, plant: Plant, **given: Any) -> Imported:
        try:
            return self._make(principal, plant, **given)
        except SecondPersonNeeded as needed:
            records, clock = self._context.records, self._context.clock
            waits = ask_for_second(records, clock, principal, plant, needed, given["reason"], given["effect"], "", given["id"])
            self._told_of_request()
            return waits

    def _told_of_request(self) -> None:
        """Consoles count what waits (`plant.approving`)."""
        Requests.of(self._context.extras, self._context.records, self._context.clock).changes += 1

    def _make(
        self,
        principal: Principal,
        plant: Plant,
        *,
        base: int,
        reason: str,
        effect: dict[str, Any] | None,
        subject: str,
        id: UUID | None,
    ) -> Imported:
        def also(session: Session, before: Plant | None, made: Imported) -> None:
            append(session, audit_step(principal, self._context.clock.now(), made, reason, subject))

        known = None if self._current is None else Imported(*self._current, new=False)
        return import_plant(
            self._context.records,
            plant,
            author=principal.account,
            reason=reason,
            clock=self._context.clock,
            onto=base,
            effect=effect,
            also=partial(guarded, also=also),
            id=id,
            known=known,
        )

    def _effect(
        self, by: Principal, named: UUID | None, rule: AlarmRule, edited: AlarmRule, now: tuple[Version, Plant]
    ) -> dict[str, Any] | None:
        """What the node's own trial said of this very change."""
        current, plant = now
        change = decisive(rule, edited)
        must_be_tried(rule.id, change, named)
        if named is None:
            return None
        trial = must_fit(Trials.of(self._context).find(named), named, rule, change, self._context.clock.now())
        if trial.version != current.number:
            _, old, _ = version(self._context.records, trial.version)
            must_be_current(trial, rule.id, old, plant, current.number, by)
        return trial.as_json()

    def moved(self, base: int, current: Version, plant: Plant, by: Principal) -> InputError:
        """What to answer somebody whose base is not the current version. Blocking."""
        try:
            _, old, _ = version(self._context.records, base)
        except NotFound as missing:
            return InputError(missing.message, **missing.facts)
        changes = differences(old, plant)
        seen = seen_by(by, old, plant, changes)
        return BaseMoved(base, current, seen, len(changes) - len(seen))


def _prepared(records: Records) -> tuple[Version, Plant, Numbers]:
    """With all that the first edit would wait for: a person looks at an alarm before changing it."""
    found = version(records)
    with without_collection():
        _ = found[1].digest, all_points(found[1])
    return found


def audit_step(principal: Principal, at: int, made: Imported, reason: str, subject: str) -> Step:
    """The leaf of a new version: which it is, and the first of its changes."""
    before, after = {"version": made.version.base}, _of_leaf(made)
    return Step.of(principal, at, "alarm.configure", subject, before=before, after=after, reason=reason)


def _of_leaf(made: Imported) -> dict[str, Any]:
    told = {"version": made.version.number, "digest": made.version.digest, "changes": [c.text() for c in made.changes[:100]]}
    return told if made.version.effect is None else {**told, "effect": summary(made.version.effect)}


def local_leaf(author: str, at: int, reason: str, subject: str) -> Also:
    """The same for somebody at the machine itself, whom the node knows by the machine's account only."""

    def also(session: Session, before: Plant | None, made: Imported) -> None:
        step = Step(
            at=at,
            who="node",
            action="alarm.configure",
            subject=subject,
            before={"version": made.version.base},
            after={**_of_leaf(made), "account": author},
            reason=reason,
        )
        append(session, step)

    return also


def ask_for_second(
    records: Records, clock: Clock, by: Principal | str, after: Plant, needed: SecondPersonNeeded, reason: str,
    effect: dict[str, Any] | None = None, origin: str = "", id: UUID | None = None,
) -> Imported:  # fmt: skip
    """What was refused to one person, as a request to two: nothing is in force by it. Blocking."""
    current, before, numbers = version(records)
    asked = Asked(current, before, after, needed.loosened, reason, effect, origin)
    return Imported(current, before, numbers, new=False, waiting=Requests(records, clock).ask(asked, by, id))


def guarded(session: Session, before: Plant | None, made: Imported, also: Also | None = None) -> None:
    """Inside the transaction, against the version that really is the base."""
    weaker = loosened(before, made.plant) if before is not None else []
    if weaker:
        raise SecondPersonNeeded(weaker)
    if also is not None:
        also(session, before, made)


def must_stay_real(before: Plant, after: Plant) -> None:
    """Whether data are a demo's is the mark of every reading and page: a running node does not change it. Raises InputError."""
    if before.site.demo != after.site.demo:
        raise InputError(
            "this changes whether the plant is a demo, which needs a restart: stop the node and start it with `anlan up` on the changed folder"
        )


def _rule_of(plant: Plant, alarm: str) -> AlarmRule:
    rule = next((r for r in all_rules(plant) if r.id == alarm), None)
    if rule is None:
        raise NotFound("there is no alarm {alarm}", alarm=alarm)
    return rule


def _place_of(plant: Plant, rule: AlarmRule) -> str:
    point = plant.points_by_id.get(rule.point)
    return point.place if point is not None else plant.places[0].path


def with_rule(plant: Plant, rule: AlarmRule) -> Plant:
    """The plant with this rule written out; rules stay in the order of their ids, as a folder gives them."""
    others = {r.id: r for r in plant.rules} | {rule.id: rule}
    return plant.model_copy(update={"rules": tuple(others[key] for key in sorted(others))})


def _edited(rule: AlarmRule, change: dict[str, Any]) -> AlarmRule:
    for name in change:
        if name not in EDITABLE:
            raise InputError(
                "{field} cannot be changed here; one of {expected} was expected", field=name, expected=", ".join(EDITABLE)
            )
    try:
        return AlarmRule.model_validate({**rule.model_dump(mode="json"), **change})
    except ValidationError as failure:
        problem = failure.errors(include_url=False)[0]
        field = ".".join(map(str, problem["loc"])) or rule.id
        raise InputError(
            "{field} was {found}: {problem}", field=field, found=str(problem["input"])[:60], problem=problem["msg"]
        ) from None


def _checked(plant: Plant, alarm: str) -> list[dict[str, str]]:
    """Warnings of the edited alarm and its point, in both languages. Raises RuleMistakes."""
    findings = Findings()
    check_one_rule(plant, alarm, Where(alarm), findings)
    if findings.fatal:
        raise RuleMistakes(findings)
    return [{"name": f.name, "zh": f.text("zh"), "en": f.text("en")} for f in findings]


def outcome(made: Imported) -> dict[str, Any]:
    """As routes tell what became of a change; with `request` it waits for a second person."""
    effect = made.version.effect if made.new else None
    told = {"version": made.version.number, "new": made.new, "changes": [change_row(c) for c in made.changes], "effect": effect}
    return told if made.waiting is None else {**told, "request": made.waiting}


def change_row(change: Change) -> dict[str, Any]:
    """As routes tell it: as data, and in words of both languages."""
    return {
        "what": change.what,
        "id": change.id,
        "key": change.key,
        "before": change.before,
        "after": change.after,
        "text": {"zh": change.text("zh"), "en": change.text("en")},
    }
