"""The plant folder: read, checked, and made a `Plant`.

In: `plant.yaml` and `points.csv` or `points.xlsx`. Out: a `Plant`, or every mistake with file and line.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from anlan.model.errors import ConfigError
from anlan.plant.bulk import without_collection
from anlan.plant.checks import check_draft
from anlan.plant.description import Plant
from anlan.plant.draft import Draft, PlaceIndex
from anlan.plant.drawings.reading import read_drawings
from anlan.plant.failures import check_failures
from anlan.plant.findings import Finding, Findings, PlantMistakes, Where
from anlan.plant.rows import read_points
from anlan.plant.sections import SECTIONS, Sections
from anlan.plant.sheet import Sheet, decode, read_sheets
from anlan.plant.studies import check_studies
from anlan.plant.worksheets import check_worksheets
from anlan.plant.yaml_file import Located, read_yaml

PLANT_FILE = "plant.yaml"
POINT_FILES = ("points.csv", "points.xlsx")
BASE_FILE = ".anlan-base"
"""Holds the version that the folder was exported from or imported as; see versions.py."""


@dataclass(frozen=True, slots=True)
class Checked:
    """`plant` is None when a finding is fatal."""

    plant: Plant | None
    findings: tuple[Finding, ...]


def check(folder: Path) -> Checked:
    """Read the folder and find every mistake and warning. Does not connect to anything."""
    with without_collection():
        return _check(folder)


def _check(folder: Path) -> Checked:
    findings, draft = Findings(), Draft()
    located = _read_plant_file(folder, findings)
    if isinstance(located.value, dict):
        sections = Sections(located, draft, findings, folder)
        sections.read()
        places = PlaceIndex(draft.places)
        sheet = _read_point_file(folder, findings)
        if sheet is not None:
            read_points(sheet, draft, places, findings)
        sections.read_rules(places)
        read_drawings(sections.drawings, folder, draft, findings)
        check_draft(draft, places, findings)
        check_studies(folder, None if findings.fatal else draft.finished(), findings)
        check_worksheets(folder, findings)
        check_failures(folder, findings)
    return Checked(None if findings.fatal else draft.finished(), tuple(findings))


def load(folder: Path) -> Plant:
    """The plant of a folder without mistakes. Raises PlantMistakes with all of them."""
    checked = check(folder)
    if checked.plant is None:
        raise PlantMistakes(checked.findings)
    return checked.plant


# --- the two files ---------------------------------------------------------------------------------------------------------


def _read_plant_file(folder: Path, findings: Findings) -> Located:
    path = folder / PLANT_FILE
    if not path.is_file():
        mend = "`anlan new plant DIR` writes a folder to begin with, `anlan init DIR` an empty one"
        findings.mistake("missing-file", "there is no such file in {folder}", Where(PLANT_FILE), mend=mend, folder=str(folder))
        return Located(PLANT_FILE)
    try:
        located = read_yaml(decode(PLANT_FILE, path.read_bytes()), PLANT_FILE, findings)
    except ConfigError as wrong:
        findings.wrong("encoding", wrong, Where(wrong.file, wrong.line), mend=wrong.mend)
        return Located(PLANT_FILE)
    if not isinstance(located.value, dict) and not findings.fatal:
        findings.mistake("value", "the file must hold sections: {sections}", Where(PLANT_FILE, 1), sections=", ".join(SECTIONS))
    return located


def _read_point_file(folder: Path, findings: Findings) -> Sheet | None:
    there = [name for name in POINT_FILES if (folder / name).is_file()]
    if len(there) != 1:
        message = "stands beside points.csv: which one holds?" if there else "there is no points.csv or points.xlsx in {folder}"
        mend = "keep one of them" if there else "`anlan import LIST --into DIR` makes one from the plant's own list"
        findings.mistake(
            "points-file", message, Where(POINT_FILES[-1] if there else POINT_FILES[0]), mend=mend, folder=str(folder)
        )
        return None
    try:
        sheets = read_sheets(folder / there[0])
    except ConfigError as wrong:
        findings.wrong("encoding", wrong, Where(wrong.file, wrong.line), mend=wrong.mend)
        return None
    return next((s for s in sheets if s.name.casefold() in ("points", "测点", "点表")), sheets[0])
