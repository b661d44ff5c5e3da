"""What follows from a bypass, a final element and a calibration date: points the node tells, and alarms in the engine, by examples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from works import PLANT, line, texts, write

from anlan.model.clock import SECOND
from anlan.model.events.alarms import AlarmState
from anlan.model.frames import NODE_SOURCE, Frame, Kind, Part
from anlan.model.quality import Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.monitor.engine import Engine
from anlan.monitor.point_commands import PointCommand
from anlan.plant.compile import all_rules, engine_config
from anlan.plant.folder import load
from anlan.plant.numbers import in_memory
from anlan.plant.writing import export_folder

START = 1_767_225_600 * SECOND
SAFETY = """\
safety:
  first_out: XA-900
  causes:
    - {id: SIF-01, name: 液位高高联锁, point: SIF-01, watches: [LT-101], effects: [XV-101, P-101], bypass: BP-01, first_out: 1, sil: 2}
    - {id: HS-101, point: HS-101, effects: [XV-101]}
  effects:
    - {id: XV-101, closed: XV-101.ZSC, open: XV-101.ZSO, command: XV-101.CMD, stroke_time: 5}
    - {id: P-101, safe: stopped, running: P-101.RUN, stroke_time: 2}
"""
NOTHING = {name: "" for name in ("HH", "H", "L", "LL", "trip", "dead_band", "range_low", "range_high", "unit")}


def switch(name: str, address: int, kind: str) -> str:
    return line(id=name, kind=kind, address=f"hr:{address} uint16", states="0=否;1=是;2=超时", **NOTHING)


POINTS = (
    line(),
    switch("SIF-01", 10, "sif"),
    switch("HS-101", 11, "esd.button"),
    switch("BP-01", 12, "bypass"),
    switch("XA-900", 13, "first.out"),
    switch("XV-101.ZSC", 14, "esd.valve.closed"),
    switch("XV-101.ZSO", 15, "esd.valve.open"),
    switch("XV-101.CMD", 16, "valve.command"),
    switch("P-101.RUN", 17, "running"),
)


def folder(path: Path, safety: str = SAFETY) -> Path:
    points = [p.replace('"valve.command"', '"state"') for p in POINTS]
    return write(path / "plant", *points, plant=PLANT + safety)


class Running:
    """The plant in an engine; points by id, seconds after START."""

    def __init__(self, path: Path) -> None:
        self.plant = load(folder(path))
        self.numbers = in_memory(self.plant)
        self.engine = Engine()
        self.n = 0
        self._step(Kind.CONFIG, 0, engine_config(self.plant, self.numbers, 1).to_bytes())
        self.values = {p.id: (0.0, 0) for p in self.plant.points}
        self.second = 0
        self._step(Kind.TICK, 0, orjson.dumps({"now": START, "sources": {"1": "up"}}))
        self._read(0)

    def _step(self, kind: Kind, at: float, body: bytes, source: int = NODE_SOURCE, rows: int = 1) -> None:
        self.n += 1
        part = Part(kind, source, START, 0, START + round(at * SECOND), rows, body)
        found = self.engine.step(Frame(self.n, (part,)))
        assert not found.faults, found.faults
        self.results = found.results

    def until(self, at: float) -> None:
        """The node ticks and every device is polled once a second."""
        while self.second + 1 <= at:
            self.second += 1
            self._step(Kind.TICK, self.second, orjson.dumps({"now": START + self.second * SECOND, "sources": {}}))
            self._read(self.second)

    def _read(self, at: float) -> None:
        rows = [(self.numbers.points[p], START + round(at * SECOND), v, word) for p, (v, word) in self.values.items()]
        self._step(Kind.READINGS, at, Readings.of(rows).to_bytes(), 1, len(rows))

    def set(self, at: float, point: str, value: float, word: int = 0) -> None:
        self.until(at)
        self.values[point] = (value, word)
        self._read(at)

    def order(self, at: float, kind: str, point: str, lasts: float | None = None) -> bool:
        self.until(at)
        moment = START + round(at * SECOND)
        until = None if lasts is None else moment + round(lasts * SECOND)
        command = PointCommand(id=f"{kind}{at}", kind=kind, point=self.numbers.points[point], who="li", post="panel", at=moment, reason="test", until=until)  # type: ignore[arg-type]  # fmt: skip
        self._step(Kind.COMMAND, at, command.to_bytes())
        return self.results[0][1].accepted

    def state(self, alarm: str) -> AlarmState:
        return self.engine.state_of(self.numbers.alarms[alarm])


def test_a_bypass_that_nobody_approved_is_priority_1_at_once(tmp_path: Path) -> None:
    running = Running(tmp_path)
    rule = next(r for r in all_rules(running.plant) if r.id == "BP-01.IF")
    assert (rule.priority, rule.on_delay, rule.post) == (1, 0.0, "panel")
    running.set(1, "BP-01", 1)
    assert running.state("BP-01.IF") is AlarmState.UNACKNOWLEDGED


def test_an_approved_bypass_is_silent_until_its_approval_ends(tmp_path: Path) -> None:
    running = Running(tmp_path)
    assert running.order(0.5, "approve_bypass", "BP-01.APPROVED", lasts=5)
    running.set(1.2, "BP-01", 1)
    running.until(5)
    assert running.state("BP-01.IF") is AlarmState.NORMAL
    running.until(6)
    assert running.state("BP-01.IF") is AlarmState.UNACKNOWLEDGED
    running.set(7.2, "BP-01", 0)
    assert running.state("BP-01.IF") is AlarmState.RETURNED_UNACKNOWLEDGED


def test_a_bypass_that_cannot_be_seen_any_more_keeps_its_alarm(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.set(1, "BP-01", 1)
    running.set(2, "BP-01", 0, quality(Severity.BAD, Reason.DEVICE_FAILURE))
    assert running.state("BP-01.IF") is AlarmState.UNACKNOWLEDGED


@pytest.mark.parametrize("cause", ["SIF-01", "HS-101"])
def test_a_valve_that_does_not_reach_its_safe_position_in_time_alarms(tmp_path: Path, cause: str) -> None:
    running = Running(tmp_path)
    running.set(1.5, cause, 1)
    running.until(6)
    assert running.state("XV-101.ZSC.IF") is AlarmState.NORMAL
    running.until(7)
    assert running.state("XV-101.ZSC.IF") is AlarmState.UNACKNOWLEDGED
    running.set(7.5, "XV-101.ZSC", 1)
    assert running.state("XV-101.ZSC.IF") is AlarmState.RETURNED_UNACKNOWLEDGED


def test_a_pump_that_stops_in_time_does_not(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.set(0.5, "P-101.RUN", 1)
    running.set(1.5, "SIF-01", 1)
    running.set(3.2, "P-101.RUN", 0)
    running.until(10)
    assert running.state("P-101.RUN.IF") is AlarmState.NORMAL


def test_a_valve_that_differs_from_its_command_alarms_after_its_stroke_time(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.set(1.5, "XV-101.CMD", 1)
    running.until(6)
    assert running.state("XV-101.ZSO.DIS") is AlarmState.NORMAL
    running.until(7)
    assert running.state("XV-101.ZSO.DIS") is AlarmState.UNACKNOWLEDGED


def test_a_calibration_that_is_overdue_is_an_alarm_of_its_own(tmp_path: Path) -> None:
    header = "id,place,name_zh,kind,unit,gas,principle,range_low,range_high,source,address,calibration_due"
    path = write(
        tmp_path / "p", "AT-1,U100,氯,gas.toxic,mg/m3,氯,electrochemical,0,10,plc,hr:10 float32,2027-01-31", header=header
    )
    rules = {r.id: r for r in all_rules(load(path))}
    assert (rules["AT-1.DUE.ST"].priority, rules["AT-1.DUE.ST"].point) == (3, "AT-1.DUE")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("point: SIF-01,", "point: SIF-09,", "unknown-point plant.yaml:35: SIF-01 names the point SIF-09, which is not in the list — did you mean SIF-01?"),
        ("effects: [XV-101, P-101]", "effects: [XV-102, P-101]", "unknown-effect plant.yaml:35: SIF-01 leads to XV-102, which is not among the effects — did you mean XV-101?"),
        ("point: HS-101", "point: LT-101", "safety plant.yaml:35: HS-101: LT-101 is a measured value; the point that tells whether it has tripped was expected"),
        ("bypass: BP-01", "bypass: XA-900", "safety plant.yaml:35: SIF-01: XA-900 is of the kind first.out; a point of the kind bypass was expected"),
        ("  first_out: XA-900\n", "", "safety plant.yaml:35: SIF-01 has a first-out state, but safety: first_out names no point"),
        ("effects: [XV-101, P-101]", "effects: [XV-101]", "idle-effect plant.yaml:35: no cause leads to the effect P-101"),
        ("id: HS-101", "id: SIF-01", "duplicate-id plant.yaml:35: SIF-01 stands in the section safety twice"),
        ("closed: XV-101.ZSC, open", "open", "value plant.yaml:"),
        ("stroke_time: 5", "stroke: 5", "unknown-key plant.yaml:"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in SAFETY
    found = texts(folder(tmp_path, SAFETY.replace(old, new, 1)))
    assert any(text.startswith(expected) for text in found), "\n".join(found)


def test_what_is_exported_reads_back(tmp_path: Path) -> None:
    plant = load(folder(tmp_path))
    assert plant.safety.causes[0].sil == 2
    export_folder(plant, tmp_path / "again")
    assert load(tmp_path / "again").to_json() == plant.to_json()


def test_the_demo_plant_runs_with_them() -> None:
    from importlib.resources import files

    plant = load(Path(str(files("anlan.sense.demo") / "plant")))
    numbers = in_memory(plant)
    config: Any = engine_config(plant, numbers, 1)
    assert config.alarms == len(all_rules(plant))
    assert {r.id for r in all_rules(plant)} >= {"BP-07.IF", "AT-203.DUE.ST"}
