"""A rule edited while the node runs: from the request at the API to the engine going by it, on plants of different sizes.

A whole node as `anlan up` makes it; its one source does not answer, which changes nothing of an edit. Each edit sets another limit of one of the
plant's alarms: a version in the records, the configuration durable in the log, in force in the engine. The answer comes after that.
"""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import httpx

from benchmarks._report import Measure, arguments, load_average, median
from benchmarks.start import free_ports

TARGET_SECONDS = 1.0
MOST_SECONDS = 300.0
OWN = "wave-after-wave-9"
PLANT = """\
plant: {id: works, name: {en: Works}}
posts: [{id: panel, name: {en: Panel}}]
places: [{id: U1, name: {en: Unit}, post: panel}]
sources: [{id: plc, driver: modbus, host: 127.0.0.1, port: 1, keep_alive: 60}]
alarms: {stale: none, bad: none}
"""
HEAD = "id,place,name_en,kind,unit,range_low,range_high,source,address,period,HH,H,L,LL,dead_band,on_delay,priority,consequence_en,corrective_action_en,time_to_respond\n"


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    sizes = args.points or ([1_000] if args.quick else [1_000, 10_000])
    for points in sizes:
        seconds = edits(points, args.rounds or (3 if args.quick else 10), args.folder)
        Measure(
            name=f"edit.plant_of_{points}_points",
            value=round(median(seconds), 3),
            unit="s",
            notes=f"target at most {TARGET_SECONDS:g}; {points} points with four alarms each; {len(seconds)} edits, the slowest "
            f"{max(seconds):.3f} s; {load_average()}",
        ).print()


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--points", type=int, nargs="+", help="sizes of plants")
    parser.add_argument("--rounds", type=int, help="edits")
    parser.add_argument("--folder", type=Path, help="where the stores are made; default the system's temporary folder")


def edits(points: int, rounds: int, where: Path | None = None) -> list[float]:
    """How long each took. [s]"""
    with tempfile.TemporaryDirectory(prefix="anlan-edit-", dir=where) as folder:
        works, port, output = Path(folder) / "works", free_ports(), Path(folder) / "up.out"
        works.mkdir()
        (works / "plant.yaml").write_text(PLANT, "utf-8")
        (works / "points.csv").write_text(HEAD + "".join(map(_line, range(points))), "utf-8")
        command = [sys.executable, "-m", "anlan", "up", str(works), "--data", f"{folder}/data", "--port", str(port)]
        with output.open("wb") as told:
            process = subprocess.Popen(command, stdout=told, stderr=told)
        try:
            with closing(signed_in(f"http://127.0.0.1:{port}", output, process)) as client:
                return [_edit(client, 89.9 - n / 100) for n in range(rounds)]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(120)


def _line(n: int) -> str:
    address = f"hr:{2 * (n % 30_000)} float32" if n < 30_000 else f"{2 + n // 30_000}/hr:{2 * (n % 30_000)} float32"
    return f"LT-{n},U1,Level {n},level,%,0,100,plc,{address},60,95,90,10,5,0.5,5,3,Overflow,Stop the feed,600\n"


def signed_in(address: str, output: Path, process: subprocess.Popen[bytes]) -> httpx.Client:
    """The first administrator with an own password, once the node answers."""
    client, began = httpx.Client(base_url=f"{address}/api/v1", timeout=60), time.monotonic()
    while time.monotonic() - began < MOST_SECONDS and process.poll() is None:
        time.sleep(0.2)
        found = dict(re.findall(r"^ +(\w+) +([a-z0-9]{4}(?:-[a-z0-9]{4}){3})$", output.read_text("utf-8"), re.MULTILINE))
        with suppress(httpx.HTTPError):
            answer = client.post("/session", json={"account": "admin", "password": found.get("admin", ""), "language": "en"})
            answer.raise_for_status()
            client.headers.update({"X-CSRF-Token": answer.json()["csrf"], "Origin": address})
            client.post("/me/password", json={"old": found["admin"], "new": OWN}).raise_for_status()
            client.get("/alarms/LT-1.H/rule").raise_for_status()
            return client
    raise SystemExit(f"the node did not answer within {MOST_SECONDS:.0f} s:\n{output.read_text('utf-8')[-3000:]}")


def _edit(client: httpx.Client, limit: float) -> float:
    base: Any = client.get("/alarms/LT-1.H/rule").raise_for_status().json()["version"]
    began = time.perf_counter()
    answer = client.patch(
        "/alarms/LT-1.H/rule", json={"change": {"limit": limit}, "base": base, "reason": "measured"}
    ).raise_for_status()
    took = time.perf_counter() - began
    assert answer.json()["version"] == base + 1
    return took


if __name__ == "__main__":
    main()
