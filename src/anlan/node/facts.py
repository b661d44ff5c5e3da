"""`web.node_facts.NodeFacts` of a running node: its flags, the supervisor's file of processes, /proc, the disk, the kernel's clock."""

from __future__ import annotations

import ctypes
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

from anlan.model.clock import SECOND, Micros
from anlan.node.layout import NodeFolder
from anlan.node.supervisor import read_processes
from anlan.web.listening import Listening
from anlan.web.node_facts import ClockFacts, DiskFacts, ProcessFacts, StartFacts

COUNTED_AGAIN = 60.0
"""s; adding up a folder of many thousand files takes a while."""
CLOCK_SOURCE = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
_TIME_ERROR = 5
"""adjtimex(2): nobody disciplines the clock."""


class _Timex(ctypes.Structure):
    """The head of `struct timex`; what follows is not read."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("rest", ctypes.c_byte * 512),
    )


class RunningNode:
    def __init__(self, folder: NodeFolder, listening: Listening, witnesses: Sequence[object], *, demo: bool) -> None:
        self._folder, self._listening, self._witnesses, self._demo = folder, listening, witnesses, demo
        self._counted: tuple[float, dict[str, int]] = (-COUNTED_AGAIN, {})

    def start(self) -> StartFacts:
        given, pair = self._listening, self._listening.pair
        return StartFacts(
            folder=str(self._folder.root),
            host=given.host,
            port=given.port,
            certificate=str(pair.file) if pair is not None else None,
            certificate_ends=pair.ends if pair is not None else None,
            origins=given.origins,
            proxies=given.proxies,
            witnesses=tuple(str(getattr(one, "name", one)) for one in self._witnesses),
            horn=self._told().get("horn"),
            demo=self._demo,
        )

    def processes(self) -> list[ProcessFacts]:
        children = self._told().get("children", {})
        return [
            ProcessFacts(name, one["pid"], one["restarts"], one.get("hangs", 0), _alive(one["pid"]), *_proc(one["pid"]))
            for name, one in children.items()
        ]

    def disk(self) -> DiskFacts:
        usage = shutil.disk_usage(self._folder.root)
        at, parts = self._counted
        if time.monotonic() - at >= COUNTED_AGAIN:
            parts = {one.name: _size(one) for one in sorted(self._folder.root.iterdir())}
            self._counted = (time.monotonic(), parts)
        return DiskFacts(usage.total, usage.free, parts)

    def clock(self) -> ClockFacts:
        source = None
        with suppress(OSError):
            source = CLOCK_SOURCE.read_text("ascii").strip()
        told = _Timex()
        try:
            state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
        except (OSError, AttributeError):
            state = -1
        if state < 0:
            return ClockFacts(source, None, None, None)
        return ClockFacts(source, state != _TIME_ERROR, int(told.esterror), int(told.maxerror))

    def _told(self) -> dict[str, Any]:
        try:
            return read_processes(self._folder.run)
        except (OSError, orjson.JSONDecodeError):
            return {}


def _alive(pid: int | None) -> bool | None:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return None
    return True


def _proc(pid: int | None) -> tuple[int | None, Micros | None]:
    """Resident memory [B], and since when it runs."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
        ticks = int(Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[19])
        up = float(Path("/proc/uptime").read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return None, None
    since = time.time() - up + ticks / os.sysconf("SC_CLK_TCK")
    return pages * os.sysconf("SC_PAGE_SIZE"), round(since * SECOND)


def _size(path: Path) -> int:
    return sum(one.stat().st_size for one in _files(path))


def _files(path: Path) -> Iterator[Path]:
    """A file that goes meanwhile counts nothing."""
    if path.is_file():
        yield path
        return
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                file = Path(folder) / name
                file.stat()
                yield file
