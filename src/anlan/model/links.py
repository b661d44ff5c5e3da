"""What lies outside the node and a person opens from it: documents of a place, cameras that look at points.

An address is opened by the person's browser or player, never by the node. It may carry no password: everyone who may see the place reads it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from anlan.model.places import Id
from anlan.model.words import Label

WEB = ("https", "http")
CAMERA = ("https", "http", "rtsp")
LONGEST = 500


def checked_address(address: str, schemes: Iterable[str]) -> str:
    """The address as written. Raises ValueError saying what was found and what would be right.

    >>> checked_address("rtsp://10.1.2.3/stream1", CAMERA)
    'rtsp://10.1.2.3/stream1'
    """
    allowed = ", ".join(schemes)
    if not address.isprintable() or " " in address or len(address) > LONGEST:
        raise ValueError(f"an address without spaces of at most {LONGEST} characters was expected")
    try:
        parts = urlsplit(address)
        named, secret = bool(parts.hostname), parts.username is not None or parts.password is not None
    except ValueError:
        raise ValueError(f"{address!r} is no address; for example https://archive.plant/V-201.pdf was expected") from None
    if parts.scheme not in schemes or not named:
        raise ValueError(f"{address!r}: an address with a host that begins with one of {allowed} was expected")
    if secret:
        raise ValueError(f"the address of {parts.hostname} carries a name or password; everyone who sees the page would read it")
    return address


def _web(address: str) -> str:
    return checked_address(address, WEB) if address else ""


def _camera(address: str) -> str:
    return checked_address(address, CAMERA)


class Document(BaseModel):
    """One entry of the section `documents`: a procedure, data sheet, drawing. `place`: where it belongs, the enterprise if empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    name: Label
    place: str = ""
    link: Annotated[str, AfterValidator(_web)] = ""
    kept: str = Field(default="", max_length=200, description="where the paper lies")

    @model_validator(mode="after")
    def _is_somewhere(self) -> Document:
        if not self.link and not self.kept:
            raise ValueError(f"document {self.id}: link (https://…) or kept (where the paper lies) was expected")
        return self


class Camera(BaseModel):
    """One entry of the section `cameras`. It looks at its `points`, and at every point of its `place` that no camera names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    name: Label
    place: str = ""
    points: tuple[Id, ...] = ()
    link: Annotated[str, AfterValidator(_camera)]

    @model_validator(mode="after")
    def _looks_at_something(self) -> Camera:
        if not self.place and not self.points:
            raise ValueError(f"camera {self.id}: place or points (what it looks at) was expected")
        return self


class Cameras:
    """Which cameras look at a point, for a plant's cameras."""

    def __init__(self, cameras: Iterable[Camera]) -> None:
        self._of_point: dict[str, list[Camera]] = defaultdict(list)
        self._of_place: dict[str, list[Camera]] = defaultdict(list)
        for one in cameras:
            for point in one.points:
                self._of_point[point].append(one)
            if not one.points:
                self._of_place[one.place].append(one)

    def of(self, point: str, place: str) -> list[Camera]:
        """Those that name the point; without one, those of the nearest place, from its own upwards."""
        naming = self._of_point.get(point, [])
        while not naming and place:
            naming, place = self._of_place.get(place, []), place.rpartition("/")[0]
        return naming
