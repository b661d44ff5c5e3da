"""Places: the tree from the nation down to a piece of equipment, and areas drawn on it.

An id is ASCII, taken from the plant's own tag, unique among its siblings; a path is ids joined by "/" from the enterprise down,
e.g. `hualan/U300/R-101`. Above the enterprise a place is named by its GB/T 2260 region code (`regions`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import IntEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from anlan.model.words import Label


class Level(IntEnum):
    """How deep a place stands. A link between levels joins a node to the next one up."""

    NATION = 0
    PROVINCE = 1
    CITY = 2
    COUNTY = 3
    PARK = 4
    ENTERPRISE = 5
    UNIT = 6
    EQUIPMENT = 7
    POINT = 8


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")


def check_id(value: str) -> str:
    """An id as the plant writes it on the tag plate: ASCII letters, digits, dot, dash, underscore; at most 64."""
    if not _ID.fullmatch(value):
        raise ValueError(f"id {value!r}: ASCII letters, digits, '.', '-' and '_' were expected, for example AT-203")
    return value


Id = Annotated[str, AfterValidator(check_id)]


class Position(BaseModel):
    """Site-local metres: x east, y north, z up from the site's anchor."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x: float
    y: float
    z: float = 0.0


class Anchor(BaseModel):
    """Where the site's origin lies: CGCS2000 degrees, and the bearing of its y axis clockwise from north."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    longitude: float = Field(ge=-180, le=180)
    latitude: float = Field(ge=-90, le=90)
    bearing: float = Field(default=0.0, ge=0, lt=360)


class Place(BaseModel):
    """A unit or a piece of equipment. `parent` is the path of the place above, "" for the enterprise itself."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    name: Label
    level: Level = Level.UNIT
    parent: str = ""
    position: Position | None = None
    post: str = ""
    """The operating post (操作岗位) that watches this place; places below inherit it."""
    sector: str = ""

    @property
    def path(self) -> str:
        return f"{self.parent}/{self.id}" if self.parent else self.id


class Area(BaseModel):
    """A named polygon on the plant plan, closed by itself, at least three corners, in site-local metres."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    name: Label
    place: str = ""
    kind: str = "process"
    polygon: Annotated[list[tuple[float, float]], Field(min_length=3)]


def post_of(places: Mapping[str, Place], path: str) -> str:
    """The post that watches the place at `path`: its own, or that of the nearest place above that has one; "" if none has."""
    while path:
        place = places.get(path)
        if place is not None and place.post:
            return place.post
        path = path.rpartition("/")[0]
    return ""
