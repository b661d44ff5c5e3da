"""The configuration page's own service: a draft of several edits tried out before anything is changed, put into force together, and versions
brought back.

    draft ──preview──▶ mistakes by field · difference in words · alarms that end or begin · sources read anew · two persons or one
          ──apply────▶ `service.replace`: the next version, or a request that waits for a second person

Nothing here writes by itself: every way into force is `MasterService.replace`, with its checks, its second person and its audit leaf.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy.orm import Session

from anlan.guard.audit import append
from anlan.guard.principal import Principal
from anlan.model.errors import AnlanError, Hidden, InputError
from anlan.monitor.trials import Trials
from anlan.plant.checks import check_draft
from anlan.plant.compile import all_rules
from anlan.plant.concerned import concerned, every, sources_read_anew, wired
from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.draft import PlaceIndex, draft_of
from anlan.plant.editing import WIRING, Edit, Edited, edited
from anlan.plant.effects import MOST_TRIED, SPAN, TRIED, not_replayed
from anlan.plant.findings import Findings, PlantMistakes, Where
from anlan.plant.foreseen import foreseen
from anlan.plant.history_effects import history_effects
from anlan.plant.loosening import loosened
from anlan.plant.service import MasterService, audit_step, change_row, outcome
from anlan.plant.version import Imported
from anlan.plant.versions import made_as, version
from anlan.store.ids import uuid7
from anlan.web.context import Context

CONFIGURE, WIRE, VIEW = "alarm.configure", "source.configure", "alarm.view"
TOLD = 200


class DraftMistakes(InputError):
    """Edits that do not hold together; `mistakes` in the facts name each with its edit and field."""

    code: ClassVar[str] = "draft-mistakes"

    def __init__(self, found: Edited) -> None:
        self.found = found
        fatal = [one.as_json() for one in found.mistakes if one.finding.fatal]
        super().__init__(
            "{count} mistakes in the draft: {what}",
            count=len(fatal),
            what="; ".join(one["text"]["en"] for one in fatal[:10]),
            mistakes=fatal[:TOLD],
        )

    def text(self, language: str = "en") -> str:
        from anlan.model.languages import translate

        what = "; ".join(one["text"]["zh" if language == "zh" else "en"] for one in self.facts["mistakes"][:10])
        return translate(self.message, language).format(count=self.facts["count"], what=what)


class VersionMistakes(PlantMistakes):
    """An earlier version that does not hold by what this release checks."""

    code = "version-mistakes"
    one: ClassVar[str] = "{count} mistake in that version:"
    several: ClassVar[str] = "{count} mistakes in that version:"


class Configuring:
    """One per app process."""

    def __init__(self, context: Context) -> None:
        self._context, self._master = context, MasterService.of(context)

    async def preview(self, by: Principal, edits: Sequence[Edit], *, replay: bool = False) -> dict[str, Any]:
        """Changes nothing. With `replay` also what it would have done to the node's own last day."""
        current, plant, _ = await self._master.current()
        await asyncio.to_thread(_must_see, by, plant, edits)
        found = await asyncio.to_thread(edited, plant, edits)
        told: dict[str, Any] = {"version": current.number, "mistakes": [one.as_json() for one in found.mistakes]}
        if found.plant is None:
            return {**told, "accepted": False}
        return {**told, "accepted": True, **await self._what_comes(by, plant, found.plant, replay=replay)}

    async def apply(
        self, by: Principal, edits: Sequence[Edit], *, base: int, reason: str, command: UUID | None = None
    ) -> dict[str, Any]:
        """Raises Forbidden, BaseMoved, DraftMistakes, Unavailable. What loosens waits for a second person: `request` in the answer."""
        if (done := await self._done(command)) is not None:
            return done
        plant = await self._on(base, by)
        await asyncio.to_thread(_must_see, by, plant, edits)
        found = await asyncio.to_thread(edited, plant, edits)
        if found.plant is None:
            raise DraftMistakes(found)
        return await self._replace(by, plant, found.plant, base=base, reason=reason, command=command, subject="configuration")

    async def difference(self, by: Principal, number: int, against: int | None) -> dict[str, Any]:
        """What must change for version `against` (None: the current one) to become version `number`, and what bringing it back would do."""
        current, plant, _ = await self._master.current()
        _, wanted, _ = await asyncio.to_thread(version, self._context.records, number)
        other = (
            plant
            if against is None or against == current.number
            else (await asyncio.to_thread(version, self._context.records, against))[1]
        )
        told = {"version": number, "against": current.number if against is None else against}
        return {**told, **await self._what_comes(by, other, wanted, now=other is plant)}

    async def bring_back(
        self, by: Principal, number: int, *, base: int, reason: str, command: UUID | None = None
    ) -> dict[str, Any]:
        """An earlier version as the next one, through the same checks. Raises as `apply` does, VersionMistakes, NotFound."""
        if (done := await self._done(command)) is not None:
            return done
        plant = await self._on(base, by)
        _, wanted, _ = await asyncio.to_thread(version, self._context.records, number)
        await asyncio.to_thread(_must_hold, wanted)
        return await self._replace(by, plant, wanted, base=base, reason=reason, command=command, subject=f"version {number}")

    # ---- inside

    async def _done(self, command: UUID | None) -> dict[str, Any] | None:
        """What this command made before, brought into force if it is not yet."""
        before = None if command is None else await asyncio.to_thread(made_as, self._context.records, command)
        if before is None:
            return None
        newest = await asyncio.to_thread(version, self._context.records)
        if newest[0].number == before.version.number:
            await self._master.put_into_force(lambda _: before)
        return outcome(before)

    async def _on(self, base: int, by: Principal) -> Plant:
        current, plant, _ = await self._master.current()
        if base != current.number:
            raise await asyncio.to_thread(self._master.moved, base, current, plant, by)
        return plant

    async def _replace(
        self, by: Principal, before: Plant, after: Plant, *, base: int, reason: str, command: UUID | None, subject: str
    ) -> dict[str, Any]:
        changes = await asyncio.to_thread(lambda: concerned(before, after, differences(before, after)))
        for place in every(places for _, places in changes):
            by.require(CONFIGURE, place)
        for place in every(places for change, places in changes if wired(change)):
            by.require(WIRE, place)

        def also(session: Session, _: Plant | None, made: Imported) -> None:
            append(session, audit_step(by, self._context.clock.now(), made, reason, subject))

        made = await self._master.replace(by, after, base=base, reason=reason, also=also, id=command)
        return outcome(made)

    async def _what_comes(
        self, by: Principal, before: Plant, after: Plant, *, replay: bool = False, now: bool = True
    ) -> dict[str, Any]:
        changes = await asyncio.to_thread(differences, before, after)
        weaker = await asyncio.to_thread(loosened, before, after)
        kept = await asyncio.to_thread(history_effects, before, after)
        with_places = await asyncio.to_thread(concerned, before, after, changes)
        places = every(places for _, places in with_places)
        reads = every(places for change, places in with_places if wired(change))
        return {
            "changes": [change_row(change) for change in changes[:TOLD]],
            "more": max(0, len(changes) - TOLD),
            "loosened": [
                {"alarm": one.alarm, "field": one.field, "text": {"zh": one.text("zh"), "en": one.text("en")}} for one in weaker
            ],
            "two_persons": bool(weaker),
            "history": [{"zh": one.text("zh"), "en": one.text("en")} for one in kept[:TOLD]],
            "sources_read_anew": await asyncio.to_thread(sources_read_anew, before, after),
            "alarms": foreseen(self._context, before, after) if now else None,
            "missing_rights": [place for place in places if not by.allows(CONFIGURE, place)],
            "missing_source_rights": [place for place in reads if not by.allows(WIRE, place)],
            "effect": await self._replayed(by, before, after) if replay else None,
        }

    async def _replayed(self, by: Principal, before: Plant, after: Plant) -> dict[str, Any] | None:
        """Over the node's own last day; None when nothing is changed that a trial can try."""
        changes = await asyncio.to_thread(tried, before, after)
        if not changes:
            return None
        asked, now = {alarm: changes[alarm] for alarm in list(changes)[:MOST_TRIED]}, self._context.clock.now()
        try:
            trial, _ = await Trials.of(self._context).run(uuid7(self._context.clock), by.account, asked, now - SPAN, now)
        except AnlanError as error:
            return not_replayed(changes, error)
        return {**trial.as_json(), "left_out": list(changes)[MOST_TRIED:]}


