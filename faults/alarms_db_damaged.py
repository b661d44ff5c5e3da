"""kill -9 of a core that works, its alarms.db damaged before the next one opens it: alarms go on within seconds, the damage is told with the file's name, and whatever was
decided is still in the journal or named as lost.

Random bytes go over random pages or over the header, and now and then over the write-ahead log. The load is that of `core_kill`: which transitions must be there follows from
the numbers of its rows.
`--plant deaf` forgets one crossing in what must be there, `--plant silent` does not hear the fault that names the file: both must be caught.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anlan.model.errors import AnlanError
from anlan.monitor.journal import JournalReader
from anlan.monitor.journal_damage import Aside, asides
from anlan.node.layout import NodeFolder
from faults._report import Report, run
from faults.core_kill import SETTLE_SECONDS, Play

PAGE = 4096
RESTATED = "the journal was lost: this is the state the engine remembers"


def main() -> int:
    return run("alarms_db_damaged", play, rounds=12, bugs=["deaf", "silent"])


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory(prefix="anlan-alarms-db-") as folder:
        asyncio.run(Damage(NodeFolder(Path(folder)).prepare(), report, args, chance).run())


@dataclass
class Damage(Play):
    lost: int = 0
    """Transitions that the node itself names as lost."""
    set_aside: int = 0

    async def disturb(self) -> None:
        """Kill, damage, wait until it decides again; then, as a person would, read what it says and move the file away."""
        await asyncio.sleep(self.chance.uniform(0.5, 2.0))
        await super().disturb()
        for aside in await self._looked_at():
            self.lost += sum(last - first + 1 for first, last in aside.missing)
            for file in self.folder.root.glob(f"{aside.file.name}*"):
                file.unlink()

    def while_down(self) -> None:
        path, chance = self.folder.journal, self.chance
        pages, wal = path.stat().st_size // PAGE, path.with_name(f"{path.name}-wal")
        chosen = {0} if chance.random() < 0.4 or self.args.plant else {chance.randrange(pages) for _ in range(max(2, pages // 4))}
        with path.open("r+b") as file:
            for page in chosen:
                file.seek(page * PAGE)
                file.write(chance.randbytes(PAGE))
        if wal.exists() and chance.random() < 0.5:
            wal.write_bytes(chance.randbytes(PAGE))

    async def _looked_at(self) -> list[Aside]:
        """What lies set aside once all of it was read back; told by the engine's fault, or it is a violation."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            await asyncio.sleep(0.1)
            found = asides(self.folder.journal)
            if any(one.kept is None for one in found):
                continue
            with suppress(AnlanError):
                status, _ = await self.link.request("status")
                fault = "" if self.args.plant == "silent" else str(status["engine"]["fault"])
                for one in found:
                    if one.file.name not in fault:
                        self.report.violation(f"round {self.report.rounds}: {one.file.name} is not named in the fault: {fault}")
                self.set_aside += len(found)
                return found
        self.report.violation(f"round {self.report.rounds}: what could be read was not brought back within {SETTLE_SECONDS} s")
        return []

    def faults(self, status: dict[str, Any]) -> list[str]:
        """The engine's own fault is what this is about."""
        return [fault for part in ("history", "log") if (fault := status[part]["fault"])]

    def _judge_alarms(self, parts: list[int]) -> None:
        journal = JournalReader.open(self.folder.journal)
        decided, after = set(), 0
        while page := journal.read(after, 10_000):
            decided |= {(t.alarm, t.happened_at, int(t.trigger)) for t in page if t.reason != RESTATED}
            after = page[-1].n
        journal.close()
        expected = set(self.expected(parts)[1 if self.args.plant == "deaf" else 0 :])
        missed, false = len(expected - decided), len(decided - expected)
        self.report.missed_alarms += max(0, missed - self.lost)
        self.report.false_alarms += false
        if missed > self.lost:
            self.report.violation(f"{missed} transitions are not in the journal, {self.lost} are named as lost")
        if false:
            self.report.violation(f"{false} transitions that nothing caused, the first {min(decided - expected)}")
        print(f"{self.set_aside} times set aside, {self.lost} transitions named as lost, {missed} missing", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
