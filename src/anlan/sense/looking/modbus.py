"""Registers of a Modbus device as they stand now, in the readings that they may mean. A scan is polite: small reads, evenly spaced, bounded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from anlan.sense.looking.reach import reach
from anlan.sense.looking.requests import ModbusScan, NotReached
from anlan.sense.modbus.address import decode as decoded
from anlan.sense.modbus.address import parse
from anlan.sense.modbus.driver import FRAMERS
from anlan.sense.modbus.gate import Gate

BLOCK = 100
MOST_REQUESTS = 120
"""In one scan: a device that refuses much is asked in ever smaller pieces, and this ends it."""
PER_SECOND = 20.0
TIMEOUT = 2.0
READINGS = {"uint16": 1, "int16": 1, "float32": 2, "float32 CDAB": 2, "uint32": 2, "int32": 2}
"""As an address writes them → registers."""
WHY = {1: "function", 2: "address", 3: "count", 4: "device failure", 10: "gateway path", 11: "no answer behind the gateway"}


@dataclass(slots=True)
class _Scan:
    """What has been read: (table, address) → raw; what was refused, by exception code."""

    client: AsyncModbusTcpClient
    gate: Gate
    unit: int
    held: dict[tuple[str, int], int] = field(default_factory=dict)
    refused: dict[tuple[str, int], int] = field(default_factory=dict)
    requests: int = 0
    cut_short: bool = False


async def scan(look: ModbusScan) -> dict[str, Any]:
    """`items`: one row for each address that answered; `refusals`: how many addresses the device has not, by reason. Raises NotReached."""
    await reach(look.host, look.port)
    client = AsyncModbusTcpClient(
        look.host, port=look.port, framer=FRAMERS[look.framing], timeout=TIMEOUT, retries=0, reconnect_delay=0
    )
    found = _Scan(client, Gate.to(look.host, look.port, 1, PER_SECOND), look.unit)
    try:
        if not await client.connect():
            raise NotReached("{where} does not take a connection", where=f"{look.host}:{look.port}")
        for span in look.ranges:
            for start in range(span.start, min(span.start + span.count, 65_536), BLOCK):
                await _read(found, span.table, start, min(BLOCK, span.start + span.count - start, 65_536 - start))
    except (ModbusException, OSError, TimeoutError) as silent:
        raise _silent(look) from silent
    finally:
        client.close()
    if not found.held and found.refused and set(found.refused.values()) <= {10, 11}:
        raise _silent(look)  # a gateway that says so itself
    reasons: dict[str, int] = {}
    for code in found.refused.values():
        reasons[WHY.get(code, str(code))] = reasons.get(WHY.get(code, str(code)), 0) + 1
    return {"items": [_row(found, *at) for at in found.held], "refusals": reasons, "cut_short": found.cut_short}


def _silent(look: ModbusScan) -> NotReached:
    return NotReached(
        "{where} takes a connection, but unit {unit} does not answer: check the unit address and the framing",
        where=f"{look.host}:{look.port}",
        unit=look.unit,
    )


async def _read(found: _Scan, table: str, start: int, count: int) -> None:
    """A refused block is read in halves: which single addresses there are is what the person wants to know."""
    if found.requests >= MOST_REQUESTS:
        found.cut_short = True
        return
    found.requests += 1
    await found.gate.turn()
    client = found.client
    read = {
        "co": client.read_coils,
        "di": client.read_discrete_inputs,
        "hr": client.read_holding_registers,
        "ir": client.read_input_registers,
    }[table]
    answer = await read(start, count=count, device_id=found.unit)
    if not answer.isError():
        raw: Sequence[int] = answer.bits if table in {"co", "di"} else answer.registers
        found.held |= {(table, start + n): int(value) for n, value in enumerate(raw[:count])}
    elif answer.exception_code in {2, 3} and count > 1:
        half = count // 2
        await _read(found, table, start, half)
        await _read(found, table, start + half, count - half)
    else:
        found.refused |= {(table, start + n): answer.exception_code for n in range(count)}


def _row(found: _Scan, table: str, start: int) -> dict[str, Any]:
    """`readings`: the type as an address names it → the value; those of two registers only where the second one is there."""
    raw = found.held[table, start]
    row: dict[str, Any] = {"table": table, "address": start, "raw": raw, "readings": {}}
    if table in {"co", "di"}:
        return row
    for kind, width in READINGS.items():
        registers = [found.held.get((table, start + n)) for n in range(width)]
        if None not in registers:
            value = decoded(parse(f"{table}:{start} {kind}"), [r for r in registers if r is not None])
            row["readings"][kind] = value if math.isfinite(value) else None
    return row
