"""Point lists as plants really keep them: encodings, merged headers, full-width digits, numbers as text."""

import csv
from pathlib import Path

import openpyxl
import pytest
from works import COLUMNS, LEVEL, line, texts, write

from anlan.model.errors import ConfigError, InputError
from anlan.plant.folder import load
from anlan.plant.points_file import read_list, write_points
from anlan.plant.sheet import read_sheets

CHINESE = """\
位号,名称,位置,类型,单位,量程下限,量程上限,数据源,地址,高高报,高报,低报,低低报,联锁值,死区,优先级,后果,处置措施,响应时间
LT-101,液位,U100/V-101,液位,％,０,１００,plc,hr:0 float32,９０,８０，,20,10,＞95,1,2,溢流,停泵,300
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16"])
def test_any_encoding_that_excel_saves(tmp_path: Path, encoding: str) -> None:
    write(tmp_path)
    text = CHINESE.replace("８０，,", "８０,")
    (tmp_path / "points.csv").write_bytes(text.replace("\n", "\r\n").encode(encoding))
    plant = load(tmp_path)
    assert plant.points[0].name.zh == "液位"
    assert {rule.id: rule.limit for rule in plant.rules} == {"LT-101.HH": 90, "LT-101.H": 80, "LT-101.L": 20, "LT-101.LL": 10}
    assert plant.trips[0].high == 95


def test_a_byte_that_is_in_no_encoding_is_named_by_its_line(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "points.csv").write_bytes(COLUMNS.encode() + b"\n\xff\xff\n")
    assert texts(tmp_path)[0] == "encoding points.csv:2: is neither UTF-8 nor GBK text — save it as UTF-8"


def test_an_open_quotation_mark_is_named_by_its_line(tmp_path: Path) -> None:
    write(tmp_path, line(), '"LT-102,U100')
    assert texts(tmp_path)[0].startswith("encoding points.csv:3: is not a CSV table: ")


@pytest.mark.parametrize("separator", ["\t", ";", "，"])
def test_other_separators(tmp_path: Path, separator: str) -> None:
    write(tmp_path)
    names = [name for name in LEVEL if name != "trip"]
    rows = [separator.join(names), separator.join(LEVEL[name] for name in names)]
    (tmp_path / "points.csv").write_text("\n".join(rows), "utf-8")
    assert len(load(tmp_path).rules) == 4


def test_empty_rows_and_quoted_line_breaks_keep_the_line_numbers(tmp_path: Path) -> None:
    write(tmp_path, ",,,", line(consequence_zh="溢流\n着火"), "", line(id="LT-102", address="hr:2 float32", HH="1"))
    assert texts(tmp_path) == ["limit-order points.csv:6: LT-102: HH 1 is not above H 80 — limits must rise: LL < L < H < HH"]


def test_thousands_dashes_and_yes(tmp_path: Path) -> None:
    header, row = (
        COLUMNS + ",safety,calibration_due",
        line(range_high="1,000", LL="—", L="/", dead_band="无") + ",是,2027年3月1日",
    )
    plant = load(write(tmp_path, row, header=header))
    point = plant.points[0]
    assert (point.range_high, point.safety) == (1000, True)
    assert point.calibration is not None
    assert point.calibration.due.isoformat() == "2027-03-01"
    assert [rule.id for rule in plant.rules] == ["LT-101.H", "LT-101.HH"]


def test_a_workbook_as_the_folder_s_list(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "points.csv").unlink()
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(LEVEL))
    sheet.append([float(v) if v.replace(".", "").isdigit() else v for v in LEVEL.values()])
    sheet.append([(v if k != "HH" else "70") for k, v in LEVEL.items()])
    book.save(tmp_path / "points.xlsx")
    found = texts(tmp_path)
    assert found[0] == "duplicate-id points.xlsx:3: the point LT-101 stands here a second time; the first is in line 2"


def test_a_file_that_is_no_workbook(tmp_path: Path) -> None:
    (tmp_path / "list.xlsx").write_bytes(b"PK nothing")
    with pytest.raises(ConfigError, match=r"list.xlsx: is not an .xlsx workbook — open it in Excel"):
        read_sheets(tmp_path / "list.xlsx")
    with pytest.raises(ConfigError, match=r"list.xls: cannot be read: No such file"):
        read_sheets(tmp_path / "list.xls")
    (tmp_path / "list.xls").touch()
    with pytest.raises(ConfigError, match=r"list.xls: a file ending in .xls cannot be read — save it as .csv or .xlsx"):
        read_sheets(tmp_path / "list.xls")


def plants_own_list(path: Path) -> Path:
    """A list with a title, a header over two rows with merged cells, a stray sheet, numbers as text, a section row."""
    book = openpyxl.Workbook()
    cover = book.active
    assert cover is not None
    cover.append(["华澜化工 仪表点表", None, "2026版"])
    sheet = book.create_sheet("点表")
    sheet.append(["3#罐区仪表一览表"])
    sheet.append(["序号", "仪表位号", "用途", "单位", "量程", None, "报警值", None, None, None, "备注"])
    sheet.append([None, None, None, None, "下限", "上限", "低低", "低", "高", "高高", None])
    sheet.append(["一、储罐"])
    sheet.append([1, "LT-101", "1#罐液位", "%", "0", "100", 10, "20", 80, "90%", ""])
    sheet.append([2, "PT 101", "1#罐压力", "MPa(G)", 0, 1.6, "/", "—", "1.2", "≥1.4", "新"])
    sheet.append([3, "温度-1", "1#罐温度", "℃", 0, 100, None, None, 60, None, None])
    sheet.append([4, "GT-101", "可燃气体", "％LEL", 0, 100, None, None, 25, 50, None])
    sheet.append([5, "XX-1", "不明", "格令", 0, 1, None, None, "见说明", None, None])
    for cells in ("A2:A3", "B2:B3", "C2:C3", "D2:D3", "E2:F2", "G2:J2", "K2:K3", "A1:K1"):
        sheet.merge_cells(cells)
    book.save(path)
    return path


def read(folder: Path, header: str, row: str) -> tuple[dict[str, str], list[str], list[str]]:
    (folder / "list.csv").write_text(f"{header}\n{row}\n", "utf-8")
    imported = read_list(folder / "list.csv", place="U100", source="plc")
    return imported.rows[0], [message.format(**facts) for _, message, facts in imported.notes], imported.renamed()


def test_a_lone_low_and_high_are_told_to_be_alarm_limits(tmp_path: Path) -> None:
    row, told, renamed = read(tmp_path, "Tag,Description,EU,Low,High", "LI-1,Level,%,0,100")
    assert (row["L"], row["H"]) == ("0", "100")
    assert told == [
        "Low is taken as the alarm limit L; if it is an end of the measuring range, name it range_low",
        "High is taken as the alarm limit H; if it is an end of the measuring range, name it range_high",
    ]
    assert renamed == ["Low → L", "High → H"]


@pytest.mark.parametrize(
    ("header", "row", "renamed"),
    [
        ("Tag,Description,EU,Hi Hi,Hi,Lo,Lo Lo", "LI-1,Level,%,90,80,20,10", ["Hi Hi → HH", "Hi → H", "Lo → L", "Lo Lo → LL"]),
        ("位号,描述,单位,量程下限,量程上限,高,低", "LI-1,液位,%,0,100,80,20", ["高 → H", "低 → L"]),
        ("Tag,Description,EU,Low alarm,High alarm", "LI-1,Level,%,20,80", ["Low alarm → L", "High alarm → H"]),
    ],
)
def test_limits_that_can_be_nothing_else_are_listed_and_not_doubted(
    tmp_path: Path, header: str, row: str, renamed: list[str]
) -> None:
    _, told, listed = read(tmp_path, header, row)
    assert told == []
    assert listed == renamed


def test_a_plant_s_own_workbook(tmp_path: Path) -> None:
    imported = read_list(plants_own_list(tmp_path / "点表.xlsx"), place="U100", source="plc")
    rows = {row["id"]: row for row in imported.rows}
    assert imported.header_line == 2
    assert rows["LT-101"] == {
        "id": "LT-101", "name_zh": "1#罐液位", "unit": "%", "range_low": "0", "range_high": "100",
        "LL": "10", "L": "20", "H": "80", "HH": "90", "place": "U100", "source": "plc",
    }  # fmt: skip
    assert rows["PT-101"]["pressure_basis"] == "gauge"
    assert (rows["PT-101"]["H"], rows["PT-101"]["HH"]) == ("1.2", "1.4")
    assert "L" not in rows["PT-101"]
    assert rows["GT-101"]["kind"] == "gas.combustible"
    assert rows["XX-1"]["H"] == "见说明"
    assert imported.unknown == ["序号", "备注"]
    assert imported.missing == ["address"]
    told = [f"{number}: {message.format(**facts)}" for number, message, facts in imported.notes]
    assert told == [
        "5: HH: 90% is read as 90",
        "6: the tag PT 101 is written PT-101",
        "6: PT-101: the kind pressure is taken from the unit MPa",
        "6: HH: ≥1.4 is read as 1.4",
        "7: the tag 温度-1 is written 1",
        "7: 1: the kind temperature is taken from the unit Cel",
        "8: GT-101: the kind gas.combustible is taken from the unit %LEL",
        "9: XX-1: unit 格令 is not known; units are written like Cel, MPa, m3/h or %LEL",
        "9: H: 见说明 is no number and is left as it is",
    ]


def test_a_dcs_export_in_english(tmp_path: Path) -> None:
    path = tmp_path / "export.csv"
    path.write_text(
        "Exported 2026-11-24\n\nTag Name,Description,EU,Range,Hi Hi,Hi,Lo,Lo Lo,Deadband,Priority\n"
        "TI101,Reactor temperature,DEG C,0~200,180,160,,,1,2\nFI101,Feed,M3/H,0 - 50,,,5,,,\n",
        "utf-8",
    )
    rows = read_list(path).rows
    assert rows[0] == {
        "id": "TI101", "name_en": "Reactor temperature", "unit": "Cel", "kind": "temperature", "range_low": "0", "range_high": "200",
        "HH": "180", "H": "160", "dead_band": "1", "priority": "2",
    }  # fmt: skip
    assert (rows[1]["unit"], rows[1]["range_low"], rows[1]["range_high"], rows[1]["L"]) == ("m3/h", "0", "50", "5")


def test_a_list_without_a_header_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("LT-101,80,90\nLT-102,80,90\n", "utf-8")
    with pytest.raises(InputError, match=r"list.csv: no header row was found; a row with names such as 位号 / id"):
        read_list(tmp_path / "list.csv")


def test_written_once_and_never_over_another(tmp_path: Path) -> None:
    imported = read_list(plants_own_list(tmp_path / "list.xlsx"), place="U100", source="plc")
    target = write_points(imported, tmp_path)
    with target.open(encoding="utf-8-sig", newline="") as file:
        assert [row["id"] for row in csv.DictReader(file)] == ["LT-101", "PT-101", "1", "GT-101", "XX-1"]
    with pytest.raises(InputError, match=r"already holds points.csv; say --replace to overwrite it"):
        write_points(imported, tmp_path)
    assert write_points(imported, tmp_path, replace=True) == target


def test_an_own_header_is_never_taken_over_by_a_foreign_one(tmp_path: Path) -> None:
    """High beside H once made the end of the range an alarm limit."""
    (tmp_path / "list.csv").write_text("Tag,Description,Low,High,PLC address,H,L\nLI-1,Level,0,100,hr:0,80,10\n", "utf-8")
    imported = read_list(tmp_path / "list.csv")
    assert (imported.rows[0]["H"], imported.rows[0]["L"], imported.rows[0]["address"]) == ("80", "10", "hr:0")
    assert imported.unknown == ["Low", "High"]


def test_ranges_as_some_systems_head_them(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("Tag,Description,Lo Range,Hi Range\nLI-1,Level,0,100\n", "utf-8")
    assert read_list(tmp_path / "list.csv").rows[0].items() >= {"range_low": "0", "range_high": "100"}.items()
