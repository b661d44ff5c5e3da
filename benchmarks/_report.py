"""How a benchmark speaks: its arguments, the machine it ran on, one JSON object a measure."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


def machine() -> dict[str, Any]:
    """What the figure depends on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "python": platform.python_version(),
        "processor": _processor(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


@dataclass(kw_only=True)
class Measure:
    """One figure. `peers` are figures of others in the same unit from the same run, `ratio` ours ÷ the best of theirs."""

    name: str
    value: float | None
    unit: str
    peers: dict[str, float | None] = field(default_factory=dict)
    ratio: float | None = None
    notes: str = ""
    machine: dict[str, Any] = field(default_factory=machine)

    def print(self) -> None:
        print(json.dumps(asdict(self), ensure_ascii=False), flush=True)


def arguments(description: str, *, extra: Callable[[argparse.ArgumentParser], None] | None = None) -> argparse.Namespace:
    """--quick for a short run whose figures only show that it works; --json for machines; --no-peers to leave the others out."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="short run")
    parser.add_argument("--json", action="store_true", help="print measures as JSON, one a line, last")
    parser.add_argument("--no-peers", action="store_true", help="only ours")
    if extra is not None:
        extra(parser)
    return parser.parse_args()


def fdatasync_ms(folder: Path, rounds: int = 200, size: int = 65_536) -> dict[str, float]:
    """p50 and p99 of writing `size` bytes and fdatasync in `folder`, in ms: the floor under every durable figure."""
    block, spans = os.urandom(size), []
    with tempfile.NamedTemporaryFile(dir=folder) as probe:
        for _ in range(rounds):
            os.write(probe.fileno(), block)
            start = time.perf_counter()
            os.fdatasync(probe.fileno())
            spans.append((time.perf_counter() - start) * 1e3)
    return {"p50": round(quantile(spans, 0.5), 3), "p99": round(quantile(spans, 0.99), 3)}


def quantile(values: Sequence[float], q: float) -> float:
    """The nearest-rank quantile, so that a p99 is a value that was seen."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def resident_mib(pid: int | None = None) -> float:
    """Resident memory of a process (ours without `pid`), in MiB."""
    return _status_mib(pid, "VmRSS")


def highest_mib(pid: int | None = None) -> float:
    """The most that was ever resident of it, in MiB."""
    return _status_mib(pid, "VmHWM")


def _status_mib(pid: int | None, what: str) -> float:
    for line in Path(f"/proc/{pid or 'self'}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(what):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"the kernel tells no {what}")


def thread_seconds() -> dict[str, float]:
    """Processor time of each living thread that Python started here, by the thread's name. Resolution 10 ms."""
    found: dict[str, float] = {}
    for thread in threading.enumerate():
        try:
            told = Path(f"/proc/self/task/{thread.native_id}/stat").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError):
            continue  # it has ended since it was listed
        fields = told.rpartition(")")[2].split()
        found[thread.name] = found.get(thread.name, 0.0) + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def load_average() -> str:
    """How busy the machine was with everything on it."""
    return "load average " + " ".join(f"{value:.1f}" for value in os.getloadavg())
