"""The rules by which a driver's `quality.yaml` states what it does: each rule done with its proof, to do, or exempt with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator
from ruamel.yaml import YAML

RULES = {
    "link-loss-told-once": "A lost link is told once, with its reason; further attempts are silent.",
    "recovers-by-itself": "A device that comes back is read again without anybody's help, and told up once.",
    "reconnects-with-backoff": "Attempts come ever more rarely, jittered, up to a limit.",
    "durable-before-acknowledged": "A device may forget only what the log has.",
    "redelivery-recognised": "What a device sends again is marked, or recognised and answered.",
    "survives-any-bytes": "Whatever answers at the port, the driver lives and reads the right device when it is back.",
    "bad-address-named": "A wrong address is refused with the piece that is wrong and what was expected.",
    "stops-in-time": "Cancelled, it is gone within 2 s, connected or not.",
    "read-only-on-the-wire": "A recording simulator sees nothing but reading services.",
    "read-only-in-source": "No write call is named in its source.",
    "poll-cap": "Requests a second and connections to a device are capped.",
    "source-time": "The device's own time is kept, never rewritten.",
    "quality-mapped": "What the device says about a value becomes severity and reason.",
    "scaling-and-words": "Raw numbers are scaled, words of states become integers.",
    "encryption": "The connection can be encrypted and the other end proven.",
    "sign-in": "User and password, never on the command line.",
    "discovery": "The device's own list of points can be imported.",
    "spoken-with-others": "Proven against an implementation of the protocol that is not ours.",
    "fault-rounds": "Killed and restarted under load, nothing acknowledged is lost or repeated.",
    "counters": "Losses, refusals, rejects and duplicates are counted and shown.",
}


class Statement(BaseModel):
    """`proof` is FILE::TEST below the driver's tests, `contract::check_…`, or `read_only` / `faults` for the suites of those names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: Literal["done", "todo", "exempt"]
    proof: str = ""
    why: str = ""

    @model_validator(mode="after")
    def _reasoned(self) -> Statement:
        if self.status == "done" and not self.proof:
            raise ValueError("done needs a proof")
        if self.status != "done" and not self.why:
            raise ValueError(f"{self.status} needs a why")
        return self


def read(path: Path) -> Mapping[str, Statement]:
    """The statements of one quality.yaml, in the order of `RULES`; raises ValueError when a rule is left out or unknown."""
    loaded: dict[str, Any] = YAML(typ="safe").load(path.read_text("utf-8"))
    if loaded.keys() != RULES.keys():
        raise ValueError(
            f"{path}: missing {sorted(RULES.keys() - loaded.keys())}, unknown {sorted(loaded.keys() - RULES.keys())}"
        )
    return {rule: Statement.model_validate(loaded[rule]) for rule in RULES}
