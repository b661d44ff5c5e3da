"""The Modbus simulator as the contract suite wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from anlan.sense.modbus.simulator import ModbusServer


class Harness(ModbusServer):
    exempt: ClassVar[dict[str, str]] = {}
    bad_addresses = (
        "",
        "hr",
        "hr:65536",
        "hr:1 float33",
        "di:3 int16",
        "hr:4.16",
        "hr:65535 float32",
        "hr:1 *x",
        "xx:1",
        "300/hr:1",
        "hr:1 *2 *3",
    )
    openings = (b"\0\1\0\0\0\x0d\1\3\x0a", b"\0\1\0\0\0\3\1\x83", b"\0\1\0\0\xff\xff\1\3")
    reads = frozenset({"function 1", "function 2", "function 3", "function 4"})

    def options(self, folder: Path) -> dict[str, Any]:
        return {
            "host": self.host,
            "port": self.port,
            "timeout": 0.5,
            "reconnect": 0.05,
            "reconnect_most": 0.3,
            "max_requests_per_second": 200,
        }

    def addresses(self) -> list[str]:
        return ["hr:0", "hr:200 float32 CDAB", "ir:7 int16", "hr:205 uint64"]

    async def change(self, value: int) -> None:
        for address in self.addresses():
            self.set(address, value)

    def let_go(self) -> int:
        return self.recording.counts.total()
