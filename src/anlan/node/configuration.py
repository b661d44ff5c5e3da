"""The configuration in force, as each process needs it: engine columns for core, tags for sense, a view for app."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING

from anlan.model.clock import Clock
from anlan.model.errors import InputError
from anlan.node.layout import NodeFolder
from anlan.node.replayed import replayed_offline
from anlan.node.without_records import must_be_there
from anlan.plant.compile import all_points, all_rules, engine_config
from anlan.plant.description import Plant
from anlan.plant.last import keep_beside
from anlan.plant.loosening import SecondPersonNeeded
from anlan.plant.numbers import assign, completed
from anlan.plant.override_end import end_due
from anlan.plant.point_past import past_of
from anlan.plant.service import ask_for_second, guarded, local_leaf
from anlan.plant.version import Imported, Numbers
from anlan.plant.versions import import_folder, import_plant, version, versions
from anlan.sense.demo import wiring as demo_wiring
from anlan.store.records import Records
from anlan.web.context import PlantView, PointThen

if TYPE_CHECKING:
    from anlan.monitor.compile import EngineConfig

ROOMS = {
    "plant": "anlan.plant",
    "guard": "anlan.guard",
    "web": "anlan.web",
    "monitor": "anlan.monitor",
    "risk": "anlan.risk",
}
"""Rooms that keep records, each with its own branch of migrations."""

NO_PAST: Mapping[int, Sequence[PointThen]] = {}


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
    a person has seen and means. What loosens is not in force but waits as a request (`Imported.waiting`). Raises StaleBase, InputError."""
    if onto is not None and not versions(records):
        raise InputError("--onto {number}: this node has no version yet; start it without --onto", number=onto)
    end_due(records, clock)  # a night override whose time was over while the node was down
    if plant.site.demo and _holds_no_real_plant(records):
        if onto is not None:
            raise InputError(
                "--onto {number}: the demo plant comes with the program; --onto is for a folder of your own", number=onto
            )
        imported = _import_demo(records, plant, clock, port_base)
    else:
        author, reason = getuser(), f"anlan up {origin}"
        # Who edits the folder and starts the node is one person, as at the console. The first version of a node loosens nothing.
        also = partial(guarded, also=local_leaf(author, clock.now(), reason, str(origin)))
        # Told with the version as it is at the console: what the change would have done to the node's own last day.
        effect = replayed_offline(folder.root, author, clock, version(records)[1], plant) if versions(records) else None
        try:
            imported = import_folder(
                records, origin, author=author, reason=reason, clock=clock, onto=onto, effect=effect, also=also
            )
        except SecondPersonNeeded as needed:
            # The node starts on what is approved: only at its console can two persons decide.
            imported = ask_for_second(records, clock, author, plant, needed, reason, effect, str(origin))
    imported = _numbered(records, imported)
    config = engine_config(imported.plant, imported.numbers, imported.version.number)
    part = folder.engine_config.with_suffix(".part")
    part.write_bytes(config.to_bytes())
    part.replace(folder.engine_config)
    keep_beside(folder.last_plant, imported)
    return imported


def _numbered(records: Records, imported: Imported) -> Imported:
    """A release that knows more points of the node itself numbers them at its first start, also where the plant is as it was."""
    plant, numbers = imported.plant, imported.numbers
    known = all(p.id in numbers.points for p in all_points(plant)) and all(r.id in numbers.alarms for r in all_rules(plant))
    if known:
        return imported
    with records.session() as session:
        return replace(imported, numbers=assign(session, plant))


def _holds_no_real_plant(records: Records) -> bool:
    """A folder of a real plant that says it is a demo must not come past the second person with that word."""
    return not versions(records) or version(records)[1].site.demo


def _import_demo(records: Records, plant: Plant, clock: Clock, port_base: int | None) -> Imported:
    """The demo plant comes with the program and is replaced with it; its devices may listen elsewhere (`port_base`).

    It is demo data, in records that hold nothing else: nobody is protected by its limits, so a release may move them either way without a
    second person. An edit of it at the console or by `anlan plant apply` is refused as it would be in a real plant.
    """
    by = port_base - demo_wiring.PORT_BASE if port_base is not None else 0
    sources = tuple(s.model_copy(update={"options": demo_wiring.moved(s.options, by)}) for s in plant.sources)
    shipped = plant.model_copy(update={"sources": sources})
    known = versions(records)
    last = next((v for v in known if v.author == "anlan" and v.reason == "demo plant"), None)
    if last is not None and last.digest == shipped.digest and known[0].number != last.number:
        # Edited in the console since, and the program brings nothing new: the edits stay.
        current, edited, numbers = version(records)
        return Imported(current, edited, numbers, new=False)
    leaf = local_leaf("anlan", clock.now(), "demo plant", plant.site.id)
    base = known[0].number if known else None
    return import_plant(records, shipped, author="anlan", reason="demo plant", clock=clock, onto=base, also=leaf)


def look_whether_whole(folder: NodeFolder) -> None:
    """Blocking. Raises StoreError, Corrupt, NotFound while the records are not what a start needs."""
    must_be_there(folder)
    records = open_records(folder)
    try:
        version(records)
        records.check_whole()
    finally:
        records.close()


def engine_config_in_force(records: Records) -> EngineConfig:
    """The engine's share of the current version, for what replays the node's past."""
    current, plant, numbers = version(records)
    return engine_config(plant, numbers, current.number)


def in_force_beside(records: Records) -> tuple[PlantView, EngineConfig]:
    """What pages see and the engine's share, for who only reads a folder that this release perhaps has not started yet: what has no number there
    has one here for as long as this is looked at. Nothing in its log or journal is of that."""
    current, plant, numbers = version(records)
    numbers = completed(plant, numbers)
    return view_of(plant, numbers, current.number, past_of(records)), engine_config(plant, numbers, current.number)


def view_in_force(records: Records, speed: float = 1.0, *, numbered: bool = False) -> PlantView:
    """What pages and routes see. `numbered`: of a folder that this release has not started yet, without what it will only then number."""
    current, plant, numbers = version(records)
    return replace(view_of(plant, numbers, current.number, past_of(records), numbered=numbered), speed=speed)


def view_of(
    plant: Plant, numbers: Numbers, number: int, past: Mapping[int, Sequence[PointThen]] = NO_PAST, *, numbered: bool = False
) -> PlantView:
    points, rules = all_points(plant), all_rules(plant)
    if numbered:  # an older release knew fewer points of the node itself: nothing in its log or journal is of them
        points = tuple(p for p in points if p.id in numbers.points)
        rules = tuple(r for r in rules if r.id in numbers.alarms)
    return PlantView(
        version=number,
        id=plant.site.id,
        name=plant.site.name,
        zone=plant.site.zone,
        places=plant.places_by_path,
        areas=plant.areas,
        anchor=plant.site.anchor,
        points={numbers.points[p.id]: p for p in points},
        past=past,
        rules={numbers.alarms[r.id]: r for r in rules},
        sources={numbers.sources[s.id]: s for s in plant.sources},
        posts={p.id: p.name for p in plant.posts},
        shifts=plant.shifts,
        escalation=[step.to for step in plant.alarms.escalation],
        demands={one.id: one for one in plant.alarms.classes},
        votes=plant.votes,
        trips={trip.point: trip for trip in plant.trips},
        safety=plant.safety,
        detectors=plant.detectors,
        documents=plant.documents,
        cameras=plant.cameras,
        hazards=plant.hazards,
        drawings=plant.drawings,
        demo=plant.site.demo,
    )
