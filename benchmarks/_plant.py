"""A plant for the benchmarks that run a whole node: described in a folder, brought into force as `anlan up` does, with people to sign in.

One source, `load`, is fed from outside over core's socket. For sense it is a driver of its own, found by the ordinary door: an entry point
in a distribution of one file that lies beside the plant.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from anlan.guard import passwords
from anlan.guard.first import ensure_posts
from anlan.guard.people import Held, NewPerson, add_person
from anlan.model.clock import SystemClock
from anlan.model.words import Label
from anlan.node.configuration import bring_into_force, open_records
from anlan.node.layout import NodeFolder
from anlan.node.sounder import Sounder
from anlan.node.supervisor import Child, Supervisor, python
from anlan.plant.folder import load
from anlan.plant.version import Numbers

ROOT = Path(__file__).parents[1]
ACCOUNT, PASSWORD = "bench", "wave-after-wave-7"
HEAD = (
    "id,place,name_en,kind,unit,source,address,reporting,period,stale_after,HH,H,L,LL,dead_band,on_delay,off_delay,priority,"
    "time_to_respond,post,consequence_en,corrective_action_en\n"
)
SECTIONS = """\
plant: {id: works, name: {en: Works}}
posts: [{id: panel, name: {en: Panel}}]
places: [{id: U1, name: {en: Unit}, post: panel}]
alarms: {stale: none, bad: none}
"""
LIMIT = 100.0
"""Probes have one limit, H, without delay: a value above it is an alarm at once."""


@dataclass(frozen=True)
class Described:
    """What came into force. `environment` is for the node's processes, so that sense finds the load's driver."""

    node: NodeFolder
    numbers: Numbers
    environment: dict[str, str]


@dataclass
class Plan:
    """Points with four limits and delays, and probes without delay, all of the source `load`; `sources` and `lines` add what else is read."""

    points: int
    probes: int
    sources: list[str] = field(default_factory=list)
    """Entries of plant.yaml's section, as text."""
    lines: list[str] = field(default_factory=list)
    """Rows of points.csv."""
    sections: str = SECTIONS
    """The rest of plant.yaml, as text."""

    def describe(self, root: Path) -> Described:
        _offer_driver(root / "driver")
        plant_folder = root / "plant"
        plant_folder.mkdir()
        sources = ["  - {id: load, driver: benchmark_load}\n", *self.sources]
        (plant_folder / "plant.yaml").write_text(self.sections + "sources:\n" + "".join(sources), "utf-8")
        (plant_folder / "points.csv").write_text(HEAD + "".join([*self._own(), *self.lines]), "utf-8")
        node, clock = NodeFolder(root / "data").prepare(), SystemClock()
        records = open_records(node)
        plant = load(plant_folder)
        imported = bring_into_force(records, node, plant_folder, plant, clock)
        ensure_posts(records, {post.id: post.name for post in plant.posts})
        with records.session() as session:
            person = NewPerson(ACCOUNT, Label(en="Benchmark"), (Held("safety_officer"),))
            add_person(session, person, passwords.hash_password(PASSWORD), clock, must_change=False)
        records.close()
        path = os.pathsep.join([str(root / "driver"), str(ROOT), os.environ.get("PYTHONPATH", "")])
        return Described(node, imported.numbers, {"PYTHONPATH": path.rstrip(os.pathsep)})

    def _own(self) -> list[str]:
        steady = "L{0:06},U1,Load {0},temperature,Cel,load,{0},cyclic,1,3600,90,80,20,10,2,0.5,0.5,3,600,panel,Off,Look\n"
        return [steady.format(n) for n in range(self.points)] + [probe("load", f"P{n:03}", f"p{n}") for n in range(self.probes)]


def probe(source: str, name: str, address: str, *, place: str = "U1", post: str = "panel", priority: int = 1) -> str:
    """One row of points.csv: a point whose limit has no delay and no dead-band."""
    limit = f",{LIMIT},,,0,0,0,{priority},600"
    return f"{name},{place},Probe {name},temperature,Cel,{source},{address},cyclic,1,3600,{limit},{post},Hot,Cool\n"


def whole_node(described: Described) -> Supervisor:
    """Core, sense and app, as `anlan up` runs them."""
    node, environment = described.node, described.environment
    children = [
        Child("core", python("anlan.node.core", str(node.root)), environment=environment),
        Child("sense", python("anlan.node.sense", str(node.root)), environment=environment),
        Child("app", python("anlan.node.app", str(node.root), "--port", "0"), environment=environment),
    ]
    return Supervisor(node, children, SystemClock(), Sounder(node.run, ["true"]))


def _offer_driver(folder: Path) -> None:
    """What installing a package with a driver does: files that say where the entry point is."""
    about = folder / "anlan_benchmark-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: anlan-benchmark\nVersion: 1\n", "utf-8")
    (about / "entry_points.txt").write_text("[anlan.drivers]\nbenchmark_load = benchmarks._idle_driver:LoadDriver\n", "utf-8")
    sys.path.insert(0, str(folder))


def point_numbers(numbers: Numbers, names: Sequence[str]) -> list[int]:
    return [numbers.points[name] for name in names]
