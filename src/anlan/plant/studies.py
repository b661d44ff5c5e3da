"""The studies of a plant folder (`anlan.risk.studies`): checked with the plant, brought into the records, written out with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anlan.model.clock import Clock
from anlan.plant.compile import all_points, all_rules
from anlan.plant.description import Plant
from anlan.plant.findings import Findings, Where
from anlan.store.records import Records

if TYPE_CHECKING:
    from anlan.risk.studies.checking import Names
    from anlan.risk.studies.store import Study

FOLDER = "studies"
DEMO = "demo"


def names_of(plant: Plant) -> Names:
    from anlan.risk.studies.checking import Names

    return Names.of(all_points(plant), (rule.id for rule in all_rules(plant)), plant.safety, plant.places_by_path)


def check_studies(folder: Path, plant: Plant | None, findings: Findings) -> None:
    """`plant` None: it has mistakes of its own, so only what stands in the studies themselves is looked at."""
    if not (folder / FOLDER).is_dir():
        return
    from anlan.risk.studies.folder import read_folder

    for mistake in read_folder(folder, names_of(plant) if plant is not None else None).mistakes:
        findings.wrong("study", mistake, Where(mistake.file, mistake.line), mend=mistake.mend)


def bring_in_studies(records: Records, folder: Path, plant: Plant, clock: Clock, author: str, reason: str) -> list[Study]:
    """What was changed in the folder as new versions, each with its audit leaf. Raises StaleStudy.

    A demo's studies come with the program and are replaced with it; the folder inside the program is not written to.
    """
    if not (folder / FOLDER).is_dir():
        return []
    from sqlalchemy.orm import Session

    from anlan.guard.audit import append
    from anlan.risk.studies.folder import import_studies, read_folder
    from anlan.risk.studies.service import local_leaf
    from anlan.risk.studies.store import Studies

    def also(session: Session, before: Study | None, made: Study) -> None:
        append(session, local_leaf(author, clock.now(), before, made))

    found = read_folder(folder, names_of(plant)).studies.values()
    origin = DEMO if plant.site.demo else ""
    return import_studies(
        Studies(records, clock), folder, found, author=author, reason=reason, origin=origin, note=not plant.site.demo, also=also
    )


def export_studies(records: Records, folder: Path, clock: Clock, *, replace: bool) -> list[Path]:
    """Those in force."""
    from anlan.risk.studies.folder import export_folder
    from anlan.risk.studies.store import Studies

    return export_folder(Studies(records, clock).current().values(), folder, replace=replace)
