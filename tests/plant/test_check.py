"""Each check of `anlan check`, by its exact words: file, line, what was found, what was expected, how to mend it."""

from pathlib import Path

import pytest
from works import COLUMNS, PLANT, gas, line, texts, write

from anlan.plant.findings import PlantMistakes
from anlan.plant.folder import check, load


def test_the_valid_folder_has_no_finding(tmp_path: Path) -> None:
    assert texts(write(tmp_path)) == []


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        # limits
        (line(HH="80"), "limit-order points.csv:2: LT-101: HH 80 is not above H 80 — limits must rise: LL < L < H < HH"),
        (line(HH="70"), "limit-order points.csv:2: LT-101: HH 70 is not above H 80 — limits must rise: LL < L < H < HH"),
        (line(L="85"), "limit-order points.csv:2: LT-101: H 80 is not above L 85 — limits must rise: LL < L < H < HH"),
        (line(HH="", H="5", L=""), "limit-order points.csv:2: LT-101: H 5 is not above LL 10 — limits must rise: LL < L < H < HH"),
        (line(HH="101", trip=""), "limit-range points.csv:2: LT-101: HH 101 lies outside the range 0 … 100: it could never alarm"),
        (line(range_high="", LL="-1"), "limit-range points.csv:2: LT-101: LL -1 lies outside the range 0 … : it could never alarm"),
        (line(trip=">85"), "trip points.csv:2: LT-101: HH 90 is not below its trip 85: the operator would have no time to act"),
        (line(trip="90"), "trip-side points.csv:2: trip 90 does not tell whether it acts above or below — write >90 or <90"),
        (line(trip="<10"), "trip points.csv:2: LT-101: LL 10 is not above its trip 10: the operator would have no time to act"),
        (line(dead_band="10"), "dead-band points.csv:2: LT-101.L: dead band 10 reaches the next limit, 10 away"),
        (line(dead_band="-1"), "value points.csv:2: dead_band was -1.0; a number ≥ 0 was expected"),
        (line(range_low="100"), "range points.csv:2: range 100 … 100: the low end must be below the high end"),
        (line(H="80%"), 'value points.csv:2: H was "80%"; a number was expected'),
        (line(H="0,8"), 'value points.csv:2: H was "0,8"; a number was expected'),
        # what an alarm needs
        (line(place="U200"), "no-post points.csv:2: LT-101.HH: priority 2 without a post: nobody could acknowledge it — fill post, or give the place a post"),
        (line(corrective_action_zh=""), "no-action points.csv:2: LT-101.HH: no corrective action: what the operator need not act on is an event, not an alarm"),
        (line(consequence_zh=""), "no-consequence points.csv:2: LT-101.HH: no consequence: what happens if nobody acts?"),
        (line(time_to_respond=""), "no-time points.csv:2: LT-101.HH: no time to respond: how long does the operator have?"),
        (line(priority="5"), "value points.csv:2: priority was 5; a number ≤ 4 was expected"),
        (line(priority="1.5"), 'value points.csv:2: priority was "1.5"; a whole number was expected'),
        (line(post="pannel"), "unknown-post points.csv:2: the post pannel is not in plant.yaml — there is: panel"),
        # what a point needs
        (line(id="LT 101"), "value points.csv:2: id 'LT 101': ASCII letters, digits, '.', '-' and '_' were expected, for example AT-203"),
        (line(id=""), "missing-cell points.csv:2: id (位号) is empty"),
        (line(name_zh=""), "missing-cell points.csv:2: name_zh (名称) is empty"),
        (line(source="plcc"), "unknown-source points.csv:2: source plcc is not in plant.yaml — there is: plc"),
        (line(place="U10"), "unknown-place points.csv:2: place U10 is not in plant.yaml; did you mean U100?"),
        (line(kind="levle"), "unknown-kind points.csv:2: kind levle is not known; did you mean level?"),
        (line(unit="MPaX"), "unknown-unit points.csv:2: unit MPaX is not known; did you mean MPa?"),
        (line(unit=""), "missing-unit points.csv:2: LT-101 has no unit — a level is measured for example in %"),
        (line(unit="℃"), "unit-kind points.csv:2: LT-101: the unit Cel does not fit the kind level — expected for example: %"),
        (line(unit="bar", kind="pressure"), "pressure-basis points.csv:2: LT-101: pressure in bar does not say gauge or absolute — write barG or barA, or fill pressure_basis"),
        (line(address="hr:x"), "address points.csv:2: "),
        (line(was="LT-101"), "rename points.csv:2: LT-101 was LT-101, but LT-101 is still in the list"),
        (line(kind="trip", unit=""), "discrete-limit points.csv:2: LT-101.HH: a point of the kind trip has states, not limits — write the states that alarm under ST"),
        (line(ST="1"), "analogue-state points.csv:2: LT-101.ST: a point of the kind level has limits, not states"),
        (
            line(kind="trip", unit="", HH="", H="", L="", LL="", trip="", dead_band="", range_low="", range_high="", ST="2", states="0=关/Off; 1=开/On"),
            "unknown-state points.csv:2: LT-101.ST: LT-101 has no state 2 — its states are 0, 1",
        ),
        (line(states="open"), 'value points.csv:2: states was "open"; states such as 0=关/Closed; 1=开/Open was expected'),
        # gas
        (gas("26"), "gas-limit points.csv:2: AT-1.H: H is 26 %LEL, above 25 %LEL of GB/T 50493-2019 5.5.2 — set it to 25 %LEL or lower"),
        (gas("", HH="51"), "gas-limit points.csv:2: AT-1.HH: HH is 51 %LEL, above 50 %LEL of GB/T 50493-2019 5.5.2 — set it to 50 %LEL or lower"),
        (gas("101", kind="gas.toxic", unit="%OEL", gas="氯"), "gas-limit points.csv:2: AT-1.H: H is 101 %OEL, above 100 %OEL of GB/T 50493-2019 5.5.2 — set it to 100 %OEL or lower"),
        (gas("", HH="201", kind="gas.toxic", unit="%OEL", gas="氯"), "gas-limit points.csv:2: AT-1.HH: HH is 201 %OEL, above 200 %OEL of GB/T 50493-2019 5.5.2 — set it to 200 %OEL or lower"),
        (gas("1.1", kind="gas.toxic", unit="mg/m3", gas="氯"), "gas-limit points.csv:2: AT-1.H: H is 110 %OEL, above 100 %OEL of GB/T 50493-2019 5.5.2 — set it to 100 %OEL or lower"),
        (gas("1", kind="gas.toxic", unit="ppm", gas="氯", range_low="0", range_high="0.9"), "limit-range points.csv:2: AT-1: H 1 lies outside the range 0 … 0.9: it could never alarm"),
        (gas("1", kind="gas.toxic", unit="ppm", gas="氯", range_low="0", range_high="10"), "gas-limit-idlh points.csv:2: AT-1.H: 295 %OEL is above 100 %OEL, but within 5 %IDLH, which holds because the detector reaches to 2947 %OEL (GB/T 50493-2019 5.5.2)"),
        (gas("2", kind="gas.toxic", unit="ppm", gas="氯", range_low="0", range_high="10"), "gas-limit points.csv:2: AT-1.H: H is 589.5 %OEL, above 100 %OEL of GB/T 50493-2019 5.5.2 — set it to 100 %OEL or lower"),
        (gas("6", kind="gas.toxic", unit="%IDLH", gas="氯"), "gas-limit points.csv:2: AT-1.H: H is 6 %IDLH, above 5 %IDLH of GB/T 50493-2019 5.5.2 — set it to 5 %IDLH or lower"),
        (gas("2", unit="%VOL"), "gas-limit-unverified points.csv:2: AT-1.H: H is 40 %LEL, above 25 %LEL of GB/T 50493-2019 5.5.2 (numbers not verified against the original text)"),
        (gas("1", kind="gas.toxic", unit="ppm", gas=""), "no-gas points.csv:2: AT-1: the detector does not say for which gas — fill the column gas, for example 氯 or CH4"),
        (gas("20", gas=""), "no-gas points.csv:2: AT-1: the detector does not say for which gas — fill the column gas, for example 氯 or CH4"),
        (gas("1", kind="gas.toxic", unit="ppm", gas="氯化物"), "gas points.csv:2: gas 氯化物 is not known; a name, formula or CAS number was expected: 氯化氢?"),
        (gas("", kind="gas.oxygen", unit="%VOL", gas="", L="18"), "gas-limit-unverified points.csv:2: AT-1.L: L is 18 %VOL, below 19.5 %VOL of GB/T 50493-2019 5.5.2 (numbers not verified against the original text)"),
        (gas("20", principle=""), "no-principle points.csv:2: AT-1: the detector does not say how it measures, so a reading over range is not held until it is reset on site — fill the column principle, for example catalytic or infrared"),
        (gas("20", principle="催化燃烧"), "no-range points.csv:2: AT-1: the end of its range is not given, so a reading over range can only be known if the device says so — fill the column range_high"),
        (gas("20", principle="catalitic"), "unknown-principle points.csv:2: principle catalitic is not known; did you mean catalytic?"),
        (gas("1", kind="gas.toxic", unit="ppm", gas="锑化氢"), "gas-limit-unknown points.csv:2: AT-1.H: its limit in ppm cannot be compared with %OEL: stibine has no exposure limit in the tables"),
    ],
)  # fmt: skip
def test_a_line_of_points_csv(tmp_path: Path, row: str, expected: str) -> None:
    found = texts(write(tmp_path, row))
    assert any(text.startswith(expected) for text in found), "\n".join(found)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("region: ", "regoin: ", "unknown-key plant.yaml:5: unknown key regoin — did you mean region?"),
        ("posts:", "posst:", "unknown-key plant.yaml:7: unknown key posst — did you mean posts?"),
        ("    post: panel", "    post: panle", "unknown-post plant.yaml:11: the post panle is not in plant.yaml — there is: panel"),
        ("Asia/Shanghai", "Asia/Shanghia", "zone plant.yaml:6: Asia/Shanghia is not a time zone — did you mean Asia/Shanghai?"),
        ('region: "320582"', 'region: "320599"', "region plant.yaml:5: region 320599 is not in GB/T 2260; did you mean "),
        ("91320582MA0000007B", "91320582MA0000007C", "credit-code plant.yaml:4: credit code 91320582MA0000007C: the last character should be B, not C"),
        ("  id: works", "  key: works", "missing-key plant.yaml:1: the key id is missing"),
        ("  id: works", "  id: 企业", "value plant.yaml:2: id '企业': ASCII letters, digits, '.', '-' and '_' were expected, for example AT-203"),
        ("- id: V-102", "- id: V-101", "duplicate-id plant.yaml:17: the place works/U100/V-101 stands here a second time; the first is in line 15"),
        ("[[0, 0], [10, 0], [10, 10], [0, 10]]", "[[0, 0], [10, 10], [10, 0], [0, 10]]", "polygon plant.yaml:22: the polygon of A100 crosses itself: side 1 and side 3 — list the corners in order around the area"),
        ("[[0, 0], [10, 0], [10, 10], [0, 10]]", "[[0, 0], [10, 0]]", "value plant.yaml:25: polygon needs at least 3 entries"),
        ("    place: U100", "    place: U1", "unknown-place plant.yaml:22: place U1 is not in plant.yaml; did you mean U100?"),
        ("driver: modbus", "driver: modbuss", "unknown-driver plant.yaml:28: there is no driver 'modbuss'; installed are: "),
        ("host: 127.0.0.1", "hots: 127.0.0.1", "unknown-key plant.yaml:30: unknown key hots — did you mean host?"),
        ("host: 127.0.0.1", "hots: 127.0.0.1", "missing-key plant.yaml:27: the key host is missing"),
        ("    host: 127.0.0.1", "    host: 127.0.0.1\n    port: high", 'value plant.yaml:31: port was "high"; a whole number was expected'),
        ("    host: 127.0.0.1", "    host: 127.0.0.1\n  - id: plc\n    driver: modbus\n    host: h", "duplicate-id plant.yaml:31: the source plc stands here a second time; the first is in line 27"),
        ("    host: 127.0.0.1", "    host: 127.0.0.1\n  - id: two\n    driver: modbus\n    host: h", "idle-source plant.yaml:31: no point is read from the source two"),
        ("stale: safety", "stale: safe", "value plant.yaml:32: stale was \"safe\"; one of 'safety', 'all' or 'none' was expected"),
        ("stale: safety", "rules: [{point: LT-102, kind: H, limit: 3, post: panel}]", "unknown-point plant.yaml:32: the point LT-102 is not in the list — did you mean LT-101?"),
        ("stale: safety", "rules: [{id: LT-101.X, point: LT-101, kind: H, limit: 81}]", "rule-id plant.yaml:32: the rule LT-101.X should be called LT-101.H"),
        ("stale: safety", "rules: [{point: LT-101, kind: H, limit: 95}]", "limit-order points.csv:2: LT-101: HH 90 is not above H 95 — limits must rise: LL < L < H < HH"),
        ("stale: safety", "rules: [{point: LT-101, kind: HI, limit: 95}]", "value plant.yaml:32: kind was"),
        ("stale: safety", "rules: yes", 'value plant.yaml:32: rules was "yes"; a list was expected'),
        ("gas_temperature: 20", "gas_temperature: 200", "value plant.yaml:34: gas_temperature was 200; a number ≤ 80 was expected"),
        ("  zone: Asia/Shanghai", "  id: other", "duplicate-key plant.yaml:6: the key id stands here a second time; the first is in line 2"),
        ("  zone: Asia/Shanghai", "\tzone: Asia/Shanghai", "tab plant.yaml:6: a tab is used to indent — indent with spaces"),
        ("  zone: Asia/Shanghai", "  zone: [", "yaml plant.yaml:8: a value is missing before -, or a bracket above is still open"),
        ("  zone: Asia/Shanghai", "  anchor: {longitude: 200, latitude: 31}", "value plant.yaml:6: longitude was 200; a number ≤ 180 was expected"),
        ("plant:\n  id: works", "a: b\nplan:\n  id: works", "missing-key plant.yaml:1: the key plant is missing"),
        (PLANT, "", "value plant.yaml:1: the file must hold sections: plant, posts, shifts, places, areas, sources, calculated, votes, safety, detectors, documents, cameras, drawings, hazards, alarms, data"),
    ],
)  # fmt: skip
def test_a_line_of_plant_yaml(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert old in PLANT
    found = texts(write(tmp_path, plant=PLANT.replace(old, new, 1)))
    assert any(text.startswith(expected) for text in found), "\n".join(found)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (COLUMNS.replace(",gas,", ",gass,"), "unknown-column points.csv:1: unknown column gass — did you mean gas?"),
        (COLUMNS.replace(",gas,", ",HH,"), "duplicate-column points.csv:1: two columns mean HH — keep one of them"),
        (COLUMNS.replace(",address,", ",,"), "missing-column points.csv:1: the column address (地址) is missing"),
        (COLUMNS.replace(",gas,", ",priority_ST,"), None),
        (COLUMNS.removesuffix(",states,was"), None),
    ],
)
def test_the_header(tmp_path: Path, header: str, expected: str | None) -> None:
    found = texts(write(tmp_path, header=header))
    assert [text for text in found if expected and text.startswith(expected)] == [expected] * bool(expected), "\n".join(found)


