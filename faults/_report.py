"""What every fault module prints, and how it is started."""

from __future__ import annotations

import argparse
import json
import logging
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import structlog

NOTES_SHOWN = 20


@dataclass
class Report:
    """Counts over all rounds. `notes` say in words what was violated; empty when all is well."""

    name: str
    rounds: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicates: int = 0
    phantom: int = 0
    false_alarms: int = 0
    missed_alarms: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.duplicates or self.phantom or self.false_alarms or self.missed_alarms or self.notes)

    def violation(self, text: str) -> None:
        self.notes.append(text)


def run(
    name: str,
    play: Callable[[Report, argparse.Namespace, random.Random], None],
    *,
    rounds: int,
    bugs: Sequence[str],
    options: Callable[[argparse.ArgumentParser], None] = lambda parser: None,
) -> int:
    """Parse the command line, play, print. The exit code is 0 when nothing was violated, 1 when something was, 77 when skipped."""
    parser = argparse.ArgumentParser(prog=f"python -m faults.{name}")
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--json", action="store_true", help="print the counts as one JSON object, last")
    parser.add_argument("--seed", type=int, default=None, help="replay the rounds of an earlier run")
    parser.add_argument("--plant", choices=list(bugs), default=None, help="a bug that the checker must catch")
    options(parser)
    args = parser.parse_args()
    seed = random.SystemRandom().randrange(1 << 32) if args.seed is None else args.seed
    # The product tells of each injected error; here only the counts matter.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = Report(name)
    started = time.monotonic()
    try:
        play(report, args, random.Random(seed))
    except Skip as reason:
        print(f"{name}: skipped: {reason}", file=sys.stderr)
        return 77
    report.seconds = round(time.monotonic() - started, 1)
    _print(report, args, seed)
    return 0 if report.clean else 1


class Skip(Exception):
    """This machine cannot make this fault; the message names what is missing."""


def _print(report: Report, args: argparse.Namespace, seed: int) -> None:
    counts = asdict(report) | {"notes": report.notes[:NOTES_SHOWN], "seed": seed}
    if args.plant:
        counts["planted"] = args.plant
    for note in report.notes[:NOTES_SHOWN]:
        print(note, file=sys.stderr)
    if args.json:
        print(json.dumps(counts, ensure_ascii=False))
    else:
        print(", ".join(f"{key} {value}" for key, value in counts.items() if key not in {"name", "notes"}))
