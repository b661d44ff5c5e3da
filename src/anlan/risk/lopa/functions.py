"""A whole safety instrumented function: sensors, logic solver and final elements in series, their PFDavg and PFH summed (IEC 61508-6 B.3.2.1).

sif: SIF-07
name: {zh: 反应器超压切断进料, en: Reactor overpressure shuts the feed}
systematic-capability: 2
sensor:
  - {name: PT-101 A/B/C, architecture: 2oo3, lambda-du: 3.0e-7, lambda-dd: 6.0e-7, beta: 0.05, beta-d: 0.02, proof-test: 8760, coverage: 0.9, full-test: 87600, mttr: 8}
logic:
  - {name: SIS, architecture: 1oo2D, lambda-du: 5.0e-9, …}
final:
  - {name: XV-101, architecture: 1oo1, lambda-du: 1.0e-6, proof-test: 4380, source: "supplier certificate no. …"}
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import Node

from anlan.model.words import Label
from anlan.risk.lopa.bands import band_of, band_remark
from anlan.risk.lopa.form import Form, LopaMistake, compose
from anlan.risk.lopa.pfd import MODEL, Channel, Group, SafetyFunctionQuestion, solve_group, unstated
from anlan.risk.wording import say
from anlan.risk.written import Nodes, Place

SUBSYSTEMS = {"sensor": "sensor", "logic": "logic solver", "final": "final element"}
"""Key → English msgid of its name."""

LARGEST = 1_000_000
"""Bytes of one file."""

FIGURES = (
    "lambda-du", "lambda-dd", "lambda-sd", "beta", "beta-d", "proof-test", "coverage", "full-test", "mttr", "mrt", "comparison",
)  # fmt: skip
SHARES = ("beta", "beta-d", "coverage", "comparison")


@dataclass(frozen=True, slots=True)
class Part:
    """One voted group of a subsystem; "" asked for alone. `source`: where its rates come from, or ""."""

    subsystem: str
    name: str
    group: Group
    source: str


@dataclass(frozen=True, slots=True)
class SafetyFunction:
    """A function with its answer. `systematic`: the systematic capability somebody has stated, or None."""

    sif: str
    name: Label
    parts: tuple[Part, ...]
    systematic: int | None

    @property
    def pfd(self) -> float:
        return sum(part.group.pfd for part in self.parts)

    @property
    def pfh(self) -> float:
        return sum(part.group.pfh for part in self.parts)

    @property
    def tolerance(self) -> int:
        """The least hardware fault tolerance of its groups."""
        return min(part.group.tolerance for part in self.parts)

    def share(self, part: Part) -> float:
        return part.group.pfd / self.pfd if self.pfd else 0.0

    def remarks(self) -> tuple[Label, ...]:
        """The band, and what the figure does not say: everything that DOMAIN asks to be stated or told as not assessed."""
        found = [say("PFDavg is {band}", band=band_remark(self.pfd))]
        found.append(say("hardware fault tolerance {count}, the least of its parts", count=self.tolerance))
        found.append(
            say("systematic capability: not assessed")
            if self.systematic is None
            else say("systematic capability {count}, as stated", count=self.systematic)
        )
        alone = [part.subsystem for part in self.parts] == [""]
        missing = [name for key, name in SUBSYSTEMS.items() if not alone and all(part.subsystem != key for part in self.parts)]
        found += [say("no {part} is given: the sum is without it", part=say(name)) for name in missing]
        for part in self.parts:
            about = [*unstated(part.group), *part.group.doubts]
            if not part.source:
                about.append(say("the source of its rates is not stated"))
            found += [say("{name} — {remark}", name=part.name, remark=one) for one in about]
        return tuple(found)

    @property
    def valid(self) -> bool:
        return not any(part.group.doubts for part in self.parts)

    def as_json(self, language: str = "en") -> dict[str, Any]:
        band = band_of(self.pfd)
        return {
            "sif": self.sif,
            "name": self.name.text(language),
            "pfd_avg": self.pfd,
            "pfh": self.pfh,
            "band": band.band if band else None,
            "risk_reduction": 1 / self.pfd if self.pfd else None,
            "hardware_fault_tolerance": self.tolerance,
            "systematic_capability": self.systematic,
            "model": MODEL.text(language),
            "within_validity": self.valid,
            "parts": [
                {
                    "subsystem": part.subsystem, "name": part.name, "architecture": part.group.architecture, "pfd_avg": part.group.pfd,
                    "pfh": part.group.pfh, "common_cause": part.group.common_cause, "tce_hours": part.group.tce, "tge_hours": part.group.tge,
                    "hardware_fault_tolerance": part.group.tolerance, "share": self.share(part), "source": part.source or None,
                }
                for part in self.parts
            ],
            "remarks": [one.text(language) for one in self.remarks()],
        }  # fmt: skip


def read_function(source: Path | str) -> SafetyFunction:
    """The function in a YAML file. Raises LopaMistake with file and line."""
    path = Path(source)
    return parse_function(*compose(read_bytes(path), str(path)))


def read_bytes(path: Path) -> bytes:
    """Of a file that a person names. Raises LopaMistake."""
    try:
        body = path.read_bytes()
    except OSError as failure:
        raise LopaMistake(
            "the file cannot be read: {problem}", Place(str(path)), problem=failure.strerror or str(failure)
        ) from failure
    if len(body) > LARGEST:
        raise LopaMistake(
            "the file has {found} bytes; at most {most} were expected", Place(str(path)), found=len(body), most=LARGEST
        )
    return body


def parse_function(nodes: Nodes, node: Node) -> SafetyFunction:
    """From YAML nodes, alone or as a layer of an analysis."""
    form = Form(nodes, node, ("sif", "name", "systematic-capability", *SUBSYSTEMS), ("sif",))
    parts = tuple(_part(nodes, key, each) for key in SUBSYSTEMS for each in form.items(key))
    if not parts:
        raise form.wrong("a safety function needs one group of {expected} or more", expected=", ".join(SUBSYSTEMS))
    systematic, sif = form.number("systematic-capability", 1, 4), form.text("sif")
    return SafetyFunction(sif, form.label("name", sif), parts, None if systematic is None else int(systematic))


def _part(nodes: Nodes, key: str, node: Node) -> Part:
    form = Form(nodes, node, ("name", "architecture", *FIGURES, "source"), ("architecture", "lambda-du", "proof-test"))
    found = {name: form.number(name, 0.0, 1.0 if name in SHARES else math.inf) for name in FIGURES if name != "lambda-du"}
    found["lambda-du"], library = form.sourced("lambda-du", "hour")
    figures: dict[str, Any] = {name.replace("-", "_"): value for name, value in found.items() if value is not None}
    try:
        group = solve_group(form.text("architecture"), Channel(**figures))
    except SafetyFunctionQuestion as wrong:
        raise form.wrong(wrong.message, **wrong.facts) from wrong
    return Part(key, form.text("name", key), group, form.text("source") or library)
