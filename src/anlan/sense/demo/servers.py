"""The demo plant's devices on the wire: what the world says, spoken in OPC UA, Modbus TCP and MQTT.

A device stamps the wall time; only the plant behind it runs faster.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from anlan.model.clock import Clock, isoformat
from anlan.model.errors import ConfigError, InputError
from anlan.sense.demo.wiring import Source, Wired
from anlan.sense.demo.world import Mark

URI = "urn:anlan:demo:dcs"
SENSOR_FAILED = 3.5
"""What a transmitter with a failed sensor sends. NAMUR NE 43: at most 3.6. [mA]"""
SATURATED = (3.8, 20.5)
"""NE 43: a measured value is not shown beyond these. [mA]"""


class Device(Protocol):
    """One source's simulator. `stop` cuts it off without a goodbye, `start` brings it back on the same port."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def publish(self, values: Mapping[str, float], marks: Mapping[str, Mark]) -> None: ...

    @property
    def port(self) -> int: ...


class _Served:
    """A device that is a simulator of its protocol."""

    server: Any

    @property
    def port(self) -> int:
        return int(self.server.port)

    async def start(self) -> None:
        await self.server.start()

    async def stop(self) -> None:
        await self.server.stop()


def device(source: Source, clock: Clock, pki: Path) -> Device:
    """The simulator that speaks the source's protocol; servers that need a certificate keep theirs under `pki`."""
    kinds: dict[str, Any] = {"opcua": OpcUaDevice, "modbus": ModbusDevice, "mqtt": MqttDevice}
    if source.driver not in kinds:
        raise InputError("the demo plant has no simulator for driver {driver!r}", driver=source.driver)
    made: Device = kinds[source.driver](source, clock, pki)
    return made


class OpcUaDevice(_Served):
    """The process control system: one variable a tag, in folders by equipment."""

    def __init__(self, source: Source, clock: Clock, pki: Path) -> None:
        from anlan.sense.opcua.pki import own
        from anlan.sense.opcua.simulator import OpcUaServer

        self._source, self._clock = source, clock
        certificate, key = own(pki, URI, clock, "server")
        self.server = OpcUaServer(
            source.port,
            host=source.host,
            certificate=certificate,
            key=key,
            only_secure=True,
            application_uri=URI,
            clock=clock,
        )
        self._paths = {point.id: point.address.partition(" ")[0].partition(";s=")[2] for point in source.points}
        for point in source.points:
            span = None if point.low is None or point.high is None else (point.low, point.high)
            self.server.add(self._paths[point.id], unit=point.unit, range=span, description=point.name)

    async def publish(self, values: Mapping[str, float], marks: Mapping[str, Mark]) -> None:
        now = self._clock.now()
        for point in self._source.points:
            value, status = _with_status(point, values[point.id], marks.get(point.id))
            await self.server.write(self._paths[point.id], value, status, now)


class ModbusDevice(_Served):
    """A controller's registers; its 4–20 mA loops say by NE 43 what is wrong with a transmitter."""

    def __init__(self, source: Source, clock: Clock, pki: Path) -> None:
        from anlan.sense.modbus.address import parse
        from anlan.sense.modbus.simulator import ModbusServer

        self._addresses = {point.id: parse(point.address) for point in source.points}
        self._source = source
        default = int(source.options.get("unit", 1))
        units = {default, *(a.unit for a in self._addresses.values() if a.unit is not None)}
        ordered = [default, *sorted(units - {default})]
        self.server = ModbusServer(source.port, host=source.host, units=ordered, strict=True)

    async def publish(self, values: Mapping[str, float], marks: Mapping[str, Mark]) -> None:
        for point in self._source.points:
            loop = self._addresses[point.id].ne43
            value = values[point.id]
            self.server.set(point.address, value if loop is None else _current(value, loop.low, loop.high))


class MqttDevice(_Served):
    """The gateway of people's tags and the weather station: one topic each, one JSON object a message.

    While it is cut off the gateway keeps what it would have sent, as the broker keeps it for a reader that is away: it comes late.
    """

    def __init__(self, source: Source, clock: Clock, pki: Path) -> None:
        from anlan.sense.mqtt.simulator import MqttBroker

        self._clock = clock
        self.server = MqttBroker(source.port, host=source.host)
        self._fields: dict[str, list[tuple[list[str], Wired]]] = {}
        for point in source.points:
            topic, path = where_sent(source, point)
            self._fields.setdefault(topic, []).append((path, point))

    async def publish(self, values: Mapping[str, float], marks: Mapping[str, Mark]) -> None:
        stamp = isoformat(self._clock.now())
        for topic, fields in self._fields.items():
            message: dict[str, Any] = {"time": stamp}
            for path, point in fields:
                _put(message, path, _json_number(point, values[point.id]))
            self.server.publish(topic, message)


def where_sent(source: Source, point: Wired) -> tuple[str, list[str]]:
    """Topic and place in the JSON object of a point whose key is `DEVICE.FIELD`: the source's templates, read backwards."""
    sender, _, name = point.address.rpartition(".")
    for template in source.options["topics"]:
        path = template["fields"].get(name)
        if path is not None:
            head, _, tail = template["filter"].partition("{")
            return head + sender + tail.partition("}")[2], path.removeprefix("$.").split(".")
    raise ConfigError(
        "point {point}: no topic of source {source} has a field {field!r}",
        file="points.csv",
        point=point.id,
        source=source.id,
        field=name,
    )


def _put(message: dict[str, Any], path: list[str], value: float | int | None) -> None:
    for name in path[:-1]:
        message = message.setdefault(name, {})
    message[path[-1]] = value


def _with_status(point: Wired, value: float, mark: Mark | None) -> tuple[float, str]:
    """What an OPC UA server shows of a value: a failed sensor and one beyond its range say so."""
    if mark is Mark.FAILED or math.isnan(value):
        return 0.0, "BadSensorFailure"
    if mark is Mark.CALIBRATING:
        return value, "UncertainSensorNotAccurate"
    inside = value if point.low is None or point.high is None else min(max(value, point.low), point.high)
    return inside, "Good" if inside == value else "UncertainEngineeringUnitsExceeded"


def _current(value: float, low: float | None, high: float | None) -> float:
    """The loop current of a value. [mA]"""
    if math.isnan(value):
        return SENSOR_FAILED
    if low is None or high is None:
        return value
    return min(max(4.0 + 16.0 * (value - low) / (high - low), SATURATED[0]), SATURATED[1])


def _json_number(point: Wired, value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if point.discrete else round(value, 3)
