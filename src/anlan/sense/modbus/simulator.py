"""A Modbus device that speaks the real protocol (pymodbus' server) over registers that a scenario sets by address text.

It records the function of every request, can be killed with its connections cut, and started again on the same port.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.framer import FramerType
from pymodbus.pdu import ModbusPDU
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from anlan.sense.modbus.address import TABLES, decode, encode, parse
from anlan.sense.recording import Recording

FRAMERS = {"tcp": FramerType.SOCKET, "rtu": FramerType.RTU}
_TABLE_OF = {1: "co", 2: "di", 3: "hr", 4: "ir", 5: "co", 15: "co", 6: "hr", 16: "hr", 22: "hr", 23: "hr"}


class Memory:
    """The registers of every unit. Only what was set exists when `strict`, as in most real devices; else all 65536 do."""

    def __init__(self, units: Sequence[int], strict: bool) -> None:
        self._cells = {(u, t): np.zeros(65_536, np.uint16) for u in units for t in TABLES}
        self._known = {key: np.full(65_536, not strict) for key in self._cells}
        self.refusals: dict[tuple[int, str], ExcCodes] = {}

    def read(self, unit: int, table: str, start: int, count: int) -> list[int]:
        return [int(v) for v in self._cells[unit, table][start : start + count]]

    def write(self, unit: int, table: str, start: int, values: Sequence[int]) -> None:
        self._cells[unit, table][start : start + len(values)] = values
        self._known[unit, table][start : start + len(values)] = True

    # The names that pymodbus asks a datastore for.
    def device_ids(self) -> list[int]:
        return sorted({unit for unit, _ in self._cells})

    async def async_getValues(self, unit: int, function: int, start: int, count: int = 1) -> list[int] | ExcCodes:  # noqa: N802
        table = _TABLE_OF[function]
        if (unit, table) not in self._cells:
            return ExcCodes.GATEWAY_NO_RESPONSE
        if (unit, table) in self.refusals:
            return self.refusals[unit, table]
        if start + count > 65_536 or not self._known[unit, table][start : start + count].all():
            return ExcCodes.ILLEGAL_ADDRESS
        return self.read(unit, table, start, count)

    async def async_setValues(self, unit: int, function: int, start: int, values: Sequence[int]) -> ExcCodes | None:  # noqa: N802
        self.write(unit, _TABLE_OF[function], start, values)
        return None


class ModbusServer:
    """`await start()`, then `.port`; `set("hr:100 float32", 3.5)` by the driver's own address grammar."""

    def __init__(
        self,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        units: Sequence[int] = (1,),
        framing: Literal["tcp", "rtu"] = "tcp",
        strict: bool = False,
        delay: float = 0.0,
    ) -> None:
        self.host, self.port, self.framing = host, port, framing
        self.recording = Recording()
        self.memory = Memory(units, strict)
        self.delay = delay
        """Every answer comes this late. [s]"""
        self.mute: set[int] = set()
        """Units that take requests and never answer, as a dead device behind a live gateway."""
        self.lose = 0
        """So many of the next answers are lost."""
        self.most_connections = 0
        self._default = units[0]
        self._server: ModbusTcpServer | None = None

    @property
    def url(self) -> str:
        return f"{self.host}:{self.port}"

    def set(self, address: str, value: float) -> None:
        """Give the point at `address` this value, in the point's own unit (scaling is undone)."""
        a = parse(address)
        unit = a.unit if a.unit is not None else self._default
        before = self.memory.read(unit, a.table, a.start, a.width)
        self.memory.write(unit, a.table, a.start, encode(a, value, before))

    def get(self, address: str) -> float:
        a = parse(address)
        unit = a.unit if a.unit is not None else self._default
        return decode(a, self.memory.read(unit, a.table, a.start, a.width))

    def refuse(self, table: str, code: int, unit: int | None = None) -> None:
        """Answer every read of `table` with exception `code`; 0 ends it."""
        key = (self._default if unit is None else unit, table)
        self.memory.refusals.pop(key, None)
        if code:
            self.memory.refusals[key] = ExcCodes(code)

    async def start(self) -> None:
        # pymodbus wants a SimDevice to build; its datastore is then replaced by ours, which all connections share.
        server = ModbusTcpServer(
            SimDevice(0, [SimData(0, datatype=DataType.REGISTERS)]),
            framer=FRAMERS[self.framing],
            address=(self.host, self.port),
            ignore_missing_devices=True,
            trace_pdu=self._seen,
            trace_connect=self._connected,
        )
        server.context = _Line(self)  # type: ignore[assignment]
        await server.serve_forever(background=True)
        self._server = server
        self.port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        """Close the listener and cut every connection; `start()` opens the same port again. Idempotent."""
        server, self._server = self._server, None
        if server is None:
            return
        listener, connections = server.transport, list(server.active_connections.values())
        for connection in connections:
            if connection.transport is not None:
                connection.transport.abort()  # type: ignore[attr-defined]
        await server.shutdown()  # type: ignore[no-untyped-call]
        await listener.wait_closed()  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    kill = stop

    @property
    def connections(self) -> int:
        return len(self._server.active_connections) if self._server else 0

    def _seen(self, sending: bool, pdu: ModbusPDU) -> ModbusPDU:
        if not sending:
            self.recording.note(f"function {pdu.function_code}", f"unit {pdu.dev_id} address {pdu.address} count {pdu.count}")
        return pdu

    def _connected(self, connect: bool) -> None:
        self.most_connections = max(self.most_connections, self.connections)


class _Line:
    """The memory as the line shows it: late, mute or losing answers."""

    def __init__(self, server: ModbusServer) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:
        return getattr(self._server.memory, name)

    async def async_getValues(self, unit: int, function: int, start: int, count: int = 1) -> list[int] | ExcCodes:  # noqa: N802
        server = self._server
        if server.delay:
            await asyncio.sleep(server.delay)
        if unit in server.mute or server.lose:
            server.lose = max(0, server.lose - 1)
            # The server is told to leave requests to unknown devices unanswered.
            raise NoSuchIdException
        return await server.memory.async_getValues(unit, function, start, count)