def tried(before: Plant, after: Plant) -> Mapping[str, dict[str, Any]]:
    """Alarms of both plants with the fields that a trial can change and that do change."""
    old = {rule.id: rule for rule in all_rules(before)}
    found = {}
    for rule in all_rules(after):
        was = old.get(rule.id)
        if was is None or was == rule or was.kind != rule.kind:
            continue
        ours, theirs = rule.model_dump(mode="json"), was.model_dump(mode="json")
        if fields := {name: ours[name] for name in sorted(TRIED) if ours[name] != theirs[name]}:
            found[rule.id] = fields
    return found


def _must_see(by: Principal, plant: Plant, edits: Sequence[Edit]) -> None:
    """Mistakes and what would begin or end tell of limits and present values: of points that this person may see alone. Raises Hidden."""
    points = plant.points_by_id
    rules = {rule.id: rule.point for rule in all_rules(plant)}
    for edit in edits:
        if edit.what in WIRING and not by.allows(VIEW, plant.places[0].path):
            raise Hidden("there is no {id}", id=edit.id)
        named = [edit.id] if edit.what == "point" else [rules.get(edit.id, ""), str((edit.change or {}).get("point", ""))]
        if edit.what != "class" and any(id in points and not by.allows(VIEW, points[id].place) for id in named):
            raise Hidden("there is no {id}", id=edit.id)


def _must_hold(plant: Plant) -> None:
    findings = Findings()
    check_draft(draft_of(plant, Where("plant")), PlaceIndex(list(plant.places)), findings)
    if findings.fatal:
        raise VersionMistakes(findings)
