"""A person's query answered: what it finds of the plant, the console's pages and the people, as far as they may see it, best first.

The index of the plant is made in a thread when the plant's version is another; until it is there the old one answers, so that an edit
stops nobody's search.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt

from anlan.guard.principal import Principal
from anlan.guard.records import Person
from anlan.model.languages import LANGUAGES, translate
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.config import SUFFIX
from anlan.monitor.search.texts import NAME, TAG, Text, Texts, terms
from anlan.monitor.search.things import ALARM_WORDS, Things, What
from anlan.monitor.service import AlarmService
from anlan.web.context import Context
from anlan.web.shell import Way
from anlan.web.widgets import meta

RIGHT: dict[What, str] = {
    What.PLACE: "plant.view",
    What.SOURCE: "source.view",
    What.POINT: "plant.view",
    What.ALARM: "alarm.view",
    What.PERSON: "people.view",
}
MOST_OF_A_KIND: dict[What, int] = {What.PAGE: 5, What.PLACE: 8, What.SOURCE: 5, What.PERSON: 5, What.POINT: 20, What.ALARM: 12}
"""Shown at most, so that four alarms a point hide no place."""
MASTER = "/alarms/master"
BEYOND_THE_WAYS = (
    ("/alarms/journal", "Alarm journal", "alarm.view"),
    (MASTER, "Master alarm database", "alarm.view"),
    ("/alarms/performance", "Alarm performance", "alarm.view"),
    ("/wall/choose", "A wall view", "live.view"),
)
"""Pages that stand in no navigation: (path, words, action)."""
PEOPLE_KEPT = 5.0
"""How long the list of people is used again. [s]"""


@dataclass(frozen=True, slots=True)
class Row:
    """`href` is None where the person may see that it exists but no page of it. `more`: facts for the console's row."""

    what: What
    id: str
    name: Label
    where: Label
    href: str | None
    score: int
    more: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        told = {"what": self.what.value, "id": self.id, "name": self.name.model_dump(), "where": self.where.model_dump()}
        return {**told, "href": self.href, **self.more}