def test_two_lines_that_clash(tmp_path: Path) -> None:
    found = texts(write(tmp_path, line(), line(), line(id="LT-102")))
    assert found == [
        "duplicate-id points.csv:3: the point LT-101 stands here a second time; the first is in line 2",
        "same-address points.csv:4: LT-102 reads the same address as LT-101: hr:0 float32 of plc",
    ]


def test_two_points_that_were_one(tmp_path: Path) -> None:
    found = texts(write(tmp_path, line(was="LT-1"), line(id="LT-102", address="hr:2 float32", was="LT-1")))
    assert found == ["rename points.csv:3: LT-102 and LT-101 both were LT-1"]


def test_a_cell_too_many_and_a_cell_for_no_alarm(tmp_path: Path) -> None:
    assert texts(write(tmp_path, line() + ",more")) == [
        "too-many-cells points.csv:2: the row has 26 cells, the header 25 — put a text that contains the separator in quotation marks"
    ]
    found = texts(write(tmp_path, line() + ",1", header=COLUMNS + ",priority_ST"))
    assert found == ["idle-cell points.csv:2: priority_ST is given, but ST is empty: there is no such alarm"]


def test_the_on_delay_must_leave_time_to_act(tmp_path: Path) -> None:
    found = texts(write(tmp_path, line() + ",300", header=COLUMNS + ",on_delay_H"))
    assert found == ["late-alarm points.csv:2: LT-101.H: the on-delay of 300 s leaves nothing of the 300 s to respond"]


