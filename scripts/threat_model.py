"""The picture of the threat model, docs/pictures/threat-model.svg: parts, what flows between them, and the borders that it crosses.

python scripts/threat_model.py [--out FILE]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "pictures" / "threat-model.svg"
SIZE = (1180, 640)
PART = (150, 52)


@dataclass(frozen=True)
class Zone:
    """What trusts itself: a dashed border, crossed by flows."""

    name: str
    says: str
    box: tuple[int, int, int, int]
    """x, y, width, height."""


@dataclass(frozen=True)
class Part:
    id: str
    name: str
    says: str
    at: tuple[int, int]
    """Its middle."""


@dataclass(frozen=True)
class Flow:
    """`guard`: what is between. `at`: where along the line the words stand, 0 … 1. `lift`: how far above it, px."""

    start: str
    end: str
    guard: str
    at: float = 0.5
    lift: int = 6


ZONES = (
    Zone("Field 现场", "believed in nothing but its readings", (20, 60, 210, 560)),
    Zone("Node 节点, one machine", "one user, data folder 0700", (330, 60, 410, 560)),
    Zone("Plant network 厂区网", "nobody is believed for being near", (860, 60, 300, 250)),
    Zone("Elsewhere 外部", "holds what the node signed", (860, 360, 300, 260)),
)
PARTS = (
    Part("plc", "PLC, DCS, GDS, SIS", "Modbus TCP", (125, 190)),
    Part("server", "OPC UA server", "gateway", (125, 330)),
    Part("broker", "MQTT broker", "sensors, trackers", (125, 470)),
    Part("sense", "感知 sense", "drivers, read-only", (430, 330)),
    Part("core", "核心 core", "log, engine, horn", (430, 500)),
    Part("app", "应用 app", "gate, API, console", (640, 190)),
    Part("folder", "data folder", "records, log, keys", (640, 500)),
    Part("browser", "browser", "people, wall, phone", (1050, 125)),
    Part("station", "paired station", "岗位, also unnamed", (1050, 195)),
    Part("program", "programs", "historian, scraper", (1050, 265)),
    Part("parent", "parent node", "witness", (1050, 430)),
    Part("witness", "witness file", "other medium", (1050, 500)),
    Part("backup", "copy of the folder", "by hand, stopped", (1050, 570)),
)
FLOWS = (
    Flow("plc", "sense", "reads only, poll rate capped", 0.42, 8),
    Flow("server", "sense", "certificate, sign + encrypt", 0.5, 6),
    Flow("broker", "sense", "TLS, user; bounded payloads", 0.42, -14),
    Flow("sense", "core", "socket 0600, numbered parts", 0.7, 0),
    Flow("core", "folder", "CRC, sync", 0.5, 6),
    Flow("app", "core", "socket 0600, commands", 0.62, -4),
    Flow("app", "folder", "argon2id, sealed, signed tree", 0.42, 0),
    Flow("browser", "app", "HTTPS, cookie, Origin, CSP", 0.55, 10),
    Flow("station", "app", "station key, fixed address", 0.55, 6),
    Flow("program", "app", "token: scope, branch, end", 0.55, -16),
    Flow("app", "parent", "HTTPS, signed heads", 0.26, -6),
    Flow("folder", "witness", "signed heads", 0.56, 6),
    Flow("folder", "backup", "not encrypted", 0.56, -16),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=PICTURE)
    parser.parse_args().out.write_text(picture(), encoding="utf-8")
    return 0


def picture() -> str:
    parts = {part.id: part for part in PARTS}
    drawn = [
        *map(zone, ZONES),
        *(line(flow, parts) for flow in FLOWS),
        *map(part_of, PARTS),
        *(words(flow, parts) for flow in FLOWS),
    ]
    width, height = SIZE
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="Noto Sans CJK SC, sans-serif">\n'
        "<title>Threat model: parts, flows and trust borders</title>\n"
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#4a5560"/></marker></defs>\n'
        f'<rect width="{width}" height="{height}" fill="#f6f7f8"/>\n' + "\n".join(drawn) + "\n</svg>\n"
    )


def zone(one: Zone) -> str:
    x, y, width, height = one.box
    return (
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="10" fill="#ffffff" stroke="#a33b2f" stroke-width="1.6" stroke-dasharray="7 5"/>\n'
        f'<text x="{x}" y="{y - 26}" font-size="16" font-weight="600" fill="#20262c">{escape(one.name)}</text>\n'
        f'<text x="{x}" y="{y - 8}" font-size="13" fill="#5a6672">{escape(one.says)}</text>'
    )


def part_of(one: Part) -> str:
    (x, y), (width, height) = one.at, PART
    return (
        f'<rect x="{x - width // 2}" y="{y - height // 2}" width="{width}" height="{height}" rx="6" fill="#e7ebef" stroke="#4a5560"/>\n'
        f'<text x="{x}" y="{y - 3}" font-size="14" font-weight="600" text-anchor="middle" fill="#20262c">{escape(one.name)}</text>\n'
        f'<text x="{x}" y="{y + 16}" font-size="12" text-anchor="middle" fill="#5a6672">{escape(one.says)}</text>'
    )


def ends(flow: Flow, parts: dict[str, Part]) -> tuple[float, float, float, float]:
    """From border to border of the two parts."""
    (x1, y1), (x2, y2) = parts[flow.start].at, parts[flow.end].at
    return (*edge(x1, y1, x2, y2), *edge(x2, y2, x1, y1))


def edge(x: float, y: float, to_x: float, to_y: float) -> tuple[float, float]:
    """Where the line from a part's middle leaves its box."""
    across, down = to_x - x, to_y - y
    reach = min(PART[0] / 2 / abs(across) if across else 1e9, PART[1] / 2 / abs(down) if down else 1e9)
    return round(x + across * reach, 1), round(y + down * reach, 1)


def line(flow: Flow, parts: dict[str, Part]) -> str:
    x1, y1, x2, y2 = ends(flow, parts)
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="#4a5560" stroke-width="1.4" fill="none" marker-end="url(#tip)"/>'


def words(flow: Flow, parts: dict[str, Part]) -> str:
    x1, y1, x2, y2 = ends(flow, parts)
    x, y = round(x1 + (x2 - x1) * flow.at, 1), round(y1 + (y2 - y1) * flow.at - flow.lift, 1)
    return (
        f'<text x="{x}" y="{y}" font-size="12" text-anchor="middle" fill="#20262c" stroke="#f6f7f8" stroke-width="4" paint-order="stroke">'
        f"{escape(flow.guard)}</text>"
    )


if __name__ == "__main__":
    raise SystemExit(main())
