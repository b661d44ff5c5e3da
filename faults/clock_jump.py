"""The core's wall clock jumps and the whole process pauses under load: no alarm missed, none false, nothing lost.

libfaketime sets the clock of the core process alone: ± 1 s, an hour, a year, back to 1970, on to 2038; SIGSTOP pauses it for up to 5 s.
Every point has a stale alarm of 3 s beside its limit and the source a loss-of-view alarm: none of them may come, because the plant
was never silent. `--plant deaf` forgets one crossing, `--plant mute` really falls silent for 5 s: both must be caught.
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
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anlan.model.clock import SystemClock
from anlan.model.errors import AnlanError
from anlan.model.events.alarms import AlarmKind
from anlan.monitor.compile import EngineConfig
from anlan.node.layout import NodeFolder
from faults._report import Report, Skip, run
from faults.core_kill import POINTS, SOURCE, Play

LIBRARIES = ("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1", "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1")
HOUR, YEAR = 3_600, 365 * 86_400
JUMPS = (-1, 1, -5, 5, -HOUR, HOUR, -YEAR, YEAR)
STALE_MS = 3_000


def main() -> int:
    return run("clock_jump", play, rounds=40, bugs=["deaf", "mute"])


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    if not any(Path(library).exists() for library in LIBRARIES):
        raise Skip("Debian's libfaketime is not installed")
    with tempfile.TemporaryDirectory(prefix="anlan-clock-jump-") as folder:
        asyncio.run(Jumping(NodeFolder(Path(folder)).prepare(), report, args, chance).run())


@dataclass
class Jumping(Play):
    """Core keeps running; its clock does not keep the time."""

    mute: bool = False

    def environment(self) -> dict[str, str]:
        self._set("+0")
        library = next(library for library in LIBRARIES if Path(library).exists())
        # The monotonic clock stays true, as it does on a machine whose wall clock is set.
        faked = {
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",  # files keep their dates: the compiled kernel would be taken for outdated
        }
        return {"LD_PRELOAD": library, **faked}

    def configuration(self) -> EngineConfig:
        numbers = np.arange(1, POINTS + 1)
        high, stale = np.full(POINTS, int(AlarmKind.HIGH)), np.full(POINTS, int(AlarmKind.STALE))
        return EngineConfig.from_columns(
            1,
            {"number": [SOURCE], "id": ["load"]},
            {"number": numbers, "source": np.full(POINTS, SOURCE), "deadline": np.full(POINTS, STALE_MS)},
            {
                "number": np.arange(1, 2 * POINTS + 2),
                "kind": np.concatenate([high, stale, [int(AlarmKind.LOSS_OF_VIEW)]]),
                "target": np.concatenate([numbers, numbers, [SOURCE]]),
                "limit": np.concatenate([np.full(POINTS, 100.0), np.full(POINTS + 1, np.nan)]),
            },
        )

    @property
    def _file(self) -> Path:
        return self.folder.root / "faketime"

    def _set(self, offset: str) -> None:
        part = self._file.with_suffix(".part")
        part.write_text(offset + "\n", "ascii")
        part.replace(self._file)

    async def disturb(self) -> None:
        await asyncio.sleep(self.chance.uniform(0.2, 1.0))
        before = self.acknowledged
        began = time.monotonic()
        if self.chance.random() < 0.4:
            await self._pause(self.chance.uniform(0.5, 5.0))
        else:
            self._set(self._offset())
        if self.args.plant == "mute" and self.report.rounds == 1:
            self.mute = True
            await asyncio.sleep(6)
            self.mute = False
        while self.acknowledged <= before + 1_000:
            await asyncio.sleep(0.01)
            if time.monotonic() - began > 30:
                self.report.violation(f"round {self.report.rounds}: nothing is acknowledged any more")
                return
        with suppress(AnlanError):
            status, _ = await self.link.request("status")
            if status["engine"]["fault"]:
                self.report.violation(f"round {self.report.rounds}: {status['engine']['fault']}")
            wanted = SystemClock().now() / 1e6 + float(self._file.read_text("ascii"))
            if abs(status["now"] / 1e6 - wanted) > 10:
                self.report.violation(f"round {self.report.rounds}: the clock of core was not set: this round proves nothing")

    async def _pause(self, seconds: float) -> None:
        pid = self.core.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    def _offset(self) -> str:
        kind = self.chance.choice(["back", "jump", "jump", "epoch", "2038"])
        now = SystemClock().now() / 1e6
        match kind:
            case "back":
                return "+0"
            case "epoch":
                return f"{10 - now:+.0f}"
            case "2038":
                return f"{2**31 + 5 - now:+.0f}"
            case _:
                return f"{self.chance.choice(JUMPS):+d}"

    async def _pace(self, seq: int) -> None:
        await super()._pace(seq)
        while self.mute:  # noqa: ASYNC110 - the planted bug: the plant really is silent
            await asyncio.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