def test_priority_three_without_a_post_only_warns(tmp_path: Path) -> None:
    checked = check(write(tmp_path, line(place="U200", priority="3")))
    assert checked.plant is not None
    assert {f.name for f in checked.findings} == {"no-post"}


def test_missing_files(tmp_path: Path) -> None:
    assert texts(tmp_path)[0].startswith("missing-file plant.yaml: there is no such file in ")
    write(tmp_path)
    (tmp_path / "points.csv").rename(tmp_path / "points.old")
    assert texts(tmp_path)[0].startswith("points-file points.csv: there is no points.csv or points.xlsx in ")
    (tmp_path / "points.csv").touch()
    assert (
        texts(tmp_path)[0] == "empty points.csv: has no header and no points — the first line names the columns: id,place,kind,…"
    )
    (tmp_path / "points.xlsx").touch()
    assert texts(tmp_path)[0] == "points-file points.xlsx: stands beside points.csv: which one holds? — keep one of them"


def test_all_mistakes_come_at_once_and_in_both_languages(tmp_path: Path) -> None:
    plant = PLANT.replace("region: ", "regoin: ").replace("host: ", "hots: ")
    folder = write(tmp_path, line(HH="70"), line(id="LT-102", address="hr:2 float32", unit="?"), gas("60"), plant=plant)
    with pytest.raises(PlantMistakes) as refusal:
        load(folder)
    findings = refusal.value.findings
    assert [f.name for f in findings] == ["unknown-key", "missing-key", "unknown-key", "limit-order", "unknown-unit", "gas-limit"]
    assert all(f.text("zh") != f.text("en") for f in findings)
    assert str(refusal.value).splitlines()[:2] == [
        "6 mistakes in the plant folder; `anlan check` explains them:",
        "  plant.yaml:5: unknown key regoin — did you mean region?",
    ]
    assert refusal.value.text("zh").splitlines()[1] == "  plant.yaml:5: 未知的键 regoin — 是否想写 region?"


def test_a_rule_in_plant_yaml_replaces_the_one_of_the_line(tmp_path: Path) -> None:
    rules = "rules: [{point: LT-101, kind: H, limit: 75, post: panel, consequence: 溢流, corrective_action: 停泵, time_to_respond: 60}]"
    plant = load(write(tmp_path, plant=PLANT.replace("stale: safety", rules)))
    limits = {rule.id: rule.limit for rule in plant.rules}
    assert limits == {"LT-101.HH": 90, "LT-101.H": 75, "LT-101.L": 20, "LT-101.LL": 10}
