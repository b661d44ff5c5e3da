"""Calculated points, voting groups and alarms that calculate: from the folder to the engine, and what is refused on the way."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from works import COLUMNS, PLANT, line, texts, write

from anlan.model.events.alarms import AlarmKind, AlarmState
from anlan.model.frames import Frame, Kind, Part
from anlan.model.quality import Reason, Severity, quality
from anlan.model.readings import Readings
from anlan.monitor.engine import Engine
from anlan.plant.calculated import watched
from anlan.plant.compile import all_points, all_rules, engine_config
from anlan.plant.description import Plant
from anlan.plant.folder import load
from anlan.plant.version import Numbers
from anlan.plant.writing import export_folder

SECOND = 1_000_000
START = 1_767_225_600 * SECOND
NOTHING = {"HH": "", "H": "", "L": "", "LL": "", "trip": "", "dead_band": "", "range_low": "", "range_high": ""}


def temperature(name: str, address: int) -> str:
    return line(id=name, kind="temperature", unit="℃", address=f"hr:{address} float32", **NOTHING)


def switch(name: str, address: int, kind: str = "running") -> str:
    return line(id=name, kind=kind, unit="", address=f"hr:{address} uint16", states="0=停;1=开;2=故障", **NOTHING)


def chlorine(name: str, address: int) -> str:
    return line(id=name, kind="gas.toxic", unit="ppm", gas="氯", address=f"hr:{address} float32", **NOTHING)


POINTS = (
    temperature("TI-101", 0),
    temperature("TI-102", 2),
    switch("P-101", 4),
    switch("P-101.CMD", 5),
    chlorine("AT-301", 10),
    chlorine("AT-302", 12),
    chlorine("AT-303", 14),
)
CALCULATED = """\
calculated:
  - id: TDI-101
    name: 进出口温差
    place: U100/V-101
    unit: ℃
    expression: TI-101 - TI-102
votes:
  - id: AV-300
    name: 氯气表决
    place: U100
    needed: 2
    members: [AT-301, AT-302, AT-303]
    limit: 0.6
    dead_band: 0.1
    corrective_action: 撤离并切断
    consequence: 氯气泄漏
    time_to_respond: 60
