"""Alarm conditions by the hundred thousand while core is killed, paused and its clock set: none missed, none false, none twice.

Twenty groups of three detectors rise and fall, each at its own time, every second time too shortly for the delay. Five kinds of rule watch
them: a limit, a limit with an on-delay, a deviation of two, a vote of two of three, a condition held for a time. What must come out is found
by a loop over the rows that a reader can follow, not by an engine. `--plant deaf` forgets one transition of what is expected, `--plant hasty`
expects delays to end a sample early: each must be caught.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from anlan.model.events.alarms import AlarmKind, Trigger
from anlan.model.readings import Readings
from anlan.monitor.compile import EngineConfig
from anlan.monitor.program import Instruction, Op, Program, cells_of
from anlan.node.layout import NodeFolder
from faults._report import Report, run
from faults.clock_jump import LIBRARIES, Jumping
from faults.core_kill import ROWS, SOURCE, STEP, Play

GROUPS, MEMBERS = 20, 3
POINTS = GROUPS * MEMBERS
LOW, LIMIT, TOP = 50.0, 100.0, 150.0
HALF_WAVE, SHORT = 8, 3
"""Samples of a point below the limit, then as many above; every second time only SHORT."""
SAMPLE = POINTS * STEP
"""µs between two samples of a point."""
ON_DELAY_MS = 5
HOLD = 4_000
"""µs. Both are reached by a long excursion and not by a short one."""
DEVIATION, VOTING, HELD = POINTS + 1, POINTS + 1 + GROUPS, POINTS + 1 + 2 * GROUPS
"""First number of the calculated points of each kind; an alarm on them has the same number."""
DELAYED = 1_000
"""A point's delayed alarm is this much above its plain one."""
ON, OFF = int(Trigger.CONDITION_ON), int(Trigger.CONDITION_OFF)

Transition = tuple[int, int, int]


def main() -> int:
    return run("conditions", play, rounds=60, bugs=["deaf", "hasty"], options=_options)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--calm", type=float, default=0.0, help="seconds without a fault that may go before each, for more conditions"
    )


def play(report: Report, args: argparse.Namespace, chance: random.Random) -> None:
    with tempfile.TemporaryDirectory(prefix="anlan-conditions-") as folder:
        playing = Conditions(NodeFolder(Path(folder)).prepare(), report, args, chance)
        asyncio.run(playing.run())
        print(f"{playing.injected} conditions came on as they must, beside those too short to alarm", file=sys.stderr)


@dataclass
class Conditions(Jumping):
    """Rounds take turns at random: kill -9, a pause of the whole process, a jump of its wall clock (where libfaketime is installed)."""

    injected: int = 0

    def configuration(self) -> EngineConfig:
        return configuration()

    def environment(self) -> dict[str, str]:
        return super().environment() if any(Path(library).exists() for library in LIBRARIES) else {}

    def rows(self, first: int, count: int) -> Readings:
        seq = np.arange(first, first + count, dtype=np.int64)
        point, sample = seq % POINTS, seq // POINTS
        value = np.where(is_above(point, sample), TOP, LOW) + sample % 7
        return Readings((point + 1).astype(np.uint32), self.epoch + seq * STEP, value, np.zeros(count, np.uint16))

    async def disturb(self) -> None:
        await asyncio.sleep(self.chance.uniform(0, self.args.calm))
        if self.chance.random() < 0.5 or not self.environment():
            await Play.disturb(self)
        else:
            await super().disturb()

    def expected(self, parts: list[int]) -> list[Transition]:
        found = list(transitions(self.epoch, parts[-1] + ROWS if parts else 0, 1 if self.args.plant == "hasty" else 0))
        self.injected = sum(trigger == ON for _, _, trigger in found)
        return found


