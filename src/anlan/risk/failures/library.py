"""Published failure data, one entry a class of equipment and mode, each with its source, population and confidence."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from anlan.model.errors import NotFound
from anlan.model.words import Label
from anlan.risk.failures.laws import Beta, Gamma, Law, of_lognormal

VERIFIED = "verified-from-source"


@dataclass(frozen=True, slots=True)
class Entry:
    """`per`: what is counted against failures. `shows`: how a failure comes to light: when tested or needed, at once, or only while it runs.
    `printed`: the law before it was made a gamma."""

    equipment: str
    equipment_label: Label
    mode: str
    mode_label: Label
    per: Literal["hour", "demand"]
    shows: Literal["test", "at-once", "running"]
    law: Law
    printed: str
    source: str
    population: str
    confidence: str

    @property
    def key(self) -> tuple[str, str]:
        return self.equipment, self.mode

    @property
    def checked(self) -> bool:
        """Whether the source's own text was read; else shown as 未核对原文."""
        return self.confidence == VERIFIED


@cache
def library() -> dict[tuple[str, str], Entry]:
    """By class and mode, in the order of the file."""
    text = files("anlan.risk.failures").joinpath("data", "library.csv").read_text("utf-8")
    return {one.key: one for one in map(_entry, csv.DictReader(line for line in text.splitlines() if not line.startswith("#")))}


def failure_data(equipment: str, mode: str) -> Entry:
    """Raises NotFound, with what there is."""
    found = library().get((equipment, mode))
    if found is None:
        known = ", ".join(f"{one.equipment} {one.mode}" for one in library().values())
        raise NotFound("no failure data of {found}; there are {known}", found=f"{equipment} {mode}", known=known)
    return found


def _entry(row: dict[str, str]) -> Entry:
    a, b = float(row["a"]), float(row["b"])
    laws: dict[str, Callable[[float, float], Law]] = {"gamma": Gamma, "beta": Beta, "lognormal": of_lognormal}
    return Entry(
        equipment=row["class"],
        equipment_label=Label(zh=row["class_zh"], en=row["class_en"]),
        mode=row["mode"],
        mode_label=Label(zh=row["mode_zh"], en=row["mode_en"]),
        per="demand" if row["per"] == "demand" else "hour",
        shows="test" if row["shows"] == "test" else "running" if row["shows"] == "running" else "at-once",
        law=laws[row["law"]](a, b),
        printed=f"{row['law']}({row['a']}, {row['b']})",
        source=row["source"],
        population=row["population"],
        confidence=row["confidence"],
    )