"""
REST = "    priority: 3\n    corrective_action: 查\n    consequence: 损坏\n    time_to_respond: 600\n"
RULES = [
    "{point: TI-101, kind: ROC, limit: 3, window: 60, direction: up",
    "{point: TI-101, kind: DEV, limit: 5, against: TI-102",
    "{point: TI-102, kind: FRZ, limit: 0, window: 60",
    "{point: P-101, kind: DIS, against: P-101.CMD, on_delay: 10",
    "{point: P-101, kind: TIS, states: [2], limit: 30",
    "{point: P-101, kind: CNT, states: [1], limit: 3, window: 600",
    '{point: TI-101, kind: IF, when: "TI-101 > 80 and P-101 = 1"',
    '{point: TI-102, kind: L, limit: 10, suppress_when: "P-101 = 0"',
    "{point: TDI-101, kind: H, limit: 40",
]


def folder(tmp_path: Path, *rules: str, calculated: str = CALCULATED, points: tuple[str, ...] = POINTS, header: str = COLUMNS) -> Path:  # fmt: skip
    rest = ", priority: 3, corrective_action: 查, consequence: 损坏, time_to_respond: 600}"
    listed = "".join(f"    - {rule}{rest}\n" for rule in rules)
    plant = PLANT.replace(
        "alarms:\n  stale: safety\n", f"{calculated}alarms:\n  stale: safety\n" + (f"  rules:\n{listed}" if rules else "")
    )
    return write(tmp_path / "plant", *points, plant=plant, header=header)


def numbers_of(plant: Plant) -> Numbers:
    points = {p.id: n for n, p in enumerate(all_points(plant), start=1)}
    return Numbers(
        {s.id: n for n, s in enumerate(plant.sources, start=1)},
        points,
        {r.id: n for n, r in enumerate(all_rules(plant), start=1)},
    )


class Running:
    """A plant in an engine; one value for each named point at a time."""

    def __init__(self, plant: Plant) -> None:
        self.plant, self.numbers, self.engine = plant, numbers_of(plant), Engine()
        self._step(Kind.CONFIG, 0, engine_config(plant, self.numbers, 1).to_bytes())

    def _step(self, kind: Kind, at: float, body: bytes, rows: int = 1) -> list[tuple[str, str]]:
        part = Part(kind, 1 if kind is Kind.READINGS else 0, START, 0, START + round(at * SECOND), rows, body)
        found = self.engine.step(Frame(self.engine.frame + 1, (part,)))
        assert not found.faults, found.faults
        names = {n: i for i, n in self.numbers.alarms.items()}
        return [(names[t.alarm], t.trigger.name) for t in found.events()]

    def read(self, at: float, **values: float) -> list[tuple[str, str]]:
        rows = [
            (self.numbers.points[p.replace("_", "-").replace("--", ".")], START + round(at * SECOND), v, 0)
            for p, v in values.items()
        ]
        return self._step(Kind.READINGS, at, Readings.of(rows).to_bytes(), len(rows))

    def value(self, point: str) -> float:
        return float(self.engine.live([self.numbers.points[point]]).value[0])

    def state(self, alarm: str) -> AlarmState:
        return self.engine.state_of(self.numbers.alarms[alarm])


def test_every_kind_of_alarm_runs_in_the_engine(tmp_path: Path) -> None:
    running = Running(load(folder(tmp_path, *RULES)))
    found: list[tuple[str, str]] = []
    for second in range(1, 130):
        found += running.read(second, TI_101=20 + second * 0.1, TI_102=20.0, P_101=1, P_101__CMD=1)
    on = [alarm for alarm, trigger in found if trigger == "CONDITION_ON"]
    assert sorted(on) == ["TI-101.DEV", "TI-101.ROC", "TI-102.FRZ"]
    assert running.value("TI-101.ROC") == pytest.approx(6.0)  # ℃/min
    assert running.value("TDI-101") == pytest.approx(12.9)
    on = [alarm for second in range(130, 145) for alarm, _ in running.read(second, TI_101=90, TI_102=20.0, P_101=1, P_101__CMD=0)]
    assert "TI-101.IF" in on
    assert "TDI-101.H" in on
    assert "P-101.DIS" in on
    on = [alarm for second in range(145, 200) for alarm, _ in running.read(second, TI_101=90, TI_102=5.0, P_101=2, P_101__CMD=0)]
    assert "P-101.TIS" in on
    assert "TI-102.L" in on
    times = [alarm for second in range(200, 206) for alarm, _ in running.read(second, TI_101=90, TI_102=5.0, P_101=second % 2)]
    assert "P-101.CNT" in times
    running.read(206, P_101=0)
    assert running.state("TI-102.L") is AlarmState.SUPPRESSED


def test_a_voting_group_alarms_and_tells_when_too_few_are_left(tmp_path: Path) -> None:
    running = Running(load(folder(tmp_path)))
    assert running.read(1, AT_301=0.0, AT_302=0.0, AT_303=0.0) == []
    assert running.value("AV-300.HEALTHY") == 3
    assert running.read(2, AT_301=1.2, AT_302=0.0, AT_303=0.0) == []
    assert running.read(3, AT_301=1.2, AT_302=1.0, AT_303=0.0) == [("AV-300.ST", "CONDITION_ON")]
    bad = 2 << 14
    rows = [(running.numbers.points[p], START + 4 * SECOND, 0.0, bad) for p in ("AT-302", "AT-303")]
    found = running._step(Kind.READINGS, 4, Readings.of(rows).to_bytes(), 2)
    assert ("AV-300.HEALTHY.L", "CONDITION_ON") in found
    assert running.state("AV-300.ST") is AlarmState.UNACKNOWLEDGED


def test_what_is_exported_reads_back(tmp_path: Path) -> None:
    plant = load(folder(tmp_path, *RULES))
    export_folder(plant, tmp_path / "again")
    assert load(tmp_path / "again").to_json() == plant.to_json()


def test_a_rule_of_one_reading_is_watched_as_it_is(tmp_path: Path) -> None:
    plant = load(folder(tmp_path, *RULES))
    assert watched(plant.rules[0]).kind.name in {"HIGH", "LOW", "STATE"}
    low = next(r for r in plant.rules if r.id == "TI-102.L")
    assert watched(low) is low


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("{point: TI-101, kind: ROC, limit: 3", "needs window"),
        ("{point: TI-101, kind: ROC, limit: -3, window: 60", "a number above 0 was expected"),
        ("{point: TI-101, kind: H, limit: 3, window: 60", "takes no window"),
        ("{point: TI-101, kind: DEV, limit: 3, against: TI-999", "TI-999"),
        ("{point: TI-101, kind: DEV, limit: 3, against: P-101", "P-101"),
        ('{point: TI-101, kind: IF, when: "TI-101 >> 80"', "at character 9"),
        ('{point: TI-101, kind: IF, when: "TI-101 + 80"', "is a number; a condition was expected"),
        ('{point: TI-101, kind: L, limit: 3, suppress_when: "P-101 = "', "TI-101.L"),
        ("{point: P-101, kind: ROC, limit: 3, window: 60", "has states, not values"),
        ("{point: TI-101, kind: TIS, limit: 3, states: [1]", "has limits, not states"),
        ("{point: P-101, kind: CNT, limit: 3, window: 60", "needs at least one state"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_named(tmp_path: Path, rule: str, said: str) -> None:
    found = texts(folder(tmp_path, rule))
    mistakes = [text for text in found if said in text]
    assert mistakes, found
    assert "plant.yaml:" in mistakes[0]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (
            "calculated: [{id: X-1, name: x, expression: 'max(X-1, TI-101)', unit: ℃}]\n",
            "X-1 is calculated from itself: X-1 ← X-1",
        ),
        ("calculated: [{id: X-1, name: x, expression: TI-101 - TI-102}]\n", "write unit: Cel"),
        ("calculated: [{id: X-1, name: x, expression: TI-101 > 3}]\n", "write kind: condition"),
        ("calculated: [{id: X-1, name: x, expression: AT-301 - TI-102, unit: ℃}]\n", "TI-102"),
        ("calculated: [{id: TI-101, name: x, expression: TI-102, unit: ℃}]\n", "a second time"),
        ("calculated: [{id: X-1, name: x, place: U999, expression: TI-102, unit: ℃}]\n", "U999"),
        ("votes: [{id: V-1, name: x, needed: 2, members: [AT-301, AT-309], limit: 1}]\n", "AT-309"),
        ("votes: [{id: V-1, name: x, needed: 3, members: [AT-301, AT-302], limit: 1}]\n", "needed was 3"),
        ("votes: [{id: V-1, name: x, needed: 1, members: [AT-301, TI-101], limit: 1}]\n", "measures Cel"),
        ("votes: [{id: V-1, name: x, needed: 1, members: [AT-301, AT-302]}]\n", "either limit or states"),
        (
            "votes: [{id: V-1, name: x, needed: 1, members: [AT-301, AT-302], limit: 1}]\n",
            "HH is 294.7 %OEL, above 200 %OEL of GB/T 50493-2019 5.5.2",
        ),
    ],
)
def test_a_calculation_that_cannot_be_meant_is_named(tmp_path: Path, section: str, said: str) -> None:
    found = texts(folder(tmp_path, calculated=section))
    mistakes = [text for text in found if said in text]
    assert mistakes, found


# --- calculations that come to nothing


@pytest.mark.parametrize(
    ("rule", "wrong"),
    [
        ("{point: TI-101, kind: ROC, limit: 3, window: 59", True),
        ("{point: TI-101, kind: ROC, limit: 3, window: 60", False),
        ("{point: TI-101, kind: FRZ, limit: 0, window: 59", True),
        ('{point: TI-102, kind: IF, when: "avg(TI-101 over 0.9 min) > 3 Cel"', True),
        ('{point: TI-102, kind: IF, when: "avg(TI-101 over 1 min) > 3 Cel"', False),
        ('{point: TI-102, kind: IF, when: "count(TI-102 > 3 Cel and TI-101 > 3 Cel over 40 s) > 2"', True),
        ('{point: TI-102, kind: IF, when: "TI-102 > 3 Cel or max(TDI-101 over 40 s) > 3 Cel"', True),  # of TI-101 too
        ('{point: TI-102, kind: IF, when: "hold(TI-101 > 3 Cel for 5 s)"', False),
        ("{point: TI-102, kind: ROC, limit: 3, window: 10", False),  # read every second
    ],
)
def test_a_window_that_never_holds_two_readings_is_a_mistake(tmp_path: Path, rule: str, wrong: bool) -> None:
    found = texts(folder(tmp_path, rule, points=slow(), header=COLUMNS + ",period"))
    assert any("TI-101 is read every 30 s" in text for text in found) is wrong, found


def slow() -> tuple[str, ...]:
    """TI-101 every 30 s, the rest as they are."""
    return tuple(f"{p},30" if p.startswith('"TI-101"') else f"{p}," for p in POINTS)


DEV = "{point: TI-101, kind: DEV, limit: 5, against: TI-102"
ROC = "{point: TI-101, kind: ROC, limit: 3, window: 60"
ON_CALCULATED = "{point: TDI-101, kind: H, limit: 40"
FAILED = int(quality(Severity.BAD, Reason.SENSOR_FAILURE))


def test_every_calculation_that_an_alarm_stands_on_has_an_alarm_of_its_own_bad_quality(tmp_path: Path) -> None:
    suppressed = '{point: TI-102, kind: L, limit: 10, suppress_when: "P-101 = 0"'
    plant = load(folder(tmp_path, DEV, ROC, ON_CALCULATED, suppressed))
    calculated = {p.id for p in all_points(plant)} - {p.id for p in plant.points}
    blind = {r.id: r for r in all_rules(plant) if r.kind is AlarmKind.BAD_QUALITY and r.point in calculated}
    assert set(blind) == {"TI-101.DEV.BAD", "TI-101.ROC.BAD", "TDI-101.BAD", "AV-300.BAD"}
    assert all(r.priority == plant.alarms.quality_priority and r.corrective_action.zh for r in blind.values())
    assert "TI-101.ROC" in blind["TI-101.ROC.BAD"].consequence.en
    # the delay of quality, the period of the inputs (1 s), the window
    assert {name: r.on_delay for name, r in blind.items()} == {
        "TI-101.DEV.BAD": 6, "TI-101.ROC.BAD": 66, "TDI-101.BAD": 6, "AV-300.BAD": 6
    }  # fmt: skip
    numbers_of(plant)


def test_a_calculated_point_that_no_alarm_stands_on_has_none(tmp_path: Path) -> None:
    ids = {r.id for r in all_rules(load(folder(tmp_path)))}
    assert "TDI-101.BAD" not in ids
    assert "AV-300.HEALTHY.BAD" not in ids


def test_one_that_the_plant_takes_away_is_no_mistake(tmp_path: Path) -> None:
    gone = "{id: TI-101.DEV.BAD, point: TI-101.DEV, kind: BAD, enabled: false"
    plant = load(folder(tmp_path, DEV, gone))
    assert [r.enabled for r in all_rules(plant) if r.id == "TI-101.DEV.BAD"] == [False]
    wrong = texts(folder(tmp_path / "b", DEV, "{id: TI-102.DEV.BAD, point: TI-102.DEV, kind: BAD, enabled: false"))
    assert any("TI-102.DEV" in text for text in wrong)


def test_an_alarm_that_cannot_be_calculated_is_told_and_a_start_is_not(tmp_path: Path) -> None:
    running = Running(load(folder(tmp_path, DEV, ROC)))
    found = [one for second in range(1, 80) for one in running.read(second, TI_101=20.0, TI_102=20.0)]
    assert found == []
    failed: list[tuple[str, str]] = []
    for second in range(80, 160):
        rows = [(running.numbers.points["TI-102"], START + second * SECOND, 0.0, FAILED)]
        failed += running._step(Kind.READINGS, second, Readings.of(rows).to_bytes())
        failed += running.read(second, TI_101=20.0)
    assert failed == [("TI-101.DEV.BAD", "CONDITION_ON")]
    assert running.read(161, TI_101=20.0, TI_102=20.0) == [("TI-101.DEV.BAD", "CONDITION_OFF")]


def test_a_lost_source_is_told_once_and_not_by_every_calculation(tmp_path: Path) -> None:
    running = Running(load(folder(tmp_path, DEV, ROC)))
    for second in range(1, 70):
        running.read(second, TI_101=20.0, TI_102=20.0)
    found = []
    for second in range(70, 200):
        tick = {"now": START + second * SECOND, "sources": {str(running.numbers.sources["plc"]): "down"}}
        found += running._step(Kind.TICK, second, orjson.dumps(tick))
    assert {alarm for alarm, _ in found if alarm.startswith(("TI-", "plc"))} == {"plc.VIEW"}
