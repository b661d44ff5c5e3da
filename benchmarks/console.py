"""Fifty consoles of one page: 500 live tags each, while 100,000 readings/s flow through a whole node, and what they cost the engine.

A node as `anlan up` runs it is played three times: without viewers, with 50 console connections of the same 500 tags, and with two real pages in Chromium
besides, which draws without a graphics card on the cores that the node needs (in a plant it draws elsewhere).
`latency` is from the reading handed to core's socket to the alarm at a subscriber of core, beside each. `cpu` is the processor time
of the app process for each 1000 values delivered, the same without viewers taken off. `gap` is between two messages with values on one connection,
`frames` between two frames of a page (which lists 300 of the tags: no page lists more). The peer is NiceGUI's own way: one element for each value of each
browser, bound to the same 500 values, five times a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path

from benchmarks._core import Feeder
from benchmarks._report import Measure, arguments, load_average, quantile
from benchmarks._viewers import Viewers
from benchmarks.latency import POINTS, ROWS, TARGET_MS, Play

BROWSERS, TAGS, PAGES = 50, 500, 2
PAGE = "/places/works/U1"
PEER = "nicegui, an element for each browser"


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    seconds = args.seconds or (5.0 if args.quick else 60.0)
    alone, watched = played(args, seconds, browsers=0, pages=0), played(args, seconds, browsers=args.browsers, pages=0)
    drawn = played(args, seconds, browsers=args.browsers, pages=args.pages) if args.pages else None
    theirs = None if args.no_peers else peer(args.browsers, min(seconds, 20.0))
    tell(alone, watched, drawn, theirs)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seconds", type=float, help="how long samples are taken, each time")
    parser.add_argument("--points", type=int, default=POINTS, help=f"at least {ROWS}")
    parser.add_argument("--browsers", type=int, default=BROWSERS, help="console connections")
    parser.add_argument("--pages", type=int, default=PAGES, help="real pages in Chromium")
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def played(args: argparse.Namespace, seconds: float, *, browsers: int, pages: int) -> ConsolePlay:
    chosen = argparse.Namespace(**{**vars(args), "browsers": browsers, "pages": pages})
    with tempfile.TemporaryDirectory(prefix="anlan-console-", dir=args.folder) as name:
        play = ConsolePlay(Path(name), seconds, chosen, tags=TAGS)
        asyncio.run(play.run())
    return play


class ConsolePlay(Play):
    """Everyone looks at the same tags; the app's processor time is taken while samples are."""

    cpu: float = 0.0
    """s of the app process a second."""

    def viewers(self, address: str, shown: list[str]) -> Viewers:
        return Viewers(address, shown[: self.tags], self.args.browsers, self.tags, self.args.pages, page=PAGE)

    async def _sample(self, feeder: Feeder) -> None:
        app = process_of("anlan.node.app", str(self.root))
        before, began = cpu_seconds(app), time.perf_counter()
        await super()._sample(feeder)
        self.cpu = (cpu_seconds(app) - before) / (time.perf_counter() - began)

    def p99(self) -> float:
        return round(quantile([ms for path, ms in self.seen["subscriber"] if path == "columnar"], 0.99), 2)


def process_of(module: str, root: str) -> int:
    """The one whose command line names both."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if module in line and root in line:
            return int(folder.name)
    raise SystemExit(f"no process of {module} was found")


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peer(browsers: int, seconds: float) -> dict[str, float] | None:
    from benchmarks.peers.nicegui_elements import measured

    return asyncio.run(measured(browsers, TAGS, seconds))


def tell(alone: ConsolePlay, watched: ConsolePlay, drawn: ConsolePlay | None, theirs: dict[str, float] | None) -> None:
    saw, floor = watched.watched, load_average()
    about = f"{watched.about()}; {floor}"
    for name, play in (("without_viewers", alone), ("with_viewers", watched), ("with_pages", drawn)):
        if play is None:
            continue
        target = f"target at most {TARGET_MS:.0f}; " if play is watched else ""
        Measure(
            name=f"console.latency.{name}",
            value=play.p99(),
            unit="ms p99",
            notes=f"{target}{play.fed:.0f} readings/s; {play.about()}",
        ).print()
    cost = max(watched.cpu - alone.cpu, 1e-3) * 1e3 / max(saw["values"] / 1e3, 1e-6)
    told = f"app {watched.cpu:.2f} s/s beside {alone.cpu:.2f} without viewers, {saw['values']:.0f} values/s; {about}"
    compared("console.cpu", cost, "ms per 1000 values", theirs, "cpu_ms", told)
    compared("console.gap", saw["gap_p99_ms"], "ms p99", theirs, "gap_p99_ms", f"p50 {saw['gap_p50_ms']:.0f}; {about}")
    if drawn is not None:
        seen = drawn.watched
        notes = f"p50 {seen['frame_p50_ms']:.1f}, {drawn.args.pages} pages of {PAGE} in Chromium, drawn by the same two cores; {drawn.about()}; {floor}"
        Measure(name="console.frames", value=round(seen["frame_p99_ms"], 1), unit="ms p99", notes=notes).print()


def compared(name: str, value: float, unit: str, theirs: dict[str, float] | None, key: str, notes: str) -> None:
    other = round(theirs[key], 2) if theirs else None
    more = f"; the peer delivered {theirs['values']:.0f} values/s with {theirs['cpu']:.2f} s/s" if theirs else ""
    ratio = round(value / other, 4) if other else None
    Measure(
        name=name, value=round(value, 3), unit=unit, peers={PEER: other} if theirs else {}, ratio=ratio, notes=notes + more
    ).print()


if __name__ == "__main__":
    main()
