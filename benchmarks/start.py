"""From the command to live values: `anlan up` on the demo plant in an empty folder, as a new user meets it.

The clock starts with the process and stops when somebody who signs in with the printed password is given a live value of at least 95 % of
the points (a point of the plant is out of service, and slow topics come once a minute). The page is fetched as well. What is not measured
is `make env`, which is bound by the download.
"""

from __future__ import annotations

import argparse
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from benchmarks._report import Measure, arguments, load_average, median

TARGET_SECONDS = 30
MOST_SECONDS = 180.0
SHARE = 0.95
PORTS = 5
"""Four sources of the demo, and the console behind them."""


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    starts = [start(args.folder) for _ in range(args.rounds or (1 if args.quick else 5))]
    values = [one.live for one in starts]
    Measure(
        name="start.live_values",
        value=round(median(values), 1),
        unit="s",
        notes=f"target at most {TARGET_SECONDS}; {len(starts)} starts in empty folders, all: {_list(values)}; the sign-in page after "
        f"{_list([one.page for one in starts])}; {starts[0].points} points; {load_average()}",
    ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--rounds", type=int, help="starts")
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def _list(seconds: list[float]) -> str:
    return " ".join(f"{one:.1f}" for one in seconds) + " s"


@dataclass
class Start:
    page: float = 0.0
    live: float = 0.0
    points: int = 0
    said: str = field(default="", repr=False)


def start(where: Path | None) -> Start:
    with tempfile.TemporaryDirectory(prefix="anlan-start-", dir=where) as folder:
        base = free_ports()
        output = Path(folder) / "up.out"
        command = [
            sys.executable,
            "-m",
            "anlan",
            "up",
            "--data",
            f"{folder}/data",
            "--port-base",
            str(base),
            "--port",
            str(base + 4),
        ]
        began = time.monotonic()
        with output.open("wb") as told:
            process = subprocess.Popen(command, stdout=told, stderr=told)
        try:
            return _measured(f"http://127.0.0.1:{base + 4}", output, began, process)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _measured(address: str, output: Path, began: float, process: subprocess.Popen[bytes]) -> Start:
    found = Start()
    with httpx.Client(base_url=address, timeout=10) as client:
        while time.monotonic() - began < MOST_SECONDS and process.poll() is None:
            time.sleep(0.1)
            with suppress(httpx.HTTPError):
                if not found.page:
                    client.get("/login").raise_for_status()
                    found.page = time.monotonic() - began
                    _sign_in(client, output.read_text("utf-8"))
                items = client.get("/api/v1/live").raise_for_status().json()["items"]
                found.points = len(items)
                if items and sum(item["value"] is not None for item in items) >= SHARE * len(items):
                    found.live = time.monotonic() - began
                    return found
    raise SystemExit(f"no live values within {MOST_SECONDS:.0f} s:\n{output.read_text('utf-8')[-3000:]}")


def _sign_in(client: httpx.Client, said: str) -> None:
    password = dict(re.findall(r"^ +(\w+) +([a-z0-9]{4}(?:-[a-z0-9]{4}){3})$", said, re.MULTILINE))["zhucao"]
    client.post("/api/v1/session", json={"account": "zhucao", "password": password}).raise_for_status()


def free_ports() -> int:
    """The first of PORTS neighbouring free ports."""
    for base in range(31_000, 60_000, PORTS):
        with ExitStack() as held, suppress(OSError):
            for offset in range(PORTS):
                held.enter_context(socket.socket()).bind(("127.0.0.1", base + offset))
            return base
    raise SystemExit("no free ports")


if __name__ == "__main__":
    main()
