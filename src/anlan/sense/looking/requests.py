"""What may be asked of a device that is no source yet, and the bounds within which it is asked."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from anlan.model.errors import InputError

Host = Annotated[str, Field(min_length=1, max_length=253, pattern=r"^[A-Za-z0-9._:\-]+$", description="a name or an address")]
Port = Annotated[int, Field(ge=1, le=65_535)]
Word = Annotated[str, Field(max_length=200)]


class NotReached(InputError):
    """Nothing that can be used answered at the address that a person gave."""

    code: ClassVar[str] = "not-reached"


class Look(BaseModel):
    """Base of the requests. `NAME` is what the process knows it by."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    NAME: ClassVar[str] = ""
    SECONDS: ClassVar[float] = 20.0
    """After which the whole look is given up."""


class OpcUaEndpoints(Look):
    """Which security a server offers, and the certificate it shows."""

    NAME: ClassVar[str] = "opcua.endpoints"

    url: Annotated[str, Field(min_length=11, max_length=300, pattern=r"^opc\.tcp://[^/@\s]+(/\S*)?$")]


class OpcUaTrust(OpcUaEndpoints):
    """`fingerprint`: SHA-256 of the certificate that the person has seen, hex. Another one is not trusted."""

    NAME: ClassVar[str] = "opcua.trust"

    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class OpcUaBrowse(OpcUaEndpoints):
    """What stands right below `node` ("" for Objects), with types and present values."""

    NAME: ClassVar[str] = "opcua.browse"

    security: Literal["Basic256Sha256", "none"] = "Basic256Sha256"
    node: Annotated[str, Field(max_length=500)] = ""
    username: Word = ""
    password: Word = ""


class ModbusRange(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    table: Literal["co", "di", "hr", "ir"]
    start: Annotated[int, Field(ge=0, le=65_535)] = 0
    count: Annotated[int, Field(ge=1, le=500)] = 50


class ModbusScan(Look):
    """Present raw values of some ranges, in the readings that they may mean."""

    NAME: ClassVar[str] = "modbus.scan"

    host: Host
    port: Port = 502
    framing: Literal["tcp", "rtu"] = "tcp"
    unit: Annotated[int, Field(ge=0, le=255)] = 1
    ranges: Annotated[tuple[ModbusRange, ...], Field(min_length=1, max_length=8)]


class MqttListen(Look):
    """Topics under `filter` that speak within `seconds`, or were retained."""

    NAME: ClassVar[str] = "mqtt.listen"

    host: Host
    port: Port = 1883
    version: Literal["3.1.1", "5"] = "3.1.1"
    tls: bool = False
    username: Word = ""
    password: Word = ""
    filter: Annotated[str, Field(min_length=1, max_length=500)] = "#"
    seconds: Annotated[float, Field(ge=0.2, le=12)] = 5.0


LOOKS: dict[str, type[Look]] = {kind.NAME: kind for kind in (OpcUaEndpoints, OpcUaTrust, OpcUaBrowse, ModbusScan, MqttListen)}
