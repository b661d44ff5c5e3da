"""A drawing of the plant's own, laid under its live state: which file, of which place, and where on it points and places stand."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from anlan.model.places import Id
from anlan.model.words import Label

Part = Annotated[float, Field(ge=0, le=1)]
"""A share of the drawing's width or height, from its left or top edge."""
File = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,80}\.(svg|png|jpg|jpeg)$")]
Media = Literal["image/svg+xml", "image/png", "image/jpeg"]


class DrawingEntry(BaseModel):
    """One entry of the section `drawings` in plant.yaml; the file lies in `drawings/` beside it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    name: Label = Label()
    place: str = ""
    """The place that it shows; "" is the whole plant, and then it is the plan of the overview."""
    file: File
    invert: bool = False
    """Shown with light and dark exchanged: a drawing on white paper would outshine what is live."""
    points: dict[str, tuple[Part, Part]] = Field(default_factory=dict, max_length=5000)
    """Point → x, y."""
    places: dict[str, tuple[Part, Part, Part, Part]] = Field(default_factory=dict, max_length=500)
    """Place → x, y of its top left corner, width, height."""


class Drawing(DrawingEntry):
    """The same with what its file holds. The picture itself lies in the records by its digest."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    media: Media
    width: Annotated[float, Field(gt=0)]
    """In its own units: only the ratio to the height counts."""
    height: Annotated[float, Field(gt=0)]
