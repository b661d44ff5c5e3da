"""Worksheets as a person at the console meets them: what they may see, what is linked, each step with its right and its audit leaf."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

from anlan.guard.confirming import Confirming
from anlan.guard.principal import Principal
from anlan.model.errors import AnlanError, Hidden, InputError, NotFound
from anlan.model.languages import Language
from anlan.model.words import Label
from anlan.monitor.paper.service import Papers
from anlan.risk.studies.live import LiveStudies
from anlan.risk.studies.store import Studies
from anlan.risk.worksheets.book import ReadBook, Which, read_book, write_book
from anlan.risk.worksheets.difference import changes
from anlan.risk.worksheets.documents import document
from anlan.risk.worksheets.forms import Choice, Column, deviations, forms
from anlan.risk.worksheets.links import Elements, linked
from anlan.risk.worksheets.methods import COLOURS, Method, method, methods
from anlan.risk.worksheets.records import SheetVersion
from anlan.risk.worksheets.sheet import CellMistake, Sheet, SheetMistakes, assessed, counted, links_of, read_sheet
from anlan.risk.worksheets.store import Kept, SignStep, Worksheets
from anlan.web.answers import iso
from anlan.web.context import Context
from anlan.web.paper.document import Document

VIEW, EDIT, SIGN = "risk.view", "risk.edit", "risk.sign"
NODE_LABEL = Label(zh="装置文件夹", en="plant folder")


class WorksheetService:
    """One per app process: `WorksheetService.of(context)`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = Worksheets(context.records, context.clock)
        self._confirming = Confirming(context.guard)

    @classmethod
    def of(cls, context: Context) -> WorksheetService:
        service = context.extras.setdefault("risk.worksheets", None)
        if service is None:
            service = context.extras["risk.worksheets"] = cls(context)
        assert isinstance(service, cls)
        return service

    # ---- what stands

    async def all(self, principal: Principal, place: str = "", colour: str = "") -> list[dict[str, Any]]:
        """Newest versions that this person may see, the latest change first. `place`: at or below it; `colour`: with such a line."""

        def read() -> list[dict[str, Any]]:
            seen = [one for one in self._store.current() if self._may(principal, VIEW, one.sheet)]
            rows = [self._headline(one) for one in seen if not place or f"{one.sheet.place}/".startswith(f"{place}/")]
            return [row for row in rows if not colour or row["counts"].get(colour)]

        return await asyncio.to_thread(read)

    async def kept(self, principal: Principal, id: UUID, number: int | None = None) -> Kept:
        """Raises NotFound, also for one that this person may not see."""
        found = await asyncio.to_thread(self._store.get, id, number)
        if not self._may(principal, VIEW, found.sheet):
            raise Hidden("there is no worksheet {id}", id=str(id))
        return found

    async def one(self, principal: Principal, id: UUID, number: int | None = None) -> dict[str, Any]:
        kept = await self.kept(principal, id, number)
        versions = await asyncio.to_thread(self._store.versions, id)
        elements = await self.elements()
        return {
            **self._headline(kept),
            "current": versions[0].row.number,
            **columns_told(kept.sheet),
            "lines": lines_told(kept.sheet),
            "links": [one.as_json() for one in elements.all(kept.sheet)],
            "unchanged": kept.unchanged,
            "versions": [self._version(one) for one in versions],
            "may": {"edit": self._may(principal, EDIT, kept.sheet), "sign": self._may(principal, SIGN, kept.sheet)},
        }

    async def difference(self, principal: Principal, id: UUID, number: int) -> list[dict[str, Any]]:
        """What this version changed of the one it was made from."""
        kept = await self.kept(principal, id, number)
        if kept.row.base is None:
            return []
        before = await self.kept(principal, id, kept.row.base)
        return [one.as_json() for one in changes(before.sheet, kept.sheet)]

    async def elements(self) -> Elements:
        try:
            current = await asyncio.to_thread(Studies(self._context.records, self._context.clock).current)
        except AnlanError:
            return Elements(self._context.plant, None)
        running = LiveStudies.of(self._context).running
        ties = {id: one.model.bow_tie for id, one in running.items() if one.study.kind == "bow-tie" and one.model is not None}
        barriers = {id: {name: one.label for name, one in tie.barriers.items()} for id, tie in ties.items()}
        return Elements(self._context.plant, {id: (one.kind, one.name) for id, one in current.items()}, barriers)

    def scored(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Lines scored, nothing kept; mistakes beside, cell by cell. Raises InputError (form or method not known)."""
        try:
            sheet = read_sheet({"title": "-", **told})
        except SheetMistakes as error:
            return {"lines": [], "counts": {}, "mistakes": error.facts["mistakes"]}
        return {"lines": lines_told(sheet), "counts": counted(sheet), "mistakes": []}

    # ---- steps

    async def create(
        self, principal: Principal, id: UUID, told: Mapping[str, Any], reason: str, origin: str = ""
    ) -> dict[str, Any]:
        """Raises SheetMistakes, Forbidden."""
        sheet = await asyncio.to_thread(read_sheet, told)
        await self._must_be_sound(principal, sheet, None)
        await asyncio.to_thread(self._store.create, principal, id, sheet, reason, origin)
        return await self.one(principal, id)

    async def change(
        self, principal: Principal, id: UUID, base: int, told: Mapping[str, Any], reason: str, origin: str = ""
    ) -> dict[str, Any]:
        """Make the next version of a sheet from its whole content. Raises SheetMistakes, SheetMoved, CommandRefused, NotFound, Forbidden."""
        before = await self.kept(principal, id, base)
        sheet = await asyncio.to_thread(read_sheet, {"form": before.sheet.form, "method": before.sheet.method, **told})
        await self._must_be_sound(principal, sheet, before.sheet)
        await asyncio.to_thread(self._store.change, principal, id, base, sheet, reason, origin)
        return await self.one(principal, id)

    async def sign(
        self, principal: Principal, id: UUID, number: int, step: SignStep, password: str, code: str = ""
    ) -> dict[str, Any]:
        """Raises what `Confirming.confirm` and `Worksheets.sign` raise."""
        kept = await self.kept(principal, id)
        plant = self._context.plant
        principal.require(SIGN, kept.sheet.place if kept.sheet.place in plant.places else plant.top)
        await self._confirming.confirm(principal, password, code)
        await asyncio.to_thread(self._store.sign, principal, id, number, step)
        return await self.one(principal, id)

    # ---- on paper

    async def document(self, principal: Principal, id: UUID, number: int | None, language: Language) -> Document:
        """Raises NotFound."""
        kept = await self.kept(principal, id, number)
        place = self._context.plant.places.get(kept.sheet.place)
        links = (await self.elements()).all(kept.sheet)
        head = Papers.of(self._context).head(language)
        return document(head, kept, _author(kept.row), place.name if place is not None else None, links)

    # ---- workbooks

    async def book(self, principal: Principal, id: UUID, number: int | None = None) -> tuple[Kept, bytes]:
        kept = await self.kept(principal, id, number)
        which = Which(id, kept.row.number, _author(kept.row).text(principal.language), kept.row.at)
        return kept, await asyncio.to_thread(write_book, kept.sheet, which)

    async def looked_at(self, principal: Principal, data: bytes) -> dict[str, Any]:
        """What a workbook would make: a new sheet, or the next version of the one it was exported from; its difference, every mistake with its
        cell. Changes nothing. Raises ConfigError when it is no workbook of ours."""
        read = await asyncio.to_thread(read_book, data)
        before = await self._of(principal, read)
        told: dict[str, Any] = {
            "of": self._headline(before) if before is not None else None,
            "number": read.number,
            "accepted": read.sheet is not None,
            "mistakes": [one.as_json() for one in read.mistakes],
            "notes": [one.as_json() for one in read.notes],
            "changes": [],
            "lines": [],
        }
        if read.sheet is not None:
            compared = before.sheet if before is not None else replace(read.sheet, lines=(), title="", place="", team="", day="")
            told["changes"] = [one.as_json() for one in changes(compared, read.sheet)]
            told |= {"lines": lines_told(read.sheet), "counts": counted(read.sheet), **columns_told(read.sheet)}
        return told

    async def bring_in(
        self, principal: Principal, id: UUID, data: bytes, base: int | None, reason: str, name: str
    ) -> dict[str, Any]:
        """Take a workbook over as the next version of the sheet it was exported from; `base`: the version whose difference the person saw, None
        where it becomes a new sheet. Raises BookOfMistakes, ConfigError, SheetMoved."""
        read = await asyncio.to_thread(read_book, data)
        sheet = read.must_be_sound()
        before = await self._of(principal, read)
        if before is None or base is None:
            return await self.create(principal, id, sheet.as_json(), reason, name)
        return await self.change(principal, before.row.sheet, base, sheet.as_json(), reason, name)

    async def _of(self, principal: Principal, read: ReadBook) -> Kept | None:
        """The sheet that the workbook names, if this node has it and the person may see it."""
        try:
            return await self.kept(principal, read.of) if read.of is not None else None
        except NotFound:
            return None

    async def _must_be_sound(self, principal: Principal, sheet: Sheet, before: Sheet | None) -> None:
        """The right at its place, old and new; what it names exists. A link that stood before may have gone since: that is shown, not refused."""
        plant = self._context.plant
        if sheet.place and sheet.place not in plant.places and (before is None or before.place != sheet.place):
            raise SheetMistakes(
                [CellMistake(0, "place", InputError("there is no place {found} in this plant", found=sheet.place))]
            )
        for one in filter(None, (before, sheet)):
            principal.require(EDIT, one.place if one.place in plant.places else plant.top)
        mistakes: list[CellMistake] = []
        stood = set(linked(before)) if before is not None else set()
        elements = await self.elements()
        names = [one.name for one in sheet.columns if one.type == "links"]
        for number, line in enumerate(sheet.lines, 1):
            for name in names:
                for kind, id in links_of(line.cells.get(name, "")):
                    if (kind, id) not in stood and elements.look(kind, id).found is False:
                        error = InputError("there is no {kind} {found} in the plant in force", kind=kind, found=id)
                        mistakes.append(CellMistake(number, name, error))
        if mistakes:
            raise SheetMistakes(mistakes)

    def _may(self, principal: Principal, action: str, sheet: Sheet) -> bool:
        """At its place; a place that the plant no longer has is the whole plant's."""
        plant = self._context.plant
        return principal.allows(action, sheet.place if sheet.place in plant.places else plant.top)

    # ---- as data

    def _headline(self, kept: Kept) -> dict[str, Any]:
        sheet, plant = kept.sheet, self._context.plant
        place = plant.places.get(sheet.place)
        return {
            "id": str(kept.row.sheet),
            "form": sheet.form,
            "form_name": forms()[sheet.form].name.model_dump(),
            "method": sheet.method,
            "method_name": methods()[sheet.method].name.model_dump(),
            "unverified": methods()[sheet.method].unverified,
            "title": sheet.title,
            "place": sheet.place,
            "place_name": place.name.model_dump() if place is not None else None,
            "place_gone": bool(sheet.place) and place is None,
            "team": sheet.team,
            "day": sheet.day,
            "counts": counted(sheet),
            "unfinished": sum(bool(one.missing) for one in assessed(sheet)),
            **self._version(kept),
        }

    @staticmethod
    def _version(kept: Kept) -> dict[str, Any]:
        row = kept.row
        return {
            "number": row.number,
            "state": kept.state,
            "author": _author(row).model_dump(),
            "reason": row.reason,
            "origin": row.origin,
            "base": row.base,
            "at": row.at,
            "at_iso": iso(row.at),
            "sha256": row.digest,
            "signatures": [
                {"step": one.step, "name": {"zh": one.name_zh, "en": one.name_en}, "post": one.post, "at": one.at, "at_iso": iso(one.at)}
                for one in kept.signatures
            ],
        }  # fmt: skip


def _author(row: SheetVersion) -> Label:
    return NODE_LABEL if row.person is None else Label(zh=row.name_zh, en=row.name_en)


def columns_told(sheet: Sheet) -> dict[str, Any]:
    return {"columns": [column_told(one) for one in sheet.columns], "scale": method_told(method(sheet.method))}


def column_told(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "words": column.words.model_dump(),
        "help": column.help.model_dump(),
        "required": column.required,
        "choices": [_choice_told(one) for one in column.choices],
    }


def _choice_told(choice: Choice) -> dict[str, Any]:
    return {"id": choice.id, "words": choice.words.model_dump()}


def method_told(one: Method) -> dict[str, Any]:
    """With source, clause and confidence: no figure of it stands alone."""
    return {
        "id": one.id,
        "family": one.family,
        "name": one.name.model_dump(),
        "source": one.source.model_dump(),
        "clause": one.clause.model_dump(),
        "confidence": one.confidence,
        "unverified": one.unverified,
        "formula": one.formula,
        "factors": [
            {"name": f.name, "words": f.words.model_dump(), "values": [{"value": v.value, "words": v.words.model_dump()} for v in f.values]}
            for f in one.factors
        ],
        "bands": [
            {"level": band.level, "colour": band.colour, "rule": one.rule(at), "words": band.words.model_dump()}
            for at, band in enumerate(one.bands)
        ],
        "matrix": _matrix(one),
    }  # fmt: skip


def _matrix(one: Method) -> dict[str, dict[str, str]]:
    """ "L/S" → product and colour, of a method with two factors; others have no picture."""
    if len(one.factors) != 2:
        return {}
    first, second = one.factors
    told = {}
    for a, b in itertools.product(first.values, second.values):
        score = one.score({first.name: a.value, second.name: b.value})
        assert score is not None, "both factors are given"
        told[f"{a.value}/{b.value}"] = {"product": score.product, "colour": score.colour}
    return told


def lines_told(sheet: Sheet) -> list[dict[str, Any]]:
    return [
        {
            "id": one.line.id,
            "cells": dict(one.line.cells),
            "missing": list(one.missing),
            "score": None
            if one.score is None
            else {
                "product": one.score.product,
                "level": one.score.level,
                "colour": one.score.colour,
                "words": COLOURS[one.score.colour].model_dump(),
                "rule": one.score.rule,
            },
        }
        for one in assessed(sheet)
    ]


def known_forms() -> dict[str, Any]:
    """Forms and methods as data."""
    return {
        "forms": [
            {
                "id": one.id,
                "name": one.name.model_dump(),
                "standard": one.standard.model_dump(),
                "confidence": one.confidence,
                "columns": [column_told(c) for c in (*one.before, *one.after)],
            }
            for one in forms().values()
        ],
        "methods": [method_told(one) for one in methods().values()],
        "colours": {name: words.model_dump() for name, words in COLOURS.items()},
    }


def deviations_told(parameters: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {"parameter": one.parameter, "guide_word": one.guide_word, "words": one.words.model_dump()}
        for one in deviations(parameters)
    ]
