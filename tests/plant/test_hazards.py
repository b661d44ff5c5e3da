"""Major hazards in the plant folder: read, checked, exported, compared; and the mass in their tanks as a real calculated point and alarm."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import orjson
import pytest
from test_calculated import Running
from works import PLANT, line, texts, write

from anlan.cli import _register_rooms, app
from anlan.plant.compile import all_rules
from anlan.plant.description import Plant
from anlan.plant.difference import differences
from anlan.plant.folder import load
from anlan.plant.loosening import loosened
from anlan.plant.writing import export_folder
from anlan.risk.hazards.config import LiveMass
from anlan.risk.hazards.masses import LONGEST, formula

NONE = {"HH": "", "H": "", "L": "", "LL": "", "trip": "", "dead_band": ""}
POINTS = (
    line(**NONE),
    line(id="TI-101", kind="temperature", unit="℃", address="hr:2 float32", range_low="-40", range_high="80", **NONE),
    line(id="WI-102", place="U100/V-102", kind="storage.quantity", unit="t", address="hr:4 float32", **NONE),
)
HAZARDS = """\
hazards:
  residents:
    counted_on: 2026-03-01
    source: {zh: 村委会登记, en: Register of the village}
    groups:
      - {name: 东村, people: 60, distance: 320}
      - {name: 西村, people: 900, distance: 800}
  units:
    - id: MH-01
      name: {zh: 液氯罐区, en: Chlorine farm}
      kind: storage
      places: [U100]
      persons: {principal: 李明, technical: 陈静, operating: 王强}
      filing: {number: BA-320582-0012, on: 2024-05-20, authority: 张家港市应急管理局, papers: {assessment: 档案室 3-12}}
      contents:
        - id: V-101
          name: 1号罐
          cas: 7782-50-5
          capacity: 35.5
          filling: 0.85
          density: 1408
          place: V-101
          live:
            level: LT-101
            strapping: {file: V-101.csv, calibrated_on: 2025-06-01, certificate: RJ-88}
            temperature: TI-101
            density: [[0, 1468], [20, 1408], [40, 1344]]
        - {id: V-102, cas: 7782-50-5, tonnes: 5.25, live: {mass: WI-102}}
