"""All parts of the demo plant on one time line."""

from __future__ import annotations

import csv
import math
from enum import Enum
from functools import cache
from importlib.resources import files

import numpy as np

from anlan.sense.demo.live import COLUMNS
from anlan.sense.demo.recording import Process
from anlan.sense.demo.scenario import Scenario
from anlan.sense.demo.world.gas import DETECTORS, Gas, flowing
from anlan.sense.demo.world.loading import Loading
from anlan.sense.demo.world.people import People
from anlan.sense.demo.world.safety import MEMBERS, SafetySystem
from anlan.sense.demo.world.tanks import Scrubber, Tanks
from anlan.sense.demo.world.warehouse import Warehouse
from anlan.sense.demo.world.weather import Weather

STEP = 1.0
"""The parts are stepped so far at a time. [s of plant time]"""


class Mark(Enum):
    """What is special about a point's value."""

    FAILED = "failed"  # its transmitter sends nothing usable
    CALIBRATING = "calibrating"  # test gas or zero air, not the plant


class World:
    """`advance_to` plant time, then `values()` by point id and `marks()` for the points that are not plainly measured."""

    def __init__(self, scenario: Scenario, process: Process, seed: int = 1) -> None:
        self.scenario = scenario
        self._process, self._seed = process, seed
        self.seconds = 0.0
        self._round = 0
        self._frozen: dict[str, float] = {}
        self._begin()

    def advance_to(self, seconds: float) -> None:
        """Step until `seconds` of plant time since the start."""
        while self.seconds + STEP <= seconds + 1e-9:
            self._step()

    def values(self) -> dict[str, float]:
        """Every point's value now, as its transmitter gives it."""
        found = self._true_values()
        found |= {e.target: self._frozen.setdefault(e.target, found[e.target]) for e in self.scenario.acting("freeze", self.now)}
        found |= dict.fromkeys((p for p, mark in self.marks().items() if mark is Mark.FAILED), math.nan)
        return {point: float(value) for point, value in found.items()}

    def marks(self) -> dict[str, Mark]:
        failed = {e.target: Mark.FAILED for e in self.scenario.acting("fail", self.now)}
        return failed | {e.target: Mark.CALIBRATING for e in self.scenario.acting("calibrate", self.now)}

    def cut(self) -> frozenset[str]:
        """Sources that the scenario cuts off now."""
        return frozenset(e.target for e in self.scenario.acting("cut", self.now))

    @property
    def now(self) -> float:
        """Where the scenario's own time line stands. [s]"""
        return self.scenario.now(self.seconds)

    def _begin(self) -> None:
        # One generator a part, and one for the scatter of measuring: how often somebody looks must not change what happens.
        weather, tanks, people, warehouse, self._noise = np.random.default_rng(self._seed).spawn(5)
        self._weather, self._tanks, self._people = Weather(weather), Tanks(tanks), People(people)
        self._warehouse, self._gas = Warehouse(warehouse), Gas()
        self._loading, self._safety, self._scrubber = Loading(), SafetySystem(), Scrubber()
        self._measured = self._process.at(-self.scenario.onset)
        self._frozen.clear()
        # What holds at the start, a bypass or a detector in calibration, is known from the first look on.
        self._step_safety(0.0)

    def _step(self) -> None:
        self.seconds += STEP
        if int(self.seconds // self.scenario.cycle) != self._round:
            self._round = int(self.seconds // self.scenario.cycle)
            self._begin()
        self._measured = self._process.at(self.now - self.scenario.onset)
        self._weather.step(STEP)
        self._step_storage()
        self._step_gas()
        self._people.step(STEP, frozenset(e.target for e in self.scenario.acting("sos", self.now)))
        self._warehouse.step(STEP, {e.target for e in self.scenario.acting("smoke", self.now)})
        self._step_safety(STEP)

    def _step_storage(self) -> None:
        tripped = self._safety.tripped
        shut = {"V-201": "SIF-05", "V-202": "SIF-06", "V-301": "SIF-08", "V-302": "SIF-08", "V-303": "SIF-08"}
        fills = {e.target: e.rate for e in self.scenario.acting("fill", self.now) if shut[e.target] not in tripped}
        self._loading.step(STEP, self._safety.opening("XV-501") >= 1.0)
        self._scrubber.step(STEP, "SIF-07" in tripped)
        self._tanks.step(STEP, self._weather.temperature, fills, {"V-302": self._loading.flow})

    def _step_gas(self) -> None:
        leaks = [flowing(e, self.now, self._safety.opening(f"XV-{e.target[2:]}")) for e in self.scenario.acting("leak", self.now)]
        self._gas.step(STEP, leaks, self._weather.speed, self._weather.direction)

    def _step_safety(self, dt: float) -> None:
        calibrating = {e.target for e in self.scenario.acting("calibrate", self.now)}
        failed = {e.target for e in self.scenario.acting("fail", self.now)}
        self._safety.vote.count(self._gas.responses, calibrating, failed.intersection(MEMBERS))
        pressed = [e.target for e in self.scenario.acting("press", self.now)]
        self._safety.step(dt, self._demands(), self.scenario.acting("bypass", self.now), pressed, self.now)

    def _demands(self) -> dict[str, bool]:
        process = dict(zip(tags(), self._measured, strict=True))
        tanks = self._tanks.all
        spheres = [tanks[v] for v in ("V-301", "V-302", "V-303")]
        return {
            "SIF-01": process["PI-101"] >= 3_000.0,
            "SIF-02": process["TI-101"] >= 175.0,
            "SIF-03": process["LI-101"] >= 98.0,
            "SIF-04": process["LI-111"] >= 95.0,
            "SIF-05": tanks["V-201"].level >= 88.0,
            "SIF-06": tanks["V-202"].level >= 88.0,
            "SIF-08": any(s.level >= 93.0 for s in spheres),
            "SIF-09": any(s.substance.pressure(s.temperature.value) >= 1.7 for s in spheres),
            "SIF-10": self._loading.pumping and not self._loading.earthed,
        }

    def _true_values(self) -> dict[str, float]:
        found = dict(zip(tags(), (float(v) for v in self._measured), strict=True))
        for part in (self._weather, self._tanks, self._people, self._gas, self._warehouse, self._loading, self._scrubber):
            found |= part.values(self._noise)
        found |= self._safety.values()
        # Zero air under the hood of a detector in calibration.
        found |= {point: 0.0 for point, mark in self.marks().items() if mark is Mark.CALIBRATING}
        return found | self._detector_states(found)

    def _detector_states(self, shown: dict[str, float]) -> dict[str, float]:
        """What the gas system says of each chlorine detector: 0 normal, 1 fault, 2 calibration, 4 over range."""
        marks, states = self.marks(), {}
        for detector in (d for d in DETECTORS if d.substance == "chlorine"):
            over = 4.0 if shown[detector.id] >= detector.top else 0.0
            mark = marks.get(detector.id)
            states[f"XS-{detector.id[-3:]}"] = over if mark is None else _STATES[mark]
        return states


_STATES = {Mark.FAILED: 1.0, Mark.CALIBRATING: 2.0}


@cache
def tags() -> tuple[str, ...]:
    """The process's 53 tags in the order of `live.COLUMNS`."""
    text = files("anlan.sense.demo").joinpath("data/tep_tags.csv").read_text(encoding="utf-8")
    by_column = {row["column"]: row["tag"] for row in csv.DictReader(text.splitlines())}
    return tuple(by_column[column] for column in COLUMNS)
