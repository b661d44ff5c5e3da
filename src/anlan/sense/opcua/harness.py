"""The OPC UA simulator as the contract suite wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from anlan.sense.opcua.simulator import OpcUaServer


class Harness(OpcUaServer):
    exempt: ClassVar[dict[str, str]] = {"check_poll_cap": "the server publishes; nothing is polled but its own state"}
    bad_addresses = ("", "R101", "ns=2;R101", "ns=x;s=a", "ns=2;i=abc", "ns=2;s=a | *x", "ns=2;s=a | [b]", "ns=2;s=a | ?")
    openings = (b"ACKF\x1c\0\0\0", b"ACKF\x1c\0\0\0" + bytes(20) + b"OPNF\x64\0\0\0", b"ERRF\x20\0\0\0", b"MSGF\xff\xff\xff\xff")
    reads = frozenset(
        {
            "GetEndpoints",
            "CreateSession",
            "ActivateSession",
            "CloseSession",
            "CloseSecureChannel",
            "OpenSecureChannel",
            "CreateSubscription",
            "DeleteSubscriptions",
            "CreateMonitoredItems",
            "Publish",
            "Read",
        }
    )

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        for name in self.names:
            self.add(name, "Double", 0.0)

    names: ClassVar[tuple[str, ...]] = ("U1/A", "U1/B")

    def options(self, folder: Path) -> dict[str, Any]:
        return {
            "folder": folder,
            "url": self.url, "security": "none", "publishing": 0.05, "heartbeat": 0.2, "timeout": 1.0,
            "reconnect": 0.05, "reconnect_most": 0.3, "keep_alive": 1.0,
        }  # fmt: skip

    def addresses(self) -> list[str]:
        return [f"ns=2;s={name}" for name in self.names]

    async def change(self, value: int) -> None:
        for name in self.names:
            await self.write(name, float(value))

    def let_go(self) -> int:
        return self.recording.counts["Publish"]
