"""The search box on a large plant: how long making the index takes, and how long each query.

A plant of 100,000 points with two alarms each, named as plants name them; queries by Chinese, pinyin whole, by initials and mixed, English
and tag. The peer is SQLite's full-text index (FTS5, trigram) over the same names, with whole pinyin and initials written out beside them in one
reading each: it knows no other reading, no mixture, and nothing shorter than three characters, which it must look for row by row.
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Callable, Mapping

import apsw

from anlan.model.events.alarms import AlarmKind
from anlan.model.places import Level, Place
from anlan.model.points import Point
from anlan.model.words import Label
from anlan.monitor.config import AlarmRule
from anlan.monitor.search.pinyin import readings
from anlan.monitor.search.texts import terms
from anlan.monitor.search.things import Things
from anlan.web.context import PlantView
from benchmarks._report import Measure, arguments, load_average, quantile, resident_mib

TARGET_MS = 100.0
"""A list that follows typing."""
QUERIES = (
    "液氯储罐压力",
    "yelv",
    "ylcg",
    "液lv",
    "yelvchugu",
    "chongxin",
    "chlorine tank",
    "AT-50123",
    "at50123",
    "U07 yali",
    "yl",
    "压力 高高",
    "wendu",
    "y",
    "p",
)
THINGS = (("反应器", "Reactor"), ("液氯储罐", "Chlorine tank"), ("精馏塔", "Column"), ("换热器", "Exchanger"), ("压缩机", "Compressor"), ("重沸器", "Reboiler"), ("氨冷凝器", "Ammonia condenser"), ("长输管线", "Long-distance line"))  # fmt: skip
MEASURES = (("压力", "pressure", "PI"), ("温度", "temperature", "TI"), ("液位", "level", "LI"), ("流量", "flow", "FI"), ("氯气浓度", "chlorine", "AT"), ("重心位置", "balance", "WI"), ("行程", "travel", "ZI"))  # fmt: skip
Spans = Mapping[str, list[float]]
"""Query → how long each run took. [ms]"""


def main() -> None:
    args = arguments(__doc__ or "", extra=_options)
    size, rounds = (5_000, 3) if args.quick else (100_000, 15)
    plant = plant_of(size)
    before, start = resident_mib(), time.perf_counter()
    things = Things(plant)
    made = time.perf_counter() - start
    label = f"{size} points, {len(plant.rules)} alarms, {len(plant.places)} places"
    Measure(
        name="search.index", value=round(made, 2), unit="s", notes=f"{label}; {resident_mib() - before:.0f} MiB more resident"
    ).print()
    peer = None if args.no_peers else full_text(plant)
    ours = {query: timed(lambda query=query: things.found(terms(query)), rounds) for query in QUERIES}  # type: ignore[misc]
    theirs = {query: timed(lambda query=query: peer(query), rounds) for query in QUERIES} if peer is not None else {}  # type: ignore[misc]
    slowest = max(ours, key=lambda query: quantile(ours[query], 0.5))
    notes = f"{label}; {len(QUERIES)} queries × {rounds}, the slowest “{slowest}” {quantile(ours[slowest], 0.5):.0f} ms; {load_average()}"
    report("search.p50", ours, theirs, 0.5, notes)
    report("search.p99", ours, theirs, 0.99, f"target at most {TARGET_MS:g}; {notes}")


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", help="not needed: everything is in memory")


def report(name: str, ours: Spans, theirs: Spans, q: float, notes: str) -> None:
    value = quantile([one for some in ours.values() for one in some], q)
    peer = quantile([one for some in theirs.values() for one in some], q) if theirs else None
    peers = {"SQLite FTS5": round(peer, 2)} if peer is not None else {}
    ratio = round(value / peer, 2) if peer is not None else None
    Measure(name=name, value=round(value, 2), unit="ms", peers=dict(peers), ratio=ratio, notes=notes).print()


def timed(run: Callable[[], object], rounds: int) -> list[float]:
    """How long each run took. [ms]"""
    spans = []
    for _ in range(rounds):
        start = time.perf_counter()
        run()
        spans.append((time.perf_counter() - start) * 1e3)
    return spans


def plant_of(size: int) -> PlantView:
    chance = random.Random(7)
    top = Place(id="works", name=Label(zh="大厂", en="Works"), level=Level.ENTERPRISE)
    units = [Place(id=f"U{n:02}", name=Label(zh=f"{n}号装置", en=f"Unit {n}"), parent="works") for n in range(40)]
    equipment = [
        Place(
            id=f"E-{n}", name=Label(zh=f"{n}号{thing[0]}", en=f"{thing[1]} {n}"), level=Level.EQUIPMENT, parent=units[n % 40].path
        )
        for n, thing in zip(range(size // 50), itertools.cycle(THINGS), strict=False)
    ]
    points: dict[int, Point] = {}
    rules: dict[int, AlarmRule] = {}
    for n in range(1, size + 1):
        place = chance.choice(equipment)
        zh, en, letters = chance.choice(MEASURES)
        name = Label(zh=f"{place.name.zh}{zh}", en=f"{place.name.en} {en}")
        points[n] = Point(
            id=f"{letters}-{n:05}", place=place.path, name=name, kind="pressure", unit="MPa", source="plc", address=str(n)
        )
        for kind, suffix in ((AlarmKind.HIGH, "H"), (AlarmKind.HIGH_HIGH, "HH")):
            rules[len(rules) + 1] = AlarmRule(id=f"{points[n].id}.{suffix}", point=points[n].id, kind=kind, limit=1.0)
    places = {place.path: place for place in (top, *units, *equipment)}
    return PlantView(version=1, id="works", name=top.name, places=places, points=points, rules=rules)


def full_text(plant: PlantView) -> Callable[[str], list[object]]:
    """The same names in FTS5."""
    db = apsw.Connection(":memory:")
    db.execute("CREATE VIRTUAL TABLE names USING fts5(id, zh, en, whole, initials, tokenize='trigram')")
    with db:
        for things in (plant.places.values(), plant.points.values()):
            db.executemany("INSERT INTO names VALUES (?, ?, ?, ?, ?)", (written(one.id, one.name) for one in things))
        db.executemany("INSERT INTO names (id) VALUES (?)", ((rule.id,) for rule in plant.rules.values()))
    short = "SELECT rowid FROM names WHERE id LIKE ?1 OR zh LIKE ?1 OR en LIKE ?1 OR whole LIKE ?1 OR initials LIKE ?1 LIMIT 30"

    def find(query: str) -> list[object]:
        parts = query.split()
        if any(len(part) < 3 for part in parts):
            return db.execute(short, (f"%{query}%",)).fetchall()
        match = " AND ".join(f'"{part}"' for part in parts)
        return db.execute("SELECT rowid FROM names WHERE names MATCH ? ORDER BY rank LIMIT 30", (match,)).fetchall()

    return find


def written(tag: str, name: Label) -> tuple[str, str, str, str, str]:
    read = [(readings(c) or (c,))[0] for c in name.zh]
    return tag, name.zh, name.en, "".join(read), "".join(one[:1] for one in read)


if __name__ == "__main__":
    main()
