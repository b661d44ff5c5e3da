"""A small valid plant folder for tests, and how to write a changed copy of it."""

from pathlib import Path

from anlan.plant.folder import check

PLANT = """\
plant:
  id: works
  name: {zh: 示例企业, en: Works}
  credit_code: 91320582MA0000007B
  region: "320582"
  zone: Asia/Shanghai
posts:
  - id: panel
    name: 内操
places:
  - id: U100
    name: 罐区
    post: panel
    places:
      - id: V-101
        name: 储罐
      - id: V-102
        name: 储罐
  - id: U200
    name: 泵房
areas:
  - id: A100
    name: 罐区
    place: U100
    polygon: [[0, 0], [10, 0], [10, 10], [0, 10]]
sources:
  - id: plc
    driver: modbus
    name: PLC
    host: 127.0.0.1
alarms:
  stale: safety
data:
  gas_temperature: 20
"""

COLUMNS = "id,place,name_zh,kind,unit,gas,range_low,range_high,source,address,HH,H,L,LL,ST,trip,dead_band,priority,post,consequence_zh,corrective_action_zh,time_to_respond,states,was,principle"
LEVEL = {
    "id": "LT-101", "place": "U100/V-101", "name_zh": "液位", "kind": "level", "unit": "%", "range_low": "0", "range_high": "100",
    "source": "plc", "address": "hr:0 float32", "HH": "90", "H": "80", "L": "20", "LL": "10", "trip": ">95", "dead_band": "1", "priority": "2",
    "consequence_zh": "溢流", "corrective_action_zh": "停泵", "time_to_respond": "300",
}  # fmt: skip


def line(**cells: str) -> str:
    """A line of points.csv: the level of tank 1 with some cells changed."""
    row = LEVEL | cells
    return ",".join(f'"{row.get(c, "")}"' for c in COLUMNS.split(","))


def gas(limit: str, **cells: str) -> str:
    """A gas detector with one H alarm at `limit`."""
    given = {
        "id": "AT-1",
        "place": "U100",
        "name_zh": "气体",
        "kind": "gas.combustible",
        "unit": "%LEL",
        "gas": "甲烷",
        "H": limit,
        "address": "hr:10 float32",
        "principle": "infrared",
    }
    return line(**{**given, "HH": "", "L": "", "LL": "", "trip": "", "dead_band": "", "range_low": "", "range_high": "", **cells})


def write(folder: Path, *lines: str, plant: str = PLANT, header: str = COLUMNS) -> Path:
    """Write the folder; without lines it has the one level."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "plant.yaml").write_text(plant, "utf-8")
    (folder / "points.csv").write_text("\n".join([header, *(lines or [line()])]) + "\n", "utf-8")
    return folder


def texts(folder: Path) -> list[str]:
    """What a check says, a finding a line: `name file:line: text`."""
    return [f"{finding.name} {finding.text()}" for finding in check(folder).findings]
