"""The example of docs/replay.md: a plant, its recorded data, incidents and other rules, out of the public Tennessee Eastman runs.

    python scripts/replay_example.py TEP_FOLDER OUT
    anlan replay OUT/plant OUT/*.csv --rules OUT/friday.yaml --incidents OUT/incidents.csv

TEP_FOLDER holds `d00_te.csv.gz` … of camaramm/tennessee-eastman-profBraatz as columns (sample, label, xmeas_1 …), a sample each 180 s. Each
run becomes one file; the runs begin three days apart. An incident is a run's fault, from the sample at which it was switched on to the end.
"""

from __future__ import annotations

import csv
import gzip
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

PLANT = """\
plant: {id: tep, name: {zh: 田纳西-伊斯曼装置, en: Tennessee Eastman}, zone: Asia/Shanghai}
posts: [{id: panel, name: {zh: 内操, en: Panel operator}}]
places:
  - id: U100
    name: {zh: 反应与分离, en: Reaction and separation}
    post: panel
    places:
      - {id: R-101, name: {zh: 反应器, en: Reactor}}
      - {id: V-102, name: {zh: 分离器, en: Separator}}
      - {id: C-103, name: {zh: 汽提塔, en: Stripper}}
sources:
  - {id: dcs, driver: modbus, name: DCS, host: 127.0.0.1, keep_alive: 600}
alarms: {stale: none, bad: none}
"""
HEAD = "id,place,name_zh,name_en,kind,unit,source,address,period,HH,H,L,LL,priority,priority_HH,consequence_zh,corrective_action_zh,time_to_respond"
POINTS = {
    # tag: (column, place, names, kind, unit, HH, H, L, LL); limits: about what the runs without a fault keep to, rounded
    "FI-1": ("xmeas_1", "U100", "A进料", "A feed", "flow", "km3/h", "", "0.35", "0.15", ""),
    "PI-7": ("xmeas_7", "U100/R-101", "反应器压力", "Reactor pressure", "pressure", "kPaG", "2895", "2730", "2680", ""),
    "TI-9": ("xmeas_9", "U100/R-101", "反应器温度", "Reactor temperature", "temperature", "Cel", "125", "120.5", "120.3", ""),
    "TI-11": ("xmeas_11", "U100/V-102", "分离器温度", "Separator temperature", "temperature", "Cel", "", "81.5", "78.5", ""),
    "LI-12": ("xmeas_12", "U100/V-102", "分离器液位", "Separator level", "level", "%", "90", "53", "47", "20"),
    "LI-15": ("xmeas_15", "U100/C-103", "汽提塔液位", "Stripper level", "level", "%", "90", "53", "47", "20"),
}
RULES = """\
# What the noise of a calm plant crosses for a sample or two is no alarm; what lasts ten minutes is.
- {id: LI-12.H, on_delay: 600, dead_band: 1}
- {id: LI-12.L, on_delay: 600, dead_band: 1}
- {id: LI-15.H, on_delay: 600, dead_band: 1}
- {id: LI-15.L, on_delay: 600, dead_band: 1}
- {id: TI-9.H, on_delay: 600, dead_band: 0.05}
- {id: TI-9.L, on_delay: 600, dead_band: 0.05}
- {id: FI-1.H, on_delay: 600}
"""
FIRST = datetime(2026, 1, 1, tzinfo=UTC)
SAMPLE = timedelta(seconds=180)
BETWEEN_RUNS = timedelta(days=3)
ONSET = 161


def main(source: Path, out: Path) -> None:
    plant = out / "plant"
    plant.mkdir(parents=True, exist_ok=True)
    (plant / "plant.yaml").write_text(PLANT, "utf-8")
    (plant / "points.csv").write_text("\n".join([HEAD, *map(line, POINTS)]) + "\n", "utf-8")
    (out / "friday.yaml").write_text(RULES, "utf-8")
    incidents = ["start,end,place,name"]
    for number, file in enumerate(sorted(source.glob("d*_te.csv.gz"))):
        begins = FIRST + number * BETWEEN_RUNS
        samples = convert(file, out / f"{file.name.split('_')[0]}.csv", begins)
        if file.name != "d00_te.csv.gz":
            fault = begins + (ONSET - 1) * SAMPLE, begins + samples * SAMPLE
            incidents.append(f"{fault[0].isoformat()},{fault[1].isoformat()},U100,fault {int(file.name[1:3])}")
    (out / "incidents.csv").write_text("\n".join(incidents) + "\n", "utf-8")


def line(tag: str) -> str:
    _, place, zh, en, kind, unit, hh, h, low, low_low = POINTS[tag]
    words = f"{zh}越限,查原因并按操作规程调整,600"
    return f"{tag},{place},{zh},{en},{kind},{unit},dcs,hr:{list(POINTS).index(tag) * 2} float32,180,{hh},{h},{low},{low_low},3,{'2' * bool(hh)},{words}"


def convert(file: Path, target: Path, begins: datetime) -> int:
    """The run in the wide form; returns its samples."""
    with gzip.open(file, "rt", encoding="utf-8") as source, target.open("w", encoding="utf-8", newline="") as out:
        rows = csv.DictReader(source)
        table = csv.writer(out, lineterminator="\n")
        table.writerow(["time", *POINTS])
        samples = list(rows)
        for row in samples:
            at = begins + (int(row["sample"]) - 1) * SAMPLE
            table.writerow([at.isoformat(), *(row[column] for column, *_ in POINTS.values())])
    return len(samples)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
