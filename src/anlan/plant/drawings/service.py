"""Changes of the plant's own drawings: each is the next version with its audit leaf, by the way of every edit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from anlan.guard.audit import Step, append
from anlan.guard.principal import Principal
from anlan.model.drawings import Drawing
from anlan.model.errors import NotFound
from anlan.model.words import Label
from anlan.plant.description import Plant
from anlan.plant.draft import PlaceIndex, draft_of
from anlan.plant.drawings.picture import Picture, read_picture
from anlan.plant.drawings.reading import check_drawings
from anlan.plant.drawings.shelf import keep, must_have_room
from anlan.plant.findings import Findings, PlantMistakes, Where
from anlan.plant.service import MasterService, change_row, guarded
from anlan.plant.version import Imported
from anlan.plant.versions import import_plant, made_as
from anlan.web.context import Context

ENDINGS = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg"}
Edit = Callable[[Plant], tuple[Drawing, ...]]


class DrawingMistakes(PlantMistakes):
    """A drawing that does not fit the plant: what it places is not there, or another shows the same place."""

    code = "drawing-mistakes"
    one = "{count} mistake in the drawing:"
    several = "{count} mistakes in the drawing:"


class DrawingService:
    """One per app process."""

    def __init__(self, context: Context, master: MasterService) -> None:
        self._context, self._master = context, master

    async def bring(
        self,
        who: Principal,
        id: str,
        data: bytes,
        *,
        place: str,
        name: Label,
        base: int,
        reason: str,
        command: UUID | None = None,
    ) -> dict[str, Any]:
        """A new drawing, or another picture for one that is there; what stands on it stays. Raises InputError, DrawingMistakes, StaleBase."""
        picture = await asyncio.to_thread(read_picture, data)

        def edit(plant: Plant) -> tuple[Drawing, ...]:
            old = next((one for one in plant.drawings if one.id == id), None)
            new = _drawing(id, picture, place, name, old)
            return (*(one for one in plant.drawings if one.id != id), new)

        outcome = await self._make(who, id, edit, base, reason, command, picture)
        return outcome | {"removed": picture.removed, "width": picture.width, "height": picture.height, "media": picture.media}

    async def place(
        self,
        who: Principal,
        id: str,
        points: dict[str, tuple[float, float]],
        places: dict[str, tuple[float, float, float, float]],
        *,
        invert: bool,
        base: int,
        reason: str,
        command: UUID | None = None,
    ) -> dict[str, Any]:
        """Where points and places stand, all of them, and how the picture is shown. Raises NotFound, DrawingMistakes, StaleBase."""

        def edit(plant: Plant) -> tuple[Drawing, ...]:
            _must_be_there(plant, id)
            return tuple(
                one.model_copy(update={"points": points, "places": places, "invert": invert}) if one.id == id else one
                for one in plant.drawings
            )

        return await self._make(who, id, edit, base, reason, command)

    async def remove(self, who: Principal, id: str, *, base: int, reason: str, command: UUID | None = None) -> dict[str, Any]:
        """The drawing is shown no more; versions before keep it. Raises NotFound, StaleBase."""

        def edit(plant: Plant) -> tuple[Drawing, ...]:
            _must_be_there(plant, id)
            return tuple(one for one in plant.drawings if one.id != id)

        return await self._make(who, id, edit, base, reason, command)

    async def _make(
        self, who: Principal, id: str, edit: Edit, base: int, reason: str, command: UUID | None, picture: Picture | None = None
    ) -> dict[str, Any]:
        before = None if command is None else await asyncio.to_thread(made_as, self._context.records, command)

        def write(now: Imported) -> Imported:
            return self._write(now, who, id, edit, base, reason, command, picture)

        made = before or await self._master.put_into_force(write)
        return {"version": made.version.number, "new": made.new, "changes": [change_row(c) for c in made.changes]}

    def _write(
        self,
        now: Imported,
        who: Principal,
        id: str,
        edit: Edit,
        base: int,
        reason: str,
        command: UUID | None,
        picture: Picture | None,
    ) -> Imported:
        if base != now.version.number:
            raise self._master.moved(base, now.version, now.plant, who)
        after = _checked(now.plant, edit(now.plant))
        if picture is not None:
            # By its digest, and once nothing speaks against the version that shows it: no way to fill the disk without a trace.
            with self._context.records.session() as session:
                must_have_room(session, picture)
                keep(session, picture)

        def also(session: Session, before: Plant | None, made: Imported) -> None:
            guarded(session, before, made)
            told = {"version": made.version.number, "digest": made.version.digest, "changes": [c.text() for c in made.changes]}
            step = Step.of(
                who, self._context.clock.now(), "plant.draw", id, before={"version": made.version.base}, after=told, reason=reason
            )
            append(session, step)

        return import_plant(
            self._context.records, after, author=who.account, reason=reason, clock=self._context.clock, onto=base, also=also, id=command,
            known=now,
        )  # fmt: skip


def _drawing(id: str, picture: Picture, place: str, name: Label, old: Drawing | None) -> Drawing:
    return Drawing(
        id=id, name=name, place=place, file=f"{id}.{ENDINGS[picture.media]}", sha256=picture.sha256, media=picture.media,
        width=picture.width, height=picture.height, points=old.points if old else {}, places=old.places if old else {},
        invert=old.invert if old else False,
    )  # fmt: skip


def _must_be_there(plant: Plant, id: str) -> None:
    if not any(one.id == id for one in plant.drawings):
        raise NotFound("there is no drawing {drawing}", drawing=id)


def _checked(plant: Plant, drawings: tuple[Drawing, ...]) -> Plant:
    findings, draft = Findings(), draft_of(plant.model_copy(update={"drawings": drawings}), Where("drawing"))
    check_drawings(draft, PlaceIndex(draft.places), findings)
    if findings.fatal:
        raise DrawingMistakes(findings)
    return plant.model_copy(update={"drawings": tuple(draft.drawings)})
