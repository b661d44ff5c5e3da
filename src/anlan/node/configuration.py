"""The configuration in force, as each process needs it: engine columns for core, tags for sense, a view for app."""

from __future__ import annotations

from dataclasses import replace
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from anlan.model.clock import Clock
from anlan.node.layout import NodeFolder
from anlan.plant.compile import all_points, all_rules, engine_config, running_sources
from anlan.plant.description import Plant
from anlan.plant.numbers import Numbers
from anlan.plant.versions import Imported, import_folder, import_plant, version, versions, wiring
from anlan.sense.demo import wiring as demo_wiring
from anlan.sense.runner import Running
from anlan.store.records import Records
from anlan.web.context import PlantView

if TYPE_CHECKING:
    from anlan.monitor.compile import EngineConfig

ROOMS = {"plant": "anlan.plant", "guard": "anlan.guard", "web": "anlan.web", "monitor": "anlan.monitor"}
"""Rooms that keep records, each with its own branch of migrations."""


def open_records(folder: NodeFolder) -> Records:
    """The records with every room's tables at their present form."""
    records = Records.open(folder.records)
    records.migrate(ROOMS)
    return records


def bring_into_force(
    records: Records,
    folder: NodeFolder,
    origin: Path,
    plant: Plant,
    clock: Clock,
    *,
    port_base: int | None = None,
    onto: int | None = None,
) -> Imported:
    """Make the plant of folder `origin` the current version if it changed, and write core's share. `onto`: the version whose difference
    a person has seen and means. Raises StaleBase."""
    if plant.site.demo:
        imported = _import_demo(records, plant, clock, port_base)
    else:
        imported = import_folder(records, origin, author=getuser(), reason=f"anlan up {origin}", clock=clock, onto=onto)
    config = engine_config(imported.plant, imported.numbers, imported.version.number)
    part = folder.engine_config.with_suffix(".part")
    part.write_bytes(config.to_bytes())
    part.replace(folder.engine_config)
    return imported


def _import_demo(records: Records, plant: Plant, clock: Clock, port_base: int | None) -> Imported:
    """The demo plant comes with the program and is replaced with it; its devices may listen elsewhere (`port_base`)."""
    by = port_base - demo_wiring.PORT_BASE if port_base is not None else 0
    sources = tuple(s.model_copy(update={"options": demo_wiring.moved(s.options, by)}) for s in plant.sources)
    shipped = plant.model_copy(update={"sources": sources})
    known = versions(records)
    last = next((v for v in known if v.author == "anlan" and v.reason == "demo plant"), None)
    if last is not None and last.digest == shipped.digest and known[0].number != last.number:
        # Edited in the console since, and the program brings nothing new: the edits stay.
        current, edited, numbers = version(records)
        return Imported(current, edited, numbers, new=False)
    return import_plant(
        records, shipped, author="anlan", reason="demo plant", clock=clock, onto=known[0].number if known else None
    )


def sources_in_force(folder: NodeFolder) -> tuple[int, list[Running]]:
    """The version in force and what sense runs. Reads the records and closes them again: app is the one that writes there."""
    records = Records.open(folder.records)
    try:
        current, plant, numbers = version(records)
    finally:
        records.close()
    return current.number, running_sources(plant, numbers, folder.root)


def wiring_in_force(folder: NodeFolder, number: int | None = None) -> tuple[int, str]:
    """A version (None: the current one) and the digest of what sense makes of it."""
    records = Records.open(folder.records)
    try:
        return wiring(records, number)
    finally:
        records.close()


def engine_config_in_force(records: Records) -> EngineConfig:
    """The engine's share of the current version, for what replays the node's past."""
    current, plant, numbers = version(records)
    return engine_config(plant, numbers, current.number)


def view_in_force(records: Records, speed: float = 1.0) -> PlantView:
    """What pages and routes see."""
    current, plant, numbers = version(records)
    return replace(view_of(plant, numbers, current.number), speed=speed)


def view_of(plant: Plant, numbers: Numbers, number: int) -> PlantView:
    return PlantView(
        version=number,
        id=plant.site.id,
        name=plant.site.name,
        zone=plant.site.zone,
        places=plant.places_by_path,
        areas=plant.areas,
        anchor=plant.site.anchor,
        points={numbers.points[p.id]: p for p in all_points(plant)},
        rules={numbers.alarms[r.id]: r for r in all_rules(plant)},
        sources={numbers.sources[s.id]: s for s in plant.sources},
        posts={p.id: p.name for p in plant.posts},
        shifts=plant.shifts,
        escalation=[step.to for step in plant.alarms.escalation],
        demands={one.id: one for one in plant.alarms.classes},
        votes=plant.votes,
        trips={trip.point: trip for trip in plant.trips},
        safety=plant.safety,
        detectors=plant.detectors,
        demo=plant.site.demo,
    )
