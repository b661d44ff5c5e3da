"""Pictures in the records, by the digest of their bytes: each once, however many versions show it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.orm import Session

from anlan.model.drawings import Drawing, Media
from anlan.model.errors import InputError, NotFound
from anlan.plant.drawings.picture import Picture, read_picture
from anlan.plant.records import DrawingRow
from anlan.store.records import Records

FOLDER = "drawings"
"""Beside plant.yaml."""


MOST_KEPT = 2**30
"""Bytes of all pictures of all versions."""


def keep(session: Session, picture: Picture) -> None:
    if session.get(DrawingRow, picture.sha256) is None:
        session.add(DrawingRow(sha256=picture.sha256, media=picture.media, content=picture.content))
        session.flush()


def must_have_room(session: Session, picture: Picture) -> None:
    """Of one that a browser brings; a node that starts with its folder takes what is there. Raises InputError."""
    held = session.scalar(sa.select(sa.func.sum(sa.func.length(DrawingRow.content)))) or 0
    if held + len(picture.content) > MOST_KEPT:
        raise InputError("the drawings of all versions hold {megabytes} MB; no more are kept", megabytes=held >> 20)


def settle(session: Session, drawings: Iterable[Drawing], folder: Path | None) -> None:
    """All pictures of a version that is being made are in the records; what is not comes from its folder. Raises InputError."""
    for drawing in drawings:
        if session.get(DrawingRow, drawing.sha256) is not None:
            continue
        if folder is None:
            raise InputError("the picture of the drawing {id} is not kept: bring it first", id=drawing.id)
        picture = read_picture((folder / FOLDER / drawing.file).read_bytes())
        if picture.sha256 != drawing.sha256:
            raise InputError("the file {file} has changed while it was read", file=f"{FOLDER}/{drawing.file}")
        keep(session, picture)


def picture_of(records: Records, digest: str) -> tuple[Media, bytes]:
    """Raises NotFound."""
    with records.reading() as session:
        row = session.get(DrawingRow, digest)
        if row is None:
            raise NotFound("there is no picture {digest}", digest=digest[:16])
        return row.media, row.content  # type: ignore[return-value]  # written by `keep` alone


def pictures_of(records: Records, drawings: Iterable[Drawing]) -> dict[str, bytes]:
    """Name in `drawings/` → bytes: what an export writes."""
    named = {drawing.sha256: drawing.file for drawing in drawings}
    with records.reading() as session:
        rows = session.scalars(sa.select(DrawingRow).where(DrawingRow.sha256.in_(named))).all()
        found = {row.sha256: row.content for row in rows}
    return {drawing.file: found[drawing.sha256] for drawing in drawings if drawing.sha256 in found}
