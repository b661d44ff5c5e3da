"""Run all tests in three groups: quick, slow, browser. `make test` calls this.

A slow or browser test waits for real processes and pages, so a busy machine can make one fail by chance. Such a test runs once more, alone. If it
passes then, the run names it as unstable and goes on. More than two unstable tests fail the run: then it is no longer chance. A quick test gets
no second chance.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

MOST_UNSTABLE = 2
FAILED = 1
"""pytest's exit code when tests ran and some failed; any other code but 0 is a fault of the run itself."""


@dataclass(frozen=True)
class Group:
    name: str
    marks: str
    second_chance: bool


GROUPS = (
    Group("quick", "not slow and not browser", second_chance=False),
    Group("slow", "slow and not browser", second_chance=True),
    Group("browser", "browser", second_chance=True),
)


@dataclass
class Outcome:
    failed: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.failed and len(self.unstable) <= MOST_UNSTABLE


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--group", choices=[group.name for group in GROUPS], action="append", help="only this group; may be repeated"
    )
    parser.add_argument("--workers", type=int, default=3, help="processes side by side")
    args = parser.parse_args()
    outcome = Outcome()
    for group in GROUPS:
        if args.group is None or group.name in args.group:
            run(group, args.workers, outcome)
    for test in outcome.unstable:
        print(f"UNSTABLE {test}: failed beside other tests, passed alone. Its first log is above.")
    for test in outcome.failed:
        print(f"FAILED {test}")
    if len(outcome.unstable) > MOST_UNSTABLE:
        print(f"{len(outcome.unstable)} unstable tests, at most {MOST_UNSTABLE} are allowed: find out why they fail.")
    sys.exit(0 if outcome.passed else 1)


def run(group: Group, workers: int, outcome: Outcome) -> None:
    """Run `group` and add what failed to `outcome`."""
    with tempfile.TemporaryDirectory(prefix="anlan-tests-") as cache:
        # The order of tests/conftest.py: the longest files first, each file on one worker.
        spread = ["-n", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]
        code = pytest(["-m", group.marks, *spread, "-o", f"cache_dir={cache}"])
        failed = last_failed(Path(cache))
    if code == 0:
        return
    if code != FAILED or not failed:
        outcome.failed.append(f"the group {group.name}: pytest ended with code {code}")
        return
    may_be_chance = group.second_chance and len(outcome.unstable) + len(failed) <= MOST_UNSTABLE
    for test in failed:
        passes_alone = may_be_chance and pytest([test]) == 0
        (outcome.unstable if passes_alone else outcome.failed).append(test)


def pytest(arguments: list[str]) -> int:
    return subprocess.run([sys.executable, "-m", "pytest", "-q", *arguments], check=False).returncode


def last_failed(cache: Path) -> list[str]:
    """Names of the tests that failed in the run with this cache folder."""
    file = cache / "v" / "cache" / "lastfailed"
    return list(json.loads(file.read_text())) if file.exists() else []


if __name__ == "__main__":
    main()
