"""The register of major hazards as a person at the console meets it: computed, signed and live side by side, never mixed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from anlan.guard.confirming import Confirming
from anlan.guard.principal import Principal
from anlan.model.clock import to_datetime
from anlan.model.errors import CommandRefused, Hidden, InputError, NotFound
from anlan.model.words import Label
from anlan.risk.hazards.clock import SOON_DAYS, due, filing_papers, legal_clock
from anlan.risk.hazards.config import HazardSettings, HazardUnit
from anlan.risk.hazards.identification import Step, identify, say
from anlan.risk.hazards.inventory import tanks_now
from anlan.risk.hazards.register import as_json, unit_json
from anlan.risk.hazards.store import Decision, Given, Identifications, Signed, content_digest, waiting
from anlan.web.answers import iso
from anlan.web.context import Context
from anlan.web.second_person import second_person

VIEW, SIGN = "risk.view", "risk.identify"
CLOSED = "closed"
COMPARED = {
    "s_text": Label(zh="S", en="S"),
    "r_text": Label(zh="R", en="R"),
    "level": Label(zh="级别", en="level"),
    "people": Label(zh="500 m 内人数", en="people within 500 m"),
    "alpha": Label(zh="α", en="α"),
}


class IdentificationIncomplete(InputError):
    """What can't be signed yet: something is unknown, or 未核对原文."""

    code: ClassVar[str] = "identification-incomplete"


class IdentificationMoved(CommandRefused):
    """The plant has changed since the person looked."""

    code: ClassVar[str] = "identification-moved"


