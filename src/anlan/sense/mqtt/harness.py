"""The MQTT broker as the contract suite wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from anlan.model.clock import SystemClock
from anlan.sense.mqtt.simulator import MqttBroker


class Harness(MqttBroker):
    exempt: ClassVar[dict[str, str]] = {"check_poll_cap": "the broker sends; nothing is polled"}
    bad_addresses = ("", " T-101", "T-101 ", "T-101 | *x", "T-101 | a=b", "T-101 | ?")
    openings = (
        b"\x20\2\0\0",
        b"\x20\2\0\0\x32\4",
        b"\x20\2\0\0\x90\3\0\1",
        b"\x20\2\0\0\x40\1",
        b"\x20\0",
        b"\x20\2\0\0\x32\4\0\x09",
    )
    reads = frozenset({"CONNECT", "SUBSCRIBE", "PUBACK", "PINGREQ", "DISCONNECT"})
    version: ClassVar[str] = "3.1.1"

    def options(self, folder: Path) -> dict[str, Any]:
        topic = {"filter": "plant/{tag}", "point": "{tag}", "value": "$.v", "time": "$.t"}
        return {
            "host": self.host, "port": self.port, "version": self.version, "client_id": "contract", "topics": [topic],
            "timeout": 1.0, "reconnect": 0.05, "reconnect_most": 0.3, "folder": folder,
        }  # fmt: skip

    def addresses(self) -> list[str]:
        return ["T-1", "T-2"]

    async def change(self, value: int) -> None:
        for tag in self.addresses():
            self.publish(f"plant/{tag}", {"v": value, "t": SystemClock().now()})

    def let_go(self) -> int:
        return self.recording.counts["PUBACK"]
