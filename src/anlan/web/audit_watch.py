"""The app looks after its audit record: signs, hands over, checks, and tells every console what is wrong.

In: `guard.auditor`, `guard.spool`. Out: faults of the node, "audit …" in `context.faults`. What a manipulation breaks is found within
CHECK_SECONDS and the time that a check takes, together less than a minute up to some three million leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import structlog

from anlan.guard.auditing import Auditor
from anlan.model.errors import AnlanError, Unavailable
from anlan.web.context import Context

WAITING_SECONDS = 1.0
SIGN_SECONDS = 15.0
CHECK_SECONDS = 30.0
LATE_SECONDS = 60.0
"""A check or a witness that takes longer is told: until it ends nothing is known."""
DIFFERENCE = "audit difference"

log = structlog.get_logger()


class AuditWatch:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._threads: ThreadPoolExecutor

    async def run(self) -> None:
        """Until cancelled; may be run again after it failed."""
        # Threads of its own: a share that hangs must not take those that answer requests.
        self._threads = ThreadPoolExecutor(3, "audit")
        auditor, tasks = self._context.guard.auditor, [self._often(WAITING_SECONDS, self._write_waiting)]
        if auditor is not None:
            tasks += [
                self._often(SIGN_SECONDS, lambda: self._call("sign", auditor.sign)),
                self._often(SIGN_SECONDS, lambda: self._call("witness", auditor.hand_over)),
                self._often(CHECK_SECONDS, lambda: self._call("check", auditor.check)),
            ]
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(task)
        finally:
            self._threads.shutdown(wait=False, cancel_futures=True)

    async def _often(self, seconds: float, turn: Callable[[], Any]) -> None:
        while True:
            await turn()
            await asyncio.sleep(seconds)

    async def _write_waiting(self) -> None:
        guard, faults = self._context.guard, self._context.faults
        if guard.waiting() is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, guard.write_waiting)
                log.warning("audit steps that waited are in the record now")
            except AnlanError as failure:
                log.error("audit steps still wait", error=str(failure))
        fault = guard.waiting()
        if fault is not None:
            faults["audit"] = fault
        elif guard.spool is not None:
            faults.pop("audit", None)

    async def _call(self, part: str, call: Callable[[], Any]) -> None:
        """One turn of the auditor; what fails or hangs is a fault until a later turn ends well."""
        faults, name = self._context.faults, f"audit {part}"
        began = self._context.clock.now()
        turn = asyncio.get_running_loop().run_in_executor(self._threads, call)
        # Not wait_for, which before 3.12 may swallow the cancellation that comes with the end of what it waits for.
        done, _ = await asyncio.wait([turn], timeout=LATE_SECONDS)
        if not done:
            faults[name] = _late(part)
            log.error("audit turn does not end", part=part, began=began)
            await asyncio.wait([turn])
            return
        try:
            turn.result()
        except AnlanError as failure:
            if name not in faults:
                log.error("audit turn failed", part=part, error=str(failure))
            faults[name] = failure
            return
        faults.pop(name, None)
        self._tell()

    def _tell(self) -> None:
        """The auditor's own faults, beside those of its turns."""
        auditor, faults = self._context.guard.auditor, self._context.faults
        assert isinstance(auditor, Auditor)
        standing = {f"audit {part}": fault for part, fault in list(auditor.faults.items())}
        for name in [one for one in faults if one.startswith("audit ") and one not in standing and one not in TURNS]:
            del faults[name]
        faults.update(standing)


def _late(part: str) -> Unavailable:
    seconds = round(LATE_SECONDS)
    if part == "sign":
        return Unavailable("signing the audit record has not ended for {seconds} s", seconds=seconds)
    if part == "witness":
        return Unavailable(
            "a witness of the audit record has not answered for {seconds} s: whether it holds the newest head is not known",
            seconds=seconds,
        )
    return Unavailable(
        "the check of the audit record has not ended for {seconds} s: whether the record is as it was is not known",
        seconds=seconds,
    )


TURNS = frozenset({"audit sign", "audit witness", "audit check"})
