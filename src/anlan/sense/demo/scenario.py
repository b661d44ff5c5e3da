"""A scenario: which disturbance enters the process and what else happens in the plant, on a time line that repeats.

All times are plant time [s] from the start; at speed N a minute on the wall is N plant-minutes. The list is `data/scenarios.yaml`.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from anlan.model.errors import InputError
from anlan.model.words import Label
from anlan.sense.demo.disturbances import LENGTH, NORMAL, RECORDED_IDV
from anlan.sense.demo.live import DISTURBANCES

DEFAULT_SPEED = 20.0
IDV_ONSET = 1_200.0

Deed = Literal["leak", "freeze", "fail", "calibrate", "bypass", "sos", "press", "smoke", "fill", "cut"]


class Event(BaseModel):
    """Something that happens to `target` from `at` on, for `lasts` s."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    do: Deed
    target: str
    at: float = 0.0
    lasts: Annotated[float, Field(gt=0)] = float("inf")
    rate: float = 0.0
    """leak: g/s once fully open; fill: t/h."""
    ramp: float = 0.0
    """leak: how long it takes to open. [s]"""
    allowed: float = 28_800.0
    """bypass: for how long it was approved, counted from `at`. [s]"""

    def acts(self, seconds: float) -> bool:
        return self.at <= seconds < self.at + self.lasts

    def opening(self, seconds: float) -> float:
        """How far a leak has opened, 0 … 1."""
        if not self.acts(seconds):
            return 0.0
        return min((seconds - self.at) / self.ramp, 1.0) if self.ramp else 1.0


class Scenario(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = ""
    title: Label
    story: Label
    process: str = NORMAL
    """A recording, or `idv-N` in a live process."""
    onset: float = 0.0
    """When the process's disturbance enters. [s]"""
    events: tuple[Event, ...] = ()

    @property
    def cycle(self) -> float:
        """After this long everything begins again, so that a demo left alone keeps telling its story. [s]"""
        return self.onset + LENGTH

    def now(self, seconds: float) -> float:
        """Where on its time line the scenario stands after `seconds` of plant time."""
        return seconds % self.cycle

    def acting(self, do: Deed, seconds: float) -> list[Event]:
        return [event for event in self.events if event.do == do and event.acts(seconds)]


@cache
def scenarios() -> dict[str, Scenario]:
    """All that a recorded demo can play, by name, the default first."""
    written = {name: Scenario(name=name, **body) for name, body in _file().items()}
    return written | {f"tep-idv-{n}": idv(n) for n in RECORDED_IDV}


def scenario(name: str, *, live: bool = False) -> Scenario:
    """By name; a live process also plays the IDVs that are not recorded."""
    known = dict(scenarios()) | ({f"tep-idv-{n}": idv(n) for n in range(1, DISTURBANCES + 1)} if live else {})
    if name not in known:
        raise InputError("there is no scenario {name!r}; there are: {known}", name=name, known=", ".join(known))
    return known[name]


def idv(number: int) -> Scenario:
    """Disturbance `number` alone, a wall minute after the start at the default speed."""
    name = _idv_names()[number]
    title = Label(zh=f"TEP 扰动 IDV({number})：{name.zh}", en=f"TEP disturbance IDV({number}): {name.en}")
    story = Label(zh="1:00 进入，此后由工艺自行发展。", en="It enters at 1:00, and the process goes its own way.")
    return Scenario(name=f"tep-idv-{number}", title=title, story=story, process=f"idv-{number}", onset=IDV_ONSET)


@cache
def _idv_names() -> dict[int, Label]:
    """1 … 20: Downs and Vogel (1993), table 8; 21 … 28 came with the revised model of Bathelt, Ricker and Jelali (2015)."""
    text = files("anlan.sense.demo").joinpath("data/idv.csv").read_text(encoding="utf-8")
    return {int(row["number"]): Label(zh=row["zh"], en=row["en"]) for row in csv.DictReader(text.splitlines())}


def _file() -> dict[str, dict[str, object]]:
    from ruamel.yaml import YAML

    text = files("anlan.sense.demo").joinpath("data/scenarios.yaml").read_text(encoding="utf-8")
    return {str(name): dict(body) for name, body in YAML(typ="safe").load(text).items()}