class Search:
    """One per app process: `Search.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._things: Things | None = None
        self._making = asyncio.Lock()
        self._people: tuple[float, list[Person], Texts] | None = None

    @classmethod
    def of(cls, context: Context) -> Search:
        search = context.extras.get("monitor.search")
        if search is None:
            search = context.extras["monitor.search"] = cls(context)
            context.background.append(search.run)
        assert isinstance(search, cls)
        return search

    async def run(self) -> None:
        """Keep the index up with the plant, so that no query waits for it."""
        while True:
            await self.things()
            await asyncio.sleep(1.0)

    async def things(self) -> Things:
        """Of the plant in force; made anew where it is another. Only the very first query waits."""
        async with self._making:
            if self._things is None or self._things.plant is not self._context.plant:
                self._things = await asyncio.to_thread(Things, self._context.plant)
        return self._things

    async def find(self, principal: Principal, query: str, limit: int) -> dict[str, Any]:
        """{"version", "items": rows best first, "counts": how many of each kind were found}."""
        things = self._things or await self.things()
        return await asyncio.to_thread(self._find, things, principal, query, limit)

    def _find(self, things: Things, principal: Principal, query: str, limit: int) -> dict[str, Any]:
        wanted = terms(query)
        rows: list[Row] = []
        counts: Counter[str] = Counter()
        if wanted:
            for some in (
                self._pages(principal, wanted),
                self._persons(principal, wanted),
                self._of_plant(things, principal, wanted, counts),
            ):
                rows.extend(some)
        counts.update(row.what.value for row in rows if row.what in {What.PAGE, What.PERSON})
        counts = +counts  # without the zeros
        order = list(What)
        rows.sort(key=lambda row: (-row.score, order.index(row.what), row.id))
        return {"version": things.plant.version, "items": [row.as_json() for row in rows[:limit]], "counts": dict(counts)}

    # --- of the plant

    def _of_plant(self, things: Things, principal: Principal, wanted: list[str], counts: Counter[str]) -> Iterator[Row]:
        scores = things.found(wanted)
        make: dict[What, Callable[[Things, Principal, Any, int], Row]]
        make = {What.PLACE: self._place, What.SOURCE: self._source, What.POINT: self._point, What.ALARM: self._alarm}
        for what, row in make.items():
            rows = slice(things.first[what], things.first[what] + len(things.keys(what)))
            seen = np.where(self._may(things, principal, RIGHT[what])[things.branch[rows]], scores[rows], 0)
            counts[what.value] = int(np.count_nonzero(seen))
            for offset in _best(seen, MOST_OF_A_KIND[what]):
                yield row(things, principal, things.keys(what)[offset], int(seen[offset]))

    def _may(self, things: Things, principal: Principal, action: str) -> npt.NDArray[np.bool_]:
        """By row of a place: whether the action is allowed there. A source belongs to no branch: the right holds as on its page."""
        if action == RIGHT[What.SOURCE]:
            return np.full(max(1, len(things.places)), principal.allows(action), bool)
        return np.array([principal.allows(action, path) for path in things.places] or [principal.allows(action, "")], bool)

    def _place(self, things: Things, principal: Principal, path: str, score: int) -> Row:
        place = things.plant.places[path]
        href = f"/places/{quote(path)}" if principal.allows("live.view", path) else None
        return Row(What.PLACE, path, place.name, self._where(things, place.parent), href, score, {"tag": place.id})

    def _source(self, things: Things, principal: Principal, number: int, score: int) -> Row:
        source = things.plant.sources[number]
        driver = Label(zh=source.driver, en=source.driver)
        return Row(What.SOURCE, source.id, source.name, driver, f"/sources#{quote(source.id)}", score, {"tag": source.id})

    def _point(self, things: Things, principal: Principal, number: int, score: int) -> Row:
        point = things.plant.point_ever(number)
        if number in things.plant.retired:
            return self._retired(things, principal, point, score)
        href = None
        if principal.allows("live.view", point.place):
            href = f"/points/{quote(point.id)}"
        elif principal.allows("history.view", point.place):
            href = f"/trends?points={quote(point.id)}"
        shown = meta(point, principal.language) if principal.allows("live.view", point.place) else {}
        more = {"tag": point.id, "safety": point.safety, **shown}
        return Row(What.POINT, point.id, point.name, self._where(things, point.place), href, score, more)

    def _retired(self, things: Things, principal: Principal, point: Point, score: int) -> Row:
        """What it was can still be looked at."""
        href = f"/trends?points={quote(point.id)}" if principal.allows("history.view", point.place) else None
        gone = {language: translate("no longer in the plant", language) for language in LANGUAGES}
        name = Label(**{language: f"{point.name.text(language)} · {gone[language]}" for language in LANGUAGES})
        return Row(What.POINT, point.id, name, self._where(things, point.place), href, score, {"tag": point.id})

    def _alarm(self, things: Things, principal: Principal, number: int, score: int) -> Row:
        """To its story while it stands, otherwise to its line in the master list."""
        plant = things.plant
        rule = plant.rules[number]
        stands = number in AlarmService.of(self._context).board.standing
        page = "/alarms" if stands or MASTER not in self._context.page_actions else MASTER
        href = f"{page}?alarm={quote(rule.id)}"
        point, source = plant.point_of_rule(rule), plant.source_numbers.get(rule.point)
        of = point.name if point is not None else plant.sources[source].name if source is not None else Label()
        words = {language: translate(ALARM_WORDS[rule.kind], language) for language in LANGUAGES}
        name = Label(**{language: f"{of.text(language)} · {words[language]}" for language in LANGUAGES})
        more = {"tag": rule.id, "priority": rule.priority, "suffix": SUFFIX[rule.kind], "stands": stands}
        return Row(What.ALARM, rule.id, name, self._where(things, plant.place_of_rule(rule)), href, score, more)

    def _where(self, things: Things, path: str) -> Label:
        """Names from the unit down; "" for the enterprise itself."""
        plant = things.plant
        steps = path.split("/")
        places = [plant.places.get("/".join(steps[:n])) for n in range(plant.top.count("/") + 2, len(steps) + 1)]
        shown = [place for place in places if place is not None]
        return Label(**{language: " › ".join(place.name.text(language) for place in shown) for language in LANGUAGES})

    # --- of the console

    def _pages(self, principal: Principal, wanted: list[str]) -> Iterator[Row]:
        ways = [*self._context.extras.get("ways", []), *(Way(path, "", words, action) for path, words, action in BEYOND_THE_WAYS)]
        known = [way for way in ways if way.path in self._context.page_actions and principal.allows(way.action)]
        texts = Texts((Text(n, translate(way.words, lang)) for n, way in enumerate(known) for lang in LANGUAGES), len(known))
        for n, score in _scored(texts, wanted):
            name = Label(**{language: translate(known[n].words, language) for language in LANGUAGES})
            yield Row(What.PAGE, known[n].path, name, Label(), known[n].path, score + 5, {})

    def _persons(self, principal: Principal, wanted: list[str]) -> Iterator[Row]:
        if not principal.allows(RIGHT[What.PERSON]):
            return
        people, texts = self._known_people()
        href = "/people" if "/people" in self._context.page_actions else None
        for n, score in _scored(texts, wanted):
            one = people[n]
            yield Row(
                What.PERSON, one.account, Label(zh=one.name_zh, en=one.name_en), Label(), href, score + 3, {"tag": one.account}
            )

    def _known_people(self) -> tuple[list[Person], Texts]:
        now = self._context.clock.monotonic()
        if self._people is None or now >= self._people[0] + PEOPLE_KEPT:
            people = [one for one in self._context.guard.people.all() if not one.disabled]
            named = ((n, (one.account, one.name_zh, one.name_en)) for n, one in enumerate(people))
            texts = Texts((Text(n, text, NAME if at else TAG) for n, some in named for at, text in enumerate(some)), len(people))
            self._people = now, people, texts
        return self._people[1:]


def _scored(texts: Texts, wanted: list[str]) -> Iterator[tuple[int, int]]:
    """Owners in whom every term is found, with their worth."""
    each = np.stack([texts.scores(term) for term in wanted]) if texts.owners else np.zeros((1, 0), np.int32)
    for n in np.flatnonzero(each.min(axis=0) > 0).tolist():
        yield n, int(each[:, n].sum())


def _best(scores: npt.NDArray[np.int32], most: int) -> list[int]:
    """Places of the highest scores above 0, highest first, the earlier first among equals."""
    found = np.flatnonzero(scores)
    order = np.argsort(-scores[found], kind="stable")[:most]
    return [int(one) for one in found[order]]
