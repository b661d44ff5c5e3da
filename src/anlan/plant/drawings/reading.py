"""The section `drawings` of a plant folder: each entry with its picture's digest and size, and what it places checked against the plant."""

from __future__ import annotations

from pathlib import Path

from anlan.model.drawings import Drawing, DrawingEntry
from anlan.model.errors import InputError
from anlan.model.tables import nearest
from anlan.plant.draft import Draft, PlaceIndex
from anlan.plant.drawings.picture import MOST_BYTES, read_picture
from anlan.plant.drawings.shelf import FOLDER
from anlan.plant.findings import Findings


def read_drawings(entries: list[DrawingEntry], folder: Path, draft: Draft, findings: Findings) -> None:
    """Fills `draft.drawings` with those whose picture can be read."""
    for entry in entries:
        where, path = draft.where["drawing", entry.id], folder / FOLDER / entry.file
        try:
            if path.stat().st_size > MOST_BYTES:
                raise InputError(
                    "the drawing has {found} bytes; at most {most} are taken", found=path.stat().st_size, most=MOST_BYTES
                )
            picture = read_picture(path.read_bytes())
        except OSError:
            findings.mistake("missing-drawing", "there is no file {path}", where, path=f"{FOLDER}/{entry.file}")
            continue
        except InputError as wrong:
            findings.wrong("drawing", wrong, where)
            continue
        facts = {"sha256": picture.sha256, "media": picture.media, "width": picture.width, "height": picture.height}
        draft.drawings.append(Drawing.model_validate({**entry.model_dump(), **facts}))


def check_drawings(draft: Draft, places: PlaceIndex, findings: Findings) -> None:
    """What a drawing names is there; full paths from here on; one drawing for a place."""
    points = {p.id for p in draft.points} | {c.id for c in draft.calculated} | {v.id for v in draft.votes}
    shown: dict[str, str] = {}
    for n, drawing in enumerate(draft.drawings):
        where = draft.where["drawing", drawing.id]
        for point in drawing.points:
            if point not in points:
                message, mend = "the drawing {drawing} places {point}, which is no point of this plant", "did you mean {hint}?"
                hint = nearest(point, points) or "—"
                findings.mistake("unknown-point", message, where, mend=mend, drawing=drawing.id, point=point, hint=hint)
        try:
            own = places.resolve(drawing.place) if drawing.place and drawing.place != places.root else ""
            boxes = {places.resolve(path): box for path, box in drawing.places.items()}
        except InputError as wrong:
            findings.wrong("unknown-place", wrong, where)
            continue
        draft.drawings[n] = drawing.model_copy(update={"place": own, "places": boxes})
        if own in shown:
            message = "the drawings {first} and {second} show the same place"
            findings.mistake("same-place", message, where, first=shown[own], second=drawing.id)
        shown[own] = drawing.id
