"""Which requests read which points: neighbours share one request as far as the protocol and the device allow. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from anlan.sense.modbus.address import Address

MAX_REGISTERS = 125
MAX_BITS = 2000
"""Most of one request (Modbus Application Protocol V1.1b3, 6.1 and 6.3)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`gap`: that many registers nobody asked for may lie between two points of one request (16 times as many bits)."""

    gap: int = 10
    registers: int = MAX_REGISTERS
    bits: int = MAX_BITS


@dataclass(frozen=True, slots=True)
class Block:
    """One read request; `members` index the list of points that the plan was made of."""

    unit: int
    table: str
    start: int
    count: int
    members: tuple[int, ...]


def plan(addresses: Sequence[Address], unit: int, limits: Limits, only: Sequence[int] | None = None) -> list[Block]:
    """The fewest requests that read all `addresses` (or those that `only` indexes); `unit` is where an address names none."""
    tables: dict[tuple[int, str], list[int]] = defaultdict(list)
    for index in range(len(addresses)) if only is None else only:
        address = addresses[index]
        tables[unit if address.unit is None else address.unit, address.table].append(index)
    return [block for key, members in sorted(tables.items()) for block in _blocks(addresses, *key, members, limits)]


def _blocks(addresses: Sequence[Address], unit: int, table: str, members: list[int], limits: Limits) -> list[Block]:
    single = table in {"co", "di"}
    gap, most = (limits.gap * 16, limits.bits) if single else (limits.gap, limits.registers)
    blocks: list[Block] = []
    for index in sorted(members, key=lambda i: (addresses[i].start, addresses[i].width)):
        start, end = addresses[index].start, addresses[index].start + addresses[index].width
        last = blocks[-1] if blocks else None
        if last is not None and start <= last.start + last.count + gap and end - last.start <= most:
            count = max(last.count, end - last.start)
            blocks[-1] = replace(last, count=count, members=(*last.members, index))
        else:
            blocks.append(Block(unit, table, start, end - start, (index,)))
    return blocks


def narrower(addresses: Sequence[Address], block: Block) -> list[Block]:
    """The block in smaller requests, for a device that refuses it: first without gaps, then point by point; [] when it is one point."""
    tight = plan(addresses, block.unit, Limits(gap=0), block.members)
    if len(tight) > 1:
        return tight
    if len(block.members) == 1:
        return []
    return [one for member in block.members for one in plan(addresses, block.unit, Limits(gap=0), (member,))]
