"""docs/benchmarks.md out of what the benchmarks printed: one JSON object a line, from files or from standard input.

    python -m benchmarks.pipeline --json > figures.jsonl
    python scripts/benchmark_page.py figures.jsonl

The last line of a name counts, so a file that grew by reruns gives the newest figures.
"""

from __future__ import annotations

import argparse
import fileinput
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """\
# Benchmarks

Made by `scripts/benchmark_page.py` from what the programs under `benchmarks/` printed; no figure is typed. Run one yourself:
`python -m benchmarks.NAME [--quick] --json`. Peers ran in the same run on the same machine; the ratio is ours over the best of theirs.
A dash means that nothing was measured.
"""
SECTIONS = {
    "pipeline": """\
Readings a second through the whole pipe: durable log, four limits with dead-band and delays on each point, durable history. The peers ran the
same rule without log and history; `flink_sql` a simpler one, crossings without dead-band and delays, whole in the JVM.""",
    "alarms": """\
The same pipe with every kind of rule on each of 100,000 points: four limits, bad quality, silence, rate of change, deviation, frozen,
discrepancy, time in state, count, a vote, a free condition, on a fourth of them suppression by design. All transitions are counted again without the
engine and must agree. `engine` is the processor time of the engine's thread. `prometheus`: as many of the kinds as PromQL can say, each
second, as many series as it keeps up with. `transitions`: every reading moves an alarm, committed and told; `alerta` moves alarms through its
HTTP API.""",
    "storm": """\
10,000 alarms in 10 s on a whole node with 20 consoles, 100 of them of priority 1: from the reading, before it is accepted, to the row on a
console's socket; each alarm must be in the journal once and on every console once. `items`: what the operator with the most has to look at in
ten minutes when the console groups by unit. Alertmanager told in groups by post, to one webhook.""",
    "replay": """\
Recorded readings through the plant's rules by `anlan replay`, from Parquet and from CSV. The peer makes the same decisions of the same file
with pandas, limits with dead-band and delays alone.""",
    "audit": """\
An audit record verified as `anlan audit verify` does: every leaf read and hashed anew, every signed head and every leaf hash of the witness
compared. `plain_chain` hashes ready-made texts one after the other, which finds no cut tail and no record written anew; `pymerkle` builds its
tree over such texts. One inclusion proof in that tree.""",
    "edit": """\
One rule edited at the API while the node runs: until it stands in the records and the engine goes by it.""",
    "search": """\
What the search box finds on a plant of 100,000 points: by Chinese, pinyin whole, by initials and mixed, English and tag. The peer, SQLite's
full-text index over trigrams, has whole pinyin and initials written out beside the names in one reading; it knows no other reading and no mixture.""",
    "latency": """\
From a reading to the alarm seen by a subscriber of core and by one of the app's event stream, under load, with consoles open.""",
    "console": """\
Fifty console connections of the same 500 live tags while 100,000 readings/s flow, then with two pages in Chromium besides, which draw on the node's own
cores. `latency`: from the reading to the alarm at a subscriber of core, without viewers, with the connections, with the pages too. `cpu`: the app's
processor time for 1000 values delivered to the connections, what it takes without viewers taken off. `gap`: between two messages with values on one
connection; five a second are meant. `frames`: between two frames of a page with 300 live tags, more than which no page lists. The peer keeps an element
for each value of each browser, bound to a model, and has no readings to take in besides.""",
    "trees": """\
Published fault trees read from their files, the exact probability of the top event and all minimal cut sets counted, in one process. `scram` a process a
file, stopped after the seconds that the notes tell; it writes its cut sets out, ours are counted. `both`: the trees that it finishes. `bounded`: nus9601, which nobody has
solved, until its bounds are known.""",
    "growth": "What a million points with four limits each cost: memory, and the throughput that is left.",
    "recovery": "A killed core: until the first alarm is decided again, until a console has it.",
    "start": "From an empty folder to live values on the demo plant.",
}
"""By the first part of a measure's name, in the order of the page; names that are not here come behind."""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", help="JSON lines; without one, standard input")
    parser.add_argument("--out", type=Path, default=PAGE)
    args = parser.parse_args()
    with fileinput.input(args.files or ("-",), encoding="utf-8") as lines:
        found = measures(lines)
    if not found:
        parser.error("no measure was found in the input")
    args.out.write_text(page(found), encoding="utf-8")
    return 0


def measures(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The last measure of each name, in the order in which names first came."""
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        if line.lstrip().startswith("{"):
            measure = json.loads(line)
            found[measure["name"]] = measure
    return list(found.values())


def page(found: list[dict[str, Any]]) -> str:
    machines: list[str] = []
    rows: dict[str, list[str]] = {name: [] for name in SECTIONS}
    for measure in found:
        machine = machine_text(measure["machine"])
        if machine not in machines:
            machines.append(machine)
        rows.setdefault(measure["name"].partition(".")[0], []).append(row(measure, machines.index(machine) + 1))
    sections = [line for name, listed in rows.items() for line in section(name, listed)]
    listed = [f"* **M{number}**: {text}" for number, text in enumerate(machines, 1)]
    return "\n".join([HEAD, *sections, "## Machines", "", *listed]) + "\n"


def section(name: str, rows: list[str]) -> list[str]:
    table = ["| name | value | unit | peers | ratio | machine | notes |", "|---|---:|---|---|---:|---|---|", *rows]
    about = [SECTIONS[name], ""] if name in SECTIONS else []
    return [f"## {name}", "", *about, *(table if rows else ["Not measured yet."]), ""]


def row(measure: Mapping[str, Any], machine: int) -> str:
    peers = "<br>".join(f"{name} {number(value)}" for name, value in measure["peers"].items()) or "—"
    cells = [measure["name"], number(measure["value"]), measure["unit"], peers, number(measure["ratio"]), f"M{machine}"]
    return f"| {' | '.join(map(cell, [*cells, measure['notes']]))} |"


def number(value: float | None) -> str:
    """Whole numbers with their thousands set apart, others as they were printed; a dash for nothing."""
    if value is None:
        return "—"
    return f"{value:,.0f}" if value == int(value) else f"{value:,}"


def cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def machine_text(machine: Mapping[str, Any]) -> str:
    return f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Python {machine['python']}"


if __name__ == "__main__":
    raise SystemExit(main())
