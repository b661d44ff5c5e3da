"""Ten thousand alarms in ten seconds on a whole node, with twenty consoles open: when each is on a console, whether any is lost.

A node as `anlan up` runs it (supervisor, core, sense, app) watches 10,000 points of 50 units of 10 posts. Every point is read ten times a
second; within ten seconds each rises above its limit once, at its own moment, and stays there. A hundred of the alarms, spread over the
storm, have priority 1. The clock of an alarm starts when the part that holds its crossing is handed to core's socket, before it is accepted,
and stops when its row is on a console's socket. Every alarm must be in the journal once and on every console once. How many items an
operator has to look at is counted by the grouping that the console shows. Beside us: Prometheus and Alertmanager, from the crossing to the
webhook, at 1 s scrapes and evaluations, told in groups by post.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from anlan.bus.link import Link
from anlan.model.clock import SystemClock
from anlan.model.events.alarms import Trigger
from anlan.monitor.flood import BY, SPAN, grouped, items_within_ten_minutes
from anlan.monitor.journal import JournalReader
from benchmarks._console import address_of, signed_in
from benchmarks._core import READY_SECONDS, Feeder, steady
from benchmarks._plant import Described, Plan, point_numbers, probe, whole_node
from benchmarks._report import Measure, arguments, fdatasync_ms, load_average, quantile
from benchmarks._viewers import PATIENCE, Viewers

ALARMS, SECONDS, TOP_EACH = 10_000, 10.0, 100
"""One of so many has priority 1."""
POSTS, UNITS = 10, 5
"""Units of each post."""
SCANS_A_SECOND, ROWS = 10, 1_000
CONSOLES, TAGS = 20, 200
HIGH = 120.0
TARGET_MS, MOST_ITEMS = 2_000.0, 10


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    alarms = args.alarms or (1_000 if args.quick else ALARMS)
    seconds = args.seconds or (2.0 if args.quick else SECONDS)
    with tempfile.TemporaryDirectory(prefix="anlan-storm-", dir=args.folder) as name:
        sync = fdatasync_ms(Path(name))
        storm = Storm(Path(name), alarms, seconds, args.consoles)
        asyncio.run(storm.run())
    theirs = {} if args.no_peers else peers(alarms, args.quick)
    about = f"{storm.about()}; fdatasync 64 KiB p50 {sync['p50']} ms p99 {sync['p99']} ms; {load_average()}"
    about += "; the peer's figure is over all of its alarms" if theirs else ""
    tell("storm.priority_1", storm.seen(top=True), f"target at most {TARGET_MS:.0f}; ", theirs, about)
    tell("storm.all", storm.seen(top=False), "", theirs, about)
    Measure(
        name="storm.items",
        value=storm.items("unit"),
        unit="items/10 min",
        notes=f"target at most {MOST_ITEMS}; the operator with the most, alarms of one unit as one item and each of priority 1 as its own; "
        f"{storm.about_items()}",
    ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--alarms", type=int, help=f"instead of {ALARMS}; a multiple of {ROWS}")
    parser.add_argument("--seconds", type=float, help=f"in which they come, instead of {SECONDS:.0f}")
    parser.add_argument("--consoles", type=int, default=CONSOLES)
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def tell(name: str, found: list[float], target: str, theirs: dict[str, float | None], about: str) -> None:
    best = min((ms for ms in theirs.values() if ms), default=None)
    p99 = quantile(found, 0.99)
    Measure(
        name=name,
        value=round(p99, 1),
        unit="ms p99",
        peers=theirs,
        ratio=round(p99 / best, 4) if best else None,
        notes=f"{target}p50 {quantile(found, 0.5):.1f}, max {max(found):.1f}, {len(found)} rows on consoles; {about}",
    ).print()


def peers(alarms: int, quick: bool) -> dict[str, float | None]:
    """p99 of the others over all alarms in ms; None where a peer is not installed or lost one."""
    from benchmarks.peers import figures_of

    figures = figures_of("prometheus", "storm", min(alarms, 500) if quick else alarms)
    return {"prometheus+alertmanager": round(figures["p99_ms"]) if figures else None}


@dataclass
class Storm:
    """`order[i]`: which place in the storm point i has."""

    root: Path
    alarms: int
    seconds: float
    consoles: int
    watched: dict[str, float] = field(default_factory=dict)
    began: dict[int, float] = field(default_factory=dict)
    """First row of a part → perf_counter at which it was handed to the socket for the first time."""
    rows: list[dict[str, Any]] = field(default_factory=list)
    """Of one console, as told."""

    def __post_init__(self) -> None:
        if self.alarms % ROWS:
            raise SystemExit(f"{self.alarms} alarms: a multiple of {ROWS} was expected")
        self.order = np.random.default_rng(7).permutation(self.alarms)
        self.top = self.order % TOP_EACH == TOP_EACH // 2

    async def run(self) -> None:
        described = await asyncio.to_thread(self._describe)
        tasks = [asyncio.ensure_future(whole_node(described).run())]
        try:
            await self._play(described, tasks)
        finally:
            for task in reversed(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _describe(self) -> Described:
        units = [(f"U{n:02}", f"P{n // UNITS}") for n in range(POSTS * UNITS)]
        posts = "".join(f"  - {{id: P{n}, name: {{en: Panel {n}}}}}\n" for n in range(POSTS))
        places = "".join(f"  - {{id: {unit}, name: {{en: Unit {unit}}}, post: {post}}}\n" for unit, post in units)
        sections = (
            f"plant: {{id: works, name: {{en: Works}}}}\nposts:\n{posts}places:\n{places}alarms: {{stale: none, bad: none}}\n"
        )
        plan = Plan(0, 0, sections=sections)
        for n in range(self.alarms):
            unit, post = units[n * len(units) // self.alarms]
            plan.lines.append(probe("load", f"S{n:05}", f"s{n}", place=unit, post=post, priority=1 if self.top[n] else 3))
        return plan.describe(self.root)

    async def _play(self, described: Described, tasks: list[asyncio.Task[None]]) -> None:
        names = [f"S{n:05}" for n in range(self.alarms)]
        feeder = Rising(described, self.order, np.array(point_numbers(described.numbers, names), np.uint32), self.seconds)
        feeder.on_sent = self._sent
        link = Link(described.node.socket)
        tasks.append(asyncio.ensure_future(link.run()))
        await asyncio.wait_for(link.wait_connected(), READY_SECONDS)
        address = await address_of(described.node.run)
        tasks.append(asyncio.ensure_future(feeder.run()))
        file = self.root / "seen.json"
        async with Viewers(address, names, self.consoles, TAGS, 0, alarms=self.alarms, file=file) as viewers:
            await asyncio.sleep(2.0)
            feeder.begin()
            if not await viewers.seen(self.seconds + PATIENCE):
                raise SystemExit(f"not every alarm was seen: {(await link.request('status'))[0]}")
            await asyncio.sleep(1.0)  # what comes twice comes by now
            self.watched = await viewers.told()
            await viewers.ended()
        self.api = await self._asked(address)
        status, _ = await link.request("status")
        if status["engine"]["fault"] or status["log"]["fault"] or status["history"]["fault"]:
            raise SystemExit(f"core is not well: {status}")
        self._judge(described, feeder, orjson.loads(file.read_bytes()))

    def _sent(self, seq: int) -> None:
        self.began.setdefault(seq, time.perf_counter())

    async def _asked(self, address: str) -> dict[str, Any]:
        """What the API says of the same: groups of the standing alarms, and posts in a flood."""
        client = await signed_in(address)
        found = {by: len((await client.get("/alarms/groups", params={"by": by})).raise_for_status().json()["items"]) for by in BY}
        floods = (await client.get("/alarms/floods")).raise_for_status().json()["items"]
        await client.aclose()
        return {"groups": found, "in_flood": sum(one["began_at"] is not None for one in floods)}

    def _judge(self, described: Described, feeder: Rising, kept: dict[str, Any]) -> None:
        """Each alarm once in the journal, and once on every console; how long each took."""
        reader = JournalReader.open(described.node.journal)
        raised = [row for row in reader.read(0, 10 * self.alarms) if row.trigger is Trigger.CONDITION_ON]
        reader.close()
        by_alarm = {described.numbers.alarms[f"S{n:05}.H"]: n for n in range(self.alarms)}
        if Counter(row.alarm for row in raised) != Counter(list(by_alarm)):
            raise SystemExit(f"{len(raised)} alarms in the journal, {self.alarms} were raised")
        point = {row.n: by_alarm[row.alarm] for row in raised}
        starts = {n: self.began[feeder.part_of(i)] for n, i in point.items()}
        self.latencies: list[tuple[bool, float]] = []
        for number, console in enumerate(kept["consoles"]):
            times = Counter(n for _, n in console if n in point)
            if len(times) != len(point) or max(times.values()) > 1:
                raise SystemExit(
                    f"console {number}: {len(times)} of {len(point)} alarms, one at most {max(times.values())} times"
                )
            self.latencies += [(bool(self.top[point[n]]), (at - starts[n]) * 1e3) for at, n in console if n in point]
        self.rows = [row for row in kept["rows"] if row["n"] in point]
        self.lasted = (max(starts.values()) - min(starts.values()), feeder.refusals)
        self._check_groups()

    def _check_groups(self) -> None:
        for by in BY:
            if (ours := len(grouped(self.rows, by))) != self.api["groups"][by]:
                raise SystemExit(f"{ours} items by {by} of what the console was told, {self.api['groups'][by]} by the API")

    # ---- what came of it

    def seen(self, *, top: bool) -> list[float]:
        """ms of every row on every console: of priority 1 alone, or of all."""
        return [ms for is_top, ms in self.latencies if is_top or not top]

    def items(self, by: str) -> int:
        """Of the operator with the most."""
        until = max(row["noticed_at"] for row in self.rows)
        if until - min(row["noticed_at"] for row in self.rows) >= SPAN:
            raise SystemExit("the storm lasted longer than ten minutes")
        return max(items_within_ten_minutes(grouped(self.rows, by), until).values())

    def about(self) -> str:
        rates = ", ".join(f"{value:.0f} {name}/s" for name, value in self.watched.items() if not name.endswith("_ms"))
        lasted, refused = self.lasted
        return (
            f"{self.alarms} alarms within {lasted:.1f} s, {int(self.top.sum())} of priority 1, each once in the journal and once on each of "
            f"{self.consoles} consoles, none dropped; {self.alarms * SCANS_A_SECOND} readings/s in parts of {ROWS} ({refused} sent again); "
            f"consoles of {TAGS} tags received {rates}; load and viewers on the same machine"
        )

    def about_items(self) -> str:
        per_post = Counter(row["post"] for row in self.rows)
        alone = Counter(row["post"] for row in self.rows if row["priority"] == 1)
        found = ", ".join(f"{by} {self.items(by)}" for by in BY)
        return (
            f"{POSTS} posts of {UNITS} units, {max(per_post.values())} alarms at the busiest, {max(alone.values())} of priority 1; items by "
            f"{found}; {self.api['in_flood']} posts told as in a flood"
        )


class Rising(Feeder):
    """Every point in turn; from its own moment on a point reads HIGH."""

    def __init__(self, described: Described, order: np.ndarray, points: np.ndarray, seconds: float) -> None:
        count = len(points)
        rate = float(count * SCANS_A_SECOND)
        super().__init__(
            described.node,
            SystemClock(),
            source=described.numbers.sources["load"],
            points=points,
            rows=ROWS,
            rate=rate,
            values=self._rising,
        )
        self._calm = steady(count, ROWS)
        self._after = order * seconds * rate / count
        """Rows from the storm's beginning to each point's moment."""
        self._crosses = np.full(count, np.iinfo(np.int64).max)
        """The row at which each point first reads HIGH."""

    def begin(self) -> None:
        count = len(self._crosses)
        moment = self.sent + self._after
        at = np.arange(count)
        self._crosses = (np.ceil((moment - at) / count) * count + at).astype(np.int64)

    def part_of(self, point: int) -> int:
        """First row of the part in which the point crosses."""
        return int(self._crosses[point]) // ROWS * ROWS

    def _rising(self, seq: int, rows: int) -> np.ndarray:
        row = np.arange(seq, seq + rows)
        return np.where(row >= self._crosses[row % len(self._crosses)], HIGH, self._calm(seq, rows))


if __name__ == "__main__":
    main()
