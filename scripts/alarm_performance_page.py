"""The figures of docs/alarm-performance.md, made anew: the public vinyl acetate alarm log measured, and storms grouped.

    python scripts/alarm_performance_page.py VAC_FOLDER [--file docs/alarm-performance.md]

VAC_FOLDER holds `eventlog.csv.gz` (episode, code, start, end in minutes) of abonyilab/VACsimulator. Everything between the page's two
marks is replaced.
"""

from __future__ import annotations

import argparse
import csv
import gzip
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from anlan.model.clock import MINUTE, SECOND
from anlan.model.events.alarms import AlarmState, Trigger
from anlan.monitor.flood import grouped, items_within_ten_minutes
from anlan.monitor.groups import groups_of
from anlan.monitor.kpi import Columns, Facts, Performance, measure
from anlan.monitor.kpi.targets import figures, targets_for
from anlan.monitor.kpi.words import MEASURES
from anlan.plant.compile import all_rules
from anlan.plant.folder import load
from anlan.web.context import PlantView

BEGIN, END = "<!-- figures: scripts/alarm_performance_page.py -->", "<!-- end of figures -->"
FAULT = 10_000
EPOCH = 1_767_225_600 * SECOND
SHOWN = (
    "rate.count", "rate.per_hour", "rate.per_10_min", "rate.peak_10_min", "rate.peak_10_min_any", "rate.peak_hour", "rate.periods_above_5",
    "rate.periods_above_10", "rate.hours_above_6", "flood.count", "actors.share", "chattering.count", "fleeting.count", "respond.median",
    "respond.p90", "respond.longest",
)  # fmt: skip
UNITS, POSTS, STORM = 40, 10, 10_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vac", type=Path)
    parser.add_argument("--file", type=Path, default=Path(__file__).parents[1] / "docs/alarm-performance.md")
    given = parser.parse_args()
    page = given.file.read_text("utf-8")
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    given.file.write_text(head + BEGIN + "\n" + section(given.vac) + END + tail, "utf-8")


def section(vac: Path) -> str:
    log = read_log(vac / "eventlog.csv.gz")
    return "\n".join([*measures(vac_performance(log)), "", *storms(), ""])


def read_log(path: Path) -> list[tuple[int, int, int]]:
    """(code, start, end); rows that begin while the same alarm is still on are joined to it."""
    with gzip.open(path, "rt") as file:
        rows = sorted((int(row["code"]), int(row["start"]), int(row["end"])) for row in csv.DictReader(file))
    merged: list[tuple[int, int, int]] = []
    for code, start, end in rows:
        if code >= FAULT:
            continue
        if merged and merged[-1][0] == code and start <= merged[-1][2]:
            merged[-1] = (code, merged[-1][1], max(end, merged[-1][2]))
        else:
            merged.append((code, start, end))
    return merged


def vac_performance(log: list[tuple[int, int, int]]) -> Performance:
    """Start → CONDITION_ON, end → CONDITION_OFF; nobody acknowledges in that log."""
    steps = sorted(step for i, (code, start, end) in enumerate(log) for step in ((start, i, 0, code), (end, i, 1, code)))
    moves = (
        (Trigger.CONDITION_ON, AlarmState.RETURNED_UNACKNOWLEDGED, AlarmState.UNACKNOWLEDGED),
        (Trigger.CONDITION_OFF, AlarmState.UNACKNOWLEDGED, AlarmState.RETURNED_UNACKNOWLEDGED),
    )
    rows = [(code, *moves[off], EPOCH + minute * MINUTE, EPOCH + minute * MINUTE) for minute, _, off, code in steps]
    names = ("alarm", "trigger", "before", "after", "happened_at", "noticed_at")
    columns = Columns(**dict(zip(names, np.array(rows, np.int64).T, strict=True)))
    last = (steps[-1][0] // 60 + 1) * 60
    return measure(columns, {code: Facts(post="operator") for code, _, _ in log}, EPOCH, EPOCH + last * MINUTE).posts["operator"]


def measures(found: Performance) -> list[str]:
    told, named = figures(found), {one.id: one for one in MEASURES}
    lines = ["| measure | measured | guide values (for one post; none read in the standard's own text) |", "|---|---:|---|"]
    for name in SHOWN:
        guides = " · ".join(_guide(one) for one in targets_for({1, 2, 3}) if one.measure == name and one.level != "definition")
        lines.append(f"| {named[name].part}: {named[name].text('en')} | {_figure(told[name], named[name].form)} | {guides} |")
    return lines


def storms() -> list[str]:
    """Items of the grouped list that each operator has to look at: a storm of 10,000, and the demo plant with every alarm on."""
    lines = [
        "| storm | alarms | of priority 1 | by unit: items of all | most for one post |",
        "|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for share in (0.0, 0.001, 0.005, 0.01):
        rows = synthetic(share)
        lines.append(_storm(f"{STORM:,} in 10 s, {UNITS} units of {POSTS} posts", rows))
    lines.append(_storm("every alarm of the demo plant at once", demo()))
    return lines


def synthetic(first: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng(13)
    units, urgent = rng.integers(0, UNITS, STORM), rng.random(STORM) < first
    return [
        {
            "n": n,
            "priority": 1 if urgent[n] else 3,
            "post": f"post {units[n] % POSTS}",
            "groups": {"unit": f"U{units[n]}"},
            "happened_at": n * 1000,
            "noticed_at": n * 1000,
        }
        for n in range(STORM)
    ]


def demo() -> list[dict[str, Any]]:
    plant = load(Path(str(files("anlan.sense.demo") / "plant")))
    view = PlantView(
        version=1,
        id=plant.site.id,
        name=plant.site.name,
        places=plant.places_by_path,
        points=dict(enumerate(plant.points, 1)),
        rules=dict(enumerate(all_rules(plant), 1)),
    )
    return [
        {"n": n, "priority": rule.priority, "post": view.post_of_rule(rule), "groups": groups_of(view, rule), "happened_at": n, "noticed_at": n}
        for n, rule in view.rules.items()
    ]  # fmt: skip


def _storm(name: str, rows: list[dict[str, Any]]) -> str:
    groups = grouped(rows, "unit")
    most = max(items_within_ten_minutes(groups, max(row["noticed_at"] for row in rows)).values())
    return f"| {name} | {len(rows):,} | {sum(row['priority'] == 1 for row in rows)} | {len(groups)} | {most} |"


def _guide(one: Any) -> str:
    low = f"{one.low:g}–" if one.low is not None else ""
    edition = f"-{one.edition}" if one.edition else ""
    return " ".join(f"{one.comparison} {low}{one.value:g} {one.unit} {one.standard}{edition} ({one.level})".split())


def _figure(value: float | None, form: str) -> str:
    if value is None:
        return "—"
    return {"count": f"{value:,.0f}", "number": f"{value:.3f}", "percent": f"{value:.2f} %", "seconds": f"{value:,.0f} s"}[form]


if __name__ == "__main__":
    main()
