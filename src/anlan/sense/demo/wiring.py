"""Where the demo plant's devices listen and which points each of them holds: read from the plant folder that the node reads too.

The folder is the one truth for addresses: what a driver is told to read is what the simulators serve.
"""

from __future__ import annotations

import csv
import socket
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from anlan.model.errors import ConfigError, Unavailable

PLANT = Path(__file__).parent / "plant"
"""The demo plant folder."""
PORT_BASE = 26_840
"""The first of its ports as the folder has them; below the range that systems hand out by themselves."""


@dataclass(frozen=True)
class Wired:
    """One point as a simulator needs it."""

    id: str
    address: str
    name: str
    unit: str
    low: float | None
    high: float | None
    discrete: bool


@dataclass(frozen=True)
class Source:
    id: str
    driver: str
    host: str
    port: int
    options: Mapping[str, Any]
    points: tuple[Wired, ...]


def read(folder: Path = PLANT, port_base: int = PORT_BASE) -> list[Source]:
    """The sources of a demo plant folder with their points, listening from `port_base` on."""
    from ruamel.yaml import YAML

    written = YAML(typ="safe").load((folder / "plant.yaml").read_text(encoding="utf-8"))["sources"]
    points = _points(folder / "points.csv")
    sources = [moved(dict(source), port_base - PORT_BASE) for source in written]
    return [_source(source, points.get(source["id"], ())) for source in sources]


def moved(source: Mapping[str, Any], by: int) -> dict[str, Any]:
    """A source of plant.yaml (or its options) with its port `by` higher: `host` and `port`, or `url`."""
    if "url" in source:
        url = urlsplit(source["url"])
        return {**source, "url": url._replace(netloc=f"{url.hostname}:{(url.port or 0) + by}").geturl()}
    return {**source, "port": source["port"] + by}


def endpoint(source: Mapping[str, Any]) -> tuple[str, int]:
    """Host and port of a source of plant.yaml."""
    if "url" in source:
        url = urlsplit(source["url"])
        return url.hostname or "", url.port or 0
    return source["host"], source["port"]


def refuse_taken(sources: Iterable[Source]) -> None:
    """Raise Unavailable for the first port that another program holds, naming that program if the system tells."""
    for source in (s for s in sources if s.port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((source.host, source.port))
            except OSError as taken:
                raise Unavailable(
                    "the demo plant's {source} cannot listen on {host}:{port}: {why}{who}; stop that program or start with "
                    "--port-base N",
                    source=source.id,
                    host=source.host,
                    port=source.port,
                    why=taken.strerror,
                    who=_holder(source.port),
                ) from taken


def _source(written: Mapping[str, Any], points: Iterable[Wired]) -> Source:
    host, port = endpoint(written)
    if host not in {"127.0.0.1", "localhost", "::1"}:
        raise ConfigError(
            "source {source} is at {host}; a demo plant listens on loopback only, 127.0.0.1 was expected",
            file="plant.yaml",
            source=written["id"],
            host=host,
        )
    return Source(written["id"], written["driver"], host, port, written, tuple(points))


def _points(path: Path) -> dict[str, tuple[Wired, ...]]:
    found: dict[str, tuple[Wired, ...]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            low, high = (float(row[end]) if row[end] else None for end in ("range_low", "range_high"))
            point = Wired(row["id"], row["address"], row["name_en"], row["unit"], low, high, bool(row["states"]))
            found[row["source"]] = (*found.get(row["source"], ()), point)
    return found


def _holder(port: int) -> str:
    """ " (NAME, pid N)" of the program that listens on `port`, "" where Linux doesn't let us see it."""
    inodes = {f"socket:[{line.split()[9]}]" for line in _listening() if int(line.split()[1].rpartition(":")[2], 16) == port}
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(link.readlink()) in inodes:
                process = link.parents[1]
                return f" ({(process / 'comm').read_text().strip()}, pid {process.name})"
        except OSError:
            continue  # not ours to look into, or gone meanwhile
    return ""


def _listening() -> list[str]:
    tables = [Path("/proc/net/tcp"), Path("/proc/net/tcp6")]
    lines = [line for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return [line for line in lines if line.split()[3] == "0A"]
