"""Append runs of fault programs to the ledger of docs/reliability.md: their JSON lines come in, table rows go out.

    python -m faults.core_kill --rounds 100 --json | python scripts/reliability_ledger.py

The figures are those of the run, never typed. The commit is the one checked out now, with `+` when files of the product differ from
it; the date is today's in UTC. `--commit` and `--date` are for runs that were kept in a file.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LEDGER = ROOT / "docs" / "reliability.md"
COUNTS = ("rounds", "acknowledged", "lost", "duplicates", "phantom", "false_alarms", "missed_alarms")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commit", help="of the run; default the commit checked out")
    parser.add_argument("--date", help="of the run, YYYY-MM-DD; default today in UTC")
    parser.add_argument("--file", type=Path, default=LEDGER)
    args = parser.parse_args()
    date = args.date or datetime.now(UTC).date().isoformat()
    commit = args.commit or checked_out()
    rows = [row(run, date, commit) for run in runs(sys.stdin)]
    append(args.file, rows)
    print("\n".join(rows))
    return 0 if rows else 1


def runs(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The reports among the lines; what a program prints besides is no JSON object and is passed over."""
    return [json.loads(line) for line in lines if line.lstrip().startswith("{")]


def row(run: Mapping[str, Any], date: str, commit: str) -> str:
    """One table row. A run with notes was violated in a way that no count tells: it must not look clean."""
    name = run["name"] + (f" **({len(run['notes'])} violations)**" if run["notes"] else "")
    cells = [date, commit, name, *(f"{run[count]:,}" for count in COUNTS), f"{run['seconds']:,.0f}"]
    return f"| {' | '.join(cells)} |"


def append(file: Path, rows: list[str]) -> None:
    """Behind the last line of the file, which is the table's."""
    text = file.read_text(encoding="utf-8").rstrip("\n")
    file.write_text("\n".join([text, *rows]) + "\n", encoding="utf-8")


def checked_out() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    return f"{commit}+" if _git("status", "--porcelain", "--", "src", "faults") else commit


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    raise SystemExit(main())