"""
TABLE = "level,volume\n# 检定证书 RJ-88\n0,0\n10,1.8\n50,17.75\n90,33.7\n100,35.5\n"


def folder(at: Path, hazards: str = HAZARDS, table: str = TABLE) -> Path:
    write(at, *POINTS, plant=PLANT + hazards)
    (at / "V-101.csv").write_text(table, "utf-8")
    return at


def test_it_reads_back_as_it_was_written(tmp_path: Path) -> None:
    plant = load(folder(tmp_path / "in"))
    assert texts(tmp_path / "in") == []
    export_folder(plant, tmp_path / "out")
    again = load(tmp_path / "out")
    assert (again, again.digest) == (plant, plant.digest)
    assert Plant.from_json(plant.to_json()) == plant
    assert plant.hazards.units[0].places == ("works/U100",)
    assert plant.hazards.residents is not None
    assert plant.hazards.residents.within == 60


def test_what_changes_is_told_and_what_weakens_an_alarm_takes_two(tmp_path: Path) -> None:
    before = load(folder(tmp_path / "1"))
    more = load(folder(tmp_path / "2", HAZARDS.replace("tonnes: 5.25", "tonnes: 6")))
    assert [one.text("zh") for one in differences(before, more)] == ["危险源物质 MH-01/V-102:设计最大量 (t) 5.25 → 6"]
    assert {one.alarm for one in loosened(before, more)} == {"V-102.MASS.H"}
    assert loosened(more, before) == []
    gauged = load(folder(tmp_path / "3", table=TABLE.replace("33.7", "33.1")))
    assert [(one.alarm, one.field) for one in loosened(before, gauged)] == [("V-101.MASS", "expression")]
    gone = load(folder(tmp_path / "4", ""))
    assert {one.alarm for one in loosened(before, gone)} >= {"V-101.MASS.H", "V-102.MASS.H"}
    assert {one.text("en") for one in differences(before, gone)} >= {
        "hazard unit MH-01 removed",
        "hazard content MH-01/V-101 removed",
    }


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("7782-50-5\n", "7782-50-6\n", "value plant.yaml:52: 7782-50-6 is no CAS number: its check digit doesn't fit"),
        ("tonnes: 5.25", "tonnes: -2", 'value plant.yaml:62: tonnes was -2; a number ≥ 0 was expected'),
        ("places: [U100]", "places: [U1OO]", "unknown-place plant.yaml:43: place U1OO is not in plant.yaml; did you mean U100?"),
        ("level: LT-101", "level: LT-10", "unknown-point plant.yaml:50: the mass in V-101 is computed from LT-10, which is no point of this plant"),
        ("file: V-101.csv", "file: V-1.csv", "missing-file plant.yaml:59: the strapping table V-1.csv is not in the plant folder"),
        ("file: V-101.csv", "file: ../V-1.csv", "missing-file plant.yaml:59: the strapping table ../V-1.csv is not in the plant folder"),
        ("mass: WI-102", "mass: TI-101", "unit-kind plant.yaml:62: the mass in V-102 is computed from TI-101, which is in Cel; one of kg, t was expected"),
        ("cas: 7782-50-5, tonnes", "substance: 中间体, tonnes", "hazard-incomplete plant.yaml:43: V-102: 中间体 is not in table 1; its class of table 2 is not told (classes)"),
        ("cas: 7782-50-5, tonnes", "cas: 67-56-1, tonnes", "hazard-provisional plant.yaml:43: MH-01: β of V-102 rests on a class that is not checked against the original; write classes"),
        ("filling: 0.85\n          density: 1408", "filling: 1\n          density: 1468", "hazard-strapping plant.yaml:50: the strapping table of V-101 ends at 52.114 t, not above its design maximum 52.114 t"),
        ("assessment: 档案室", "assesment: 档案室", "value plant.yaml:48: papers: assesment is not in the filing list; one of identification, characteristics"),
        ("technical: 陈静, ", "", "hazard-persons plant.yaml:43: MH-01 is a major hazard; its three named persons (principal, technical, operating) are not all told"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_at_its_line(tmp_path: Path, wrong: str, right: str, said: str) -> None:
    assert wrong in HAZARDS
    found = texts(folder(tmp_path, HAZARDS.replace(wrong, right, 1)))
    assert any(one.startswith(said) for one in found), found


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (TABLE.replace("17.75", "17,75"), "strapping V-101.csv:5"),
        (TABLE.replace("50,17.75", "50,a"), "strapping V-101.csv:5: 50,a was read; a level and its contents in m3 were expected"),
        (
            TABLE.replace("50,17.75", "5,17.75"),
            "value plant.yaml:59: strapping: after level 10 with 1.8 m3 came level 5 with 17.75 m3",
        ),
    ],
)
def test_a_strapping_table_that_cannot_be_is_named(tmp_path: Path, table: str, said: str) -> None:
    found = texts(folder(tmp_path, table=table))
    assert any(one.startswith(said) for one in found), found


def test_a_table_in_metres_under_a_level_in_per_cent_is_told(tmp_path: Path) -> None:
    found = texts(folder(tmp_path, table="0,0\n1.5,17\n3,35.5\n"))
    assert found == ["strapping-range plant.yaml:50: the strapping table of V-101 ends at 3 %, and LT-101 reads up to 100 %"]


def test_the_engine_computes_the_mass_and_alarms_above_the_design_maximum(tmp_path: Path) -> None:
    plant = load(folder(tmp_path))
    rules = {rule.id: rule for rule in all_rules(plant)}
    assert rules["V-101.MASS.H"].limit == pytest.approx(42.4864)
    assert rules["V-102.MASS.H"].limit == 5.25
    assert (rules["V-101.MASS.H"].post, rules["V-101.MASS.BAD"].post) == ("panel", "panel")
    running = Running(plant)
    assert running.read(1, LT_101=50, TI_101=10, WI_102=5.2) == []
    assert running.value("V-101.MASS") == pytest.approx(17.75 * 1438 / 1000)
    assert running.value("V-102.MASS") == 5.2
    said = [one for second in range(2, 20) for one in running.read(second, LT_101=90, TI_101=10, WI_102=5.26)]
    assert said == [("V-101.MASS.H", "CONDITION_ON"), ("V-102.MASS.H", "CONDITION_ON")]


def test_levels_in_millimetres_and_masses_in_kilograms_are_converted(tmp_path: Path) -> None:
    level = line(unit="mm", **{**NONE, "range_high": "3000"})
    mass = POINTS[2].replace('"t"', '"kg"')
    write(tmp_path, level, POINTS[1], mass, plant=PLANT + HAZARDS)
    (tmp_path / "V-101.csv").write_text("0,0\n1,10\n2,30\n3,36\n", "utf-8")
    running = Running(load(tmp_path))
    running.read(1, LT_101=1500, TI_101=20, WI_102=5200)
    assert running.value("V-101.MASS") == pytest.approx(20 * 1.408)
    assert running.value("V-102.MASS") == pytest.approx(5.2)


@pytest.mark.parametrize("rows", [2, 12, 400])
def test_the_expression_is_the_table(rows: int) -> None:
    """Against numpy.interp; of a long table at the rows that stay, and within the stated distance at all others."""
    levels = np.linspace(0, 3.2, rows)
    volumes = np.round(50 * (np.arccos(1 - 2 * levels / 3.2) - np.sin(2 * np.arccos(1 - 2 * levels / 3.2)) / 2) / np.pi, 4)
    live = LiveMass.model_validate(
        {
            "level": "LT-1",
            "temperature": "TT-1",
            "strapping": {"table": [[repr(round(float(h), 5)), repr(float(v))] for h, v in zip(levels, volumes, strict=True)]},
            "density": [["-34", "1557"], [0, 1468], [40, 1344]],
        }
    )
    made = formula(live, level="LT", temperature="TT", in_percent=False)
    assert len(made.text) <= LONGEST
    python = made.text.replace(" / 1 m", "").replace(" - 0 Cel) / 1 K", ")").replace(" * 1 t", "")
    chosen = random.Random(7)
    for level, celsius in [(0.0, 0.0), (9.0, 99.0), *((chosen.uniform(-0.5, 3.7), chosen.uniform(-40, 50)) for _ in range(200))]:
        expected = np.interp(level, np.round(levels, 5), volumes) * np.interp(celsius, [-34, 0, 40], [1557, 1468, 1344]) / 1000
        found = eval(python, {"LT": level, "TT": celsius, "max": max, "min": min})  # the same text, read by Python
        assert found == pytest.approx(expected, abs=made.deviation * 1.557 + 1e-9)
    assert made.deviation <= 0.002 * 50


def test_the_command_tells_the_register(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    _register_rooms()
    run = CliRunner()
    found = run.invoke(app, ["risk", "hazards", str(folder(tmp_path)), "--json"], env={"LC_ALL": "zh_CN.UTF-8"})
    told = orjson.loads(found.output)
    (unit,) = told["units"]
    assert (unit["id"], unit["level"], unit["complete"], told["edition"]) == ("MH-01", 2, True, "GB 18218-2018")
    assert unit["s"] == pytest.approx((42.4864 + 5.25) / 5)
    assert unit["r"] == pytest.approx(1.5 * 4 * (42.4864 + 5.25) / 5)
    text = run.invoke(app, ["risk", "hazards", str(tmp_path)], env={"LC_ALL": "zh_CN.UTF-8"}).output
    assert "2 级" in text
    assert "表1 第 12 行" in text


def test_the_page_shows_what_the_command_prints(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    page = (Path(__file__).parents[2] / "docs" / "hazards.md").read_text("utf-8")
    section = page.split("```yaml\n")[1].split("```")[0]
    shown = page.split("```text\n")[1].split("```")[0].splitlines()
    _register_rooms()
    printed = CliRunner().invoke(app, ["risk", "hazards", str(folder(tmp_path, section))], env={"LC_ALL": "zh_CN.UTF-8"})
    assert [one for one in shown if one not in printed.output.splitlines()] == []
