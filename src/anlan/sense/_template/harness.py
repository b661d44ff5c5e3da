"""The template's simulator as the contract suite wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from anlan.sense._template.simulator import TemplateServer


class Harness(TemplateServer):
    exempt: ClassVar[dict[str, str]] = {}
    bad_addresses = ("", "two words", "tab\t", "ümlaut")
    openings = (b"a 1.0 1\n", b"a 1.0 1\nb ")
    reads = frozenset({"READ"})

    def options(self, folder: Path) -> dict[str, Any]:
        return {
            "host": self.host, "port": self.port, "timeout": 0.5, "max_requests_per_second": 100, "reconnect": 0.05, "reconnect_most": 0.3,
        }  # fmt: skip

    def addresses(self) -> list[str]:
        return ["a", "b"]

    async def change(self, value: int) -> None:
        for name in self.addresses():
            self.set(name, value)

    def let_go(self) -> int:
        return self.recording.counts["READ"]
