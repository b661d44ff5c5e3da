"""The section `hazards` of a plant: units (单元) with what is in them by design, the people around, the three named persons, the filing.

Quantities are exact decimals: a limit may stand exactly on S = 1.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, field_validator, model_validator

from anlan.model.places import Id
from anlan.model.words import Label
from anlan.risk.hazards.clock import filing_papers
from anlan.risk.hazards.standard import gb18218


def _plain(value: Decimal) -> int | float | str:
    """As a number where that says the same, so that files and JSON hold 26.4 and not "26.4"."""
    if value == value.to_integral_value():
        return int(value)
    return float(value) if Decimal(repr(float(value))) == value else str(value)


Exact = Annotated[
    Decimal,
    BeforeValidator(lambda v: repr(v) if isinstance(v, float) else v),
    PlainSerializer(_plain),
    Field(allow_inf_nan=False),
]
Kind = Literal["production", "storage", "warehouse"]
NOT_LISTED = "none"
"""As a class: the plant states that the substance falls under no class of table 2."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)


class Row(_Part):
    """A line of a table: `at` m, % or °C; `value` m³ or kg/m³."""

    at: Exact
    value: Annotated[Exact, Field(ge=0)]


def _rows(written: object) -> object:
    """[[0, 0], [0.5, 3.1]] as people write tables."""
    if not isinstance(written, list | tuple):
        return written
    return [{"at": r[0], "value": r[1]} if isinstance(r, list | tuple) and len(r) == 2 else r for r in written]


Table = Annotated[
    tuple[Row, ...], BeforeValidator(_rows), PlainSerializer(lambda rows: [[_plain(r.at), _plain(r.value)] for r in rows])
]


class Strapping(_Part):
    """A tank's calibration table (容积表): contents [m³] by level [m], or [%] where the level is in %. Rises from row to row."""

    table: Annotated[Table, Field(min_length=2, max_length=5000)]
    calibrated_on: date | None = None
    certificate: str = ""

    @field_validator("table")
    @classmethod
    def _rises(cls, table: tuple[Row, ...]) -> tuple[Row, ...]:
        for lower, upper in pairwise(table):
            if upper.at <= lower.at or upper.value < lower.value:
                raise ValueError(
                    f"strapping: after level {lower.at} with {lower.value} m3 came level {upper.at} with {upper.value} m3; "
                    "levels that rise and contents that don't fall were expected"
                )
        return table


class LiveMass(_Part):
    """How the mass in a tank is known now: a point in t, or level, strapping table and density by temperature."""

    mass: str = ""
    level: str = ""
    strapping: Strapping | None = None
    temperature: str = ""
    density: Table = Field(default=(), max_length=50, description="kg/m³ by °C; one row: the same at every temperature")
    density_source: str = ""

    @model_validator(mode="after")
    def _one_way(self) -> LiveMass:
        if bool(self.mass) == bool(self.level):
            raise ValueError("live: either mass or level was expected")
        if self.level and (self.strapping is None or not self.density):
            raise ValueError("live: a level needs strapping and density")
        if len(self.density) > 1 and not self.temperature:
            raise ValueError("live: a density by temperature needs the point of the temperature")
        if any(upper.at <= lower.at for lower, upper in pairwise(self.density)):
            raise ValueError("live: temperatures of the density were expected to rise")
        if any(row.value <= 0 for row in self.density):
            raise ValueError("live: densities above 0 kg/m3 were expected")
        return self


