"""A point: one measured or computed quantity, and how its source reports it."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from anlan.model.places import Id, Position
from anlan.model.words import Label


class Subject(StrEnum):
    """What a point tells about: the seven subjects of the action plan's sensing layer."""

    PEOPLE = "people"
    EQUIPMENT = "equipment"
    PRODUCTION = "production"
    STORAGE = "storage"
    LOGISTICS = "logistics"
    ENVIRONMENT = "environment"
    SAFETY_SYSTEM = "safety_system"


class Reporting(BaseModel):
    """How silence is read. `cyclic`: a value every `period` s; three missed periods are stale unless `stale_after` says otherwise.

    `on_change`: silence with a live source means unchanged; the source itself must be heard from every `period` s (keep-alive).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["cyclic", "on_change"] = "cyclic"
    period: float = Field(default=1.0, gt=0, le=86_400, description="s")
    stale_after: float | None = Field(default=None, gt=0, le=604_800, description="s")

    @property
    def deadline(self) -> float:
        """Silence longer than this makes the point stale. [s]"""
        return self.stale_after if self.stale_after is not None else 3 * self.period


class Calibration(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    due: date
    last: date | None = None
    certificate: str = ""


class Point(BaseModel):
    """One line of points.csv.

    `kind` is the semantic kind (e.g. "temperature", "gas.toxic", "trip", "bypass"; `data/point_kinds.csv`), `unit` a code of
    `data/units.csv`; for a discrete point `states` names each integer. `address` is the driver's own form, checked by the driver.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Id
    place: str
    name: Label
    kind: str
    subject: Subject = Subject.PRODUCTION
    unit: str = ""
    pressure_basis: Literal["", "gauge", "absolute"] = ""
    flow_basis: Literal["", "normal", "actual"] = ""
    gas: str = ""
    calibration_gas: str = ""
    response_factor: float = Field(default=1.0, gt=0)
    principle: str = ""
    """How a detector measures: an id of `data/principles.csv`; "" where nobody has said."""
    range_low: float | None = None
    range_high: float | None = None
    accuracy: float | None = Field(default=None, ge=0, description="± in the point's unit")
    decimals: int = Field(default=2, ge=0, le=9)
    states: dict[int, Label] = Field(default_factory=dict)
    source: Id
    address: str
    reporting: Reporting = Reporting()
    safety: bool = False
    """Gas, fire, SIF, major-hazard points: named one by one when their source is lost, never shelved."""
    calibration: Calibration | None = None
    position: Position | None = None
    was: str = ""
    """The id this point had before a rename: its number and history go on."""

    @model_validator(mode="after")
    def _range(self) -> Point:
        if self.range_low is not None and self.range_high is not None and self.range_low >= self.range_high:
            raise ValueError(f"range {self.range_low} … {self.range_high}: the low end must be below the high end")
        return self
