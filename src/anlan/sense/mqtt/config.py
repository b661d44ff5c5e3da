"""The options of an MQTT source."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from anlan.sense.driver import DriverConfig
from anlan.sense.mqtt.template import TopicConfig


class TlsConfig(BaseModel):
    """`ca` none: the machine's own authorities. `certificate` and `key`: ours, where the broker wants one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


class MqttConfig(DriverConfig):
    host: str
    port: int = Field(default=1883, ge=1, le=65_535)
    version: Literal["3.1.1", "5"] = "3.1.1"
    client_id: str = Field(
        min_length=1, max_length=100, description="the broker keeps our session by it: unique, and always the same"
    )
    username: str = ""
    password_file: Path | None = None
    tls: TlsConfig | None = None
    topics: tuple[TopicConfig, ...] = Field(min_length=1)
    keep_alive: int = Field(default=10, ge=1, le=3600, description="s between pings")
    session_expiry: int = Field(default=7 * 86_400, ge=0, le=4_294_967_295, description="s a version 5 broker keeps our session")
    receive_maximum: int = Field(default=1000, ge=1, le=65_535, description="unacknowledged messages a version 5 broker may send")
    queue: int = Field(default=10_000, ge=1, le=1_000_000, description="messages held before we stop reading")
    timeout: float = Field(default=4.0, gt=0, le=60, description="s")
    reconnect: float = Field(default=0.5, gt=0, le=60, description="s, the first wait; doubles up to reconnect_most")
    reconnect_most: float = Field(default=30.0, gt=0, le=600, description="s")
    folder: Path | None = None
    """The node's folder; rejected messages are kept in `rejects/` below it."""