def is_above(point: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """Whether a point (from 0) is above the limit in a sample."""
    place = sample + 5 * point % (2 * HALF_WAVE)
    within, short = place % (2 * HALF_WAVE), place // (2 * HALF_WAVE) % 2 == 1
    above: np.ndarray = (within >= HALF_WAVE) & (~short | (within < HALF_WAVE + SHORT))
    return above


def transitions(epoch: int, count: int, early: int = 0) -> Iterator[Transition]:
    """Every transition that rows 0 … count − 1 cause, in order. `early`: samples by which delays end too soon (a planted bug)."""
    seq = np.arange(count, dtype=np.int64)
    above = is_above(seq % POINTS, seq // POINTS).tolist()
    now: list[bool | None] = [None] * POINTS
    since = [0] * POINTS
    announced: set[int] = set()

    def turn(alarm: int, met: bool, at: int) -> Iterator[Transition]:
        if met != (alarm in announced):
            (announced.add if met else announced.discard)(alarm)
            yield alarm, at, ON if met else OFF

    for row, met in enumerate(above):
        point, at = row % POINTS, epoch + row * STEP
        if met and not now[point]:
            since[point] = at
        now[point] = met
        lasted = at - since[point] + early * SAMPLE
        yield from turn(point + 1, met, at)
        yield from turn(point + 1 + DELAYED, met and (lasted >= ON_DELAY_MS * 1000 or point + 1 + DELAYED in announced), at)
        group, member = divmod(point, MEMBERS)
        a, b, c = now[group * MEMBERS : group * MEMBERS + MEMBERS]
        if member < 2 and a is not None and b is not None:
            yield from turn(DEVIATION + group, a != b, at)
        known = [one for one in (a, b, c) if one is not None]
        # A member that has said nothing yet leaves the vote, and one less of the others is needed.
        yield from turn(VOTING + group, sum(known) >= max(1, 2 - (MEMBERS - len(known))), at)
        if member == 0:
            yield from turn(HELD + group, met and lasted >= HOLD, at)


def configuration() -> EngineConfig:
    """Points 1 … POINTS of one source, three calculated points for each group, and their alarms."""
    measured, calculated = np.arange(1, POINTS + 1), np.arange(DEVIATION, HELD + GROUPS)
    high, state = int(AlarmKind.HIGH), int(AlarmKind.STATE)
    return EngineConfig.from_columns(
        1,
        {"number": [SOURCE], "id": ["load"]},
        {
            "number": np.concatenate([measured, calculated]),
            "source": np.concatenate([np.full(POINTS, SOURCE), np.zeros(3 * GROUPS, np.int64)]),
            "deadline": np.zeros(POINTS + 3 * GROUPS),
        },
        {
            "number": np.concatenate([measured, measured + DELAYED, calculated]),
            "kind": np.concatenate([np.full(2 * POINTS + GROUPS, high), np.full(2 * GROUPS, state)]),
            "target": np.concatenate([measured, measured, calculated]),
            "limit": np.concatenate([np.full(2 * POINTS, LIMIT), np.full(GROUPS, 60.0), np.full(2 * GROUPS, np.nan)]),
            "on_delay": np.concatenate([np.zeros(POINTS), np.full(POINTS, ON_DELAY_MS), np.zeros(3 * GROUPS)]),
            "states": [*([[]] * (2 * POINTS + GROUPS)), *([[1]] * (2 * GROUPS))],
        },
        programs=[
            *((DEVIATION + g, program((Op.POINT, of(g, 0)), (Op.POINT, of(g, 1)), (Op.SUB,), (Op.ABS,))) for g in range(GROUPS)),
            *((VOTING + g, vote(g)) for g in range(GROUPS)),
            *(
                (HELD + g, program((Op.POINT, of(g, 0)), (Op.CONST, 0, LIMIT), (Op.GE,), (Op.HOLD, 0, HOLD)))
                for g in range(GROUPS)
            ),
        ],
    )


def of(group: int, member: int) -> int:
    return group * MEMBERS + member + 1


def vote(group: int) -> Program:
    """2 of 3, where a member that knows nothing leaves."""
    members = [step for m in range(MEMBERS) for step in ((Op.POINT, of(group, m)), (Op.CONST, 0, LIMIT), (Op.ABOVE,))]
    return program(*members, (Op.VOTE, MEMBERS + 256 * 2 + 131_072))


def program(*steps: tuple[Op, int, float] | tuple[Op, int] | tuple[Op]) -> Program:
    """Instructions; those with memory get theirs in order."""
    code, cells = [], 0
    for op, *rest in steps:
        a, x = [*rest, 0, 0.0][:2] if len(rest) < 2 else rest
        if cells_of(op):
            a, cells = cells, cells + cells_of(op)
        code.append(Instruction(op, int(a), float(x)))
    points = tuple(dict.fromkeys(step.a for step in code if step.op is Op.POINT))
    return Program(tuple(code), points, cells, timed=True, depth=8)


if __name__ == "__main__":
    sys.exit(main())