class Content(_Part):
    """One tank, container, vessel or stack and the substance in it. Its design maximum: `tonnes`, or `capacity` m³ × `filling` × `density` kg/m³."""

    id: Id
    name: Label = Label()
    substance: str = ""
    cas: str = ""
    row: int | None = Field(default=None, description="of table 1, where the CAS number fits several")
    classes: tuple[str, ...] = Field(default=(), description="of table 2, from the safety data sheet; none: no class of it")
    mixture: Literal["no", "same", "other"] = Field(
        default="no", description="same: of the pure substance's class, counts whole as it; other: by its own classes"
    )
    tonnes: Annotated[Exact, Field(ge=0)] | None = None
    capacity: Annotated[Exact, Field(gt=0)] | None = None
    filling: Annotated[Exact, Field(gt=0, le=1)] | None = None
    density: Annotated[Exact, Field(gt=0)] | None = None
    place: str = ""
    basis: Label = Field(default=Label(), description="where quantity and classes are taken from")
    live: LiveMass | None = None

    @field_validator("cas")
    @classmethod
    def _checked(cls, cas: str) -> str:
        if cas and not cas_holds(cas):
            raise ValueError(f"{cas} is no CAS number: its check digit doesn't fit")
        return cas

    @field_validator("classes")
    @classmethod
    def _known(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        known = gb18218().classes
        for one in classes:
            if one not in known and one != NOT_LISTED:
                raise ValueError(f"class {one} is not in table 2; one of {', '.join(known)} or {NOT_LISTED} was expected")
        if NOT_LISTED in classes and len(classes) > 1:
            raise ValueError(f"classes: {NOT_LISTED} stands alone")
        return classes

    @model_validator(mode="after")
    def _told(self) -> Content:
        if not (self.cas or self.substance or self.row):
            raise ValueError(f"{self.id}: cas or substance was expected")
        if self.row is not None and not gb18218().named("", row=self.row):
            raise ValueError(f"{self.id}: row was {self.row}; table 1 has the rows 1 to {len(gb18218().substances)}")
        by_volume = (self.capacity, self.filling, self.density)
        if self.tonnes is not None and any(one is not None for one in by_volume):
            raise ValueError(f"{self.id}: either tonnes or capacity, filling and density was expected, not both")
        if self.tonnes is None and any(one is None for one in by_volume) and any(one is not None for one in by_volume):
            raise ValueError(f"{self.id}: capacity, filling and density belong together")
        return self

    @property
    def quantity(self) -> Fraction | None:
        """The design maximum quantity. [t]; None where it isn't told."""
        if self.tonnes is not None:
            return Fraction(self.tonnes)
        if self.capacity is None or self.filling is None or self.density is None:
            return None
        return Fraction(self.capacity) * Fraction(self.filling) * Fraction(self.density) / 1000


class Persons(_Part):
    """The three who answer for a major hazard (包保责任人)."""

    principal: str = Field(default="", description="主要负责人")
    technical: str = Field(default="", description="技术负责人")
    operating: str = Field(default="", description="操作负责人")


class Filing(_Part):
    """The filing (备案) with the authority."""

    number: str
    on: date | None = None
    authority: str = ""
    documents: tuple[str, ...] = Field(default=(), description="ids of the plant's documents, or titles")
    papers: dict[str, str] = Field(default={}, description="of the filing list, by item: where each paper lies")

    @field_validator("papers")
    @classmethod
    def _listed(cls, papers: dict[str, str]) -> dict[str, str]:
        known = filing_papers().papers
        for one in papers:
            if one not in known:
                raise ValueError(f"papers: {one} is not in the filing list; one of {', '.join(known)} was expected")
        return papers


class HazardUnit(_Part):
    """A unit of production or storage as the standard divides a plant: by cut-off valves, by dike, by building."""

    id: Id
    name: Label
    kind: Kind
    places: Annotated[tuple[str, ...], Field(min_length=1)]
    contents: tuple[Content, ...] = ()
    persons: Persons = Persons()
    filing: Filing | None = None


class Group(_Part):
    """People who live or work at one spot. `distance` m from the plant's boundary."""

    name: Label
    people: int = Field(ge=0)
    distance: float = Field(ge=0)


class Residents(_Part):
    """People within 500 m outside the plant's boundary: a number, or a list that is added up."""

    people: int | None = Field(default=None, ge=0)
    groups: tuple[Group, ...] = ()
    counted_on: date
    source: Label

    @model_validator(mode="after")
    def _one_way(self) -> Residents:
        if (self.people is None) == (not self.groups):
            raise ValueError("residents: either people or groups was expected")
        return self

    @property
    def within(self) -> int:
        """Those who count for α."""
        return self.people if self.people is not None else sum(one.people for one in self.groups if one.distance <= REACH)


REACH = 500.0
"""How far outside the boundary people count. [m] (GB 18218-2018, 4.3)"""


class HazardSettings(_Part):
    """The whole section."""

    residents: Residents | None = None
    units: tuple[HazardUnit, ...] = ()

    @model_validator(mode="after")
    def _once(self) -> HazardSettings:
        seen: set[str] = set()
        for one in (item for unit in self.units for item in unit.contents):
            if one.id in seen:
                raise ValueError(f"content {one.id} stands in the units twice: its quantity would count double")
            seen.add(one.id)
        units = [unit.id for unit in self.units]
        if len(set(units)) != len(units):
            raise ValueError("a unit is listed twice")
        return self


_CAS = re.compile(r"(\d{2,7})-(\d\d)-(\d)")


def cas_holds(text: str) -> bool:
    """
    >>> cas_holds("7782-50-5"), cas_holds("7782-50-6")
    (True, False)
    """
    found = _CAS.fullmatch(text)
    if found is None:
        return False
    digits = (found[1] + found[2])[::-1]
    return sum(place * int(digit) for place, digit in enumerate(digits, 1)) % 10 == int(found[3])
