"""What the plant demands of its detectors' calibration: section `detectors`. Its own numbers decide; a standard's that nobody has read in the
text only stand beside (`data/detector_checks.csv`)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from anlan.model.tables import read_table
from anlan.model.words import Label

Hazard = Literal["combustible", "combustible_line", "toxic", "oxygen"]


class DetectorLimit(BaseModel):
    """Of one hazard, and of one gas where `gas` is given. `error` % of the range; `t90` s; `interval` days to the next calibration."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    hazard: Hazard
    gas: str = ""
    error: float | None = Field(default=None, gt=0, le=100, description="% of the range, as found and as left")
    t90: float | None = Field(default=None, gt=0, le=600, description="s")
    interval: int | None = Field(default=None, ge=1, le=3660, description="days")
    basis: Label = Field(default=Label(), description="where the numbers come from: data sheet, procedure, clause")


class DetectorSettings(BaseModel):
    """The section `detectors`."""

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    limits: tuple[DetectorLimit, ...] = ()

    def limit(self, hazard: str, gas: str) -> DetectorLimit | None:
        """That of the gas before that of all gases."""
        mine = [one for one in self.limits if one.hazard == hazard]
        return next((one for one in mine if one.gas and one.gas == gas), next((one for one in mine if not one.gas), None))


@dataclass(frozen=True, slots=True)
class Reference:
    """A standard's number that stands beside the plant's own. `verified` is whether it was read in the text."""

    hazard: str
    quantity: Literal["t90", "error"]
    limit: float
    unit: str
    clause: str
    verified: bool


@cache
def references() -> tuple[Reference, ...]:
    return tuple(
        Reference(
            row["hazard"],
            row["quantity"],  # type: ignore[arg-type]
            float(row["limit"]),
            row["unit"],
            row["clause"],
            row["confidence"] == "verified-from-source",
        )
        for row in read_table("detector_checks.csv", "anlan.monitor")
    )
