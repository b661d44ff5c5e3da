"""A device of each protocol under load: what it was given, and what the driver told it that it may forget."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from anlan.model.clock import Clock
from anlan.sense.driver import Driver
from anlan.sense.modbus.driver import ModbusDriver
from anlan.sense.modbus.harness import Harness as ModbusHarness
from anlan.sense.mqtt.driver import MqttDriver
from anlan.sense.mqtt.harness import Harness as MqttHarness
from anlan.sense.opcua.driver import OpcUaDriver
from anlan.sense.opcua.harness import Harness as OpcUaHarness

Row = tuple[int, int, float]
"""(point, device time µs, value). Modbus stamps nothing: there the time is the driver's."""


class Device:
    """Base: points are numbered from 1; every value that is written is used once."""

    kind: type[Driver]
    writes_per_second = 200
    keeps_all = False
    """Whether every value written must arrive in the end, not only those acknowledged (a broker with sessions)."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.harness: Any = self.made()
        self.written: set[Row] = set()
        self.values = {(point, 0.0) for point in range(1, 1 + len(self.harness.addresses()))}
        self.acknowledged: set[Row] = set()
        self.next_value = 0

    def made(self) -> Any: ...

    def taken(self, rows: list[Row]) -> None:
        """The driver's delivery of these rows returned; for protocols without acknowledgement that is one."""

    async def write(self) -> None:
        self.next_value += 1
        point = 1 + self.next_value % len(self.harness.addresses())
        row = (point, self.clock.now(), float(self.next_value))
        self.written.add(row)
        self.values.add((point, row[2]))
        await self.put(*row)

    async def put(self, point: int, time: int, value: float) -> None: ...

    def options(self, folder: Path) -> dict[str, Any]:
        options: dict[str, Any] = self.harness.options(folder)
        return options


class Modbus(Device):
    kind = ModbusDriver

    def made(self) -> Any:
        harness = ModbusHarness()
        self.names = ["hr:0 uint32", "hr:40 uint32 CDAB", "ir:4 float64"]
        harness.addresses = lambda: self.names  # type: ignore[method-assign]
        return harness

    def taken(self, rows: list[Row]) -> None:
        self.acknowledged.update(rows)

    async def put(self, point: int, time: int, value: float) -> None:
        self.harness.set(self.names[point - 1], value)


class OpcUa(Device):
    kind = OpcUaDriver
    writes_per_second = 100

    def made(self) -> Any:
        harness = OpcUaHarness()
        numbers = {name: point for point, name in enumerate(harness.names, 1)}
        harness.on_acknowledged = lambda name, time, value: self.acknowledged.add((numbers[name], time, float(value)))
        return harness

    async def put(self, point: int, time: int, value: float) -> None:
        await self.harness.write(self.harness.names[point - 1], value, source_time=time)


class Mqtt(Device):
    kind = MqttDriver
    keeps_all = True
    version = "3.1.1"

    def made(self) -> Any:
        return MqttHarness(most_unacknowledged=50)

    async def put(self, point: int, time: int, value: float) -> None:
        self.harness.publish(f"plant/T-{point}", {"v": value, "t": time})

    def options(self, folder: Path) -> dict[str, Any]:
        return super().options(folder) | {"version": self.version}


class Mqtt5(Mqtt):
    version = "5"


DEVICES: dict[str, type[Device]] = {"modbus": Modbus, "mqtt": Mqtt, "mqtt5": Mqtt5, "opcua": OpcUa}