class HazardService:
    """One per app process: `HazardService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = Identifications(context.records, context.clock)
        self._confirming = Confirming(context.guard)

    @classmethod
    def of(cls, context: Context) -> HazardService:
        service = context.extras.setdefault("risk.hazards", None)
        if service is None:
            service = context.extras["risk.hazards"] = cls(context)
        assert isinstance(service, cls)
        return service

    @property
    def hazards(self) -> HazardSettings:
        return self._context.plant.hazards or HazardSettings()

    @property
    def today(self) -> date:
        """In the plant's own zone."""
        return to_datetime(self._context.clock.now()).astimezone(ZoneInfo(self._context.plant.zone)).date()

    # ---- what stands

    async def register(self, by: Principal) -> dict[str, Any]:
        """All units that this person may see; also those that are signed and no longer in the plant folder."""
        signed = await asyncio.to_thread(self._store.all)
        clock, papers = legal_clock(), filing_papers()
        units = [self._unit(by, unit, signed.get(unit.id, [])) for unit in self.hazards.units if self._sees(by, unit.places)]
        gone = [self._gone(by, id, of) for id, of in signed.items() if not any(one.id == id for one in self.hazards.units)]
        return {
            **as_json([], self.hazards.residents),
            "units": [*units, *(one for one in gone if one is not None)],
            "version": self._context.plant.version,
            "today": self.today.isoformat(),
            "clock": {
                "years": clock.years,
                "source": clock.source.model_dump(),
                "verified": clock.verified,
                "occasions": [{"id": id, "name": name.model_dump()} for id, name in clock.occasions.items()],
            },
            "filing_list": {
                "papers": [{"id": id, "name": name.model_dump()} for id, name in papers.papers.items()],
                "source": papers.source.model_dump(),
                "verified": papers.verified,
            },
        }

    async def unit(self, by: Principal, id: str) -> dict[str, Any]:
        """Raises NotFound, also for one that this person may not see."""
        for one in (await self.register(by))["units"]:
            if one["id"] == id:
                found: dict[str, Any] = one
                return found
        known = {one.id for one in self.hazards.units} | (await asyncio.to_thread(self._store.all)).keys()
        if id in known:
            raise Hidden("there is no hazard unit {id}", id=id)
        raise NotFound("there is no hazard unit {id}", id=id)

    def inventory(self, by: Principal) -> list[dict[str, Any]]:
        """Masses now, as a consequence run takes them."""
        return [
            tank.as_json()
            for unit in self.hazards.units
            if self._sees(by, unit.places)
            for tank in tanks_now(self._context, unit)
        ]

    # ---- steps

    async def sign(
        self, by: Principal, id: UUID, unit: str, digest: str, given: Given, password: str, code: str = ""
    ) -> dict[str, Any]:
        """Sign what is computed today. Raises IdentificationMoved, IdentificationIncomplete, InputError, and what `Confirming.confirm` raises."""
        looked = await self.unit(by, unit)
        self._require(by, looked["places"])
        self._must_be_sound(looked, digest, given)
        await self._confirming.confirm(by, password, code)
        await asyncio.to_thread(self._store.sign, by, id, looked["computed"], self._context.plant.version, given)
        return await self.unit(by, unit)

    async def decide(
        self, by: Principal, unit: str, number: int, decision: Decision, comment: str, password: str, code: str = ""
    ) -> dict[str, Any]:
        """The second person's word. Who signed may only withdraw (reject). Raises NotSecond, CommandRefused, NotFound."""
        looked = await self.unit(by, unit)
        self._require(by, looked["places"])
        found = waiting(await asyncio.to_thread(self._store.of, unit), unit, number)
        if decision == "approve":
            await second_person(self._context, by, found.row.person)
        await self._confirming.confirm(by, password, code)
        await asyncio.to_thread(self._store.decide, by, unit, number, decision, comment)
        return await self.unit(by, unit)

    def _must_be_sound(self, looked: Mapping[str, Any], digest: str, given: Given) -> None:
        if digest != looked["digest"]:
            raise IdentificationMoved(
                "{unit} is computed otherwise since you looked at it: look again before signing",
                unit=looked["id"],
                current=looked["digest"],
            )
        if not looked["computed"]["complete"]:
            raise IdentificationIncomplete(
                "{unit} can't be signed: something is unknown or not checked against the original",
                unit=looked["id"],
                missing=[one["en"] for one in looked["computed"]["missing"]],
            )
        if given.occasion not in legal_clock().occasions:
            known = ", ".join(legal_clock().occasions)
            raise InputError("occasion was {found}; one of {expected} was expected", found=given.occasion, expected=known)
        if looked["gone"] != (given.occasion == CLOSED):
            raise InputError(
                "{unit}: `closed` is for a unit that is no longer in the plant folder, and only that", unit=looked["id"]
            )
        if given.assessed_on > self.today:
            raise InputError("the day of the assessment, {found}, lies in the future", found=given.assessed_on.isoformat())
        legal = looked["legal"]
        if legal is not None and given.assessed_on.isoformat() < legal["assessed_on"]:
            raise InputError(
                "the day of the assessment, {found}, lies before the one in force, {before}",
                found=given.assessed_on.isoformat(),
                before=legal["assessed_on"],
            )

    # ---- as data

    def _unit(self, by: Principal, unit: HazardUnit, signed: list[Signed]) -> dict[str, Any]:
        computed = unit_json(identify(unit, self.hazards.residents))
        tanks = [tank.as_json() for tank in tanks_now(self._context, unit)]
        return self._told(by, computed, signed, tanks, gone=False)

    def _gone(self, by: Principal, id: str, signed: list[Signed]) -> dict[str, Any] | None:
        """One that was signed and is in the plant folder no more: it goes on until `closed` is signed."""
        last = signed[0].row.content
        places = tuple(last["places"])
        if not self._sees(by, places):
            return None
        unit = HazardUnit(id=id, name=Label(**last["name"]), kind=last["kind"], places=places)
        empty = unit_json(identify(unit, None)) | {
            "major": False,
            "level": 0,
            "complete": True,
            "missing": [],
            "s_complete": True,
            "r": 0.0,
            "r_high": 0.0,
            "r_text": "0",
            "steps": [],
        }
        return self._told(by, empty, signed, [], gone=True)

    def _told(
        self, by: Principal, computed: dict[str, Any], signed: list[Signed], tanks: list[dict[str, Any]], *, gone: bool
    ) -> dict[str, Any]:
        legal = next((one for one in signed if one.state == "in_force"), None)
        pending = next((one for one in signed if one.state == "waiting"), None)
        differences = [] if legal is None else [_both(step) for step in _differences(legal.row.content, computed)]
        return {
            "id": computed["id"],
            "name": computed["name"],
            "kind": computed["kind"],
            "places": computed["places"],
            "computed": computed,
            "digest": content_digest(computed),
            "gone": gone,
            "legal": None if legal is None else self._signed(legal),
            "waiting": None if pending is None else self._signed(pending),
            "history": [self._signed(one) for one in signed],
            "differences": differences,
            "faults": [_both(step) for step in self._faults(computed, legal, pending, differences, gone=gone)],
            "tanks": tanks,
            "may": {"sign": all(by.allows(SIGN, place) for place in self._known(computed["places"]))},
        }

    def _signed(self, one: Signed) -> dict[str, Any]:
        row, decision = one.row, one.decision
        left = (one.due - self.today).days
        return {
            "number": row.number,
            "state": one.state,
            "content": row.content,
            "digest": row.digest,
            "plant_version": row.plant_version,
            "occasion": row.occasion,
            "occasion_name": legal_clock().occasions[row.occasion].model_dump(),
            "basis": row.basis,
            "assessed_on": row.assessed_on,
            "due": one.due.isoformat(),
            "days_left": left,
            "overdue": left < 0,
            "lowers": bool(row.lowers),
            "by": {"zh": row.name_zh, "en": row.name_en},
            "post": row.post,
            "at": row.at,
            "at_iso": iso(row.at),
            "sha256": row.sha256,
            "unchanged": one.unchanged,
            "decision": None
            if decision is None
            else {
                "decision": decision.decision,
                "comment": decision.comment,
                "by": {"zh": decision.name_zh, "en": decision.name_en},
                "post": decision.post,
                "at": decision.at,
                "at_iso": iso(decision.at),
            },
        }

    def _faults(
        self, computed: Mapping[str, Any], legal: Signed | None, pending: Signed | None, differences: list[Any], *, gone: bool
    ) -> Iterator[Step]:
        """What somebody has to do about this unit."""
        if pending is not None:
            yield say("an identification waits for its second person")
        residents = self.hazards.residents
        if computed["major"] is not False and residents is not None and due(residents.counted_on) < self.today:
            yield say("the people around were counted on {day}, more than three years ago", day=residents.counted_on.isoformat())
        if legal is None:
            if computed["major"] is not False:
                yield say("no identification has been signed")
            return
        left = (legal.due - self.today).days
        if left < 0:
            yield say("re-assessment is overdue since {day}", day=legal.due.isoformat())
        elif left <= SOON_DAYS:
            yield say("re-assessment is due on {day}, in {days} days", day=legal.due.isoformat(), days=left)
        if gone and legal.row.content["level"]:
            yield say("it is no longer in the plant folder, and its end has not been signed")
        elif differences:
            yield say("the design quantities have changed and it has not been identified anew")
        filing = computed["filing"]
        if computed["major"] and filing is None:
            yield say("no filing is written in the plant folder")
        elif computed["major"] and filing["on"] and filing["on"] < legal.row.assessed_on:
            yield say(
                "the filing of {day} is older than the identification of {assessed}",
                day=filing["on"],
                assessed=legal.row.assessed_on,
            )
        if not legal.unchanged:
            yield say("the signed record is not what was signed: its hash differs")

    # ---- rights

    def _known(self, places: Any) -> list[str]:
        """A place that the plant no longer has is the whole plant's."""
        plant = self._context.plant
        return [place if place in plant.places else plant.top for place in places]

    def _sees(self, by: Principal, places: Any) -> bool:
        return all(by.allows(VIEW, place) for place in self._known(places))

    def _require(self, by: Principal, places: Any) -> None:
        for place in self._known(places):
            by.require(SIGN, place)


def _both(step: Step) -> dict[str, str]:
    return {"zh": step.text("zh"), "en": step.text("en")}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Step]:
    """What is computed today otherwise than it was signed."""
    for key, name in COMPARED.items():
        if before.get(key) != after.get(key):
            yield say(
                "{what}: signed {before}, computed {after}",
                what=name,
                before=_shown(before.get(key)),
                after=_shown(after.get(key)),
            )
    was, now = ({one["id"]: one for one in content["contents"]} for content in (before, after))
    for id in [*was, *(id for id in now if id not in was)]:
        old, new = (side.get(id, {}).get("q_text") for side in (was, now))
        if old != new:
            yield say("{what}: signed {before}, computed {after}", what=f"q {id}", before=_shown(old), after=_shown(new))


def _shown(value: Any) -> str:
    return "–" if value is None else str(value)
