"""Published fault trees: how long until the exact probability and all minimal cut sets are known, beside Debian's `scram`.

The Aralia trees, each file read, its top event's probability computed exactly and its cut sets counted by order. The peer is asked the same
(`scram --bdd`), one process a file, and stopped after --seconds. It writes every cut set out; ours counts them all and writes none, which is
why it has an answer where there are a hundred million.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from anlan.risk import read_tree, solve
from anlan.risk.trees.solving import EXACT
from benchmarks._report import Measure, arguments, highest_mib, load_average

DATA = Path(os.environ.get("ANLAN_SHARED_DATA", Path(__file__).parents[2] / "shared/data")) / "aralia" / "xml"
QUICK = ("chinese", "baobab1", "das9201", "isp9603")
HARDEST = "nus9601"
"""Nobody has solved it: measured alone."""


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    files = sorted(args.data.glob("*.xml"))
    if args.quick:
        files = [file for file in files if file.stem in QUICK]
    if not files:
        sys.exit(f"there are no trees in {args.data}; --data says where they are")
    solve(read_tree(files[0]))  # loads what is compiled
    hardest = [file for file in files if file.stem == HARDEST]
    files = [file for file in files if file.stem != HARDEST]
    ours = {file.stem: timed(file) for file in files}
    peer = (
        None
        if args.no_peers or shutil.which("scram") is None
        else {file.stem: scram(file, args.seconds, args.folder) for file in files}
    )
    unsolved = [name for name, (_, done) in ours.items() if not done]
    notes = f"{len(files)} trees, {len(unsolved)} of them not exactly; in one process, {highest_mib():.0f} MiB at most; {load_average()}"
    total = sum(seconds for seconds, _ in ours.values())
    if peer is None:
        Measure(name="trees.all", value=round(total, 3), unit="s", notes=notes).print()
    else:
        missed = [name for name, seconds in peer.items() if seconds is None]
        theirs = sum(args.seconds if seconds is None else seconds for seconds in peer.values())
        late = f"scram was stopped after {args.seconds:g} s or failed on {', '.join(missed) or 'none'}, counted as {args.seconds:g} s each"
        report("trees.all", total, theirs, f"{notes}; {late}")
        both = [name for name in ours if peer[name] is not None]
        report(
            "trees.both",
            sum(ours[n][0] for n in both),
            sum(peer[n] or 0.0 for n in both),
            f"{len(both)} trees that scram finishes",
        )
    started = command([sys.executable, "-m", "anlan", "risk", "tree", str(files[0]), "--json"])
    theirs_started = scram(files[0], args.seconds, args.folder) if peer is not None else None
    report("trees.one_command", started, theirs_started, f"a process of its own for {files[0].stem}, start included")
    if hardest:
        seconds, done = timed(hardest[0])
        Measure(
            name="trees.bounded", value=round(seconds, 3), unit="s", notes=f"{HARDEST}: {'exact' if done else 'a bound'}"
        ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", help="where the peer writes; default the system's for temporary files")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with Open-PSA files")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long the peer may take for a tree")


def report(name: str, ours: float, theirs: float | None, notes: str) -> None:
    Measure(
        name=name,
        value=round(ours, 3),
        unit="s",
        peers={} if theirs is None else {"scram 0.16.2": round(theirs, 3)},
        ratio=None if not theirs else round(ours / theirs, 3),
        notes=notes,
    ).print()


def timed(file: Path) -> tuple[float, bool]:
    """Seconds, and whether all of it is known."""
    start = time.perf_counter()
    solution = solve(read_tree(file))
    return time.perf_counter() - start, solution.method == EXACT and solution.mcs is not None


def command(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - start


def scram(file: Path, seconds: float, where: str | None) -> float | None:
    """Seconds; None when it was stopped, ran out of 8 GB or failed."""
    with tempfile.TemporaryDirectory(prefix="anlan-trees-", dir=where) as folder:
        words = ["scram", "--bdd", "--probability", "on", str(file), "-o", f"{folder}/out.xml"]
        start = time.perf_counter()
        try:
            done = subprocess.run(["prlimit", "--as=8589934592", *words], capture_output=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired:
            return None
        return time.perf_counter() - start if done.returncode == 0 else None


if __name__ == "__main__":
    main()
