"""Units of a serial gateway that fall silent and come back, some of them two at once, while the others are scanned.

In each round the silent ones do not answer (and hold the line for a while, or not), or the gateway reports them as unreachable. Their points
must go bad, and be live again after they answer (else: missed alarms). No point of the others may be bad in between (false alarms), nor go
without a reading for GAP (lost). `--plant wait` waits for a silent unit within the scan, as long as for any: that must be caught.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
from pathlib import Path
from typing import Any

from anlan.model.clock import SystemClock
from anlan.model.quality import BAD_COMMUNICATION
from anlan.model.readings import Readings
from anlan.sense.driver import LinkState, Tag
from anlan.sense.modbus.driver import ModbusDriver
from anlan.sense.modbus.units import Units
from faults._gateway import Gateway
from faults._report import Report, run

UNITS = range(1, 9)
PERIOD, TIMEOUT = 0.5, 4.0
GAP = 5 * PERIOD
"""s without a reading after which a point counts as lost."""
WAIT = 60.0  # s for anything that must come


class Sink:
    """Keeps of each point how often it was bad, when it last came, and its longest gap."""

    def __init__(self) -> None:
        self._clock = SystemClock()
        self.down = 0
        self.word: dict[int, int] = {}
        self.rows = 0
        self.forget()

    def forget(self) -> None:
        now = self._clock.monotonic()
        self.seen = dict.fromkeys(UNITS, now)
        self.gap = dict.fromkeys(UNITS, 0.0)
        self.bad = dict.fromkeys(UNITS, 0)

    async def deliver(self, readings: Readings, *, redelivered: bool = False) -> None:
        now = self._clock.monotonic()
        for point, word in zip(readings.point.tolist(), readings.quality.tolist(), strict=True):
            self.gap[point] = max(self.gap[point], now - self.seen[point])
            self.seen[point], self.word[point] = now, word
            self.bad[point] += word != 0
            self.rows += 1

    async def link(self, state: LinkState, reason: str = "") -> None:
        self.down += state is LinkState.DOWN


class Game:
    def __init__(self, report: Report, rng: random.Random) -> None:
        self._report, self._rng = report, rng
        self._gateway, self._sink, self._clock = Gateway(), Sink(), SystemClock()
        self._worst = 0.0

    async def play(self, rounds: int) -> None:
        await self._gateway.start()
        options: dict[str, Any] = self._gateway.options(Path()) | {"timeout": TIMEOUT, "reconnect": 0.5, "reconnect_most": 2.0}
        tags = [Tag(unit, f"P-{unit}", ModbusDriver.parse(f"{unit}/hr:0", {}), PERIOD) for unit in UNITS]
        driver = ModbusDriver(ModbusDriver.Config.model_validate(options), tags, self._sink, self._clock)
        task = asyncio.create_task(driver.run())
        await self._until(lambda: self._sink.word == dict.fromkeys(UNITS, 0), "first values")
        for _ in range(rounds):
            await self._silence()
            self._report.rounds += 1
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await self._gateway.stop()
        self._report.acknowledged = self._sink.rows
        self._report.false_alarms += self._sink.down
        print(f"longest gap of a unit that answered: {self._worst:.2f} s, {dict(driver.counters)}", file=sys.stderr)

    async def _silence(self) -> None:
        """Some units fall silent, stay so for a while, and come back."""
        gateway, sink, rng = self._gateway, self._sink, self._rng
        silent = rng.sample(list(UNITS), rng.choice([1, 1, 2]))
        sink.forget()
        gateway.delays = dict.fromkeys(silent, rng.choice([0.0, 0.2]))
        rng.choice([gateway.mute, gateway.mute, gateway.unreachable]).update(silent)
        if not await self._until(lambda: all(sink.word[unit] == BAD_COMMUNICATION for unit in silent), f"bad points of {silent}"):
            self._report.missed_alarms += 1
        await asyncio.sleep(rng.uniform(1, 8))
        gateway.mute.clear()
        gateway.unreachable.clear()
        gateway.delays.clear()
        if not await self._until(lambda: all(sink.word[unit] == 0 for unit in silent), f"live points of {silent}"):
            self._report.missed_alarms += 1
        others = [unit for unit in UNITS if unit not in silent]
        now = self._clock.monotonic()
        gaps = [max(sink.gap[unit], now - sink.seen[unit]) for unit in others]
        self._worst = max(self._worst, *gaps)
        self._report.lost += sum(gap > GAP for gap in gaps)
        self._report.false_alarms += sum(sink.bad[unit] > 0 for unit in others)

    async def _until(self, true: Any, what: str) -> bool:
        deadline = self._clock.monotonic() + WAIT
        while not true():
            if self._clock.monotonic() > deadline:
                self._report.violation(f"no {what} within {WAIT:.0f} s")
                return False
            await asyncio.sleep(0.01)
        return True


def play(report: Report, args: argparse.Namespace, rng: random.Random) -> None:
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
    if args.plant == "wait":
        Units.scanned = lambda self, unit: True  # type: ignore[method-assign]
        Units.patience = lambda self, unit, idle: TIMEOUT  # type: ignore[method-assign]
    asyncio.run(Game(report, rng).play(args.rounds))


if __name__ == "__main__":
    sys.exit(run("silent_units", play, rounds=10, bugs=["wait"]))
