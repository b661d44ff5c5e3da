"""kill -9 of core under load: nothing acknowledged lost, nothing twice, every alarm decided once and no other.

The load is numbered like a source's; which rows cross the limit follows from their numbers, so the journal that must come out is known
without an engine. A second reader follows the log all the while and sees every frame before it may be trimmed.
`--plant ack-early` counts rows as acknowledged when they are sent, `--plant resend` sends some parts again as new ones,
`--plant deaf` forgets one crossing in what the log is expected to cause: each must be caught.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anlan.bus.link import Link
from anlan.bus.wire import Client
from anlan.model.clock import SystemClock
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import AlarmKind, Trigger
from anlan.model.frames import Frame, Kind
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.journal import JournalReader
from anlan.node.layout import NodeFolder
from anlan.node.sounder import Sounder
from anlan.node.supervisor import Child, Supervisor, python
from anlan.store.history_reader import HistoryReader
from anlan.store.history_tail import WholeHistory
from anlan.store.logreader import LogReader
from benchmarks._report import quantile
from faults._report import Report, run

POINTS = 64
HALF_WAVE = 40
"""Samples of a point below the limit, then as many above."""
ROWS = 500
STEP = 20
"""µs between rows: 50,000 readings a second."""
SOURCE = 1
SETTLE_SECONDS = 30.0
RESENT = 20
"""With the planted bug, one part in so many is sent again as a new one: by chance none might be in a short run."""


def main() -> int:
    return run("core_kill", play, rounds=100, bugs=["ack-early", "resend", "deaf"])


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory(prefix="anlan-core-kill-") as folder:
        asyncio.run(Play(NodeFolder(Path(folder)).prepare(), report, args, chance).run())


@dataclass
class Play:
    folder: NodeFolder
    report: Report
    args: argparse.Namespace
    chance: random.Random
    epoch: int = 0
    sent: int = 0
    acknowledged: int = 0
    recovered: list[float] = field(default_factory=list)

    async def run(self) -> None:
        self.folder.engine_config.write_bytes(self.configuration().to_bytes())
        self.epoch = SystemClock().now()
        self.core = Child("core", python("anlan.node.core", str(self.folder.root)), environment=self.environment())
        supervising = asyncio.ensure_future(
            Supervisor(self.folder, [self.core], SystemClock(), Sounder(self.folder.run, ["true"])).run()
        )
        self.link = Link(self.folder.socket, on_connect=_as_sense)
        linking = asyncio.ensure_future(self.link.run())
        await asyncio.wait_for(self.link.wait_connected(), 60)
        self.follower = Follower(LogReader.open(self.folder.log), self)
        sending, following = asyncio.ensure_future(self.send()), asyncio.ensure_future(self.follower.run())
        try:
            for _ in range(self.args.rounds):
                await self.disturb()
                self.report.rounds += 1
            sending.cancel()
            await self.settle()
        finally:
            for task in (sending, linking, supervising, following):
                task.cancel()
            await asyncio.gather(sending, linking, supervising, following, return_exceptions=True)
        self.judge()

    # ---- load and fault

    async def send(self) -> None:
        seq = 0
        while True:
            await self._pace(seq)
            await self.deliver(seq)
            seq += ROWS

    async def _pace(self, seq: int) -> None:
        ahead = (self.epoch + seq * STEP - SystemClock().now()) / 1e6
        if ahead > 0:
            await asyncio.sleep(ahead)

    async def deliver(self, seq: int) -> None:
        """Until acknowledged, as a sink does."""
        body = self.rows(seq, ROWS).to_bytes()
        self.sent = seq + ROWS
        if self.args.plant == "ack-early":
            self.acknowledged = self.sent
        shift = 1 if self.args.plant == "resend" and seq // ROWS % RESENT == 0 else 0
        while True:
            try:
                await self._append(seq, self.epoch, body)
                if shift:
                    await self._append(seq, self.epoch + shift, body)
                break
            except AnlanError:
                if self.args.plant == "ack-early":
                    break
                await asyncio.sleep(0.02)
        self.acknowledged = seq + ROWS

    async def _append(self, seq: int, epoch: int, body: bytes) -> None:
        await self.link.request(
            "append",
            body,
            source=SOURCE,
            epoch=epoch,
            first_seq=seq,
            received_at=SystemClock().now(),
            rows=ROWS,
            redelivered=False,
        )

    def configuration(self) -> EngineConfig:
        return configuration()

    def rows(self, first: int, count: int) -> Readings:
        """Rows `first` … of the load: each follows from its number."""
        return rows(self.epoch, first, count)

    def expected(self, parts: list[int]) -> list[tuple[int, int, int]]:
        """(alarm, data time, trigger) of every transition that these parts must cause, found without an engine."""
        return crossings(self.epoch, parts)

    def environment(self) -> dict[str, str]:
        """What the core's process is given beside ours."""
        return {}

    async def disturb(self) -> None:
        """One round's fault: kill, and wait until readings are acknowledged again."""
        await asyncio.sleep(self.chance.uniform(0.05, 1.2))
        before, pid = self.acknowledged, self.core.pid
        if pid is None:
            return
        os.kill(pid, signal.SIGKILL)
        self.while_down()
        began = time.monotonic()
        while self.acknowledged <= before + ROWS or not self.link.connected or self.core.pid in (None, pid):
            await asyncio.sleep(0.005)
            if time.monotonic() - began > SETTLE_SECONDS:
                self.report.violation(f"round {self.report.rounds}: core did not come back within {SETTLE_SECONDS} s")
                return
        self.recovered.append(time.monotonic() - began)

    def while_down(self) -> None:
        """What more happens before the next core has opened anything: at once, for the supervisor has begun it already."""

    async def settle(self) -> None:
        """Let every reader of the log finish."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.2)
            try:
                status, _ = await self.link.request("status")
            except AnlanError:
                continue
            last = self.follower.last_readings
            for fault in self.faults(status):
                self.report.violation(f"fault: {fault}")
            # A core killed again and again may not have come to open its history before this last life of its.
            if status["engine"]["done"] >= last and self.follower.idle >= 3 and status["history"]["cursor"] is not None:
                return
        self.report.violation("the readers did not catch up with the log")

    def faults(self, status: dict[str, Any]) -> list[str]:
        """What a core may not say at the end."""
        return [fault for part in ("engine", "history", "log") if (fault := status[part]["fault"])]

    # ---- what came of it

    def judge(self) -> None:
        found = self.follower
        self.report.acknowledged = self.acknowledged
        self.report.lost = sum(1 for seq in range(0, self.acknowledged, ROWS) if seq not in found.parts)
        self.report.duplicates = found.duplicates
        self.report.phantom = found.phantom
        self._judge_history(set(found.parts))
        self._judge_alarms(sorted(found.parts))
        if self.recovered:
            spans = f"p50 {quantile(self.recovered, 0.5):.2f} s, p99 {quantile(self.recovered, 0.99):.2f} s, max {max(self.recovered):.2f} s"
            print(f"kill to next acknowledged reading: {spans}", file=sys.stderr)

    def _judge_history(self, parts: set[int]) -> None:
        whole = WholeHistory(HistoryReader.open(self.folder.history), LogReader.open(self.folder.log))
        table = whole.read(None, 0, 1 << 62)
        got = distinct(table["time"].to_numpy())
        want = distinct(np.concatenate([self.rows(seq, ROWS).time for seq in parts])) if parts else got
        missing = len(np.setdiff1d(want, got, assume_unique=True))
        extra = len(np.setdiff1d(got, want, assume_unique=True))
        self.report.lost += missing
        self.report.phantom += extra
        self.report.duplicates += table.num_rows - len(got)
        if missing or extra or table.num_rows != len(got):
            self.report.violation(f"history: {missing} readings missing, {extra} unknown, {table.num_rows - len(got)} twice")

    def _judge_alarms(self, parts: list[int]) -> None:
        journal = JournalReader.open(self.folder.journal)
        decided: list[tuple[int, int, int]] = []
        after = 0
        while page := journal.read(after, 10_000):
            decided += [(t.alarm, t.happened_at, int(t.trigger)) for t in page]
            after = page[-1].n
        journal.close()
        expected = self.expected(parts)
        if self.args.plant == "deaf":
            expected.pop()
        missed, false = set(expected) - set(decided), set(decided) - set(expected)
        self.report.missed_alarms += len(missed)
        self.report.false_alarms += len(false) + len(decided) - len(set(decided))
        for name, which in (("missed", missed), ("false", false)):
            if which:
                self.report.violation(f"{len(which)} {name} transitions, the first {min(which, key=lambda t: t[1])}")


class Follower:
    """Reads every frame from the files as another process would, and keeps which parts are there."""

    def __init__(self, log: LogReader, play: Play) -> None:
        self._log, self._play = log, play
        self.parts: set[int] = set()
        self.duplicates = self.phantom = self.position = self.idle = self.last_readings = 0

    async def run(self) -> None:
        while True:
            frames = await asyncio.to_thread(self._log.read, self.position, 512)
            self.idle = 0 if frames else self.idle + 1
            for frame in frames:
                self._take(frame)
            await asyncio.sleep(0 if frames else 0.05)

    def _take(self, frame: Frame) -> None:
        if frame.n != self.position + 1:
            self._play.report.violation(f"frame {frame.n} follows {self.position}")
        self.position = frame.n
        for part in frame.parts:
            if part.kind is not Kind.READINGS:
                continue
            self.last_readings = frame.n
            self.duplicates += part.rows if part.first_seq in self.parts or part.epoch != self._play.epoch else 0
            self.phantom += 0 if part.body == self._play.rows(part.first_seq, part.rows).to_bytes() else part.rows
            self.parts.add(part.first_seq)


def configuration() -> EngineConfig:
    """A high limit at 100 on each point, no delay, no dead-band; alarm number = point number."""
    numbers = np.arange(1, POINTS + 1)
    return EngineConfig.from_columns(
        1,
        {"number": [SOURCE], "id": ["load"]},
        {"number": numbers, "source": np.full(POINTS, SOURCE), "deadline": np.zeros(POINTS)},
        {"number": numbers, "kind": np.full(POINTS, int(AlarmKind.HIGH)), "target": numbers, "limit": np.full(POINTS, 100.0)},
    )


def rows(epoch: int, first: int, count: int) -> Readings:
    """Rows `first` … of the load: each follows from its number."""
    seq = np.arange(first, first + count, dtype=np.int64)
    sample = seq // POINTS
    value = np.where((sample // HALF_WAVE) % 2 == 1, 150.0, 50.0) + (sample % 7)
    return Readings((seq % POINTS + 1).astype(np.uint32), epoch + seq * STEP, value, np.zeros(count, np.uint16))


def distinct(values: np.ndarray) -> np.ndarray:
    """Sorted, each once. `np.unique` hashes, which takes seconds for millions of neighbouring integers."""
    values = np.sort(values)
    return values[np.append(True, values[1:] != values[:-1])] if len(values) else values


def crossings(epoch: int, parts: list[int]) -> list[tuple[int, int, int]]:
    """(alarm, data time, trigger) of each crossing among these rows, which run without a gap from 0."""
    seq = np.arange(0, parts[-1] + ROWS, dtype=np.int64) if parts else np.empty(0, np.int64)
    turning = seq[(seq // POINTS > 0) & ((seq // POINTS) % HALF_WAVE == 0)]
    rising = (turning // POINTS // HALF_WAVE) % 2 == 1
    triggers = np.where(rising, int(Trigger.CONDITION_ON), int(Trigger.CONDITION_OFF))
    return list(zip((turning % POINTS + 1).tolist(), (epoch + turning * STEP).tolist(), triggers.tolist(), strict=True))


async def _as_sense(client: Client) -> None:
    await client.request("sense")
    await client.request("link", source=SOURCE, state="up", reason="")


if __name__ == "__main__":
    sys.exit(main())
