"""Tells every console when a node whose witness this one is hands over a record that does not fit, or is not heard any more."""

from __future__ import annotations

import asyncio

from anlan.guard.witnessing import WitnessedNode, Witnessing
from anlan.model.clock import MINUTE
from anlan.model.errors import AnlanError, Corrupt, Unavailable
from anlan.web.context import Context

LOOK_SECONDS = 10.0
PART = "witness of "


class WitnessWatch:
    def __init__(self, context: Context, witnessing: Witnessing) -> None:
        self._context, self._witnessing = context, witnessing

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self._tell(await asyncio.to_thread(self._witnessing.nodes))
            except AnlanError as failure:
                self._context.faults[f"{PART}others"] = failure
            await asyncio.sleep(LOOK_SECONDS)

    def _tell(self, nodes: list[WitnessedNode]) -> None:
        found = {f"{PART}{one.log[:16]}": fault for one in nodes if (fault := self._fault(one)) is not None}
        faults = self._context.faults
        for name in [one for one in faults if one.startswith(PART) and one not in found]:
            del faults[name]
        faults.update(found)

    def _fault(self, node: WitnessedNode) -> AnlanError | None:
        now = self._context.clock.now()
        if node.refused is not None:
            return Corrupt(
                "the audit record of node {name} ({log}…) does not fit what this node, its witness, holds of it: go and see there, do not "
                "restart it, and copy its data first",
                name=node.name,
                log=node.log[:16],
            )
        if node.is_silent(now):
            return Unavailable(
                "node {name} has not asked its witness, this node, for {minutes} min: whether it lives, and whether its audit record "
                "is as it was, is not known",
                name=node.name,
                minutes=(now - node.heard_at) // MINUTE,
            )
        return None
